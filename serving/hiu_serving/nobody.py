"""One person of whom nothing is known: what the engine is warmed up with."""

from __future__ import annotations

import numpy as np

from hiu_risk.histories import Histories, People
from hiu_risk.incidents import Event, histories_from_events
from hiu_risk.times import DAY


def one_person(zone: str) -> tuple[Histories, int]:
    """Give a made-up history of a few events, and an index date after them."""
    as_of = 20_000 * DAY
    events = [
        Event("nobody", source, as_of - days * DAY)
        for days, source in enumerate(("call", "call", "ae", "admission"), start=1)
    ]
    return histories_from_events(events, People.unknown(np.array(["nobody"])), zone=zone), as_of
