"""Small extracts and mappings for tests of ingest."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hiu_risk.cli.main import main
from hiu_risk.ingest import IngestReport, run_ingest

KEY = b"a key for tests, long enough to be one"
ROOT = Path(__file__).resolve().parents[2]
PUBLIC_DATA = Path(os.environ.get("HIU_RISK_SHARED_DATA") or ROOT.parent / "shared" / "data")

CALLS = """\
[[feed]]
table = "calls"
path = "calls.csv"
delay_hours = 1
[feed.columns]
event_id = "id"
person_id = "who"
occurred_at = "at"
available_at = "seen"
outcome = "outcome"
"""
LENIENT = CALLS.replace("= 1\n", "= 1\nmax_rejected = 1.0\n")
"""The same where any share of the rows may be rejected, as that of a handful of rows will be."""
HEADER = "id,who,at,seen,outcome"


def write(folder: Path, files: Mapping[str, str | Sequence[str]]) -> Path:
    """Write text files (or lists of lines) into a folder; give the mapping's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        lines = text if isinstance(text, str) else "\n".join(text) + "\n"
        (folder / name).write_text(lines, encoding="utf-8")
    return folder / "mapping.toml"


def calls_mapping(folder: Path, rows: Sequence[str], mapping: str = CALLS, **more: Any) -> Path:
    """A feed of calls with these rows under the usual header."""
    return write(folder, {"calls.csv": [HEADER, *rows], "mapping.toml": mapping, **more})


def ingest(mapping: Path, store: Path) -> IngestReport:
    """Ingest under the tests' key."""
    return run_ingest(mapping, store, key=KEY)


def files_of(store: Path) -> dict[str, bytes]:
    """Every file of a store and its bytes."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


def run_command(monkeypatch: Any, *arguments: str) -> int:
    """Run the command line in this process; give its exit code."""
    monkeypatch.setattr(sys, "argv", ["hiu-risk", *arguments])
    monkeypatch.setenv("HIU_RISK_PSEUDONYM_KEY", KEY.decode())
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
