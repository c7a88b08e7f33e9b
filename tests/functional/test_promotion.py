"""Promotion and rollback as they should go, and what they refuse, with a real MLflow."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.promote import PromoteResult
from hiu_risk.cli.rollback import RollbackResult
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find, keep
from hiu_risk.model.ledger import Ledger
from hiu_training.registry.promotion import promote
from tests.support.evidence import EVALUATION
from tests.support.governing import Run
from tests.support.registry import (
    FIRST,
    GOOD,
    POOR,
    WHO,
    add_model,
    agrees,
    in_mlflow,
)

# The way it should go


def test_a_model_that_passes_every_gate_becomes_champion(home: ModelHome, run: Run) -> None:
    code, said, written = run("promote", GOOD, "--who", WHO)
    assert code == 0, said
    result = PromoteResult.model_validate(written)
    assert result.promoted
    assert [gate.outcome for gate in result.gates] == ["passed"] * 7
    assert f"Model {GOOD} is now champion, after {FIRST}" in said
    agrees(home, GOOD)
    row = Ledger(home).entries()[-1]
    assert result.ledger_row is not None
    assert (row.hash, row.who, row.override) == (result.ledger_row.hash, WHO, False)
    assert row.evidence["bundle_id"] == home.load(GOOD).id
    assert find(home, GOOD, "audit", sha256=row.evidence["audit"]) is not None
    assert in_mlflow(home).ledger == f"{row.sequence}:{row.hash}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"horizon_days": 180}, "horizon_days differ"),
        ({"target": "relapse", "washout_days": 90}, "target, washout_days differ"),
    ],
)
def test_an_answer_to_another_question_is_not_promoted_by_the_way(
    home: ModelHome, run: Run, changes: dict[str, Any], named: str
) -> None:
    """Every gate is passed, but the list would mean something else."""
    other = add_model(home, "good", **changes)
    code, said, _ = run("promote", other, "--who", WHO)
    assert code == 2
    assert f"{other} answers another question than the champion: {named}" in said
    agrees(home, FIRST)
    why = ("--override", "--reason", "The board asked for it")
    code, said, written = run("promote", other, "--who", WHO, *why)
    assert code == 0, said
    assert PromoteResult.model_validate(written).notes[0].startswith("From now on lists answer")
    assert Ledger(home).entries()[-1].override
    agrees(home, other)


def test_a_gate_that_is_not_passed_keeps_a_model_out(home: ModelHome, run: Run) -> None:
    code, said, written = run("promote", POOR, "--who", WHO)
    assert code == 1
    assert "failed average precision" in said
    assert f"Not promoted: 2 of 7 gates not passed; the champion is still {FIRST}" in said
    result = PromoteResult.model_validate(written)
    assert not result.promoted
    assert result.ledger_row is None
    assert len(Ledger(home).entries()) == 1
    agrees(home, FIRST)


def test_an_override_is_written_down(home: ModelHome, run: Run) -> None:
    override = ("promote", POOR, "--who", WHO, "--override")
    code, said, _ = run(*override)
    assert (code, "this needs a reason" in said) == (2, True)
    agrees(home, FIRST)
    code, said, _ = run(*override, "--reason", "The board decided so on 3 May.")
    assert (code, "is now champion by override" in said) == (0, True)
    row = Ledger(home).entries()[-1]
    assert (row.override, row.reason) == (True, "The board decided so on 3 May.")
    assert [gate["name"] for gate in row.gates if gate["outcome"] != "passed"] == [
        "average precision", "recall at K",
    ]  # fmt: skip
    agrees(home, POOR)


def test_an_override_that_was_not_needed_is_not_called_one(home: ModelHome, run: Run) -> None:
    code, said, _ = run("promote", GOOD, "--who", WHO, "--override", "--reason", "To be sure.")
    assert (code, "by override" in said) == (0, False)
    assert Ledger(home).entries()[-1].override is False


def test_the_gates_of_another_protocol(home: ModelHome, run: Run, tmp_path: Path) -> None:
    protocol = tmp_path / "strict.toml"
    protocol.write_text("[gates]\nslope_low = 1.0\nslope_high = 1.01\n", encoding="utf-8")
    other = ("promote", GOOD, "--who", WHO, "--gates", str(protocol))
    code, said, _ = run(*other)
    assert (code, "this needs a reason" in said) == (2, True)
    code, said, _ = run(*other, "--reason", "Trial.")
    assert (code, "to be from 1 to 1.01" in said) == (1, True)
    agrees(home, FIRST)
    protocol.write_text("[gates]\nslope_low = 0.5\n", encoding="utf-8")
    assert run(*other)[0] == 2
    agrees(home, FIRST)
    assert run(*other, "--reason", "Agreed on 3 May.")[0] == 0
    assert [row.other_gates for row in Ledger(home).entries()] == [False, True]
    said = run("models")[1]
    assert f"Row 2: {GOOD} by gates of another protocol: Agreed on 3 May." in said
    assert "Row 1:" not in said


def test_a_file_with_the_very_gates_of_the_model_is_nothing_else(
    home: ModelHome, run: Run, tmp_path: Path
) -> None:
    protocol = tmp_path / "same.toml"
    protocol.write_text("", encoding="utf-8")
    assert run("promote", GOOD, "--who", WHO, "--gates", str(protocol))[0] == 0
    assert not Ledger(home).entries()[-1].other_gates


def test_back_and_back_again(home: ModelHome, run: Run) -> None:
    promote(home, GOOD, who=WHO, at=2)
    promote(home, POOR, who=WHO, at=3, override=True, reason="Trial.")
    code, said, written = run("rollback", "--who", WHO, "--reason", "Scores too high.")
    assert (code, f"Model {GOOD} is champion again, after {POOR}" in said) == (0, True)
    assert RollbackResult.model_validate(written).ledger_row.reason == "Scores too high."
    agrees(home, GOOD)
    assert run("rollback", "--who", WHO, "--reason", "Still.")[0] == 0
    agrees(home, FIRST)
    code, said, _ = run("rollback", "--who", WHO, "--reason", "Further.")
    assert (code, "there is no champion to go back to" in said) == (2, True)
    assert [row.action for row in Ledger(home).entries()] == [
        "promote", "promote", "promote", "rollback", "rollback",
    ]  # fmt: skip


def test_back_to_a_named_one(home: ModelHome, run: Run) -> None:
    promote(home, GOOD, who=WHO, at=2)
    promote(home, POOR, who=WHO, at=3, override=True, reason="Trial.")
    back = ("rollback", "--who", WHO, "--reason", "All the way.", "--to")
    code, said, _ = run(*back, POOR)
    assert (code, f"{POOR} is not an earlier champion" in said) == (2, True)
    assert run(*back, FIRST[:8])[0] == 0
    agrees(home, FIRST)


def test_nobody_goes_back_to_the_present_champion(home: ModelHome, run: Run) -> None:
    promote(home, GOOD, who=WHO, at=2)
    promote(home, FIRST, who=WHO, at=3)
    code, said, _ = run("rollback", "--who", WHO, "--reason", "x", "--to", FIRST)
    assert (code, f"{FIRST} is not an earlier champion but the present one" in said) == (2, True)
    assert len(Ledger(home).entries()) == 3
    assert run("rollback", "--who", WHO, "--reason", "x")[0] == 0
    agrees(home, GOOD)


def test_aliases_that_could_not_be_read_are_said_to_be_kept_aside(
    home: ModelHome, run: Run
) -> None:
    (home.path / "aliases.json").write_text("{", encoding="utf-8")
    code, said, _ = run("promote", GOOD, "--who", WHO)
    assert (code, "is kept as aliases.json.unreadable" in said) == (0, True)
    assert (home.path / "aliases.json.unreadable").read_text("utf-8") == "{"
    agrees(home, GOOD)


# What can't be


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("promote", "0123456789ab", "--who", WHO), 1, "no such model version"),
        (("promote", "../../etc", "--who", WHO), 1, "no such model version"),
        (("promote", "challenger", "--who", WHO), 1, "there is no challenger yet"),
        (("promote", FIRST, "--who", WHO), 2, "is champion already"),
        (("promote", GOOD, "--who", " "), 2, "a decision needs a name"),
        (("promote", GOOD, "--who", "9434765919"), 2, "looks like an NHS number"),
        (("promote", GOOD, "--who", WHO, "--gates", "none.toml"), 2, "can't read the file"),
        (("rollback", "--who", WHO, "--reason", ""), 2, "this needs a reason"),
        (("rollback", "--who", WHO, "--reason", "x"), 2, "there is no champion to go back to"),
        (("models", "note", "--who", WHO, "--text", ""), 2, "this needs a reason"),
        (("models", "verify", "--head", "f" * 64), 1, "no row has the hash you noted"),
    ],
)
def test_bad_input_changes_nothing(
    home: ModelHome, run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    found = run(*arguments)
    assert found[0] == code
    assert says in found[1]
    assert "9434765919" not in found[1]
    assert len(Ledger(home).entries()) == 1
    agrees(home, FIRST)


def test_without_evidence_nothing_passes_but_the_reload_cannot_be_judged_either(
    home: ModelHome, run: Run
) -> None:
    shutil.rmtree(home.path / "evidence" / GOOD)
    code, said, written = run("promote", GOOD, "--who", WHO)
    assert (code, "the model was not evaluated" in said) == (1, True)
    assert {gate["outcome"] for gate in written["gates"]} == {"insufficient evidence"}


def test_a_changed_bundle_and_changed_evidence_are_refused(home: ModelHome, run: Run) -> None:
    keep(home, GOOD, "evaluation", {**EVALUATION, "made": {}})
    assert run("promote", GOOD, "--who", WHO)[0] == 1
    (home.path / "evidence" / GOOD / "audit.json").write_text("{", encoding="utf-8")
    code, said, _ = run("promote", GOOD, "--who", WHO, "--override", "--reason", "x")
    assert (code, "the audit evidence can't be read" in said) == (1, True)
    (home.folder(GOOD) / "anchor.json").write_text("{}", encoding="utf-8")
    code, said, _ = run("promote", GOOD, "--who", WHO, "--override", "--reason", "x")
    assert (code, "was changed after it was written" in said) == (1, True)
    agrees(home, FIRST)


def test_an_evaluation_that_was_improved_by_hand_fails(home: ModelHome, run: Run) -> None:
    evaluation = find(home, POOR, "evaluation")
    assert evaluation is not None
    evaluation["differences"]["anchor"] = EVALUATION["differences"]["anchor"]
    keep(home, POOR, "evaluation", evaluation)
    code, said, written = run("promote", POOR, "--who", WHO)
    assert code == 1, said
    (gate,) = (gate for gate in written["gates"] if gate["outcome"] != "passed")
    assert (gate["name"], gate["outcome"]) == ("hashes", "failed")
    assert "MLflow remembers another evaluation of this model than the one kept" in gate["detail"]
    agrees(home, FIRST)
    code, said, _ = run("models", "verify")
    assert code == 1
    assert f"MLflow remembers another evaluation of {POOR} than the one that is kept" in said


def test_features_that_changed_since_are_named(home: ModelHome, run: Run, monkeypatch: Any) -> None:
    from hiu_features import default_catalogue

    gone = default_catalogue().names[3]
    fewer = default_catalogue().select([n for n in default_catalogue().names if n != gone])
    monkeypatch.setattr("hiu_training.registry.promotion.default_catalogue", lambda: fewer)
    code, said, _ = run("promote", GOOD, "--who", WHO, "--override", "--reason", "x")
    assert (code, f"the features are not the model's (missing: {gone})" in said) == (1, True)
    agrees(home, FIRST)
