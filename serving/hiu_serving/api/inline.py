"""From a request to histories, by the very rules of ingest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from hiu_risk.codes import SEX
from hiu_risk.counting import Counting
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import UNKNOWN_TIME, Caseload, Feed, Histories, People, joined
from hiu_risk.incidents import Event, histories_from_events
from hiu_risk.times import FOREVER, LATEST, to_seconds
from hiu_serving.api.models import FeedIn, PersonIn, ScoreRequest
from hiu_serving.api.problems import FieldError, not_valid

_MOST_ERRORS = 20
EARLIEST_BIRTH = date(1850, 1, 1)
"""As in a store."""


def histories_of(asked: ScoreRequest, *, zone: str, counting: Counting, gap: int) -> Histories:
    """Build the histories of a request.

    Parameters
    ----------
    asked : ScoreRequest
        Already of the right types.
    zone : str
        Local zone of the model's data.
    counting : Counting
        Which events count, as where the model was trained.
    gap : int
        Seconds within which calls without an incident id are one incident, likewise.

    Raises
    ------
    Problem
        A date after ``as_of`` or outside 1970 to 2100, a reference used twice, contradicting
        rows.
    """
    try:
        as_of = to_seconds(asked.as_of)
        errors = list(_first(_contradictions(asked, as_of), _MOST_ERRORS))
        if errors:
            raise not_valid(errors)
        return histories_from_events(
            _events(asked.people),
            _people(asked.people, zone),
            zone=zone,
            feeds=tuple(_feed(feed) for feed in asked.feeds),
            caseload=_caseload(asked.people),
            counting=counting,
            gap=gap,
        )
    except (DataError, UsageError) as error:
        raise not_valid([FieldError(where="people", rule=error.what)]) from None


def _first(errors: Iterator[FieldError], most: int) -> Iterator[FieldError]:
    for _, error in zip(range(most), errors, strict=False):
        yield error


def _contradictions(asked: ScoreRequest, as_of: int) -> Iterator[FieldError]:
    """Find what no single field can tell; a time equal to ``as_of`` is the future too."""
    seen: set[str] = set()
    for i, person in enumerate(asked.people):
        if person.id in seen:
            yield FieldError(where=f"people.{i}.id", rule="another person has the same id")
        seen.add(person.id)
        if person.born_on is not None and person.born_on > asked.as_of.date():
            yield FieldError(where=f"people.{i}.born_on", rule="must not be after as_of")
        if person.born_on is not None and person.born_on < EARLIEST_BIRTH:
            yield FieldError(where=f"people.{i}.born_on", rule=f"must be {EARLIEST_BIRTH} or later")
        for j, event in enumerate(person.events):
            where = f"people.{i}.events.{j}"
            if event.occurred_at.timestamp() >= as_of:
                yield FieldError(where=f"{where}.occurred_at", rule="must be before as_of")
            if event.available_at is None:
                continue
            if event.available_at.timestamp() > as_of:
                yield FieldError(where=f"{where}.available_at", rule="must not be after as_of")
            if event.available_at < event.occurred_at:
                yield FieldError(
                    where=f"{where}.available_at", rule="must not be before occurred_at"
                )
    yield from _contradictions_of_feeds(asked.feeds)


def _contradictions_of_feeds(feeds: list[FeedIn]) -> Iterator[FieldError]:
    sources = [feed.source for feed in feeds]
    if len(set(sources)) < len(sources):
        yield FieldError(where="feeds", rule="one feed a source")
    for i, feed in enumerate(feeds):
        if feed.complete_until <= feed.starts_at:
            yield FieldError(where=f"feeds.{i}.complete_until", rule="must be after starts_at")
        for j, gap in enumerate(feed.gaps):
            if gap.starts_at >= gap.ends_at:
                yield FieldError(
                    where=f"feeds.{i}.gaps.{j}.ends_at", rule="must be after starts_at"
                )


def _events(people: list[PersonIn]) -> Iterator[Event]:
    for i, person in enumerate(people):
        for event in person.events:
            available = event.available_at
            yield Event(
                person.id,
                event.source,
                to_seconds(event.occurred_at),
                None if available is None else to_seconds(available),
                # ids are the caller's: two people may well use the same ones
                "" if event.event_id is None else f"{i} {event.event_id}",
                event.incident_id or "",
                event.reason,
                event.outcome,
                event.urgency,
                event.caller_type,
                event.address_type,
                event.arrival,
                event.kind,
            )


def _people(people: list[PersonIn], zone: str) -> People:
    n = len(people)
    never = np.full(n, FOREVER)
    return People(
        id=np.array([person.id for person in people], dtype=np.str_),
        born_at=np.array([_midnight(person.born_on, zone) for person in people], dtype=np.int64),
        sex=np.array([SEX.code(person.sex) for person in people], dtype=np.uint8),
        ethnic_group=np.zeros(n, np.uint8),
        imd_decile=np.array([person.imd_decile or 0 for person in people], dtype=np.uint8),
        registered_from=np.array([_moment(p.registered_from) for p in people], dtype=np.int64),
        registered_to=never,
        move_known_at=never,
        died_at=never,
        death_known_at=never,
        extensive_care=np.array([person.extensive_care for person in people], dtype=np.bool_),
        opted_out=np.array([person.opted_out for person in people], dtype=np.bool_),
        site=np.full(n, "", dtype=np.str_),
    )


def _midnight(day: date | None, zone: str) -> int:
    if day is None:
        return UNKNOWN_TIME
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())


def _moment(moment: datetime | None) -> int:
    # a registration may be older than 1970, where the times of events begin
    return UNKNOWN_TIME if moment is None else int(moment.timestamp() // 1)


def _caseload(people: list[PersonIn]) -> Caseload:
    rows = np.array([i for i, person in enumerate(people) if person.on_caseload], dtype=np.int32)
    return Caseload(rows, np.zeros(len(rows), np.int64), np.full(len(rows), FOREVER))


def _feed(feed: FeedIn) -> Feed:
    return Feed(
        feed.source,
        to_seconds(feed.starts_at),
        min(to_seconds(feed.complete_until), LATEST),
        feed.delay_seconds,
        joined((to_seconds(gap.starts_at), to_seconds(gap.ends_at)) for gap in feed.gaps),
    )
