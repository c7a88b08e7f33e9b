"""The ledger only grows, and whoever changes it is found out."""

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
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import DataError, HiuRiskError, ModelError, UsageError
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Entry, Ledger, standing
from hiu_risk.model.ledger_database import TRIGGERS
from tests.support.bundles import make_bundle

A, B, C = ("a" * 12, "b" * 12, "c" * 12)
WHO = "Dr A. Reader"
GATES = [{"name": "recall at K", "outcome": "passed", "detail": "0.31 against 0.22"}]


def incident(ledger: Ledger, text: str = "A list was late.", **more: Any) -> Entry:
    fields: dict[str, Any] = {"at": 1_700_000_000, "action": "incident", "version": A, "who": WHO}
    return ledger.append(**(fields | {"reason": text} | more))


def filled(folder: Path, rows: int = 4) -> Ledger:
    ledger = Ledger(folder)
    for number in range(rows):
        incident(ledger, f"Incident {number}.", gates=GATES, evidence={"audit": "e" * 64})
    return ledger


def champions(folder: Path, n: int = 3) -> tuple[Ledger, list[str]]:
    home = ModelHome(folder)
    bundles = [make_bundle(with_trees=False, intercept=-4.0 - i / 8) for i in range(n)]
    return Ledger(home), [home.add(bundle)[:12] for bundle in bundles]


def crown(ledger: Ledger, version: str, action: Any = "promote", **more: Any) -> Entry:
    return ledger.append(at=1, action=action, version=version, who=WHO, reason="Why.", **more)


def sql(folder: Path, *statements: str) -> None:
    """Do what somebody with the file and no scruples would."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


NO_GUARDS = [f"DROP TRIGGER {name}" for name in TRIGGERS]


# It keeps what it is told


def test_rows_come_back_as_they_were_told(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    rows = ledger.entries()
    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert [row.reason for row in rows] == [f"Incident {n}." for n in range(4)]
    assert rows[2].gates == GATES
    assert rows[2].evidence == {"audit": "e" * 64}
    assert rows[0].previous_hash == "0" * 64
    assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert ledger.verify() == []


def test_reading_makes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "no" / "home")
    assert ledger.entries() == []
    assert ledger.champion == ""
    assert ledger.verify() == []
    assert ledger.settle() == []
    assert not (tmp_path / "no").exists()


def test_text_that_looks_like_sql_is_text(tmp_path: Path) -> None:
    evil = "x'); DROP TABLE ledger; --"
    ledger = Ledger(tmp_path)
    incident(ledger, evil, who=evil, evidence={evil: evil})
    row = ledger.entries()[0]
    assert (row.who, row.reason, row.evidence) == (evil, evil, {evil: evil})
    assert ledger.verify() == []


def test_the_aliases_follow(tmp_path: Path) -> None:
    ledger, (first, second, _) = champions(tmp_path)
    crown(ledger, first, "first")
    assert ModelHome(tmp_path).aliases() == {"champion": first}
    ledger.home.set_alias("challenger", second)
    entry = crown(ledger, second)
    assert entry.previous_version == first
    assert ModelHome(tmp_path).aliases() == {"champion": second, "challenger": second}
    assert ledger.champion == second


def test_files_are_for_the_owner_and_the_group_alone(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    for name in ("ledger.db", "ledger.head"):
        assert (tmp_path / name).stat().st_mode & 0o007 == 0


# Going back


def test_going_back_twice_goes_back_two_steps() -> None:
    def row(action: Any, version: str, before: str = "") -> Entry:
        return Entry(1, 0, action, version, WHO, previous_version=before)

    steps = [row("first", A), row("promote", B), row("incident", C), row("promote", C)]
    assert standing(steps) == [A, B, C]
    back = [*steps, row("rollback", B)]
    assert standing(back) == [A, B]
    assert standing([*back, row("rollback", A)]) == [A]
    assert standing([*back, row("promote", C)]) == [A, B, C]


def test_a_champion_from_before_the_ledger_can_be_gone_back_to() -> None:
    assert standing([Entry(1, 0, "promote", B, WHO, previous_version=A)]) == [A, B]


# What is refused


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM ledger WHERE sequence = 2", "append-only"),
        ("DELETE FROM ledger", "append-only"),
        ("UPDATE ledger SET content = '{}'", "append-only"),
        ("UPDATE ledger SET sequence = 9 WHERE sequence = 4", "append-only"),
        ("INSERT OR REPLACE INTO ledger VALUES (2, '{}', 'x', 'y')", "append-only"),
        ("INSERT INTO ledger VALUES (9, '{}', 'x', 'y')", "append-only"),
        ("INSERT INTO ledger VALUES (5, '{}', 'x', 'y')", "append-only"),
        ("INSERT INTO ledger VALUES (NULL, '{}', 'x', 'y')", "append-only"),
    ],
)
def test_the_database_itself_refuses_changes(tmp_path: Path, statement: str, message: str) -> None:
    ledger = filled(tmp_path)
    before = ledger.entries()
    with pytest.raises(sqlite3.IntegrityError, match=message):
        sql(tmp_path, statement)
    assert ledger.entries() == before
    assert ledger.verify() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"who": ""}, "needs a name"),
        ({"who": "x" * 101}, "needs a name"),
        ({"text": "x" * 1_001}, "needs a reason"),
        ({"text": "He is 943 476 5919, again"}, "looks like an NHS number"),
        ({"who": "9434765919"}, "looks like an NHS number"),
        ({"text": "see " + "0123456789abcdef" * 2}, "a person's pseudonym"),
        ({"action": "promoted"}, "did you mean 'promote'?"),
        ({"version": "champion"}, "not a model version"),
    ],
)
def test_what_the_ledger_does_not_take(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        incident(Ledger(tmp_path), **change)
    assert says in str(caught.value)
    assert "9434765919" not in str(caught.value).replace(" ", "")
    assert not (tmp_path / "ledger.db").exists()


def test_words_that_only_look_long_are_taken(tmp_path: Path) -> None:
    text = f"Model {'a' * 64}, version {'b' * 12}, call 0300 123 4567 or 9434765918"
    assert incident(Ledger(tmp_path), f" {text}\n\x1b[31m ").reason == f"{text} [31m"


def test_only_a_kept_model_becomes_champion(tmp_path: Path) -> None:
    ledger, _ = champions(tmp_path)
    with pytest.raises(ModelError, match="no such model version"):
        crown(ledger, "0123456789ab")
    assert ledger.entries() == []


def test_a_decision_against_another_champion_is_refused(tmp_path: Path) -> None:
    ledger, (first, second, third) = champions(tmp_path)
    crown(ledger, first, "first", previous_version="")
    crown(ledger, second, previous_version=first)
    with pytest.raises(ModelError, match=f"the champion became {second} while"):
        crown(ledger, third, previous_version=first)
    assert ledger.champion == second
    assert ModelHome(tmp_path).aliases()["champion"] == second


# Who changes it is found out


def _rewrite(folder: Path, row: int, **changes: Any) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        (content,) = database.execute(
            "SELECT content FROM ledger WHERE sequence = ?", (row,)
        ).fetchone()
        put = json.dumps({**json.loads(content), **changes}, sort_keys=True)
        for statement in NO_GUARDS:
            database.execute(statement)
        database.execute("UPDATE ledger SET content = ? WHERE sequence = ?", (put, row))
        for name, body in TRIGGERS.items():
            database.execute(f"CREATE TRIGGER {name} {body}")
        database.commit()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", 1), ("action", "promote"), ("alias", "challenger"), ("version", B),
        ("previous_version", C), ("who", "Somebody else"), ("reason", ""), ("override", True),
        ("gates", []), ("evidence", {}), ("sequence", 7), ("previous_hash", "1" * 64),
    ],
)  # fmt: skip
def test_every_field_is_under_the_hash(tmp_path: Path, name: str, value: Any) -> None:
    ledger = filled(tmp_path)
    _rewrite(tmp_path, 2, **{name: value})
    assert "row 2 was changed after it was written" in ledger.verify()
    with pytest.raises(ModelError, match="row 2 was changed"):
        incident(ledger)
    with pytest.raises(ModelError, match="row 2 was changed"):
        ledger.settle()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_byte_of_a_row_can_change_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = filled(folder, 2)
    column = data.draw(st.integers(1, 3))
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        row = list(database.execute("SELECT * FROM ledger WHERE sequence = 1").fetchone())
        place = data.draw(st.integers(0, len(row[column]) - 1))
        others = [sign for sign in "0a}\"'\u00e9" if sign != row[column][place]]
        other = data.draw(st.sampled_from(others))
        row[column] = row[column][:place] + other + row[column][place + 1 :]
        database.execute("DROP TRIGGER ledger_keeps_values")
        database.execute(
            "UPDATE ledger SET content = ?, previous_hash = ?, hash = ? WHERE sequence = 1",
            row[1:],
        )
        database.execute(f"CREATE TRIGGER ledger_keeps_values {TRIGGERS['ledger_keeps_values']}")
        database.commit()
    assert ledger.verify()


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["DELETE FROM ledger WHERE sequence = 4"], "it has 3 rows, but had 4"),
        (["DELETE FROM ledger WHERE sequence > 1"], "it has 1 rows, but had 4"),
        (["DELETE FROM ledger"], "it has 0 rows, but had 4"),
        (["DELETE FROM ledger WHERE sequence = 2"], "row 2 is missing"),
        (["UPDATE ledger SET sequence = sequence + 10"], "row 1 is missing"),
        (
            ["DELETE FROM ledger WHERE sequence = 3",
             "UPDATE ledger SET sequence = 3 WHERE sequence = 4"],
            "row 3 was changed",
        ),
    ],
)  # fmt: skip
def test_rows_cannot_be_cut_out_or_off(tmp_path: Path, statements: list[str], says: str) -> None:
    ledger = filled(tmp_path)
    sql(tmp_path, *NO_GUARDS, *statements)
    problems = "; ".join(ledger.verify())
    assert says in problems
    assert "guard ledger_keeps_rows is gone" in problems
    with pytest.raises(ModelError):
        incident(ledger)


def test_a_guard_that_was_weakened_is_found(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    weak = "CREATE TRIGGER ledger_keeps_rows BEFORE DELETE ON ledger BEGIN SELECT 1; END"
    sql(tmp_path, "DROP TRIGGER ledger_keeps_rows", weak)
    assert ledger.verify() == ["the database's guard ledger_keeps_rows is gone"]


def test_a_database_put_back_from_a_copy_is_found(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 2)
    old = (tmp_path / "ledger.db").read_bytes()
    incident(ledger)
    (tmp_path / "ledger.db").write_bytes(old)
    assert ledger.verify() == ["the ledger's end was cut off: it has 2 rows, but had 3"]
    (tmp_path / "ledger.db").unlink()
    assert ledger.verify() == ["the ledger's end was cut off: it has 0 rows, but had 3"]


def test_a_rewritten_chain_is_found_by_the_head_and_by_a_noted_hash(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "home", 3)
    noted = ledger.entries()[1].hash
    forged = filled(tmp_path / "forged", 2)
    incident(forged, "Something else.")
    (tmp_path / "home" / "ledger.db").write_bytes(forged.path.read_bytes())
    assert "the chain was rewritten" in "".join(ledger.verify())
    # With the head forged as well nothing in the folder shows it: the noted hash does.
    (tmp_path / "home" / "ledger.head").write_bytes(forged.head_path.read_bytes())
    assert ledger.verify() == []
    assert forged.entries()[1].hash == noted  # the rows before were the same
    third = filled(tmp_path / "again", 3).entries()[2].hash
    assert "no row has the hash you noted" in "".join(ledger.verify(third))
    assert ledger.verify(noted[:12]) == []
    assert ledger.verify("") != []


@pytest.mark.parametrize("content", [None, "", "[]", '{"sequence": 0, "hash": "x"}', "{"])
def test_a_lost_head_is_found_and_comes_back_with_the_noted_hash_alone(
    tmp_path: Path, content: str | None
) -> None:
    ledger = filled(tmp_path)
    newest, older = ledger.entries()[-1].hash, ledger.entries()[0].hash
    ledger.head_path.unlink()
    if content is not None:
        ledger.head_path.write_text(content, encoding="utf-8")
    assert "rows may have been cut off" in "".join(ledger.verify())
    for noted in (None, older, "f" * 64, newest[:4]):
        with pytest.raises(ModelError):
            ledger.settle(head=noted)
    assert ledger.settle(head=newest) == ["ledger.head"]
    assert ledger.verify() == []


def test_one_row_left_and_the_head_deleted_is_found(tmp_path: Path) -> None:
    ledger = filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        for statement in NO_GUARDS:
            database.execute(statement)
        database.execute("DELETE FROM ledger WHERE sequence > 1")
        for name, body in TRIGGERS.items():
            database.execute(f"CREATE TRIGGER {name} {body}")
        database.commit()
    ledger.head_path.unlink()
    assert ledger.verify() == ["ledger.head is gone: rows may have been cut off"]
    with pytest.raises(ModelError, match=r"ledger\.head is gone"):
        incident(ledger)
    with pytest.raises(ModelError, match=r"ledger\.head is gone"):
        ledger.settle()


def test_a_head_from_an_old_copy_is_found(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 2)
    old = ledger.head_path.read_bytes()
    incident(ledger)
    ledger.head_path.write_bytes(old)  # as a command leaves it that was killed after its row
    assert ledger.verify() == []
    assert ledger.settle() == ["ledger.head"]
    incident(ledger)
    ledger.head_path.write_bytes(old)
    assert ledger.verify() == ["ledger.head is an old one: it knows 2 rows of 4"]
    with pytest.raises(ModelError, match="an old one"):
        ledger.settle()


@pytest.mark.parametrize("content", ["{", "[]", '"champion"', ""])
def test_aliases_that_cannot_be_read_are_kept_aside(tmp_path: Path, content: str) -> None:
    ledger, (first, second, _) = champions(tmp_path)
    crown(ledger, first, "first")
    ledger.home.set_alias("challenger", second)
    path = tmp_path / "aliases.json"
    for number, name in enumerate(("aliases.json.unreadable", "aliases.json.unreadable-2")):
        path.write_text(f"{content}{' ' * number}", encoding="utf-8")
        (words,) = ledger.settle()
        assert f"it could not be read and is kept as {name}" in words
        assert (tmp_path / name).read_text("utf-8") == f"{content}{' ' * number}"
        assert ledger.home.aliases() == {"champion": first}


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
