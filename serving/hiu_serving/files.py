"""The folder a score run leaves: the page, the CSV, and a manifest that seals them."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from hiu_risk import NOT_FOR, __version__
from hiu_risk.errors import UsageError
from hiu_risk.files import replacing, write_json
from hiu_serving.wording import local_iso
from hiu_serving.worklist import INSIDE_ONLY, Worklist
from hiu_serving.worklist_page import not_scored_csv, worklist_csv, worklist_page


def write_worklist(worklist: Worklist, folder: Path, made_at: datetime) -> tuple[Path, ...]:
    """Write ``worklist.csv``, ``worklist.html``, ``not-scored.csv`` and, last, ``manifest.json``.

    Everything is made before anything is replaced; a run that is killed leaves the former files
    or the new ones. The manifest holds the SHA-256 of the others: who reads the files by machine
    checks it, and finds out if a run broke off between two of them.

    Raises
    ------
    UsageError
        The folder can't be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("not a folder", where=str(folder), fix="name a folder with --out")
    texts = {
        "worklist.csv": worklist_csv(worklist),
        "worklist.html": worklist_page(worklist),
        "not-scored.csv": not_scored_csv(worklist),
    }
    with ExitStack() as stack:
        for name, text in texts.items():
            temporary = stack.enter_context(replacing(folder / name))
            temporary.write_bytes(text.encode("utf-8"))
    manifest = folder / "manifest.json"
    write_json(
        manifest,
        {
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
                name: hashlib.sha256(text.encode("utf-8")).hexdigest()
                for name, text in texts.items()
            },
        },
    )
    return (*(folder / name for name in texts), manifest)
