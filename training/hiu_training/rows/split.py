"""Time blocks: what the model may learn from, and the later blocks that judge it.

Every block is judged by a model that knew only what was known at the block's first origin:
training rows are those whose whole horizon, and the reporting delay after it, lie before that
moment (the *embargo*). The early-stopping block decides how many trees, the later calibration
block the slope, and the last origins the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError, UsageError
from hiu_risk.histories import Feed
from hiu_risk.times import DAY, from_seconds, month_starts, to_seconds
from hiu_risk.weekends import FRIDAY
from hiu_risk.words import plural
from hiu_training.protocol import Protocol

STEPS = ("month", 14, 7)
"""What ``auto`` tries, from coarse to fine in days, until there are enough origins."""

WEEKEND_STEPS = (28, 14, 7)
"""The same for a weekend, whose origins are Fridays."""

BLOCK = 3
"""Origins wished for in the early-stopping and in the calibration block."""

LEAST_LEARNING = 3
"""Origins wished for before the early-stopping block's embargo."""


@dataclass(frozen=True)
class Split:
    """The origins, in order, and which block each belongs to.

    Parameters
    ----------
    development : int64 array
        UTC seconds; the judged model learns from all of them.
    test : int64 array
        UTC seconds of the origins that judge it.
    stopping, calibration : tuple of (int, int)
        Positions ``[first, last)`` of the two blocks among the development origins.
    embargo : int
        Seconds between the last origin learned from and the first of the block judged.
    step_days : int
        Days between origins (30 for months).
    notes : tuple of str
        What the data did not allow.
    """

    development: NDArray[np.int64]
    test: NDArray[np.int64]
    stopping: tuple[int, int]
    calibration: tuple[int, int]
    embargo: int
    step_days: int
    notes: tuple[str, ...] = ()

    def learned_before(self, position: int) -> int:
        """How many development origins were fully known at the one at ``position``."""
        return int((self.development + self.embargo <= self.development[position]).sum())


def make_split(protocol: Protocol, feeds: tuple[Feed, ...], zone: str) -> Split:
    """Lay the origins out.

    Raises
    ------
    ModelError
        The data do not reach far enough for the horizon, its embargoes and a test origin.
    UsageError
        Origins that the protocol fixes outside the data.
    """
    first, last = _bounds(protocol, feeds, zone)
    embargo = _embargo(protocol, feeds)
    every = protocol.origins.every
    auto = WEEKEND_STEPS if protocol.target == "weekend" else STEPS
    steps: tuple[int | str, ...] = auto if every == "auto" else (every,)
    best: Split | None = None
    for step in steps:
        origins = _origins(first, last, step, zone)
        split = cut_blocks(origins, protocol.origins.test, embargo, step)
        best = split or best
        if split is not None and not split.notes:
            break
    if best is None:
        days = (last - first) // DAY
        finest = steps[-1] if isinstance(steps[-1], int) else 31
        needed = 2 * embargo // DAY + 3 * finest
        raise ModelError(
            f"the data are too short: {max(days, 0)} days of possible index dates, and a horizon "
            f"of {protocol.horizon_days} days needs at least {needed}",
            where="origins",
            fix="shorten horizon_days, give a finer origins.every, or ingest more data",
        )
    more = (*_short_embargo(protocol, feeds), *_short_look_back(best, protocol, feeds))
    return replace(best, notes=(*best.notes, *more))


def _short_embargo(protocol: Protocol, feeds: tuple[Feed, ...]) -> list[str]:
    """Say where the protocol's own embargo lets the model learn what was not known yet."""
    asked, needed = _embargo(protocol, feeds), _embargo_needed(protocol, feeds)
    if asked >= needed:
        return []
    return [
        f"the embargo of {asked / DAY:g} days is shorter than the horizon and the longest "
        f"reporting delay together ({needed / DAY:g} days): what the model learned from was not "
        "all known at the dates that judge it"
    ]


def _short_look_back(split: Split, protocol: Protocol, feeds: tuple[Feed, ...]) -> list[str]:
    """Say where the washout reaches back before the data, so that "new" can't be told."""
    if protocol.target != "onset":
        return []
    starts_at = max(f.starts_at for f in feeds if f.source in protocol.definition.sources)
    dates = np.concatenate([split.development, split.test])
    short = int((dates - protocol.washout_days * DAY < starts_at).sum())
    if not short:
        return []
    at = (
        f"{short} of {len(dates)} dates: whoever met the rule before the data begin counts as new "
        "there"
    )
    if short == len(dates):
        reach = int(dates[-1] - starts_at) // DAY
        at = (
            f"every date, as the last is {reach} days after they begin: whoever met the rule "
            "before that counts as new. Shorten washout_days, or ingest older data"
        )
    return [f"the washout of {protocol.washout_days} days reaches back before the data at {at}"]


def _bounds(protocol: Protocol, feeds: tuple[Feed, ...], zone: str) -> tuple[int, int]:
    """Earliest and latest possible origin."""
    counted = [feed for feed in feeds if feed.source in protocol.definition.sources]
    if not counted:
        raise ModelError(
            "the store has none of the feeds that the definition counts "
            f"({', '.join(protocol.definition.sources)})",
            where=f"definition {protocol.definition.id}",
            fix="ingest them, or choose a definition of what there is",
        )
    start = max(feed.starts_at for feed in counted)
    end = min(feed.complete_until for feed in counted)
    horizon = protocol.horizon_days * DAY
    if end - start <= horizon:
        raise ModelError(
            f"the horizon of {protocol.horizon_days} days is longer than the data, which cover "
            f"{(end - start) // DAY} days",
            where="horizon_days",
            fix="shorten horizon_days or ingest more data",
        )
    window = protocol.definition.longest_window
    earliest = start + min(window, (end - start) // 8)
    latest = end - horizon
    asked = protocol.origins
    first = _midnight(asked.first, zone) if asked.first else _next_midnight(earliest, zone)
    last = _midnight(asked.last, zone) if asked.last else _last_midnight(latest, zone)
    if protocol.target == "weekend":
        last = _last_friday(last, zone)
    if asked.first and first < start:
        raise _outside(
            "first", "before the data start", _next_midnight(start, zone), zone, up_to=False
        )
    if asked.last and last > latest:
        raise _outside("last", "too late for its horizon to be observed", latest, zone, up_to=True)
    if first <= last:
        return first, last
    if asked.first and asked.last:
        raise UsageError(
            "the first origin is after the last",
            where="origins.first, origins.last",
            fix="put them in order, or leave one of them out",
        )
    if asked.first:
        raise _outside("first", "too late for its horizon to be observed", last, zone, up_to=True)
    if asked.last:
        raise _outside("last", "before the first possible one", first, zone, up_to=False)
    raise ModelError(
        "the data are too short for a single index date",
        where="origins",
        fix="shorten horizon_days, or ingest more data",
    )


def _outside(key: str, how: str, limit: int, zone: str, *, up_to: bool) -> UsageError:
    side = "up to" if up_to else "from"
    return UsageError(
        f"the {key} origin is {how}",
        where=f"origins.{key}",
        fix=f"choose one {side} {_day(limit, zone)}, or leave it out",
    )


def _embargo(protocol: Protocol, feeds: tuple[Feed, ...]) -> int:
    if protocol.embargo_days is not None:
        return protocol.embargo_days * DAY
    return _embargo_needed(protocol, feeds)


def _embargo_needed(protocol: Protocol, feeds: tuple[Feed, ...]) -> int:
    delay = max(feed.delay for feed in feeds)
    return protocol.horizon_days * DAY + delay


def cut_blocks(
    origins: NDArray[np.int64], n_test: int, embargo: int, step: int | str
) -> Split | None:
    """Cut the origins into blocks, with as many test origins and as large blocks as fit."""
    for tests in range(min(n_test, len(origins) - 1), 0, -1):
        test = origins[len(origins) - tests :]
        development = origins[origins + embargo <= test[0]]
        size = late_blocks(development, embargo)
        if size is None:
            continue
        fewer = f"{plural(tests, 'test origin')}, as the data allow no more"
        notes = [] if tests == n_test else [fewer]
        if size < BLOCK:
            notes.append(f"early-stopping and calibration blocks of {plural(size, 'origin')} each")
        n, days = len(development), step if isinstance(step, int) else 30
        stopping, calibration = (n - 2 * size, n - size), (n - size, n)
        return Split(development, test, stopping, calibration, embargo, days, tuple(notes))
    return None


def late_blocks(development: NDArray[np.int64], embargo: int) -> int | None:
    """Give the size of the early-stopping and the calibration block, as large as fits."""
    n = len(development)
    for size, least in ((max(BLOCK, n // 6), LEAST_LEARNING), (2, 2), (1, 1)):
        stop_at = n - 2 * size
        if stop_at < 0:
            continue
        if (development + embargo <= development[stop_at]).sum() >= least:
            return size
    return None


def _origins(first: int, last: int, step: int | str, zone: str) -> NDArray[np.int64]:
    """Local midnights from ``last`` back to ``first``, or firsts of the month between them."""
    if isinstance(step, str):
        days = (from_seconds(s).astimezone(ZoneInfo(zone)).date() for s in (first, last))
        months = month_starts(next(days), next(days), zone)
        return np.array([m for m in months if first <= m <= last], dtype=np.int64)
    day = from_seconds(last).astimezone(ZoneInfo(zone))
    moments = []
    while to_seconds(day) >= first:
        moments.append(to_seconds(day))
        day -= timedelta(days=step)  # the local clock stays at midnight across summer time
    return np.array(moments[::-1], dtype=np.int64)


def _midnight(day: object, zone: str) -> int:
    return to_seconds(datetime.fromisoformat(str(day)).replace(tzinfo=ZoneInfo(zone)))


def _last_midnight(moment: int, zone: str) -> int:
    local = from_seconds(moment).astimezone(ZoneInfo(zone))
    return to_seconds(local.replace(hour=0, minute=0, second=0))


def _last_friday(midnight: int, zone: str) -> int:
    local = from_seconds(midnight).astimezone(ZoneInfo(zone))
    return to_seconds(local - timedelta(days=(local.weekday() - FRIDAY) % 7))


def _next_midnight(moment: int, zone: str) -> int:
    return _last_midnight(moment + DAY - 1, zone)


def _day(moment: int, zone: str) -> str:
    return from_seconds(moment).astimezone(ZoneInfo(zone)).date().isoformat()
