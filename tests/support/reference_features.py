"""A slow feature engine: one person, one date, plain Python, written from the glossary.

It reads the same declarations as the fast engine and shares none of its code: local hours come
from the zone, ages from calendar dates, decay from powers of two, medians from `statistics`.
Every result is rounded once, to float32, at the end.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hiu_features import Catalogue, Feature, Which
from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import UNKNOWN_TIME, Feed, Histories

DAY = timedelta(days=1)
NAN = math.nan
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = 10**11  # seconds; later than any date of the tests
TEXT = ("source", "reason", "outcome", "urgency", "caller_type", "address_type", "arrival", "kind")


@dataclass(frozen=True)
class Known:
    """An event known at as_of, as a reader would see it."""

    ago: timedelta
    incident: bool
    local: datetime
    categories: dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """What was known about one person at one index date."""

    as_of: datetime
    events: list[Known]  # the latest first
    feeds: tuple[Feed, ...]
    born: datetime | None
    sex: str
    imd_decile: int
    zone: ZoneInfo


def moment(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=min(int(seconds), FAR))


def snapshot(histories: Histories, person: int, as_of: int) -> Snapshot:
    now, zone = moment(as_of), ZoneInfo(histories.zone)
    events = []
    for row in range(int(histories.offsets[person]), int(histories.offsets[person + 1])):
        occurred = moment(histories.occurred_at[row])
        available = moment(histories.available_at[row])
        superseded = moment(histories.superseded_at[row])
        if occurred < now and available <= now < superseded:
            categories = {
                name: EVENT_CATEGORIES[name].names[getattr(histories, name)[row]] for name in TEXT
            }
            leading = now < moment(histories.leads_until[row])
            events.append(Known(now - occurred, leading, occurred.astimezone(zone), categories))
    born = int(histories.people.born_at[person])
    return Snapshot(
        now,
        sorted(events, key=lambda event: event.ago),
        histories.feeds,
        None if born == UNKNOWN_TIME else EPOCH + timedelta(seconds=born),
        ("unknown", "female", "male", "other")[histories.people.sex[person]],
        int(histories.people.imd_decile[person]),
        zone,
    )


def chosen(snap: Snapshot, which: Which) -> list[Known]:
    def fits(event: Known) -> bool:
        if which.counting == "incidents" and not event.incident:
            return False
        if which.hours == "night" and 6 <= event.local.hour < 22:
            return False
        if which.hours == "weekend" and event.local.weekday() < 5:
            return False
        return all(
            event.categories[name] in getattr(which, name) for name in TEXT if getattr(which, name)
        )

    return [event for event in snap.events if fits(event)]


def within(events: list[Known], days: int, before: int = 0) -> list[Known]:
    """Events of the half-open window [as_of - before - days, as_of - before)."""
    return [e for e in events if before * DAY < e.ago <= (before + days) * DAY]


def covered(snap: Snapshot, sources: tuple[str, ...], start: timedelta, end: timedelta) -> int:
    """Seconds of [as_of - start, as_of - end) that any feed of the sources covers."""
    first, last = (snap.as_of - start - EPOCH, snap.as_of - end - EPOCH)
    low, high = int(first.total_seconds()), int(last.total_seconds())
    total = 0
    for feed in snap.feeds:
        if feed.source in sources:
            a, b = max(low, feed.starts_at), min(high, feed.complete_until)
            total += max(0, b - a)
            for gap_start, gap_end in feed.gaps:
                total -= max(0, min(b, gap_end) - max(a, gap_start)) if b > a else 0
    return total


def blind(snap: Snapshot, which: Which, days: int, before: int = 0) -> bool:
    """Whether feeds are declared and none of them covers any of the window."""
    return bool(snap.feeds) and not covered(snap, which.source, (before + days) * DAY, before * DAY)


def count(snap: Snapshot, which: Which, days: int, before: int) -> float:
    if blind(snap, which, days, before):
        return NAN
    return len(within(chosen(snap, which), days, before))


def change(snap: Snapshot, which: Which, days: int) -> float:
    return count(snap, which, days, 0) - count(snap, which, days, days)


def share(snap: Snapshot, which: Which, of: Which, days: int) -> float:
    whole = within(chosen(snap, of), days)
    of_part = {id(event) for event in within(chosen(snap, which), days)}
    part = [event for event in whole if id(event) in of_part]
    return len(part) / len(whole) if whole else NAN


def weights(snap: Snapshot, which: Which, half_life: int) -> Fraction:
    total = Fraction(0)
    for event in chosen(snap, which):
        hours = event.ago // timedelta(hours=1)
        if event.ago <= 730 * DAY:
            exact = 2.0 ** (30 - hours / (24 * half_life))
            total += Fraction(round(exact), 2**30)
    return total


def decayed(snap: Snapshot, which: Which, half_life: int) -> float:
    return NAN if blind(snap, which, 730) else float(weights(snap, which, half_life))


def recent_weight(snap: Snapshot, which: Which, fast: int, slow: int) -> float:
    below = weights(snap, which, slow)
    return float(weights(snap, which, fast) / below) if below else NAN


def days_since(snap: Snapshot, which: Which, nth: int, within: int) -> float:
    events = [e for e in chosen(snap, which) if e.ago <= within * DAY]
    return events[nth - 1].ago / DAY if len(events) >= nth else NAN


def peak(snap: Snapshot, which: Which, days: int, within: int) -> float:
    if blind(snap, which, within):
        return NAN
    agos = [e.ago for e in chosen(snap, which) if e.ago <= within * DAY]
    ends = [bisect_left(agos, ago + days * DAY) for ago in agos]
    return max(
        (end - bisect_left(agos, ago) for ago, end in zip(agos, ends, strict=True)), default=0
    )


def active_periods(snap: Snapshot, which: Which, days: int, within: int) -> float:
    if blind(snap, which, within):
        return NAN
    agos = [e.ago for e in chosen(snap, which) if e.ago <= within * DAY]
    edges = range(0, within, days)
    return sum(any(start * DAY < ago <= (start + days) * DAY for ago in agos) for start in edges)


def gaps(snap: Snapshot, which: Which, within: int) -> list[int]:
    agos = [e.ago for e in chosen(snap, which) if e.ago <= within * DAY]
    spans = [(b - a).total_seconds() for a, b in pairwise(agos)]
    return [int(span) for span in spans[:20]]


def median_gap(snap: Snapshot, which: Which, within: int) -> float:
    spans = gaps(snap, which, within)
    return statistics.median(spans) / 86_400 if spans else NAN


def gap_variation(snap: Snapshot, which: Which, within: int) -> float:
    spans = gaps(snap, which, within)
    if len(spans) < 3 or sum(spans) == 0:
        return NAN
    spread = len(spans) * sum(span * span for span in spans) - sum(spans) ** 2
    return math.sqrt(spread) / sum(spans)


def different_reasons(snap: Snapshot, which: Which, days: int) -> float:
    if blind(snap, which, days):
        return NAN
    return len({e.categories["reason"] for e in within(chosen(snap, which), days)} - {"unknown"})


def attribute(snap: Snapshot, attribute: str) -> float:
    if attribute == "sex_female":
        return NAN if snap.sex == "unknown" else float(snap.sex == "female")
    if attribute == "imd_decile":
        return snap.imd_decile or NAN
    if snap.born is None:
        return NAN
    today, born = snap.as_of.astimezone(snap.zone), snap.born.astimezone(snap.zone)
    years = today.year - born.year
    birthday_to_come = (today.month, today.day) < (born.month, born.day)
    return NAN if today.date() < born.date() else years - birthday_to_come


def tenure(snap: Snapshot) -> float:
    return max((event.ago / DAY for event in snap.events), default=NAN)


def covered_days(snap: Snapshot, source: str, days: int) -> float:
    if not snap.feeds:
        return NAN
    return covered(snap, (source,), days * DAY, timedelta(0)) / 86_400


def value(snap: Snapshot, feature: Feature) -> np.float32:
    """One feature of a snapshot, rounded to float32."""
    primitive: Any = globals()[feature.primitive]
    return np.float32(primitive(snap, **feature.params))


def reference_rows(
    histories: Histories, as_ofs: list[int], catalogue: Catalogue
) -> dict[tuple[int, int], list[np.float32]]:
    """Every feature of every person at every index date."""
    rows = {}
    for person in range(histories.n_people):
        for as_of in as_ofs:
            snap = snapshot(histories, person, as_of)
            rows[person, as_of] = [value(snap, feature) for feature in catalogue]
    return rows
