"""Ledgers with rows in them, and what somebody without scruples would do to one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Entry, Ledger
from hiu_risk.model.ledger_database import TRIGGERS
from tests.support.bundles import make_bundle

A, B, C = ("a" * 12, "b" * 12, "c" * 12)
WHO = "Dr A. Reader"
GATES = [{"name": "recall at K", "outcome": "passed", "detail": "0.31 against 0.22"}]


def incident(ledger: Ledger, text: str = "A list was late.", **more: Any) -> Entry:
    """Write an incident."""
    fields: dict[str, Any] = {"at": 1_700_000_000, "action": "incident", "version": A, "who": WHO}
    return ledger.append(**(fields | {"reason": text} | more))


def filled(folder: Path, rows: int = 4) -> Ledger:
    """A ledger with some incidents."""
    ledger = Ledger(folder)
    for number in range(rows):
        incident(ledger, f"Incident {number}.", gates=GATES, evidence={"audit": "e" * 64})
    return ledger


def champions(folder: Path, n: int = 3) -> tuple[Ledger, list[str]]:
    """An empty ledger of a home with some models, and their versions."""
    home = ModelHome(folder)
    bundles = [make_bundle(with_trees=False, intercept=-4.0 - i / 8) for i in range(n)]
    return Ledger(home), [home.add(bundle)[:12] for bundle in bundles]


def crown(ledger: Ledger, version: str, action: Any = "promote", **more: Any) -> Entry:
    """Make a model champion."""
    return ledger.append(at=1, action=action, version=version, who=WHO, reason="Why.", **more)


def sql(folder: Path, *statements: str) -> None:
    """Do what somebody with the file and no scruples would."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


NO_GUARDS = [f"DROP TRIGGER {name}" for name in TRIGGERS]
