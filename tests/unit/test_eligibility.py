"""Who may appear on the list, who is at risk: published rules, edges, counts, errors."""

from __future__ import annotations

import numpy as np
import pytest

from hiu_risk.definitions import DEFINITIONS, Definition
from hiu_risk.eligibility import (
    EXCLUSIONS,
    EligibilityPolicy,
    at_risk,
    eligibility,
    why_not_eligible,
)
from hiu_risk.errors import UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.local_dates import ages
from hiu_risk.meeting import known_state
from hiu_risk.times import DAY, LATEST, from_seconds
from tests.support.histories import make_histories, random_histories, seconds

AS_OF = seconds("2024-06-01T00:00")
ADULT = DEFINITIONS["frecann_adult"]
AE = DEFINITIONS["nhse_hiu"]


def person_with(moments, source="call", **rest) -> Histories:
    """One person with an incident at each of these moments."""
    events = [{"person": "p", "occurred": moment, "source": source, **rest} for moment in moments]
    return make_histories(events, [{"id": "p"}])


def days_before(*days: float) -> list[int]:
    return [AS_OF - int(day * DAY) for day in days]


def meets(histories: Histories, definition: Definition, as_of: int = AS_OF) -> bool:
    return bool(known_state(histories, np.array([as_of]), definition).meets[0, 0])


# --- the published rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "source", "n", "within", "expected"),
    [
        ("frecann_adult", "call", 4, 29, False),
        ("frecann_adult", "call", 5, 29, True),  # at least 5 in a month
        ("frecann_adult", "call", 11, 89, False),
        ("frecann_adult", "call", 12, 89, True),  # or at least 12 in three months
        ("frecann_adult", "ae", 12, 29, False),
        ("child", "call", 2, 179, False),
        ("child", "call", 3, 179, True),
        ("nhse_hiu", "ae", 5, 29, False),
        ("nhse_hiu", "ae", 6, 29, True),  # more than 5 in a month
        ("nhse_hiu", "ae", 20, 364, False),
        ("nhse_hiu", "ae", 21, 364, True),  # or more than 20 in a year
        ("spec_ae", "ae", 5, 29, False),
        ("spec_ae", "ae", 6, 29, True),
    ],
)
def test_published_thresholds_and_operators(definition, source, n, within, expected):
    moments = days_before(*np.linspace(within, 1, n))
    assert meets(person_with(moments, source), DEFINITIONS[definition]) is expected


def test_the_london_rule_counts_private_dwellings_alone():
    calls = days_before(1, 2, 3, 4, 5)
    assert meets(person_with(calls, address_type="private"), DEFINITIONS["las"])
    assert not meets(person_with(calls, address_type="unknown"), DEFINITIONS["las"])


def test_the_communal_rule_needs_fifteen_calls_at_one_address():
    calls = days_before(*np.linspace(29, 1, 15))
    address = person_with(calls, address_type="communal")
    assert meets(address, DEFINITIONS["communal"])
    assert not meets(person_with(calls[1:], address_type="communal"), DEFINITIONS["communal"])


# --- windows -------------------------------------------------------------------------------


def test_a_rolling_window_holds_its_first_second_and_not_the_index_date():
    four = days_before(1, 2, 3, 4)
    assert meets(person_with([AS_OF - 30 * DAY, *four]), ADULT)
    assert not meets(person_with([AS_OF - 30 * DAY - 1, *four]), ADULT)
    assert meets(person_with([*four, AS_OF - 1]), ADULT)
    assert not meets(person_with([*four, AS_OF]), ADULT)


def test_incidents_exactly_one_window_apart_do_not_meet_the_rule():
    first = AS_OF - 60 * DAY
    between = [first + DAY, first + 2 * DAY, first + 3 * DAY]
    state = known_state(person_with([first, *between, first + 30 * DAY]), np.array([AS_OF]), ADULT)
    assert state.last_met[0, 0] < 0
    last = first + 30 * DAY - 1
    state = known_state(person_with([first, *between, last]), np.array([AS_OF]), ADULT)
    assert state.last_met[0, 0] == last


def test_incidents_in_the_same_second_each_count():
    assert meets(person_with([AS_OF - 1] * 5), ADULT)
    assert not meets(person_with([AS_OF - 1] * 4), ADULT)


def test_a_calendar_month_is_the_local_one_that_ends_before_the_index_date():
    rule = ADULT.with_calendar_windows()
    # British summer time: 1 June begins at 31 May 23:00 UTC.
    may = [f"2024-05-{day:02d}T12:00" for day in (1, 2, 30, 31)]
    first_of_june = seconds("2024-05-31T23:00")

    def london(last: str) -> Histories:
        events = [{"person": "p", "occurred": moment} for moment in [*may, last]]
        return make_histories(events, zone="Europe/London")

    assert meets(london("2024-05-31T22:59:59"), rule, first_of_june)
    assert not meets(london("2024-05-31T22:59:59"), rule, first_of_june + 1)  # a new month began
    late = london("2024-05-31T23:00")
    assert known_state(late, np.array([AS_OF + DAY]), rule).last_met[0, 0] < 0


def test_the_rolling_month_and_the_calendar_month_differ_around_the_turn():
    turn = ["2024-04-20", "2024-04-25", "2024-04-30", "2024-05-05", "2024-05-10"]
    events = [{"person": "p", "occurred": day} for day in turn]
    histories, as_of = make_histories(events), seconds("2024-05-11")
    assert meets(histories, ADULT, as_of)
    assert not meets(histories, ADULT.with_calendar_windows(), as_of)


# --- ages ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "as_of", "zone", "age"),
    [
        ("2006-06-01", "2024-06-01", "UTC", 18),
        ("2006-06-02", "2024-06-01", "UTC", 17),
        ("2004-02-29", "2022-02-28", "UTC", 17),  # a leap-day birthday in a common year
        ("2004-02-29", "2022-03-01", "UTC", 18),
        ("2004-02-29", "2024-02-28", "UTC", 19),
        ("2004-02-29", "2024-02-29", "UTC", 20),
        ("2006-05-31T23:00", "2024-05-31T23:00", "Europe/London", 18),  # 1 June in London
        ("2006-05-31T23:00", "2024-05-31T22:59:59", "Europe/London", 17),
        ("2006-06-01", "2024-05-31T23:00", "Europe/London", 18),  # born at UTC midnight
        ("1924-06-01", "2024-06-01", "UTC", 100),
        ("2024-06-02", "2024-06-01", "UTC", -1),
    ],
)
def test_age_is_in_whole_years_by_the_local_calendar(born, as_of, zone, age):
    assert ages(np.array([seconds(born)]), seconds(as_of), zone).tolist() == [age]


def test_adults_and_children_part_on_the_eighteenth_birthday():
    for born, adult in (("2006-06-01", True), ("2006-06-02", False)):
        histories = make_histories(
            [{"person": "p", "occurred": AS_OF - DAY}], [{"id": "p", "born": born}]
        )
        found = why_not_eligible(histories, 0, AS_OF, ADULT)
        assert found == (None if adult else "outside_ages")
        found = why_not_eligible(histories, 0, AS_OF, DEFINITIONS["child"])
        assert found == ("outside_ages" if adult else None)


def test_an_unknown_age_is_included_and_counted_unless_the_policy_says_otherwise():
    histories = make_histories(
        [{"person": name, "occurred": AS_OF - DAY} for name in "pq"],
        [{"id": "p", "born": None}, {"id": "q"}],
    )
    found = eligibility(histories, np.array([AS_OF]), ADULT)
    assert found.mask.all()
    assert found.age_unknown.tolist() == [1]
    strict = EligibilityPolicy(unknown_age="exclude")
    found = eligibility(histories, np.array([AS_OF]), ADULT, strict)
    assert found.mask[:, 0].tolist() == [False, True]
    assert found.exclusions["age_unknown"].tolist() == [1]
    assert found.age_unknown.tolist() == [0]
    assert why_not_eligible(histories, 0, AS_OF, DEFINITIONS["communal"], strict) is None


# --- every exclusion and its edge ----------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({}, None),
        ({"died": AS_OF - 1}, "died"),
        ({"died": AS_OF}, None),  # dated at the index date: the future
        ({"died": AS_OF - DAY, "death_known": AS_OF}, "died"),
        ({"died": AS_OF - DAY, "death_known": AS_OF + 1}, None),  # nobody knew
        ({"registered_to": AS_OF - 1}, "not_registered"),
        ({"registered_to": AS_OF}, None),
        ({"registered_to": AS_OF - 1, "move_known": AS_OF + 1}, None),
        ({"registered_from": AS_OF - 1}, None),
        ({"registered_from": AS_OF}, "not_registered"),
        ({"opted_out": True}, "opted_out"),
        ({"extensive_care": True}, "extensive_care"),
        ({"born": "2010-01-01", "opted_out": True}, "outside_ages"),  # the first reason counts
        ({"died": AS_OF - 1, "born": "2010-01-01"}, "died"),
    ],
)
def test_exclusions_by_what_is_known_of_the_person(person, reason):
    histories = make_histories([{"person": "p", "occurred": AS_OF - DAY}], [{"id": "p", **person}])
    assert why_not_eligible(histories, 0, AS_OF, ADULT) == reason


@pytest.mark.parametrize(
    ("event", "active"),
    [
        ({"occurred": AS_OF - 365 * DAY}, True),
        ({"occurred": AS_OF - 365 * DAY - 1}, False),
        ({"occurred": AS_OF - 1}, True),
        ({"occurred": AS_OF}, False),
        ({"occurred": AS_OF - DAY, "available": AS_OF}, True),
        ({"occurred": AS_OF - DAY, "available": AS_OF + 1}, False),
        ({"occurred": AS_OF - DAY, "superseded": AS_OF + 1}, True),
        ({"occurred": AS_OF - DAY, "superseded": AS_OF}, False),
        ({"occurred": AS_OF - DAY, "leads": False}, True),  # a duplicate call is contact too
    ],
)
def test_somebody_is_active_by_what_was_known(event, active):
    histories = make_histories([{"person": "p", **event}])
    assert why_not_eligible(histories, 0, AS_OF, ADULT) == (None if active else "inactive")


@pytest.mark.parametrize(
    ("start", "end", "on"),
    [
        (AS_OF - DAY, AS_OF + DAY, True),
        (AS_OF - DAY, AS_OF, True),  # the discharge is dated at the index date
        (AS_OF - DAY, AS_OF - 1, False),
        (AS_OF, AS_OF + DAY, False),
    ],
)
def test_people_on_the_caseload_are_left_out(start, end, on):
    histories = make_histories(
        [{"person": "p", "occurred": AS_OF - DAY}],
        caseload=[{"person": "p", "start": start, "end": end}],
    )
    assert why_not_eligible(histories, 0, AS_OF, ADULT) == ("on_caseload" if on else None)


def test_switches_let_people_stay():
    histories = make_histories(
        [],
        [{"id": "p", "opted_out": True, "extensive_care": True, "registered_to": AS_OF - DAY}],
        caseload=[{"person": "p", "start": AS_OF - DAY}],
    )
    policy = EligibilityPolicy(
        active_within_days=0,
        exclude_unregistered=False,
        exclude_opted_out=False,
        exclude_extensive_care=False,
        exclude_caseload=False,
    )
    assert why_not_eligible(histories, 0, AS_OF, ADULT, policy) is None


def test_eligible_and_excluded_people_add_up_at_every_index_date():
    histories = random_histories(seed=2, n_people=400, n_events=3_000)
    as_ofs = np.array([seconds(f"2023-{month:02d}-01") for month in range(1, 13)])
    found = eligibility(histories, as_ofs, ADULT)
    assert tuple(found.exclusions) == EXCLUSIONS
    total = found.mask.sum(axis=0) + sum(found.exclusions.values())
    assert total.tolist() == [400] * 12
    for target in ("onset", "relapse", "persistence"):
        risk = at_risk(histories, as_ofs, ADULT, target, rows=found.mask)
        total = risk.mask.sum(axis=0) + sum(risk.exclusions.values())
        assert total.tolist() == found.mask.sum(axis=0).tolist()
        assert not (risk.mask & ~found.mask).any()


def test_a_row_does_not_depend_on_the_other_rows():
    histories = random_histories(seed=3, n_people=60, n_events=900)
    as_ofs = np.array([seconds(f"2023-{month:02d}-01") for month in (9, 3, 6)])
    together = eligibility(histories, as_ofs, ADULT).mask
    risk = at_risk(histories, as_ofs, ADULT).mask
    for person in range(60):
        one = histories.take(np.array([person]))
        for k, as_of in enumerate(as_ofs):
            alone = np.array([as_of])
            assert eligibility(one, alone, ADULT).mask[0, 0] == together[person, k]
            assert at_risk(one, alone, ADULT).mask[0, 0] == risk[person, k]


# --- at risk -------------------------------------------------------------------------------


def why_not_at_risk(histories: Histories, target: str, **more) -> str | None:
    found = at_risk(histories, np.array([AS_OF]), ADULT, target, **more)
    assert bool(found.mask[0, 0]) == (not any(n[0] for n in found.exclusions.values()))
    return next((reason for reason, n in found.exclusions.items() if n[0]), None)


def burst_ending(last: int) -> Histories:
    """Five calls, an hour apart, the last at this moment."""
    return person_with([last - hour * 3_600 for hour in range(5)])


def test_the_three_targets_are_apart():
    meeting_now = burst_ending(AS_OF - DAY)
    assert why_not_at_risk(meeting_now, "onset") == "meets_now"
    assert why_not_at_risk(meeting_now, "relapse") == "meets_now"
    assert why_not_at_risk(meeting_now, "persistence") is None
    quiet = person_with(days_before(1))
    assert why_not_at_risk(quiet, "onset") is None
    assert why_not_at_risk(quiet, "relapse") == "never_met"
    assert why_not_at_risk(quiet, "persistence") == "does_not_meet_now"
    recovered = burst_ending(AS_OF - 200 * DAY)
    assert why_not_at_risk(recovered, "onset") == "met_in_washout"
    assert why_not_at_risk(recovered, "relapse") is None


def test_the_washout_holds_its_first_second():
    edge = AS_OF - 365 * DAY
    assert why_not_at_risk(burst_ending(edge), "onset") == "met_in_washout"
    assert why_not_at_risk(burst_ending(edge - 1), "onset") is None


def test_a_washout_shorter_than_a_window_still_leaves_out_who_meets_the_rule_now():
    histories = burst_ending(AS_OF - 20 * DAY)
    assert why_not_at_risk(histories, "onset", washout_days=0) == "meets_now"
    assert why_not_at_risk(histories, "onset", washout_days=7) == "meets_now"


def test_the_gap_before_a_relapse_holds_its_first_second():
    edge = AS_OF - 90 * DAY
    assert why_not_at_risk(burst_ending(edge), "relapse") == "met_recently"
    assert why_not_at_risk(burst_ending(edge - 1), "relapse") is None
    assert why_not_at_risk(burst_ending(edge), "relapse", relapse_gap_days=60) is None


@pytest.mark.parametrize(
    ("discharged", "reason"),
    [
        (AS_OF - 10 * DAY, None),
        (AS_OF - 50 * DAY, None),  # in the second of the last incident
        (AS_OF - 51 * DAY, "met_recently"),  # met the rule again after that
        (AS_OF, "met_recently"),  # the discharge is still the future
    ],
)
def test_a_discharge_since_the_last_time_stands_in_for_the_gap(discharged, reason):
    moments = [AS_OF - 50 * DAY - hour * 3_600 for hour in range(5)]
    histories = make_histories(
        [{"person": "p", "occurred": moment} for moment in moments],
        caseload=[{"person": "p", "start": AS_OF - 300 * DAY, "end": discharged}],
    )
    assert why_not_at_risk(histories, "relapse") == reason


def test_rows_that_arrive_late_or_are_corrected_change_the_past_only_from_then_on():
    calls = days_before(1, 2, 3, 4)
    late = [{"person": "p", "occurred": moment} for moment in calls]
    late.append({"person": "p", "occurred": AS_OF - 5 * DAY, "available": AS_OF + DAY})
    assert not meets(make_histories(late), ADULT)
    assert meets(make_histories(late), ADULT, AS_OF + DAY)
    retracted = [*late[:4], {"person": "p", "occurred": AS_OF - DAY, "superseded": AS_OF + DAY}]
    assert meets(make_histories(retracted), ADULT)
    assert not meets(make_histories(retracted), ADULT, AS_OF + DAY)


def test_duplicate_calls_of_one_incident_count_once():
    events = [{"person": "p", "occurred": moment} for moment in days_before(1, 2, 3, 4)]
    again = {"person": "p", "occurred": AS_OF - DAY + 60, "leads": False}
    assert not meets(make_histories([*events, again]), ADULT)


def test_a_look_back_that_the_feed_does_not_cover_is_said():
    covered = np.array([AS_OF])
    for starts, expected in ((AS_OF - 365 * DAY, True), (AS_OF - 365 * DAY + 1, False)):
        feeds = (Feed("call", starts, LATEST),)
        histories = make_histories([{"person": "p", "occurred": AS_OF - DAY}], feeds=feeds)
        assert at_risk(histories, covered, ADULT).look_back_covered.tolist() == [expected]
    assert at_risk(histories, covered, AE).look_back_covered.tolist() == [False]  # no such feed


# --- no data, bad input --------------------------------------------------------------------


def test_nobody_and_no_index_date_give_empty_answers():
    nobody = make_histories([], [])
    assert eligibility(nobody, np.array([AS_OF]), ADULT).mask.shape == (0, 1)
    assert at_risk(nobody, np.array([AS_OF]), ADULT).mask.shape == (0, 1)
    none = np.array([], np.int64)
    assert eligibility(burst_ending(AS_OF), none, ADULT).mask.shape == (1, 0)
    assert at_risk(burst_ending(AS_OF), none, ADULT).mask.shape == (1, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"exclude_optedout": True}, "unknown key 'exclude_optedout'.*did you mean"),
        ({"active_within_days": -1}, "active_within_days must be 0 to 36500"),
        ({"active_within_days": True}, "active_within_days must be"),
        ({"unknown_age": "drop"}, "neither include nor exclude"),
        ({"exclude_caseload": "yes"}, "exclude_caseload must be true or false"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_as_wrong_usage(data, message):
    with pytest.raises(UsageError, match=message) as caught:
        EligibilityPolicy.from_dict(data)
    assert caught.value.exit_code == 2


def test_a_policy_survives_plain_data():
    policy = EligibilityPolicy(active_within_days=90, unknown_age="exclude")
    assert EligibilityPolicy.from_dict(policy.to_dict()) == policy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "onsett"}, "no target 'onsett'.*did you mean 'onset'"),
        ({"washout_days": -1}, "a look-back must be 0 to 36500 days"),
        ({"rows": np.ones((1, 2), np.bool_)}, "rows must be a bool array of 1 people by 1"),
        ({"rows": np.ones((1, 1), np.int8)}, "rows must be a bool array"),
        ({"as_ofs": np.array([[AS_OF]])}, "one-dimensional"),
        ({"as_ofs": np.array([1.5])}, "whole UTC seconds"),
        ({"as_ofs": np.array([LATEST + 1])}, "outside 1970 to 2100"),
    ],
)
def test_a_question_that_cannot_be_is_refused_as_wrong_usage(change, message):
    question = {"as_ofs": np.array([AS_OF]), "definition": ADULT, **change}
    with pytest.raises(UsageError, match=message):
        at_risk(burst_ending(AS_OF), **question)


def test_index_dates_in_this_module_are_what_they_say():
    assert from_seconds(AS_OF).isoformat() == "2024-06-01T00:00:00+00:00"
