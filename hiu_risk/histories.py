"""Histories: everything known about many people, as sorted arrays.

One :class:`Histories` feeds features, eligibility and outcomes alike, whether it was read from
a store, sent to the API for one person, or handed to a Spark executor.

A row of the events is one *version* of one event as one submission told it. It is current
from ``available_at`` until ``superseded_at`` (the moment a corrected version arrived). Among
the calls of one incident the earliest current one *leads*; ``leads_until`` says until when.
So at any index date

- an event is known when ``occurred_at < as_of`` and ``available_at <= as_of < superseded_at``;
- it counts as an incident when, besides, ``as_of < leads_until``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError
from hiu_risk.times import FOREVER

UNKNOWN_TIME = np.iinfo(np.int64).min
"""Stands for an unknown date of birth."""

_EVENT_TIMES = ("occurred_at", "available_at", "superseded_at", "leads_until")
_EVENT_CODES = (
    "source",
    "reason",
    "outcome",
    "urgency",
    "caller_type",
    "address_type",
    "arrival",
    "kind",
)


@dataclass(frozen=True)
class People:
    """Attributes of people, one array element a person.

    Times are UTC seconds since 1970. ``FOREVER`` stands for "never" in ``registered_to``,
    ``died_at``, ``move_known_at`` and ``death_known_at``; ``UNKNOWN_TIME`` for an unknown
    ``born_at`` and for "always" in ``registered_from``. Codes follow :mod:`hiu_risk.codes`;
    ``imd_decile`` is 1 (most deprived) to 10, 0 when unknown.
    """

    id: NDArray[np.str_]
    born_at: NDArray[np.int64]
    sex: NDArray[np.uint8]
    ethnic_group: NDArray[np.uint8]
    imd_decile: NDArray[np.uint8]
    registered_from: NDArray[np.int64]
    registered_to: NDArray[np.int64]
    move_known_at: NDArray[np.int64]
    died_at: NDArray[np.int64]
    death_known_at: NDArray[np.int64]
    extensive_care: NDArray[np.bool_]
    opted_out: NDArray[np.bool_]
    site: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.id)

    @classmethod
    def unknown(cls, ids: NDArray[np.str_]) -> People:
        """People of whom nothing but the identifier is known."""
        n = len(ids)
        never, always = np.full(n, FOREVER), np.full(n, UNKNOWN_TIME)
        zeros, no = np.zeros(n, np.uint8), np.zeros(n, np.bool_)
        return cls(
            ids, always, zeros, zeros, zeros, always, never, never, never, never, no, no,
            np.full(n, "", dtype=np.str_),
        )  # fmt: skip

    def take(self, rows: NDArray[np.int64]) -> People:
        """Give the people at these positions, in this order."""
        return People(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Caseload:
    """Spells on a programme's caseload; ``end`` is ``FOREVER`` while it lasts.

    ``person`` holds positions in :class:`People`.
    """

    person: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Caseload:
        """No spells."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class Feed:
    """What a source delivered: when it starts, until when it is complete, how late it runs.

    Parameters
    ----------
    source : str
        ``call``, ``ae`` or ``admission``.
    starts_at, complete_until : int
        UTC seconds; the feed covers ``[starts_at, complete_until)``.
    delay : int
        Declared seconds between an event and its row; used where rows carry no time of arrival.
    gaps : tuple of (int, int)
        Spans ``[from, to)`` inside the feed known to be missing.
    """

    source: str
    starts_at: int
    complete_until: int
    delay: int = 0
    gaps: tuple[tuple[int, int], ...] = ()


def joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Put spans in order and join those that touch or overlap.

    Examples
    --------
    >>> joined([(5, 9), (1, 3), (2, 5), (12, 13)])
    ((1, 9), (12, 13))
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


@dataclass(frozen=True)
class Histories:
    """Events of many people, sorted by person, then time; see the module for the time rules.

    Parameters
    ----------
    people : People
        One element a person, n_people of them.
    offsets : int64 array, shape (n_people + 1,)
        The events of person ``i`` are rows ``offsets[i]`` to ``offsets[i + 1]``.
    occurred_at, available_at, superseded_at, leads_until : int64 arrays, shape (n_events,)
        UTC seconds; ``FOREVER`` for never.
    source, reason, outcome, urgency, caller_type, address_type, arrival, kind : uint8 arrays
        Codes of :mod:`hiu_risk.codes`.
    hour_of_week : uint8 array
        Local hour of the week of ``occurred_at``, 0 to 167 from Monday 00:00.
    caseload : Caseload
        Spells on a caseload.
    feeds : tuple of Feed
        Coverage of each source.
    zone : str
        Local time zone of the data.

    Raises
    ------
    DataError
        Arrays of different lengths, offsets that don't fit, a person's events out of order.
    """

    people: People
    offsets: NDArray[np.int64]
    occurred_at: NDArray[np.int64]
    available_at: NDArray[np.int64]
    superseded_at: NDArray[np.int64]
    leads_until: NDArray[np.int64]
    source: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    outcome: NDArray[np.uint8]
    urgency: NDArray[np.uint8]
    caller_type: NDArray[np.uint8]
    address_type: NDArray[np.uint8]
    arrival: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    hour_of_week: NDArray[np.uint8]
    caseload: Caseload = field(default_factory=Caseload.empty)
    feeds: tuple[Feed, ...] = ()
    zone: str = "Europe/London"

    def __post_init__(self) -> None:
        n = len(self.occurred_at)
        for name in (*_EVENT_TIMES, *_EVENT_CODES, "hour_of_week"):
            if len(getattr(self, name)) != n:
                raise DataError("event arrays differ in length", where=f"histories, {name}")
        offsets = self.offsets
        fits = len(offsets) == len(self.people) + 1 and offsets[0] == 0 and offsets[-1] == n
        if not fits or (len(offsets) > 1 and bool((np.diff(offsets) < 0).any())):
            raise DataError("offsets do not fit people and events", where="histories, offsets")
        if n > 1:
            backwards = self.occurred_at[1:] < self.occurred_at[:-1]
            starts = offsets[(offsets > 0) & (offsets < n)]
            backwards[starts - 1] = False  # from one person to the next, time may go back
            if backwards.any():
                raise DataError(
                    "a person's events are not in order of time",
                    where="histories, occurred_at",
                    fix="sort by person, then occurred_at",
                )

    @property
    def n_people(self) -> int:
        """Number of people."""
        return len(self.people)

    @property
    def n_events(self) -> int:
        """Number of event versions."""
        return len(self.occurred_at)

    @property
    def event_person(self) -> NDArray[np.int32]:
        """Position of each event's person, shape (n_events,)."""
        return np.repeat(np.arange(self.n_people, dtype=np.int32), np.diff(self.offsets))

    def take(self, rows: NDArray[np.int64]) -> Histories:
        """Give the histories of these people, in this order."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        events = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        place = np.full(self.n_people, -1, np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        kept = place[self.caseload.person] >= 0
        caseload = Caseload(
            place[self.caseload.person[kept]], self.caseload.start[kept], self.caseload.end[kept]
        )
        arrays: dict[str, Any] = {
            name: getattr(self, name)[events]
            for name in (*_EVENT_TIMES, *_EVENT_CODES, "hour_of_week")
        }
        return Histories(
            people=self.people.take(rows), offsets=offsets, caseload=caseload, feeds=self.feeds,
            zone=self.zone, **arrays,
        )  # fmt: skip

    def feed(self, source: str) -> Feed | None:
        """Give the feed of a source, or None where there is none."""
        return next((feed for feed in self.feeds if feed.source == source), None)


def together(pieces: Sequence[Histories]) -> Histories:
    """Put the histories of different people of one store one after another; at least one piece."""
    people = np.cumsum([0, *(piece.n_people for piece in pieces)])
    events = np.cumsum([0, *(piece.n_events for piece in pieces)])
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in (*_EVENT_TIMES, *_EVENT_CODES, "hour_of_week")
    }
    ends = [piece.offsets[1:] + before for piece, before in zip(pieces, events, strict=False)]
    spells = [
        Caseload((spell.person + before).astype(np.int32), spell.start, spell.end)
        for spell, before in zip((piece.caseload for piece in pieces), people, strict=False)
    ]
    return Histories(
        people=People(**_joined([piece.people for piece in pieces])),
        offsets=np.concatenate([np.zeros(1, np.int64), *ends]),
        caseload=Caseload(**_joined(spells)),
        feeds=pieces[0].feeds,
        zone=pieces[0].zone,
        **arrays,
    )


def _joined(tables: Sequence[People] | Sequence[Caseload]) -> dict[str, NDArray[Any]]:
    names = tables[0].__dataclass_fields__
    return {name: np.concatenate([getattr(table, name) for table in tables]) for name in names}
