"""The anchor: a small logistic regression that fits on one page.

Its log-odds are a sum of one term per input, each measured from that input's mean among the
people it was trained on. So a term is already a contribution: what this person's value adds
to, or takes from, the average person's log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError, near_match
from hiu_risk.model.crossing import Crossing, crossing_values

Transform = Literal["identity", "log1p", "log1p_year", "recency"]
RECENCY_DAYS = 14.0
"""Days since an event at which the ``recency`` transform has fallen to one half."""


def transform(values: NDArray[np.float32], how: Transform) -> NDArray[np.float64]:
    """Transform one feature; missing values stay NaN.

    ``log1p`` keeps the sign; ``log1p_year`` caps days at a year first, so that a person known
    for longer than anybody in training is not extrapolated; ``recency`` maps days since an
    event to (0, 1]: 1 just now, towards 0 long ago.

    Examples
    --------
    >>> transform(np.array([0, 14, 126], np.float32), "recency").tolist()
    [1.0, 0.5, 0.1]
    """
    x = np.ascontiguousarray(values, dtype=np.float64)
    if how == "log1p":
        return np.asarray(np.copysign(np.log1p(np.abs(x)), x))
    if how == "log1p_year":
        return np.asarray(np.log1p(np.clip(x, 0.0, 365.0)))
    if how == "recency":
        return np.asarray(RECENCY_DAYS / (RECENCY_DAYS + np.maximum(x, 0.0)))
    return x


@dataclass(frozen=True)
class AnchorInput:
    """One term of the anchor.

    Parameters
    ----------
    feature : str
        Name in the catalogue.
    transform : str
        ``identity``, ``log1p``, ``log1p_year`` or ``recency``.
    mean : float
        Mean of the transformed feature among the training rows.
    missing : float
        What a missing value counts as, after the transform: the mean (no contribution), or 0
        for ``recency``, where missing means that it never happened.
    coefficient : float
        Log-odds per unit of the transformed feature.
    """

    feature: str
    transform: Transform
    mean: float
    missing: float
    coefficient: float

    def __post_init__(self) -> None:
        if self.transform not in get_args(Transform):
            raise ModelError(
                f"unknown transform {self.transform!r}",
                where="anchor",
                fix=near_match(str(self.transform), get_args(Transform)),
            )
        if not np.isfinite([self.mean, self.missing, self.coefficient]).all():
            raise ModelError("a number of the anchor is not finite", where=self.feature)

    def term(self, column: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give each row's contribution to the log-odds."""
        x = transform(column, self.transform)
        x[np.isnan(x)] = self.missing
        return (x - self.mean) * self.coefficient


@dataclass(frozen=True)
class Anchor:
    """The sum of an intercept and one term per input, of a feature or of the rule itself.

    Parameters
    ----------
    intercept : float
        Log-odds of a person whose every input is at its mean.
    inputs : tuple of AnchorInput
        Terms of one feature each.
    crossings : tuple of Crossing
        Terms that ask how near the person is to meeting the rule. With neither, the anchor is
        a constant.

    Examples
    --------
    >>> anchor = Anchor(-3.0, (AnchorInput("calls_30d", "identity", 1.0, 1.0, 0.5),))
    >>> anchor.log_odds(np.array([[1], [3], [np.nan]], np.float32), ["calls_30d"]).tolist()
    [-3.0, -2.0, -3.0]
    """

    intercept: float
    inputs: tuple[AnchorInput, ...]
    crossings: tuple[Crossing, ...] = ()

    @property
    def terms(self) -> tuple[AnchorInput | Crossing, ...]:
        """All terms, of either kind."""
        return (*self.inputs, *self.crossings)

    @property
    def features(self) -> set[str]:
        """Features without which the anchor can't be computed."""
        rates = {crossing.rate_feature for crossing in self.crossings}
        return {item.feature for item in self.inputs} | rates

    def log_odds(self, values: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
        """Give the log-odds of rows of feature values whose columns are ``names``."""
        total = np.full(len(values), self.intercept)
        for item in self.inputs:
            total += item.term(values[:, names.index(item.feature)])
        if self.crossings:
            whole, _ = crossing_values(self.crossings, values, names)
            for crossing, x in zip(self.crossings, whole.T, strict=True):
                total += (x - crossing.mean) * crossing.coefficient
        return total

    def contributions(
        self, values: NDArray[np.float32], names: Sequence[str]
    ) -> NDArray[np.float64]:
        """Give what each feature adds to the intercept, shape (n, n_features)."""
        parts = np.zeros(values.shape)
        for item in self.inputs:
            column = names.index(item.feature)
            parts[:, column] += item.term(values[:, column])
        if not self.crossings:
            return parts
        whole, alone = crossing_values(self.crossings, values, names)
        for crossing, x, rate in zip(self.crossings, whole.T, alone.T, strict=True):
            from_rate = (rate - crossing.mean) * crossing.coefficient
            parts[:, names.index(crossing.rate_feature)] += from_rate
            from_window = (x - rate) * crossing.coefficient
            parts[:, names.index(crossing.window_feature(names))] += from_window
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Give the anchor as plain data; :meth:`from_dict` reads it back."""
        data: dict[str, Any] = {
            "intercept": self.intercept,
            "recency_days": RECENCY_DAYS,
            "inputs": [
                {name: getattr(item, name) for name in item.__dataclass_fields__}
                for item in self.inputs
            ],
        }
        if self.crossings:  # bundles made before there were any keep their id
            data["crossings"] = [crossing.to_dict() for crossing in self.crossings]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Anchor:
        """Build an anchor from plain data."""
        try:
            if data["recency_days"] != RECENCY_DAYS:
                raise ModelError(
                    "the anchor was written with another recency transform",
                    where="anchor.json",
                    fix="train again with this version",
                )
            return cls(
                float(data["intercept"]),
                tuple(AnchorInput(**item) for item in data["inputs"]),
                tuple(Crossing.from_dict(item) for item in data.get("crossings", ())),
            )
        except (KeyError, TypeError, ValueError):
            raise ModelError("not an anchor", where="anchor.json") from None
