"""The folder a score run leaves: the page, the CSV, and a manifest that seals them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from hiu_risk import NOT_FOR, __version__
from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import json_text, replacing
from hiu_serving.wording import local_iso
from hiu_serving.worklist import INSIDE_ONLY, Worklist
from hiu_serving.worklist_page import not_scored_csv, worklist_csv, worklist_page

FILES = ("worklist.csv", "worklist.html", "not-scored.csv", "manifest.json")
"""What a run leaves."""


def write_worklist(
    worklist: Worklist,
    folder: Path,
    made_at: datetime,
    *,
    more: Mapping[Path, str] | None = None,
    keep: Callable[[], object] | None = None,
) -> tuple[Path, ...]:
    """Write ``worklist.csv``, ``worklist.html``, ``not-scored.csv`` and, last, ``manifest.json``.

    Everything is written beside its place first. Only then is the list kept, and after that the
    files take their places, so a list that can't be written or kept leaves the former list and the
    former files. The manifest holds the SHA-256 of the others: who reads the files by machine
    checks it, and finds out if a run was killed between two of them.

    Parameters
    ----------
    worklist : Worklist
    folder : Path
        Made if it isn't there.
    made_at : datetime
    more : mapping, optional
        Further files that go with them, and what each holds.
    keep : callable, optional
        Keeps the list; what it raises stops everything.

    Raises
    ------
    UsageError
        The folder may not be written to.
    DataError
        A file can't be written: the disk is full.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("not a folder", where=str(folder), fix="name a folder with --out")
    texts = {
        "worklist.csv": worklist_csv(worklist),
        "worklist.html": worklist_page(worklist),
        "not-scored.csv": not_scored_csv(worklist),
    }
    manifest = json_text(_manifest(worklist, made_at, texts))
    listed = {folder / name: text for name, text in texts.items()}
    # What is staged first takes its place last.
    staged = {folder / "manifest.json": manifest, **(more or {}), **listed}
    with ExitStack() as stack:
        for path, text in staged.items():
            _stage(stack, path, text)
        if keep is not None:
            keep()
    return (*listed, folder / "manifest.json")


def _stage(stack: ExitStack, path: Path, text: str) -> None:
    if path.is_dir():
        raise UsageError("a folder is in the way", where=str(path), fix="choose another --out")
    temporary = stack.enter_context(replacing(path))
    try:
        temporary.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise DataError(
            f"can't write: {error.strerror}",
            where=str(path),
            fix="make room, or choose another folder with --out; the former list stays in force",
        ) from None


def _manifest(worklist: Worklist, made_at: datetime, texts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "made_at": made_at.isoformat(),
        "software_version": __version__,
        "as_of": worklist.as_of,
        "as_of_text": local_iso(worklist.as_of, worklist.zone),
        "definition": worklist.definition,
        "target": worklist.target,
        "horizon_days": worklist.horizon_days,
        "capacity": worklist.capacity,
        "least_days": worklist.least_days,
        "reserved": None if worklist.reserved is None else asdict(worklist.reserved),
        "model": worklist.bundle_id,
        "store": worklist.store_hash,
        "inside_only": INSIDE_ONLY,
        "not_for": NOT_FOR,
        "files": {
            name: hashlib.sha256(text.encode("utf-8")).hexdigest() for name, text in texts.items()
        },
    }
