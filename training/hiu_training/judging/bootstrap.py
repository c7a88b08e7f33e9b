"""Intervals by resampling people: a person's rows at several origins are not independent."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel

Floats = NDArray[np.float64]
Scale = Literal["share", "amount", "plain", "apart"]

LEVEL = 0.95

FEWEST_RESAMPLES = 2
"""With fewer there is no interval."""


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
    drawn = np.zeros((n_resamples, n_people), np.uint8)
    _draw(drawn, np.uint64(seed), first)
    weights = np.empty((n_people, n_resamples), np.uint8)
    _turn(drawn, weights)
    return weights


@kernel(nogil=True)
def _draw(drawn, seed, first):  # type: ignore[no-untyped-def]
    """Fill the weights; random numbers by SplitMix64 (public domain, S. Vigna)."""
    n_resamples, n_people = drawn.shape
    low = np.uint64(0xFFFFFFFF)
    for resample in range(n_resamples):
        times = drawn[resample]
        state = (seed + np.uint64(1)) * np.uint64(0xD1342543DE82EF95)
        state ^= np.uint64(first + resample + 1) * np.uint64(0xA0761D6478BD642F)
        for _ in range(n_people):
            state += np.uint64(0x9E3779B97F4A7C15)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
            who = ((z & low) * np.uint64(n_people)) >> np.uint64(32)
            times[np.int64(who)] += np.uint8(1)


@kernel(nogil=True)
def _turn(drawn, weights):  # type: ignore[no-untyped-def]
    """Transpose in strips that stay in the fast memory."""
    n_resamples, n_people = drawn.shape
    for start in range(0, n_people, 256):
        stop = min(start + 256, n_people)
        for resample in range(n_resamples):
            for person in range(start, stop):
                weights[person, resample] = drawn[resample, person]


def interval(draws: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Give the percentile interval of resampled values; NaN where none is a number.

    Of a ranking's measures :func:`estimate` covers better.

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


def estimate(
    value: float, draws: Floats, scale: Scale, freedom: float = np.inf
) -> tuple[float, float]:
    """Give the 95% interval of a measure from its resampled values.

    The resamples tell how much the measure varies; Student's t, with as many degrees of freedom
    as the people behind that variation can carry, tells how far to go. Shares are taken on the
    arcsine scale and amounts on the square root's, where the spread depends least on the value.
    Differences, which have long tails and no such scale, take percentiles, further out by as much
    as Student's t is beyond the normal. Decision 0023 shows what that covers.

    Parameters
    ----------
    value : float
        The sample's own.
    draws : float64 array
        Those of the resamples; what is not a number is left out.
    scale : str
        ``share`` (0 to 1), ``amount`` (0 or more), ``plain``, or ``apart`` (a difference).
    freedom : float
        Degrees of freedom; see :func:`freedom_of`.

    Returns
    -------
    (float, float)
        NaN where there is no interval.

    Examples
    --------
    >>> low, high = estimate(0.5, np.array([0.4, 0.5, 0.6]), "share", freedom=40)
    >>> round(low, 2), round(high, 2)
    (0.3, 0.7)
    """
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(known) < max(FEWEST_RESAMPLES, len(draws) // 2):
        return float("nan"), float("nan")
    if scale == "apart":
        tail = _beyond(_quantile(max(freedom, 2.0)))
        low, high = np.quantile(known, [tail, 1 - tail])
        return min(float(low), value), max(float(high), value)
    here, spread = _to(np.array(value), scale), float(_to(known, scale).std(ddof=1))
    reach = _quantile(max(freedom, 2.0)) * spread
    low, high = (float(_back(np.array(here + side * reach), scale)) for side in (-1, 1))
    return min(low, value), max(high, value)


def _to(values: Floats, scale: Scale) -> Floats:
    if scale == "share":
        return np.asarray(np.arcsin(np.sqrt(np.clip(values, 0, 1))))
    return np.asarray(np.sqrt(np.maximum(values, 0)) if scale == "amount" else values)


def _back(values: Floats, scale: Scale) -> Floats:
    if scale == "share":
        return np.asarray(np.sin(np.clip(values, 0, np.pi / 2)) ** 2)
    return np.asarray(np.maximum(values, 0) ** 2 if scale == "amount" else values)


def _quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(min(freedom, 1e6), (1 + LEVEL) / 2))


def _beyond(quantile: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(-quantile))


def freedom_of(influence: Floats) -> float:
    """Give the degrees of freedom of a spread that people contribute to so unequally.

    Satterthwaite's: twice the square of the summed squares over the summed fourth powers. Where
    three people at the top of the list decide the average precision, they are what it rests on,
    however many thousands rank below.

    Parameters
    ----------
    influence : float64 array, shape (n_people,)
        How much the measure moves when a person counts a little more.

    Examples
    --------
    >>> freedom_of(np.array([1.0, -1.0, 1.0, -1.0]))
    8.0
    >>> round(freedom_of(np.array([1.0, 0.1, 0.1])), 2)
    2.08
    """
    squares = influence**2
    fourth = float((squares**2).sum())
    return 2 * float(squares.sum()) ** 2 / fourth if fourth > 0 else np.inf


def none_or_all(people: int) -> float:
    """Give how large a share may be when none of so many people had it (97.5%, exact).

    Examples
    --------
    >>> round(none_or_all(50), 3)
    0.071
    """
    return float(1 - ((1 - LEVEL) / 2) ** (1 / people)) if people > 0 else 1.0
