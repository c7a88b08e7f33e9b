"""Lists with reserved places under random weights of the persons: drawn anew in each resample.

As with lists drawn by score, the rule is applied to the reweighted people: a group's expected
cases are weighted too, so its number of places differs from resample to resample.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel
from hiu_risk.progress import progress
from hiu_risk.reserve import reserved_places
from hiu_training.audit.intervals import (
    CHUNK,
    THREADS,
    Population,
    person_weight,
    streams_of,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Layout:
    """The rows that could be listed, by date and group of the reserved places, best first.

    ``starts`` and ``cell`` number the groups of all dates one after the other: group ``g`` of
    date ``d`` is ``d * n_groups + g``.
    """

    rows: Ints
    tie_end: Ints
    starts: Ints
    cell: Ints
    n_dates: int


def _layout(population: Population, group: Ints, capacity: int) -> _Layout:
    dates, date = np.unique(population.as_of, return_inverse=True)
    n_groups = int(group.max()) + 1
    cell = (date * n_groups + group).astype(np.int64)
    order = np.lexsort((population.person, -population.score, cell))
    bounds = np.searchsorted(cell[order], np.arange(len(dates) * n_groups + 1))
    # the first m of n random weights of mean 1 add up to at least K with near certainty
    reach = int(capacity + 10 * np.sqrt(capacity) + 50)
    rows, ends, starts = [], [], [0]
    for first, last in pairwise(bounds.tolist()):
        falling = -population.score[order[first:last]]
        if reach < len(falling):
            falling = falling[: np.searchsorted(falling, falling[reach - 1], side="right")]
        rows.append(order[first : first + len(falling)])
        ends.append(np.searchsorted(falling, falling, side="right") + starts[-1])
        starts.append(starts[-1] + len(falling))
    return _Layout(
        np.concatenate(rows), np.concatenate(ends).astype(np.int64), np.array(starts, np.int64),
        cell, len(dates),
    )  # fmt: skip


@kernel(nogil=True)
def _add_up(  # pragma: no cover  (compiled)
    weight: Floats,
    candidates: tuple[Ints, NDArray[np.int8], Ints, Ints],
    first: int,
    last: int,
    places: float,
    listed: Floats,
    found: Floats,
) -> None:
    """Give one group's places to its highest scores, equal ones sharing, and add them up."""
    person, label, group, tie_end = candidates
    everybody = len(listed) - 1
    left, row = places, first
    while row < last and left > 0.0:
        end, tied = tie_end[row], 0.0
        for i in range(row, end):
            tied += weight[person[i]]
        share = min(left / tied, 1.0)
        for i in range(row, end):
            if label[i] < 0:
                continue
            amount = weight[person[i]] * share
            listed[everybody] += amount
            found[everybody] += amount * label[i]
            for g in group[i]:
                listed[g] += amount
                found[g] += amount * label[i]
        left -= tied
        row = end


@kernel(nogil=True)
def _resample(  # pragma: no cover  (compiled)
    streams: NDArray[np.uint64],
    n_people: int,
    n_dates: int,
    everybody: tuple[Ints, Floats, Ints],
    candidates: tuple[Ints, NDArray[np.int8], Ints, Ints],
    scores: Floats,
    starts: Ints,
    capacity: float,
    listed: Floats,
    found: Floats,
) -> None:
    all_person, all_score, all_cell = everybody
    weight = np.empty(n_people)
    totals = np.empty(len(starts) - 1)
    n_groups = len(totals) // n_dates
    places = np.empty(n_groups)
    weights = np.empty(len(scores))
    for b in range(len(streams)):
        total = 0.0
        for p in range(n_people):
            weight[p] = person_weight(streams[b], p)
            total += weight[p]
        totals[:] = 0.0
        for i in range(len(all_person)):
            totals[all_cell[i]] += weight[all_person[i]] * all_score[i]
        for i in range(len(scores)):
            weights[i] = weight[candidates[0][i]]
        for d in range(n_dates):
            own = starts[d * n_groups : (d + 1) * n_groups + 1]
            reserved_places(
                weights, scores, own, totals[d * n_groups : (d + 1) * n_groups],
                capacity * total / n_people, places,
            )  # fmt: skip
            for g in range(n_groups):
                _add_up(weight, candidates, own[g], own[g + 1], places[g], listed[b], found[b])


def resample_reserved(
    population: Population, reserve: Ints, capacity: int, *, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Draw the sums of lists with reserved places, under the weights of ``resample``.

    Parameters
    ----------
    population : Population
        The rows.
    reserve : int64 array, shape (n,)
        Group of each row that places are reserved for, from 0.
    capacity : int
        Places on one list.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    listed, found : float arrays, shape (n_resamples, n_groups + 1)
        Observed rows on the list, and cases on the list; the last group is everybody.
    """
    layout = _layout(population, reserve, capacity)
    rows = layout.rows
    candidates = (
        population.person[rows], population.label[rows], population.group[rows], layout.tie_end
    )  # fmt: skip
    everybody = (population.person, population.score, layout.cell)
    n_people = int(population.person.max()) + 1
    streams = streams_of(resamples, seed)
    listed, found = (np.zeros((resamples, population.n_groups + 1)) for _ in range(2))

    def run(first: int) -> int:
        part = slice(first, first + CHUNK)
        _resample(
            streams[part], n_people, layout.n_dates, everybody, candidates,
            population.score[rows], layout.starts, float(capacity), listed[part], found[part],
        )  # fmt: skip
        return len(streams[part])

    with (
        progress("Drawing lists with reserved places", total=resamples) as advance,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        for done in pool.map(run, range(0, resamples, CHUNK)):
            advance(done)
    return listed, found
