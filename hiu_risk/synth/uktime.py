"""UK local time: days and clock times to UTC, and back to the strings an extract carries."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hiu_risk.times import DAY

ZONE = "Europe/London"


def day_number(day: date) -> int:
    """Days from 1970-01-01 to a date."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def to_utc(
    wall: NDArray[np.int64], second_fold: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """UTC seconds of local clock times (seconds since 1970-01-01 00:00 local).

    The hour that does not exist in March becomes the moment the clocks go forward; the hour
    that happens twice in October is its first pass, or its second where ``second_fold`` says so.

    Examples
    --------
    >>> summer = np.array([np.datetime64("2024-07-01T12:00:00")]).astype("int64")
    >>> (to_utc(summer) - summer).tolist()
    [-3600]
    """
    naive = pa.array(wall, pa.int64()).cast(pa.timestamp("s"))

    def at(fold: str) -> NDArray[np.int64]:
        aware = pc.assume_timezone(naive, ZONE, ambiguous=fold, nonexistent="latest")
        return np.asarray(aware.cast(pa.int64()), dtype=np.int64)

    first = at("earliest")
    return first if second_fold is None else np.where(second_fold, at("latest"), first)


def to_wall(utc: NDArray[np.int64]) -> NDArray[np.int64]:
    """Local clock seconds since 1970-01-01 00:00 local of UTC seconds."""
    aware = pa.array(utc, pa.int64()).cast(pa.timestamp("s", ZONE))
    return np.asarray(pc.local_timestamp(aware).cast(pa.int64()), dtype=np.int64)


def local_text(utc: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Local time strings such as ``2024-07-01 13:00:00``; null where missing."""
    wall = to_wall(utc)
    return pa.array(wall, pa.int64(), mask=missing).cast(pa.timestamp("s")).cast(pa.string())


def local_date_text(utc: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Local date strings such as ``2024-07-01``; null where missing."""
    days = (to_wall(utc) // DAY).astype(np.int32)
    return pa.array(days, pa.int32(), mask=missing).cast(pa.date32()).cast(pa.string())


def local_clock_text(utc: NDArray[np.int64]) -> pa.Array:
    """Local clock strings such as ``13:00:00``."""
    clock = (to_wall(utc) % DAY).astype(np.int32)
    return pa.array(clock, pa.int32()).cast(pa.time32("s")).cast(pa.string())
