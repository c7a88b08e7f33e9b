"""``hiu-risk demo`` as people run it: a process, a folder elsewhere, nothing else set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.published import checked

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT / "tests" / "support" / "offline"
SWITCHES = ("CI", "DO_NOT_TRACK", "HIU_RISK_PSEUDONYM_KEY", "MLFLOW_DISABLE_TELEMETRY")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in SWITCHES}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(OFFLINE), os.environ.get("PYTHONPATH", "")]),
        "HIU_RISK_TEST_CALLS": str(folder / "calls-outside.txt"),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "-m", "hiu_risk.cli.main", "demo", *arguments)


@pytest.mark.slow
def test_the_whole_job_runs_anywhere_and_calls_nobody(tmp_path: Path) -> None:
    done = demo(tmp_path, "--people", "8000", "--json", "demo.json")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "calls-outside.txt").exists()
    result = checked("demo", tmp_path / "demo.json")
    assert checked("train", tmp_path / "hiu-risk-demo" / "evaluation.json") == result["train"]
    assert result["api_score_equals_batch"] is True
    rankers = result["train"]["rankers"]
    best = rankers.pop("true_probability")["average_precision"]["value"]
    assert all(ranker["average_precision"]["value"] < best for ranker in rankers.values())
    assert result["listed"] == len(result["score"][-1]["entries"]) == 75
    feeds = result["ingest"]["feeds"]
    assert all(f["accepted"] + f["rejected"] + f["merged"] == f["read"] for f in feeds)
    promised = run(
        tmp_path, str(ROOT / ".ci" / "check_demo.py"), str(ROOT / "README.md"), "hiu-risk-demo"
    )
    assert promised.returncode == 0, promised.stderr


def test_calls_outside_would_be_noticed(tmp_path: Path) -> None:
    run(tmp_path, "-c", "import socket; socket.create_connection(('host.invalid', 80), 1)")
    assert (tmp_path / "calls-outside.txt").read_text(encoding="utf-8") == "host.invalid\n"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_left_alone(tmp_path: Path, kind: str) -> None:
    mine = tmp_path / "hiu-risk-demo"
    if kind == "folder":
        mine.mkdir()
        mine /= "mine.txt"
    mine.write_text("precious", encoding="utf-8")
    done = demo(tmp_path)
    assert done.returncode == 2
    assert "something else is there (hiu-risk-demo)" in done.stderr
    assert "name another with --out" in done.stderr
    assert mine.read_text(encoding="utf-8") == "precious"
