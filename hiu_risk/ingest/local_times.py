"""Local times to UTC: what happens to the hour that comes twice and to the one that never comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_risk.times import DAY

_STEP = 3 * DAY  # no zone changes its offset twice in so short a time
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Transitions:
    """A zone's changes of offset, on the local clock.

    ``offset[i]`` (seconds) holds for clock readings from ``begins[i]`` on. Between ``begins[i]``
    and ``twice_from[i]`` before it lie readings that occur twice; ``never_from[i]`` starts the
    readings before ``begins[i]`` that never occur.
    """

    begins: NDArray[np.int64]
    offset: NDArray[np.int64]
    twice_from: NDArray[np.int64]
    never_from: NDArray[np.int64]


@lru_cache(maxsize=16)
def transitions(zone: str) -> Transitions:
    """Find a zone's changes of offset from 1970 to 2100.

    Examples
    --------
    >>> len(transitions("UTC").begins)
    1
    """
    info = ZoneInfo(zone)

    def offset_at(seconds: int) -> int:
        moment = _FIRST + timedelta(seconds=seconds)
        return int(moment.astimezone(info).utcoffset().total_seconds())  # type: ignore[union-attr]

    end = int((_LAST - _FIRST).total_seconds())
    earlier = offset_at(0)
    rows = [(np.iinfo(np.int64).min, earlier, np.iinfo(np.int64).min, np.iinfo(np.int64).min)]
    for day in range(0, end, _STEP):
        later = offset_at(day + _STEP)
        if later == earlier:
            continue
        low, high = day, day + _STEP
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_at(middle) == earlier else (low, middle)
        # The earlier offset holds for readings below the higher of the two clock readings.
        begins = high + max(earlier, later)
        lowest = high + min(earlier, later)
        back = later < earlier
        rows.append((begins, later, lowest if back else begins, begins if back else lowest))
        earlier = later
    columns = np.array(rows, dtype=np.int64).T
    return Transitions(*columns)


@dataclass(frozen=True)
class Utc:
    """UTC seconds, and which clock readings were ambiguous or never occurred."""

    seconds: NDArray[np.int64]
    twice: NDArray[np.bool_]
    never: NDArray[np.bool_]


def to_utc(clock: NDArray[np.int64], zone: str) -> Utc:
    """Turn local clock readings (seconds since 1970-01-01 00:00 on that clock) into UTC.

    A reading that occurs twice is taken as its first passage; one that never occurs is moved
    forward by the length of the gap.

    Examples
    --------
    >>> clock = np.array([1_729_992_600])  # 2024-10-27 01:30 in London: occurs twice
    >>> utc = to_utc(clock, "Europe/London")
    >>> int(clock[0] - utc.seconds[0]), bool(utc.twice[0])
    (3600, True)
    """
    found = transitions(zone)
    at = np.searchsorted(found.begins, clock, side="right") - 1
    after = np.minimum(at + 1, len(found.begins) - 1)
    last = at == len(found.begins) - 1
    twice = ~last & (clock >= found.twice_from[after])
    never = ~last & (clock >= found.never_from[after])
    return Utc(clock - found.offset[at], twice, never)
