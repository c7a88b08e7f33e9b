"""How far back a feature looks, and at which sources: read from its declaration."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hiu_features.which import Which

if TYPE_CHECKING:
    from hiu_features.feature import Feature

HALF_LIVES = 3
"""A window of so many half-lives holds seven eighths of a decayed count's weight."""


@lru_cache(maxsize=4_096)
def sources(feature: Feature) -> tuple[str, ...]:
    """Give the sources whose events a feature looks at.

    Examples
    --------
    >>> from hiu_features import default_catalogue
    >>> sources(default_catalogue()["ae_28d"]), sources(default_catalogue()["age"])
    (('ae',), ())
    """
    found = [value.source for value in feature.params.values() if isinstance(value, Which)]
    return tuple(dict.fromkeys(source for group in found for source in group))


@lru_cache(maxsize=4_096)
def reach(feature: Feature) -> float | None:
    """Give how many days back a feature looks; None where it has no window.

    Examples
    --------
    >>> from hiu_features import default_catalogue
    >>> catalogue = default_catalogue()
    >>> [reach(catalogue[name]) for name in ("calls_28d_before", "calls_change_28d", "age")]
    [56.0, 56.0, None]
    """
    params = feature.params
    if not sources(feature):
        return None
    if feature.primitive == "change":
        return float(2 * params["days"])
    if "within" in params:
        return float(params["within"])
    if "days" in params:
        return float(params["days"] + params.get("before", 0))
    for name in ("half_life", "slow"):
        if name in params:
            return float(HALF_LIVES * params[name])
    return None
