"""The audit itself: scored rows in, every measure with its interval and finding out.

Exact numbers: nothing here may be printed before ``publish.publish`` has suppressed what is
small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError
from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.bygroup import discriminations, references, slopes
from hiu_training.audit.calibration import Calibration
from hiu_training.audit.discrimination import Discrimination
from hiu_training.audit.drawing import List, draws_of, groups_of_places, shares_of
from hiu_training.audit.estimates import Change, Estimates, Interval, PeopleCounts
from hiu_training.audit.findings import Family, Finding, judge
from hiu_training.audit.groups import Grouping, crossed, groupings_from
from hiu_training.audit.intervals import Draws, Population
from hiu_training.audit.lead import lead_times
from hiu_training.audit.measures import Measures, distinct_people, measure

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Rows(Protocol):
    """What the audit needs of scored rows: equally long arrays, one entry per person and as_of."""

    @property
    def person(self) -> NDArray[Any]:
        """Persons as whole numbers."""

    @property
    def as_of(self) -> NDArray[Any]:
        """Index dates, UTC seconds."""

    @property
    def score(self) -> NDArray[Any]:
        """Predicted probabilities."""

    @property
    def label(self) -> NDArray[Any]:
        """1 a case, 0 not, -1 not observed."""

    @property
    def groups(self) -> Mapping[str, NDArray[Any]]:
        """Grouping columns."""


@dataclass(frozen=True)
class Plan:
    """What is decided before anybody looks at the numbers.

    Parameters
    ----------
    capacities : tuple of int
        List lengths to report.
    primary : int
        The list length that findings are judged at.
    by : tuple of str, optional
        Grouping columns; None takes all.
    pairs : tuple of (str, str)
        Groupings to cross.
    min_cases : int
        Different people who became cases, needed in a group and in the rest, before anything
        is concluded.
    slope_cases : int
        The same for calibration slope and intercept, which need far more.
    margin : float
        Differences of recall below this share don't matter.
    reference : dict of str to str
        The group, by its value or as it is shown, that a grouping's others are compared with
        besides the rest; where none is named, the largest known group with enough cases.
    resamples, seed : int
        Of the bootstrap.
    reserved : str
        The column that places on lists of the primary length are reserved by; empty where all
        lists are drawn by score, as those of other lengths are.
    by_score : bool
        Whether lists of the primary length drawn by score are looked at too, for everybody
        together: what reserving costs.
    """

    capacities: tuple[int, ...] = (50, 75, 100)
    primary: int = 75
    by: tuple[str, ...] | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    min_cases: int = 20
    slope_cases: int = 100
    margin: float = 0.05
    resamples: int = 1_000
    seed: int = 1
    reference: Mapping[str, str] = field(default_factory=dict)
    ranking: bool = True
    reserved: str = ""
    by_score: bool = False

    def __post_init__(self) -> None:
        if not self.capacities or min(self.capacities) < 1:
            raise UsageError("capacities must be 1 or more", where="--capacity")
        if self.primary not in self.capacities or list(self.capacities) != sorted(
            set(self.capacities)
        ):
            raise UsageError(
                "capacities must rise, and the primary one must be among them",
                where="--capacity",
                fix="give for instance 50, 75 and 100 with 75 as the primary",
            )
        if self.resamples < 100 or self.min_cases < 1:
            raise UsageError(
                "an audit needs 100 resamples or more and a minimum of at least 1 case",
                where="--resamples, --min-cases",
            )

    @property
    def lists(self) -> tuple[List, ...]:
        """The lists that are drawn: one of each length, then the one beside it for the price."""
        own = tuple(
            List(capacity, self.reserved if capacity == self.primary else "")
            for capacity in self.capacities
        )
        return (*own, List(self.primary)) if self.reserved and self.by_score else own


@dataclass(frozen=True)
class AuditReport:
    """Everything measured, exactly; arrays run over all groups of all groupings, then everybody.

    ``recall_difference`` and ``calibration_ratio`` compare a group with the rest of the same
    grouping, so they have no entry for everybody; ``reference_difference`` with the group at
    ``reference``, which is the group itself where there is none. ``reserving`` is what reserving
    places changes, for everybody: None where nothing is compared with lists drawn by score.
    """

    plan: Plan
    groupings: tuple[Grouping, ...]
    singles: int
    starts: tuple[int, ...]
    dates: tuple[int, ...]
    unobserved_dates: tuple[int, ...]
    unobserved_rows: int
    measures: Measures
    people: PeopleCounts
    recall: Interval
    precision: Interval
    selection_rate: Interval
    recall_difference: Interval
    observed_expected: Interval
    calibration_ratio: Interval
    spread: Floats
    calibration: tuple[Calibration | None, ...]
    discrimination: tuple[Discrimination | None, ...]
    lead_days: Interval | None
    reference: Counts
    reference_difference: Interval
    reference_family: Family
    recall_family: Family
    pair_family: Family
    calibration_family: Family
    reserving: Change | None = None

    def finding(self, group: int) -> Finding:
        """Give the finding on recall of a group, numbered across groupings."""
        families = self.recall_family.findings + self.pair_family.findings
        return families[group]


def audit(rows: Rows, plan: Plan | None = None, rule: SmallNumbers | None = None) -> AuditReport:
    """Audit scored rows.

    Parameters
    ----------
    rows : Rows
        Scored and labelled rows of eligible people at the dates to be judged.
    plan : Plan, optional
        What is compared and how.
    rule : SmallNumbers, optional
        The rule for small numbers; on by default. Whether a group has enough cases is judged on
        the count as it would be printed, or the finding would undo the rounding.

    Raises
    ------
    DataError
        No rows, labels not yet observed, no case at all, or a grouping that can't be used.
    UsageError
        A grouping column that isn't there.
    """
    plan, rule = plan or Plan(), rule or SmallNumbers()
    frame = _judged(rows)
    columns = {name: np.asarray(c)[frame.kept] for name, c in rows.groups.items()}
    reserve = groups_of_places(columns, plan.lists)
    groupings, singles = _groupings(columns, len(frame.person), plan)
    sizes = [len(g.labels) for g in groupings]
    starts = tuple(np.concatenate([[0], np.cumsum(sizes)]).tolist())
    group = np.column_stack(
        [g.codes + start for g, start in zip(groupings, starts, strict=False)]
    )  # fmt: skip
    population = Population(
        frame.person, frame.as_of, frame.score, frame.label, group, starts[-1]
    )  # fmt: skip
    share = shares_of(frame.score, frame.as_of, plan.lists, reserve)
    measures = _measures(population, groupings, share)
    people = _people(population, share)
    draws = draws_of(
        population, plan.lists, reserve, resamples=plan.resamples, seed=plan.seed
    )  # fmt: skip
    estimates = Estimates(measures, people, draws, plan.seed)
    difference, difference_draws = estimates.recall_differences()
    ratio, ratio_draws = estimates.calibration_ratios()
    reaches = _reaches(people.cases[:-1], plan.min_cases, rule)
    reference = references(groupings, starts, people.all, reaches, plan.reference)
    to_reference, reference_draws = estimates.reference_differences(reference)
    enough = _enough(people.cases, plan.min_cases, rule)
    judged_with_reference = reaches & reaches[reference]
    comparable = np.concatenate([np.full(len(g.labels), not g.note) for g in groupings])
    k, cut = plan.capacities.index(plan.primary), starts[singles]

    def family(part: slice, est: Interval, dr: Floats, margin: float) -> Family:
        return judge(
            est.value[part], dr[:, part], est.low[part], est.high[part],
            enough=enough[part], comparable=comparable[part], margin=margin,
        )  # fmt: skip

    at_primary, beside_reference = (
        Interval(x.value[:, k], x.low[:, k], x.high[:, k]) for x in (difference, to_reference)
    )
    with np.errstate(divide="ignore"):  # a group without cases: never judged
        logs = Interval(*(np.log(a) for a in (ratio.value, ratio.low, ratio.high)))
    return AuditReport(
        plan=plan,
        groupings=groupings,
        singles=singles,
        starts=starts,
        dates=frame.dates,
        unobserved_dates=frame.unobserved_dates,
        unobserved_rows=int((frame.label < 0).sum()),
        measures=measures,
        people=people,
        recall=estimates.recall(),
        precision=estimates.precision(),
        selection_rate=estimates.selection_rate(),
        recall_difference=difference,
        observed_expected=estimates.observed_expected(),
        calibration_ratio=ratio,
        spread=np.std(difference_draws[:, :, k], axis=0),
        calibration=slopes(population, people.cases, plan.slope_cases if plan.ranking else None),
        discrimination=discriminations(
            population, people, plan.min_cases if plan.ranking else None
        ),
        lead_days=_leads(rows, frame, population, share[:, k], plan),
        reference=reference,
        reference_difference=beside_reference,
        reference_family=judge(
            beside_reference.value[:cut], reference_draws[:, :cut, k],
            beside_reference.low[:cut], beside_reference.high[:cut],
            enough=judged_with_reference[:cut],
            comparable=comparable[:cut] & (reference != np.arange(len(reference)))[:cut],
            margin=plan.margin,
        ),
        recall_family=family(slice(0, cut), at_primary, difference_draws[:, :, k], plan.margin),
        pair_family=family(
            slice(cut, None), at_primary, difference_draws[:, :, k], plan.margin
        ),
        calibration_family=family(slice(0, cut), logs, np.log(ratio_draws), 0.0),
        reserving=_price(measures, draws, k) if len(plan.lists) > len(plan.capacities) else None,
    )  # fmt: skip


def _price(measures: Measures, draws: Draws, k: int) -> Change:
    """Compare the lists as they are with those drawn by score, under the same weights."""
    drawn = (draws.found[:, -1, k] - draws.found[:, -1, -1]) / draws.cases[:, -1]
    cases = float(measures.found[-1, k] - measures.found[-1, -1])
    return Change.of(cases, float(measures.cases[-1]), drawn)


@dataclass(frozen=True)
class _Frame:
    person: Counts
    as_of: Counts
    score: Floats
    label: NDArray[np.int8]
    kept: NDArray[np.bool_]
    dates: tuple[int, ...]
    unobserved_dates: tuple[int, ...]


def _judged(rows: Rows) -> _Frame:
    """Keep the dates with observed labels, and number their persons from 0."""
    label = np.asarray(rows.label).astype(np.int8)
    as_of = np.asarray(rows.as_of).astype(np.int64)
    score = np.asarray(rows.score, dtype=np.float64)
    person = np.asarray(rows.person).astype(np.int64)
    if len(label) == 0:
        raise DataError(
            "there are no rows to audit",
            where="scored rows",
            fix="check the protocol's test dates against the store's period",
        )
    dates = np.unique(as_of)
    judged = np.array([bool((label[as_of == d] >= 0).any()) for d in dates])
    if not judged.any():
        raise DataError(
            "the outcomes of these dates are not yet observed",
            where="scored rows",
            fix="audit dates whose horizon lies inside the data, or ingest newer data",
        )
    if not (label == 1).any():
        raise DataError(
            "nobody met the definition within the horizon, so nobody could be missed",
            where="scored rows",
            fix="audit more dates or a larger region",
        )
    kept = np.isin(as_of, dates[judged])
    _, numbered = np.unique(person[kept], return_inverse=True)
    return _Frame(
        numbered.astype(np.int64), as_of[kept], score[kept], label[kept], kept,
        tuple(dates[judged].tolist()), tuple(dates[~judged].tolist()),
    )  # fmt: skip


def _groupings(
    columns: Mapping[str, NDArray[Any]], n_rows: int, plan: Plan
) -> tuple[tuple[Grouping, ...], int]:
    named = {g.name: g for g in groupings_from(columns, n_rows, wanted=plan.by)}
    pairs = plan.pairs
    missing = {name for pair in pairs for name in pair} - named.keys()
    if missing:
        groupings_from(columns, n_rows, wanted=sorted(missing))  # raises with the near match
        raise UsageError(
            "a pair of a grouping that is left out", where="--pair", fix="add it with --by"
        )
    together = tuple(crossed(named[a], named[b]) for a, b in pairs)
    return (*named.values(), *together), len(named)


def all_pairs(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Give every pair of groupings.

    Examples
    --------
    >>> all_pairs(["sex", "age_band", "site"])
    (('sex', 'age_band'), ('sex', 'site'), ('age_band', 'site'))
    """
    return tuple(combinations(names, 2))


def _measures(population: Population, groupings: tuple[Grouping, ...], share: Floats) -> Measures:
    """Measure grouping by grouping, and string the groups together."""
    seen = population.label >= 0
    each = [
        measure(
            g.codes[seen],
            len(g.labels),
            population.label[seen],
            population.score[seen],
            share[seen],
        )
        for g in groupings
    ]
    return Measures(
        **{
            name: np.concatenate(
                [*(getattr(m, name)[:-1] for m in each), getattr(each[0], name)[-1:]]
            )
            for name in Measures.__dataclass_fields__
        }
    )


def _people(population: Population, share: Floats) -> PeopleCounts:
    seen = population.label >= 0
    case = population.label == 1

    def count(rows: NDArray[np.bool_]) -> Counts:
        return distinct_people(
            population.person[rows], population.group[rows], population.n_groups
        )  # fmt: skip

    def at_each(rows: NDArray[np.bool_], held: NDArray[np.bool_]) -> Counts:
        return np.column_stack([count(rows & held[:, k]) for k in range(held.shape[1])])

    return PeopleCounts(
        all=count(seen),
        cases=count(case),
        listed=at_each(seen, share > 0),
        found=at_each(case, share > 0),
        missed=at_each(case, share < 1),
        listed_not_case=at_each(seen & ~case, share > 0),
    )


def _reaches(case_people: Counts, least: int, rule: SmallNumbers) -> NDArray[np.bool_]:
    """Tell which counts of people are enough as they would be printed; a hidden one never is."""
    shown = [rule.show(int(people)) for people in case_people]
    return np.array([isinstance(s, int) and s >= least for s in shown], np.bool_)


def _enough(case_people: Counts, least: int, rule: SmallNumbers) -> NDArray[np.bool_]:
    """Tell which groups have the planned minimum of cases, and leave as many in the rest."""
    groups, rest = case_people[:-1], case_people[-1] - case_people[:-1]
    return _reaches(groups, least, rule) & _reaches(rest, least, rule)


def _leads(
    rows: Rows, frame: _Frame, population: Population, share: Floats, plan: Plan
) -> Interval | None:
    happened_at = getattr(rows, "happened_at", None)
    if happened_at is None:
        return None
    case = frame.label == 1
    return Interval(
        *lead_times(
            frame.as_of[case], np.asarray(happened_at).astype(np.int64)[frame.kept][case],
            share[case], frame.person[case], population.group[case], population.n_groups,
            resamples=plan.resamples, seed=plan.seed + 7,
        )
    )  # fmt: skip
