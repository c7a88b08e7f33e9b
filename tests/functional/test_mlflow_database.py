"""MLflow's database of a new home is there whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPEN = """
import sys
from pathlib import Path
from hiu_training.registry.mlflow_access import mlflow_at

with mlflow_at(Path(sys.argv[1]), "refused", "fix") as (_, client):
    client.create_experiment(sys.argv[2])
"""
KILLED = """
import os, signal
import alembic.command

alembic.command.upgrade = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""


def _open(home: Path, name: str, before: str = "") -> subprocess.Popen[str]:
    words = [sys.executable, "-c", before + OPEN, str(home), name]
    return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_while_mlflow_makes_its_tables_a_home_can_be_used_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert _end(_open(home, "first", KILLED))[0] == -signal.SIGKILL
    assert list(home.iterdir()) == []
    assert _end(_open(home, "second")) == (0, "")
    assert [path.name for path in home.iterdir()] == ["mlflow.db"]


@pytest.mark.slow
def test_commands_that_make_it_at_once_all_end_well(tmp_path: Path) -> None:
    begun = [_open(tmp_path, f"experiment {i}") for i in range(3)]
    assert [_end(process) for process in begun] == [(0, "")] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
