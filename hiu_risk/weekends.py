"""The weekend that a list made on a Friday looks at: Friday 18:00 to Monday 08:00, local time.

The local clock decides, so that a weekend with a change to or from summer time is an hour
shorter or longer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError
from hiu_risk.times import from_seconds, to_seconds

HORIZON_DAYS = 5
"""Days that hold the weekend whenever its list is made: Thursday 00:00 to Monday 08:00."""

THURSDAY, FRIDAY = 3, 4
BEGINS, ENDS = 18, 8
"""Local hours: of Friday, and of the Monday after it."""


class Weekends(NamedTuple):
    """UTC seconds: a weekend is ``[starts, ends)``; one array element an index date."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def weekends_after(as_ofs: NDArray[np.int64], zone: str) -> Weekends:
    """Give the first weekend that begins at or after each index date.

    Parameters
    ----------
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds.
    zone : str
        Name of the local zone.

    Examples
    --------
    >>> from datetime import date
    >>> friday = np.array([to_seconds(date(2024, 3, 29))])  # the clocks go forward on Sunday
    >>> starts, ends = weekends_after(friday, "Europe/London")
    >>> from_seconds(starts[0]).isoformat(), from_seconds(ends[0]).isoformat()
    ('2024-03-29T18:00:00+00:00', '2024-04-01T07:00:00+00:00')
    """
    starts, ends = np.empty_like(as_ofs), np.empty_like(as_ofs)
    for k, as_of in enumerate(as_ofs.tolist()):
        local = from_seconds(as_of).astimezone(ZoneInfo(zone))
        friday = local.replace(hour=BEGINS, minute=0, second=0, fold=0)
        friday += timedelta(days=(FRIDAY - local.weekday()) % 7)
        if to_seconds(friday) < as_of:
            friday += timedelta(days=7)
        starts[k] = to_seconds(friday)
        ends[k] = to_seconds((friday + timedelta(days=3)).replace(hour=ENDS))
    return Weekends(starts, ends)


def check_list_day(target: str, as_ofs: NDArray[np.int64], zone: str) -> None:
    """Refuse to list people for a weekend that is still far off.

    A weekend list is made on Friday up to 18:00, or on Thursday where Friday is a holiday.
    Earlier in the week its chances would mean something else than at the dates learned from.

    Raises
    ------
    UsageError
        The target is ``weekend`` and an index date lies on another day.
    """
    if target != "weekend":
        return
    for as_of, starts in zip(as_ofs.tolist(), weekends_after(as_ofs, zone).starts, strict=True):
        local = from_seconds(as_of).astimezone(ZoneInfo(zone))
        if local.weekday() not in (THURSDAY, FRIDAY) or starts - as_of >= 6 * 86_400:
            raise UsageError(
                f"a weekend list can't be made at {local:%A %H:%M}",
                where=f"index date {local.date().isoformat()}",
                fix="choose a Friday up to 18:00 local time, or the Thursday before it",
            )
