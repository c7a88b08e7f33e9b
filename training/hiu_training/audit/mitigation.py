"""What evening out would cost: every option on the same people, dates and list length.

Nothing here changes a model or a list. Prices are people found and calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hiu_features.feature import CONCEPTS
from hiu_risk.groups import groups_of
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.suppression import SmallNumbers
from hiu_risk.words import group_in_words
from hiu_training.audit.drawing import draws_of, groups_of_places
from hiu_training.audit.drivers import ITSELF
from hiu_training.audit.estimates import Change
from hiu_training.audit.intervals import Population
from hiu_training.audit.options import (
    LEFT_OUT,
    TRAINED_WITH,
    Option,
    Relearning,
    Scorer,
    relearning,
    rescored,
    reserve_option,
)
from hiu_training.audit.published import published, published_groups
from hiu_training.audit.publisher import Publisher, changed
from hiu_training.audit.report import AuditReport, Plan, audit
from hiu_training.audit.result import (
    AuditDocument,
    Estimate,
    GroupResult,
    Mitigation,
    Number,
    PricedGroup,
    PricedOption,
)
from hiu_training.protocol import Protocol
from hiu_training.rows.scored import ScoredRows

Floats = NDArray[np.float64]

NOT_TRIED = (
    "Different thresholds by group (fairlearn's post-processing): with a list of fixed length "
    "they are the same as reserved places.",
    "Scores calibrated by group: they would use the characteristic to score people.",
)

_BINS = 5


@dataclass(frozen=True)
class Asked:
    """What to price.

    Parameters
    ----------
    groupings : tuple of str
        Characteristics to even out.
    drop : tuple of str
        Concepts whose inputs to leave out, besides the protected ones.
    relearn : bool
        Whether to learn again (minutes on a large store): leaving inputs out, and fairlearn's
        reduction.
    """

    groupings: tuple[str, ...]
    drop: tuple[str, ...] = ()
    relearn: bool = True


def worth_evening(document: AuditDocument) -> tuple[str, ...]:
    """Give the groupings with a group missed more often; without one, all that were judged."""
    bad = [
        g.name
        for g in document.groupings
        if any(x.recall_verdict in ("lower", "perhaps_lower") for x in g.groups)
    ]
    judged = [
        g.name
        for g in document.groupings
        if any(x.recall_verdict not in ("not_compared", "insufficient_evidence") for x in g.groups)
    ]
    everything = [g.name for g in document.groupings if not g.note]
    return tuple(bad or judged or everything[:1])


def options_of(
    rows: ScoredRows,
    histories: Histories,
    bundle: Bundle,
    protocol: Protocol,
    asked: Asked,
    capacity: int,
    reserved: str = "",
) -> list[Option]:
    """Work every option out; the lists as they are, ``reserved`` as they may be, are none."""
    found = [reserve_option(rows, name, capacity) for name in asked.groupings if name != reserved]
    if not asked.relearn:
        return found
    again = relearning(histories, bundle, protocol)
    made = [*_left_out(again, asked.drop), *_evened(again, asked.groupings, protocol.seed)]
    scores = rescored(histories, bundle, protocol, rows, [scorer for _, scorer in made])
    return found + [
        replace(option, score=score) for (option, _), score in zip(made, scores, strict=True)
    ]


_NOTHING = np.empty(0)


def _left_out(again: Relearning, drop: Sequence[str]) -> list[tuple[Option, Scorer]]:
    names = list(again.rows.names)
    protected = sorted({name for inputs in ITSELF.values() for name in inputs} & set(names))
    wanted: dict[str, list[str]] = {"protected": protected} if protected else {}
    for concept in drop:
        wanted[concept] = [f.name for f in again.catalogue.features if f.concept == concept]
    made: list[tuple[Option, Scorer]] = []
    for name, inputs in wanted.items():
        if not inputs or len(inputs) == len(names):
            continue
        option = Option(
            name=f"drop:{name}",
            title="Leave out age, sex and deprivation"
            if name == "protected"
            else f"Leave out: {CONCEPTS.get(name, name).lower()}",
            meaning=f"Learned again without {', '.join(inputs)}.",
            caution=LEFT_OUT,
            grouping="",
            uses_characteristic=False,
            score=_NOTHING,
        )
        made.append((option, again.without(inputs)))
    return made


def _evened(again: Relearning, groupings: Sequence[str], seed: int) -> list[tuple[Option, Scorer]]:
    made: list[tuple[Option, Scorer]] = []
    for grouping in groupings:
        group = _groups_of_rows(again, grouping)
        if group is None or len(np.unique(group)) < 2:
            continue
        option = Option(
            name=f"reductions:{grouping}",
            title="Learn with equal shares found",
            meaning="Another model: a mixture of logistic regressions that fairlearn's "
            "exponentiated gradient makes find the same share of each group's cases.",
            caution=TRAINED_WITH,
            grouping=grouping,
            uses_characteristic=False,
            score=_NOTHING,
        )
        made.append((option, again.evened(group, seed)))
    return made


def _groups_of_rows(again: Relearning, grouping: str) -> NDArray[np.str_] | None:
    rows = again.rows
    group = np.empty(len(rows), dtype="U40")
    for place, as_of in enumerate(rows.as_ofs.tolist()):
        here = rows.origin == place
        found = groups_of(again.histories, rows.person[here], as_of)
        if grouping not in found:
            return None
        group[here] = found[grouping]
    return group


def price(
    rows: ScoredRows,
    options: Sequence[Option],
    plan: Plan,
    main: AuditDocument,
    rule: SmallNumbers,
) -> Mitigation:
    """Price every option against the list as it is.

    Parameters
    ----------
    rows : ScoredRows
        The audited rows.
    options : sequence of Option
        What could be done.
    plan : Plan
        The audit's plan.
    main : AuditDocument
        The audit as published: an option's counts can't be subtracted from its.
    rule : SmallNumbers
        The rule for small numbers.
    """
    plan = replace(
        plan, capacities=(plan.primary,), pairs=(), ranking=False, by_score=False
    )  # fmt: skip
    base = audit(rows, plan, rule)
    before = [published(main, main.rows_hash, "")]
    titles = {g.name: g.title for g in main.groupings}
    error = calibration_error(rows.score, rows.label)
    priced = []
    for option in options:
        by = (option.grouping,) if option.grouping else tuple(titles)
        drawn = replace(plan, by=by, reserved=option.reserved)
        report = audit(_Rescored(rows, option), drawn, rule)
        publisher = Publisher(report, rule, before)
        everybody = publisher.group(len(report.people.all) - 1, "Everybody")
        groupings = publisher.groupings()
        before = [*before, published_groups(everybody, groupings, option.name)]
        shown = [group for grouping in groupings for group in grouping.groups]
        own = not option.reserved  # else the scores are the model's
        priced.append(
            PricedOption(
                name=option.name,
                title=option.title,
                meaning=option.meaning,
                grouping=option.grouping,
                grouping_title=titles.get(option.grouping, ""),
                uses_characteristic=option.uses_characteristic,
                caution=option.caution,
                found=everybody.at[0].found,
                missed=everybody.at[0].false_negative_rate,
                found_change=_change(rows, option.score, base, report, rule),
                observed_expected=everybody.observed_expected
                if own
                else main.overall.observed_expected,
                calibration_error_change=round(
                    calibration_error(option.score, rows.label) - error, 2
                ),
                widest_gap_before=_widest(_groups(main, by), plan.primary),
                widest_gap_after=_widest(shown, plan.primary),
                groups=tuple(
                    PricedGroup(
                        label=group.label,
                        missed=group.at[0].false_negative_rate,
                        observed_expected=group.observed_expected if own else None,
                    )
                    for group in shown
                )
                if option.grouping
                else (),
            )
        )
    return Mitigation(baseline=_baseline(main), options=tuple(priced), not_tried=NOT_TRIED)


@dataclass(frozen=True)
class _Rescored:
    """The rows with an option's scores instead of the model's."""

    rows: ScoredRows
    option: Option

    @property
    def person(self) -> NDArray[np.int32]:
        return self.rows.person

    @property
    def as_of(self) -> NDArray[np.int64]:
        return self.rows.as_of

    @property
    def score(self) -> Floats:
        return self.option.score

    @property
    def label(self) -> NDArray[np.int8]:
        return self.rows.label

    @property
    def groups(self) -> Mapping[str, NDArray[np.str_]]:
        return self.rows.groups


def _groups(main: AuditDocument, by: Sequence[str]) -> list[GroupResult]:
    return [group for g in main.groupings if g.name in by for group in g.groups]


def _widest(groups: Sequence[GroupResult], capacity: int) -> float | None:
    """Give the largest printed distance of a judged group from its rest."""
    away = []
    for group in groups:
        if group.recall_verdict in ("not_compared", "insufficient_evidence"):
            continue
        gap = next((at.recall_difference for at in group.at if at.capacity == capacity), None)
        if isinstance(gap, Estimate) and gap.value is not None:
            away.append(abs(gap.value))
    return max(away, default=None)


def _baseline(main: AuditDocument) -> PricedOption:
    at = next(x for x in main.overall.at if x.capacity == main.primary)
    return PricedOption(
        name="none",
        title="The list as it is",
        meaning=f"Places reserved by {group_in_words(main.reserving.column)}, as decided."
        if main.reserving
        else "The highest scores, whoever they are.",
        grouping="",
        grouping_title="",
        uses_characteristic=False,
        caution="",
        found=at.found,
        missed=at.false_negative_rate,
        found_change=None,
        observed_expected=main.overall.observed_expected,
        calibration_error_change=0.0,
        widest_gap_before=None,
        widest_gap_after=None,
        groups=(),
    )


def _change(
    rows: ScoredRows, score: Floats, base: AuditReport, report: AuditReport, rule: SmallNumbers
) -> Number:
    """Give the change of the share found, with both lists drawn under the same weights."""
    _, person = np.unique(rows.person, return_inverse=True)
    nobody = np.zeros((len(rows.label), 1), np.int64)

    def drawn(plan: Plan, by: Floats) -> tuple[Floats, Floats]:
        sums = draws_of(
            Population(person, rows.as_of, by, rows.label, nobody, 1),
            plan.lists, groups_of_places(rows.groups, plan.lists),
            resamples=plan.resamples, seed=plan.seed,
        )  # fmt: skip
        return sums.found[:, -1, 0], sums.cases[:, -1]

    (mine, cases), (theirs, _) = drawn(report.plan, score), drawn(base.plan, rows.score)
    found = [float(x.measures.found[-1, 0]) for x in (report, base)]
    of_all = float(base.measures.cases[-1])
    return changed(Change.of(found[0] - found[1], of_all, (mine - theirs) / cases), rule)


def calibration_error(score: Floats, label: NDArray[np.int8]) -> float:
    """Give the share of cases that scores put into the wrong place, over five bins of score.

    Half the sum of |observed - expected| over the bins, for each case: 0 is right everywhere.

    Examples
    --------
    >>> calibration_error(np.full(40, 0.25), np.array([1, 0, 0, 0] * 10, np.int8))
    0.0
    """
    order = np.argsort(score, kind="stable")
    expected = score[order]
    # bins of equal expected cases, since nearly all of the rows score next to nothing; equal
    # scores stay together
    last = np.searchsorted(expected, expected, side="right") - 1
    reached = np.cumsum(expected)[last] / expected.sum()
    place = np.minimum((reached * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(place, weights=label[order] - expected, minlength=_BINS)
    return float(np.abs(gaps).sum() / 2 / max(int(label.sum()), 1))
