"""A feed that stops early is named; one that stops much too early stops the list."""

from __future__ import annotations

import pytest

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY
from hiu_serving.freshness import FreshnessLimits, freshness, require_covered
from tests.support.histories import make_histories

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
