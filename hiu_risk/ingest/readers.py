"""Extracts as batches of raw columns, with the line that each row came from."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError, near_match
from hiu_risk.ingest.mapping import FeedMapping
from hiu_risk.ingest.opening import open_bytes, open_text, unreadable
from hiu_risk.ingest.quotes import check_quotes

BLOCK = 1 << 25
"""Bytes of a CSV read at a time."""
_BATCH = 1 << 18
_UNREADABLE = (
    pa.ArrowInvalid, UnicodeDecodeError, zipfile.BadZipFile, zlib.error, OSError, EOFError,
)  # fmt: skip


@dataclass(frozen=True)
class RawBatch:
    """Some rows of one file, in order.

    Parameters
    ----------
    file : int
        Position of the file in the feed.
    first_row : int
        Position of the first row among the file's well-formed rows.
    columns : dict of Array
        Raw columns by name: texts, or what a Parquet file holds.
    """

    file: int
    first_row: int
    columns: dict[str, pa.Array]
    rows: int


@dataclass
class ReadCounts:
    """What a read met besides the rows.

    Parameters
    ----------
    misshapen : dict of int
        Records with a wrong number of fields, by file.
    lines_within_values : int
        Lines that a quoted value went on to.
    """

    misshapen: dict[int, int] = field(default_factory=dict)
    lines_within_values: int = 0


def read_batches(
    feed: FeedMapping, counts: ReadCounts, advance: Callable[[float], None]
) -> Iterator[RawBatch]:
    """Read a feed's files one after the other.

    Raises
    ------
    UsageError
        A mapped column is not in a file; the message suggests the near match.
    DataError
        A file is not what the mapping says: encoding, zip member, Parquet, no header.
    """
    for number, path in enumerate(feed.files):
        read = _parquet_batches if _is_parquet(feed, path) else _csv_batches
        first = 0
        try:
            for columns, rows in read(feed, path, number, counts):
                yield RawBatch(number, first, columns, rows)
                first += rows
        except _UNREADABLE as e:
            if isinstance(e, OSError) and e.errno is not None:
                raise unreadable(e, f"{path}; {feed.where}") from None
            raise DataError(
                f"the file can't be read as {'Parquet' if read is _parquet_batches else 'CSV'}: "
                f"{_cause(e)}",
                where=f"{path}; {feed.where}",
                fix="check format, encoding and delimiter in the mapping",
            ) from None
        advance(path.stat().st_size)


def _cause(error: Exception) -> str:
    # Arrow's messages may quote the row, so only known causes are passed on.
    text = str(error).lower()
    if isinstance(error, UnicodeDecodeError) or "utf8" in text or "codec" in text:
        return "it is not in the declared encoding"
    if "empty csv" in text:
        return "it is empty"
    if isinstance(error, zipfile.BadZipFile):
        return "it is no zip file, or a damaged one"
    return "it is damaged or of another format"


def _is_parquet(feed: FeedMapping, path: Path) -> bool:
    return (feed.format or path.suffix.lstrip(".")) == "parquet"


def _parquet_batches(
    feed: FeedMapping, path: Path, number: int, counts: ReadCounts
) -> Iterator[tuple[dict[str, pa.Array], int]]:
    del number, counts
    with pq.ParquetFile(path) as file:
        _check_columns(feed, path, file.schema_arrow.names)
        for batch in file.iter_batches(_BATCH, columns=list(feed.raw_columns)):
            columns = {name: batch.column(name) for name in feed.raw_columns}
            yield columns, batch.num_rows


def _csv_batches(
    feed: FeedMapping, path: Path, number: int, counts: ReadCounts
) -> Iterator[tuple[dict[str, pa.Array], int]]:
    counts.lines_within_values += check_quotes(feed, path)
    names = header(feed, path)
    if not names:
        return
    _check_columns(feed, path, names)

    def misshapen(row: Any) -> str:
        counts.misshapen[number] = counts.misshapen.get(number, 0) + 1
        return "skip"

    with open_bytes(feed, path) as stream:
        reader = pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(block_size=BLOCK, encoding=feed.encoding),
            parse_options=pacsv.ParseOptions(
                delimiter=feed.delimiter, newlines_in_values=True, invalid_row_handler=misshapen
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(feed.raw_columns),
                column_types=dict.fromkeys(feed.raw_columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield {name: batch.column(name) for name in feed.raw_columns}, batch.num_rows


def header(feed: FeedMapping, path: Path) -> list[str]:
    """Read the names in a CSV file's first line."""
    with open_text(feed, path, errors="strict") as text:
        return next((row for row in csv.reader(text, delimiter=feed.delimiter) if row), [])


def _check_columns(feed: FeedMapping, path: Path, names: Sequence[str]) -> None:
    for canonical, raws in [*feed.columns.items(), ("filter", _filtered(feed))]:
        for raw in raws:
            if names.count(raw) != 1:
                many = "two columns" if raw in names else "no column"
                raise UsageError(
                    f"the file has {many} {raw!r}",
                    where=f"{path}; {feed.column_where.get(canonical, feed.where)}",
                    fix=_other_delimiter(feed, names) or near_match(raw, names),
                )


def _other_delimiter(feed: FeedMapping, names: Sequence[str]) -> str:
    """Say which delimiter to set, where the header was read as one column that holds another."""
    for mark, written in ((";", ";"), ("\t", "\\t"), ("|", "|"), (",", ",")):
        if len(names) == 1 and mark in names[0] and mark != feed.delimiter:
            return f'the header was read as one column: set delimiter = "{written}" in the feed'
    return ""


def _filtered(feed: FeedMapping) -> tuple[str, ...]:
    return (feed.filter.column,) if feed.filter else ()


@dataclass(frozen=True)
class Lines:
    """Where rows stand in a file: line numbers from 1, the header's line included."""

    of_rows: NDArray[np.int64]
    misshapen: NDArray[np.int64]


def locate(feed: FeedMapping, path: Path, rows: NDArray[np.int64], misshapen: int) -> Lines:
    """Find the lines of well-formed rows (positions, ascending) and of all misshapen records.

    A Parquet file has rows instead of lines: they count from 1.
    """
    if _is_parquet(feed, path):
        return Lines(rows + 1, np.empty(0, np.int64))
    found, bad, wanted = [], [], iter(rows.tolist())
    target, position = next(wanted, None), -1
    with open_text(feed, path) as text:
        records = csv.reader(text, delimiter=feed.delimiter)
        width, begins = 0, 1
        for record in records:
            line, begins = begins, records.line_num + 1
            if not record:
                continue
            if not width:
                width = len(record)
            elif len(record) != width:
                bad.append(line)
            else:
                position += 1
                if position == target:
                    found.append(line)
                    target = next(wanted, None)
            if target is None and len(bad) >= misshapen:
                break
    return Lines(np.array(found, np.int64), np.array(bad, np.int64))
