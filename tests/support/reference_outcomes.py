"""Eligibility and outcomes the slow way: plain Python, one person (or address), one index date.

Written from the domain's rules, with lists, counting and calendar dates. It shares nothing with
the fast code but the shape of its input.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hiu_risk.codes import ADDRESS_TYPE, SOURCE
from hiu_risk.definitions import Clause, Definition
from hiu_risk.eligibility import EligibilityPolicy
from hiu_risk.histories import UNKNOWN_TIME, Feed, Histories
from hiu_risk.times import FOREVER

DAY = timedelta(days=1).total_seconds()


@dataclass(frozen=True)
class Row:
    """One version of one event."""

    occurred: int
    available: int
    superseded: int
    leads_until: int
    source: str
    address_type: str


@dataclass(frozen=True)
class Story:
    """All that the data hold about one person."""

    rows: list[Row]
    spells: list[tuple[int, int]]
    born: int | None
    registered_from: int | None
    registered_to: int
    move_known: int
    died: int
    death_known: int
    extensive_care: bool
    opted_out: bool
    feeds: tuple[Feed, ...]
    zone: str


def story_of(histories: Histories, person: int) -> Story:
    """Tell one person's story from the arrays."""
    h, p = histories, histories.people
    rows = [
        Row(
            int(h.occurred_at[j]), int(h.available_at[j]), int(h.superseded_at[j]),
            int(h.leads_until[j]), SOURCE.names[h.source[j]], ADDRESS_TYPE.names[h.address_type[j]],
        )
        for j in range(int(h.offsets[person]), int(h.offsets[person + 1]))
    ]  # fmt: skip
    spells = [
        (int(start), int(end))
        for who, start, end in zip(h.caseload.person, h.caseload.start, h.caseload.end, strict=True)
        if who == person
    ]
    born, since = int(p.born_at[person]), int(p.registered_from[person])
    return Story(
        rows, spells, None if born == UNKNOWN_TIME else born,
        None if since == UNKNOWN_TIME else since, int(p.registered_to[person]),
        int(p.move_known_at[person]), int(p.died_at[person]), int(p.death_known_at[person]),
        bool(p.extensive_care[person]), bool(p.opted_out[person]), h.feeds, h.zone,
    )  # fmt: skip


def incidents(story: Story, definition: Definition, clause: Clause, as_of: int | None) -> list[int]:
    """Moments of the incidents that a clause counts: as known at as_of, or (None) in the end."""
    moments = []
    for row in story.rows:
        if row.source != clause.source:
            continue
        if definition.address_types and row.address_type not in definition.address_types:
            continue
        if as_of is None:
            counts = row.leads_until == FOREVER
        else:
            counts = row.occurred < as_of and row.available <= as_of < row.leads_until
        if counts:
            moments.append(row.occurred)
    return moments


@cache
def month(moment: int, zone: str) -> int:
    local = datetime.fromtimestamp(moment, ZoneInfo(zone))
    return local.year * 12 + local.month


def window_holds(clause: Clause, moments: list[int], last_second: int, zone: str) -> bool:
    """Whether the window whose last second this is holds as many incidents as the clause asks."""
    if clause.days:
        inside = [t for t in moments if last_second - clause.days * DAY < t <= last_second]
    else:
        this = month(last_second, zone)
        inside = [
            t
            for t in moments
            if t <= last_second and this - clause.calendar_months < month(t, zone) <= this
        ]
    return len(inside) >= clause.count if clause.operator == ">=" else len(inside) > clause.count


def met_at(
    story: Story, definition: Definition, as_of: int | None, counted_from: int | None = None
) -> list[int]:
    """Moments of the incidents at which some clause is met, in order."""
    found = set()
    for clause in definition.clauses:
        moments = incidents(story, definition, clause, as_of)
        if counted_from is not None:
            moments = [t for t in moments if t >= counted_from]
        found |= {t for t in moments if window_holds(clause, moments, t, story.zone)}
    return sorted(found)


def meets(
    story: Story,
    definition: Definition,
    moment: int,
    as_of: int | None,
    counted_from: int | None = None,
) -> bool:
    """Whether the rule is met at a moment, which is itself outside every window."""
    for clause in definition.clauses:
        moments = incidents(story, definition, clause, as_of)
        if counted_from is not None:
            moments = [t for t in moments if t >= counted_from]
        if window_holds(clause, moments, moment - 1, story.zone):
            return True
    return False


def whole_years(born: int, as_of: int, zone: str) -> int:
    birthday = datetime.fromtimestamp(born, ZoneInfo(zone)).date()
    today = datetime.fromtimestamp(as_of, ZoneInfo(zone)).date()
    years = today.year - birthday.year
    try:
        reached = date(today.year, birthday.month, birthday.day)
    except ValueError:  # born on 29 February, and this year has none
        reached = date(today.year, 3, 1)
    return years if today >= reached else years - 1


def exclusion(
    story: Story, as_of: int, definition: Definition, policy: EligibilityPolicy
) -> tuple[str | None, bool]:
    """Why a person isn't eligible (None if eligible), and whether an asked-for age is unknown."""
    low, high = definition.min_age, definition.max_age
    asked = low is not None or high is not None
    age = None if story.born is None else whole_years(story.born, as_of, story.zone)
    unknown = asked and age is None
    seen = [row for row in story.rows if row.occurred < as_of and row.available <= as_of]
    current = [row for row in seen if row.superseded > as_of]
    since = as_of - policy.active_within_days * DAY

    if story.died < as_of and story.death_known <= as_of:
        return "died", unknown
    moved = story.registered_to < as_of and story.move_known <= as_of
    arrived = story.registered_from is None or story.registered_from < as_of
    if policy.exclude_unregistered and (moved or not arrived):
        return "not_registered", unknown
    if policy.active_within_days and not [row for row in current if row.occurred >= since]:
        return "inactive", unknown
    if asked and age is not None:
        too_young = age < (0 if low is None else low)
        if age < 0 or too_young or (high is not None and age > high):
            return "outside_ages", unknown
    if unknown and policy.unknown_age == "exclude":
        return "age_unknown", unknown
    if policy.exclude_opted_out and story.opted_out:
        return "opted_out", unknown
    if policy.exclude_extensive_care and story.extensive_care:
        return "extensive_care", unknown
    if policy.exclude_caseload and any(a < as_of <= b for a, b in story.spells):
        return "on_caseload", unknown
    return None, unknown


def not_at_risk(
    story: Story, as_of: int, definition: Definition, target: str, washout_days: int, gap_days: int
) -> str | None:
    """Why a person isn't at risk of a target, or None for somebody who is."""
    earlier = [t for t in met_at(story, definition, as_of) if t < as_of]
    now = meets(story, definition, as_of, as_of)
    if target == "weekend":
        return None
    if target == "persistence":
        return None if now else "does_not_meet_now"
    if target == "onset":
        if now:
            return "meets_now"
        return "met_in_washout" if any(t >= as_of - washout_days * DAY for t in earlier) else None
    if not earlier:
        return "never_met"
    if now:
        return "meets_now"
    discharged = any(earlier[-1] <= end < as_of for _, end in story.spells)
    quiet = all(t < as_of - gap_days * DAY for t in earlier)
    return None if quiet or discharged else "met_recently"


def weekend(as_of: int, zone: str) -> tuple[int, int]:
    """Find the next Friday 18:00 by going through the days, and the Monday 08:00 after it."""
    clock = ZoneInfo(zone)
    today = datetime.fromtimestamp(as_of, clock).date()
    for day in (today + timedelta(days=n) for n in range(9)):
        friday = datetime(day.year, day.month, day.day, 18, tzinfo=clock).timestamp()
        if day.isoweekday() == 5 and friday >= as_of:
            monday = day + timedelta(days=3)
            ends = datetime(monday.year, monday.month, monday.day, 8, tzinfo=clock)
            return int(friday), int(ends.timestamp())
    raise AssertionError("nine days hold a Friday evening")


def labelling(
    story: Story, definition: Definition, target: str, counted_from: int | None
) -> list[int]:
    """Moments at which the target happens, in order."""
    if target == "weekend":
        return sorted(t for c in definition.clauses for t in incidents(story, definition, c, None))
    return met_at(story, definition, None, counted_from)


def outcome(
    story: Story,
    as_of: int,
    definition: Definition,
    horizon_days: int,
    target: str,
    overlap: str,
    caseload_censors: bool = True,
) -> tuple[int, int, str | None]:
    """Label (-1 if censored), when it happened, and why it is censored."""
    start, end, tolerance = as_of, as_of + int(horizon_days * DAY), DAY
    if target == "weekend":
        (start, end), tolerance = weekend(as_of, story.zone), 3_600.0
    sources = {clause.source for clause in definition.clauses}
    feeds = [feed for feed in story.feeds if feed.source in sources]
    if any(feed.starts_at > as_of for feed in feeds):
        return -1, FOREVER, "before_data"
    if any(feed.complete_until < end for feed in feeds):
        return -1, FOREVER, "end_of_data"
    for feed in feeds:
        if sum(len(range(max(a, start), min(b, end))) for a, b in feed.gaps) > tolerance:
            return -1, FOREVER, "feed_gap"
    # What ends the observation of this person, the earliest first; ties in this order.
    stops = [(story.died, 0, "death"), (story.registered_to, 1, "move")]
    if caseload_censors:
        stops += [(a, 2, "caseload") for a, b in story.spells if a < end and b > as_of]
    stop, _, why = min(stops)
    counted_from = as_of if overlap == "disjoint" else None
    if target == "persistence":
        if stop < end:
            return -1, FOREVER, why
        if meets(story, definition, end, None, counted_from):
            return 1, end, None
        return 0, FOREVER, None
    moments = labelling(story, definition, target, counted_from)
    first = next((t for t in moments if start <= t < end), None)
    if first is not None and first < stop:
        return 1, first, None
    if stop < end:
        return -1, FOREVER, why
    return 0, FOREVER, None
