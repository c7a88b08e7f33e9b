"""Between what values a measure lies whose outcomes are partly unknown: exact, under ties too.

A *world* is one way in which all unknown outcomes may have turned out. In each, a measure is its
expected value over all orders of equal scores; a range is the least and the most of these values
over all worlds.

With m cases among the unknown, a measure is greatest where these are the m ranked highest and
least where they are the m ranked lowest: of two unknown rows the one ranked higher adds at least
as much, whatever the others are. So only m is left to try. Ties change nothing: a run of equal
scores ranks as a whole above the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from hiu_training.judging.metrics import Ranking

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Range(NamedTuple):
    """What a measure can be.

    Parameters
    ----------
    worst, best : float
        The least and the most over all worlds.
    if_none : float
        In the world in which no unknown outcome is a case.
    """

    worst: float
    if_none: float
    best: float


def listed(everybody: Floats, some: Floats, capacities: Sequence[int]) -> Floats:
    """Give the chances of some scores to be on lists of the first K of everybody's.

    Equal scores stand in random order.

    Examples
    --------
    >>> listed(np.array([9.0, 5.0, 5.0, 1.0]), np.array([9.0, 5.0, 1.0]), [1, 2, 9]).tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.5, 0.0], [1.0, 1.0, 1.0]]
    """
    ordered, n = np.sort(everybody), len(everybody)
    chances = np.ones((len(capacities), len(some)))
    for row, k in enumerate(capacities):
        if k < n:
            cut = ordered[n - k]
            start, stop = (int(np.searchsorted(ordered, cut, s)) for s in ("left", "right"))
            share = (k - (n - stop)) / (stop - start)
            chances[row] = np.where(some > cut, 1.0, np.where(some == cut, share, 0.0))
    return chances


def recall_range(places: Floats, hits: float, cases: int) -> Range | None:
    """Give the least and the most of ``(hits + sum of w y) / (cases + sum of y)``, each y 0 or 1.

    Parameters
    ----------
    places : float64 array
        The w: what each censored row adds if it is a case.
    hits, cases : float, int
        Known cases on the list, and altogether.

    Examples
    --------
    Two of four cases found; of three censored one is surely listed, one perhaps, one not.

    >>> recall_range(np.array([1.0, 0.25, 0.0]), 2, 4)
    Range(worst=0.375, if_none=0.5, best=0.6)
    """
    if cases == 0:
        return None
    upwards = np.sort(places)
    so_many = cases + np.arange(len(places) + 1)
    least = (hits + np.concatenate([[0], np.cumsum(upwards)])) / so_many
    most = (hits + np.concatenate([[0], np.cumsum(upwards[::-1])])) / so_many
    return Range(float(least.min()), hits / cases, float(most.max()))


def average_precision_range(score: Floats, label: NDArray[np.int8]) -> Range | None:
    """Give the least and the most of expected average precision over all worlds.

    Parameters
    ----------
    score : float64 array, shape (n,)
    label : int8 array, shape (n,)
        1, 0, or -1 where unknown.

    Examples
    --------
    The unknown first row is a case, or stands before the only one.

    >>> average_precision_range(np.array([3.0, 2.0, 1.0]), np.array([-1, 1, 0], np.int8))
    Range(worst=0.5, if_none=0.5, best=1.0)
    """
    if not (label == 1).any():
        return None
    runs = _Runs.of(Ranking.of(score, label), label)
    above = runs.from_above()
    return Range(float(runs.from_below().min()), float(above[0]), float(above.max()))


@dataclass(frozen=True)
class _Runs:
    """Runs of equal scores that hold a case or an unknown outcome, from the top.

    Parameters
    ----------
    before : float64 array
        Rows ranked above the run.
    tied, cases, unknown : float64 arrays
        Rows of the run; known cases and unknown outcomes among them.
    reciprocals : float64 array
        The sum of 1/place over the run's places.
    """

    before: Floats
    tied: Floats
    cases: Floats
    unknown: Floats
    reciprocals: Floats

    @classmethod
    def of(cls, ranking: Ranking, label: NDArray[np.int8]) -> _Runs:
        """Gather the runs of a ranking."""
        ends = ranking.run_ends()
        starts = np.concatenate([[0], ends[:-1]])
        ranked = label[ranking.order]
        cases = np.add.reduceat(ranked == 1, starts, dtype=np.int64)
        unknown = np.add.reduceat(ranked < 0, starts, dtype=np.int64)
        kept = cases + unknown > 0
        found = (starts, ends - starts, cases, unknown)
        before, tied, cases, unknown = (each[kept].astype(np.float64) for each in found)
        through = digamma(before + tied + 1) - digamma(before + 1)
        places = np.where(tied == 1, 1 / (before + 1), through)
        return cls(before, tied, cases, unknown, places)

    def from_above(self) -> Floats:
        """Give average precision where the m highest ranked unknown are cases, for each m."""
        known, filled = _above(self.cases), _above(self.unknown)
        whole = _above(self._precisions(known + filled, self.cases + self.unknown))
        bare = self._precisions(known, self.cases)
        rest, rate = _below(bare), _below(self._for_each_above(self.cases))
        run, here = self._each_unknown()
        m = np.arange(1, len(run) + 1)
        inside = self._precisions(known + filled, self.cases, run, here)
        total = np.append(bare.sum(), whole[run] + inside + rest[run] + m * rate[run])
        return np.asarray(total / (self.cases.sum() + np.append(0, m)))

    def from_below(self) -> Floats:
        """Give average precision where the m lowest ranked unknown are cases, for each m."""
        known, filled = _above(self.cases), _above(self.unknown)
        everything = self.cases + self.unknown
        bare = self._precisions(known, self.cases)
        rest = _below(self._precisions(known + filled, everything))
        rate = _below(self._for_each_above(everything))
        run, here = self._each_unknown()
        missing = filled[run] + self.unknown[run] - here
        inside = self._precisions(known, self.cases, run, here)
        total = np.append(bare.sum(), _above(bare)[run] + inside + rest[run] - missing * rate[run])
        return np.asarray(total / (self.cases.sum() + np.append(0, self.unknown.sum() - missing)))

    def _each_unknown(self) -> tuple[Ints, Floats]:
        """Give the run of each unknown outcome, and which of its run's it is, from 1."""
        n = self.unknown.astype(np.int64)
        run = np.repeat(np.arange(len(n)), n)
        return run, np.arange(1, len(run) + 1) - _above(self.unknown)[run]

    def _precisions(
        self, above: Floats, cases: Floats, run: Ints | slice = slice(None), more: Floats | int = 0
    ) -> Floats:
        """Give the expected sum of precisions at a run's cases, with so many cases above it.

        In random order the i-th of t rows is one of the h cases with chance h/t, and then
        (i-1)(h-1)/(t-1) of the rows before it in the run are.
        """
        t, r, h = self.tied[run], self.before[run], cases[run] + more
        slope = (h - 1) / np.maximum(t - 1, 1) * (t > 1)
        level = above[run] + 1 - slope
        each = (level - slope * r) * self.reciprocals[run] + slope * t
        return np.asarray(h / t * each)

    def _for_each_above(self, cases: Floats) -> Floats:
        """Give what one more case above a run adds to its sum of precisions."""
        return cases / self.tied * self.reciprocals


def _above(values: Floats) -> Floats:
    """Add up what comes before each."""
    return np.asarray(np.cumsum(values) - values)


def _below(values: Floats) -> Floats:
    """Add up what comes after each."""
    return np.asarray(np.cumsum(values[::-1])[::-1] - values)
