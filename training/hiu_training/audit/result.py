"""The published form of an audit: what the page shows and ``--json`` writes, nothing more.

Every number here has been through the rule for small numbers (unless it was switched off, and
then ``suppressed`` is false). ``"*"`` means hidden; null means that it could not be estimated.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from hiu_risk import NOT_FOR

LABEL_CAUTION = (
    "The outcome is contact with a service, not need. People who need help and don't call, or "
    "can't, are not in these figures: equal numbers here don't prove equal help."
)
"""Said wherever the audit is read."""

MAY_NOT_LEAVE = "Small numbers are shown: this output may not leave the team."
"""Said wherever suppression was switched off."""

Verdict = Literal[
    "lower",
    "higher",
    "perhaps_lower",
    "perhaps_higher",
    "close",
    "no_difference_shown",
    "insufficient_evidence",
    "not_compared",
]
Hidden = Literal["*"]
Count = int | Hidden


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Estimate(_Part):
    """A value with its 95% interval; the value is null where only the interval may be shown."""

    value: float | None
    low: float
    high: float


Number = Estimate | Hidden | None


class AtCapacity(_Part):
    """What holds at one list length.

    ``reserved`` names the column that places on these lists are reserved by; empty where they are
    drawn by score.
    """

    capacity: int
    reserved: str = ""
    listed: Count
    found: Count
    recall: Number
    false_negative_rate: Number
    precision: Number
    selection_rate: Number
    recall_difference: Number


class GroupResult(_Part):
    """One group: rows are person-dates, cases those who met the definition in the horizon."""

    label: str
    rows: Count
    cases: Count
    at: tuple[AtCapacity, ...]
    recall_verdict: Verdict
    recall_difference_simultaneous: Number
    smallest_difference_seen: float | Hidden | None
    cases_needed: int | Hidden | None
    reference_difference: Number = None
    reference_difference_simultaneous: Number = None
    reference_verdict: Verdict = "not_compared"
    lead_days: Number = None
    auroc: Number = None
    average_precision: Number = None
    expected: Count
    observed_expected: Number
    calibration_ratio: Number
    calibration_verdict: Verdict
    calibration_slope: Number
    calibration_intercept: Number


class GroupingResult(_Part):
    """One grouping.

    ``note`` says why it can't be compared, if it can't. ``reference`` is the group that the
    others are compared with besides the rest; empty where there is none. ``from_rounded`` tells
    that rates and intervals were worked out from the rounded counts.
    """

    name: str
    title: str
    note: str
    reference: str = ""
    from_rounded: bool
    groups: tuple[GroupResult, ...]


class Linkage(_Part):
    """How many events of one kind could be linked to a person."""

    source: str
    outcome: str
    events: Count
    linked: Count
    coverage: float | Hidden | None


class SecondGroup(_Part):
    """One group by another outcome than the one the model looks for."""

    label: str
    cases: Count
    found: Count
    missed: Number
    difference: Number
    verdict: Verdict


class SecondGrouping(_Part):
    """One grouping by that outcome."""

    name: str
    title: str
    note: str
    from_rounded: bool
    groups: tuple[SecondGroup, ...]


class SecondOutcome(_Part):
    """Whom the list reached of those who needed care in another way.

    Contact with a service is not need: an outcome that doesn't wait for somebody to call shows
    whether the list under-serves a group in those terms.
    """

    title: str
    note: str
    comparisons: int
    overall: SecondGroup
    groupings: tuple[SecondGrouping, ...]


class IdentityGroup(_Part):
    """How sure it is, in one group, that linked events belong to the person."""

    label: str
    people: Count
    events: Count
    unsure: Number


class IdentityGrouping(_Part):
    """One grouping of the people whom events could be linked to."""

    name: str
    title: str
    groups: tuple[IdentityGroup, ...]


class Identity(_Part):
    """Who can't be linked, as far as the rows without a person say anything."""

    by_site: tuple[Linkage, ...]
    unsure_means: str
    groupings: tuple[IdentityGrouping, ...]
    not_known: tuple[str, ...]


class Driver(_Part):
    """How much more a concept adds to the log-odds of a group's scores than to the rest's."""

    concept: str
    title: str
    difference: Number


class DriverGroup(_Part):
    """What moves the scores of one group."""

    label: str
    people: Count
    score: Number
    drivers: tuple[Driver, ...]


class DriverGrouping(_Part):
    """What moves the scores of the groups of one grouping."""

    name: str
    title: str
    groups: tuple[DriverGroup, ...]


class Proxy(_Part):
    """How well the model's inputs tell a group from the rest (AUROC: 0.5 not at all, 1 always).

    ``without_itself`` leaves out the inputs that are the characteristic, or made from it.
    """

    grouping: str
    title: str
    label: str
    people: Count
    without_itself: Number
    direct_inputs: tuple[str, ...]
    strongest_concept: str


class PricedGroup(_Part):
    """What an option would do for one group."""

    label: str
    missed: Number
    observed_expected: Number


class PricedOption(_Part):
    """One way to even things out, and what it costs. None of them is applied by the audit."""

    name: str
    title: str
    meaning: str
    grouping: str
    grouping_title: str
    uses_characteristic: bool
    caution: str
    found: Count
    missed: Number
    found_change: Number
    observed_expected: Number
    calibration_error_change: float | Hidden | None
    widest_gap_before: float | Hidden | None
    widest_gap_after: float | Hidden | None
    groups: tuple[PricedGroup, ...]


class Mitigation(_Part):
    """What evening out would cost, at the same list length on the same dates."""

    baseline: PricedOption
    options: tuple[PricedOption, ...]
    not_tried: tuple[str, ...]


class Reserving(_Part):
    """That places on lists of the primary length are reserved, by what, and what it costs.

    ``by_score`` is what the same lists would have found if drawn by score, for everybody;
    ``found_change`` how much more (or less) of all cases the lists as they are find.
    """

    column: str
    by_score: AtCapacity
    found_change: Number


class TrendPoint(_Part):
    """One earlier audit, as it was published.

    ``reserved`` names the column that places on its lists were reserved by; empty where they were
    drawn by score.
    """

    model: str
    dates: tuple[str, ...]
    quarter: str
    missed: Number
    grouping: str
    title: str
    label: str
    group_missed: Number
    difference: Number
    verdict: Verdict
    reserved: str = ""


class AuditDocument(_Part):
    """A fairness audit as it may be read."""

    schema_version: Literal[2] = 2
    not_for: str = NOT_FOR
    label_caution: str = LABEL_CAUTION
    suppressed: bool
    suppression: str
    model: str
    definition: str
    target: str
    horizon_days: int
    washout_days: int
    protocol: str
    store: str
    dates: tuple[str, ...]
    unobserved_dates: tuple[str, ...]
    unobserved_rows: Count
    people: Count
    case_people: Count
    capacities: tuple[int, ...]
    primary: int
    min_cases: int
    slope_cases: int
    margin: float
    resamples: int
    seed: int
    recall_comparisons: int
    pair_comparisons: int
    calibration_comparisons: int
    overall: GroupResult
    groupings: tuple[GroupingResult, ...]
    pairs: tuple[GroupingResult, ...]
    linkage: tuple[Linkage, ...] = ()
    reference_comparisons: int = 0
    rows_hash: str = ""
    lists_hash: str = ""
    earlier_reports: tuple[str, ...] = ()
    not_protected: tuple[str, ...] = ()
    quarter: str = ""
    second_outcome: SecondOutcome | None = None
    identity: Identity | None = None
    drivers: tuple[DriverGrouping, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    mitigation: Mitigation | None = None
    chosen_mitigation: str = ""
    reserving: Reserving | None = None
    trend: tuple[TrendPoint, ...] = ()
