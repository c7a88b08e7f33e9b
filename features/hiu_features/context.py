"""Of whom and when a sentence speaks: the entity, the index date, what the data cover."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hiu_risk.times import DAY, from_seconds

NOT_COVERED = "Not known: the data do not cover that time"
"""What is said of a value that nobody can know."""

Spells = tuple[tuple[float, float], ...]
"""Spans of time known, each from so many days before the index date to so many."""


@dataclass(frozen=True)
class Context:
    """What a sentence must know besides the values.

    Parameters
    ----------
    as_of : int or None
        Index date, UTC seconds: "on Monday" needs it.
    zone : str
        Local time zone.
    peers : str
        With whom a value is compared.
    known : mapping of str to Spells, or None
        For each source, the spans that the data cover for this person; None when nobody said.
    """

    as_of: int | None = None
    zone: str = "Europe/London"
    peers: str = "active callers"
    known: Mapping[str, Spells] | None = None

    def ago(self, days: float) -> str:
        """Say how long ago something was, as a person says it.

        Examples
        --------
        >>> monday = Context(as_of=4 * 86_400, zone="UTC")  # 5 January 1970
        >>> [monday.ago(days) for days in (0.5, 2.5, 9, 25, 100, 800)]
        ['yesterday', 'on Friday', '9 days ago', '3 weeks ago', '3 months ago', 'over 2 years ago']
        """
        days = max(days, 0.0)
        if days < 7:
            return self._lately(days)
        if days < 14:
            return f"{math.floor(days)} days ago"
        if days < 61:
            return f"{math.floor(days / 7)} weeks ago"
        if days < 365:
            return f"{math.floor(days / 30.4)} months ago"
        years = math.floor(days / 365)
        return "over a year ago" if years == 1 else f"over {years:,} years ago"

    def _lately(self, days: float) -> str:
        if self.as_of is None:
            return {0: "less than a day ago", 1: "1 day ago"}.get(
                math.floor(days), f"{math.floor(days)} days ago"
            )
        there = ZoneInfo(self.zone)
        now = from_seconds(self.as_of).astimezone(there)
        then = (from_seconds(self.as_of) - timedelta(seconds=round(days * DAY))).astimezone(there)
        before = (now.date() - then.date()).days
        if before >= 7:
            return "7 days ago"
        return {0: "today", 1: "yesterday"}.get(before, f"on {then:%A}")

    def known_days(self, sources: tuple[str, ...], days: float | None) -> float | None:
        """Give how many of the last so many days are known for every one of the sources.

        None when nothing was said about coverage, or the value looks at no window.
        """
        if self.known is None or days is None or not sources:
            return None
        return min(
            sum(max(0.0, min(days, start) - end) for start, end in self.known.get(source, ()))
            for source in sources
        )


ANYWHERE = Context()
"""Nothing is said about when and where."""


def peers_of(
    reference: Mapping[str, Mapping[str, Any]],
    entity: str = "person",
    *,
    target: str = "onset",
    active: bool = True,
) -> str:
    """Name the people that quantiles were taken from.

    Parameters
    ----------
    reference : mapping
        Quantiles of each feature, with the ``least`` value seen.
    entity : str
        ``person`` or ``address``.
    target : str
        Who was looked at: for a relapse those who met the definition before.
    active : bool
        Whether only people with a recent event were.

    Examples
    --------
    >>> peers_of({"calls_365d": {"least": 1}}), peers_of({"calls_365d": {"least": 0}})
    ('active callers', 'active people')
    >>> peers_of({}, "address", target="persistence")
    'active addresses that meet the definition now'
    """
    who, whose = ("addresses", "that") if entity == "address" else ("people", "who")
    peers = f"active {who}" if active else who
    if entity == "person" and active:
        spread = ((name, (reference.get(name, {}).get("least") or 0) >= 1) for name in _PEERS)
        peers = next((_PEERS[name] for name, all_have in spread if all_have), peers)
    met = _MET.get(target)
    return f"{peers} {whose} {met}" if met else peers


_MET = {"relapse": "met the definition before", "persistence": "meet the definition now"}
_PEERS = {
    "calls_365d": "active callers",
    "ae_365d": "recent A&E patients",
    "admissions_365d": "people lately in hospital",
}
