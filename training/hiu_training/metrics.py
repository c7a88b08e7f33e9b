"""Measures of a ranking: exact under ties, for one sample or many weighted resamples at once.

Equal scores are in no order. So every measure is its expected value over all orders of equal
scores: a count of calls, which ties most people, is neither flattered nor punished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

LANES = 32
"""How many resamples one pass over the rows serves."""


@dataclass(frozen=True)
class Ranking:
    """Rows in falling order of score, with equal scores side by side.

    Parameters
    ----------
    person : int32 array, shape (n,)
        Position of the row's person among the weights.
    label : uint8 array, shape (n,)
        1 where the target happened.
    ends_tie : bool array, shape (n,)
        True at the last row of each run of equal scores.
    """

    person: NDArray[np.int32]
    label: NDArray[np.uint8]
    ends_tie: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        score: NDArray[np.float64],
        label: NDArray[np.int8],
        person: NDArray[np.int32] | None = None,
    ) -> Ranking:
        """Rank rows; without ``person`` every row is a person."""
        if person is None:
            person = np.arange(len(score), dtype=np.int32)
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        ends = np.append(ranked[1:] != ranked[:-1], True)[: len(score)]
        return cls(person[order].astype(np.int32), label[order].astype(np.uint8), ends)


@dataclass(frozen=True)
class RankMeasures:
    """Measures of one ranking, one array element a resample.

    Parameters
    ----------
    average_precision, auroc : float64 arrays, shape (n_resamples,)
        NaN without a positive row (and, for ``auroc``, without a negative one).
    rows, positives : float64 arrays, shape (n_resamples,)
        Weighted counts.
    hits : float64 array, shape (n_resamples, n_capacities)
        Expected positives among the first K rows.
    """

    average_precision: NDArray[np.float64]
    auroc: NDArray[np.float64]
    rows: NDArray[np.float64]
    positives: NDArray[np.float64]
    hits: NDArray[np.float64]


def measure(
    ranking: Ranking, capacities: Sequence[int], weights: NDArray[np.uint8] | None = None
) -> RankMeasures:
    """Measure a ranking under whole-number weights of its people.

    Parameters
    ----------
    ranking : Ranking
        The rows in order.
    capacities : sequence of int
        The K of each column of ``hits``.
    weights : uint8 array, shape (n_people, n_resamples)
        How often each person occurs in each resample; without it, each once.

    Examples
    --------
    >>> ranking = Ranking.of(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0], np.int8))
    >>> found = measure(ranking, [1, 2])
    >>> found.average_precision.round(4).tolist(), found.auroc.tolist(), found.hits.tolist()
    ([0.9167], [0.875], [[1.0, 1.5]])
    """
    if weights is None:
        n_people = int(ranking.person.max()) + 1 if len(ranking.person) else 0
        weights = np.ones((n_people, 1), np.uint8)
    ks = np.array(sorted(capacities), dtype=np.int64)
    back = np.argsort(np.argsort(np.array(capacities))) if len(ks) else np.empty(0, np.int64)
    n_resamples = weights.shape[1]
    out = np.empty((n_resamples, 4 + len(ks)))
    for first in range(0, n_resamples, LANES):
        block = np.zeros((len(weights), LANES), np.uint8)
        width = min(LANES, n_resamples - first)
        block[:, :width] = weights[:, first : first + width]
        out[first : first + width] = _measure_block(
            ranking.person, ranking.label, ranking.ends_tie, block, ks
        )[:width]
    return RankMeasures(out[:, 0], out[:, 1], out[:, 2], out[:, 3], out[:, 4:][:, back])


@numba.njit(cache=True, nogil=True)
def _harmonic(count: float) -> float:
    """Sum of 1/i for i = 1 to count."""
    n = float(count)  # a whole number's fourth power would overflow
    if n < 32:
        total = 0.0
        for i in range(1, int(n) + 1):
            total += 1.0 / i
        return total
    return float(
        np.log(n) + 0.57721566490153286 + 1 / (2 * n) - 1 / (12 * n * n) + 1 / (120 * n**4)
    )


@numba.njit(cache=True, nogil=True)
def _precision_of_tie(rows: float, hits: float, tied: float, tied_hits: float) -> float:
    """Give the expected sum of the precision at each positive of a run of equal scores.

    ``rows`` and ``hits`` count what ranks before it, ``tied`` and ``tied_hits`` its own. In a
    random order its i-th row is positive with chance h/t, and then (i-1)(h-1)/(t-1) of the
    i-1 rows before it are expected to be.
    """
    slope = (tied_hits - 1) / (tied - 1) if tied > 1 else 0.0
    level = hits + 1 - slope
    reciprocals = _harmonic(rows + tied) - _harmonic(rows)
    return tied_hits / tied * ((level - slope * rows) * reciprocals + slope * tied)


@numba.njit(cache=True, nogil=True)
def _count_hits(out, rows, hits, tied, tied_hits):  # type: ignore[no-untyped-def]
    """Add a run's positives to the sums of precisions and of misplaced pairs."""
    for lane in range(len(rows)):
        t, h, r = tied[lane], tied_hits[lane], rows[lane]
        if h > 0:
            out[lane, 0] += _precision_of_tie(r, hits[lane], t, h)
            out[lane, 1] += h * (r - hits[lane] + 0.5 * (t - h))
            hits[lane] += h
            tied_hits[lane] = 0


@numba.njit(cache=True, nogil=True)
def _fill_lists(out, rows, hits, tied, tied_hits, next_k, capacities):  # type: ignore[no-untyped-def]
    """Close the lists whose last place falls in this run; tell whether any is still open."""
    still_open = False
    for lane in range(len(rows)):
        k = next_k[lane]
        while k < len(capacities) and rows[lane] + tied[lane] >= capacities[k]:
            places = capacities[k] - rows[lane]
            share = tied_hits[lane] / tied[lane] if tied[lane] > 0 else 0.0
            out[lane, 4 + k] = hits[lane] + places * share
            k += 1
        next_k[lane] = k
        still_open = still_open or k < len(capacities)
    return still_open


@numba.njit(cache=True, nogil=True)
def _measure_block(person, label, ends_tie, weights, capacities):  # type: ignore[no-untyped-def]
    """Measure one block of resamples in one pass; see :func:`measure`."""
    lanes = weights.shape[1]
    n_k = len(capacities)
    out = np.zeros((lanes, 4 + n_k))
    rows, hits = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    tied, tied_hits = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    next_k = np.zeros(lanes, np.int64)
    filling = n_k > 0
    any_hit = False
    for row in range(len(person)):
        weight = weights[person[row]]
        for lane in range(lanes):
            tied[lane] += weight[lane]
        if label[row]:
            any_hit = True
            for lane in range(lanes):
                tied_hits[lane] += weight[lane]
        if not ends_tie[row]:
            continue
        if filling:
            filling = _fill_lists(out, rows, hits, tied, tied_hits, next_k, capacities)
        if any_hit:
            _count_hits(out, rows, hits, tied, tied_hits)
            any_hit = False
        for lane in range(lanes):
            rows[lane] += tied[lane]
            tied[lane] = 0
    for lane in range(lanes):
        n, p = float(rows[lane]), float(hits[lane])
        out[lane, 0] = out[lane, 0] / p if p > 0 else np.nan
        out[lane, 1] = 1 - out[lane, 1] / (p * (n - p)) if p > 0 and n > p else np.nan
        out[lane, 2], out[lane, 3] = n, p
        for k in range(next_k[lane], n_k):
            out[lane, 4 + k] = p
    return out
