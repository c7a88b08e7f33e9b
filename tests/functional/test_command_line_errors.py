"""Whatever goes wrong, the command line says it in a line and ends with a code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.output import STOPPED
from hiu_training.protocol import load_protocol
from tests.support.extracts import run_command


def _instead(monkeypatch: Any, act: Callable[[], None]) -> int:
    monkeypatch.setattr("hiu_risk.cli.main.app", act)
    return run_command(monkeypatch)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
def test_ctrl_c_is_no_error_even_where_a_library_makes_one_of_it(
    monkeypatch: Any, capsys: Any
) -> None:
    def act() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    before = signal.getsignal(signal.SIGINT)
    assert _instead(monkeypatch, act) == STOPPED
    assert capsys.readouterr().err == "Stopped.\n"
    assert signal.getsignal(signal.SIGINT) == before


def test_an_error_of_ours_that_nobody_foresaw_is_not_hidden(monkeypatch: Any) -> None:
    def act() -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        _instead(monkeypatch, act)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EACCES, "choose a place you may read and write"),
        (errno.EIO, "check the path"),
    ],
)
def test_what_the_machine_refuses_is_said_with_the_place(
    number: int, advice: str, monkeypatch: Any, capsys: Any
) -> None:
    def act() -> None:
        raise OSError(number, os.strerror(number), "out/list.csv")

    assert _instead(monkeypatch, act) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"Error: {os.strerror(number)} (out/list.csv). What to do: {advice}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [("models",), ("models", "verify"), ("score", "--as-of", "2024-01-01", "--out", "list")],
)
def test_a_file_in_the_place_of_the_model_home(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    file = tmp_path / "home"
    file.write_text("not a folder")
    monkeypatch.chdir(tmp_path)
    assert run_command(monkeypatch, *words, "--home", str(file)) != 0
    said = capsys.readouterr().err
    assert str(file) in " ".join(said.split())
    assert "Traceback" not in said


def test_a_protocol_saved_with_a_byte_order_mark_or_as_utf_16(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    file = tmp_path / "protocol.toml"
    text = 'definition = "nhse_hiu"\r\n[origins]\r\ntest = 3\r\n'
    file.write_bytes(text.encode("utf-8-sig"))
    assert load_protocol(file).origins.test == 3
    file.write_bytes(text.encode("utf-16"))
    assert run_command(monkeypatch, "train", "--protocol", str(file)) == 2
    assert "not UTF-8 text" in capsys.readouterr().err
