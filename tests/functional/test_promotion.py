"""Promotion and rollback, with a real MLflow, real processes and a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from hiu_risk.cli.models import ModelsResult, NoteResult, VerifyResult
from hiu_risk.cli.promote import PromoteResult
from hiu_risk.cli.rollback import RollbackResult
from hiu_risk.errors import HiuRiskError, ModelError
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find, keep
from hiu_risk.model.ledger import Ledger
from hiu_training.protocol import parse_protocol
from hiu_training.registry.following import follow
from hiu_training.registry.intake import crown_if_first
from hiu_training.registry.overview import overview
from hiu_training.registry.promotion import note, promote
from hiu_training.registry.registered import Registered, registered
from tests.support.api import make_client, request
from tests.support.evidence import EVALUATION
from tests.support.extracts import run_command
from tests.support.published import checked
from tests.support.registry import make_registry, version_of

FIRST, GOOD, POOR = version_of("first"), version_of("good"), version_of("poor")
WHO = "Dr A. Reader"
SUBCOMMANDS = (("verify",), ("note",))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models in MLflow, none of them champion yet."""
    path = tmp_path_factory.mktemp("registry") / "home"
    make_registry(path)
    return path


@pytest.fixture
def home(template: Path, tmp_path: Path) -> ModelHome:
    """A copy of it, of which the first model was made champion."""
    shutil.copytree(template, tmp_path / "home")
    home = ModelHome(tmp_path / "home")
    made = promote(home, FIRST, who=WHO, at=1)
    assert made.entry is not None, made.gates
    return home


def mlflow(home: ModelHome, alias: str = "champion") -> Registered:
    (held,) = (version for version in registered(home.path) if alias in version.aliases)
    return held


def agrees(home: ModelHome, version: str) -> None:
    """Ledger, file and MLflow all say that this version is champion."""
    assert Ledger(home).verify() == []
    assert Ledger(home).champion == version
    assert home.aliases()["champion"] == version
    assert mlflow(home).bundle_id.startswith(version)


Run = Callable[..., tuple[int, str, Any]]


@pytest.fixture
def run(home: ModelHome, capsys: Any, monkeypatch: Any, tmp_path: Path) -> Run:
    """Run a command on the home; gives its exit code, what it said, and its JSON."""

    def go(*arguments: str) -> tuple[int, str, Any]:
        file = tmp_path / "out.json"
        file.unlink(missing_ok=True)
        code = run_command(monkeypatch, *arguments, "--home", str(home.path), "--json", str(file))
        told = capsys.readouterr()
        name = "-".join(arguments[:2]) if arguments[1:2] in SUBCOMMANDS else arguments[0]
        written = checked(name, file) if file.exists() else None
        return code, " ".join((told.out + told.err).split()), written

    return go


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
    assert mlflow(home).ledger == f"{row.sequence}:{row.hash}"


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


def test_the_list_of_models(home: ModelHome, run: Run) -> None:
    code, said, written = run("models")
    assert code == 0
    result = ModelsResult.model_validate(written)
    assert [model.version for model in result.models] == [POOR, GOOD, FIRST]  # the newest first
    assert result.models[2].aliases == ["champion"]
    assert result.models[2].decided
    assert not result.models[0].decided
    assert f"{GOOD} - 2025-02-01 0.300 7 of 7 passed (not put to a decision)" in said
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
        assert "All agree: 1 rows" in capsys.readouterr().out


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
        (("promote", GOOD, "--who", WHO, "--gates", "none.toml"), 2, "can't read the protocol"),
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


# MLflow away


def _dead_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"


def test_without_mlflow_nothing_is_promoted_but_going_back_works(
    home: ModelHome, run: Run, monkeypatch: Any
) -> None:
    promote(home, GOOD, who=WHO, at=2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", _dead_port())
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    code, said, _ = run("promote", POOR, "--who", WHO, "--override", "--reason", "x")
    assert code == 1
    assert "MLflow's registry can't be used (MlflowException); nothing was changed" in said
    assert "secret" not in said
    assert "Retrying" not in said
    assert Ledger(home).champion == GOOD
    code, said, _ = run("rollback", "--who", WHO, "--reason", "At night.")
    assert (code, "Note: The ledger and the server have it, but MLflow's" in said) == (0, True)
    assert home.aliases()["champion"] == Ledger(home).champion == FIRST
    code, said, _ = run("models", "verify")
    assert (code, "Problem: MLflow's registry can't be used" in said) == (1, True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    code, said, _ = run("models", "verify")
    assert (code, f"MLflow's champion is {GOOD}; here it is {FIRST}" in said) == (1, True)
    code, said, _ = run("models", "verify", "--repair")
    assert (code, "Put right: MLflow's champion" in said) == (0, True)
    agrees(home, FIRST)


def test_an_mlflow_that_does_not_know_the_model(
    home: ModelHome, run: Run, monkeypatch: Any, template: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.db"
    shutil.copy(template / "mlflow.db", empty)
    with closing(sqlite3.connect(empty)) as database:
        database.executescript("DELETE FROM model_version_tags; DELETE FROM model_versions")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{empty}")
    code, said, _ = run("promote", GOOD, "--who", WHO)
    assert (code, f"MLflow has no version of model {GOOD}; nothing was changed" in said) == (
        1,
        True,
    )
    assert Ledger(home).champion == FIRST


def test_a_locked_mlflow_changes_nothing(home: ModelHome, run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr("hiu_training.registry.mlflow_access.WAIT_SECONDS", 0.1)
    with closing(sqlite3.connect(home.path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        code, said, _ = run("promote", GOOD, "--who", WHO)
    assert (code, "MLflow's registry can't be used (OperationalError)" in said) == (1, True)
    agrees(home, FIRST)


@contextmanager
def _somebody_else() -> Iterator[None]:
    """Root may write anywhere: for a while, be somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_who_may_read_the_folder_may_look_and_check_but_not_decide(home: ModelHome) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        there = ModelHome(shutil.copytree(home.path, Path(scratch) / "home"))
        for path in [Path(scratch), there.path, *there.path.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        with _somebody_else():
            assert Ledger(there).verify() == []
            assert [row.version for row in overview(there)] == [POOR, GOOD, FIRST]
            with pytest.raises(HiuRiskError, match="What to do") as caught:
                promote(there, GOOD, who=WHO, at=2)
            with pytest.raises(HiuRiskError, match="readonly database"):
                note(there, who=WHO, text="A list was late.", at=2)
        for path in [Path(scratch), there.path, *there.path.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert str(there.path) in str(caught.value)
        agrees(there, FIRST)


# Killed, at once, while serving


KILLED = """
import os, signal, sys
import hiu_training.registry.following as following
import hiu_training.registry.promotion as registry
import hiu_risk.model.ledger as ledger
from hiu_risk.model import ModelHome

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

home, version, where = sys.argv[1:]
if where == "before the ledger":
    ledger.to_row = die
elif where == "after the ledger":
    ledger.write_json = die
else:
    following.point = die
registry.promote(ModelHome(home), version, who="Dr A. Reader", at=5)
"""


@pytest.mark.parametrize("where", ["before the ledger", "after the ledger", "before MLflow"])
def test_killed_anywhere_repair_ends_the_work(home: ModelHome, run: Run, where: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(home.path), GOOD, where], check=False)
    assert done.returncode == -signal.SIGKILL
    champion = FIRST if where == "before the ledger" else GOOD
    assert Ledger(home).champion == champion
    code, _, written = run("models", "verify")
    found = VerifyResult.model_validate(written)
    assert code == int(champion == GOOD)
    assert bool(found.problems) is (champion == GOOD)
    assert run("models", "verify", "--repair")[0] == 0
    agrees(home, champion)


def test_two_promotions_at_once_leave_one_chain_and_one_champion(home: ModelHome) -> None:
    outcome: dict[str, Any] = {}

    def go(version: str) -> None:
        try:
            outcome[version] = promote(
                ModelHome(home.path), version, who=WHO, at=9, override=True, reason="Race."
            )
        except ModelError as error:
            outcome[version] = error

    threads = [threading.Thread(target=go, args=(version,)) for version in (GOOD, POOR)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = Ledger(home).entries()
    refused = [error for error in outcome.values() if isinstance(error, ModelError)]
    assert len(rows) + len(refused) == 3
    assert all("while this was being decided" in str(error) for error in refused)
    assert rows[-1].previous_version == rows[-2].version
    agrees(home, rows[-1].version)


def test_of_two_first_trainings_at_once_one_is_first(template: Path, tmp_path: Path) -> None:
    """The other found no champion either when it looked, and is challenger alone."""
    home = ModelHome(shutil.copytree(template, tmp_path / "home"))
    good, poor = home.load(GOOD), home.load(POOR)
    protocol = parse_protocol("")
    now = "2025-05-01T00:00:00+00:00"
    with pytest.MonkeyPatch.context() as patch:

        def nobody_yet(_: ModelHome) -> str:
            patch.undo()
            assert crown_if_first(home, good, protocol, now=now) == ("champion",)
            return ""

        patch.setattr("hiu_training.registry.intake.champion_of", nobody_yet)
        assert crown_if_first(home, poor, protocol, now=now) == ()
    follow(home)
    agrees(home, GOOD)
    assert [row.action for row in Ledger(home).entries()] == ["first"]


@contextmanager
def _served(app: Any) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_a_running_server_takes_up_promotion_and_rollback(
    home: ModelHome, run: Run, tmp_path: Path
) -> None:
    client = make_client(tmp_path / "service")
    client.app.state.service.champion.home = home
    with _served(client.app) as address, httpx.Client(base_url=address, timeout=30) as asked:

        def serving() -> str:
            headers = {"X-API-Key": client.score}
            answer = asked.post("/v1/score", json=request(), headers=headers)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["model"]["version"])

        assert serving() == FIRST
        assert run("promote", GOOD, "--who", WHO)[0] == 0
        assert serving() == GOOD
        assert run("rollback", "--who", WHO, "--reason", "At once.")[0] == 0
        assert serving() == FIRST


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
    for action, version in (("first", FIRST), ("promote", GOOD)):
        forged.append(
            at=1, action=action, version=version, who="Nobody",  # type: ignore[arg-type]
            evidence={"bundle_id": home.load(version).id},
        )  # fmt: skip
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
    assert run_command(monkeypatch, "models", "verify", "--home", home) == 0
    assert run_command(monkeypatch, "promote", "champion", "--who", WHO, "--home", home) == 1
    assert "there is no champion yet" in capsys.readouterr().err
    assert not Path(home).exists()
