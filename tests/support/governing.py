"""Running the commands that govern models, inside the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.model import ModelHome
from tests.support.extracts import run_command
from tests.support.published import checked

SUBCOMMANDS = (("verify",), ("note",))


@dataclass(frozen=True)
class Run:
    """Runs a command on a home; gives its exit code, what it said, and its JSON."""

    home: ModelHome
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    folder: Path

    def __call__(self, *arguments: str) -> tuple[int, str, Any]:
        """Run it, and check its JSON against the published schema."""
        file = self.folder / "out.json"
        file.unlink(missing_ok=True)
        words = (*arguments, "--home", str(self.home.path), "--json", str(file))
        code = run_command(self.monkeypatch, *words)
        told = self.capsys.readouterr()
        name = "-".join(arguments[:2]) if arguments[1:2] in SUBCOMMANDS else arguments[0]
        written = checked(name, file) if file.exists() else None
        return code, " ".join((told.out + told.err).split()), written
