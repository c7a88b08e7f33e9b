"""From parts to a folder: checked to be whole, then given its name in one step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hiu_features.parts import SCHEMA_VERSION, Job, Receipt
from hiu_risk.errors import DataError, HiuRiskError, UsageError
from hiu_risk.files import write_json

MANIFEST = "_manifest.json"
"""Named so that readers of Parquet folders pass over it."""


class WorkInterruptedError(HiuRiskError):
    """The work stopped before its end for a reason that may not come again."""


def finished(job: Job, out: Path, *, replace: bool = False) -> dict[str, Any] | None:
    """Give the manifest when the target already holds this job's result, else None.

    Raises
    ------
    UsageError
        The target holds something else and ``replace`` was not said.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    manifest = read_manifest(out)
    if manifest is not None and manifest["id"] == job.id:
        return manifest
    if manifest is None or not replace:
        raise UsageError(
            "the folder holds something else" if manifest is None else "other rows are there",
            where=str(out),
            fix="choose a new folder" + ("" if manifest is None else ", or ask for replacing it"),
        )
    return None


def read_manifest(out: Path) -> dict[str, Any] | None:
    """Read the manifest of a folder of features; None where there is none.

    Raises
    ------
    DataError
        It was written by a newer version, or can't be read.
    """
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        version = manifest["schema_version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            "the manifest can't be read", where=str(out / MANIFEST), fix="make the folder again"
        ) from None
    if version > SCHEMA_VERSION:
        raise DataError(
            f"the folder has schema version {version}, this program knows {SCHEMA_VERSION}",
            where=str(out / MANIFEST),
            fix="upgrade hiu-risk",
        )
    return dict(manifest)


@contextmanager
def gathering(job: Job, out: Path) -> Iterator[Path]:
    """Give the hidden folder beside the target where the parts gather.

    It stays behind when a run is interrupted, so that the next goes on; an error that another
    run would meet again removes it.
    """
    folder = out.parent / f".{out.name}.{job.id[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(out),
            fix="choose a folder you may write to",
        ) from None
    try:
        yield folder
    except WorkInterruptedError:
        raise
    except HiuRiskError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def publish(job: Job, receipts: Iterable[Receipt], folder: Path, out: Path) -> dict[str, Any]:
    """Check that everything is there, write the manifest, and give the folder its name.

    Raises
    ------
    DataError
        A part, a person, an event or a row is missing, or there twice.
    """
    ordered = sorted(receipts, key=lambda receipt: receipt.part.number)
    _check_complete(job, ordered, folder)
    counts: dict[str, int] = {}
    for receipt in ordered:
        for name, number in receipt.counts.items():
            counts[name] = counts.get(name, 0) + number
    facts = {name: value for name, value in job.facts.items() if name != "ranges"}
    manifest = {
        "id": job.id,
        **facts,
        "people": sum(receipt.people for receipt in ordered),
        "events": job.events,
        "rows": sum(receipt.rows for receipt in ordered),
        "counts": counts,
        "parts": [
            {
                "file": receipt.part.file, "first": receipt.part.first, "stop": receipt.part.stop,
                "rows": receipt.rows, "bytes": receipt.bytes, "sha256": receipt.sha256,
            }
            for receipt in ordered
        ],
    }  # fmt: skip
    write_json(folder / MANIFEST, manifest)
    named = {MANIFEST, *(receipt.part.file for receipt in ordered)}
    for file in folder.iterdir():  # receipts, and what killed writers left
        if file.name not in named:
            file.unlink()
    _take_place(folder, out)
    return manifest


def _check_complete(job: Job, receipts: list[Receipt], folder: Path) -> None:
    whole = [receipt.part for receipt in receipts] == list(job.parts)
    seen = sum(receipt.events for receipt in receipts)
    for receipt in receipts if whole else ():
        file = folder / receipt.part.file
        whole = whole and receipt.people == receipt.part.stop - receipt.part.first
        whole = whole and file.is_file() and file.stat().st_size == receipt.bytes
        whole = whole and pq.read_metadata(file).num_rows == receipt.rows
    if not whole or seen != job.events:
        raise DataError(
            "rows are missing or there twice; nothing was published",
            where=str(folder),
            fix="run it again",
        )


def _take_place(folder: Path, out: Path) -> None:
    folder.chmod(0o750)
    old = None
    if out.exists():
        old = out.with_name(f".{out.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
    folder.rename(out)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
