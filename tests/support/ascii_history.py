"""Histories drawn as tables of text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiu_features import build, default_catalogue
from hiu_risk.histories import Feed, Histories
from tests.support.histories import EVERYWHERE, make_histories, seconds

_TIMES = ("occurred", "available", "superseded")


@dataclass(frozen=True)
class Case:
    """One history, one index date, and the values that must come out."""

    title: str
    history: str
    expected: dict[str, float]
    as_of: str = "2024-03-01T00:00"
    person: dict[str, Any] = field(default_factory=dict)
    feeds: tuple[Feed, ...] = EVERYWHERE
    feeds_text: str = ""

    @property
    def table(self) -> str:
        """The drawing, without its indentation."""
        return "\n".join(line.strip() for line in self.history.strip().splitlines())

    def histories(self) -> Histories:
        return make_histories(
            parse(self.table), [{"id": "p", **self.person}], feeds=self.feeds, zone="Europe/London"
        )

    def values(self) -> dict[str, float]:
        catalogue = default_catalogue().select(self.expected)
        rows = np.ones((1, 1), np.bool_)
        return build(self.histories(), [seconds(self.as_of)], catalogue, rows=rows).row(0)


def parse(table: str) -> list[dict[str, Any]]:
    """Read a table: a header, then a line an event; an empty cell is left to its default.

    ``incident no`` marks a call about an incident that another call already stands for.
    """
    lines = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line]
    if not lines:
        return []
    header, *rows = lines
    events = []
    for row in rows:
        event: dict[str, Any] = {"person": "p"}
        for name, cell in zip(header, row, strict=True):
            if not cell:
                continue
            if name == "incident":
                event["leads"] = False
            else:
                event[name] = cell.replace(" ", "T") if name in _TIMES else cell
        events.append(event)
    return events
