"""What isn't known about a person, said beside the score."""

from __future__ import annotations

from dataclasses import dataclass

from hiu_risk.definitions import Definition
from hiu_risk.histories import UNKNOWN_TIME, Histories
from hiu_risk.times import DAY
from hiu_serving.freshness import FeedFreshness
from hiu_serving.wording import SOURCE_NAMES, day_in_words

SHORT_HISTORY_DAYS = 90
"""A history that reaches back less than this is called short."""


@dataclass(frozen=True)
class Caution:
    """One thing that isn't known.

    Parameters
    ----------
    code : str
        For machines.
    text : str
        For people.
    """

    code: str
    text: str


def cautions(
    histories: Histories, person: int, as_of: int, definition: Definition
) -> tuple[Caution, ...]:
    """Say what isn't known about one person at an index date.

    Parameters
    ----------
    histories : Histories
        With the feeds' coverage.
    person : int
        Position of the person.
    as_of : int
        Index date, UTC seconds.
    definition : Definition
        Says whether the age matters.
    """
    said = []
    registered = int(histories.people.registered_from[person])
    starts = [feed.starts_at for feed in histories.feeds]
    if registered != UNKNOWN_TIME:
        starts.append(registered)
    if starts:
        days = (as_of - max(starts)) // DAY
        if days < SHORT_HISTORY_DAYS:
            many = "" if days == 1 else "s"
            text = f"Short history: only the last {max(days, 0)} day{many} are covered."
            said.append(Caution("short_history", text))
    asks_age = definition.min_age is not None or definition.max_age is not None
    if asks_age and int(histories.people.born_at[person]) == UNKNOWN_TIME:
        said.append(Caution("age_unknown", "Age not known: check it before calling."))
    return tuple(said)


def missing_feeds(histories: Histories) -> tuple[Caution, ...]:
    """Say which sources nothing was said about.

    Where no feed is declared at all, the features take silence to mean that nothing happened;
    where some are, the others count as missing data.
    """
    if not histories.feeds:
        text = "Coverage not given: where there are no events, none is taken to have happened."
        return (Caution("coverage_unknown", text),)
    absent = [name for source, name in SOURCE_NAMES.items() if histories.feed(source) is None]
    if not absent:
        return ()
    return (Caution("feed_missing", f"No feed of {', '.join(absent)}: taken as not known."),)


def stale_feeds(judged: tuple[FeedFreshness, ...], zone: str) -> tuple[Caution, ...]:
    """Say which feeds stop too early."""
    return tuple(
        Caution(f"{'silent' if feed.status == 'silent' else 'stale'}_feed", f"{stops(feed, zone)}.")
        for feed in judged
        if feed.status != "fresh"
    )


def stops(feed: FeedFreshness, zone: str) -> str:
    """Say where a feed that stops too early stops."""
    name, until = SOURCE_NAMES[feed.source], day_in_words(feed.complete_until, zone)
    if feed.status == "silent" and feed.newest_known_at is not None:
        newest = day_in_words(feed.newest_known_at, zone)
        return f"{name} are said to be complete until {until}, but the newest known is of {newest}"
    days = round(feed.days_behind)
    return f"{name} stop on {until}, {days} day{'' if days == 1 else 's'} earlier than expected"
