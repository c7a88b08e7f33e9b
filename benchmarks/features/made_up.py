"""A made-up store of any size: heavy-tailed histories over three years, block by block.

About one person per four events. Rows arrive hours to weeks after the event, a few of them months
later; a few are corrected; some calls repeat an incident. Memory follows the block, not the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hiu_risk.codes import EVENT_CATEGORIES, SEX, SOURCE
from hiu_risk.counting import Counting
from hiu_risk.histories import Feed, Histories, People
from hiu_risk.ingest.publish import publish, staging
from hiu_risk.manifest import FeedRecord
from hiu_risk.schema import STORE_FILES
from hiu_risk.store import Store
from hiu_risk.times import DAY, FOREVER, hour_of_week

START = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
ZONE = "Europe/London"
BLOCK_PEOPLE = 250_000
MOST_EVENTS = 5_000
EVENTS_PER_PERSON = 4.0
FORMAT = 3
"""Raise it when the made-up data change: stores made before are then made again."""

_TABLES = {"call": "calls", "ae": "ae", "admission": "admissions"}
_DELAY_DAYS = np.array([0.0, 0.5, 2.0, 14.0])  # by source code
_CODES = tuple(name for name in EVENT_CATEGORIES if name not in ("source", "identity_method"))


def store_of(folder: Path, events: int, *, plain: bool = False) -> Store:
    """Open the made-up store of about so many events, making it first where it is not there.

    ``plain`` leaves out delays, corrections and repeated calls, for contenders that have no word
    for them.
    """
    path = folder / f"events-{events}{'-plain' if plain else ''}-{FORMAT}"
    if not (path / "manifest.json").is_file():
        _make(path, events, plain=plain)
    return Store.open(path)


def one_history(events: int) -> Histories:
    """Make up one person with exactly so many events."""
    rng = np.random.default_rng([3, events])
    occurred = np.sort(rng.integers(START, END, events))
    source = rng.choice([1, 2, 3], events, p=[0.6, 0.3, 0.1]).astype(np.uint8)
    available, superseded, leads = _known(rng, occurred, source, plain=False)
    codes: dict[str, Any] = {
        name: rng.integers(0, len(EVENT_CATEGORIES[name].names), events).astype(np.uint8)
        for name in _CODES
    }
    return Histories(
        people=People.unknown(np.array(["p"])),
        offsets=np.array([0, events]),
        occurred_at=occurred,
        available_at=available,
        superseded_at=superseded,
        leads_until=leads,
        source=source,
        hour_of_week=hour_of_week(occurred, ZONE),
        feeds=tuple(Feed(source, START, END) for source in _TABLES),
        zone=ZONE,
        **codes,
    )


def _make(path: Path, events: int, *, plain: bool) -> None:
    people = max(1, round(events / EVENTS_PER_PERSON))
    blocks = [(a, min(people, a + BLOCK_PEOPLE)) for a in range(0, people, BLOCK_PEOPLE)]
    with staging(path) as place:
        rows = {
            "people": place.write_table("people", (_people(*block) for block in blocks)),
            "events": place.write_table("events", _all_events(blocks, plain=plain)),
        }
        rows |= {name: place.write_table(name, ()) for name in STORE_FILES if name not in rows}
        feeds = [
            FeedRecord(
                name=source, table=table, source=source, starts_at=START, complete_until=END,
                read=0, accepted=0, rejected=0, merged=0,
            )
            for source, table in _TABLES.items()
        ]  # fmt: skip
        publish(
            place, rows, zone=ZONE, entity="person", counting=Counting().to_dict(),
            min_confidence=0.0, gap_seconds=0, key_check="", uncounted=0, feeds=feeds, linkage=[],
        )  # fmt: skip


def _people(first: int, stop: int) -> pa.Table:
    n = stop - first
    rng = np.random.default_rng([1, first])
    born = rng.integers(-1_500_000_000, 1_500_000_000, n) // DAY * DAY
    return _table(
        "people",
        n,
        person_id=np.char.mod("p%09d", np.arange(first, stop)),
        born_at=_times(born),
        sex=_names(rng.choice(4, n, p=[0.01, 0.5, 0.48, 0.01]).astype(np.uint8), SEX.names),
        imd_decile=rng.integers(0, 11, n).astype(np.uint8),
        extensive_care=np.zeros(n, np.bool_),
        opted_out=np.zeros(n, np.bool_),
    )


def _all_events(blocks: list[tuple[int, int]], *, plain: bool) -> Iterator[pa.Table]:
    for first, stop in blocks:
        yield _events(first, stop, plain=plain)


def _events(first: int, stop: int, *, plain: bool) -> pa.Table:
    rng = np.random.default_rng([2, first])
    person, occurred = _when(rng, first, stop)
    source = rng.choice([1, 2, 3], len(person), p=[0.6, 0.3, 0.1]).astype(np.uint8)
    rows: tuple[NDArray[Any], ...] = (
        person,
        occurred,
        source,
        *_known(rng, occurred, source, plain=plain),
    )
    if not plain:
        rows = _corrected(rng, *rows)
    order = np.lexsort((rows[3], rows[2], rows[1], rows[0]))
    rows = tuple(column[order] for column in rows)
    person, occurred, source, available, superseded, leads = rows
    n = len(person)
    columns = {
        name: _names(rng.integers(0, len(names), n).astype(np.uint8), names)
        for name, names in ((name, EVENT_CATEGORIES[name].names) for name in _CODES)
    }
    return _table(
        "events",
        n,
        person=person,
        source=_names(source, SOURCE.names),
        occurred_at=_times(occurred),
        available_at=_times(available),
        superseded_at=_times(superseded),
        leads_until=_times(leads),
        hour_of_week=hour_of_week(occurred, ZONE),
        counted=np.ones(n, np.bool_),
        **columns,
    )


def _when(
    rng: np.random.Generator, first: int, stop: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Draw who has events and when: Lomax rates (a tenth of the people make half), in bursts."""
    extra = (EVENTS_PER_PERSON - 1) / 2 * rng.pareto(1.5, stop - first)
    counts = 1 + rng.poisson(np.minimum(extra, MOST_EVENTS))
    person = np.repeat(np.arange(first, stop, dtype=np.int32), counts)
    n = len(person)
    occurred = rng.integers(START, END, n)
    starts = np.cumsum(counts) - counts
    near = occurred[np.repeat(starts, counts)] + rng.exponential(20 * DAY, n).astype(np.int64)
    bursts = (rng.random(n) < 0.4) & (near < END)
    occurred[bursts] = near[bursts]
    return person, occurred


def _known(
    rng: np.random.Generator, occurred: NDArray[np.int64], source: NDArray[np.uint8], *, plain: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Draw when rows become known, are superseded (never yet), and stop leading their incident."""
    n = len(occurred)
    forever = np.full(n, FOREVER)
    if plain:
        return occurred.copy(), forever, forever.copy()
    days = rng.exponential(_DELAY_DAYS[source])
    days[rng.random(n) < 0.02] += 60.0
    available = occurred + (days * DAY).astype(np.int64)
    repeats = (source == SOURCE.code("call")) & (rng.random(n) < 0.1)
    return available, forever, np.where(repeats, available, FOREVER)


def _corrected(rng: np.random.Generator, *rows: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Give one event in a hundred a second version, which supersedes the first weeks later."""
    person, occurred, source, available, superseded, leads = rows
    which = np.flatnonzero(rng.random(len(person)) < 0.01)
    at = available[which] + rng.integers(DAY, 40 * DAY, len(which))
    superseded[which] = at
    second = np.where(leads[which] == FOREVER, FOREVER, at)
    leads[which] = np.minimum(leads[which], at)
    again = (person[which], occurred[which], source[which], at, np.full(len(at), FOREVER), second)
    return tuple(np.concatenate(pair) for pair in zip(rows, again, strict=True))


def _table(name: str, n: int, **columns: Any) -> pa.Table:
    schema = STORE_FILES[name]
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(n, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _times(seconds: NDArray[np.int64]) -> pa.Array:
    never = seconds == FOREVER
    micros = np.where(never, 0, seconds) * 1_000_000
    return pa.array(micros, mask=never).cast(pa.timestamp("us", "UTC"))


def _names(codes: NDArray[np.uint8], names: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names))
