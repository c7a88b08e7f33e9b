"""Stores on disk made of histories, as ingest would write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.codes import ETHNIC_GROUP, EVENT_CATEGORIES, SEX, Vocabulary
from hiu_risk.counting import Counting
from hiu_risk.files import sha256_of, write_json
from hiu_risk.histories import UNKNOWN_TIME, Histories
from hiu_risk.manifest import FeedRecord, Manifest, TableFile
from hiu_risk.schema import SCHEMA_VERSION, STORE_FILES
from hiu_risk.store_hash import content_hash
from hiu_risk.times import FOREVER

_TABLE_OF = {"call": "calls", "ae": "ae", "admission": "admissions"}


def write_store(histories: Histories, path: Path, *, row_group: int = 262_144) -> Path:
    """Write histories as a store; every event counts."""
    folder = path / "data-0"
    folder.mkdir(parents=True)
    columns = {"events": _events(histories), "people": _people(histories)}
    spells = histories.caseload
    order = np.lexsort((spells.start, spells.person))
    columns["caseload"] = {
        "person": spells.person[order],
        "start": _times(spells.start[order]),
        "end": _times(spells.end[order]),
    }
    tables = {}
    for name, schema in STORE_FILES.items():
        file = folder / f"{name}.parquet"
        table = _table(schema, columns.get(name, {}))
        pq.write_table(table, file, row_group_size=row_group, compression="zstd")
        tables[name] = TableFile(
            file=file.name, rows=len(table), bytes=file.stat().st_size, sha256=sha256_of(file)
        )
    feeds = [
        FeedRecord(
            name=feed.source, table=_TABLE_OF[feed.source], source=feed.source,
            starts_at=feed.starts_at, complete_until=feed.complete_until, delay=feed.delay,
            gaps=list(feed.gaps),
            read=0, accepted=0, rejected=0, merged=0,
        )
        for feed in histories.feeds
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "zone": histories.zone,
        "entity": "person",
        "counting": Counting().to_dict(),
        "min_confidence": 0.0,
        "gap_seconds": 0,
    }
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        content_hash=content_hash(tables, feeds, **facts),
        folder=folder.name,
        key_check="",
        uncounted=0,
        tables=tables,
        feeds=feeds,
        linkage=[],
        **facts,
    )
    write_json(path / "manifest.json", manifest.model_dump(mode="json"))
    return path


def _table(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    n = len(next(iter(columns.values()))) if columns else 0
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        array = pa.nulls(n, field.type) if values is None else pa.array(values).cast(field.type)
        arrays.append(array)
    return pa.table(arrays, schema=schema)


def _events(histories: Histories) -> dict[str, Any]:
    n = histories.n_events
    columns: dict[str, Any] = {
        "person": histories.event_person,
        "event_id": [f"e{i}" for i in range(n)],
        "hour_of_week": histories.hour_of_week,
        "counted": np.ones(n, np.bool_),
    }
    for name in ("occurred_at", "available_at", "superseded_at", "leads_until"):
        columns[name] = _times(getattr(histories, name))
    for name, vocabulary in EVENT_CATEGORIES.items():
        if name != "identity_method":
            columns[name] = _names(getattr(histories, name), vocabulary)
    return columns


def _people(histories: Histories) -> dict[str, Any]:
    people = histories.people
    times = (
        "born_at", "registered_from", "registered_to", "move_known_at", "died_at",
        "death_known_at",
    )  # fmt: skip
    return {
        "person_id": people.id,
        "sex": _names(people.sex, SEX),
        "ethnic_group": _names(people.ethnic_group, ETHNIC_GROUP),
        "imd_decile": people.imd_decile,
        "extensive_care": people.extensive_care,
        "opted_out": people.opted_out,
        "site": people.site,
        **{name: _times(getattr(people, name)) for name in times},
    }


def _times(seconds: NDArray[np.int64]) -> pa.Array:
    never = (seconds == FOREVER) | (seconds == UNKNOWN_TIME)
    micros = np.where(never, 0, seconds) * 1_000_000
    return pa.array(micros, mask=never).cast(pa.timestamp("us", "UTC"))


def _names(codes: NDArray[np.uint8], vocabulary: Vocabulary) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(vocabulary.names)
    )
