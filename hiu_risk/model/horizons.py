"""Models of the same target at several horizons: chances that never fall as one looks further.

Whoever meets the rule within 30 days meets it within 90. Models trained apart don't know that,
so their chances are put in order before anybody sees them side by side. One model keeps its
scores, the one that makes the list; the others give way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError
from hiu_risk.model.bundle import Bundle

GROWING = ("onset", "relapse")
"""Targets that, once they happened within a horizon, happened within any longer one."""

_ALIKE = (
    "target", "definition", "overlap", "washout_days", "policy", "zone", "counting",
    "feature_names", "catalogue_hash",
)  # fmt: skip


@dataclass(frozen=True)
class Breach:
    """Two neighbouring horizons, and how often the models contradict each other.

    Parameters
    ----------
    shorter, longer : int
        Horizons in days.
    rows : int
        Rows with a lower chance at the longer horizon.
    share : float
        The same as a share of all rows.
    largest : float
        The most by which the chance fell.
    """

    shorter: int
    longer: int
    rows: int
    share: float
    largest: float


class HorizonFamily:
    """Bundles that differ in their horizon alone.

    Parameters
    ----------
    kept : Bundle
        Its scores stay as they are.
    others : sequence of Bundle
        Of other horizons.

    Raises
    ------
    ModelError
        A horizon twice, a target that doesn't grow with the horizon, or models that differ in
        more than it.
    """

    def __init__(self, kept: Bundle, others: Sequence[Bundle]) -> None:
        first = kept.manifest
        for bundle in others:
            for name in _ALIKE:
                if getattr(bundle.manifest, name) != getattr(first, name):
                    raise ModelError(
                        f"the models differ in more than their horizon: {name}",
                        where=f"models {kept.version} and {bundle.version}",
                        fix="train them on protocols that are alike but for horizon_days",
                    )
        if first.target not in GROWING:
            raise ModelError(
                f"chances of {first.target} need not rise with the horizon",
                where=f"model {kept.version}",
                fix=f"put side by side only models of {' or '.join(GROWING)}",
            )
        bundles = sorted([kept, *others], key=lambda bundle: bundle.manifest.horizon_days)
        self.bundles = tuple(bundles)
        self.horizons = tuple(bundle.manifest.horizon_days for bundle in bundles)
        if len(set(self.horizons)) < len(bundles):
            raise ModelError(
                "two models have the same horizon",
                where=", ".join(bundle.version for bundle in bundles),
                fix="name one model for each horizon",
            )
        self.kept = bundles.index(kept)

    def scores(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give each model's own score, shape (n, n_horizons), horizons rising."""
        return np.column_stack([bundle.score(values) for bundle in self.bundles])

    def chances(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the scores in order: never lower at a longer horizon, shape (n, n_horizons)."""
        return in_order(self.scores(values), self.kept)

    def breaches(self, scores: NDArray[np.float64]) -> list[Breach]:
        """Count, before anything is put in order, where a longer horizon has a lower score."""
        found = []
        for place in range(len(self.horizons) - 1):
            fall = scores[:, place] - scores[:, place + 1]
            rows = int(np.count_nonzero(fall > 0))
            found.append(
                Breach(
                    self.horizons[place], self.horizons[place + 1], rows,
                    rows / max(len(fall), 1), float(fall.max(initial=0.0)),
                )
            )  # fmt: skip
        return found


def in_order(scores: NDArray[np.float64], kept: int) -> NDArray[np.float64]:
    """Make scores rise with the horizon, leaving one column as it is.

    A longer horizon gets at least the chance of every one between it and the kept one; a shorter
    horizon at most. Scores that are in order already stay as they are.

    Parameters
    ----------
    scores : float64 array, shape (n, n_horizons)
        Horizons rising.
    kept : int
        Column that stays.

    Examples
    --------
    >>> in_order(np.array([[0.3, 0.2, 0.1], [0.1, 0.2, 0.4]]), kept=1).tolist()
    [[0.2, 0.2, 0.2], [0.1, 0.2, 0.4]]
    """
    ordered = scores.copy()
    ordered[:, kept:] = np.maximum.accumulate(scores[:, kept:], axis=1)
    ordered[:, : kept + 1] = np.minimum.accumulate(scores[:, kept::-1], axis=1)[:, ::-1]
    return ordered
