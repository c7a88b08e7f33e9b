"""How much is known of a person, and when it is too little to score them.

What the data don't cover can only hide events, so a short history makes a score too low, never
too high. Below the floor nothing is said instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hiu_features.context import Context, Spells
from hiu_risk.codes import SOURCE
from hiu_risk.definitions import Definition
from hiu_risk.errors import UsageError
from hiu_risk.histories import UNKNOWN_TIME, Feed, Histories
from hiu_risk.times import DAY

FEEDS_TOO_SHORT = "feeds_too_short"
TOO_LITTLE_HISTORY = "too_little_history"


@dataclass(frozen=True)
class Floor:
    """How much must be known of somebody before they are scored.

    Parameters
    ----------
    days : int
        So many days must be covered by every feed that the definition counts, since the person
        registered; 0 asks for none.
    within : int
        Days before the index date in which they are looked for.

    Examples
    --------
    >>> Floor().days
    28
    """

    days: int = 28
    within: int = 90

    def __post_init__(self) -> None:
        if not 0 <= self.days <= self.within:
            raise UsageError(
                f"the least days known are 0 to {self.within}",
                where="--least-days",
                fix="choose a smaller number",
            )


@dataclass(frozen=True)
class Abstained:
    """Somebody who could be on the list, of whom too little is known to say.

    Parameters
    ----------
    person : str
        The pseudonym.
    code : str
        ``too_little_history`` (theirs) or ``feeds_too_short`` (everybody's).
    days_known : int
        Days known of those looked at.
    incidents : int
        What the definition counts, in those days.
    """

    person: str
    code: str
    days_known: int
    incidents: int


def days_known(
    histories: Histories, as_of: int, definition: Definition, within: int
) -> NDArray[np.float64]:
    """Give how many of the last days are known of each person, shape (n_people,).

    The least of the sources that the definition counts; all of them where no feed is declared,
    because nothing was said then.
    """
    first = np.maximum(histories.people.registered_from, as_of - within * DAY)
    if not histories.feeds:
        return np.full(len(first), float(within))
    found = np.full(len(first), float(within))
    for source in definition.sources:
        feed, seconds = histories.feed(source), np.zeros(len(first), np.int64)
        for start, end in () if feed is None else spells(feed):
            seconds += np.maximum(0, min(end, as_of) - np.maximum(first, start))
        found = np.minimum(found, seconds / DAY)
    return found


def feed_days(histories: Histories, as_of: int, definition: Definition, within: int) -> float:
    """Give how many of the last days the feeds cover of somebody who was always here."""
    if not histories.feeds:
        return float(within)
    first = as_of - within * DAY
    return min(
        sum(
            max(0, min(end, as_of) - max(first, start))
            for start, end in (() if feed is None else spells(feed))
        )
        / DAY
        for feed in map(histories.feed, definition.sources)
    )


def spells(feed: Feed) -> tuple[tuple[int, int], ...]:
    """Give the spans that a feed covers: from its start to its end, without the gaps.

    Examples
    --------
    >>> spells(Feed("call", 0, 100, gaps=((20, 30), (90, 120))))
    ((0, 20), (30, 90))
    """
    found, at = [], feed.starts_at
    for start, end in (*sorted(feed.gaps), (feed.complete_until, feed.complete_until)):
        until = min(start, feed.complete_until)
        if until > at:
            found.append((at, until))
        at = max(at, end)
    return tuple(found)


@dataclass(frozen=True)
class TooLittleKnown:
    """Everybody who could be on the list, of whom too little is known to say.

    Parameters
    ----------
    person : int64 array, shape (n,)
        Positions in the histories.
    days, incidents : int64 arrays, shape (n,)
        Days known of those looked at, and what the definition counts in them.
    code : str
        ``too_little_history`` or ``feeds_too_short``.
    """

    person: NDArray[np.int64]
    days: NDArray[np.int64]
    incidents: NDArray[np.int64]
    code: str

    @classmethod
    def of(
        cls,
        histories: Histories,
        as_of: int,
        definition: Definition,
        floor: Floor,
        people: NDArray[np.int64],
        code: str,
    ) -> Self:
        """Look at what is known of these people."""
        some = histories.take(people)
        days = days_known(some, as_of, definition, floor.within).astype(np.int64)
        return cls(people, days, _incidents(some, as_of, definition, floor.within), code)

    def foremost(self, ids: NDArray[np.str_], most: int) -> tuple[Abstained, ...]:
        """Tell of those with most incidents, at most so many; ``ids`` are everybody's."""
        names = ids[self.person]
        order = np.lexsort((names, -self.incidents))[:most]
        return tuple(
            Abstained(str(names[row]), self.code, int(self.days[row]), int(self.incidents[row]))
            for row in order.tolist()
        )


def _incidents(
    histories: Histories, as_of: int, definition: Definition, within: int
) -> NDArray[np.int64]:
    h = histories
    counted = np.isin(h.source, [SOURCE.code(source) for source in definition.sources])
    counted &= (h.occurred_at >= as_of - within * DAY) & (h.occurred_at < as_of)
    counted &= (h.available_at <= as_of) & (as_of < h.leads_until)
    return np.bincount(h.event_person[counted], minlength=h.n_people)


def context_of(histories: Histories, person: int, as_of: int, peers: str) -> Context:
    """Say of whom and when the sentences about somebody speak, and what is known of them."""
    registered = int(histories.people.registered_from[person])
    known: dict[str, Spells] | None = None
    if histories.feeds:
        known = dict.fromkeys(SOURCE.names[1:], ())
        for feed in histories.feeds:
            inside = [
                (max(start, registered), min(end, as_of))
                for start, end in spells(feed)
                if registered == UNKNOWN_TIME or end > registered
            ]
            known[feed.source] = tuple(
                ((as_of - start) / DAY, (as_of - end) / DAY) for start, end in inside if end > start
            )
    return Context(as_of=as_of, zone=histories.zone, peers=peers, known=known)
