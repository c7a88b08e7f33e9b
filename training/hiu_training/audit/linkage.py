"""Linkage coverage: events without a usable identity belong to nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from hiu_risk.suppression import HIDDEN, SmallNumbers, Sum, protect
from hiu_training.audit.result import Linkage


class Record(Protocol):
    """What the store's manifest says of one source and outcome."""

    @property
    def source(self) -> str:
        """Source of the events."""

    @property
    def outcome(self) -> str:
        """How they ended."""

    @property
    def events(self) -> int:
        """Accepted events."""

    @property
    def linked(self) -> int:
        """Those linked to a person."""


def linkage_of(records: Iterable[Record], rule: SmallNumbers) -> tuple[Linkage, ...]:
    """Give coverage by source and outcome, small numbers hidden.

    A small number of unlinked events hides the linked ones too: one is the other's difference.
    """
    rows = []
    for record in records:
        counts = [record.linked, record.events - record.linked, record.events]
        safe = protect(
            counts, [Sum(2, (0, 1))], rule, rounded=np.ones(3, np.bool_)
        ).hidden  # fmt: skip
        linked = rule.show(counts[0], hidden=bool(safe[0]))
        events = rule.show(counts[2], hidden=bool(safe[2]))
        shown = isinstance(linked, int) and isinstance(events, int) and not safe[1]
        coverage = (
            round(min(linked / events, 1.0), 2)
            if shown and isinstance(linked, int) and isinstance(events, int) and events
            else HIDDEN
        )
        rows.append(
            Linkage(
                source=record.source,
                outcome=record.outcome,
                events=events,
                linked=linked,
                coverage=coverage if record.events else None,
            )
        )
    return tuple(rows)
