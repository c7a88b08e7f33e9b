"""A value beside other people's: fair both ways, and silent where it wouldn't be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiu_features.context import Context
    from hiu_features.feature import Feature

_COUNTS = ("count", "peak", "active_periods", "different_reasons")
_COMPARED = (*_COUNTS, "share", "days_since")
_PERCENTILES = tuple((percent, f"p{percent}") for percent in (1, 5, 10, 25, 50, 75, 90, 95, 99))
_LEAST_KNOWN = 0.95
"""Of 100 people so many must have a value before something is said of all of them."""
_LEAST_OF_A_SHARE = 3
"""A share of fewer events says nothing worth comparing."""


def comparison(
    feature: Feature,
    value: float,
    reference: Mapping[str, float | None],
    whole: float | None,
    context: Context,
) -> str:
    """Compare a value with other people's; empty where that would not be fair.

    Counts and shares are compared, and how long ago something was. A change is already compared
    with the person's own past. Quantiles of a value that many people don't have say nothing about
    all people.

    Parameters
    ----------
    feature : Feature
        Whose value it is.
    value : float
        Finite.
    reference : mapping
        Its quantiles, for instance ``{"p50": 0, "p95": 2}``, and ``known``, the share of people
        with a value.
    whole : float or None
        Of a share: how many events it is a share of.
    context : Context
        Names the peers.
    """
    known = reference.get("known")
    if known is not None and known < _LEAST_KNOWN:
        return ""
    if feature.primitive not in _COMPARED:
        return ""
    quantiles = [
        (percent, number)
        for percent, name in _PERCENTILES
        if (number := reference.get(name)) is not None and math.isfinite(number)
    ]
    if feature.primitive in _COUNTS:
        return _of_counts(round(value), quantiles, context.peers)
    if feature.primitive == "share" and (whole is None or whole >= _LEAST_OF_A_SHARE):
        return _of_shares(value, quantiles, context.peers)
    if feature.primitive == "days_since":
        return _of_days(value, quantiles, context.peers)
    return ""


def _below(value: float, quantiles: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    """Give the highest quantile that is not above the value."""
    return max((q for q in quantiles if q[1] <= value), default=None)


def _above(value: float, quantiles: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    """Give the lowest quantile that is above the value."""
    return min((q for q in quantiles if q[1] > value), default=None)


def _so_many(percent: int, peers: str) -> str:
    return f"half of {peers}" if percent == 50 else f"{percent} of 100 {peers}"


def _of_counts(value: int, quantiles: Sequence[tuple[int, float]], peers: str) -> str:
    whole = [(percent, math.ceil(number - 1e-6)) for percent, number in quantiles]
    fewer = _below(value, [(percent, number) for percent, number in whole if number < value])
    below, above = _below(value, whole), _above(value, whole)
    for found in (fewer, below):
        if found is not None and found[0] >= 50:
            had = f"{found[1]:,} or fewer" if found[1] else "none too" if value == 0 else "none"
            return f"{_so_many(found[0], peers)} had {had}"
    if above is not None and above[0] <= 50:
        return f"{_so_many(100 - above[0], peers)} had {above[1]:,} or more"
    return ""


def _of_shares(value: float, quantiles: Sequence[tuple[int, float]], peers: str) -> str:
    whole = [(percent, math.ceil(100 * number - 1e-6)) for percent, number in quantiles]
    shown = round(100 * value)
    below = _below(shown, [(p, number) for p, number in whole if number < shown])
    if below is not None and below[0] >= 50:
        had = f"{below[1]}% or less" if below[1] else "none"
        return f"for {_so_many(below[0], peers)} it was {had}"
    above = _above(shown, whole)
    if above is not None and above[0] <= 50:
        return f"for {_so_many(100 - above[0], peers)} it was {above[1]}% or more"
    return ""


def _of_days(value: float, quantiles: Sequence[tuple[int, float]], peers: str) -> str:
    above = _above(value, quantiles)
    if above is not None and above[0] <= 50:
        return f"for {_so_many(100 - above[0], peers)} it was longer ago"
    below = _below(value, [q for q in quantiles if q[1] < value])
    if below is not None and below[0] >= 50:
        return f"for {_so_many(below[0], peers)} it was more lately"
    return ""
