from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import HiuRiskError, ModelError, UsageError
from hiu_risk.histories import Feed
from hiu_risk.times import DAY, from_seconds
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.protocol.settings import Origins
from hiu_training.rows.split import make_split

START = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())
DEFAULT = parse_protocol("")


def _feeds(days: int, delay: int = 0) -> tuple[Feed, ...]:
    return (Feed("call", START, START + days * DAY, delay),)


@settings(max_examples=80, deadline=None)
@given(
    days=st.integers(30, 1500),
    horizon=st.integers(7, 120),
    delay=st.integers(0, 20 * DAY),
    every=st.sampled_from(["auto", "month", 7, 28]),
    tests=st.integers(1, 6),
)
def test_nothing_is_learned_from_what_was_not_known(
    days: int, horizon: int, delay: int, every: str | int, tests: int
) -> None:
    origins = Origins(every=every, test=tests)  # type: ignore[arg-type]
    protocol = replace(DEFAULT, horizon_days=horizon, origins=origins)
    try:
        split = make_split(protocol, _feeds(days, delay), "Europe/London")
    except HiuRiskError:
        return
    observed = horizon * DAY + delay
    assert split.development[-1] + observed <= split.test[0]
    assert split.test[-1] + horizon * DAY <= START + days * DAY
    assert (np.diff(np.concatenate([split.development, split.test])) > 0).all()
    for first, last in (split.stopping, split.calibration):
        known = split.learned_before(first)
        assert known >= 1
        assert split.development[known - 1] + observed <= split.development[first]
        assert last > first
    assert split.stopping[1] == split.calibration[0]
    assert split.calibration[1] == len(split.development)
    assert len(split.test) == tests or split.notes


def test_origins_are_local_midnights_on_both_sides_of_summer_time() -> None:
    for every in ("month", 28):
        protocol = replace(DEFAULT, origins=Origins(every=every))  # type: ignore[arg-type]
        split = make_split(protocol, _feeds(1200), "Europe/London")
        every_origin = np.concatenate([split.development, split.test])
        from zoneinfo import ZoneInfo

        local = [from_seconds(o).astimezone(ZoneInfo("Europe/London")) for o in every_origin]
        assert {(t.hour, t.minute) for t in local} == {(0, 0)}
        if every == "month":
            assert {t.day for t in local} == {1}


def test_short_data_get_finer_origins_and_say_what_they_miss() -> None:
    assert make_split(DEFAULT, _feeds(1000), "UTC").step_days == 30
    short = replace(DEFAULT, horizon_days=45)
    assert make_split(short, _feeds(258), "UTC").step_days == 7
    tight = make_split(short, _feeds(190), "UTC")
    assert any("as the data allow no more" in note for note in tight.notes)


def test_data_too_short_are_refused_with_what_is_needed() -> None:
    with pytest.raises(ModelError, match=r"horizon of 90 days is longer than the data.*80 days"):
        make_split(DEFAULT, _feeds(80), "UTC")
    with pytest.raises(ModelError, match=r"data are too short: \d+ days of possible index dates"):
        make_split(DEFAULT, _feeds(120), "UTC")


def test_origins_outside_the_data_are_refused() -> None:
    early = Protocol(DEFAULT.definition, origins=Origins(first=date(2021, 12, 1)))
    with pytest.raises(UsageError, match=r"first origin is before the data start.*2022-01-01"):
        make_split(early, _feeds(1000), "UTC")
    noon = (replace(_feeds(1000)[0], starts_at=START + DAY // 2),)
    with pytest.raises(UsageError, match=r"choose one from 2022-01-02"):
        make_split(
            Protocol(DEFAULT.definition, origins=Origins(first=date(2022, 1, 1))), noon, "UTC"
        )
    make_split(Protocol(DEFAULT.definition, origins=Origins(first=date(2022, 1, 2))), noon, "UTC")
    late = Protocol(DEFAULT.definition, origins=Origins(last=date(2024, 9, 20)))
    with pytest.raises(UsageError, match=r"last origin is too late.*choose one up to 2024-06-29"):
        make_split(late, _feeds(1000), "UTC")
    turned = Protocol(
        DEFAULT.definition, origins=Origins(first=date(2024, 6, 1), last=date(2024, 1, 1))
    )
    with pytest.raises(UsageError, match=r"first origin is after the last"):
        make_split(turned, _feeds(1000), "UTC")


def test_a_definition_without_its_feed_is_refused() -> None:
    with pytest.raises(ModelError, match=r"none of the feeds that the definition counts \(ae\)"):
        make_split(parse_protocol("definition = 'spec_ae'"), _feeds(1000), "UTC")


def test_a_washout_longer_than_the_history_is_said() -> None:
    short = parse_protocol("horizon_days = 45\nwashout_days = 365")
    notes = make_split(short, _feeds(258), "UTC").notes
    assert any("the washout of 365 days reaches back before the data" in note for note in notes)
    assert any("at every date, as the last is 2" in note for note in notes)
    assert any("Shorten washout_days" in note for note in notes)
    part = make_split(parse_protocol("washout_days = 365"), _feeds(1000), "UTC").notes
    assert any("dates: whoever met the rule before the data begin counts" in n for n in part)
    held = parse_protocol("horizon_days = 45\nwashout_days = 0")
    assert not any("washout" in note for note in make_split(held, _feeds(258), "UTC").notes)


@pytest.mark.parametrize(("days", "short"), [(89, True), (92, True), (93, False), (200, False)])
def test_an_embargo_shorter_than_what_must_be_known_is_said(days: int, short: bool) -> None:
    protocol = parse_protocol(f"embargo_days = {days}\nwashout_days = 0")  # horizon 90, delay 3
    notes = make_split(protocol, _feeds(1_200, 3 * DAY), "UTC").notes
    said = [note for note in notes if note.startswith(f"the embargo of {days} days is shorter")]
    assert len(said) == short
    assert all("(93 days)" in note for note in said)
