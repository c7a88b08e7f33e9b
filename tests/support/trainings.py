"""A small region whose rates repay learning, as a store; trained in a second or two."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from tests.support.histories import make_histories, seconds
from tests.support.stores import write_store

PROTOCOL = """\
horizon_days = 60
resamples = 40
capacities = [10, 25, 5000]
[definition]
id = "small"
title = "Somebody who calls often"
clauses = [{ source = "call", operator = ">=", count = 4, days = 30 }]
[origins]
every = "month"
test = 3
[booster]
max_trees = 40
patience = 20
"""


@cache
def region(n_people: int = 500, seed: int = 3, months: int = 24) -> Histories:
    """People with gamma distributed rates that drift: some of them cross the rule."""
    rng = np.random.default_rng(seed)
    start = seconds("2022-01-01")
    end = start + int(months * 30.5) * DAY
    events = []
    for person in range(n_people):
        rate = rng.gamma(0.5) * 18 / 365
        for month in range(months):
            rate *= float(np.exp(rng.normal(0, 0.35)))
            at = start + int(month * 30.5) * DAY
            for _ in range(rng.poisson(min(rate, 0.4) * 30.5)):
                moment = at + int(rng.integers(0, 30 * DAY))
                reason = "falls" if rng.random() < 0.3 else "medical"
                events.append({"person": f"p{person:04d}", "occurred": moment, "reason": reason})
    people = [{"id": f"p{person:04d}"} for person in range(n_people)]
    return make_histories(events, people, feeds=(Feed("call", start, end, 3600),))


def write_region(folder: Path, **options: int) -> Path:
    """Write the region as a store."""
    return write_store(region(**options), folder)


def write_protocol(folder: Path, text: str = PROTOCOL) -> Path:
    """Write a protocol file."""
    path = folder / "protocol.toml"
    path.write_text(text, encoding="utf-8")
    return path
