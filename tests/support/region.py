"""A random small region as events with incidents, corrections and late rows, people and all."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import UNKNOWN_TIME, Feed, Histories, People
from hiu_risk.incidents import CODES, Event, histories_from_events
from hiu_risk.times import DAY, FOREVER, from_seconds

ZONE = "Europe/London"


def random_events(seed: int, n_people: int, n_events: int, start: int, end: int) -> list[Event]:
    """Draw events: heavy-tailed, a tenth late, some calls of one incident, some corrected."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, size=n_people) + 1e-3
    events = []
    for number, person in enumerate(rng.choice(n_people, size=n_events, p=rates / rates.sum())):
        source = str(rng.choice(["call", "ae", "admission"], p=[0.7, 0.2, 0.1]))
        moment = int(rng.integers(start, end))
        late = int(rng.exponential(9 * DAY)) if rng.random() < 0.1 else 0
        codes = {
            name: str(rng.choice(EVENT_CATEGORIES[name].names))
            for name in CODES
            if name != "source"
        }
        first = Event(
            f"p{person:04d}", source, moment, moment + late, f"e{number}", f"i{number}", **codes
        )
        events.append(first)
        if rng.random() < 0.06:
            known = moment + late + int(rng.integers(1, 40 * DAY))
            events.append(_again(first, known, event_id=first.event_id, outcome="other"))
        if source == "call" and rng.random() < 0.1:
            later = _again(first, moment + late + 400, event_id=f"r{number}", outcome="other")
            events.append(later)
    return events


def _again(event: Event, known: int, **changes: str) -> Event:
    from dataclasses import replace

    return replace(event, available_at=known, **changes)


def random_region(
    seed: int = 0,
    n_people: int = 60,
    n_events: int = 900,
    days: int = 700,
    until: int = 19_000 * DAY,
) -> tuple[list[Event], Histories]:
    """Give the events of a region and its histories."""
    start = until - days * DAY
    events = random_events(seed, n_people, n_events, start, until)
    rng = np.random.default_rng(seed + 1)
    never = np.full(n_people, FOREVER)
    years = rng.integers(1935, 2012, n_people)
    born = [int(datetime(int(y), 5, 17, tzinfo=ZoneInfo(ZONE)).timestamp()) for y in years]
    people = People(
        id=np.array([f"p{i:04d}" for i in range(n_people)]),
        born_at=np.where(rng.random(n_people) < 0.1, UNKNOWN_TIME, np.array(born, dtype=np.int64)),
        sex=rng.integers(0, 3, n_people).astype(np.uint8),
        ethnic_group=rng.integers(0, 7, n_people).astype(np.uint8),
        imd_decile=rng.integers(0, 11, n_people).astype(np.uint8),
        registered_from=np.where(
            rng.random(n_people) < 0.2, start + 30 * DAY, np.full(n_people, UNKNOWN_TIME)
        ),
        registered_to=never,
        move_known_at=never,
        died_at=never,
        death_known_at=never,
        extensive_care=rng.random(n_people) < 0.03,
        opted_out=rng.random(n_people) < 0.03,
        site=np.full(n_people, ""),
    )
    gap = (until - 300 * DAY, until - 260 * DAY)
    feeds = (
        Feed("call", start, until, 6 * 3_600),
        Feed("ae", start, until, 6 * 3_600, (gap,)),
        Feed("admission", start, until, 6 * 3_600),
    )
    return events, histories_from_events(events, people, zone=ZONE, feeds=feeds)


def iso(seconds: int) -> str:
    """A moment as the API takes it."""
    return from_seconds(seconds).isoformat().replace("+00:00", "Z")
