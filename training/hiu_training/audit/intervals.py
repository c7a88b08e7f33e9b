"""Resampling persons: every row of a person, on every date, gets the same random weight.

The weights are exponential (the Bayesian bootstrap): unlike drawing persons with replacement
they never leave a group without a case, so that small groups keep an honest interval. The list
is drawn anew in each resample, because who is on it depends on everybody. Decision 0017 tells
why, and what the pseudo-cases of :func:`with_pseudo_cases` are for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hiu_risk.kernels import kernel
from hiu_risk.progress import progress
from hiu_training.audit.listing import top_rows
from hiu_training.audit.measures import added_up

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 25
THREADS = 2


@dataclass(frozen=True)
class Population:
    """The rows as the resampling needs them.

    Parameters
    ----------
    person : int64 array, shape (n,)
        Persons numbered from 0 without gaps.
    as_of : int64 array, shape (n,)
        Index dates.
    score : float array, shape (n,)
        Predicted probabilities.
    label : int8 array, shape (n,)
        1 a case, 0 not, -1 not observed: takes a place on the list, but isn't judged.
    group : int64 array, shape (n, n_groupings)
        Group of each row, numbered across all groupings.
    n_groups : int
        How many groups there are in all groupings together.
    """

    person: Ints
    as_of: Ints
    score: Floats
    label: NDArray[np.int8]
    group: Ints
    n_groups: int


@dataclass(frozen=True)
class Draws:
    """Weighted sums per resample and group; the last group is everybody.

    Parameters
    ----------
    rows, cases, expected : float arrays, shape (n_resamples, n_groups + 1)
        Observed rows, cases, and sum of the scores.
    listed, found : float arrays, shape (n_resamples, n_groups + 1, n_capacities)
        Observed rows on the list, and cases on the list.
    """

    rows: Floats
    cases: Floats
    expected: Floats
    listed: Floats
    found: Floats


@kernel(nogil=True)
def person_weight(stream: int, person: int) -> float:  # pragma: no cover  (compiled)
    """Give a person's exponential weight: a hash of stream and person (splitmix64)."""
    z = np.uint64(stream) + np.uint64(person + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(-np.log((float(z >> np.uint64(11)) + 0.5) * 2.0**-53))


@kernel(nogil=True)
def _list_date(  # pragma: no cover  (compiled)
    weight: Floats,
    person: Ints,
    label: NDArray[np.int8],
    group: Ints,
    tie_end: Ints,
    first: int,
    last: int,
    capacities: Floats,
    listed: Floats,
    found: Floats,
) -> None:
    """Draw one date's list under the weights and add it up by group."""
    everybody = listed.shape[0] - 1
    reached, row = 0.0, first
    while row < last and reached < capacities[-1]:
        end, tied = tie_end[row], 0.0
        for i in range(row, end):
            tied += weight[person[i]]
        for i in range(row, end):
            if label[i] < 0:
                continue
            for k in range(len(capacities)):
                share = min(max((capacities[k] - reached) / tied, 0.0), 1.0)
                amount = weight[person[i]] * share
                if amount == 0.0:
                    continue
                listed[everybody, k] += amount
                found[everybody, k] += amount * label[i]
                for g in group[i]:
                    listed[g, k] += amount
                    found[g, k] += amount * label[i]
        reached += tied
        row = end


@kernel(nogil=True)
def _resample(  # pragma: no cover  (compiled)
    streams: NDArray[np.uint64],
    n_people: int,
    entries: tuple[Ints, Ints, Floats, Floats],
    case: tuple[Ints, Ints],
    top: tuple[Ints, NDArray[np.int8], Ints, Ints, Ints],
    cell_group: Ints,
    capacities: Floats,
    out: tuple[Floats, Floats, Floats, Floats, Floats],
) -> None:
    """Add up every group's sums under each stream of weights."""
    entry_person, entry_cell, entry_rows, entry_expected = entries
    case_person, case_group = case
    top_person, top_label, top_group, tie_end, starts = top
    rows, cases, expected, listed, found = out
    weight = np.empty(n_people)
    cell_rows = np.empty(len(cell_group))
    cell_expected = np.empty(len(cell_group))
    everybody = rows.shape[1] - 1
    for b in range(len(streams)):
        total = 0.0
        for p in range(n_people):
            weight[p] = person_weight(streams[b], p)
            total += weight[p]
        cell_rows[:] = 0.0
        cell_expected[:] = 0.0
        for e in range(len(entry_person)):
            w = weight[entry_person[e]]
            cell_rows[entry_cell[e]] += w * entry_rows[e]
            cell_expected[entry_cell[e]] += w * entry_expected[e]
        for c in range(len(cell_group)):
            rows[b, everybody] += cell_rows[c]
            expected[b, everybody] += cell_expected[c]
            for g in cell_group[c]:
                rows[b, g] += cell_rows[c]
                expected[b, g] += cell_expected[c]
        for i in range(len(case_person)):
            w = weight[case_person[i]]
            cases[b, everybody] += w
            for g in case_group[i]:
                cases[b, g] += w
        scaled = capacities * (total / n_people)
        for d in range(len(starts) - 1):
            _list_date(
                weight, top_person, top_label, top_group, tie_end,
                starts[d], starts[d + 1], scaled, listed[b], found[b],
            )  # fmt: skip


def streams_of(resamples: int, seed: int) -> NDArray[np.uint64]:
    """Give the number that each resample's weights come from."""
    return np.random.default_rng(seed).integers(0, 2**63, resamples, dtype=np.uint64)


def resample(
    population: Population, capacities: tuple[int, ...], *, resamples: int, seed: int
) -> Draws:
    """Draw the sums of every group under random weights of the persons.

    The same seed gives the same draws on any machine and any number of threads.
    """
    observed = population.label >= 0
    entries, cell_group = _entries(population, observed)
    is_case = population.label == 1
    case = (population.person[is_case], population.group[is_case])
    rows, tie_end, starts = top_rows(population.score, population.as_of, max(capacities))
    top = (
        population.person[rows], population.label[rows], population.group[rows], tie_end, starts
    )  # fmt: skip
    width = (resamples, population.n_groups + 1)
    by_capacity = (*width, len(capacities))
    draws = Draws(*(np.zeros(width) for _ in range(3)), *(np.zeros(by_capacity) for _ in range(2)))
    n_people = int(population.person.max()) + 1
    streams = streams_of(resamples, seed)
    ascending = np.array(sorted(capacities), np.float64)

    def run(first: int) -> int:
        part = slice(first, first + CHUNK)
        _resample(
            streams[part], n_people, entries, case, top, cell_group, ascending,
            (
                draws.rows[part], draws.cases[part], draws.expected[part],
                draws.listed[part], draws.found[part],
            ),
        )  # fmt: skip
        return len(streams[part])

    with (
        progress("Resampling persons", total=resamples) as advance,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        for done in pool.map(run, range(0, resamples, CHUNK)):
            advance(done)
    return draws


def _entries(
    population: Population, observed: NDArray[np.bool_]
) -> tuple[tuple[Ints, Ints, Floats, Floats], Ints]:
    """Add up each person's rows that share all groups, so that there is less to weigh."""
    person, group = population.person[observed], population.group[observed]
    cell: Ints = np.zeros(len(person), np.int64)
    for column in group.T:
        cell = pd.factorize(cell * population.n_groups + column)[0].astype(np.int64)
    n_cells = int(cell.max()) + 1
    key, entry = np.unique(person * n_cells + cell, return_inverse=True)
    n_rows = added_up(entry, np.ones(len(entry)))
    expected = added_up(entry, population.score[observed])
    cell_group = np.empty((n_cells, group.shape[1]), np.int64)
    cell_group[cell] = group
    return (key // n_cells, key % n_cells, n_rows, expected), cell_group


def with_pseudo_cases(
    part: Floats, whole: Floats, rows_per_person: Floats, seed: int
) -> tuple[Floats, Floats]:
    """Add half a person inside and half a person outside the part, with random weights.

    For independent persons this makes the draws of ``part / whole`` exactly Jeffreys' interval
    of a proportion, which keeps its width where nobody (or everybody) is found.

    Parameters
    ----------
    part, whole : float arrays, shape (n_resamples, n)
        Weighted sums.
    rows_per_person : float array, shape (n,)
        How many rows a person brings on average.
    seed : int
        Seed of the weights.
    """
    rng = np.random.default_rng(seed)
    inside = rng.gamma(0.5, size=part.shape) * rows_per_person
    outside = rng.gamma(0.5, size=part.shape) * rows_per_person
    return part + inside, whole + inside + outside


def interval(draws: Floats, estimate: Floats) -> tuple[Floats, Floats]:
    """Give the 95% percentile interval of each column, widened to hold its estimate.

    Examples
    --------
    >>> low, high = interval(np.linspace(0, 1, 1001)[:, None], np.array([0.5]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.025, 0.975)
    """
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return np.fmin(low, estimate), np.fmax(high, estimate)
