"""Progress of long work: a bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("hiu_risk.progress")

Advance = Callable[[float], None]
"""Called with the amount of work just done."""

_LINE_EVERY = 5.0


@contextmanager
def progress(label: str, total: float, unit: str = "") -> Iterator[Advance]:
    """Show the progress of work of a known total.

    On a terminal a bar with the rate and the time left goes to standard error and disappears
    at the end; elsewhere a line is logged every five seconds.

    Parameters
    ----------
    label : str
        What is being done; never a person's value.
    total : float
        The amount of work in all.
    unit : str
        What the work is counted in, such as ``people``; without it no rate is shown.

    Examples
    --------
    >>> with progress("Counting", total=2) as advance:
    ...     for _ in range(2):
    ...         advance(1)
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class RateColumn(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(_rate(task.speed or 0.0, unit))

        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
            RateColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        with bar:
            task = bar.add_task(label, total=total)
            yield lambda amount: bar.advance(task, amount)
        return
    done, started = 0.0, time.monotonic()
    last = started

    def advance(amount: float) -> None:
        nonlocal done, last
        done += amount
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            rate = done / (last - started)
            left, said = (total - done) / max(rate, 1e-9), _rate(rate, unit)
            percent = 100 * done / total
            log.info("%s: %.0f%%%s, about %.0f s left", label, percent, said and f", {said}", left)

    yield advance


def _rate(rate: float, unit: str) -> str:
    if not unit:
        return ""
    return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.2g} {unit}/s"
