"""Fit the anchor: a logistic regression too simple and too cautious to be far wrong.

Three cautions make it hold up on little data and where the cohort shifts:

- more calls, and more recent calls, may never lower the risk (coefficients are not negative);
- coefficients are pulled not towards zero but towards *equal weights* of the standardised
  inputs, which predict almost as well as fitted weights and need no data (Dawes 1979, "The
  robust beauty of improper linear models", American Psychologist 34, 571-582);
- recent origins count more than old ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from hiu_risk.definitions import Definition
from hiu_risk.model import Anchor, AnchorInput
from hiu_risk.model.anchor import Transform, transform
from hiu_risk.times import DAY
from hiu_training.inputs import Rows
from hiu_training.settings import AnchorSettings

MOST_ROWS = 100_000
"""With more rows a sample of the negatives stands for all, weighted up exactly."""

PREFIXES = {"call": "calls", "ae": "ae", "admission": "admissions"}
_OWN: tuple[tuple[str, Transform], ...] = (
    ("{many}_30d", "log1p"),
    ("{many}_90d", "log1p"),
    ("{many}_365d", "log1p"),
    ("{many}_decayed_7d", "log1p"),
    ("{many}_decayed_30d", "log1p"),
    ("{many}_decayed_90d", "log1p"),
    ("days_since_last_{one}", "recency"),
    ("days_since_3rd_last_{one}", "recency"),
    ("days_since_5th_last_{one}", "recency"),
)
_OTHER: tuple[tuple[str, Transform], ...] = (("{many}_90d", "log1p"), ("{many}_365d", "log1p"))


def anchor_inputs(
    definition: Definition, names: Sequence[str]
) -> list[tuple[str, Transform, bool]]:
    """List the anchor's inputs among these features.

    Returns
    -------
    list of (feature, transform, own)
        ``own`` inputs belong to the sources that the definition counts.

    Examples
    --------
    >>> from hiu_risk.definitions import DEFINITIONS
    >>> anchor_inputs(DEFINITIONS["spec_ae"], ["ae_30d", "calls_90d", "age"])
    [('ae_30d', 'log1p', True), ('calls_90d', 'log1p', False)]
    """
    wanted: list[tuple[str, Transform, bool]] = []
    for source, many in PREFIXES.items():
        own = source in definition.sources
        wanted += [
            (name.format(many=many, one=source), how, own)
            for name, how in (_OWN if own else _OTHER)
        ]
    wanted.sort(key=lambda item: not item[2])
    wanted.append(("tenure_days", "log1p_year", False))
    return [item for item in wanted if item[0] in names]


def fit_anchor(
    rows: Rows, mask: NDArray[np.bool_], definition: Definition, settings: AnchorSettings, seed: int
) -> Anchor:
    """Fit the anchor on the masked rows.

    An input that does not vary among them is left out. With more than 100,000 rows the
    negatives are sampled and weighted up, which leaves the log-odds unbiased.
    """
    chosen, weight = _sampled(rows.label, mask, seed)
    age = rows.as_ofs[rows.origin[mask]].max() - rows.as_ofs[rows.origin[chosen]]
    weight = weight * 0.5 ** (age / (settings.half_life_days * DAY))
    label = rows.label[chosen].astype(np.float64)
    inputs, columns = [], []
    for name, how, own in anchor_inputs(definition, rows.names):
        x = transform(rows.column(name)[chosen], how)
        mean, missing = _mean_and_missing(x, how)
        x[np.isnan(x)] = missing
        spread = float(x.std())
        if spread > 1e-9:
            inputs.append((name, how, own, mean, missing, spread))
            columns.append((x - mean) / spread)
    z = np.stack(columns, axis=1) if columns else np.zeros((len(label), 0))
    is_own = np.array([item[2] for item in inputs], dtype=np.bool_)
    signed = np.array([item[0] != "tenure_days" for item in inputs], dtype=np.bool_)
    with threadpool_limits(1, "blas"):
        prior = _equal_weights(z, label, weight, is_own, signed)
        beta = _fit(z, label, weight, prior, settings.l2, signed)
    return Anchor(
        _rounded(beta[0]),
        tuple(
            AnchorInput(name, how, mean, missing, _rounded(b / spread))
            for (name, how, _, mean, missing, spread), b in zip(inputs, beta[1:], strict=True)
        ),
    )


def _mean_and_missing(x: NDArray[np.float64], how: Transform) -> tuple[float, float]:
    # A missing recency means that it never happened, which the transform writes as 0.
    if how == "recency":
        return _rounded(float(np.nan_to_num(x).mean())), 0.0
    known = x[~np.isnan(x)]
    mean = _rounded(float(known.mean())) if len(known) else 0.0
    return mean, mean


def _rounded(value: float) -> float:
    # Nine digits: so that the order in which threads add does not reach the bundle.
    return float(f"{value:.9g}")


def _sampled(
    label: NDArray[np.int8], mask: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    chosen = np.flatnonzero(mask)
    positive = chosen[label[chosen] == 1]
    negative = chosen[label[chosen] == 0]
    room = max(MOST_ROWS - len(positive), MOST_ROWS // 2)
    if len(negative) <= room:
        return chosen, np.ones(len(chosen))
    sample = np.random.default_rng(seed).choice(negative, room, replace=False)
    both = np.sort(np.concatenate([positive, sample]))
    return both, np.where(label[both] == 1, 1.0, len(negative) / room)


def _equal_weights(
    z: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    own: NDArray[np.bool_],
    signed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Give the prior: one common coefficient of the own inputs, one of tenure, none of others."""
    prior = np.zeros(z.shape[1])
    if not own.any():
        return prior
    composite = np.column_stack([z[:, own].mean(axis=1), z[:, ~signed]])
    floor = np.array([True] + [False] * int((~signed).sum()))
    beta = _fit(composite, label, weight, np.zeros(composite.shape[1]), 1e-3, floor)
    prior[own] = beta[1] / own.sum()
    prior[~signed] = beta[2:]
    return prior


def _fit(
    z: NDArray[np.float64],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
    prior: NDArray[np.float64],
    l2: float,
    not_negative: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Minimise the weighted log loss plus l2/2 times the squared distance to the prior."""
    rate = float(np.average(label, weights=weight))

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        eta = beta[0] + z @ beta[1:]
        apart = beta[1:] - prior
        value = float(weight @ (np.logaddexp(0, eta) - label * eta) + l2 / 2 * apart @ apart)
        gap = weight * (1 / (1 + np.exp(-np.clip(eta, -35, 35))) - label)
        return value, np.concatenate([[gap.sum()], z.T @ gap + l2 * apart])

    start = np.concatenate([[np.log(rate / (1 - rate))], prior])
    bounds = [(None, None), *((0.0 if floor else None, None) for floor in not_negative)]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
    )  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)
