"""Running a command of the command line inside the test, as a shell would."""

from __future__ import annotations

import sys

import pytest

from hiu_risk.cli.main import main


def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    """Run ``hiu-risk`` with these words; gives the exit code, what was said, and the errors."""
    monkeypatch.setattr(sys, "argv", ["hiu-risk", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err
