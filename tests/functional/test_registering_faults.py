"""A training that fails or is killed while its model is registered leaves nothing half done."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.errors import HiuRiskError, ModelError, UsageError
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import NAMES, find, keep
from hiu_risk.model.ledger import Ledger
from hiu_training.registry.checks import repair, verify
from hiu_training.registry.intake import add_model
from hiu_training.registry.promotion import promote
from hiu_training.registry.registered import registered
from hiu_training.registry.tracking import Run, register_version
from tests.support.api import Client, make_client, request
from tests.support.faults import STEPS, arm, new_bundle, register_new
from tests.support.registry import FIRST, GOOD, WHO, governed_home

CHAMPION, NEW = FIRST, new_bundle().version
BEFORE_IT_IS_REGISTERED = list(STEPS)[:7]
"""Steps at which a fault leaves everything as it was."""


@pytest.fixture
def home(tmp_path: Path) -> ModelHome:
    """A home with a champion and two other models."""
    return governed_home(tmp_path)


@pytest.fixture
def server(home: ModelHome, tmp_path: Path) -> Client:
    """A service that has loaded the champion of that home."""
    client = make_client(tmp_path / "service")
    client.app.state.service.champion.home = home
    assert serving(client) == CHAMPION
    return client


def serving(client: Client) -> str:
    answer = client.post(request())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model"]["version"])


def content(home: ModelHome) -> dict[str, Any]:
    """Every file of a home but databases and artifacts; what MLflow and the ledger say."""
    parts = [home.bundles, home.path / "evidence", home.path / "aliases.json"]
    files = [p for part in parts for p in [part, *part.rglob("*")] if p.is_file()]
    return {
        "files": {str(path): path.read_bytes() for path in files},
        "mlflow": registered(home.path),
        "ledger": Ledger(home).entries(),
    }


def _full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _away() -> None:
    raise ModelError("MLflow's registry can't be used", fix="check that it can be reached")


def is_whole(home: ModelHome) -> None:
    """The new model is there with all that belongs to it, and all records agree."""
    assert verify(home) == []
    assert home.aliases()["challenger"] == NEW
    assert find(home, NEW, "evaluation") is not None
    assert registered(home.path)[0].aliases == ("challenger",)


# It fails


@pytest.mark.parametrize("step", BEFORE_IT_IS_REGISTERED)
def test_a_step_that_fails_leaves_all_as_it_was(
    home: ModelHome, server: Client, step: str, monkeypatch: Any
) -> None:
    before = content(home)
    with monkeypatch.context() as patch:
        arm(step, _away if "MLflow" in step else _full, patch.setattr)
        with pytest.raises(HiuRiskError, match="What to do"):
            register_new(home, patch.setattr)
    assert content(home) == before
    assert verify(home) == []
    assert serving(server) == CHAMPION
    register_new(home, monkeypatch.setattr)
    is_whole(home)
    assert serving(server) == CHAMPION


def test_a_full_disk_is_said_so(home: ModelHome, monkeypatch: Any) -> None:
    arm("the evidence", _full, monkeypatch.setattr)
    with pytest.raises(UsageError, match="No space left on device; it was not registered"):
        register_new(home, monkeypatch.setattr)


def test_a_model_trained_again_keeps_what_it_had_where_that_fails(
    home: ModelHome, monkeypatch: Any
) -> None:
    register_new(home, monkeypatch.setattr)
    before = find(home, NEW, "evaluation")
    home.set_alias("challenger", GOOD)
    arm("MLflow's version", _away, monkeypatch.setattr)
    with pytest.raises(ModelError):
        register_new(home, monkeypatch.setattr)
    assert find(home, NEW, "evaluation") == before
    assert home.load(NEW).version == NEW
    assert home.aliases()["challenger"] == GOOD
    assert len(registered(home.path)) == 4


def test_an_answer_of_mlflow_that_was_lost_does_not_undo_what_mlflow_did(
    home: ModelHome, monkeypatch: Any
) -> None:
    def lost(*args: Any) -> int:
        register_version(*args)
        _away()
        return 0

    monkeypatch.setattr("hiu_training.registry.intake.register_version", lost)
    with pytest.raises(ModelError):
        register_new(home, monkeypatch.setattr)
    assert home.aliases()["challenger"] == NEW
    assert verify(home) == [f"MLflow has no challenger; here it is {NEW}"]
    repair(home)
    is_whole(home)


def test_where_mlflow_cannot_be_asked_whether_it_did_nothing_is_taken_back(
    home: ModelHome, monkeypatch: Any
) -> None:
    def lost(*args: Any) -> int:
        register_version(*args)
        patch.setattr("hiu_training.registry.intake.registered", lambda _: _away())
        _away()
        return 0

    with monkeypatch.context() as patch:
        patch.setattr("hiu_training.registry.intake.register_version", lost)
        with pytest.raises(ModelError, match=f"whether it registered model {NEW}, which is kept.*"
                           "models verify names what is open"):  # fmt: skip
            register_new(home, patch.setattr)
    assert verify(home) == [f"MLflow has no challenger; here it is {NEW}"]
    repair(home)
    is_whole(home)


@pytest.mark.parametrize("step", ["the evidence", "MLflow's version"])
def test_a_choice_that_fails_leaves_an_older_one_as_it_was(
    home: ModelHome, step: str, monkeypatch: Any
) -> None:
    """Neither an alias that was not there, nor another text of the documents."""
    assert "challenger" not in home.aliases()
    keep(home, GOOD, "mitigation", {"name": "none", "at": 1})
    before = {name: find(home, GOOD, name) for name in NAMES}
    assert before["mitigation"]
    assert before["sensitivity"] is None

    def documents(_: str) -> dict[str, Any]:
        return {name: {"people": 1} for name in ("mitigation", "audit", "sensitivity")}

    arm(step, _away, monkeypatch.setattr)
    run = Run(parameters={}, metrics={}, tags={}, files=())
    with pytest.raises(ModelError):
        add_model(home, home.load(GOOD), run, documents)
    assert {name: find(home, GOOD, name) for name in NAMES} == before
    assert home.aliases() == {"champion": CHAMPION}


def test_mlflow_lost_at_the_very_end_is_named_and_repaired(
    home: ModelHome, server: Client, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        arm("MLflow's alias", _away, patch.setattr)
        (note,) = register_new(home, patch.setattr)["registration_notes"]
    assert note.startswith("The model is kept and registered, but MLflow's registry can't be used")
    assert note.endswith("hiu-risk models verify --repair.")
    assert verify(home) == [f"MLflow has no challenger; here it is {NEW}"]
    assert serving(server) == CHAMPION
    assert repair(home) == ["MLflow's challenger"]
    is_whole(home)


@pytest.mark.parametrize(
    "step",
    [
        "the ledger",
        pytest.param("ledger.head", marks=pytest.mark.slow),
        pytest.param("the alias champion", marks=pytest.mark.slow),
    ],
)
def test_a_first_champion_is_made_whole_or_not_at_all(
    tmp_path: Path, step: str, monkeypatch: Any
) -> None:
    home = ModelHome(tmp_path / "home")
    with monkeypatch.context() as patch:
        arm(step, _full, patch.setattr)
        with pytest.raises((OSError, HiuRiskError)):
            register_new(home, patch.setattr, promote="first")
    assert home.aliases() == {"challenger": NEW}
    written = len(Ledger(home).entries())
    assert written == int(step != "the ledger")
    assert any("challenger" in words or "champion" in words for words in verify(home))
    register_new(home, monkeypatch.setattr, promote="first")
    assert home.aliases() == {"champion": NEW, "challenger": NEW}
    assert [row.action for row in Ledger(home).entries()] == ["first"]
    assert verify(home) == []


# It is killed

KILLED: dict[str, str] = {
    "halfway through MLflow's run": "was never ended: a command was stopped",
    "the bundle": "",
    "the evidence": f"MLflow has no version of model {NEW}: its training was stopped",
    "halfway through the evidence": f"MLflow has no version of model {NEW}: its training",
    "the alias challenger": f"MLflow has no version of model {NEW}: its training was stopped",
    "MLflow's version": f"MLflow has no version of model {NEW}: its training was stopped",
    "MLflow's alias": f"MLflow has no challenger; here it is {NEW}",
}
"""What verify then says; nothing where all is as it was."""

FAST = ("MLflow's version",)


def _kill(home: ModelHome, step: str, promote: str = "never") -> None:
    words = [sys.executable, "-m", "tests.support.faults", str(home.path), step, promote]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    "step", [s if s in FAST else pytest.param(s, marks=pytest.mark.slow) for s in KILLED]
)
def test_killed_at_a_step_it_is_as_before_or_said_and_training_again_ends_it(
    home: ModelHome, server: Client, step: str, monkeypatch: Any
) -> None:
    _kill(home, step)
    assert Ledger(home).champion == home.aliases()["champion"] == CHAMPION
    assert serving(server) == CHAMPION
    kept = {version.bundle_id[:12] for version in registered(home.path)}
    assert kept <= set(home.ids())  # never a version of what isn't here
    if NEW in kept:
        assert home.aliases()["challenger"] == NEW
    problems = verify(home)
    assert bool(problems) is bool(KILLED[step])
    assert KILLED[step] in "; ".join(problems)
    if NEW in home.ids() and NEW not in kept:
        with pytest.raises(ModelError, match="MLflow has no version of model"):
            promote(home, NEW, who=WHO, at=2, override=True, reason="Try.")
    register_new(home, monkeypatch.setattr)
    repair(home)
    is_whole(home)
    assert serving(server) == CHAMPION


@pytest.mark.slow
@pytest.mark.parametrize("step", ["the ledger", "ledger.head", "the alias champion"])
def test_killed_while_the_first_champion_is_made(
    tmp_path: Path, step: str, monkeypatch: Any
) -> None:
    home = ModelHome(tmp_path / "home")
    _kill(home, step, "first")
    assert home.aliases() == {"challenger": NEW}
    assert verify(home) != []
    register_new(home, monkeypatch.setattr, promote="first")
    assert home.aliases() == {"champion": NEW, "challenger": NEW}
    assert verify(home) == []
