"""The weekend list: which hours, seen from when, and what happened in them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import UsageError
from hiu_risk.histories import Feed
from hiu_risk.outcomes import outcomes
from hiu_risk.times import DAY, EARLIEST, HOUR, LATEST, from_seconds
from hiu_risk.weekends import HORIZON_DAYS, check_list_day, weekends_after
from tests.support import reference_outcomes as reference
from tests.support.histories import make_histories

ZONE = "Europe/London"
ADULT = DEFINITIONS["frecann_adult"]


def local(text: str, zone: str = ZONE) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("as_of", "starts", "ends", "hours"),
    [
        ("2024-06-07T00:00", "2024-06-07T18:00", "2024-06-10T08:00", 62),
        ("2024-06-03T09:00", "2024-06-07T18:00", "2024-06-10T08:00", 62),  # on a Monday
        ("2024-06-07T18:00", "2024-06-07T18:00", "2024-06-10T08:00", 62),  # its first second
        ("2024-06-07T18:00:01", "2024-06-14T18:00", "2024-06-17T08:00", 62),  # too late for it
        ("2024-06-09T12:00", "2024-06-14T18:00", "2024-06-17T08:00", 62),  # in the middle of one
        ("2024-03-29T00:00", "2024-03-29T18:00", "2024-04-01T08:00", 61),  # the clocks go forward
        ("2024-10-25T00:00", "2024-10-25T18:00", "2024-10-28T08:00", 63),  # and back
        ("2024-12-27T12:00", "2024-12-27T18:00", "2024-12-30T08:00", 62),
        ("2021-12-31T12:00", "2021-12-31T18:00", "2022-01-03T08:00", 62),  # over the new year
    ],
)  # fmt: skip
def test_a_weekend_is_friday_evening_to_monday_morning_on_the_local_clock(
    as_of: str, starts: str, ends: str, hours: int
) -> None:
    found = weekends_after(np.array([local(as_of)]), ZONE)
    assert (found.starts[0], found.ends[0]) == (local(starts), local(ends))
    assert found.ends[0] - found.starts[0] == hours * HOUR


@given(
    st.integers(EARLIEST, LATEST - 30 * DAY),
    st.sampled_from([ZONE, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
def test_weekends_equal_those_found_day_by_day(as_of: int, zone: str) -> None:
    found = weekends_after(np.array([as_of]), zone)
    assert (found.starts[0], found.ends[0]) == reference.weekend(as_of, zone)
    assert as_of <= found.starts[0] < as_of + 7 * DAY + HOUR


@given(st.integers(EARLIEST, LATEST - 30 * DAY), st.sampled_from([ZONE, "America/New_York"]))
def test_a_list_day_sees_the_whole_weekend_within_the_horizon(as_of: int, zone: str) -> None:
    moment, as_ofs = from_seconds(as_of).astimezone(ZoneInfo(zone)), np.array([as_of])
    friday = moment.weekday() == 4 and (moment.hour, moment.minute, moment.second) <= (18, 0, 0)
    if friday or moment.weekday() == 3:
        check_list_day("weekend", as_ofs, zone)
        assert weekends_after(as_ofs, zone).ends[0] <= as_of + HORIZON_DAYS * DAY
    else:
        with pytest.raises(UsageError, match="weekend list can't be made at"):
            check_list_day("weekend", as_ofs, zone)
        check_list_day("onset", as_ofs, zone)


FRIDAY = local("2024-10-25T12:00")
STARTS, ENDS = local("2024-10-25T18:00"), local("2024-10-28T08:00")


@pytest.mark.parametrize(
    ("calls", "happened"),
    [
        ([], None),
        ([STARTS], STARTS),
        ([STARTS - 1], None),  # Friday afternoon is not the weekend
        ([ENDS - 1], ENDS - 1),
        ([ENDS], None),
        ([FRIDAY - DAY] * 9, None),  # meeting the rule now is no call at the weekend
        ([FRIDAY - DAY, STARTS + HOUR, STARTS + 2 * HOUR], STARTS + HOUR),
    ],
)
def test_any_call_of_the_weekend_makes_the_label(calls: list[int], happened: int | None) -> None:
    rows = [{"person": "p", "occurred": moment} for moment in calls]
    histories = make_histories(rows, [{"id": "p"}], zone=ZONE)
    for overlap in ("straddle", "disjoint"):
        found = outcomes(histories, np.array([FRIDAY]), ADULT, 90, "weekend", overlap)
        assert found.label[0, 0] == (happened is not None)
        if happened is not None:
            assert found.happened_at[0, 0] == happened


def test_only_incidents_that_the_definition_counts_make_the_label() -> None:
    rows = [
        {"person": "a", "occurred": STARTS + HOUR, "source": "ae"},
        {"person": "b", "occurred": STARTS + HOUR, "leads": False},  # part of another incident
        {"person": "c", "occurred": STARTS + HOUR},
    ]
    histories = make_histories(rows, [{"id": name} for name in "abc"], zone=ZONE)
    as_ofs = np.array([FRIDAY])
    calls = outcomes(histories, as_ofs, ADULT, target="weekend")
    assert calls.label[:, 0].tolist() == [0, 0, 1]
    visits = outcomes(histories, as_ofs, DEFINITIONS["nhse_hiu"], target="weekend")
    assert visits.label[:, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("gap", "censored"),
    [
        ((STARTS + HOUR, STARTS + 2 * HOUR + 1), True),  # more than an hour of the weekend
        ((STARTS + HOUR, STARTS + 2 * HOUR), False),
        ((FRIDAY - 9 * DAY, STARTS), False),  # before it
        ((ENDS, ENDS + DAY), False),
    ],
)
def test_a_weekend_with_a_gap_in_its_feed_has_no_label(
    gap: tuple[int, int], censored: bool
) -> None:
    feeds = (Feed("call", EARLIEST, LATEST, gaps=(gap,)),)
    histories = make_histories([], [{"id": "p"}], feeds=feeds, zone=ZONE)
    found = outcomes(histories, np.array([FRIDAY]), ADULT, target="weekend")
    assert found.censored["feed_gap"][0] == censored


def test_a_weekend_not_yet_over_has_no_label() -> None:
    feeds = (Feed("call", EARLIEST, ENDS - 1),)
    histories = make_histories([], [{"id": "p"}], feeds=feeds, zone=ZONE)
    found = outcomes(histories, np.array([FRIDAY]), ADULT, target="weekend")
    assert found.censored["end_of_data"][0] == 1


AROUND = st.sampled_from(
    [edge + beside for edge in (FRIDAY, STARTS, ENDS) for beside in (-1, 0, 1, HOUR, -DAY)]
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(AROUND, max_size=5), st.one_of(st.none(), AROUND), st.one_of(st.none(), AROUND),
    st.booleans(), st.sampled_from([FRIDAY, FRIDAY - DAY, STARTS, STARTS - DAY]),
)  # fmt: skip
def test_weekend_labels_equal_the_reference_at_every_edge(
    calls: list[int], died: int | None, helped: int | None, censors: bool, as_of: int
) -> None:
    person = {"id": "p", **({"died": died, "death_known": died} if died else {})}
    spells = [{"person": "p", "start": helped, "end": helped + DAY}] if helped else []
    rows = [{"person": "p", "occurred": moment} for moment in calls]
    histories = make_histories(rows, [person], caseload=spells, zone=ZONE)
    found = outcomes(histories, np.array([as_of]), ADULT, 5, "weekend", caseload_censors=censors)
    label, moment, why = reference.outcome(
        reference.story_of(histories, 0), as_of, ADULT, 5, "weekend", "straddle", censors
    )
    assert (found.label[0, 0], found.happened_at[0, 0]) == (label, moment)
    assert [reason for reason, n in found.censored.items() if n[0]] == ([why] if why else [])
