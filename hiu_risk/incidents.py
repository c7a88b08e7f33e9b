"""Histories from events in memory: for the API, for one person, for small data.

The same rules as ingest apply: versions supersede one another, calls merge into incidents,
uncounted events are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import EVENT_CATEGORIES, SOURCE
from hiu_risk.counting import Counting
from hiu_risk.errors import DataError
from hiu_risk.histories import Caseload, Feed, Histories, People
from hiu_risk.leading import leading_pieces
from hiu_risk.times import EARLIEST, FOREVER, LATEST, hour_of_week

CODES = tuple(name for name in EVENT_CATEGORIES if name != "identity_method")
"""The category columns that histories carry."""


@dataclass(frozen=True)
class Event:
    """One version of one event of one person, with category names as in :mod:`hiu_risk.codes`.

    Parameters
    ----------
    person : str
        Identifier; any, the histories keep it.
    source : str
        ``call``, ``ae`` or ``admission``.
    occurred_at : int
        UTC seconds.
    available_at : int or None
        When it became known; None means at once.
    event_id : str
        Versions of one event share it; empty means an event of its own.
    incident_id : str
        Calls that share it are one incident; empty means unknown.
    """

    person: str
    source: str
    occurred_at: int
    available_at: int | None = None
    event_id: str = ""
    incident_id: str = ""
    reason: str = "unknown"
    outcome: str = "unknown"
    urgency: str = "unknown"
    caller_type: str = "unknown"
    address_type: str = "unknown"
    arrival: str = "unknown"
    kind: str = "unknown"

    @property
    def known_at(self) -> int:
        """When the row became known."""
        return self.occurred_at if self.available_at is None else self.available_at


@dataclass(frozen=True)
class Version:
    """An event version and the moment a corrected one took its place."""

    event: Event
    superseded_at: int = FOREVER


@dataclass(frozen=True)
class Resolved:
    """Versions in order, and what became of the other rows (positions in the input)."""

    versions: tuple[Version, ...]
    merged: tuple[int, ...] = ()
    conflicting: tuple[int, ...] = ()


def resolve_versions(events: Sequence[Event]) -> Resolved:
    """Turn rows into versions: repeated rows merge, changed ones supersede.

    Rows of one event are taken in order of ``available_at``, then as given. Among rows available
    at the same moment the first counts: another that says the same is merged, one that differs
    is conflicting. Rows without ``available_at`` count as one moment: nothing tells which came
    later. Over time, a row that repeats the current version is merged (the first time it
    was seen stays); one that differs is a correction.

    Examples
    --------
    >>> a = Event("p", "call", 10, 20, event_id="1", outcome="other")
    >>> b = replace(a, available_at=50, outcome="hear_treat")
    >>> [v.superseded_at == FOREVER for v in resolve_versions([b, a, a]).versions]
    [True, False]
    """
    groups: dict[tuple[str, str] | int, list[int]] = {}
    for place, event in enumerate(events):
        groups.setdefault((event.source, event.event_id) if event.event_id else place, []).append(
            place
        )
    kept: dict[int, int] = {}
    merged: list[int] = []
    conflicting: list[int] = []
    for places in groups.values():
        current: int | None = None
        firsts: dict[int | None, int] = {}
        for place in places:
            first = firsts.setdefault(events[place].available_at, place)
            if place != first:
                alike = _content(events[place]) == _content(events[first])
                (merged if alike else conflicting).append(place)
        for place in sorted(firsts.values(), key=lambda p: (events[p].known_at, p)):
            event = events[place]
            if current is not None and _content(event) == _content(events[current]):
                merged.append(place)
                continue
            if current is not None:
                # Until the new version is known, which is after the second it happened in.
                kept[current] = max(event.known_at, event.occurred_at + 1)
            kept[place], current = FOREVER, place
    return Resolved(
        tuple(Version(events[place], kept[place]) for place in sorted(kept)),
        tuple(sorted(merged)),
        tuple(sorted(conflicting)),
    )


def _content(event: Event) -> Event:
    return replace(event, available_at=None)


@dataclass(frozen=True)
class _Columns:
    person: NDArray[np.int64]
    times: dict[str, NDArray[np.int64]]
    codes: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


def histories_from_events(
    events: Iterable[Event],
    people: People | None = None,
    *,
    zone: str = "Europe/London",
    feeds: tuple[Feed, ...] = (),
    caseload: Caseload | None = None,
    counting: Counting | None = None,
    gap: int = 0,
) -> Histories:
    """Build sorted histories from events in memory.

    Parameters
    ----------
    events : iterable of Event
        In any order.
    people : People or None
        Whose histories, in this order; None means the events' persons, sorted, nothing else known.
    zone : str
        Local zone, for the hour of the week.
    feeds, caseload
        Passed on.
    counting : Counting or None
        Which events count; None means the defaults for persons.
    gap : int
        Seconds; see :func:`hiu_risk.leading.leading_pieces`.

    Raises
    ------
    DataError
        An unknown code, an event of nobody in ``people``, a row known before it occurred, a time
        outside 1970 to 2100, or two rows of one event that differ and were available at the same
        moment.

    Examples
    --------
    >>> events = [Event("b", "call", 20), Event("a", "ae", 10), Event("b", "call", 5)]
    >>> histories = histories_from_events(events)
    >>> histories.people.id.tolist(), histories.occurred_at.tolist()
    (['a', 'b'], [10, 5, 20])
    """
    resolved = resolve_versions(list(events))
    if resolved.conflicting:
        raise DataError(
            "two rows with one event id differ",
            where=f"event {resolved.conflicting[0] + 1}",
            fix="give a correction a later available_at",
        )
    if people is None:
        ids = sorted({version.event.person for version in resolved.versions})
        people = People.unknown(np.array(ids, dtype=np.str_))
    columns, incident = _sorted_columns(resolved.versions, people)
    counted = (counting or Counting()).counts(
        columns.codes["caller_type"], columns.codes["address_type"], columns.codes["kind"]
    )
    return _assemble(columns, incident, counted, gap, people, zone, feeds, caseload)


def _sorted_columns(
    versions: Sequence[Version], people: People
) -> tuple[_Columns, NDArray[np.int64]]:
    place = {name: row for row, name in enumerate(people.id.tolist())}
    for version in versions:
        if version.event.person not in place:
            raise DataError("an event of somebody who is not among the people", where="person")
        if version.event.known_at < version.event.occurred_at:
            raise DataError("an event was known before it occurred", where="available_at")
        if not EARLIEST <= version.event.occurred_at <= version.event.known_at <= LATEST:
            raise DataError(
                "an event outside 1970 to 2100",
                where="occurred_at, available_at",
                fix="check the years, and that numbers are seconds",
            )
    ordered = sorted(
        versions,
        key=lambda v: (
            place[v.event.person], v.event.occurred_at, v.event.source, v.event.event_id,
            v.event.known_at,
        ),
    )  # fmt: skip
    rows = [version.event for version in ordered]
    names = {name: i for i, name in enumerate(sorted({e.incident_id for e in rows} - {""}))}
    incident = np.array([names.get(e.incident_id, -1) for e in rows], dtype=np.int64)
    times = {
        "occurred_at": np.array([e.occurred_at for e in rows], dtype=np.int64),
        "available_at": np.array([e.known_at for e in rows], dtype=np.int64),
        "superseded_at": np.array([v.superseded_at for v in ordered], dtype=np.int64),
    }
    codes = {name: EVENT_CATEGORIES[name].encode(map(attrgetter(name), rows)) for name in CODES}
    person = np.array([place[e.person] for e in rows], dtype=np.int64)
    return _Columns(person, times, codes), incident


def _assemble(
    columns: _Columns,
    incident: NDArray[np.int64],
    counted: NDArray[np.bool_],
    gap: int,
    people: People,
    zone: str,
    feeds: tuple[Feed, ...],
    caseload: Caseload | None,
) -> Histories:
    is_call = columns.codes["source"] == SOURCE.code("call")
    rows, times = with_leads(columns.person, incident, columns.times, is_call, counted, gap)
    kept = counted[rows]
    rows, times = rows[kept], {name: values[kept] for name, values in times.items()}
    counts = np.bincount(columns.person[rows], minlength=len(people))
    arrays: dict[str, Any] = {name: values[rows] for name, values in columns.codes.items()}
    arrays |= times
    return Histories(
        people=people,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        hour_of_week=hour_of_week(times["occurred_at"], zone),
        caseload=caseload or Caseload.empty(),
        feeds=feeds,
        zone=zone,
        **arrays,
    )


def with_leads(
    person: NDArray[np.integer[Any]],
    incident: NDArray[np.integer[Any]],
    times: dict[str, NDArray[np.int64]],
    is_call: NDArray[np.bool_],
    counted: NDArray[np.bool_],
    gap: int,
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Add ``leads_until`` to sorted event versions of all sources, cutting rows where needed.

    Counted A&E attendances and admissions lead themselves; uncounted events never lead.

    Returns
    -------
    rows : int64 array
        Which input row each output row comes from, ascending.
    times : dict of int64 arrays
        ``occurred_at``, ``available_at``, ``superseded_at``, ``leads_until`` of the output rows.
    """
    occurred, available = times["occurred_at"], times["available_at"]
    superseded = times["superseded_at"]
    calls = is_call & counted
    pieces = leading_pieces(person, incident, occurred, available, superseded, calls, gap=gap)
    others = np.flatnonzero(~calls)
    rows = np.concatenate([others, pieces.row])
    order = np.argsort(rows, kind="stable")
    alone = np.where(counted[others], superseded[others], available[others])
    cut = {
        "available_at": np.concatenate([available[others], pieces.available_at])[order],
        "superseded_at": np.concatenate([superseded[others], pieces.superseded_at])[order],
        "leads_until": np.concatenate([alone, pieces.leads_until])[order],
    }
    return rows[order], {"occurred_at": occurred[rows[order]], **cut}
