"""Made-up events: heavy-tailed, about four a person, three years, some late, some corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import Feed, Histories, People
from hiu_risk.times import DAY, FOREVER, HOUR, hour_of_week, to_seconds

FIRST, LAST = 1_640_995_200, 1_735_689_600  # 2022-01-01 to 2025-01-01
TIMES = ("occurred_at", "available_at", "superseded_at", "leads_until")
CODES = tuple(name for name in EVENT_CATEGORIES if name != "identity_method")
ZONE = "Europe/London"
_BLOCK = 1_000_000


def _block(rng: np.random.Generator, n_people: int, n_events: int) -> dict[str, np.ndarray]:
    rates = rng.gamma(0.35, size=n_people) + 1e-6
    person = rng.choice(n_people, size=n_events, p=rates / rates.sum())
    occurred = rng.integers(FIRST, LAST, n_events)
    late = np.where(rng.random(n_events) < 0.1, rng.exponential(10 * DAY, n_events), 6 * HOUR)
    columns: dict[str, np.ndarray] = {
        "person": person,
        "occurred_at": occurred,
        "available_at": occurred + late.astype(np.int64),
        "superseded_at": np.full(n_events, FOREVER),
        "source": rng.choice([1, 2, 3], n_events, p=[0.62, 0.28, 0.10]).astype(np.uint8),
    }
    for name in CODES[1:]:
        size = len(EVENT_CATEGORIES[name].names)
        columns[name] = rng.integers(0, size, n_events).astype(np.uint8)
    corrected = np.flatnonzero(rng.random(n_events) < 0.03)
    again = {name: values[corrected] for name, values in columns.items()}
    moment = again["available_at"] + rng.integers(1, 40 * DAY, len(corrected))
    columns["superseded_at"][corrected] = moment
    again["available_at"] = moment
    columns = {name: np.concatenate([columns[name], again[name]]) for name in columns}
    follows = (rng.random(len(columns["person"])) < 0.08) & (columns["source"] == 1)
    columns["leads_until"] = np.where(follows, columns["available_at"], columns["superseded_at"])
    order = np.lexsort((columns["occurred_at"], columns["person"]))
    columns = {name: values[order] for name, values in columns.items()}
    columns["hour_of_week"] = hour_of_week(columns["occurred_at"], ZONE)
    return columns


def make(folder: Path, n_events: int, seed: int = 0) -> None:
    """Write events.parquet, sorted by person and time, and people.parquet, block by block."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, done, people, writer = np.random.default_rng(seed), 0, 0, None
    while done < n_events:
        n = min(_BLOCK, n_events - done)
        columns = _block(rng, max(1, n // 4), n)
        columns["person"] = (columns["person"] + people).astype(np.int32)
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(
            folder / "events.parquet", table.schema, compression="zstd"
        )
        writer.write_table(table)
        done, people = done + n, people + max(1, n // 4)
    if writer:
        writer.close()
    born = FIRST - (rng.gamma(4.0, 12.0, people).clip(0, 100) * 365.25).astype(np.int64) * DAY
    attributes = {
        "born_at": born,
        "sex": rng.integers(0, 3, people).astype(np.uint8),
        "imd_decile": rng.integers(0, 11, people).astype(np.uint8),
    }
    pq.write_table(pa.table(attributes), folder / "people.parquet")


def scan(folder: Path) -> pa.Table:
    """Merely read the columns of the events."""
    return pq.read_table(folder / "events.parquet")


def load(folder: Path) -> Histories:
    """Read the data as histories."""
    events, attributes = scan(folder), pq.read_table(folder / "people.parquet")
    n = attributes.num_rows
    person = events["person"].to_numpy()
    unknown = People.unknown(np.full(n, "", dtype="<U1"))
    people = People(
        **{**vars(unknown), **{c: attributes[c].to_numpy() for c in attributes.column_names}}
    )
    return Histories(
        people=people,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(person, minlength=n))]).astype(np.int64),
        feeds=tuple(Feed(source, FIRST, LAST) for source in ("call", "ae", "admission")),
        zone=ZONE,
        **{name: events[name].to_numpy() for name in (*TIMES, *CODES, "hour_of_week")},
    )


def index_dates(n: int) -> list[int]:
    """Give the last ``n`` firsts of a month, UTC."""
    from datetime import date

    months = [date(2024 - k // 12, 12 - k % 12, 1) for k in range(n)]
    return sorted(to_seconds(month) for month in months)
