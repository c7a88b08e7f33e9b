"""Features of a whole store, part by part: the same files from one machine or from many.

A part is a contiguous range of the store's people, so that nobody is ever split. Parts follow
from the store alone; whoever makes a part writes the same bytes. Parts gather in a hidden folder
beside the target, which takes the target's name once every part is there and checked: a job
that died leaves no target, and the next run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_features.build import Engine
from hiu_features.catalogue import Catalogue
from hiu_features.reads import reads_of
from hiu_features.table import FeatureTable
from hiu_risk import __version__
from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import replacing, sha256_of
from hiu_risk.histories import Feed, Histories
from hiu_risk.store import Reads, Store
from hiu_risk.store_checks import damaged
from hiu_risk.store_files import person_ranges, row_counts

SCHEMA_VERSION = 1
"""Of the folders that parts are published in."""

EVENTS_PER_PART = 524_288
"""Two row groups of a store: about half a second of work and half a gigabyte at 12 dates."""

_NEAR = 0.3
"""A cut moves to the end of a row group that is at most this part of a part away."""


@dataclass(frozen=True)
class Part:
    """Persons ``first`` to ``stop - 1`` of a store."""

    number: int
    first: int
    stop: int

    @property
    def file(self) -> str:
        """Name of its Parquet file."""
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Receipt:
    """What was made of a part: the driver believes nothing else."""

    part: Part
    people: int
    events: int
    rows: int
    bytes: int
    sha256: str
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """Give the receipt as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read it back."""
        data = json.loads(text)
        return cls(**{**data, "part": Part(**data["part"])})


class Work(Protocol):
    """What is made of a part's histories; it must be possible to pickle it.

    Called with histories it gives a table, whose column ``person`` counts from the part's first
    person, and numbers to be summed up in the manifest.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the manifest says of the work; equal facts mean equal results."""

    @property
    def reads(self) -> Reads:
        """What it needs of a store."""

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Make the rows of these people."""


@dataclass(frozen=True)
class FeatureWork:
    """Features at index dates: :func:`hiu_features.build` and nothing else.

    Parameters
    ----------
    as_ofs : tuple of int
        UTC seconds, rising.
    catalogue : Catalogue
        The features.
    threads : int, optional
        See :class:`hiu_features.Engine`; changes no bit.
    """

    as_ofs: tuple[int, ...]
    catalogue: Catalogue
    threads: int | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, index dates, columns and the hash of the catalogue."""
        return {
            "kind": "features",
            "catalogue_hash": self.catalogue.hash,
            "as_ofs": list(self.as_ofs),
            "features": list(self.catalogue.names),
        }

    @property
    def reads(self) -> Reads:
        """The columns that the catalogue's features look at."""
        return reads_of(self.catalogue)

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Build the rows of these people."""
        return self.table(histories).to_arrow(), {}

    def table(self, histories: Histories) -> FeatureTable:
        """Build the rows of these people, unconverted."""
        return _engine(self.catalogue, self.threads).build(histories, np.array(self.as_ofs))


@lru_cache(maxsize=4)
def _engine(catalogue: Catalogue, threads: int | None) -> Engine:
    return Engine(catalogue, threads=threads)


@dataclass(frozen=True)
class Job:
    """A work, the store it is done on, and the parts it is done in.

    Parameters
    ----------
    store, store_hash : str
        Folder and content hash.
    zone : str
        The store's local zone.
    feeds : tuple of Feed
        What the store says its feeds cover: no event tells it, and values depend on it.
    events : int
        Events of the store that count: together the parts must have seen each.
    parts : tuple of Part
        Everybody, in order.
    work : Work
        What to do.
    version : str
        Of this program; executors must run the same.
    """

    store: str
    store_hash: str
    zone: str
    feeds: tuple[Feed, ...]
    events: int
    parts: tuple[Part, ...]
    work: Work
    version: str = __version__

    @classmethod
    def of(cls, store: Path | str, work: Work, *, events_per_part: int = EVENTS_PER_PART) -> Job:
        """Plan a work on a store, trying it on nobody first so that mistakes show at once."""
        opened = Store.open(store)
        work(opened.histories(rows=(0, 0), reads=work.reads))
        parts = plan_parts(opened, events_per_part)
        path = str(Path(store).resolve())
        return cls(
            path, opened.content_hash, opened.manifest.zone, opened.feeds, _counted(opened), parts,
            work,
        )  # fmt: skip

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return {
            "schema_version": SCHEMA_VERSION,
            **self.work.facts,
            "store_hash": self.store_hash,
            "zone": self.zone,
            "feeds": [{**asdict(f), "gaps": [list(gap) for gap in f.gaps]} for f in self.feeds],
            "code_version": self.version,
            "ranges": [[part.first, part.stop] for part in self.parts],
        }

    @cached_property
    def id(self) -> str:
        """Hash of all that."""
        text = json.dumps(self.facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def plan_parts(store: Store, events_per_part: int = EVENTS_PER_PART) -> tuple[Part, ...]:
    """Cut a store's people into ranges of about equally many events, from the footer alone.

    Cuts fall between row groups where one is near, so that none is read twice. A person with
    more events than a part should have is a part nearly alone, never two.
    """
    if events_per_part < 1:
        raise UsageError("a part needs at least one event", where="events_per_part")
    n_people = store.manifest.tables["people"].rows
    at, first_person = _marks(store)
    n_parts = max(1, round(at[-1] / events_per_part))
    wanted = np.arange(1, n_parts) * (at[-1] / n_parts)
    nearest = at[np.abs(at[:, None] - wanted).argmin(axis=0)]
    near = np.abs(nearest - wanted) <= events_per_part * _NEAR
    wanted = np.where(near, nearest, wanted)
    cuts = np.unique(np.interp(wanted, at, first_person).astype(np.int64)).tolist()
    bounds = [0, *(cut for cut in cuts if 0 < cut < n_people), n_people]
    return tuple(Part(number, *pair) for number, pair in enumerate(pairwise(bounds)))


def _marks(store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Events before each row group, and its first person; a row group spans its persons evenly.
    n_people = store.manifest.tables["people"].rows
    at, persons = [0], [0]
    file = store.file("events")
    for rows, seen in zip(row_counts(file), person_ranges(file, "events"), strict=True):
        if seen is not None:
            persons[-1] = max(persons[-1], seen[0])
            at.append(at[-1] + rows)
            persons.append(seen[1] + 1)
    if persons[-1] > n_people:
        raise damaged("an event of somebody who is not among the people", file)
    if at[-1] == 0:
        return np.array([0, store.manifest.tables["events"].rows]), np.array([0, n_people])
    return np.array(at), np.array(persons)


def _counted(store: Store) -> int:
    with pq.ParquetFile(store.file("events")) as file:
        return sum(
            int(batch.column(0).true_count) for batch in file.iter_batches(columns=["counted"])
        )


def make_part(job: Job, part: Part, folder: Path) -> Receipt:
    """Make one part and write its file and receipt; where they already are, only read them.

    Raises
    ------
    DataError
        The store is not the one that the job was planned on.
    UsageError
        This process runs another version of the program than the driver.
    """
    file, slip = folder / part.file, folder / f".{part.file}.json"
    if slip.is_file() and file.is_file():
        receipt = Receipt.from_json(slip.read_text(encoding="utf-8"))
        if receipt.part == part and file.stat().st_size == receipt.bytes:
            return receipt
    if job.version != __version__:
        raise UsageError(
            f"an executor runs hiu-risk {__version__}, the driver {job.version}",
            fix="install one version everywhere",
        )
    store = Store.open(job.store)
    read = (store.content_hash, store.manifest.zone, store.feeds)
    if read != (job.store_hash, job.zone, job.feeds):
        raise DataError(
            "the store was replaced while it was read", where=job.store, fix="run it again"
        )
    histories = store.histories(rows=(part.first, part.stop), reads=job.work.reads)
    table, counts = job.work(histories)
    place = table.schema.get_field_index("person")
    person = np.add(table.column(place).to_numpy(), part.first, dtype=np.int32)
    table = table.set_column(place, "person", pa.array(person))
    with replacing(file) as temporary:
        write_parquet(table, temporary)
    receipt = Receipt(
        part, histories.n_people, histories.n_events, table.num_rows, file.stat().st_size,
        sha256_of(file), dict(counts),
    )  # fmt: skip
    with replacing(slip) as temporary:
        temporary.write_text(receipt.to_json(), encoding="utf-8")
    return receipt


def write_parquet(table: pa.Table, file: Path) -> None:
    """Write a part. Dictionaries and statistics of fractions cost more time than they save room."""
    named = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    pq.write_table(
        table, file, compression="snappy", use_dictionary=named, write_statistics=named
    )  # read by everything that reads Parquet; zstd takes 1.3 times as long and 0.7 of the room
