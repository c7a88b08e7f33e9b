"""Two models really trained and audited, the second put to every gate; no override."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Ledger
from hiu_training.registry.checks import verify
from tests.support.api import make_client, request
from tests.support.escalating import COUNTS, PROTOCOL, Escalating, escalating
from tests.support.extracts import run_command
from tests.support.registry import agrees
from tests.support.stores import write_store

pytestmark = pytest.mark.slow


class Region:
    """A store, and a home with an old champion that looks at counts and a new challenger."""

    def __init__(self, folder: Path, kind: Escalating, monkeypatch: Any) -> None:
        self.folder, self.home, self.patch = folder, ModelHome(folder / "home"), monkeypatch
        write_store(escalating(kind), folder / "store")
        old, new = folder / "old.toml", folder / "new.toml"
        old.write_text('promote = "first"\n' + COUNTS + PROTOCOL, encoding="utf-8")
        new.write_text('promote = "never"\n' + PROTOCOL, encoding="utf-8")
        store = ("--store", str(folder / "store"))
        for protocol in (old, new):
            assert self.run("train", "--protocol", str(protocol), *store) == 0
        for model in ("champion", "challenger"):
            given = ("--model", model, "--protocol", str(new), "--out", str(folder / model))
            assert self.run("audit", *given, *store) == 0

    def run(self, *words: str) -> int:
        return run_command(self.patch, *words, "--home", str(self.home.path))

    def promoted(self) -> tuple[int, dict[str, str]]:
        """Exit code of the promotion, and how each gate came out."""
        file = self.folder / "promote.json"
        code = self.run("promote", "challenger", "--who", "Dr A. Reader", "--json", str(file))
        gates = json.loads(file.read_text("utf-8"))["gates"]
        return code, {gate["name"]: gate["outcome"] for gate in gates}


def test_a_better_model_passes_every_gate_and_a_running_server_follows_there_and_back(
    tmp_path: Path, monkeypatch: Any
) -> None:
    region = Region(tmp_path, Escalating(), monkeypatch)
    aliases = region.home.aliases()
    client = make_client(tmp_path / "service")
    client.app.state.service.champion.home = region.home

    def serving() -> str:
        answer = client.post(request())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["model"]["version"])

    assert serving() == aliases["champion"]
    code, gates = region.promoted()
    assert gates == dict.fromkeys(gates, "passed")
    assert (code, len(gates)) == (0, 7)
    assert serving() == aliases["challenger"]
    agrees(region.home, aliases["challenger"])
    assert region.run("rollback", "--who", "Dr A. Reader", "--reason", "To be seen.") == 0
    assert serving() == aliases["champion"]
    agrees(region.home, aliases["champion"])
    rows = Ledger(region.home).entries()
    assert [row.action for row in rows] == ["first", "promote", "rollback"]
    assert not any(row.override or row.other_gates for row in rows)
    assert verify(region.home) == []


def test_a_model_that_sees_one_group_worse_than_the_champion_fails_on_fairness_alone(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """Reasons make it better, and men's are not recorded: it leaves men behind."""
    region = Region(tmp_path, Escalating(unsaid_for_men=True), monkeypatch)
    code, gates = region.promoted()
    assert code == 1
    assert {name for name, outcome in gates.items() if outcome != "passed"} == {"fairness"}
    assert gates["fairness"] == "failed"
    assert Ledger(region.home).champion == region.home.aliases()["champion"]


def test_a_model_that_the_data_left_behind_fails_on_all_that_it_shows(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """From before the test dates on the two reasons are recorded the wrong way round."""
    region = Region(tmp_path, Escalating(swapped_from="2023-04-15"), monkeypatch)
    code, gates = region.promoted()
    assert code == 1
    assert {name for name, outcome in gates.items() if outcome == "failed"} == {
        "average precision", "recall at K", "calibration slope", "stability",
    }  # fmt: skip
    assert gates["hashes"] == gates["reload"] == "passed"
