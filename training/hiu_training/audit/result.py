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
    """What holds at one list length."""

    capacity: int
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
    expected: Count
    observed_expected: Number
    calibration_ratio: Number
    calibration_verdict: Verdict
    calibration_slope: Number
    calibration_intercept: Number


class GroupingResult(_Part):
    """One grouping.

    ``note`` says why it can't be compared, if it can't. ``from_rounded`` tells that rates and
    intervals were worked out from the rounded counts, because a small number is among them.
    """

    name: str
    title: str
    note: str
    from_rounded: bool
    groups: tuple[GroupResult, ...]


class Linkage(_Part):
    """How many events of one kind could be linked to a person."""

    source: str
    outcome: str
    events: Count
    linked: Count
    coverage: float | Hidden | None


class AuditDocument(_Part):
    """A fairness audit as it may be read."""

    schema_version: Literal[1] = 1
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
