"""The calibrator: turns the model's log-odds into log-odds that mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError

Method = Literal["platt", "offset", "beta", "isotonic"]

QUANTILE = 1.6448536269514722
"""Standard deviations to either side of an interval of 90%."""


@dataclass(frozen=True)
class Uncertainty:
    """How far calibrated log-odds may be off at a later time, as a variance.

    The variance at log-odds ``x`` is ``level + 2 * both * (x - centre) + slope * (x - centre)**2
    + between``: the first three come from the people of the block that the calibrator was fitted
    on, ``between`` from how far the level was off on blocks seen ahead.

    Parameters
    ----------
    centre : float
        Log-odds where level and slope are known best.
    level, both, slope : float
        Variances of level and slope, and their covariance.
    between : float
        Variance of the level between then and later.

    Examples
    --------
    >>> low, high = Uncertainty(-3.0, 0.01, 0.0, 0.04, 0.0).interval(np.array([-3.0, -1.0]))
    >>> (high - low).round(2).tolist()
    [0.33, 1.36]
    """

    centre: float
    level: float
    both: float
    slope: float
    between: float

    def __post_init__(self) -> None:
        numbers = [self.centre, self.level, self.both, self.slope, self.between]
        if not np.isfinite(numbers).all() or min(self.level, self.slope, self.between) < 0:
            raise ModelError("not an uncertainty of a calibrator", where="calibrator.json")

    def interval(
        self, log_odds: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the lower and the upper limit of each row's log-odds, for 90%."""
        apart = log_odds - self.centre
        variance = self.level + 2 * self.both * apart + self.slope * apart * apart + self.between
        half = QUANTILE * np.sqrt(np.maximum(variance, 0.0))
        return log_odds - half, log_odds + half


@dataclass(frozen=True)
class Calibrator:
    """Calibrated log-odds: a rising line of the raw ones, bent at knots where the data say so.

    So the calibrator never changes who ranks above whom.

    Parameters
    ----------
    intercept, slope : float
        The line; the slope is above zero.
    method : str
        ``platt`` where both were fitted, ``offset`` where only the intercept was; ``beta`` or
        ``isotonic`` where the line is bent.
    knots : tuple of (float, float)
        What points of the line become, both rising strictly; straight between them, and beyond
        them as steep as the line.
    uncertainty : Uncertainty, optional
        How far off the result may be.

    Examples
    --------
    >>> Calibrator(0.5, 2.0).apply(np.array([-1.0])).tolist()
    [-1.5]
    >>> bent = Calibrator(0.0, 1.0, "isotonic", ((-4.0, -4.0), (-2.0, -3.0)))
    >>> bent.apply(np.array([-5.0, -3.0, -1.0])).tolist()
    [-5.0, -3.5, -2.0]
    """

    intercept: float = 0.0
    slope: float = 1.0
    method: Method = "platt"
    knots: tuple[tuple[float, float], ...] = ()
    uncertainty: Uncertainty | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.intercept) and np.isfinite(self.slope) and self.slope > 0):
            raise ModelError("a calibrator needs finite numbers and a slope above zero")
        points = np.array(self.knots, dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(points).all() or not (np.diff(points, axis=0) > 0).all():
            raise ModelError("the knots of a calibrator must rise", where="calibrator.json")
        if self.method not in get_args(Method):
            raise ModelError("an unknown method of calibration", where="calibrator.json")

    def apply(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give calibrated log-odds."""
        return self.bend(self.intercept + self.slope * raw)

    def bend(self, line: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bend the line at the knots."""
        if not self.knots:
            return line
        x, y = np.array(self.knots).T
        inside = np.interp(line, x, y)
        return np.asarray(inside + np.minimum(line - x[0], 0.0) + np.maximum(line - x[-1], 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Give the calibrator as plain data; :meth:`from_dict` reads it back."""
        data: dict[str, Any] = {
            "method": self.method,
            "intercept": self.intercept,
            "slope": self.slope,
        }
        # Left out where there are none: bundles made before there were any keep their id.
        if self.knots:
            data["knots"] = [list(knot) for knot in self.knots]
        if self.uncertainty:
            data["uncertainty"] = asdict(self.uncertainty)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibrator:
        """Build a calibrator from plain data; knots and uncertainty may be left out."""
        try:
            unsure = data.get("uncertainty")
            return cls(
                float(data["intercept"]),
                float(data["slope"]),
                data["method"],
                tuple((float(x), float(y)) for x, y in data.get("knots", ())),
                Uncertainty(**unsure) if unsure else None,
            )
        except (KeyError, TypeError, ValueError):
            raise ModelError("not a calibrator", where="calibrator.json") from None


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the probability of log-odds, strictly between 0 and 1.

    Examples
    --------
    >>> probability(np.array([0.0])).tolist()
    [0.5]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -35.0, 35.0))))
