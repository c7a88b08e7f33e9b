"""What must hold of a store's tables before anything is made of them.

Ingest writes nothing else; these catch a store that something else wrote or changed. Each check
costs one pass over columns that are read anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hiu_risk.errors import DataError
from hiu_risk.schema import STORE_FILES
from hiu_risk.times import EARLIEST, LATEST


def damaged(what: str, file: Path, column: str = "") -> DataError:
    """Give the error of a store that no ingest wrote."""
    return DataError(
        what,
        where=f"{file}, {column}" if column else str(file),
        fix="run hiu-risk ingest again; nothing else may write a store",
    )


def check_columns(schema: pa.Schema, table: str, file: Path) -> None:
    """Refuse columns that are not of the types that the data contract says."""
    for field in schema:
        wanted = STORE_FILES[table].field(field.name).type
        if field.type != wanted:
            raise damaged(f"a column of type {field.type}, not {wanted}", file, field.name)


def check_by_person(person: NDArray[np.integer[Any]], file: Path) -> None:
    """Refuse events that are not sorted by person."""
    if len(person) and (person[0] < 0 or bool((person[1:] < person[:-1]).any())):
        raise damaged("events are not sorted by person: somebody's stand in two places", file)


def check_times(times: Mapping[str, NDArray[np.int64]], file: Path) -> None:
    """Refuse times before 1970, and events that begin or arrive after 2100 or nobody knows when."""
    for name, seconds in times.items():
        if not len(seconds):
            continue
        ends = LATEST if name in ("occurred_at", "available_at") else None
        if seconds.min() < EARLIEST or (ends is not None and seconds.max() > ends):
            raise damaged("a time outside 1970 to 2100, or none", file, name)


def check_no_event_twice(
    person: NDArray[np.integer[Any]],
    times: Mapping[str, NDArray[np.int64]],
    source: NDArray[np.uint8],
    event_ids: Callable[[], pa.ChunkedArray],
    file: Path,
) -> None:
    """Refuse an event that stands there twice; sorted as they are, such rows are neighbours.

    Two events of one second are fine. Their identifiers tell, which are read only where needed.
    """
    occurred = times["occurred_at"]
    second = np.flatnonzero(occurred[1:] == occurred[:-1]) + 1
    for column in (person, times["available_at"], source):
        second = second[column[second] == column[second - 1]]
    if not len(second):
        return
    ids = event_ids()
    if pc.any(pc.equal(ids.take(pa.array(second)), ids.take(pa.array(second - 1)))).as_py():
        raise damaged("an event stands there twice", file, "event_id")


def check_nobody_twice(ids: pa.ChunkedArray, file: Path) -> None:
    """Refuse a person who stands there twice; sorted as they are, such rows are neighbours."""
    if len(ids) > 1 and pc.any(pc.equal(ids.slice(1), ids.slice(0, len(ids) - 1))).as_py():
        raise damaged("a person stands there twice", file, "person_id")
