"""Training writes its first champion into the ledger, and can be done again to the last byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.reproduce import ReproduceResult
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import Ledger
from hiu_risk.times import DAY
from hiu_training.registry.intake import TRAINING
from hiu_training.registry.judged import judge_model
from hiu_training.registry.probe import probe_rows, scores_differ
from hiu_training.registry.provenance import libraries
from hiu_training.registry.registered import registered
from tests.support.extracts import run_command
from tests.support.published import checked
from tests.support.stores import write_store
from tests.support.trainings import PROTOCOL, region, write_protocol, write_region

SMALL = PROTOCOL.replace("resamples = 40", "resamples = 20\nfeatures = " + json.dumps(
    ["calls_7d", "calls_28d", "calls_30d", "calls_90d", "calls_365d", "calls_decayed_7d",
     "calls_decayed_30d", "calls_decayed_90d", "calls_decayed_180d",
     "days_since_last_call", "tenure_days", "age"]
))  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reproduce")
    write_region(folder / "store", n_people=250, months=20)
    write_region(folder / "other", n_people=250, months=20, seed=4)
    write_protocol(folder, SMALL)
    words = [
        "train", "--protocol", str(folder / "protocol.toml"), "--store", str(folder / "store"),
        "--home", str(folder / "home"), "--json", str(folder / "train.json"),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "hiu_risk.cli.main", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (folder / "stderr").write_text(done.stderr, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return folder


def reproduce(place: Path, name: str, monkeypatch: Any, capsys: Any, store: str = "store") -> Any:
    """Exit code, what was said, the result."""
    words = ("reproduce", name, "--store", str(place / store), "--home", str(place / "home"))
    file = place / "reproduce.json"
    file.unlink(missing_ok=True)
    code = run_command(monkeypatch, *words, "--json", str(file))
    told = capsys.readouterr()
    said = " ".join((told.out + told.err).split())
    if not file.exists():
        return code, said, None
    return code, said, ReproduceResult.model_validate(checked("reproduce", file))


def test_the_first_champion_is_in_the_ledger_with_its_evidence(place: Path) -> None:
    home = ModelHome(place / "home")
    (row,) = Ledger(home).entries()
    trained = json.loads((place / "train.json").read_text("utf-8"))
    assert (row.action, row.who, row.version) == ("first", TRAINING, trained["version"])
    assert row.previous_version == ""
    assert row.override is False
    assert {gate["name"]: gate["outcome"] for gate in row.gates}["reload"] == "passed"
    assert {gate["name"]: gate["outcome"] for gate in row.gates}["hashes"] == "passed"
    assert row.evidence["run_id"] == trained["run_id"]
    kept = find(home, row.version, "evaluation", sha256=row.evidence["evaluation"])
    assert kept is not None
    told = trained["rankers"]["model"]["average_precision"]
    assert kept["rankers"]["model"]["average_precision"] == told
    assert kept["made"]["bundle_id"] == home.load().id
    (version,) = registered(home.path)
    assert version.aliases == ("challenger", "champion")
    assert version.ledger == f"1:{row.hash}"
    assert home.aliases() == {"challenger": row.version, "champion": row.version}


def test_mlflow_does_not_chat(place: Path) -> None:
    said = (place / "stderr").read_text("utf-8")
    assert "Learning from" in said
    assert "registered model" not in said.lower()
    assert "Created version" not in said


def test_the_evidence_is_about_nobody(place: Path) -> None:
    kept = [*(place / "home" / "evidence").rglob("*.json"), place / "home" / "ledger.db"]
    assert len(kept) >= 3
    for path in kept:
        content = path.read_bytes()
        assert b"p0001" not in content  # a pseudonym of the region
        assert str(place).encode() not in content


def test_the_same_model_comes_out_on_one_thread_as_on_two(place: Path) -> None:
    """Trained by a process that may use every core; again by one that may use one."""
    home = ModelHome(place / "home")
    words = ["reproduce", "champion", "--store", str(place / "store"), "--home", str(home.path)]
    alone = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    script = (
        "import os, sys\n"
        "if hasattr(os, 'sched_setaffinity'):\n"
        "    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from hiu_risk.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True, text=True, check=False, env={**os.environ, **alone},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"The same model: {home.load().id}" in done.stdout


def test_a_run_stands_for_its_model_and_other_data_are_named(
    place: Path, monkeypatch: Any, capsys: Any
) -> None:
    run_id = json.loads((place / "train.json").read_text("utf-8"))["run_id"]
    code, said, result = reproduce(place, run_id, monkeypatch, capsys, "other")
    assert code == 1
    assert [difference.what for difference in result.differences] == ["data"]
    assert result.trained_id is None
    assert "Not trained: with other data another model would come out" in said


def test_a_choice_recorded_about_a_model_is_not_a_difference(
    place: Path, monkeypatch: Any, capsys: Any
) -> None:
    home = ModelHome(place / "home")
    bundle = home.load()
    chosen = replace(bundle, manifest=replace(bundle.manifest, mitigation={"name": "none"}))
    version = home.add(chosen)[:12]
    assert version != bundle.version
    code, _, result = reproduce(place, version, monkeypatch, capsys)
    assert (code, result.same, result.recorded_id) == (0, True, chosen.id)


def test_the_same_rows_under_another_coverage_are_other_data(
    place: Path, monkeypatch: Any, capsys: Any
) -> None:
    histories = region(n_people=250, months=20)
    feeds = tuple(replace(f, complete_until=f.complete_until - DAY) for f in histories.feeds)
    write_store(replace(histories, feeds=feeds), place / "moved")
    code, said, result = reproduce(place, "champion", monkeypatch, capsys, "moved")
    assert code == 1
    assert [difference.what for difference in result.differences] == ["data"]
    assert "Not trained: with other data another model would come out" in said


def test_other_code_and_libraries_are_named_and_the_files_compared(
    place: Path, monkeypatch: Any, capsys: Any
) -> None:
    versions = {**libraries(), "lightgbm": "0.0.1"}
    monkeypatch.setattr("hiu_training.reproduce.code_version", lambda: "9.9+000000000000")
    monkeypatch.setattr("hiu_training.train.code_version", lambda: "9.9+000000000000")
    monkeypatch.setattr("hiu_training.reproduce.libraries", lambda: versions)
    code, said, result = reproduce(place, "champion", monkeypatch, capsys)
    assert code == 1
    assert [difference.what for difference in result.differences] == ["code", "lightgbm"]
    assert result.files == ["manifest.json"]  # the model itself is the same
    assert result.scores_differ == 0
    assert "Files that differ: manifest.json" in said


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [("f" * 32, 2, "MLflow has no such run of a model"), ("0123456789ab", 1, "no such model")],
)
def test_what_there_is_not_cannot_be_reproduced(
    place: Path, monkeypatch: Any, capsys: Any, name: str, code: int, says: str
) -> None:
    found = reproduce(place, name, monkeypatch, capsys)
    assert found[0] == code
    assert says in found[1]


def test_made_up_rows_tell_one_model_from_another(place: Path) -> None:
    bundle = ModelHome(place / "home").load()
    kept = [float(score) for score in bundle.score(probe_rows(bundle))]
    assert len(set(kept)) > 20  # they differ, so that a change would show
    assert scores_differ(bundle, kept) == 0
    assert scores_differ(bundle, [*kept[:-1], kept[-1] + 1e-12]) == pytest.approx(1e-12, rel=1e-3)
    assert scores_differ(bundle, kept[1:]) == float("inf")


def test_a_training_that_could_not_be_kept_does_not_begin(
    place: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """A ledger cut off is found before the long work, and nothing reaches MLflow."""
    shutil.copytree(place / "home", tmp_path / "home")
    home = ModelHome(tmp_path / "home")
    Ledger(home).append(at=1, action="incident", version="0" * 12, who="A. Reader")
    shutil.copy(place / "home" / "ledger.db", home.path / "ledger.db")
    words = ("train", "--protocol", str(place / "protocol.toml"), "--store", str(place / "store"))
    assert run_command(monkeypatch, *words, "--home", str(home.path)) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "the ledger's end was cut off" in said
    assert "Learning from" not in said
    assert len(registered(home.path)) == 1
    assert judge_model(home, "champion").bundle.version == home.aliases()["champion"]
