"""The store: a folder of Parquet files and a manifest that names them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from hiu_risk.codes import ETHNIC_GROUP, EVENT_CATEGORIES, SEX
from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import sha256_of
from hiu_risk.histories import UNKNOWN_TIME, Caseload, Feed, Histories, People
from hiu_risk.incidents import CODES
from hiu_risk.manifest import Manifest
from hiu_risk.schema import SCHEMA_VERSION
from hiu_risk.store_arrays import codes, times
from hiu_risk.store_checks import (
    check_by_person,
    check_no_event_twice,
    check_nobody_twice,
    check_times,
    damaged,
)
from hiu_risk.store_files import read, read_persons, read_rows
from hiu_risk.store_hash import coverage
from hiu_risk.times import DAY, FOREVER

MANIFEST = "manifest.json"
_EVENT_TIMES = ("occurred_at", "available_at", "superseded_at", "leads_until")
_PEOPLE_TIMES = {
    "born_at": UNKNOWN_TIME,
    "registered_from": UNKNOWN_TIME,
    "registered_to": FOREVER,
    "move_known_at": FOREVER,
    "died_at": FOREVER,
    "death_known_at": FOREVER,
}
_PEOPLE_COLUMNS = (
    *_PEOPLE_TIMES, "sex", "ethnic_group", "imd_decile", "extensive_care", "opted_out", "site",
)  # fmt: skip
_VOCABULARIES = {**EVENT_CATEGORIES, "sex": SEX, "ethnic_group": ETHNIC_GROUP}


@dataclass(frozen=True)
class Reads:
    """What to read of a store; everything else stands as unknown.

    When events happened and became known is always read, and so are pseudonyms, to see that
    nobody stands there twice.

    Parameters
    ----------
    events : frozenset of str
        Categories of events, and ``hour_of_week``.
    people : frozenset of str
        Attributes of people, by their name in :class:`~hiu_risk.histories.People`.
    caseload : bool
        Spells on a caseload.
    """

    events: frozenset[str]
    people: frozenset[str]
    caseload: bool


EVERYTHING = Reads(
    frozenset((*CODES, "hour_of_week")), frozenset(("id", *_PEOPLE_COLUMNS)), caseload=True
)


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
        """SHA-256 over the data files, what they cover, and how they were counted."""
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
        return _texts(read(self.file("people"), "people", ["person_id"]).column(0))

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """Coverage of each source: all its feeds must be complete for it to be complete."""
        return coverage(self.manifest.feeds)

    def check_fresh(self, as_of: int, source: str, max_days: float) -> Freshness:
        """Tell how many days before ``as_of`` a source stops."""
        feed = next((feed for feed in self.feeds if feed.source == source), None)
        if feed is None:
            return Freshness(source, None, float("inf"), stale=True)
        days = max(0.0, (as_of - feed.complete_until) / DAY)
        return Freshness(source, feed.complete_until, days, stale=days > max_days)

    def histories(
        self, rows: tuple[int, int] | None = None, reads: Reads = EVERYTHING
    ) -> Histories:
        """Read the counted events of everybody, or of persons ``rows[0]`` to ``rows[1] - 1``.

        Positions in the result count from ``rows[0]``.

        Raises
        ------
        DataError
            The tables are not as ingest writes them: unsorted, somebody or an event twice, times
            outside 1970 to 2100, unknown categories, columns of other types.
        """
        first, stop = rows or (0, self.manifest.tables["people"].rows)
        file = self.file("events")
        looked_at = [name for name in (*CODES, "hour_of_week") if name in reads.events]
        events = self._events(["person", *_EVENT_TIMES, "counted", *looked_at], rows)
        counted = _mask(events.column("counted"))
        person = _those(events.column("person").to_numpy(), counted)
        moments = {
            name: _those(times(events.column(name), FOREVER), counted) for name in _EVENT_TIMES
        }
        check_times(moments, file)
        # Columns that nobody asked for share one array of "unknown".
        unknown = np.zeros(len(person), np.uint8)
        named: dict[str, Any] = dict.fromkeys((*CODES, "hour_of_week"), unknown)
        for name in looked_at:
            named[name] = _those(self._codes("events", events, name), counted)
        check_no_event_twice(
            person, moments, named["source"],
            lambda: _rows_of(self._events(["person", "event_id"], rows), counted), file,
        )  # fmt: skip
        try:
            return Histories(
                people=self.people(rows, reads),
                offsets=np.searchsorted(person, np.arange(first, stop + 1, dtype=person.dtype)),
                caseload=self._caseload(first, stop) if reads.caseload else Caseload.empty(),
                feeds=self.feeds,
                zone=self.manifest.zone,
                **moments,
                **named,
            )
        except DataError as error:
            if error.where.startswith("histories"):
                raise damaged(error.what, file) from None
            raise

    def people(self, rows: tuple[int, int] | None = None, reads: Reads = EVERYTHING) -> People:
        """Read what is known of everybody, or of persons ``rows[0]`` to ``rows[1] - 1``."""
        first, stop = rows or (0, self.manifest.tables["people"].rows)
        before = min(first, 1)  # the neighbour too: nobody may stand on both sides of a cut
        file = self.file("people")
        columns = ["person_id", *(name for name in _PEOPLE_COLUMNS if name in reads.people)]
        table = read_rows(file, "people", columns, first - before, stop)
        check_nobody_twice(table.column("person_id"), file)
        table = table.slice(before)
        known: dict[str, NDArray[Any]] = {
            name: self._of_people(table, name) for name in columns[1:]
        }
        if "id" in reads.people:
            known["id"] = _texts(table.column("person_id"))
        nothing = People.unknown(np.zeros(len(table), np.dtype("U1")))
        return replace(nothing, **known)

    def _of_people(self, table: pa.Table, name: str) -> NDArray[Any]:
        column = table.column(name)
        if name in ("sex", "ethnic_group"):
            return self._codes("people", table, name)
        if name == "site":
            return _texts(column)
        if name in _PEOPLE_TIMES:
            return times(column, _PEOPLE_TIMES[name])
        return np.asarray(column.to_numpy())

    def _events(self, columns: list[str], rows: tuple[int, int] | None) -> pa.Table:
        file = self.file("events")
        if rows is not None:
            return read_persons(file, "events", columns, *rows)
        events = read(file, "events", columns)
        check_by_person(events.column("person").to_numpy(), file)
        return events

    def _caseload(self, first: int, stop: int) -> Caseload:
        table = read_persons(
            self.file("caseload"), "caseload", ["person", "start", "end"], first, stop
        )
        return Caseload(
            (table.column("person").to_numpy() - first).astype(np.int32),
            times(table.column("start"), FOREVER),
            times(table.column("end"), FOREVER),
        )

    def _codes(self, table: str, columns: pa.Table, name: str) -> NDArray[np.uint8]:
        if name == "hour_of_week":
            return np.asarray(columns.column(name).to_numpy())
        try:
            return codes(columns.column(name), _VOCABULARIES[name])
        except DataError as error:
            raise DataError(
                error.what, where=f"{self.file(table)}, {name}", fix=error.fix
            ) from None


def _mask(flags: pa.ChunkedArray) -> NDArray[np.bool_] | None:
    """Give the rows that count; None when all do, so that nothing need be copied."""
    if sum(chunk.true_count for chunk in flags.chunks) == len(flags):
        return None
    return np.asarray(flags.to_numpy())


def _those(values: NDArray[Any], counted: NDArray[np.bool_] | None) -> NDArray[Any]:
    return values if counted is None else values[counted]


def _rows_of(table: pa.Table, counted: NDArray[np.bool_] | None) -> pa.ChunkedArray:
    column = table.column("event_id")
    return column if counted is None else column.filter(counted)


def _texts(column: pa.ChunkedArray) -> NDArray[np.str_]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.str_)


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
