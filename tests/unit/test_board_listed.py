"""Who was found and missed, on histories small enough to see through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiu_risk.definitions import Definition
from hiu_risk.eligibility import EligibilityPolicy
from hiu_risk.histories import Feed
from hiu_risk.times import DAY
from hiu_training.board.happened import Happened
from hiu_training.board.listed import what_happened
from hiu_training.board.records import FeedSeen, ListMade, Rule
from tests.support.histories import make_histories, seconds

RULE = Rule(
    definition=Definition.from_dict(
        {
            "id": "two",
            "title": "Two calls",
            "clauses": [{"source": "call", "operator": ">=", "count": 2, "days": 30}],
        }
    ),
    target="onset",
    horizon_days=30,
    washout_days=100,
    overlap="straddle",
    policy=EligibilityPolicy(),
)
FIRST, SECOND, LATE = "2024-04-02", "2024-05-01", "2024-06-20"
UNTIL = "2024-07-01"


def call(person: str, *days: str) -> list[dict[str, Any]]:
    return [{"person": person, "occurred": f"2024-{day}T12:00"} for day in days]


EVENTS = [
    *call("found", "03-20", "04-10"),  # the second call within 30 days makes the rule met
    *call("missed", "03-20", "04-12"),
    *call("quiet", "03-01"),
    *call("died", "03-10"),
    *call("twice", "03-25", "05-10", "05-20"),  # a case after the second list alone
    *call("later", "05-25"),
    *call("after", "05-01", "06-25"),
]
PEOPLE = [
    *({"id": name} for name in ("found", "missed", "quiet", "twice", "later", "after")),
    {"id": "died", "died": "2024-04-20"},
]


def listed(day: str, *people: str, model: str = "m") -> ListMade:
    return ListMade(seconds(day), "p", model, 10, people, 7, 7, {}, ())


def follow(*lists: ListMade) -> Happened:
    histories = make_histories(
        EVENTS,
        sorted(PEOPLE, key=lambda person: str(person["id"])),
        feeds=(Feed("call", seconds("2023-01-01"), seconds(UNTIL)),),
    )
    return what_happened(histories, lists, {"m": RULE})


def test_each_fate_is_told_apart() -> None:
    got = follow(listed(FIRST, "found", "quiet", "died"))
    assert (got.listed, got.became_cases, got.did_not, got.cannot_tell, got.not_yet) == (
        3, 1, 1, 1, 0,
    )  # fmt: skip
    assert got.missed == 1
    assert got.cases == 2
    assert got.lists[0].found == 1
    assert got.lists[0].missed == 1


def test_the_lead_counts_from_the_list_that_held_the_person() -> None:
    got = follow(listed(FIRST, "found"))
    assert got.lead_days == (seconds("2024-04-10T12:00") - seconds(FIRST)) / DAY


def test_a_person_on_several_lists_counts_once_and_found_wins() -> None:
    got = follow(listed(FIRST, "twice", "quiet"), listed(SECOND, "twice", "quiet"))
    assert got.listed == 2
    assert got.became_cases == 1
    assert got.did_not == 1
    assert [each.found for each in got.lists] == [0, 1]


def test_listed_when_the_case_was_another_lists_is_a_miss() -> None:
    # on the first list only; the rule was met in the time the second list looks ahead
    got = follow(listed(FIRST, "twice"), listed(SECOND, "quiet"))
    assert got.became_cases == 0
    assert got.missed == 3  # found, missed and twice


def test_a_horizon_that_runs_beyond_the_data_is_waited_for() -> None:
    got = follow(listed(FIRST, "quiet"), listed(LATE, "quiet", "later", "found"))
    assert got.lists[1].unobserved == "end_of_data"
    assert (got.listed, got.not_yet, got.did_not) == (3, 3, 0)
    assert got.observed == 1
    assert got.missed == 2  # of the first list: found and missed; nothing is said of the second


def test_somebody_no_longer_in_the_data_cannot_be_told() -> None:
    got = follow(listed(FIRST, "found", "nobody-knows"))
    assert (got.listed, got.became_cases, got.cannot_tell) == (2, 1, 1)


def test_a_list_of_a_model_that_is_gone_stays_unjudged() -> None:
    got = follow(listed(FIRST, "found", model="gone"))
    assert got.lists[0].unobserved == "model_gone"
    assert (got.listed, got.not_yet, got.cases) == (1, 1, 0)


def test_a_list_of_other_people_is_not_judged() -> None:
    got = follow(listed(FIRST, "found", "quiet"), listed(SECOND, "twice", "x", "y", "z"))
    assert [each.unobserved for each in got.lists] == ["", "other_store"]
    assert (got.listed, got.became_cases, got.cannot_tell) == (6, 1, 3)
    assert got.missed == 1  # of the first list; nothing is said of the second


@pytest.mark.parametrize(
    ("days_behind", "why"), [(0.0, "other_store"), (8.5, "other_store"), (9.5, ""), (20.0, "")]
)
def test_a_list_of_later_data_than_the_stores_is_not_judged(days_behind: float, why: str) -> None:
    # the store's calls end ten days and a half before the list's date
    made = listed("2024-07-11T12:00", "found", "quiet")
    made = replace(made, feeds=(FeedSeen("call", days_behind, "fresh"),))
    [got] = follow(made).lists
    assert got.unobserved == (why or "end_of_data")


def test_no_list_is_nothing() -> None:
    got = follow()
    assert (got.lists, got.listed, got.cases, got.lead_days) == ((), 0, 0, None)


@pytest.mark.parametrize("seed", range(6))
def test_the_parts_add_up_whatever_was_listed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [str(person["id"]) for person in PEOPLE]
    days = [FIRST, "2024-04-15", SECOND, "2024-05-20", LATE]
    got = follow(*(listed(day, *rng.choice(names, rng.integers(0, 7), False)) for day in days))
    assert got.listed == got.became_cases + got.did_not + got.cannot_tell + got.not_yet
    assert got.became_cases <= sum(each.found for each in got.lists)
