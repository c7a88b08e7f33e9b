"""Writing a store so that a killed ingest leaves the previous one intact.

Everything is written to a staging folder inside the store. At the end the finished data folder
is renamed, then the manifest replaced in one step; only then is the old data folder removed.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import sha256_of, write_json
from hiu_risk.manifest import Manifest, TableFile
from hiu_risk.schema import SCHEMA_VERSION, STORE_FILES
from hiu_risk.store import MANIFEST, read_manifest
from hiu_risk.store_hash import content_hash

ROW_GROUP = 262_144
_ROW_GROUPS = {"people": 65_536}  # read with the events of a part: as many people as one has
_STAGING = ".ingest-"
_REFUSED = "refused"


@dataclass(frozen=True)
class Staging:
    """Where an ingest writes before anybody sees it.

    Parameters
    ----------
    store : Path
        The store's folder.
    data : Path
        Becomes the data folder.
    scratch : Path
        For files that are needed only meanwhile.
    """

    store: Path
    data: Path
    scratch: Path

    def write_table(self, name: str, batches: Iterable[pa.RecordBatch | pa.Table]) -> int:
        """Write a table in row groups of a fixed size, whatever the size of the batches.

        A row group of events ends where a person ends, so that whoever reads a range of people
        reads no row group twice; only a person who fills more than one is cut.
        """
        schema, rows, waiting = STORE_FILES[name], 0, []
        most = _ROW_GROUPS.get(name, ROW_GROUP)
        with pq.ParquetWriter(self.data / f"{name}.parquet", schema, compression="zstd") as writer:
            held = 0
            for batch in batches:
                table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
                waiting.append(table.cast(schema))
                held += table.num_rows
                rows += table.num_rows
                if held > most:
                    whole, done = pa.concat_tables(waiting), 0
                    while held - done > most:
                        end = _end_of_person(whole, done, done + most)
                        writer.write_table(_unified(whole.slice(done, end - done)))
                        done = end
                    waiting, held = [whole.slice(done)], held - done
            if held:
                writer.write_table(_unified(pa.concat_tables(waiting)))
        return rows


def _end_of_person(table: pa.Table, start: int, stop: int) -> int:
    """Give the last row at which a row group from ``start`` may end: before ``stop``'s person."""
    if "person" not in table.column_names:
        return stop
    person = table.column("person").slice(start, stop - start + 1).to_numpy()
    first = int(np.searchsorted(person, person[-1]))
    return start + first if first else stop


def _unified(table: pa.Table) -> pa.Table:
    return table.combine_chunks().unify_dictionaries()


@contextmanager
def staging(store: Path) -> Iterator[Staging]:
    """Lock the store and give a staging folder; it is removed at the end, whatever happens.

    Raises
    ------
    UsageError
        The folder holds something that is not a store, or can't be written.
    DataError
        Another ingest is writing to it, or a newer version wrote it.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock = (store / ".lock").open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(store),
            fix="choose a folder you may write to",
        ) from None
    with lock:
        _lock(lock, store)
        for left in store.glob(f"{_STAGING}*"):  # of an ingest that was killed
            shutil.rmtree(left, ignore_errors=True)
        if read_manifest(store) is None and any(
            p.name not in (".lock", _REFUSED) for p in store.iterdir()
        ):
            raise UsageError(
                "the folder holds something that is not a store",
                where=str(store),
                fix="choose a new or empty folder for --store",
            )
        with tempfile.TemporaryDirectory(prefix=_STAGING, dir=store) as name:
            place = Staging(store, Path(name) / "data", Path(name) / "scratch")
            place.data.mkdir()
            place.scratch.mkdir()
            yield place


def _lock(lock: Any, store: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DataError(
            "another ingest is writing this store",
            where=str(store),
            fix="wait until it has finished",
        ) from None


def publish(place: Staging, rows: dict[str, int], **facts: Any) -> Manifest:
    """Make the staged tables the store's content.

    Parameters
    ----------
    place : Staging
        With every table of the schema written.
    rows : dict
        Rows of each table.
    facts
        The other fields of the manifest.
    """
    tables = {
        name: TableFile(
            file=f"{name}.parquet",
            rows=rows[name],
            bytes=(place.data / f"{name}.parquet").stat().st_size,
            sha256=sha256_of(place.data / f"{name}.parquet"),
        )
        for name in STORE_FILES
    }
    content = content_hash(tables, **facts)
    others = sorted(p for p in place.data.rglob("*.csv"))
    everything = _digest([content, *(f"{p.name} {sha256_of(p)}" for p in others)])
    folder = f"data-{everything[:12]}"
    manifest = Manifest(
        schema_version=SCHEMA_VERSION, content_hash=content, folder=folder, tables=tables, **facts
    )
    target = place.store / folder
    if not _same_files(place.data, target):
        if target.exists():  # the same content once, damaged since
            target.rename(place.scratch / "damaged")
        place.data.rename(target)
    write_json(place.store / MANIFEST, manifest.model_dump(mode="json"))
    for old in (*place.store.glob("data-*"), place.store / _REFUSED):
        if old.name != folder:
            shutil.rmtree(old, ignore_errors=True)
    return manifest


def keep_rejects(place: Staging) -> Path:
    """Keep the reject files of an ingest that is refused, until one succeeds; give their folder.

    They lie beside the store's data, which stays as it is.
    """
    kept = place.store / _REFUSED
    if kept.exists():
        kept.rename(place.scratch / _REFUSED)
    (place.data / "rejects").rename(kept)
    return kept


def _same_files(one: Path, other: Path) -> bool:
    files = [p.relative_to(one) for p in one.rglob("*") if p.is_file()]
    return all(
        (other / file).is_file() and sha256_of(one / file) == sha256_of(other / file)
        for file in files
    )


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
