"""Local calendar dates, for ages: :func:`hiu_risk.local_dates.date_numbers` in one pass.

A store has more people than most tables have rows, and a date of birth each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel.compiled import block, leaf
from hiu_risk.histories import UNKNOWN_TIME
from hiu_risk.times import DAY

Ints = NDArray[np.int64]

# Days of the Gregorian calendar: years begin in March, so that a leap day ends its year.
_DAYS_TO_1970 = 719_468
_FOUR_CENTURIES, _CENTURY, _FOUR_YEARS, _YEAR = 146_097, 36_524, 1_460, 365


@leaf
def date_number(day: int) -> int:
    """Give year * 10000 + month * 100 + day of month of a day counted from 1970-01-01."""
    since = day + _DAYS_TO_1970
    era = since // _FOUR_CENTURIES
    of_era = since - era * _FOUR_CENTURIES
    leaps = of_era // _FOUR_YEARS - of_era // _CENTURY + of_era // (_FOUR_CENTURIES - 1)
    year_of_era = (of_era - leaps) // _YEAR
    of_year = of_era - (_YEAR * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153  # 0 is March
    of_month = of_year - (153 * month + 2) // 5 + 1
    year = year_of_era + 400 * era + (1 if month > 9 else 0)
    return (year * 100 + (month + 2) % 12 + 1) * 100 + of_month


@block
def date_numbers(
    seconds: Ints, wanted: NDArray[np.bool_], changes: Ints, offsets: Ints
) -> NDArray[np.int64]:
    """Give the local date of each wanted moment; 0 for others and where it is unknown.

    From ``changes[i]`` on, clocks are ``offsets[i]`` seconds ahead of UTC.
    """
    dates = np.zeros(len(seconds), np.int64)
    for i in range(len(seconds)):
        if wanted[i] and seconds[i] != UNKNOWN_TIME:
            place = max(np.searchsorted(changes, seconds[i], side="right") - 1, 0)
            dates[i] = date_number((seconds[i] + offsets[place]) // DAY)
    return dates
