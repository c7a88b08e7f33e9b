"""Rows made up to try a bundle with: it must still give the scores that it gave in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hiu_risk.model import Bundle

ROWS = 64
_MISSING = 0.1


def probe_rows(bundle: Bundle) -> NDArray[np.float32]:
    """Make up rows from the bundle's own reference: nobody's values, the same ones each time."""
    rng = np.random.default_rng(0)
    values = np.full((ROWS, len(bundle.feature_names)), np.nan, np.float32)
    for column, name in enumerate(bundle.feature_names):
        known = [v for v in bundle.reference.get(name, {}).values() if v is not None] or [0.0, 1.0]
        drawn = rng.uniform(min(known), max(known), ROWS)
        values[:, column] = np.where(rng.random(ROWS) < _MISSING, np.nan, drawn)
    return values


def probe_scores(bundle: Bundle) -> list[float]:
    """Give the scores of those rows."""
    return [float(score) for score in bundle.score(probe_rows(bundle), threads=1)]


def scores_differ(bundle: Bundle, kept: Sequence[float] | None) -> float | None:
    """Give the largest difference from the scores kept; None where none were.

    Examples
    --------
    >>> from tests.support.bundles import make_bundle
    >>> bundle = make_bundle(with_trees=False)
    >>> scores_differ(bundle, probe_scores(bundle)), scores_differ(bundle, None)
    (0.0, None)
    """
    if not kept:
        return None
    now = probe_scores(bundle)
    if len(kept) != len(now):
        return float("inf")
    return float(np.abs(np.array(now) - np.array(kept)).max())
