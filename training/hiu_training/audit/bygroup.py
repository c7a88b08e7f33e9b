"""What is worked out group by group: calibration lines, AUROC, and who is the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError, near_match
from hiu_training.audit.calibration import Calibration, calibration_of
from hiu_training.audit.discrimination import Discrimination, discrimination_of
from hiu_training.audit.estimates import PeopleCounts
from hiu_training.audit.groups import Grouping, position_of
from hiu_training.audit.intervals import Population

Counts = NDArray[np.int64]


def references(
    groupings: tuple[Grouping, ...],
    starts: tuple[int, ...],
    people: Counts,
    enough: NDArray[np.bool_],
    named: Mapping[str, str],
) -> Counts:
    """Find the reference group of each group; pairs have none, and stand for themselves.

    Where none is named it is the largest known group with enough cases (``enough``): beside one
    without, or one whose cases are hidden, nothing could be judged.
    """
    reference = np.arange(starts[-1])
    for name in named:
        if name not in {g.name for g in groupings}:
            raise UsageError(
                f"a reference is named for {name!r}, which is not a grouping",
                where="reference",
                fix=near_match(name, [g.name for g in groupings if not g.parts]),
            )
    for grouping, start in zip(groupings, starts, strict=False):
        if grouping.parts or grouping.note:
            continue
        if grouping.name in named:
            chosen = position_of(grouping, named[grouping.name])
        else:
            known = [
                i
                for i in range(len(grouping.labels))
                if i not in grouping.absent and enough[start + i]
            ]
            sizes = people[start : start + len(grouping.labels)]
            if not known:
                continue
            chosen = max(known, key=lambda i: (int(sizes[i]), -i))
        reference[start : start + len(grouping.labels)] = start + chosen
    return reference


def discriminations(
    population: Population, people: PeopleCounts, least: int | None
) -> tuple[Discrimination | None, ...]:
    """Measure AUROC and average precision where there are enough cases, and others."""
    if least is None:
        return (None,) * (population.n_groups + 1)
    seen = population.label >= 0
    score, label = population.score[seen], population.label[seen]
    person, group = population.person[seen], population.group[seen]
    found: list[Discrimination | None] = [None] * (population.n_groups + 1)
    enough = (people.cases >= least) & (people.all - people.cases >= least)
    for column in group.T:
        for g in np.unique(column).tolist():
            if enough[g]:
                inside = column == g
                found[g] = discrimination_of(score[inside], label[inside], person[inside])
    if enough[-1]:
        found[-1] = discrimination_of(score, label, person)
    return tuple(found)


def slopes(
    population: Population, case_people: Counts, least: int | None
) -> tuple[Calibration | None, ...]:
    """Fit calibration lines where there are enough cases."""
    if least is None:
        return (None,) * (population.n_groups + 1)
    seen = population.label >= 0
    score, label = population.score[seen], population.label[seen]
    person = population.person[seen]
    group = population.group[seen]
    lines: list[Calibration | None] = [None] * (population.n_groups + 1)
    for column in group.T:
        for g in np.unique(column).tolist():
            if case_people[g] >= least:
                inside = column == g
                lines[g] = calibration_of(score[inside], label[inside], person[inside])
    if case_people[-1] >= least:
        lines[-1] = calibration_of(score, label, person)
    return tuple(lines)
