"""Measures of probabilities, for the sample and for weighted resamples of people at once.

The slope and intercept of a resample come from one Newton step away from the sample's own: the
resample's gradient and curvature are weighted sums over people, so that no refit is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hiu_training.calibration import fit_line, fit_offset

Summed = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def probability_draws(
    log_odds: NDArray[np.float64],
    label: NDArray[np.int8],
    person: NDArray[np.int32],
    weights: NDArray[np.uint8],
) -> dict[str, NDArray[np.float64]]:
    """Give Brier score, log loss, calibration slope and intercept of each resample.

    The *slope* is that of label ~ logistic(a + slope * log-odds); the *intercept* that of
    label ~ logistic(intercept + log-odds): above 0 where the scores are too low on average.

    Parameters
    ----------
    log_odds : float64 array, shape (n,)
    label : int8 array, shape (n,)
    person : int32 array, shape (n,)
        Positions among the weights.
    weights : uint8 array, shape (n_people, n_resamples)
        How often each person occurs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> log_odds = rng.normal(-2, 1, 2000)
    >>> label = (rng.random(2000) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    >>> person = np.arange(2000, dtype=np.int32)
    >>> found = probability_draws(log_odds, label, person, np.ones((2000, 1), np.uint8))
    >>> bool(abs(found["calibration_slope"][0] - 1) < 0.15)
    True
    """
    y = label.astype(np.float64)
    n_people, n = len(weights), len(y)
    if not 0 < y.sum() < n:
        nothing = np.full(weights.shape[1], np.nan)
        return dict.fromkeys(
            ("brier", "log_loss", "calibration_slope", "calibration_intercept"), nothing
        )
    p = 1 / (1 + np.exp(-np.clip(log_odds, -35, 35)))

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        totals = np.bincount(person, values, n_people).astype(np.float64)
        return np.asarray(totals @ weights.astype(np.float64), dtype=np.float64)

    rows = summed(np.ones(n))
    return {
        "brier": summed((p - y) ** 2) / rows,
        "log_loss": summed(np.logaddexp(0, log_odds) - y * log_odds) / rows,
        "calibration_slope": _slopes(log_odds, y, summed),
        "calibration_intercept": _intercepts(log_odds, y, summed),
    }


def _slopes(x: NDArray[np.float64], y: NDArray[np.float64], summed: Summed) -> NDArray[np.float64]:
    intercept, slope = fit_line(x, y)
    centre = float(x.mean())
    p = 1 / (1 + np.exp(-np.clip(intercept + slope * x, -35, 35)))
    w, gap, z = p * (1 - p), y - p, x - centre
    g0, g1 = summed(gap), summed(gap * z)
    h00, h01, h11 = summed(w), summed(w * z), summed(w * z * z)
    determinant = h00 * h11 - h01 * h01
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(slope + (h00 * g1 - h01 * g0) / determinant)


def _intercepts(
    x: NDArray[np.float64], y: NDArray[np.float64], summed: Summed
) -> NDArray[np.float64]:
    offset = fit_offset(x, y)
    p = 1 / (1 + np.exp(-np.clip(offset + x, -35, 35)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(offset + summed(y - p) / summed(p * (1 - p)))
