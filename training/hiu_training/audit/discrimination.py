"""Telling cases from the rest inside a group: AUROC and average precision, with intervals.

The intervals come from the infinitesimal jackknife: how far the value moves when one person's
weight does, all their rows together. It costs one sort of the rows instead of a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Triple = tuple[float, float, float]

_Z95 = 1.959964


@dataclass(frozen=True)
class Discrimination:
    """AUROC and average precision; each is estimate, low, high (95%)."""

    auroc: Triple
    average_precision: Triple


def discrimination_of(
    score: Floats, label: NDArray[np.int8], person: NDArray[np.int64]
) -> Discrimination | None:
    """Measure how well scores tell cases from the rest; None without both kinds.

    Parameters
    ----------
    score : float array, shape (n,)
        Higher means more likely.
    label : int8 array, shape (n,)
        1 a case, 0 not.
    person : int64 array, shape (n,)
        Whose row it is, from 0.

    Examples
    --------
    >>> found = discrimination_of(
    ...     np.array([0.9, 0.8, 0.3, 0.1]), np.array([1, 0, 1, 0], np.int8), np.arange(4))
    >>> found.auroc[0], round(found.average_precision[0], 3)
    (0.75, 0.833)
    """
    positives = int(label.sum())
    negatives = len(label) - positives
    if not positives or not negatives:
        return None
    order = np.argsort(-score, kind="stable")
    case = label[order].astype(np.float64)
    falling = -score[order]
    first = np.searchsorted(falling, falling, side="left")
    past = np.searchsorted(falling, falling, side="right")
    cases_to = np.concatenate([[0.0], np.cumsum(case)])
    who = person[order]

    above, tied = cases_to[first], cases_to[past] - cases_to[first]
    others_above, others_tied = first - above, (past - first) - tied
    # a case's share of others below it; another's share of cases above it; ties count half
    below = (negatives - others_above - others_tied / 2) / negatives
    over = (above + tied / 2) / positives
    auroc = float(np.sum(case * below)) / positives
    moved = case * (below - auroc) / positives + (1 - case) * (over - auroc) / negatives

    reached, listed = cases_to[past], past.astype(np.float64)
    precision = reached / listed
    average = float(np.sum(case * precision)) / positives
    # a row lifts the precision at every case at or below it if it is one, else it lowers it
    at_or_below = np.cumsum((case / listed)[::-1])[::-1][first]
    lowered = np.cumsum((case * reached / listed**2)[::-1])[::-1][first]
    shift = (case * (precision - average) + case * at_or_below - lowered) / positives
    return Discrimination(
        _bounded(auroc, _spread(moved, who)), _bounded(average, _spread(shift, who))
    )


def _spread(influence: Floats, person: NDArray[np.int64]) -> float:
    """Give the standard error from what each row adds, summed by person."""
    _, cluster = np.unique(person, return_inverse=True)
    sums = np.bincount(cluster, weights=influence)
    return float(np.sqrt(np.sum(sums**2)))


def _bounded(value: float, spread: float) -> Triple:
    """Give the interval on the log-odds scale, so that it stays between 0 and 1."""
    if not 0 < value < 1:
        return value, value, value
    reach = _Z95 * spread / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + sign * reach))) for sign in (-1, 1))
    return value, float(low), float(high)
