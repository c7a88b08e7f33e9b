"""Calibration of a group: slope and intercept, with intervals that respect persons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_Z95 = 1.959964
_STEPS = 30


@dataclass(frozen=True)
class Calibration:
    """A recalibration line: log-odds of the outcome = intercept + slope x log-odds of the score.

    ``intercept`` is calibration-in-the-large: fitted with the slope held at 1. Each triple is
    estimate, low, high (95%, sandwich variance clustered by person).
    """

    slope: tuple[float, float, float]
    intercept: tuple[float, float, float]


def calibration_of(
    score: Floats, label: NDArray[np.int8], person: NDArray[np.int64]
) -> Calibration | None:
    """Fit slope and intercept; None where they can't be (one class, or one score for all).

    Parameters
    ----------
    score : float array, shape (n,)
        Predicted probabilities.
    label : int8 array, shape (n,)
        1 a case, 0 not.
    person : int64 array, shape (n,)
        Whose row it is.
    """
    bounded = np.clip(score, 1e-12, 1 - 1e-12)
    log_odds = np.log(bounded) - np.log1p(-bounded)
    if label.min() == label.max() or log_odds.min() == log_odds.max():
        return None
    ones = np.ones((len(score), 1))
    line = _fit(np.column_stack([ones, log_odds]), label, person, np.zeros(len(score)))
    level = _fit(ones, label, person, log_odds)
    if line is None or level is None:
        return None
    return Calibration(slope=line[-1], intercept=level[0])


def _fit(
    inputs: Floats, label: NDArray[np.int8], person: NDArray[np.int64], offset: Floats
) -> list[tuple[float, float, float]] | None:
    """Fit a logistic regression by Newton's method; None if it doesn't settle."""
    beta = np.zeros(inputs.shape[1])
    if inputs.shape[1] == 2:
        beta[1] = 1.0
    likelihood = _log_likelihood(inputs @ beta + offset, label)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(inputs @ beta + offset, -500, 500)))
        curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs
        try:
            step = np.linalg.solve(curvature, inputs.T @ (label - p))
        except np.linalg.LinAlgError:
            return None
        if np.abs(step).max() < 1e-8:
            break
        for _ in range(_STEPS):  # a full Newton step can overshoot where risks are extreme
            reached = _log_likelihood(inputs @ (beta + step) + offset, label)
            if reached >= likelihood:
                break
            step = step / 2
        beta, likelihood = beta + step, reached
    else:
        return None
    residual = inputs * (label - p)[:, None]
    _, cluster = np.unique(person, return_inverse=True)
    sums = np.column_stack([np.bincount(cluster, weights=column) for column in residual.T])
    inverse = np.linalg.inv(curvature)
    spread = np.sqrt(np.diag(inverse @ (sums.T @ sums) @ inverse))
    return [
        (float(b), float(b - _Z95 * s), float(b + _Z95 * s))
        for b, s in zip(beta, spread, strict=True)
    ]


def _log_likelihood(log_odds: Floats, label: NDArray[np.int8]) -> float:
    return float(np.sum(label * log_odds - np.logaddexp(0, log_odds)))
