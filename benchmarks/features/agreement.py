"""Whether a contender's values are ours, feature by feature, before any time is believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.features.task import EXACT, Answer, Task
from hiu_features import Feature, build
from hiu_risk.histories import Histories

PEOPLE_AT_ONCE = 100_000
TOLERANCE = {
    **dict.fromkeys(EXACT, 0.0),
    # Ours rounds each decay weight to 2**-30; others add powers of two as they come.
    "decayed": 1e-6,
    "recent_weight": 1e-6,
}
"""Allowed difference by primitive, relative above 1; what is not listed may differ by float32
rounding (2**-22 of the value)."""

ROUNDING = 2.0**-22


@dataclass(frozen=True)
class Agreement:
    """Rows compared, and by feature the largest difference of those that differ too much."""

    rows: int
    differing: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether every value of every row is ours."""
        return not self.differing


def compare(histories: Histories, task: Task, answer: Answer) -> Agreement:
    """Build our values again, some people at a time, and compare them with an answer."""
    order = np.lexsort((answer.as_of, answer.person))
    person = np.asarray(answer.person)[order]
    differing: dict[str, float] = {}
    wanted = task.catalogue.select(tuple(answer.columns))
    done = 0
    for first in range(0, histories.n_people, PEOPLE_AT_ONCE):
        people = np.arange(first, min(first + PEOPLE_AT_ONCE, histories.n_people))
        ours = build(histories.take(people), task.as_ofs, wanted)
        start, stop = np.searchsorted(person, [people[0], people[-1] + 1])
        rows = order[start:stop]
        done += len(ours)
        if not (
            len(rows) == len(ours)
            and np.array_equal(person[start:stop], ours.person + first)
            and np.array_equal(np.asarray(answer.as_of)[rows], ours.as_of)
        ):
            return Agreement(done, {"rows": float(len(rows) - len(ours))})
        for place, feature in enumerate(wanted):
            worst = _difference(feature, answer.columns[feature.name][rows], ours.values[:, place])
            if worst > 0:
                differing[feature.name] = max(worst, differing.get(feature.name, 0.0))
    if done != len(person):
        differing["rows"] = float(len(person) - done)
    return Agreement(done, differing)


def _difference(feature: Feature, theirs: NDArray[np.float32], ours: NDArray[np.float32]) -> float:
    """Give the largest difference beyond what is allowed; infinite where only one is missing."""
    a, b = theirs.astype(np.float64), ours.astype(np.float64)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    allowed = TOLERANCE.get(feature.primitive)
    limit = ROUNDING * np.abs(b) if allowed is None else allowed * np.maximum(1.0, np.abs(b))
    away = np.abs(a - b)
    beyond = away[away > limit]
    return float(beyond.max()) if len(beyond) else 0.0


def compare_with_reference(
    histories: Histories, task: Task, answer: Answer, people: int = 40
) -> Agreement:
    """Compare the rows of some people, to the bit, with the slow engine of the tests."""
    from tests.support.reference_features import reference_rows

    sample = np.linspace(0, histories.n_people - 1, min(people, histories.n_people)).astype(
        np.int64
    )
    expected = reference_rows(histories.take(sample), list(task.as_ofs), task.catalogue)
    differing: dict[str, float] = {}
    done = 0
    for place, who in enumerate(sample.tolist()):
        start, stop = np.searchsorted(answer.person, [who, who + 1])
        for row in range(start, stop):
            values = expected[place, int(answer.as_of[row])]
            done += 1
            for name, value in zip(task.catalogue.names, values, strict=True):
                if not np.array_equal(answer.columns[name][row], value, equal_nan=True):
                    differing[name] = float(abs(answer.columns[name][row] - value))
    return Agreement(done, differing)
