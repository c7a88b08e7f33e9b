"""What became of the people on a quarter's lists, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListOutcome:
    """What became of one list.

    Parameters
    ----------
    as_of : int
        Its index date.
    listed : int
        Names on it.
    unobserved : str
        Why nobody's outcome is known yet, empty where it is.
    found, missed : int
        People who became cases within the horizon, listed and not.
    """

    as_of: int
    listed: int
    unobserved: str
    found: int
    missed: int


@dataclass(frozen=True)
class Happened:
    """What became of everybody listed in a quarter, each person counted once.

    Parameters
    ----------
    lists : tuple of ListOutcome
        One a list, in order of time.
    listed : int
        People on at least one list; the four below add up to it.
    became_cases : int
        Met the definition within the horizon of a list they were on: found beforehand.
    did_not : int
        Did not, on any list, and every horizon is over.
    cannot_tell : int
        Died, moved, taken on a caseload, or no longer in the data, before the horizon was over.
    not_yet : int
        On a list whose horizon isn't observed yet, and not a case so far.
    missed : int
        Became cases within the horizon of some list and were on none that could have told.
    lead_days : float or None
        Median days from the first list that held a found person to meeting the definition.
    """

    lists: tuple[ListOutcome, ...]
    listed: int
    became_cases: int
    did_not: int
    cannot_tell: int
    not_yet: int
    missed: int
    lead_days: float | None

    @property
    def cases(self) -> int:
        """People who became cases within the horizon of a list."""
        return self.became_cases + self.missed

    @property
    def observed(self) -> int:
        """Lists whose horizon is over and observed."""
        return sum(not each.unobserved for each in self.lists)
