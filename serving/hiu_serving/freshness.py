"""How far each feed reaches: a list made from feeds that stopped early misses people.

A feed is judged by what is declared of it, and by whether it fell silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hiu_risk.definitions import Definition
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from hiu_serving.silence import Seen, is_silent, seen_of
from hiu_serving.wording import local_iso

Status = Literal["fresh", "stale", "silent", "too_stale"]


@dataclass(frozen=True)
class FreshnessLimits:
    """When a feed is called stale, and when no list is made at all.

    Parameters
    ----------
    banner_days : float
        A feed that stops more than this many days earlier than its declared delay explains is
        named in a banner.
    refuse_days : float
        If it is one the definition counts, and this many days are passed, no list is made.

    Examples
    --------
    >>> FreshnessLimits().status(5 * 86_400)
    'stale'
    """

    banner_days: float = 3
    refuse_days: float = 21

    def __post_init__(self) -> None:
        if not 0 <= self.banner_days <= self.refuse_days:
            raise UsageError(
                "the days for the banner can't be below 0 or above the days for the refusal",
                where="freshness limits",
            )

    def status(self, behind: int) -> Status:
        """Judge a feed by the seconds it is behind."""
        if behind > self.refuse_days * DAY:
            return "too_stale"
        return "stale" if behind > self.banner_days * DAY else "fresh"


@dataclass(frozen=True)
class FeedFreshness:
    """How far one feed reaches at an index date.

    Parameters
    ----------
    source : str
        ``call``, ``ae`` or ``admission``.
    complete_until : int
        UTC seconds until which the feed is complete.
    newest_known_at : int or None
        When the newest event known at the index date happened.
    days_behind : float
        Days by which it is later than its declared delay explains; 0 when it isn't.
    status : str
        ``fresh``, ``stale``, ``too_stale``, or ``silent``: it is declared to reach further than its
        events do; see :mod:`hiu_serving.silence`.
    """

    source: str
    complete_until: int
    newest_known_at: int | None
    days_behind: float
    status: Status


def freshness(
    histories: Histories, as_of: int, limits: FreshnessLimits
) -> tuple[FeedFreshness, ...]:
    """Judge every feed at an index date, by everybody's events."""
    judged = judge(histories.feeds, as_of, limits)
    return with_newest(judged, histories.feeds, seen_of(histories, as_of), as_of)


def judge(feeds: Iterable[Feed], as_of: int, limits: FreshnessLimits) -> tuple[FeedFreshness, ...]:
    """Judge feeds by what is said of them, without looking at their events."""
    judged = []
    for feed in feeds:
        behind = max(0, as_of - feed.complete_until - feed.delay)
        judged.append(
            FeedFreshness(
                feed.source, feed.complete_until, None, behind / DAY, limits.status(behind)
            )
        )
    return tuple(judged)


def with_newest(
    judged: tuple[FeedFreshness, ...], feeds: Sequence[Feed], seen: Mapping[str, Seen], as_of: int
) -> tuple[FeedFreshness, ...]:
    """Add when the newest known event of each feed happened, and whether it fell silent since."""
    told = []
    for state, feed in zip(judged, feeds, strict=True):
        events = seen.get(feed.source)
        silent = state.status != "too_stale" and is_silent(feed, events, as_of)
        told.append(
            replace(
                state,
                newest_known_at=None if events is None else events.newest,
                status="silent" if silent else state.status,
            )
        )
    return tuple(told)


def require_covered(
    histories: Histories,
    as_of: int,
    definition: Definition,
    judged: tuple[FeedFreshness, ...],
    limits: FreshnessLimits,
) -> None:
    """Refuse an index date that the feeds the definition counts can't answer for.

    Raises
    ------
    DataError
        No feed of a source that the definition counts, a date before its data begin, or a feed
        staler than the limit.
    """
    day = local_iso(as_of, histories.zone)
    for source in definition.sources:
        feed = histories.feed(source)
        if feed is None:
            raise DataError(
                f"the definition counts {source} incidents and the store has no such feed",
                where=f"definition {definition.id}",
                fix=f"ingest the {source} feed, or choose a model for another definition",
            )
        if as_of <= feed.starts_at:
            begins = local_iso(feed.starts_at, histories.zone)
            raise DataError(
                f"the {source} feed begins on {begins}, after the index date",
                where=f"--as-of {day}",
                fix="choose a later date",
            )
    for state in judged:
        if state.status == "too_stale" and state.source in definition.sources:
            stops = local_iso(state.complete_until, histories.zone)
            raise DataError(
                f"the {state.source} feed stops on {stops}, "
                f"{np.ceil(state.days_behind):.0f} days too early for the index date "
                f"(the limit is {limits.refuse_days:g})",
                where=f"--as-of {day}",
                fix="ingest the feed again, or choose an earlier date (--refuse-days is the limit)",
            )
