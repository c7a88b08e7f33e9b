"""Nested rolling origins: how well settings would have done, at dates before the test origins.

Each fold judges a few of the development origins by a model that knew only what was known at the
first of them, with blocks of its own for early stopping and calibration. The test origins take no
part, so what was chosen this way can still be judged by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError
from hiu_training.judging.bootstrap import resample_people
from hiu_training.judging.metrics import LANES, Ranking, measure
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split, cut_blocks

FOLDS = 3
"""How many times the origins are rolled back."""

WIDEST = 3
"""Origins wished for in each fold's judged block."""

RESAMPLES = 3 * LANES
"""Resamples of people from which a standard error is taken."""


@dataclass(frozen=True)
class Fold:
    """A split of the first development origins, and which later ones judge it.

    Parameters
    ----------
    split : Split
        Its development origins are the first of the whole split's.
    judged : tuple of (int, int)
        Positions ``[first, last)`` of the origins that judge.
    """

    split: Split
    judged: tuple[int, int]

    def learned(self, rows: Rows) -> NDArray[np.bool_]:
        """Mask the rows to learn from."""
        return rows.origin < len(self.split.development)

    def later(self, rows: Rows) -> NDArray[np.bool_]:
        """Mask the rows that judge."""
        first, last = self.judged
        return (rows.origin >= first) & (rows.origin < last)


def make_folds(split: Split) -> list[Fold]:
    """Cut the development origins into folds, the earliest first.

    Raises
    ------
    ModelError
        Too few origins for a single fold.
    """
    best: list[Fold] = []
    for width in range(WIDEST, 0, -1):
        found = list(_folds(split, width))
        if len(found) > len(best):
            best = found
        if len(best) == FOLDS:
            break
    if not best:
        raise ModelError(
            f"{len(split.development)} training dates are too few to tune within them: each fold "
            "needs an embargo of its own before its early-stopping, calibration and judged dates",
            where="origins",
            fix="give a finer origins.every, a shorter horizon_days or more data; "
            "the untuned protocol needs none of this",
        )
    return best


def _folds(split: Split, width: int) -> Iterator[Fold]:
    n = len(split.development)
    for back in range(FOLDS - 1, -1, -1):
        last = n - back * width
        if last <= width:
            continue
        cut = cut_blocks(split.development[:last], width, split.embargo, split.step_days)
        if cut is not None and len(cut.test) == width:
            yield Fold(cut, (last - width, last))


class Judge:
    """Average precision of rankings at the folds, with the same resamples for every ranking.

    Parameters
    ----------
    rows : Rows
        The development rows.
    folds : list of Fold
    seed : int
        Of the resamples.
    """

    def __init__(self, rows: Rows, folds: list[Fold], seed: int) -> None:
        self.label: list[NDArray[np.int8]] = []
        people = [rows.person[fold.later(rows)] for fold in folds]
        everybody = np.unique(np.concatenate(people))
        self.person = [np.searchsorted(everybody, who).astype(np.int32) for who in people]
        self.label = [rows.label[fold.later(rows)] for fold in folds]
        self.n_people, self.seed = len(everybody), seed

    def precision(self, fold: int, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the average precision of the sample, then of each resample.

        NaN where nobody drawn is positive.
        """
        ranking = Ranking.of(score, self.label[fold], self.person[fold])
        found = [measure(ranking, [], np.ones((self.n_people, 1), np.uint8)).average_precision]
        for first in range(0, RESAMPLES, LANES):
            drawn = resample_people(self.n_people, LANES, self.seed, first)
            found.append(measure(ranking, [], drawn).average_precision)
        return np.concatenate(found)


def mean_precision(folds: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Average over folds, as far as each can be had."""
    stacked = np.stack(folds)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def standard_error(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the standard error of a difference between two rankings' draws.

    Examples
    --------
    >>> draws = np.array([0.5, 0.4, 0.6, 0.5])  # the sample's own comes first
    >>> standard_error(draws, draws - 0.1)
    0.0
    """
    apart = (one - other)[1:]
    return float(f"{apart.std(ddof=1):.12g}") if np.ptp(apart) > 1e-12 else 0.0


def luck(apart: NDArray[np.float64]) -> float:
    """Give what the best of several rankings gains by chance alone.

    On each resample every difference strays from its own; the largest of these strays, averaged
    over resamples, is what looking for the best adds to it.

    Parameters
    ----------
    apart : float64 array, shape (n_rankings, 1 + n_resamples)
        Differences from one and the same ranking: the sample's own, then the resamples'.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> round(luck(np.zeros((1, 9))), 3), round(luck(rng.normal(size=(20, 2000))), 1)
    (0.0, 1.9)
    """
    strays = apart[:, 1:] - apart[:, 1:].mean(axis=1, keepdims=True)
    return float(np.maximum(strays.max(axis=0, initial=-np.inf), 0.0).mean()) if len(apart) else 0.0
