"""Fitting the calibrator to later blocks, and how far off its probabilities may be after them.

Platt's line is the default, with a slope that stays near 1 unless many cases say otherwise.
*Beta* calibration (Kull, Silva Filho and Flach 2017, "Beta calibration", AISTATS) bends it
smoothly near certainty; *isotonic* regression follows the data wherever they rise. Each is fitted
on one later block and judged on the other, by log loss after an offset; a bent shape is taken only
where it beats the line by more than one standard error, people being the witnesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t as student
from threadpoolctl import threadpool_limits

from hiu_risk.model import Calibrator
from hiu_risk.model.calibrator import QUANTILE, Method, Uncertainty
from hiu_training.learning.calibration import (
    MIN_POSITIVES,
    FewPositives,
    fit_calibrator,
    fit_line,
    fit_offset,
    row_losses,
)

LEAST = 2 * MIN_POSITIVES
"""Positives that both blocks need before another shape than the line is looked at."""

POINTS = 33
"""Knots that stand for a smooth curve."""

SLOPE_PRECISION = 100.0
"""The raw slope is taken to be right within a tenth before anything is known of it: that is what
it was on development logs, while a slope fitted to a hundred cases was off by more."""

LEAST_SLOPE = 0.2

Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Seen:
    """Rows of a later block with the log-odds of a model that knew only what was known before it.

    Parameters
    ----------
    raw, label : float64 arrays, shape (n,)
    person : int32 array, shape (n,)
    origin : int16 array, shape (n,)
        Index date of each row.
    """

    raw: NDArray[np.float64]
    label: NDArray[np.float64]
    person: NDArray[np.int32]
    origin: NDArray[np.int16]

    @property
    def judges(self) -> bool:
        """Whether both classes are there."""
        return bool(0 < self.label.sum() < len(self.label))


def fit_beta(line: NDArray[np.float64], label: NDArray[np.float64]) -> Knots:
    """Fit beta calibration on log-odds: c + a ln(p) - b ln(1 - p), a and b above zero.

    Examples
    --------
    >>> line = np.linspace(-3, 3, 2001)
    >>> label = (np.arange(2001) % 100 / 100 < 1 / (1 + np.exp(-line))).astype(float)
    >>> knots = fit_beta(line, label)
    >>> bool(max(abs(y - x) for x, y in knots) < 0.4)
    True
    """
    bulge = np.logaddexp(0.0, line)

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        eta = beta[0] + beta[1] * (line - bulge) + beta[2] * bulge
        gap = 1 / (1 + np.exp(-np.clip(eta, -35, 35))) - label
        value = float((np.logaddexp(0.0, eta) - label * eta).sum())
        return value, np.array([gap.sum(), (gap * (line - bulge)).sum(), (gap * bulge).sum()])

    with threadpool_limits(1, "blas"):
        found = minimize(
            loss, np.array([0.0, 1.0, 1.0]), jac=True, method="L-BFGS-B",
            bounds=[(None, None), (0.1, 10.0), (0.1, 10.0)],
        )  # fmt: skip
    x = np.linspace(line.min(), line.max(), POINTS)
    rise = np.logaddexp(0.0, x)
    return _rising(x, found.x[0] + found.x[1] * (x - rise) + found.x[2] * rise)


def fit_isotonic(line: NDArray[np.float64], label: NDArray[np.float64]) -> Knots:
    """Fit isotonic regression; a knot stands in the middle of each of its steps.

    Examples
    --------
    >>> line = np.repeat([-2.0, -1.0, 0.0], 100)
    >>> label = np.tile([1.0] + [0.0] * 9, 30)
    >>> label[200:] = np.tile([1.0, 0.0], 50)
    >>> [(x, round(y, 1)) for x, y in fit_isotonic(line, label)]
    [(-1.5, -2.2), (0.0, 0.0)]
    """
    from sklearn.isotonic import IsotonicRegression

    level = IsotonicRegression(out_of_bounds="clip").fit(line, label).predict(line)
    _, step, size = np.unique(level, return_inverse=True, return_counts=True)
    x = np.bincount(step, line) / size
    positive = np.bincount(step, label)
    # Half a case either way, so that a step without a positive is not a certainty.
    edge = 0.5 * ((positive == 0).astype(float) - (positive == size))
    p = (positive + edge) / size
    return _rising(x, np.log(p / (1 - p)))


def _rising(x: NDArray[np.float64], y: NDArray[np.float64]) -> Knots:
    """Keep the points that rise in both directions, in nine digits."""
    kept: list[tuple[float, float]] = []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        point = float(f"{a:.9g}"), float(f"{b:.9g}")
        if not kept or (point[0] > kept[-1][0] + 1e-6 and point[1] > kept[-1][1] + 1e-6):
            kept.append(point)
    return tuple(kept)


def calibrate(
    blocks: Sequence[Seen],
    used: Sequence[Seen],
    raw: NDArray[np.float64],
    few_positives: FewPositives = "offset",
) -> Calibrator:
    """Fit slope and shape to what was seen ahead of all blocks, and the level to those used.

    Parameters
    ----------
    blocks, used : sequence of Seen
        All later blocks, and the newest of them.
    raw : float64 array
        Log-odds that the final model gives the rows of ``used``. It has learned from them, so
        its level there is right on average, while a slope seen from ahead is the honest one.

    Raises
    ------
    ModelError
        See :func:`hiu_training.learning.calibration.fit_calibrator`.
    """
    label = np.concatenate([block.label for block in used])
    ahead = np.concatenate([block.raw for block in used])
    person = np.concatenate([block.person for block in used])
    fitted = fit_calibrator(
        ahead, label.astype(np.int8), person=person, few_positives=few_positives
    )
    if fitted.method == "platt":
        _, slope = fit_line(*_pooled(blocks), slope_prior=SLOPE_PRECISION)
        fitted = replace(fitted, slope=max(slope, LEAST_SLOPE))
    shaped = levelled(bent(fitted, blocks), raw, label)
    return replace(shaped, uncertainty=uncertainty(shaped, blocks, used))


def _pooled(
    blocks: Sequence[Seen], slope: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put blocks together, each after an offset of its own."""
    usable = [block for block in blocks if block.judges]
    line = np.concatenate([_level(slope * block.raw, block.label) for block in usable])
    return line, np.concatenate([block.label for block in usable])


_SHAPES: Mapping[Method, Callable[[NDArray[np.float64], NDArray[np.float64]], Knots]] = {
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}


def bent(calibrator: Calibrator, blocks: Sequence[Seen]) -> Calibrator:
    """Bend a fitted line where another shape proved better on blocks that it had not seen."""
    usable = [block for block in blocks if block.label.sum() >= LEAST and block.judges]
    if calibrator.method != "platt" or len(usable) < 2:
        return calibrator
    gains = {method: _gain(method, usable) for method in _SHAPES}
    sure = [method for method, (gain, error) in gains.items() if gain > error]
    if not sure:
        return calibrator
    best = max(sure, key=lambda method: gains[method][0])
    knots = _SHAPES[best](*_pooled(usable, calibrator.slope))
    return replace(calibrator, method=best, knots=knots) if len(knots) > 1 else calibrator


def _level(raw: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(raw + fit_offset(raw, label))


def _gain(method: Method, blocks: Sequence[Seen]) -> tuple[float, float]:
    """Give the log loss that a shape saves over the line, and its standard error."""
    saved, person = [], []
    for place, judge in enumerate(blocks):
        others = [block for other, block in enumerate(blocks) if other != place]
        raw, label = _pooled(others)
        intercept, slope = fit_line(raw, label, slope_prior=SLOPE_PRECISION)
        slope = max(slope, LEAST_SLOPE)
        shape = Calibrator(0.0, 1.0, method, _SHAPES[method](intercept + slope * raw, label))
        line = intercept + slope * _level(judge.raw, judge.label)
        saved.append(row_losses(line, judge.label) - row_losses(shape.apply(line), judge.label))
        person.append(judge.person)
    # A person of several blocks is one witness.
    witness = np.unique(np.concatenate(person), return_inverse=True)[1]
    per_person = np.bincount(witness, np.concatenate(saved))
    variance = ((per_person - per_person.mean()) ** 2).sum()
    return float(per_person.sum()), float(np.sqrt(variance))


def levelled(
    calibrator: Calibrator, raw: NDArray[np.float64], label: NDArray[np.float64]
) -> Calibrator:
    """Shift a calibrator so that its mean probability of these rows is their share of positives."""
    if not calibrator.knots:
        level = fit_offset(calibrator.slope * raw, label)
        return replace(calibrator, intercept=level)
    line = fit_offset(calibrator.slope * raw, label)
    shifted = replace(calibrator, intercept=line)
    more = fit_offset(shifted.apply(raw), label)
    return replace(shifted, knots=tuple((x, y + more) for x, y in shifted.knots))


def uncertainty(
    calibrator: Calibrator, blocks: Sequence[Seen], used: Sequence[Seen]
) -> Uncertainty | None:
    """Estimate how far off the calibrated log-odds may be at a later time.

    The level varies as the people of the blocks used do, the slope as those of all blocks (a
    sandwich variance, people being the clusters). The level varies besides from date to date: by
    how much more than chance explains the levels of the models that looked ahead were off at
    each date of the later blocks.
    """
    if not any(block.judges for block in used):
        return None
    line, label = _pooled(blocks, calibrator.slope)
    person = np.concatenate([block.person for block in blocks if block.judges])
    w = _curvature(line)
    centre = float((w * line).sum() / w.sum())
    slope_curve = float((w * (line - centre) ** 2).sum()) + SLOPE_PRECISION
    slope = _clustered(line, label, person, line - centre) + SLOPE_PRECISION
    now, truth = _pooled(used, calibrator.slope)
    who = np.concatenate([block.person for block in used if block.judges])
    level = _clustered(now, truth, who, np.ones(len(now))) / float(_curvature(now).sum()) ** 2
    numbers = (centre, level, 0.0, slope / slope_curve**2, _between(blocks, used))
    return Uncertainty(*(float(f"{number:.6g}") for number in numbers))


def _curvature(line: NDArray[np.float64]) -> NDArray[np.float64]:
    p = 1 / (1 + np.exp(-np.clip(line, -35, 35)))
    return np.asarray(p * (1 - p))


def _clustered(
    line: NDArray[np.float64],
    label: NDArray[np.float64],
    person: NDArray[np.int32],
    z: NDArray[np.float64],
) -> float:
    """Give the variance of the score in direction z, people being the clusters."""
    gap = label - 1 / (1 + np.exp(-np.clip(line, -35, 35)))
    return float((np.bincount(np.unique(person, return_inverse=True)[1], gap * z) ** 2).sum())


def _between(blocks: Sequence[Seen], used: Sequence[Seen]) -> float:
    """Give the mean square of how far levels seen ahead were off, less what chance explains.

    It counts for the later date and once more for the dates that the level was fitted to, and
    more where it comes from few dates (Student's t).
    """
    excess = []
    for block in blocks:
        for origin in np.unique(block.origin):
            here = block.origin == origin
            label = block.label[here]
            if 0 < label.sum() < len(label):
                off = fit_offset(block.raw[here], label)
                excess.append(off * off - 1 / float(_curvature(block.raw[here] + off).sum()))
    if not excess:
        return 0.0
    fitted_to = sum(len(np.unique(block.origin)) for block in used)
    few = float(student.ppf(0.95, max(len(excess) - 1, 1))) / QUANTILE
    return max(float(np.mean(excess)), 0.0) * (1 + 1 / fitted_to) * few * few
