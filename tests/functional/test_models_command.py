"""Which models there are, what was noted about them, and who changed what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hiu_risk.cli.models import ModelsResult, NoteResult, VerifyResult
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Action, Ledger
from hiu_training.registry.checks import verify
from hiu_training.registry.promotion import promote
from tests.support.extracts import run_command
from tests.support.governing import Run
from tests.support.registry import (
    FIRST,
    GOOD,
    POOR,
    WHO,
    agrees,
)

# What there is, and what was noted


def test_the_list_of_models(home: ModelHome, run: Run) -> None:
    code, said, written = run("models")
    assert code == 0
    result = ModelsResult.model_validate(written)
    assert [model.version for model in result.models] == [POOR, GOOD, FIRST]  # the newest first
    assert result.models[2].aliases == ["champion"]
    assert result.models[2].decided
    assert not result.models[0].decided
    assert f"{GOOD} - 2025-02-01 onset, 90 days 0.300 7 of 7 passed (not put to a decision)" in said
    assert "5 of 7 passed" in said
    assert [row.version for row in result.ledger] == [FIRST]


def test_an_incident_is_noted_and_changes_nothing(home: ModelHome, run: Run) -> None:
    text = "Two lists were made twice."
    code, _, written = run("models", "note", "--who", WHO, "--text", text)
    assert code == 0
    row = NoteResult.model_validate(written).ledger_row
    assert (row.action, row.version, row.reason) == ("incident", FIRST, text)
    agrees(home, FIRST)


def test_home_may_stand_before_or_after_the_subcommand(
    home: ModelHome, monkeypatch: Any, capsys: Any
) -> None:
    for words in (
        ("models", "--home", str(home.path), "verify"),
        ("models", "verify", "--home", str(home.path)),
    ):
        assert run_command(monkeypatch, *words) == 0
        assert "All agree: 1 row," in capsys.readouterr().out


# Who changes it is found out


def test_verify_finds_what_was_changed(home: ModelHome, run: Run) -> None:
    promote(home, GOOD, who=WHO, at=2)
    assert run("models", "verify")[0] == 0

    def problems() -> str:
        code, _, written = run("models", "verify")
        assert code == 1
        return "; ".join(VerifyResult.model_validate(written).problems)

    home.set_alias("champion", POOR)
    assert f"aliases.json says that {POOR} is champion, the ledger says {GOOD}" in problems()
    home.set_alias("champion", GOOD)
    kept = home.path / "evidence" / GOOD
    (audit,) = kept.glob("audit-*.json")
    content = audit.read_bytes()
    audit.write_text('{"groupings": []}', encoding="utf-8")
    assert "the audit evidence can't be read, or was changed" in problems()
    audit.unlink()
    assert "row 2: the audit it was decided on is gone" in problems()
    audit.write_bytes(content)
    anchor = home.folder(GOOD) / "anchor.json"
    content = anchor.read_bytes()
    anchor.write_text("{}", encoding="utf-8")
    assert "a file of the model was changed after it was written" in problems()
    anchor.write_bytes(content)
    moved = home.folder(FIRST).rename(home.bundles / "ffffffffffff")
    assert f"row 1: the bundle of {FIRST} is gone" in problems()
    assert f"the folder ffffffffffff holds the model {FIRST}" in problems()
    moved.rename(home.bundles / FIRST)
    assert run("models", "verify")[0] == 0


def test_aliases_that_cannot_be_read_come_back_from_the_ledger(home: ModelHome, run: Run) -> None:
    (home.path / "aliases.json").write_text("{", encoding="utf-8")
    code, said, _ = run("models", "verify")
    assert (code, "not a file of aliases" in said) == (1, True)
    code, said, _ = run("models", "verify", "--repair")
    assert (code, "Put right: aliases.json" in said) == (0, True)
    agrees(home, FIRST)


def test_a_whole_forged_ledger_is_found_by_mlflow(
    home: ModelHome, run: Run, tmp_path: Path
) -> None:
    promote(home, GOOD, who=WHO, at=2)
    for name in ("ledger.db", "ledger.head"):
        (home.path / name).unlink()
    forged = Ledger(home)
    rows: tuple[tuple[Action, str], ...] = (("first", FIRST), ("promote", GOOD))
    for action, version in rows:
        evidence = {"bundle_id": home.load(version).id}
        forged.append(at=1, action=action, version=version, who="Nobody", evidence=evidence)
    assert forged.verify() == []
    code, said, _ = run("models", "verify")
    assert (code, "remembers row 2 of a ledger that is not this one" in said) == (1, True)


def test_a_champion_that_the_ledger_never_named(home: ModelHome, run: Run) -> None:
    for name in ("ledger.db", "ledger.head"):
        (home.path / name).unlink()
    code, said, _ = run("models", "verify")
    assert code == 1
    assert f"aliases.json says that {FIRST} is champion, but the ledger never said so" in said
    assert run("models")[0] == 0
    # The way out: the same model once more, on the record this time.
    assert run("promote", FIRST, "--who", WHO)[0] == 0
    agrees(home, FIRST)
    assert run("models", "verify")[0] == 0
    assert run("rollback", "--who", WHO, "--reason", "x")[0] == 2


def test_an_empty_home(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    home = str(tmp_path / "none")
    assert run_command(monkeypatch, "models", "--home", home) == 0
    assert "No models yet" in capsys.readouterr().out
    assert run_command(monkeypatch, "models", "verify", "--home", home) == 1
    printed = capsys.readouterr()
    assert "there is nothing to check" in " ".join(printed.err.split())
    assert "All agree" not in printed.out
    assert run_command(monkeypatch, "promote", "champion", "--who", WHO, "--home", home) == 1
    assert "there is no champion yet" in capsys.readouterr().err
    assert not Path(home).exists()


def test_a_database_of_mlflow_that_is_gone_is_said(home: ModelHome) -> None:
    assert verify(home) == []
    (home.path / "mlflow.db").unlink()
    assert verify(home) == ["MLflow's database is gone: decisions can't be held against it"]


def test_a_choice_that_the_ledger_does_not_know_is_found(home: ModelHome) -> None:
    good = home.load(GOOD)
    note = {"name": "none", "who": WHO, "reason": "Why."}
    copy = replace(good, manifest=replace(good.manifest, mitigation=note))
    home.add(copy)
    words = f"model {copy.version} carries a choice that the ledger does not know"
    assert words in verify(home)
    Ledger(home).append(
        at=3, action="mitigation", alias="challenger", version=copy.version, who=WHO
    )
    assert words not in verify(home)
