"""A region where calls about mental health go before a crisis: who reads reasons sees it coming."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from tests.support.histories import make_histories, seconds

START, MONTHS = "2022-01-01", 22
SIGN = "mental_health"

PROTOCOL = """\
horizon_days = 60
washout_days = 180
capacities = [50, 100]
resamples = 300
[definition]
id = "crisis"
title = "Four calls in thirty days"
clauses = [{ source = "call", operator = ">=", count = 4, days = 30 }]
[origins]
every = "month"
test = 5
[audit]
by = ["sex"]
"""

COUNTS = (
    'features = ["calls_7d", "calls_28d", "calls_30d", "calls_90d", "calls_365d", '
    '"calls_decayed_7d", "calls_decayed_30d", "calls_decayed_90d", "calls_decayed_180d", '
    '"days_since_last_call", "tenure_days", "age"]\n'
)
"""What an older model looked at: how often people called, not why."""


@dataclass(frozen=True)
class Escalating:
    """How the region's calls are recorded.

    Parameters
    ----------
    people : int
    unsaid_for_men : bool
        Whether men's reasons for calling are not recorded.
    swapped_from : str
        From this day on a new system writes the two reasons the wrong way round.
    """

    people: int = 8_000
    unsaid_for_men: bool = False
    swapped_from: str = "2100-01-01"

    def recorded(self, reason: str, *, man: bool, moment: int) -> str:
        """What is recorded as the reason of a call."""
        if moment >= seconds(self.swapped_from):
            return "medical" if reason == SIGN else SIGN
        return "unknown" if man and self.unsaid_for_men else reason


@cache
def escalating(kind: Escalating) -> Histories:
    """Draw the region: the same calls whatever is recorded of them."""
    rng = np.random.default_rng(11)
    start, days = seconds(START), int(MONTHS * 30.4)
    events: list[dict[str, Any]] = []
    people = []
    for number in range(kind.people):
        person, man = f"p{number:04d}", bool(number % 2)
        people.append({"id": person, "sex": "male" if man else "female", "born": "1960-05-17"})
        everyday = rng.uniform(0, days, rng.poisson(rng.gamma(0.6) * 4 * days / 365))
        crisis = rng.exponential(400 * 30.4)
        signs = crisis - rng.uniform(5, 80, rng.integers(1, 3))
        during = crisis + rng.uniform(0, 30, 4 + rng.poisson(4))
        usual = np.where(rng.random(len(everyday)) < 0.2, SIGN, "medical")
        calls = [*zip(everyday, usual, strict=True), *((at, SIGN) for at in [*signs, *during])]
        for day, reason in calls:
            moment = start + int(day * DAY)
            if 0 <= day < days:
                said = kind.recorded(str(reason), man=man, moment=moment)
                events.append({"person": person, "occurred": moment, "reason": said})
    return make_histories(events, people, feeds=(Feed("call", start, start + days * DAY, 3_600),))
