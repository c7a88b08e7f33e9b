"""Whoever changes the ledger is found out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import ModelError
from hiu_risk.model.ledger_database import TRIGGERS
from tests.support.ledger import (
    NO_GUARDS,
    B,
    C,
    champions,
    crown,
    filled,
    incident,
    sql,
)

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


@pytest.mark.parametrize("rows", [0, 1])
def test_aliases_that_cannot_be_read_are_kept_aside_also_where_nobody_is_champion(
    tmp_path: Path, rows: int
) -> None:
    ledger = filled(tmp_path, rows)
    (tmp_path / "aliases.json").write_text("{", encoding="utf-8")
    (words,) = ledger.settle()
    assert "it could not be read and is kept as aliases.json.unreadable" in words
    assert ledger.home.aliases() == {}
    assert ledger.settle() == []
