"""Resolved rows into the tables of the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hiu_risk.codes import (
    ADDRESS_TYPE,
    ETHNIC_CATEGORY_GROUPS,
    ETHNIC_GROUP,
    EVENT_CATEGORIES,
    SEX,
    SOURCE,
    Vocabulary,
)
from hiu_risk.counting import Counting
from hiu_risk.incidents import with_leads
from hiu_risk.ingest import resolve
from hiu_risk.schema import FEED_TABLES, STORE_FILES
from hiu_risk.times import FOREVER, hour_of_week

_TIME = pa.timestamp("us", "UTC")


def events(
    con: duckdb.DuckDBPyConnection, counting: Counting, gap: int, zone: str
) -> Iterator[pa.Table]:
    """Give the blocks of the ``events`` table: leads worked out, uncounted events marked."""
    for block in resolve.linked_events(con):
        column = {name: _numbers(block, name) for name in ("person", "source")}
        counted = counting.counts(
            _numbers(block, "caller_type"), _numbers(block, "address_type"), _numbers(block, "kind")
        )
        incident = block.column("incident_id").combine_chunks().dictionary_encode().indices
        rows, times = with_leads(
            column["person"],
            incident.cast(pa.int64()).fill_null(-1).to_numpy(),
            _event_times(block),
            column["source"] == SOURCE.code("call"),
            counted,
            gap,
        )
        made = _made(block.take(pa.array(rows)), times, zone)
        made["person"] = pa.array(column["person"][rows])
        made["counted"] = pa.array(counted[rows])
        yield pa.table({name: made[name] for name in STORE_FILES["events"].names})


def unlinked(con: duckdb.DuckDBPyConnection, zone: str) -> Iterator[pa.Table]:
    """Give the blocks of the ``unlinked`` table: they count towards nobody."""
    for block in resolve.unlinked_events(con):
        times = _event_times(block)
        made = _made(block, {**times, "leads_until": times["available_at"]}, zone)
        made["counted"] = pa.array(np.zeros(block.num_rows, np.bool_))
        yield pa.table({name: made[name] for name in STORE_FILES["unlinked"].names})


def _event_times(block: pa.Table) -> dict[str, NDArray[np.int64]]:
    superseded = block.column("superseded_at").fill_null(FOREVER).to_numpy()
    return {
        "occurred_at": _numbers(block, "occurred_at"),
        "available_at": _numbers(block, "available_at"),
        "superseded_at": superseded,
    }


def _made(
    block: pa.Table, times: dict[str, NDArray[np.int64]], zone: str
) -> dict[str, pa.Array | pa.ChunkedArray]:
    made: dict[str, Any] = {name: _moments(values) for name, values in times.items()}
    made["ended_at"] = _moments(block.column("ended_at").fill_null(FOREVER).to_numpy())
    made |= {
        name: _names(_numbers(block, name), vocabulary)
        for name, vocabulary in EVENT_CATEGORIES.items()
    }
    made["hour_of_week"] = pa.array(hour_of_week(times["occurred_at"], zone))
    made["identity_confidence"] = block.column("identity_confidence").cast(pa.float32())
    for name in ("event_id", "incident_id", "address_id", "site"):
        made[name] = block.column(name)
    return made


def people(con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Give the ``people`` table: everybody in any feed, in order of pseudonym."""
    query = (
        "SELECT persons.person_id, people.* EXCLUDE (person_id, feed, file, row) "
        "FROM persons LEFT JOIN people USING (person_id) ORDER BY person"
    )
    category = next(c for c in FEED_TABLES["people"].columns if c.name == "ethnic_category")
    assert category.vocabulary is not None  # noqa: S101
    groups = ETHNIC_GROUP.encode(ETHNIC_CATEGORY_GROUPS[k] for k in category.vocabulary.names)
    for block in resolve.stream(con, query):
        letter = _numbers(block, "ethnic_category")
        group = np.where(letter > 0, groups[letter], _numbers(block, "ethnic_group"))
        made: dict[str, Any] = {
            "person_id": block.column("person_id"),
            "sex": _names(_numbers(block, "sex"), SEX),
            "ethnic_category": _names(letter, category.vocabulary),
            "ethnic_group": _names(group, ETHNIC_GROUP),
            "imd_decile": block.column("imd_decile").fill_null(0).cast(pa.uint8()),
        }
        for name in ("extensive_care", "opted_out"):
            made[name] = block.column(name).fill_null(False)
        for name in ("imd_version", "site"):
            made[name] = block.column(name).fill_null("")
        for field in STORE_FILES["people"]:
            if field.type == _TIME:
                made[field.name] = _moments(block.column(field.name).fill_null(FOREVER).to_numpy())
        yield pa.table({name: made[name] for name in STORE_FILES["people"].names})


def addresses(con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Give the ``addresses`` table, in order of pseudonym."""
    query = "SELECT * FROM addresses ORDER BY address_id"
    for block in resolve.stream(con, query):
        yield pa.table(
            {
                "address_id": block.column("address_id"),
                "address_type": _names(_numbers(block, "address_type"), ADDRESS_TYPE),
                "imd_decile": block.column("imd_decile").fill_null(0).cast(pa.uint8()),
                "site": block.column("site").fill_null(""),
            }
        )


def caseload(con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Give the ``caseload`` table, by person and start."""
    query = (
        'SELECT person, programme, start, "end" FROM caseload JOIN persons USING (person_id) '
        'ORDER BY person, start, "end", programme'
    )
    for block in resolve.stream(con, query):
        yield pa.table(
            {
                "person": block.column("person"),
                "programme": block.column("programme").fill_null(""),
                "start": _moments(_numbers(block, "start")),
                "end": _moments(block.column("end").fill_null(FOREVER).to_numpy()),
            }
        )


def _numbers(block: pa.Table, name: str) -> NDArray[Any]:
    column = block.column(name)
    return np.asarray((column.fill_null(0) if column.null_count else column).to_numpy())


def _moments(seconds: NDArray[np.int64]) -> pa.Array:
    never = seconds == FOREVER
    return pa.array(np.where(never, 0, seconds) * 1_000_000, mask=never).cast(_TIME)


def _names(codes: NDArray[Any], vocabulary: Vocabulary) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(list(vocabulary.names))
    )
