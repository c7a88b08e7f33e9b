"""Below the floor nobody is scored, in the list and the API alike, and it is said who and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.histories import Feed
from hiu_risk.times import DAY
from hiu_serving.coverage import Floor, context_of, days_known, spells
from hiu_serving.score import make_worklist
from hiu_serving.scorer import Scorer, check_sums
from tests.support.histories import make_histories
from tests.support.serving import AS_OF, from_calls_alone, make_bundle

ADULT = DEFINITIONS["frecann_adult"]
CALLS = Feed("call", AS_OF - 900 * DAY, AS_OF)


def region(*registered_days: int | None, feeds: tuple[Feed, ...] = (CALLS,)) -> Any:
    """People with one call, two, three and so on, who registered so many days ago."""
    people, events = [], []
    for number, days in enumerate(registered_days):
        person = {"id": f"p{number}"}
        if days is not None:
            person["registered_from"] = AS_OF - days * DAY
        people.append(person)
        days_ago = range(1, 2 + number)
        events += [{"person": f"p{number}", "occurred": AS_OF - ago * DAY} for ago in days_ago]
    return make_histories(events, people, feeds=feeds)


def listed(histories: Any, floor: Floor | None = None) -> Any:
    scorer = Scorer.of(from_calls_alone(make_bundle(zone="UTC")), floor=floor)
    return make_worklist(histories, AS_OF, scorer, capacity=10, store_hash="s" * 64)


def plain_days(histories: Any, person: int, within: int) -> float:
    """Count the days the slow way: an hour at a time."""
    hours = range(AS_OF - within * DAY, AS_OF, 3_600)
    from_when = int(histories.people.registered_from[person])
    feed = histories.feed("call")
    known = [
        hour
        for hour in hours
        if hour >= from_when
        and feed.starts_at <= hour < feed.complete_until
        and not any(a <= hour < b for a, b in feed.gaps)
    ]
    return len(known) / 24


@pytest.mark.parametrize(
    "feed",
    [
        CALLS,
        replace(CALLS, starts_at=AS_OF - 40 * DAY),
        replace(CALLS, complete_until=AS_OF - 10 * DAY),
        replace(CALLS, gaps=((AS_OF - 60 * DAY, AS_OF - 45 * DAY), (AS_OF - 5 * DAY, AS_OF))),
    ],
)
def test_days_known_are_those_an_hour_by_hour_count_finds(feed: Feed) -> None:
    histories = region(None, 10, 28, 50, 400, feeds=(feed,))
    found = days_known(histories, AS_OF, ADULT, 90)
    expected = [plain_days(histories, person, 90) for person in range(5)]
    assert found.tolist() == expected


def test_without_feeds_nothing_is_said_about_coverage() -> None:
    assert days_known(region(None, 3, feeds=()), AS_OF, ADULT, 90).tolist() == [90, 90]


def test_somebody_new_here_is_not_scored_low_but_listed_apart() -> None:
    found = listed(region(None, 27, 28, 10))
    assert {entry.person for entry in found.entries} == {"p0", "p2"}
    assert found.exclusions["too_little_history"] == 2
    assert found.exclusions["feeds_too_short"] == 0
    assert found.n_scored + sum(found.exclusions.values()) == found.n_people
    told = [(one.person, one.code, one.days_known, one.incidents) for one in found.abstained]
    # p3 has most calls, so is looked at first.
    assert told == [("p3", "too_little_history", 10, 4), ("p1", "too_little_history", 27, 2)]
    assert found.least_days == 28


def test_feeds_that_cover_too_little_are_named_as_the_reason() -> None:
    short = replace(CALLS, starts_at=AS_OF - 20 * DAY)
    found = listed(region(None, 10, feeds=(short,)))
    assert found.entries == ()
    assert found.exclusions["feeds_too_short"] == 2
    assert {one.code for one in found.abstained} == {"feeds_too_short"}


def test_the_floor_can_be_set_and_has_limits() -> None:
    assert len(listed(region(None, 27, 10), Floor(10)).entries) == 3
    assert len(listed(region(None, 27, 10), Floor(0)).entries) == 3
    assert listed(region(None, 27, 10), Floor(0)).least_days == 0
    for days in (-1, 91):
        with pytest.raises(UsageError, match=r"0 to 90 .*--least-days"):
            Floor(days)


def test_why_not_says_so() -> None:
    scorer = Scorer.of(make_bundle(zone="UTC"))
    why = scorer.why_not(region(10), 0, AS_OF)
    assert (why.code, why.text) == (
        "too_little_history",
        "Not scored: too little history to be scored.",
    )


def test_the_context_of_a_sentence_knows_what_is_covered() -> None:
    feed = replace(CALLS, complete_until=AS_OF - 2 * DAY)
    histories = region(None, 30, feeds=(feed,))
    assert context_of(histories, 0, AS_OF, "x").known_days(("call",), 365) == 363
    assert context_of(histories, 1, AS_OF, "x").known_days(("call",), 365) == 28
    assert context_of(histories, 1, AS_OF, "x").known_days(("ae",), 365) == 0
    assert context_of(region(None, feeds=()), 0, AS_OF, "x").known_days(("call",), 365) is None


def test_a_gap_at_the_end_of_a_feed_is_taken_off() -> None:
    assert spells(Feed("call", 0, 100, gaps=((90, 200),))) == ((0, 90),)
    assert spells(Feed("call", 50, 40)) == ()


def test_sums_that_miss_the_score_stop_everything() -> None:
    log_odds = np.array([-3.0, 0.5, 12.0])
    scores = 1 / (1 + np.exp(-log_odds))
    check_sums(log_odds + 5e-7, scores)
    for wrong in (2e-6, -2e-6, np.nan):
        sums = log_odds + np.array([0, wrong, 0])
        with pytest.raises(ModelError, match=r"the parts of 1 of 3 scores do not add up"):
            check_sums(sums, scores, "abc")


def test_a_list_whose_parts_do_not_add_up_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(self: Any, values: Any, *, threads: int = 0) -> Any:
        return np.zeros(values.shape), np.zeros(len(values))

    monkeypatch.setattr("hiu_risk.model.bundle.Bundle.contributions", off)
    with pytest.raises(ModelError, match="do not add up") as raised:
        listed(region(None, None))
    assert raised.value.exit_code == 1
