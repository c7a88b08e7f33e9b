"""Time, one way: UTC seconds since 1970 inside, ``as_of`` always an argument.

The store keeps whole seconds. Only :func:`now` reads the clock, and only the command line and
the API call it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError

DAY = 86_400
HOUR = 3_600
EARLIEST = 0
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
FOREVER = np.iinfo(np.int64).max
"""Stands for "never": a row that is never superseded, a person who never moved."""


def now() -> datetime:
    """Read the clock, in UTC, to the second: for the command line and the API alone."""
    return datetime.now(tz=UTC).replace(microsecond=0)


def to_seconds(moment: datetime | date) -> int:
    """Whole UTC seconds since 1970 of an aware datetime, or of a date's midnight in UTC.

    Raises
    ------
    UsageError
        A datetime without a time zone, or a time outside 1970 to 2100.

    Examples
    --------
    >>> to_seconds(date(1970, 1, 2))
    86400
    """
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        raise UsageError("a time without a zone", fix="give the zone, for instance ...T00:00:00Z")
    seconds = int(moment.timestamp() // 1)
    if not EARLIEST <= seconds <= LATEST:
        raise UsageError("a time outside 1970 to 2100", fix="check the year")
    return seconds


def from_seconds(seconds: int) -> datetime:
    """Give the aware UTC datetime of whole seconds since 1970.

    Examples
    --------
    >>> from_seconds(86400).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return datetime.fromtimestamp(int(seconds), tz=UTC)


def index_day(moment: int | str) -> str:
    """Give the day of an index date, which is a local midnight, without knowing its zone.

    The midnight of a zone east of Greenwich is the evening before in UTC: the day is that of the
    noon that follows. Right for zones up to twelve hours from UTC, so not in New Zealand's summer.

    Parameters
    ----------
    moment : int or str
        Whole seconds since 1970, or ISO 8601; a day alone stays as it is.

    Examples
    --------
    The first of June in London, in New York, and as a day:

    >>> [index_day(m) for m in ("2024-05-31T23:00:00+00:00", "2024-06-01T04:00:00Z", "2024-06-01")]
    ['2024-06-01', '2024-06-01', '2024-06-01']
    """
    at = from_seconds(moment) if isinstance(moment, int) else datetime.fromisoformat(moment)
    return (
        (at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC) + timedelta(hours=12))
        .date()
        .isoformat()
    )


def parse_as_of(text: str, zone: str = "UTC") -> int:
    """Read ``2025-03-01`` or ``2025-03-01T06:00:00Z`` as UTC seconds.

    A plain date means midnight at its start in ``zone``.

    Raises
    ------
    UsageError
        The text is neither.

    Examples
    --------
    >>> parse_as_of("1970-01-02"), parse_as_of("1970-01-02T00:00:00Z")
    (86400, 86400)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "not a date", where="--as-of", fix="write it as 2025-03-01 or 2025-03-01T06:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return to_seconds(moment)


def month_starts(first: date, last: date, zone: str = "UTC") -> list[int]:
    """Midnights (in ``zone``) of every first of the month in ``[first, last]``, as UTC seconds.

    Examples
    --------
    >>> months = month_starts(date(2024, 1, 15), date(2024, 3, 1))
    >>> [from_seconds(s).date().isoformat() for s in months]
    ['2024-02-01', '2024-03-01']
    """
    starts, day = [], first.replace(day=1)
    while day <= last:
        if day >= first:
            starts.append(to_seconds(datetime(day.year, day.month, 1, tzinfo=ZoneInfo(zone))))
        day = (day + timedelta(days=32)).replace(day=1)
    return starts


def hour_of_week(seconds: NDArray[np.int64], zone: str) -> NDArray[np.uint8]:
    """Local hour of the week of each time: 0 is Monday 00:00 to 00:59, 167 Sunday 23:00.

    Parameters
    ----------
    seconds : int64 array, shape (n,)
        UTC seconds since 1970.
    zone : str
        Name of the local zone; its summer time is followed.

    Examples
    --------
    >>> hour_of_week(np.array([0]), "UTC").tolist()  # 1970-01-01 was a Thursday
    [72]
    """
    hours = wall_clock(seconds, zone) // HOUR + 72  # 1970-01-01 00:00 was hour 72 of the week
    return (hours % 168).astype(np.uint8)


def wall_clock(seconds: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Local clock reading of each time, as seconds since 1970-01-01 00:00 on that clock.

    Examples
    --------
    >>> wall_clock(np.array([0]), "Europe/London").tolist()  # Britain was an hour ahead in 1970
    [3600]
    """
    changes, offsets = utc_offsets(zone)
    place = np.searchsorted(changes, seconds, side="right") - 1
    local: NDArray[np.int64] = seconds + offsets[np.maximum(place, 0)]
    return local


@cache
def utc_offsets(zone: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the moments at which a zone's offset changes, and the offset from then on.

    Examples
    --------
    >>> changes, offsets = utc_offsets("Europe/London")
    >>> len(changes) == len(offsets), sorted(set(offsets.tolist()))
    (True, [0, 3600, 7200])
    """
    # Found by looking once a week: Arrow's own conversion stops following summer time in 2037.
    info = ZoneInfo(zone)

    def offset(seconds: int) -> int:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        ahead = moment.astimezone(info).utcoffset() or timedelta()
        return int(ahead.total_seconds())

    first = int(datetime(1850, 1, 1, tzinfo=UTC).timestamp())
    changes, offsets = [first], [offset(first)]
    for week in range(first, LATEST + 7 * DAY, 7 * DAY):
        before, after = week - 7 * DAY, week
        if offset(after) == offsets[-1]:
            continue
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset(middle) == offsets[-1] else (before, middle)
        changes.append(after)
        offsets.append(offset(after))
    return np.array(changes, np.int64), np.array(offsets, np.int64)
