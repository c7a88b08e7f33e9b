"""Reading the Parquet files of a store: some columns, some rows, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hiu_risk.errors import DataError
from hiu_risk.store_checks import check_by_person, check_columns, damaged

Stamp = tuple[Path, int, int]
"""A file, its size, and when it was changed."""


def footer(file: Path) -> pq.FileMetaData:
    """Read what a file says of its row groups.

    A store of 100 million events has hundreds of them, and is read in hundreds of parts: reading
    or going through the footer once a part would grow with the square of the events.

    Raises
    ------
    DataError
        The file is gone, or no Parquet file.
    """
    return _footer(_stamp(file))


@lru_cache(maxsize=16)
def _footer(stamp: Stamp) -> pq.FileMetaData:
    try:
        return pq.read_metadata(stamp[0])
    except (pa.ArrowException, OSError):
        raise _unreadable(stamp[0]) from None


def _stamp(file: Path) -> Stamp:
    try:
        state = file.stat()
    except FileNotFoundError:
        raise _replaced(file) from None
    return file, state.st_size, state.st_mtime_ns


def read(
    file: Path, table: str, columns: Sequence[str] | None = None, groups: list[int] | None = None
) -> pa.Table:
    """Read columns of row groups; by default of all.

    Raises
    ------
    DataError
        The file is gone or damaged, lacks a column, or has one of another type.
    """
    try:
        with pq.ParquetFile(file, metadata=footer(file)) as parquet:
            schema = parquet.schema_arrow
            if any(schema.get_field_index(name) < 0 for name in columns or ()):
                raise _unreadable(file)
            check_columns(schema if columns is None else _chosen(schema, columns), table, file)
            if groups is None:
                return parquet.read(columns)
            # A part of a store: others are read beside it, in threads of their own.
            return parquet.read_row_groups(groups, columns, use_threads=False)
    except FileNotFoundError:
        raise _replaced(file) from None
    except (pa.ArrowException, OSError):
        raise _unreadable(file) from None


def read_rows(file: Path, table: str, columns: Sequence[str], first: int, stop: int) -> pa.Table:
    """Read rows ``first`` to ``stop - 1``, from the row groups that hold them alone."""
    sizes = np.array(row_counts(file), np.int64)
    ends = np.cumsum(sizes)
    groups = np.flatnonzero((ends > first) & (ends - sizes < stop)).tolist()
    before = int(ends[groups[0]] - sizes[groups[0]]) if groups else first
    return read(file, table, columns, groups).slice(first - before, stop - first)


def read_persons(file: Path, table: str, columns: Sequence[str], first: int, stop: int) -> pa.Table:
    """Read the rows of persons ``first`` to ``stop - 1`` of a table sorted by person.

    Raises
    ------
    DataError
        As of :func:`read`; also when rows are not sorted by person.
    """
    groups = [
        number
        for number, seen in enumerate(person_ranges(file, table))
        if seen is None or (seen[1] >= first and seen[0] < stop)
    ]
    read_in = read(file, table, columns, groups)
    person = read_in.column("person").to_numpy()
    check_by_person(person, file)
    low, high = np.searchsorted(person, [first, stop]).tolist()
    return read_in.slice(low, high - low)


def row_counts(file: Path) -> tuple[int, ...]:
    """Give the number of rows of each row group."""
    return _row_counts(_stamp(file))


@lru_cache(maxsize=16)
def _row_counts(stamp: Stamp) -> tuple[int, ...]:
    found = _footer(stamp)
    return tuple(found.row_group(number).num_rows for number in range(found.num_row_groups))


def person_ranges(file: Path, table: str) -> tuple[tuple[int, int] | None, ...]:
    """Give the least and the greatest person of each row group; None where that is not known."""
    return _person_ranges(_stamp(file), table)


@lru_cache(maxsize=16)
def _person_ranges(stamp: Stamp, table: str) -> tuple[tuple[int, int] | None, ...]:
    found = _footer(stamp)
    schema = found.schema.to_arrow_schema()
    place = schema.get_field_index("person")
    if place < 0:
        raise _unreadable(stamp[0])
    check_columns(_chosen(schema, ["person"]), table, stamp[0])
    seen = (found.row_group(n).column(place).statistics for n in range(found.num_row_groups))
    return tuple((s.min, s.max) if s is not None and s.has_min_max else None for s in seen)


def _chosen(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in columns])


def _replaced(file: Path) -> DataError:
    return DataError(
        "the store was replaced while it was read",
        where=str(file.parent.parent),
        fix="run the command again",
    )


def _unreadable(file: Path) -> DataError:
    return damaged("a table that can't be read, or lacks a column", file)
