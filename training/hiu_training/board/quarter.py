"""A calendar quarter in the local zone of the data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hiu_risk.errors import UsageError
from hiu_risk.times import to_seconds


@dataclass(frozen=True)
class Quarter:
    """Three calendar months; midnights are those of the zone.

    Parameters
    ----------
    year, number : int
        ``2026`` and ``3``: July to September 2026.
    zone : str
        Local time zone.

    Examples
    --------
    >>> quarter = Quarter.parse("2026Q3", "Europe/London")
    >>> quarter.words, quarter.financial, str(quarter.before)
    ('1 July to 30 September 2026', 'quarter 2 of 2026/27', '2026Q2')
    """

    year: int
    number: int
    zone: str

    @classmethod
    def parse(cls, text: str, zone: str) -> Quarter:
        """Read ``2026Q3``.

        Raises
        ------
        UsageError
            Another text, or a year outside 1971 to 2099.
        """
        found = re.fullmatch(r"(\d{4})[Qq]([1-4])", text.strip(), flags=re.ASCII)
        if not found or not 1971 <= int(found[1]) <= 2099:
            raise UsageError(
                "not a quarter",
                where="--quarter",
                fix="write the calendar year and quarter, such as 2026Q3 for July to September "
                "2026 (the financial year's second)",
            )
        return cls(int(found[1]), int(found[2]), zone)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def first_day(self) -> date:
        """The first day."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> date:
        """The last day."""
        return self.after.first_day - timedelta(days=1)

    @property
    def start(self) -> int:
        """UTC seconds of its first midnight."""
        return _midnight(self.first_day, self.zone)

    @property
    def end(self) -> int:
        """UTC seconds of the midnight at which it is over."""
        return _midnight(self.after.first_day, self.zone)

    @property
    def before(self) -> Quarter:
        """The quarter before."""
        year, number = (self.year - 1, 4) if self.number == 1 else (self.year, self.number - 1)
        return Quarter(year, number, self.zone)

    @property
    def after(self) -> Quarter:
        """The quarter after."""
        year, number = (self.year + 1, 1) if self.number == 4 else (self.year, self.number + 1)
        return Quarter(year, number, self.zone)

    @property
    def words(self) -> str:
        """Its dates in words."""
        first = f"{self.first_day.day} {self.first_day:%B}"
        return f"{first} to {day_words(self.last_day)}"

    @property
    def financial(self) -> str:
        """What the health service's financial year, from April, calls it."""
        year = self.year - (self.number == 1)
        return f"quarter {(self.number + 2) % 4 + 1} of {year}/{(year + 1) % 100:02d}"

    def __contains__(self, moment: int) -> bool:
        return self.start <= moment < self.end


def day_words(day: date) -> str:
    """Write a day: ``1 July 2026``."""
    return f"{day.day} {day:%B %Y}"


def day_of(moment: int, zone: str) -> date:
    """Give the local day of a moment in UTC seconds."""
    return datetime.fromtimestamp(moment, tz=ZoneInfo(zone)).date()


def _midnight(day: date, zone: str) -> int:
    return to_seconds(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))
