"""The fast engine and the slow reference engine agree on every feature, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from hiu_features import build, default_catalogue
from hiu_risk.times import DAY
from tests.support.histories import make_histories, random_histories, seconds
from tests.support.history_strategies import histories_and_dates
from tests.support.reference_features import reference_rows


def assert_agrees(histories, as_ofs):
    catalogue = default_catalogue()
    everyone = np.ones((histories.n_people, len(as_ofs)), np.bool_)
    table = build(histories, as_ofs, catalogue, rows=everyone)
    expected = reference_rows(histories, as_ofs, catalogue)
    for place, key in enumerate(zip(table.person.tolist(), table.as_of.tolist(), strict=True)):
        for name, fast, slow in zip(table.names, table.values[place], expected[key], strict=True):
            same = np.isnan(fast) and np.isnan(slow)
            assert same or fast.tobytes() == slow.tobytes(), (key, name, fast, slow)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories_and_dates())
def test_agrees_on_the_edges(drawn):
    assert_agrees(*drawn)


def test_agrees_on_a_random_region():
    histories = random_histories(3, n_people=60, n_events=600)
    as_ofs = [seconds(text) for text in ("2022-06-01", "2023-07-01T00:00:01", "2023-12-31")]
    assert_agrees(histories, as_ofs)


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_agrees_on_empty_and_very_long_histories(n):
    start = seconds("2023-01-01")
    step = 700 * DAY // max(n, 1)
    events = [
        {"person": "a", "occurred": start + i * step, "outcome": ("see_treat", "hear_treat")[i % 2]}
        for i in range(n)
    ]
    histories = make_histories(events, [{"id": "a"}], zone="Europe/London")
    assert_agrees(histories, [seconds("2024-01-01"), seconds("2024-12-01")])


def test_more_events_in_a_window_than_sixteen_bits_hold():
    events = np.arange(70_000, dtype=np.int64) * 400 + seconds("2024-01-01")
    one = make_histories([{"person": "a", "occurred": int(events[0])}])
    fields = {
        name: np.repeat(getattr(one, name), len(events))
        for name in (
            "superseded_at", "leads_until", "source", "reason", "outcome", "urgency",
            "caller_type", "address_type", "arrival", "kind", "hour_of_week",
        )
    }  # fmt: skip
    histories = type(one)(
        people=one.people, offsets=np.array([0, len(events)]), occurred_at=events,
        available_at=events, feeds=one.feeds, zone=one.zone, **fields,
    )  # fmt: skip
    table = build(histories, [int(events[-1]) + 1])
    row = table.row(0)
    assert row["calls_365d"] == 70_000
    assert row["calls_30d"] == 30 * DAY // 400
    assert row["calls_peak_30d"] == 30 * DAY // 400
