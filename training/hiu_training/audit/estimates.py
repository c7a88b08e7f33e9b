"""Estimates of every measure with their intervals, all from the same draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_training.audit.intervals import Draws, interval, with_pseudo_cases
from hiu_training.audit.measures import Measures

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """Estimates with 95% intervals; same shapes."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Change:
    """How much more two lists of the same people find, one against the other.

    Parameters
    ----------
    cases : float
        Cases found more.
    value, low, high : float
        The same as a share of all cases, with its 95% interval.
    """

    cases: float
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, cases: float, of_all: float, draws: Floats) -> Change:
        """Take the interval from draws of the share; it holds the value."""
        low, high = np.quantile(draws, [0.025, 0.975])
        value = cases / of_all
        return cls(cases, value, min(float(low), value), max(float(high), value))


@dataclass(frozen=True)
class PeopleCounts:
    """Different people in each group (the last entry is everybody), for small numbers.

    Parameters
    ----------
    all, cases : int64 arrays, shape (n_groups + 1,)
        People with a row; people who became a case.
    listed, found, missed, listed_not_case : int64 arrays, shape (n_groups + 1, n_capacities)
        People on a list, cases on a list, cases off it, people on a list who aren't cases.
    """

    all: Counts
    cases: Counts
    listed: Counts
    found: Counts
    missed: Counts
    listed_not_case: Counts


class Estimates:
    """Every measure with its interval.

    Parameters
    ----------
    measures : Measures
        The measures themselves.
    people : PeopleCounts
        Different people behind them.
    draws : Draws
        The sums under random weights of the persons.
    seed : int
        Seed of the pseudo-cases.
    """

    def __init__(
        self,
        measures: Measures,
        people: PeopleCounts,
        draws: Draws,
        seed: int,
    ) -> None:
        self._m, self._d, self._seed = measures, draws, seed
        self._per_case = _per_person(measures.cases, people.cases)
        self._per_listed = _per_person(measures.listed, people.listed)
        self._found, self._cases = with_pseudo_cases(
            draws.found, draws.cases[:, :, None], self._per_case[:, None], seed + 1
        )  # fmt: skip

    def recall(self) -> Interval:
        """Give the share of cases that were listed."""
        return _of(self._found / self._cases, self._m.recall)

    def precision(self) -> Interval:
        """Give the share of listed rows that became cases."""
        found, listed = with_pseudo_cases(
            self._d.found, self._d.listed, self._per_listed, self._seed + 2
        )  # fmt: skip
        return _of(found / listed, self._m.precision)

    def selection_rate(self) -> Interval:
        """Give the share of rows listed."""
        listed, rows = with_pseudo_cases(
            self._d.listed, self._d.rows[:, :, None], self._per_listed, self._seed + 3
        )  # fmt: skip
        return _of(listed / rows, self._m.selection_rate)

    def recall_differences(self) -> tuple[Interval, Floats]:
        """Give recall of each group less that of the rest, and its draws."""
        everybody = slice(-1, None)
        found_rest = self._m.found[everybody] - self._m.found[:-1]
        cases_rest = (self._m.cases[everybody] - self._m.cases[:-1])[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = self._m.recall[:-1] - np.where(cases_rest > 0, found_rest / cases_rest, np.nan)
        rest_found, rest_cases = with_pseudo_cases(
            np.maximum(self._d.found[:, everybody] - self._d.found[:, :-1], 0.0),
            np.maximum(self._d.cases[:, everybody] - self._d.cases[:, :-1], 0.0)[:, :, None],
            self._per_case[everybody, None],
            self._seed + 4,
        )
        draws = self._found[:, :-1] / self._cases[:, :-1] - rest_found / rest_cases
        return _of(draws, value), draws

    def reference_differences(self, reference: NDArray[np.int64]) -> tuple[Interval, Floats]:
        """Give recall of each group less that of the reference group of its grouping.

        Parameters
        ----------
        reference : int64 array, shape (n_groups,)
            Position of each group's reference group; its own where there is none.
        """
        recall = self._found / self._cases
        draws = recall[:, :-1] - recall[:, reference]
        return _of(draws, self._m.recall[:-1] - self._m.recall[reference]), draws

    def observed_expected(self) -> Interval:
        """Give observed cases over those the scores add up to."""
        return _of(self._observed(self._d.cases, self._seed + 5) / self._d.expected,
                   self._m.cases / self._m.expected)  # fmt: skip

    def calibration_ratios(self) -> tuple[Interval, Floats]:
        """Give observed over expected of each group over that of the rest, and its draws."""
        cases, expected = self._m.cases, self._m.expected
        with np.errstate(invalid="ignore", divide="ignore"):
            rest = (cases[-1] - cases[:-1]) / (expected[-1] - expected[:-1])
            value = np.where(rest > 0, cases[:-1] / expected[:-1] / rest, np.nan)
        mine = self._observed(self._d.cases, self._seed + 5)[:, :-1] / self._d.expected[:, :-1]
        theirs = self._observed(
            np.maximum(self._d.cases[:, -1:] - self._d.cases[:, :-1], 0.0), self._seed + 6
        )
        left = np.maximum(self._d.expected[:, -1:] - self._d.expected[:, :-1], 1e-12)
        draws = mine / (theirs / left)
        return _of(draws, value), draws

    def _observed(self, cases: Floats, seed: int) -> Floats:
        """Add half a pseudo-person, as Jeffreys' interval of a count does."""
        extra = np.random.default_rng(seed).gamma(0.5, size=cases.shape)
        return cases + extra * self._per_case[: cases.shape[1]]


def _per_person(rows: Floats, people: Counts) -> Floats:
    return np.where(people > 0, rows / np.maximum(people, 1), 1.0).astype(np.float64)


def _of(draws: Floats, value: Floats) -> Interval:
    return Interval(value, *interval(draws, value))
