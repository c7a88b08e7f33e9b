"""Fitting the calibrator, and measuring calibration."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError
from hiu_risk.model.calibrator import Calibrator

MIN_POSITIVES = 20
"""Fewer different positive people than this can't carry a slope."""

FewPositives = Literal["offset", "refuse"]


def fit_line(
    raw: NDArray[np.float64], label: NDArray[np.float64], *, slope_prior: float = 0.0
) -> tuple[float, float]:
    """Fit label ~ logistic(intercept + slope * raw) by Newton's method.

    Parameters
    ----------
    raw : float64 array
        Log-odds before calibration.
    label : float64 array
        0 or 1; both must occur.
    slope_prior : float
        Strength of a pull of the slope towards 1, in units of the likelihood's curvature.

    Returns
    -------
    intercept, slope : float
    """
    centre = float(raw.mean())
    x = raw - centre
    rate = float(label.mean())
    beta = np.array([np.log(rate / (1 - rate)), 1.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * x, -35, 35)))
        gap, w = label - p, np.maximum(p * (1 - p), 1e-12)
        gradient = np.array([gap.sum(), (gap * x).sum() - slope_prior * (beta[1] - 1)])
        cross = (w * x).sum()
        hessian = np.array([[w.sum(), cross], [cross, (w * x * x).sum() + slope_prior]])
        hessian += 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[0] - beta[1] * centre), float(beta[1])


def fit_offset(
    raw: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
) -> float:
    """Fit label ~ logistic(offset + raw): the shift that makes the mean score the mean label."""
    weight = np.ones(len(label)) if weight is None else weight
    rate = float(np.average(label, weights=weight))
    offset = np.log(rate / (1 - rate)) - float(np.median(raw))
    for _ in range(200):
        p = 1 / (1 + np.exp(-np.clip(offset + raw, -35, 35)))
        # Plain sums: products of vectors add up in another order on another number of threads.
        step = (weight * (label - p)).sum() / max((weight * p * (1 - p)).sum(), 1e-9)
        offset += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-12:
            break
    return float(offset)


def row_losses(raw: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the log loss of each row after the best offset.

    So a base rate that drifted between blocks is nobody's merit.
    """
    eta = raw + fit_offset(raw, label)
    return np.asarray(np.logaddexp(0, eta) - label * eta)


def positive_people(label: NDArray[Any], person: NDArray[np.int32]) -> int:
    """Count the different people of the positive rows."""
    return len(np.unique(person[label > 0]))


def fit_calibrator(
    raw: NDArray[np.float64],
    label: NDArray[np.int8],
    *,
    person: NDArray[np.int32] | None = None,
    where: str = "calibration block",
    few_positives: FewPositives = "offset",
) -> Calibrator:
    """Fit Platt's line; with few positives only its offset, or nothing at all.

    Positives are counted as different people where ``person`` says whose the rows are: somebody
    who is positive at three dates is one witness.

    The slope is pulled towards 1 as if by one more curvature unit, so that a block of few
    positives does not overrule the model, and is kept at 0.2 or more.

    Raises
    ------
    ModelError
        Only one class in the block, or fewer than 20 positives where ``few_positives`` is
        ``refuse``.

    Examples
    --------
    >>> raw = np.repeat([-2.0, 2.0], 500)
    >>> label = np.tile([1] + [0] * 9, 100).astype(np.int8)
    >>> fit_calibrator(raw, label).slope
    0.2
    """
    positives = int(label.sum())
    if positives in (0, len(label)):
        raise ModelError(
            f"one class alone: {positives} positive of {len(label)} rows",
            where=where,
            fix="choose origins with onsets in every block, a longer horizon or more data",
        )
    y = label.astype(np.float64)
    different = positives if person is None else positive_people(label, person)
    if different < MIN_POSITIVES:
        if few_positives == "refuse":
            raise ModelError(
                f"{different} different positives can't carry a calibration, which needs "
                f"{MIN_POSITIVES}",
                where=where,
                fix='add calibration origins, or allow few_positives = "offset" in the protocol',
            )
        return Calibrator(fit_offset(raw, y), 1.0, "offset")
    intercept, slope = fit_line(raw, y, slope_prior=1.0)
    if slope < 0.2:
        return Calibrator(fit_offset(0.2 * raw, y), 0.2, "platt")
    return Calibrator(intercept, slope, "platt")
