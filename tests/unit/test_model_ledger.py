"""The ledger keeps what it is told, and refuses what it can't keep."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.errors import ModelError, UsageError
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Entry, Ledger, standing
from tests.support.ledger import (
    GATES,
    WHO,
    A,
    B,
    C,
    champions,
    crown,
    filled,
    incident,
    sql,
)

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
