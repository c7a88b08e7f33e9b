"""Promotion with MLflow away, processes killed, two at once, and a server running."""

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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from hiu_risk.cli.models import VerifyResult
from hiu_risk.errors import HiuRiskError, ModelError
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Ledger
from hiu_training.protocol import parse_protocol
from hiu_training.registry.following import follow
from hiu_training.registry.intake import crown_if_first
from hiu_training.registry.overview import overview
from hiu_training.registry.promotion import note, promote
from tests.support.api import make_client, request
from tests.support.governing import Run
from tests.support.registry import (
    FIRST,
    GOOD,
    POOR,
    WHO,
    agrees,
    template,
)

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
    home: ModelHome, run: Run, monkeypatch: Any, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.db"
    shutil.copy(template() / "mlflow.db", empty)
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


@pytest.mark.slow
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


def test_of_two_first_trainings_at_once_one_is_first(tmp_path: Path) -> None:
    """The other found no champion either when it looked, and is challenger alone."""
    home = ModelHome(shutil.copytree(template(), tmp_path / "home"))
    good, poor = home.load(GOOD), home.load(POOR)
    protocol = parse_protocol("")
    now = "2025-05-01T00:00:00+00:00"
    with pytest.MonkeyPatch.context() as patch:

        def nobody_yet(_: ModelHome) -> str:
            patch.undo()
            assert len(crown_if_first(home, good, protocol, now=now)) == 7
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
