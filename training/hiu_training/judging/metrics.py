"""Measures of a ranking: exact under ties, for one sample or many weighted resamples at once.

Equal scores are in no order. So every measure is its expected value over all orders of equal
scores: a count of calls, which ties most people, is neither flattered nor punished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel

LANES = 64
"""How many resamples one pass over the rows serves: their weights fill one line of the cache."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    order : int64 array, shape (n,)
        Which of the rows given each one is.
    """

    person: NDArray[np.int32]
    label: NDArray[np.uint8]
    ends_tie: NDArray[np.bool_]
    order: Ints = field(repr=False)
    _segments: dict[bytes, Ints] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        score: Floats,
        label: NDArray[np.int8],
        person: NDArray[np.int32] | None = None,
    ) -> Ranking:
        """Rank rows; without ``person`` every row is a person."""
        if person is None:
            person = np.arange(len(score), dtype=np.int32)
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        ends = np.append(ranked[1:] != ranked[:-1], True)[: len(score)]
        return cls(person[order].astype(np.int32), label[order].astype(np.uint8), ends, order)

    def part(self, mask: NDArray[np.bool_]) -> Ranking:
        """Give the ranking of some of the rows; ``order`` stays that of all the rows given.

        Examples
        --------
        >>> whole = Ranking.of(np.array([1.0, 3.0, 3.0, 2.0]), np.zeros(4, np.int8))
        >>> whole.part(np.array([True, False, True, True])).order.tolist()
        [2, 3, 0]
        """
        kept = np.flatnonzero(mask[self.order])
        run = self.runs()[kept]
        ends = np.append(run[1:] != run[:-1], True)[: len(kept)]
        return Ranking(self.person[kept], self.label[kept], ends, self.order[kept])

    def runs(self) -> Ints:
        """Give the number of each row's run of equal scores, in the order of the ranking."""
        return np.asarray(np.cumsum(self.ends_tie) - self.ends_tie)

    def run_ends(self) -> Ints:
        """Give the position after the last row of each run."""
        return np.flatnonzero(self.ends_tie) + 1

    def segments(self, marks: Ints) -> Ints:
        """Cut the rows into runs with a positive, and stretches of runs without: where each ends.

        Found once: every block of resamples asks again.
        """
        found = self._segments.get(marks.tobytes())
        if found is None:
            ends = self.run_ends()
            starts = np.concatenate([[0], ends])[: len(ends)]
            hit = np.zeros(0, np.bool_)
            if len(ends):
                hit = np.add.reduceat(self.label, starts, dtype=np.int64) > 0
            after_last = np.append(hit[1:], True)[: len(ends)]
            found = ends[hit | after_last | np.isin(ends, marks)]
            self._segments[marks.tobytes()] = found
        return found


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
    cut_run : int64 array, shape (n_resamples, n_capacities)
        The run of equal scores in which the list of K ends; every earlier run is listed whole.
    cut_share : float64 array, shape (n_resamples, n_capacities)
        The chance of a row of that run to be listed.
    marked_rows, marked_hits : float64 arrays, shape (n_resamples, n_marks)
        Weighted rows and positives before each mark.
    """

    average_precision: Floats
    auroc: Floats
    rows: Floats
    positives: Floats
    hits: Floats
    cut_run: Ints
    cut_share: Floats
    marked_rows: Floats
    marked_hits: Floats


def measure(
    ranking: Ranking,
    capacities: Sequence[int],
    weights: NDArray[np.uint8] | None = None,
    marks: Ints | None = None,
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
    marks : int64 array, optional
        Positions, each after the last row of a run, up to which rows and positives are counted.

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
    wanted = np.array(capacities, dtype=np.int64)
    order = np.argsort(wanted, kind="stable")
    back = np.argsort(order)
    places = np.empty(0, np.int64) if marks is None else np.unique(marks)
    segment_ends, n_runs = ranking.segments(places), int(np.count_nonzero(ranking.ends_tie))
    n, n_k, n_m = weights.shape[1], len(wanted), len(places)
    out, at_k, at_mark = np.empty((n, 4)), np.empty((n, 3, n_k)), np.empty((n, 2, n_m))
    for first in range(0, n, LANES):
        width = min(LANES, n - first)
        block = weights
        if weights.shape[1] != LANES:
            block = np.zeros((len(weights), LANES), np.uint8)
            block[:, :width] = weights[:, first : first + width]
        found = _measure_block(
            ranking.person, ranking.label, ranking.ends_tie, n_runs, segment_ends, block,
            width, wanted[order], places,
        )  # fmt: skip
        for whole, part in zip((out, at_k, at_mark), found, strict=True):
            whole[first : first + width] = part[:width]
    which = np.searchsorted(places, marks) if marks is not None else places
    return RankMeasures(
        out[:, 0], out[:, 1], out[:, 2], out[:, 3], at_k[:, 0][:, back],
        at_k[:, 1][:, back].astype(np.int64), at_k[:, 2][:, back], at_mark[:, 0][:, which],
        at_mark[:, 1][:, which],
    )  # fmt: skip


@kernel(nogil=True)
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


@kernel(nogil=True)
def _reciprocals(rows: float, tied: float) -> float:
    """Sum of 1/i for i = rows + 1 to rows + tied."""
    if tied <= 8:
        total = 0.0
        for i in range(int(tied)):
            total += 1.0 / (rows + 1 + i)
        return total
    return float(_harmonic(rows + tied) - _harmonic(rows))


@kernel(nogil=True)
def _precision_of_tie(rows: float, hits: float, tied: float, tied_hits: float) -> float:
    """Give the expected sum of the precision at each positive of a run of equal scores.

    ``rows`` and ``hits`` count what ranks before it, ``tied`` and ``tied_hits`` its own. In a
    random order its i-th row is positive with chance h/t, and then (i-1)(h-1)/(t-1) of the
    i-1 rows before it are expected to be.
    """
    slope = (tied_hits - 1) / (tied - 1) if tied > 1 else 0.0
    level = hits + 1 - slope
    return tied_hits / tied * ((level - slope * rows) * _reciprocals(rows, tied) + slope * tied)


@kernel(nogil=True)
def _count_hits(out, rows, hits, tied, tied_hits, width):  # type: ignore[no-untyped-def]
    """Add a run's positives to the sums of precisions and of misplaced pairs."""
    for lane in range(width):
        h = float(tied_hits[lane])
        if h > 0:
            t, r = float(tied[lane]), float(rows[lane])
            out[lane, 0] += _precision_of_tie(r, float(hits[lane]), t, h)
            out[lane, 1] += h * (r - hits[lane] + 0.5 * (t - h))
            hits[lane] += tied_hits[lane]


@kernel(nogil=True)
def _fill_lists(lists, run, rows, hits, tied, tied_hits, next_k, capacities, width):  # type: ignore[no-untyped-def]
    """Close the lists whose last place falls in this run; tell whether any is still open."""
    still_open = False
    for lane in range(width):
        k = next_k[lane]
        while k < len(capacities) and rows[lane] + tied[lane] >= capacities[k]:
            share = (capacities[k] - rows[lane]) / tied[lane] if tied[lane] > 0 else 0.0
            lists[lane, 0, k] = hits[lane] + share * tied_hits[lane]
            lists[lane, 1, k] = run
            lists[lane, 2, k] = share
            k += 1
        next_k[lane] = k
        still_open = still_open or k < len(capacities)
    return still_open


@kernel(nogil=True)
def _add_up(tied, tied_hits, person, label, weights, start, stop):  # type: ignore[no-untyped-def]
    """Weigh the rows of a segment; tell whether one is positive."""
    any_hit = False
    for lane in range(LANES):
        tied[lane] = 0
    for row in range(start, stop):
        who = person[row]
        for lane in range(LANES):
            tied[lane] += np.int32(weights[who, lane])
        if label[row]:
            if not any_hit:
                for lane in range(LANES):
                    tied_hits[lane] = 0
            any_hit = True
            for lane in range(LANES):
                tied_hits[lane] += np.int32(weights[who, lane])
    if not any_hit:
        for lane in range(LANES):
            tied_hits[lane] = 0
    return any_hit


@kernel(nogil=True)
def _measure_block(person, label, ends_tie, n_runs, segment_ends, weights, width,  # type: ignore[no-untyped-def]
                   capacities, marks):  # fmt: skip
    """Measure one block of resamples in one pass; see :func:`measure`."""
    n_k, n_m = len(capacities), len(marks)
    out, lists = np.zeros((LANES, 4)), np.zeros((LANES, 3, n_k))
    marked = np.zeros((LANES, 2, n_m))
    rows, hits = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    tied, tied_hits = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    next_k = np.zeros(LANES, np.int64)
    filling, start, run, segment, mark = n_k > 0, 0, 0, 0, 0
    while start < len(person):
        # Run by run while lists are filling; then only where a run has a positive.
        if filling:
            stop = start + 1
            while not ends_tie[stop - 1]:
                stop += 1
        else:
            while segment_ends[segment] <= start:
                segment += 1
            stop = segment_ends[segment]
        any_hit = _add_up(tied, tied_hits, person, label, weights, start, stop)
        if filling:
            filling = _fill_lists(
                lists, run, rows, hits, tied, tied_hits, next_k, capacities, width
            )
        if any_hit:
            _count_hits(out, rows, hits, tied, tied_hits, width)
        for lane in range(LANES):
            rows[lane] += tied[lane]
        run = run + 1 if filling else run
        start = stop
        while mark < n_m and marks[mark] <= start:
            for lane in range(width):
                marked[lane, 0, mark], marked[lane, 1, mark] = rows[lane], hits[lane]
            mark += 1
    for lane in range(width):
        n, p = float(rows[lane]), float(hits[lane])
        out[lane, 0] = out[lane, 0] / p if p > 0 else np.nan
        out[lane, 1] = 1 - out[lane, 1] / (p * (n - p)) if p > 0 and n > p else np.nan
        out[lane, 2], out[lane, 3] = n, p
        for k in range(next_k[lane], n_k):
            lists[lane, 0, k], lists[lane, 1, k], lists[lane, 2, k] = p, n_runs, 1.0
    return out, lists, marked


def best_and_worst(ranking: Ranking, capacity: int) -> tuple[int, int, int]:
    """Give the positives on a list of K in the luckiest and unluckiest order of equal scores.

    Returns
    -------
    (int, int, int)
        Worst case, best case, and how many places of the list go to rows that tie at its end.

    Examples
    --------
    >>> tied = Ranking.of(np.array([9.0, 5.0, 5.0, 5.0]), np.array([1, 1, 0, 0], np.int8))
    >>> best_and_worst(tied, 2)
    (1, 2, 1)
    """
    ends = ranking.run_ends()
    if capacity >= len(ranking.label):
        everything = int(ranking.label.sum())
        return everything, everything, 0
    place = int(np.searchsorted(ends, capacity))
    start, stop = int(ends[place - 1]) if place else 0, int(ends[place])
    before, inside = int(ranking.label[:start].sum()), int(ranking.label[start:stop].sum())
    places, others = capacity - start, stop - start - inside
    by_lot = places if stop > capacity else 0
    return before + max(places - others, 0), before + min(places, inside), by_lot


def influences(ranking: Ranking, n_people: int) -> dict[str, Floats]:
    """Give each person's influence on average precision and AUROC: the derivative by weight.

    Equal scores are taken in the order that they have: this feeds the degrees of freedom of an
    interval, where that makes no difference.
    """
    y = ranking.label.astype(np.float64)
    n, positives = len(y), y.sum()
    if not 0 < positives < n:
        return {}
    depth = np.arange(1, n + 1)
    precision = np.cumsum(y) / depth
    average = float((precision * y).sum() / positives)
    later = np.cumsum((y / depth)[::-1])[::-1]
    lost = np.cumsum((y * precision / depth)[::-1])[::-1]
    of_precision = (y * (precision - average) + y * later - lost) / positives
    above = np.cumsum(1 - y) / (n - positives)  # negatives before a positive
    below = (positives - np.cumsum(y)) / positives  # positives after a negative
    area = float(1 - (above * y).sum() / positives)
    of_area = y * (1 - above - area) / positives + (1 - y) * (1 - below - area) / (n - positives)
    each = {"average_precision": of_precision, "auroc": of_area}
    return {
        name: np.bincount(ranking.person, values, n_people).astype(np.float64)
        for name, values in each.items()
    }
