"""Local calendar dates: months for calendar windows, birthdays for ages.

The data's local zone decides on which day, and in which month, a moment lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_risk.histories import UNKNOWN_TIME
from hiu_risk.times import wall_clock


def month_numbers(seconds: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Local month of each moment, counted from January 1970 = 0.

    Parameters
    ----------
    seconds : int64 array, shape (n,)
        UTC seconds since 1970.
    zone : str
        Name of the local zone; its summer time is followed.

    Examples
    --------
    >>> end_of_june = np.array([14_857_200])  # 1970-06-21 23:00 UTC
    >>> month_numbers(end_of_june + 9 * 86_400, "UTC").tolist()
    [5]
    >>> month_numbers(end_of_june + 9 * 86_400, "Europe/London").tolist()  # an hour ahead: 1 July
    [6]
    """
    return (
        wall_clock(seconds, zone).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    )


def date_numbers(seconds: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Local date of each moment as the number ``year * 10000 + month * 100 + day``.

    Examples
    --------
    >>> date_numbers(np.array([0]), "UTC").tolist()
    [19700101]
    """
    day = wall_clock(seconds, zone).astype("datetime64[s]").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    day_of_month = (day - month).astype(np.int64) + 1
    months = month.astype(np.int64)
    numbers: NDArray[np.int64] = (
        (1970 + months // 12) * 10_000 + (months % 12 + 1) * 100 + day_of_month
    )
    return numbers


def ages(born_at: NDArray[np.int64], as_of: int, zone: str) -> NDArray[np.float64]:
    """Age at ``as_of`` in whole years by the local calendar; NaN where the birth is unknown.

    A year is complete at the start of the birthday. Who was born on 29 February completes it
    on 1 March in common years. A birth after ``as_of`` gives a negative age.

    Parameters
    ----------
    born_at : int64 array, shape (n,)
        UTC seconds of the date of birth, ``UNKNOWN_TIME`` where it is not recorded.
    as_of : int
        UTC seconds of the index date.
    zone : str
        Name of the local zone.

    Examples
    --------
    >>> ages(np.array([0, UNKNOWN_TIME]), as_of=366 * 86_400, zone="UTC").tolist()
    [1.0, nan]
    """
    return years_since(birthdays(born_at, zone), as_of, zone)


def birthdays(born_at: NDArray[np.int64], zone: str) -> NDArray[np.float64]:
    """Date numbers of births; NaN where the birth is unknown."""
    known = born_at != UNKNOWN_TIME
    return np.where(known, date_numbers(np.where(known, born_at, 0), zone), np.nan)


def years_since(birthdays: NDArray[np.float64], as_of: int, zone: str) -> NDArray[np.float64]:
    """Whole years from each of the :func:`birthdays` to ``as_of``; see :func:`ages`."""
    today = date_numbers(np.array([as_of], np.int64), zone)[0]
    years: NDArray[np.float64] = (today - birthdays) // 10_000
    return years
