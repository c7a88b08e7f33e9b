"""Measures of probabilities, for the sample and for weighted resamples of people at once.

The slope and intercept of a resample come from one Newton step away from the sample's own: the
resample's gradient and curvature are weighted sums over people, so that no refit is needed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel
from hiu_training.learning.calibration import fit_line, fit_offset

Floats = NDArray[np.float64]

MEASURES = ("brier", "log_loss", "calibration_slope", "calibration_intercept")


class Probabilities:
    """Sums over each person's rows, from which every resample is measured.

    Parameters
    ----------
    log_odds : float64 array, shape (n,)
    label : int8 array, shape (n,)
    person : int32 array, shape (n,)
        Positions among the weights.
    n_people : int
    """

    def __init__(
        self, log_odds: Floats, label: NDArray[np.int8], person: NDArray[np.int32], n_people: int
    ) -> None:
        y = label.astype(np.float64)
        self.judged = 0 < y.sum() < len(y)
        if not self.judged:
            return
        p = _share(log_odds)
        self.intercept, self.slope = fit_line(log_odds, y)
        self.offset = fit_offset(log_odds, y)
        fitted, shifted = (
            _share(self.intercept + self.slope * log_odds), _share(self.offset + log_odds)
        )  # fmt: skip
        w, z = fitted * (1 - fitted), log_odds - float(log_odds.mean())
        rows: Mapping[str, Floats] = {
            "rows": np.ones(len(y)),
            "brier": (p - y) ** 2,
            "log_loss": np.logaddexp(0, log_odds) - y * log_odds,
            "g0": y - fitted, "g1": (y - fitted) * z,
            "h00": w, "h01": w * z, "h11": w * z * z,
            "gap": y - shifted, "curve": shifted * (1 - shifted),
        }  # fmt: skip
        self.names = tuple(rows)
        self.sums = np.stack([np.bincount(person, v, n_people) for v in rows.values()], axis=1)

    def draws(self, weights: NDArray[np.uint8]) -> dict[str, Floats]:
        """Give each measure of each resample; weights of shape (n_people, n_resamples)."""
        if not self.judged:
            return dict.fromkeys(MEASURES, np.full(weights.shape[1], np.nan))
        s = dict(zip(self.names, _weighted(self.sums, weights), strict=True))
        with np.errstate(invalid="ignore", divide="ignore"):
            determinant = s["h00"] * s["h11"] - s["h01"] ** 2
            step = (s["h00"] * s["g1"] - s["h01"] * s["g0"]) / determinant
            return {
                "brier": s["brier"] / s["rows"],
                "log_loss": s["log_loss"] / s["rows"],
                "calibration_slope": self.slope + step,
                "calibration_intercept": self.offset + s["gap"] / s["curve"],
            }


@kernel(nogil=True)
def _weighted(sums, weights):  # type: ignore[no-untyped-def]
    """Add each person's sums up under every resample's weights."""
    n_people, n_sums = sums.shape
    n = weights.shape[1]
    total = np.zeros((n_sums, n))
    for person in range(n_people):
        for j in range(n_sums):
            value = sums[person, j]
            for lane in range(n):
                total[j, lane] += value * weights[person, lane]
    return total


def probability_draws(
    log_odds: Floats,
    label: NDArray[np.int8],
    person: NDArray[np.int32],
    weights: NDArray[np.uint8],
) -> dict[str, Floats]:
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
    return Probabilities(log_odds, label, person, len(weights)).draws(weights)


def _share(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -35, 35))))
