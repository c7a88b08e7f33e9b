"""A feed that stops early is named; one that stops much too early stops the list."""

from __future__ import annotations

import numpy as np
import pytest

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from hiu_serving.freshness import FreshnessLimits, freshness, require_covered
from hiu_serving.silence import Seen, seen_of
from tests.support.histories import make_histories, random_histories

AS_OF = 20_000 * DAY
RULE = DEFINITIONS["frecann_adult"]
LIMITS = FreshnessLimits(banner_days=3, refuse_days=21)


def region(*feeds: Feed) -> Histories:
    return make_histories([{"person": "a", "occurred": AS_OF - 30 * DAY}], feeds=feeds)


def calls(days_before: float, delay_days: float = 0) -> Feed:
    return Feed("call", 0, AS_OF - int(days_before * DAY), int(delay_days * DAY))


@pytest.mark.parametrize(
    ("feed", "status", "behind"),
    [
        (calls(0), "fresh", 0),
        (calls(-50), "fresh", 0),
        (calls(3), "fresh", 3),
        (calls(3.5), "stale", 3.5),
        (calls(10, delay_days=8), "fresh", 2),
        (calls(21), "stale", 21),
        (calls(21.5), "too_stale", 21.5),
    ],
)
def test_the_declared_delay_is_forgiven_and_no_more(feed: Feed, status: str, behind: float) -> None:
    (judged,) = freshness(region(feed), AS_OF, LIMITS)
    assert (judged.status, judged.days_behind) == (status, behind)


def test_the_newest_event_is_the_newest_known_then() -> None:
    histories = make_histories(
        [
            {"person": "a", "occurred": AS_OF - 9 * DAY},
            {"person": "a", "occurred": AS_OF - 2 * DAY, "available": AS_OF + 1},
            {"person": "a", "occurred": AS_OF + DAY},
        ],
        feeds=(calls(0), Feed("ae", 0, AS_OF)),
    )
    found = {feed.source: feed.newest_known_at for feed in freshness(histories, AS_OF, LIMITS)}
    assert found == {"call": AS_OF - 9 * DAY, "ae": None}


def every(days: float, until: float, *, years: float = 2) -> list[dict[str, object]]:
    """Events every so many days, the last so many days before the index date."""
    number = int(365 * years / days)
    moments = [AS_OF - int((until + n * days) * DAY) for n in range(number)]
    return [{"person": "a", "occurred": moment} for moment in moments]


@pytest.mark.parametrize(
    ("events", "feed", "status"),
    [
        (every(1, 13), calls(0), "fresh"),
        (every(1, 15), calls(0), "silent"),
        (every(1, 425), calls(0), "silent"),
        (every(1, 15), calls(5), "stale"),  # as silent as it is said to be
        (every(1, 30), calls(5), "silent"),
        (every(1, 30), calls(40), "too_stale"),
        (every(1, 30), calls(0, delay_days=20), "fresh"),  # explained by its delay
        (every(1, 40), calls(0, delay_days=20), "silent"),
        (every(10, 19), calls(0), "fresh"),  # rare events: silent for long by nature
        (every(10, 21), calls(0), "silent"),
        (every(20, 300), calls(0), "fresh"),  # too rare to have a rhythm
        (every(1, 40, years=0.4), calls(0), "fresh"),  # too short a history to have one
        ([], calls(0), "fresh"),
    ],
)
def test_a_feed_that_fell_silent_by_its_own_rhythm_is_named(
    events: list[dict[str, object]], feed: Feed, status: str
) -> None:
    histories = make_histories(events, [{"id": "a"}], feeds=(feed,))
    (judged,) = freshness(histories, AS_OF, LIMITS)
    assert judged.status == status


def test_time_in_a_declared_gap_is_no_silence() -> None:
    gap = (AS_OF - 60 * DAY, AS_OF - 5 * DAY)
    for gaps, status in (((), "silent"), ((gap,), "fresh")):
        feed = Feed("call", 0, AS_OF, gaps=gaps)
        (judged,) = freshness(make_histories(every(1, 60), feeds=(feed,)), AS_OF, LIMITS)
        assert judged.status == status


def test_feeds_of_few_people_do_not_cry_wolf() -> None:
    """A feed with an event every four days on average, looked at every day of two years."""
    rng = np.random.default_rng(7)
    moments = AS_OF - np.sort(rng.integers(0, 4 * 365 * DAY, 365))
    events = [{"person": "a", "occurred": int(moment)} for moment in moments]
    histories = make_histories(events, feeds=(Feed("call", 0, AS_OF),))
    said = [freshness(histories, AS_OF - day * DAY, LIMITS)[0].status for day in range(730)]
    assert said == ["fresh"] * 730


def test_what_was_seen_of_the_parts_is_what_was_seen_of_the_whole() -> None:
    histories = random_histories(3, 60, 4_000, "2020-01-01", "2023-01-01")
    as_of = int(histories.occurred_at.max()) - 100 * DAY
    together: dict[str, Seen] = {}
    for first in range(0, 60, 7):
        part = histories.take(np.arange(first, min(first + 7, 60)))
        for source, seen in seen_of(part, as_of).items():
            together[source] = seen.plus(together.get(source))
    assert together == seen_of(histories, as_of)
    assert len(together) == 3


def test_too_stale_a_counted_feed_is_refused() -> None:
    histories = region(calls(40))
    judged = freshness(histories, AS_OF, LIMITS)
    with pytest.raises(DataError, match=r"the call feed stops on .* 40 days too early") as raised:
        require_covered(histories, AS_OF, RULE, judged, LIMITS)
    assert raised.value.exit_code == 1
    assert "--refuse-days" in str(raised.value)


def test_too_stale_a_feed_the_rule_does_not_count_is_only_named() -> None:
    histories = region(calls(0), Feed("admission", 0, AS_OF - 60 * DAY))
    judged = freshness(histories, AS_OF, LIMITS)
    require_covered(histories, AS_OF, RULE, judged, LIMITS)
    assert [feed.status for feed in judged] == ["fresh", "too_stale"]


def test_a_date_before_the_data_begin_is_refused() -> None:
    histories = region(Feed("call", AS_OF, AS_OF + DAY))
    judged = freshness(histories, AS_OF, LIMITS)
    with pytest.raises(DataError, match=r"the call feed begins on 2024-10-04.*a later date"):
        require_covered(histories, AS_OF, RULE, judged, LIMITS)


def test_a_store_without_the_counted_feed_is_refused() -> None:
    histories = region(Feed("ae", 0, AS_OF))
    judged = freshness(histories, AS_OF, LIMITS)
    with pytest.raises(DataError, match="counts call incidents and the store has no such feed"):
        require_covered(histories, AS_OF, RULE, judged, LIMITS)


@pytest.mark.parametrize(("banner", "refuse"), [(-1, 5), (6, 5)])
def test_limits_that_make_no_sense_are_refused(banner: float, refuse: float) -> None:
    with pytest.raises(UsageError, match="the days for the banner"):
        FreshnessLimits(banner, refuse)
