"""Whether a store can tell what became of a list: it made it, or is a later one of its people."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Literal

from hiu_risk.histories import Feed
from hiu_risk.times import DAY
from hiu_training.board.records import ListMade

Why = Literal["", "people", "ends"]
"""Why a store can't tell: most people listed aren't in it; its data end before the list's did."""

_SLACK_DAYS = 1.0


def why_another(made: ListMade, people: AbstractSet[str], feeds: tuple[Feed, ...]) -> Why:
    """Tell why a list can't have been made from this store, or an earlier one of its people.

    A few people may have gone from the data since; most of them can't have.

    Parameters
    ----------
    made : ListMade
        The list.
    people : set of str
        Everybody in the store.
    feeds : tuple of Feed
        What the store says of its feeds.
    """
    if 2 * sum(person in people for person in made.people) < len(made.people):
        return "people"
    if not made.feeds or not feeds:
        return ""
    then = min(feed.days_behind for feed in made.feeds)
    now = min(max(0, made.as_of - feed.complete_until - feed.delay) / DAY for feed in feeds)
    return "ends" if now > then + _SLACK_DAYS else ""
