"""The ledger with its writers killed, locked out, or many at once; and what is no ledger."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from hiu_risk.errors import DataError, HiuRiskError, ModelError
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Ledger
from tests.support.ledger import (
    champions,
    crown,
    filled,
    incident,
    sql,
)

# Killed, locked, together


KILLED = """
import os, signal, sys
import hiu_risk.model.ledger as module
from hiu_risk.model.ledger import Ledger

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

home, version, where = sys.argv[1:]
if where == "before the commit":
    module.to_row = die
elif where == "before the head":
    module.write_json = die
else:
    module.ModelHome.set_alias = die
Ledger(home).append(at=2, action="promote", version=version, who="A. Reader", reason="Why.")
"""


@pytest.mark.parametrize("where", ["before the commit", "before the head", "before the alias"])
def test_killed_at_any_point_the_next_command_ends_the_work(tmp_path: Path, where: str) -> None:
    ledger, (first, second, _) = champions(tmp_path)
    crown(ledger, first, "first")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), second, where], check=False)
    assert done.returncode == -9
    written = where != "before the commit"
    assert ledger.verify() == []
    assert ledger.champion == (second if written else first)
    assert ModelHome(tmp_path).aliases()["champion"] == first  # old or new, never nothing
    assert bool(ledger.settle()) is written
    assert ModelHome(tmp_path).aliases()["champion"] == ledger.champion
    assert ledger.settle() == []
    assert ledger.head_path.read_text("utf-8").count(ledger.entries()[-1].hash) == 1


def test_killed_after_the_very_first_row_the_next_command_ends_the_work(tmp_path: Path) -> None:
    ledger, (first, *_) = champions(tmp_path)
    first_row = KILLED.replace("module.write_json = die", "Ledger.settle = die")
    arguments = [sys.executable, "-c", first_row, str(tmp_path), first, "before the head"]
    assert subprocess.run(arguments, check=False).returncode == -9
    assert json.loads(ledger.head_path.read_text("utf-8")) == {"sequence": 0, "hash": "0" * 64}
    assert ledger.verify() == []
    assert ledger.settle() == ["ledger.head", "aliases.json"]
    assert ledger.champion == ledger.home.aliases()["champion"] == first


def test_killed_twice_in_a_row_nothing_is_lost(tmp_path: Path) -> None:
    ledger, versions = champions(tmp_path)
    crown(ledger, versions[0], "first")
    killed = KILLED.replace("module.write_json = die", "Ledger.settle = die")
    for version in versions[1:]:
        arguments = [sys.executable, "-c", killed, str(tmp_path), version, "before the head"]
        assert subprocess.run(arguments, check=False).returncode == -9
        assert ledger.verify() == []
    assert ledger.settle() == ["ledger.head", "aliases.json"]
    assert ledger.champion == versions[2]


def test_many_writers_leave_one_whole_chain(tmp_path: Path) -> None:
    ledger, versions = champions(tmp_path)
    crown(ledger, versions[0], "first")
    refused: list[HiuRiskError] = []

    def write(worker: int) -> None:
        mine = Ledger(tmp_path)
        for turn in range(5):
            try:
                crown(mine, versions[(worker + turn) % 3], previous_version=mine.champion)
            except ModelError as error:
                refused.append(error)

    workers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = ledger.entries()
    assert len(rows) + len(refused) == 21
    assert ledger.verify() == []
    for before, row in pairwise(rows):
        assert row.previous_version == before.version
    assert ModelHome(tmp_path).aliases()["champion"] == rows[-1].version


def test_a_locked_database_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 1)
    hurried = Ledger(tmp_path, wait_seconds=0.05)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DataError, match=r"database is locked.*wait for the other command"):
            incident(hurried)
    assert len(ledger.entries()) == 1


def _a_folder(home: Path) -> None:
    (home / "ledger.db").mkdir(parents=True)


def _a_text(home: Path) -> None:
    home.mkdir()
    (home / "ledger.db").write_text(
        "not a database, but long enough to be read as one" * 40, "utf-8"
    )


def _another_database(home: Path) -> None:
    home.mkdir()
    sql(home, "CREATE TABLE ledger (a)", "INSERT INTO ledger VALUES (1)")


def _home_is_a_file(home: Path) -> None:
    home.write_text("", encoding="utf-8")


@pytest.mark.parametrize("spoil", [_a_folder, _a_text, _another_database, _home_is_a_file])
def test_what_is_not_a_ledger_is_said(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    home = tmp_path / "home"
    spoil(home)
    with pytest.raises(HiuRiskError) as caught:
        incident(Ledger(home))
    assert "What to do" in str(caught.value)
    assert str(home) in str(caught.value)
