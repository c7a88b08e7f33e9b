"""Progress says how far the work is, how fast it goes and how long it will take."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from hiu_risk import progress as shown
from hiu_risk.progress import progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(shown, "time", made)
    return made


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("people", "Building: 25%, 50 people/s, about 30 s left"),
        ("", "Building: 25%, about 30 s left"),
    ],
)
def test_lines_tell_part_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, clock: Clock, unit: str, said: str
) -> None:
    with caplog.at_level(logging.INFO), progress("Building", 2_000, unit) as advance:
        clock.now += 4
        advance(200)
        assert not caplog.messages  # a line every five seconds at most
        clock.now += 6
        advance(300)
    assert caplog.messages == [said]


@pytest.mark.parametrize(("rate", "said"), [(12_345.6, "12,346 rows/s"), (0.25, "0.25 rows/s")])
def test_rates_are_readable(rate: float, said: str) -> None:
    assert shown._rate(rate, "rows") == said


def test_a_terminal_sees_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("Building", 10, "people") as advance:
        for _ in range(10):
            advance(1)
    text = terminal.getvalue()
    assert "Building" in text
    assert "people/s" in text
    assert "0:00:0" in text
