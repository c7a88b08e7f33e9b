"""A governed model home, and the commands on it; files that need another home make their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hiu_risk.model import ModelHome
from tests.support.governing import Run
from tests.support.registry import governed_home


@pytest.fixture
def home(tmp_path: Path) -> ModelHome:
    """Three models in MLflow, of which the first is champion."""
    return governed_home(tmp_path)


@pytest.fixture
def run(home: ModelHome, monkeypatch: Any, capsys: Any, tmp_path: Path) -> Run:
    """Runs a command on that home."""
    return Run(home, monkeypatch, capsys, tmp_path)
