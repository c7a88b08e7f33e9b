"""Whether a feed fell silent: said to be complete, yet its newest known event is long ago.

What a mapping declares of a feed may be wrong, or an export may have stopped. How long a silence is
too long is told by the feed's own rhythm, so that a small feed, silent for weeks now and then, is
not suspected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from hiu_risk.codes import SOURCE
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from hiu_serving.coverage import spells

QUIET_DAYS = 14
"""A silence up to so many days is never too long."""
TIMES_THE_LONGEST = 2
"""Nor is one up to so many times the longest of the year before it."""
LEAST_WEEKS = 26
"""A feed without an event in so many weeks of that year has no rhythm to tell by."""
_YEAR = 364


@dataclass(frozen=True)
class Seen:
    """When events of a feed happened, of those known at an index date.

    Parameters
    ----------
    newest : int
        The newest, UTC seconds.
    days : tuple of int
        Days (UTC, since 1970) with any event, of the year up to the newest; rising.
    """

    newest: int
    days: tuple[int, ...]

    def plus(self, other: Self | None) -> Seen:
        """Put two parts of a feed together."""
        if other is None:
            return self
        newest = max(self.newest, other.newest)
        days = sorted({*self.days, *other.days})
        return Seen(newest, tuple(day for day in days if day > newest // DAY - _YEAR))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build it from plain data."""
        return cls(data["newest"], tuple(data["days"]))


def seen_of(histories: Histories, as_of: int) -> dict[str, Seen]:
    """Look at each feed's events that are known at an index date; without any, it isn't there."""
    known = (histories.occurred_at < as_of) & (histories.available_at <= as_of)
    found = {}
    for feed in histories.feeds:
        times = histories.occurred_at[known & (histories.source == SOURCE.code(feed.source))]
        if len(times):
            newest, days = int(times.max()), times // DAY
            lately = np.unique(days[days > newest // DAY - _YEAR])
            found[feed.source] = Seen(newest, tuple(lately.tolist()))
    return found


def is_silent(feed: Feed, seen: Seen | None, as_of: int) -> bool:
    """Tell whether a feed is silent for longer than its rhythm lets expect.

    Only time that it is said to cover counts: neither its gaps nor its delay.

    Examples
    --------
    >>> feed = Feed("call", 0, 500 * DAY)
    >>> seen = Seen(400 * DAY, tuple(range(37, 401)))
    >>> is_silent(feed, seen, 414 * DAY), is_silent(feed, seen, 416 * DAY)
    (False, True)
    """
    if seen is None or len({day // 7 for day in seen.days}) < LEAST_WEEKS:
        return False
    longest = max(_covered(feed, a * DAY, b * DAY) for a, b in pairwise(seen.days))
    silent = _covered(feed, seen.newest, as_of - feed.delay)
    return silent > max(QUIET_DAYS * DAY, TIMES_THE_LONGEST * longest)


def _covered(feed: Feed, start: int, end: int) -> int:
    return sum(max(0, min(b, end) - max(a, start)) for a, b in spells(feed))
