"""Builders of valid histories: from plain dicts, and random heavy-tailed regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import ETHNIC_GROUP, EVENT_CATEGORIES, SEX
from hiu_risk.histories import UNKNOWN_TIME, Caseload, Feed, Histories, People
from hiu_risk.times import DAY, FOREVER, HOUR, LATEST, hour_of_week

Moment = int | str | date | datetime
SOURCES = ("call", "ae", "admission")
EVERYWHERE = tuple(Feed(source, 0, LATEST) for source in SOURCES)
"""Feeds that cover all of time, so that nothing is censored by the end of the data."""

_CODES = tuple(name for name in EVENT_CATEGORIES if name != "identity_method")
_PERSON_TIMES = {
    "born": "born_at",
    "registered_from": "registered_from",
    "registered_to": "registered_to",
    "move_known": "move_known_at",
    "died": "died_at",
    "death_known": "death_known_at",
}


def seconds(moment: Moment) -> int:
    """UTC seconds of a number, an ISO text, a date or a datetime; without a zone it is UTC."""
    if isinstance(moment, int | np.integer):
        return int(moment)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    elif not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def make_histories(
    events: Sequence[Mapping[str, Any]] = (),
    people: Sequence[Mapping[str, Any]] | None = None,
    *,
    caseload: Sequence[Mapping[str, Any]] = (),
    feeds: tuple[Feed, ...] = EVERYWHERE,
    zone: str = "UTC",
) -> Histories:
    """Build valid histories from plain dicts.

    An event: ``person`` (id), ``occurred``; optional ``source`` (call), ``available`` (occurred),
    ``superseded`` (never), ``leads`` (until superseded; False = never leads), and any category by
    name (``reason="falls"``). A person: ``id``; optional ``born`` (1970-01-01; None = unknown),
    ``sex``, ``ethnic_group``, ``imd_decile``, ``registered_from``, ``registered_to``,
    ``move_known`` (registered_to), ``died``, ``death_known`` (died), ``extensive_care``,
    ``opted_out``, ``site``. A spell: ``person``, ``start``, ``end`` (never).
    Without ``people`` they are the ids of the events, sorted.
    """
    if people is None:
        people = [{"id": person} for person in sorted({event["person"] for event in events})]
    place = {person["id"]: row for row, person in enumerate(people)}
    rows = sorted(
        (_event(event, place) for event in events),
        key=lambda row: (row["person"], row["occurred_at"], row["source"], row["available_at"]),
    )

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.array([row[name] for row in rows], dtype=dtype)

    counts = np.bincount(column("person", np.int64), minlength=len(people))
    occurred = column("occurred_at", np.int64)
    return Histories(
        people=_people(people),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        occurred_at=occurred,
        available_at=column("available_at", np.int64),
        superseded_at=column("superseded_at", np.int64),
        leads_until=column("leads_until", np.int64),
        hour_of_week=hour_of_week(occurred, zone),
        caseload=Caseload(
            np.array([place[spell["person"]] for spell in caseload], dtype=np.int32),
            np.array([seconds(spell["start"]) for spell in caseload], dtype=np.int64),
            np.array([seconds(spell.get("end", FOREVER)) for spell in caseload], dtype=np.int64),
        ),
        feeds=feeds,
        zone=zone,
        **{name: column(name, np.uint8) for name in _CODES},
    )


def _event(event: Mapping[str, Any], place: Mapping[Any, int]) -> dict[str, int]:
    known = {"person", "occurred", "available", "superseded", "leads", *_CODES}
    if unknown := set(event) - known:
        raise KeyError(f"make_histories: unknown event keys {sorted(unknown)}")
    occurred = seconds(event["occurred"])
    available = seconds(event.get("available", occurred))
    superseded = seconds(event.get("superseded", FOREVER))
    leads = event.get("leads", superseded)
    row = {
        "person": place[event["person"]],
        "occurred_at": occurred,
        "available_at": available,
        "superseded_at": superseded,
        "leads_until": available if leads is False else min(seconds(leads), superseded),
    }
    for name in _CODES:
        default = "call" if name == "source" else "unknown"
        row[name] = EVENT_CATEGORIES[name].code(event.get(name, default))
    return row


def _people(people: Sequence[Mapping[str, Any]]) -> People:
    columns: dict[str, list[Any]] = {name: [] for name in People.__dataclass_fields__}
    known = {
        "id", *_PERSON_TIMES, "sex", "ethnic_group", "imd_decile", "extensive_care", "opted_out",
        "site",
    }  # fmt: skip
    for person in people:
        if unknown := set(person) - known:
            raise KeyError(f"make_histories: unknown person keys {sorted(unknown)}")
        values = {
            "born": "1970-01-01",
            "registered_from": UNKNOWN_TIME,
            "registered_to": FOREVER,
            "died": FOREVER,
            **person,
        }
        values.setdefault("move_known", values["registered_to"])
        values.setdefault("death_known", values["died"])
        if values["born"] is None:
            values["born"] = UNKNOWN_TIME
        for short, name in _PERSON_TIMES.items():
            columns[name].append(seconds(values[short]))
        columns["id"].append(str(person["id"]))
        columns["sex"].append(SEX.code(person.get("sex", "unknown")))
        columns["ethnic_group"].append(ETHNIC_GROUP.code(person.get("ethnic_group", "not_known")))
        columns["imd_decile"].append(person.get("imd_decile", 0))
        columns["extensive_care"].append(person.get("extensive_care", False))
        columns["opted_out"].append(person.get("opted_out", False))
        columns["site"].append(person.get("site", ""))
    kinds: dict[str, Any] = dict.fromkeys(_PERSON_TIMES.values(), np.int64)
    kinds |= {"id": np.str_, "site": np.str_, "extensive_care": np.bool_, "opted_out": np.bool_}
    return People(
        **{name: np.array(v, dtype=kinds.get(name, np.uint8)) for name, v in columns.items()}
    )


def random_histories(
    seed: int = 0,
    n_people: int = 200,
    n_events: int = 2_000,
    start: Moment = "2022-01-01",
    end: Moment = "2024-01-01",
    *,
    zone: str = "Europe/London",
) -> Histories:
    """Draw a heavy-tailed region: ``n_events`` events, besides duplicates and corrections.

    People's rates are gamma distributed (shape 0.35) and drift, so that some cross the published
    rules. One event in ten arrives late, some calls are repeated within minutes (one incident),
    some rows are corrected later. Deterministic by seed.
    """
    rng = np.random.default_rng(seed)
    first, last = seconds(start), seconds(end)
    rates = rng.gamma(0.35, size=n_people) + 1e-6
    person = np.sort(rng.choice(n_people, size=n_events, p=rates / rates.sum()))
    # Each person's events gather around a moment of their own: some escalate, some recover.
    centre, spread = rng.uniform(0, 1.3, n_people), rng.uniform(0.05, 0.6, n_people)
    where = np.abs(centre[person] + spread[person] * rng.standard_normal(n_events)) % 1.0
    events: dict[str, NDArray[Any]] = {
        "person": person.astype(np.int64),
        "occurred_at": first + (where * (last - first)).astype(np.int64),
    }
    late = np.where(rng.random(n_events) < 0.1, rng.exponential(10 * DAY, n_events), 6 * HOUR)
    events["available_at"] = events["occurred_at"] + late.astype(np.int64)
    events["superseded_at"] = np.full(n_events, FOREVER)
    events["source"] = rng.choice([1, 2, 3], size=n_events, p=[0.62, 0.28, 0.10]).astype(np.uint8)
    for name in _CODES[1:]:
        sizes = len(EVENT_CATEGORIES[name].names)
        events[name] = rng.integers(0, sizes, n_events).astype(np.uint8)
    events["leads_until"] = events["superseded_at"]
    events = _with_corrections_and_repeats(events, rng)
    order = np.lexsort((events["available_at"], events["occurred_at"], events["person"]))
    events = {name: values[order] for name, values in events.items()}
    counts = np.bincount(events.pop("person"), minlength=n_people)
    return Histories(
        people=_random_people(rng, n_people, first, last),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        hour_of_week=hour_of_week(events["occurred_at"], zone),
        caseload=_random_caseload(rng, n_people, first, last),
        feeds=tuple(Feed(source, first, last, 6 * HOUR) for source in SOURCES),
        zone=zone,
        **events,
    )


def _with_corrections_and_repeats(
    events: dict[str, NDArray[Any]], rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    n = len(events["person"])
    draw = rng.random(n)
    corrected = np.flatnonzero(draw < 0.03)
    repeated = np.flatnonzero((draw > 0.92) & (events["source"] == 1))
    again = {name: values[corrected] for name, values in events.items()}
    moment = again["available_at"] + rng.integers(1, 40 * DAY, len(corrected))
    again["available_at"] = moment
    again["outcome"] = rng.integers(0, 11, len(corrected)).astype(np.uint8)
    events["superseded_at"][corrected] = moment
    events["leads_until"] = events["superseded_at"].copy()
    again["leads_until"] = again["superseded_at"] = np.full(len(corrected), FOREVER)
    more = {name: values[repeated] for name, values in events.items()}
    apart = rng.integers(0, 900, len(repeated))
    more["occurred_at"] = more["occurred_at"] + apart
    more["available_at"] = more["available_at"] + apart
    more["leads_until"] = more["available_at"]
    return {name: np.concatenate([events[name], again[name], more[name]]) for name in events}


def _random_people(rng: np.random.Generator, n: int, first: int, last: int) -> People:
    age = rng.gamma(4.0, 12.0, n).clip(0, 100)
    moved = np.where(rng.random(n) < 0.03, rng.integers(first, last, n), FOREVER)
    died = np.where(rng.random(n) < 0.04, rng.integers(first, last, n), FOREVER)

    def known(times: NDArray[np.int64]) -> NDArray[np.int64]:
        later = rng.integers(0, 30 * DAY, n)
        return np.where(times == FOREVER, FOREVER, np.minimum(times, last) + later)

    return People(
        id=np.array([f"p{row:08d}" for row in range(n)]),
        born_at=np.where(rng.random(n) < 0.02, UNKNOWN_TIME, first - (age * 365.25 * DAY).astype(
            np.int64
        )),
        sex=rng.integers(0, 3, n).astype(np.uint8),
        ethnic_group=rng.integers(0, len(ETHNIC_GROUP.names), n).astype(np.uint8),
        imd_decile=rng.integers(0, 11, n).astype(np.uint8),
        registered_from=np.where(
            rng.random(n) < 0.1, rng.integers(first, last, n), UNKNOWN_TIME
        ),
        registered_to=moved,
        move_known_at=known(moved),
        died_at=died,
        death_known_at=known(died),
        extensive_care=rng.random(n) < 0.01,
        opted_out=rng.random(n) < 0.02,
        site=rng.choice(["north", "south"], n),
    )  # fmt: skip


def _random_caseload(rng: np.random.Generator, n: int, first: int, last: int) -> Caseload:
    person = np.sort(rng.choice(n, size=n // 50, replace=False)).astype(np.int32)
    start = rng.integers(first, last, len(person))
    open_ended = rng.random(len(person)) < 0.3
    return Caseload(
        person,
        start,
        np.where(open_ended, FOREVER, start + rng.integers(DAY, 180 * DAY, len(person))),
    )
