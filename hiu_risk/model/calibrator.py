"""The calibrator: turns the model's log-odds into log-odds that mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError

Method = Literal["platt", "offset"]


@dataclass(frozen=True)
class Calibrator:
    """Calibrated log-odds are ``intercept + slope * raw``; the slope is above zero.

    So the calibrator never changes who ranks above whom.

    Parameters
    ----------
    intercept, slope : float
        The line.
    method : str
        ``platt`` where both were fitted, ``offset`` where only the intercept was.

    Examples
    --------
    >>> Calibrator(0.5, 2.0).apply(np.array([-1.0])).tolist()
    [-1.5]
    """

    intercept: float = 0.0
    slope: float = 1.0
    method: Method = "platt"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.intercept) and np.isfinite(self.slope) and self.slope > 0):
            raise ModelError("a calibrator needs finite numbers and a slope above zero")

    def apply(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give calibrated log-odds."""
        return self.intercept + self.slope * raw

    def to_dict(self) -> dict[str, Any]:
        """Give the calibrator as plain data; :meth:`from_dict` reads it back."""
        return {"method": self.method, "intercept": self.intercept, "slope": self.slope}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibrator:
        """Build a calibrator from plain data."""
        try:
            return cls(float(data["intercept"]), float(data["slope"]), data["method"])
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
