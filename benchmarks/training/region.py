"""A store with about so many rows to learn from: a synthetic region, made by the commands."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import redirect_stdout
from pathlib import Path

ROWS_PER_PERSON = 11.8
"""Rows to learn from, a person of the region: 21 dates, at most of which a person is at risk."""

KEY = "HIU_RISK_PSEUDONYM_KEY"


def store_of(folder: Path, rows: int) -> Path:
    """Give the store, making it first where it is not there."""
    from hiu_risk.cli.ingest import ingest
    from hiu_risk.cli.synth import synth

    os.environ.setdefault(KEY, hashlib.sha256(b"nobody in the region is real").hexdigest())
    people = round(rows / ROWS_PER_PERSON)
    region, store = folder / f"region-{people}", folder / f"store-{people}"
    with redirect_stdout(io.StringIO()):
        if not region.exists():
            synth(out=region, people=people, seed=1)
        if not (store / "manifest.json").is_file():
            ingest(mapping=region / "mapping.toml", store=store)
    return store
