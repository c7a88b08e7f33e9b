"""Intervals by resampling people: a person's rows at several origins are not independent."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def resample_people(
    n_people: int, n_resamples: int, seed: int, first: int = 0
) -> NDArray[np.uint8]:
    """Draw people with replacement, as often as there are people.

    Parameters
    ----------
    n_people, n_resamples : int
        Size of the result.
    seed : int
        Resample ``first + r`` depends on the seed and its number alone.
    first : int
        Number of the first resample, so that blocks give what one call would.

    Returns
    -------
    uint8 array, shape (n_people, n_resamples)
        How often each person was drawn; each column sums to ``n_people``.

    Examples
    --------
    >>> resample_people(4, 3, seed=1).sum(axis=0).tolist()
    [4, 4, 4]
    """
    weights = np.zeros((n_people, n_resamples), np.uint8)
    _draw(weights, np.uint64(seed), first)
    return weights


@numba.njit(cache=True, nogil=True)
def _draw(weights, seed, first):  # type: ignore[no-untyped-def]
    """Fill the weights; random numbers by SplitMix64 (public domain, S. Vigna)."""
    n_people, n_resamples = weights.shape
    low = np.uint64(0xFFFFFFFF)
    for resample in range(n_resamples):
        state = (seed + np.uint64(1)) * np.uint64(0xD1342543DE82EF95)
        state ^= np.uint64(first + resample + 1) * np.uint64(0xA0761D6478BD642F)
        for _ in range(n_people):
            state += np.uint64(0x9E3779B97F4A7C15)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            drawn = ((z & low) * np.uint64(n_people)) >> np.uint64(32)
            weights[np.int64(drawn), resample] += np.uint8(1)


def interval(draws: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """Give the percentile interval of resampled values; NaN where none is a number.

    Examples
    --------
    >>> interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    known = draws[np.isfinite(draws)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
