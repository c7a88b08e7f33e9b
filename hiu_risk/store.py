"""The store: a folder of Parquet files and a manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from hiu_risk.codes import ETHNIC_GROUP, EVENT_CATEGORIES, SEX, Vocabulary
from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import sha256_of
from hiu_risk.histories import UNKNOWN_TIME, Caseload, Feed, Histories, People, joined
from hiu_risk.incidents import CODES
from hiu_risk.manifest import Manifest
from hiu_risk.schema import SCHEMA_VERSION
from hiu_risk.store_checks import (
    check_by_person,
    check_columns,
    check_no_event_twice,
    check_nobody_twice,
    check_times,
    damaged,
)
from hiu_risk.times import DAY, FOREVER

MANIFEST = "manifest.json"
_EVENT_TIMES = ("occurred_at", "available_at", "superseded_at", "leads_until")
_EVENT_COLUMNS = ["person", *_EVENT_TIMES, "hour_of_week", "counted", *CODES]


@dataclass(frozen=True)
class Freshness:
    """How far a source reaches up to an index date.

    Parameters
    ----------
    source : str
        ``call``, ``ae`` or ``admission``.
    complete_until : int or None
        UTC seconds; None where the store has no such source.
    days_behind : float
        Days between ``complete_until`` and the index date, not below 0; infinite without a source.
    stale : bool
        More days behind than allowed.
    """

    source: str
    complete_until: int | None
    days_behind: float
    stale: bool


@dataclass(frozen=True)
class Store:
    """A store opened for reading.

    Parameters
    ----------
    path : Path
        Its folder.
    manifest : Manifest
        What it holds.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open a store, checking its version and that its files are whole.

        Raises
        ------
        UsageError
            There is no store at ``path``.
        DataError
            It was written by a newer version, or a file is missing or cut short.
        """
        path = Path(path)
        manifest = read_manifest(path)
        if manifest is None:
            raise UsageError(
                "no store here", where=str(path), fix="run hiu-risk ingest, or check --store"
            )
        for table in manifest.tables.values():
            file = path / manifest.folder / table.file
            if not file.is_file() or file.stat().st_size != table.bytes:
                raise DataError(
                    "a file of the store is missing or cut short",
                    where=str(file),
                    fix="run hiu-risk ingest again",
                )
        return cls(path, manifest)

    @property
    def content_hash(self) -> str:
        """SHA-256 over the store's data files."""
        return self.manifest.content_hash

    @property
    def folder(self) -> Path:
        """Where the Parquet files lie."""
        return self.path / self.manifest.folder

    @property
    def rejects(self) -> Path:
        """Folder of the reject files, one CSV a feed."""
        return self.folder / "rejects"

    def file(self, table: str) -> Path:
        """Path of a table's Parquet file."""
        return self.folder / self.manifest.tables[table].file

    def verify(self) -> None:
        """Compare every file with its hash; a difference is a DataError."""
        for name, table in self.manifest.tables.items():
            if sha256_of(self.file(name)) != table.sha256:
                raise DataError(
                    "a file of the store was changed",
                    where=str(self.file(name)),
                    fix="run hiu-risk ingest again",
                )

    @cached_property
    def people_ids(self) -> NDArray[np.str_]:
        """Pseudonyms; the position of one is its person number in the other tables."""
        ids = self._read("people", ["person_id"]).column(0)
        return np.asarray(ids.to_numpy(zero_copy_only=False), dtype=np.str_)

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """Coverage of each source: all its feeds must be complete for it to be complete."""
        found: dict[str, Feed] = {}
        for record in self.manifest.feeds:
            if not record.source or record.starts_at is None or record.complete_until is None:
                continue
            feed = Feed(
                record.source, record.starts_at, record.complete_until, record.delay,
                joined(record.gaps),
            )  # fmt: skip
            if other := found.get(record.source):
                feed = Feed(
                    record.source,
                    max(feed.starts_at, other.starts_at),
                    min(feed.complete_until, other.complete_until),
                    max(feed.delay, other.delay),
                    joined([*feed.gaps, *other.gaps]),
                )
            found[record.source] = feed
        return tuple(found.values())

    def check_fresh(self, as_of: int, source: str, max_days: float) -> Freshness:
        """Tell how many days before ``as_of`` a source stops."""
        feed = next((feed for feed in self.feeds if feed.source == source), None)
        if feed is None:
            return Freshness(source, None, float("inf"), stale=True)
        days = max(0.0, (as_of - feed.complete_until) / DAY)
        return Freshness(source, feed.complete_until, days, stale=days > max_days)

    def histories(self, rows: tuple[int, int] | None = None) -> Histories:
        """Read the counted events of everybody, or of persons ``rows[0]`` to ``rows[1] - 1``.

        Positions in the result count from ``rows[0]``.

        Raises
        ------
        DataError
            The tables are not as ingest writes them: unsorted, somebody or an event twice, times
            outside 1970 to 2100, unknown categories, columns of other types.
        """
        first, stop = rows or (0, self.manifest.tables["people"].rows)
        within = [("person", ">=", first), ("person", "<", stop)] if rows else None
        events = self._read("events", _EVENT_COLUMNS, within)
        file = self.file("events")
        counted = events.column("counted").to_numpy()
        person = events.column("person").to_numpy() - first
        check_by_person(person, file)
        person = person[counted]
        moments = {name: times(events.column(name), FOREVER)[counted] for name in _EVENT_TIMES}
        check_times(moments, file)
        named: dict[str, Any] = {
            name: self._codes("events", events, EVENT_CATEGORIES[name])[counted] for name in CODES
        }
        check_no_event_twice(
            person, moments, named["source"],
            lambda: self._read("events", ["event_id"], within).column(0).filter(counted), file,
        )  # fmt: skip
        hours = events.column("hour_of_week").to_numpy()[counted]
        counts = np.bincount(person, minlength=stop - first)
        people, caseload = self.people(rows), self._caseload(first, stop)
        try:
            return Histories(
                people=people,
                offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
                caseload=caseload,
                feeds=self.feeds,
                zone=self.manifest.zone,
                hour_of_week=hours,
                **moments,
                **named,
            )
        except DataError as error:
            raise damaged(error.what, file) from None

    def people(self, rows: tuple[int, int] | None = None) -> People:
        """Read what is known of everybody, or of persons ``rows[0]`` to ``rows[1] - 1``."""
        first, stop = rows or (0, self.manifest.tables["people"].rows)
        before = min(first, 1)  # the neighbour too: nobody may stand on both sides of a cut
        table = self._read_rows("people", first - before, stop)
        check_columns(table, "people", self.file("people"))
        check_nobody_twice(table.column("person_id"), self.file("people"))
        table = table.slice(before)
        column = table.column
        return People(
            id=np.asarray(column("person_id").to_numpy(zero_copy_only=False), dtype=np.str_),
            born_at=times(column("born_at"), UNKNOWN_TIME),
            sex=self._codes("people", table, SEX),
            ethnic_group=self._codes("people", table, ETHNIC_GROUP),
            imd_decile=column("imd_decile").to_numpy(),
            registered_from=times(column("registered_from"), UNKNOWN_TIME),
            registered_to=times(column("registered_to"), FOREVER),
            move_known_at=times(column("move_known_at"), FOREVER),
            died_at=times(column("died_at"), FOREVER),
            death_known_at=times(column("death_known_at"), FOREVER),
            extensive_care=column("extensive_care").to_numpy(),
            opted_out=column("opted_out").to_numpy(),
            site=np.asarray(column("site").to_numpy(zero_copy_only=False), dtype=np.str_),
        )

    def _caseload(self, first: int, stop: int) -> Caseload:
        within = [("person", ">=", first), ("person", "<", stop)]
        table = self._read("caseload", None, within)
        return Caseload(
            (table.column("person").to_numpy() - first).astype(np.int32),
            times(table.column("start"), FOREVER),
            times(table.column("end"), FOREVER),
        )

    def _read_rows(self, table: str, first: int, stop: int) -> pa.Table:
        # Only the row groups that hold them: a part of the people must not cost a read of all.
        with pq.ParquetFile(self.file(table)) as file:
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            ends = np.cumsum(sizes, dtype=np.int64)
            groups = np.flatnonzero((ends > first) & (ends - sizes < stop)).tolist()
            if not groups:
                return file.schema_arrow.empty_table()
            before = int(ends[groups[0]]) - sizes[groups[0]]
            return file.read_row_groups(groups).slice(first - before, stop - first)

    def _read(
        self, table: str, columns: Sequence[str] | None = None, filters: Any = None
    ) -> pa.Table:
        file = self.file(table)
        try:
            read = pq.read_table(file, columns=columns, filters=filters, partitioning=None)
        except FileNotFoundError:
            raise DataError(
                "the store was replaced while it was read",
                where=str(self.path),
                fix="run the command again",
            ) from None
        except pa.ArrowException:
            raise damaged("a table that can't be read, or lacks a column", file) from None
        check_columns(read, table, file)
        return read

    def _codes(self, name: str, table: pa.Table, vocabulary: Vocabulary) -> NDArray[np.uint8]:
        column = vocabulary.title
        try:
            return codes(table.column(column), vocabulary)
        except DataError as error:
            raise DataError(
                error.what, where=f"{self.file(name)}, {column}", fix=error.fix
            ) from None


def read_manifest(path: Path) -> Manifest | None:
    """Read a store's manifest; None where there is none.

    Raises
    ------
    DataError
        It was written by a newer version, or can't be read.
    """
    file = path / MANIFEST
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        data = None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"the store has schema version {version}, this program knows {SCHEMA_VERSION}",
            where=str(file),
            fix="upgrade hiu-risk, or ingest into another folder",
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError:
        raise DataError(
            "the store's manifest can't be read",
            where=str(file),
            fix="ingest again into a new folder",
        ) from None


def times(column: pa.ChunkedArray, missing: int) -> NDArray[np.int64]:
    """Whole UTC seconds of a column of timestamps; null becomes ``missing``.

    Examples
    --------
    >>> times(pa.chunked_array([[5_000_000, None]]).cast(pa.timestamp("us", "UTC")), -1).tolist()
    [5, -1]
    """
    values = column.cast(pa.int64())
    null = values.null_count
    seconds = np.asarray(values.fill_null(0).to_numpy() // 1_000_000, dtype=np.int64)
    if null:
        seconds[column.is_null().to_numpy()] = missing
    return seconds


def codes(column: pa.ChunkedArray, vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """Codes of a dictionary column of names; null becomes 0.

    Examples
    --------
    >>> codes(pa.chunked_array([pa.array(["male", None]).dictionary_encode()]), SEX).tolist()
    [2, 0]
    """
    parts = [np.empty(0, np.uint8)]
    for chunk in column.chunks:
        names = vocabulary.encode(chunk.dictionary.to_pylist())
        index = chunk.indices.fill_null(len(names)).to_numpy()
        parts.append(np.append(names, np.uint8(0))[index])
    return np.concatenate(parts)
