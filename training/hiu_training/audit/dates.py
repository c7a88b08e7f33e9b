"""Which list dates an audit may judge a model on: after it was trained, outcomes known."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, ModelError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.times import DAY, from_seconds, to_seconds
from hiu_training.protocol import Protocol
from hiu_training.rows.split import make_split


def audit_dates(
    histories: Histories, bundle: Bundle, protocol: Protocol, quarter: str = ""
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Lay out the list dates of an audit.

    The protocol's own test dates, or every so many days from the day the model was trained
    (``audit.every``); of one quarter, if asked for. Finer dates see more people who became
    cases, because somebody may be at risk between two firsts of the month alone; the same
    person on more dates stays one person.

    Returns
    -------
    dates : int64 array
        UTC seconds; the outcomes of each are known.
    unobserved : tuple of int
        Dates of the quarter whose outcomes aren't known yet.

    Raises
    ------
    ModelError
        The model learned from all of these dates.
    DataError
        No outcome of the quarter is known yet.
    UsageError
        Not a quarter, or no date lies in it.
    """
    zone = ZoneInfo(histories.zone)
    latest = _latest(histories, protocol)
    trained = bundle.manifest.trained_through
    every = protocol.audit.every
    if quarter:
        first, end = quarter_of(quarter)
        candidates = _stepped(_seconds(first, zone), _seconds(end, zone) - 1, every, zone)
    elif every == "protocol":
        candidates = make_split(protocol, histories.feeds, histories.zone).test
    else:
        candidates = _stepped(trained, latest, every, zone)
    if not len(candidates):
        raise UsageError(
            "there is no list date to audit",
            where=quarter or "audit.every",
            fix="name a longer period or a finer audit.every",
        )
    later = candidates[candidates >= trained]
    if not len(later):
        raise ModelError(
            "the model learned from all of these dates, so that they can't judge it",
            where=f"model {bundle.version}, trained through "
            f"{from_seconds(trained).astimezone(zone).date()}",
            fix="audit later dates, or an older model",
        )
    observed = later[later <= latest]
    if not len(observed):
        known_from = from_seconds(int(later[0]) + protocol.horizon_days * DAY).astimezone(zone)
        raise DataError(
            f"the outcomes of {quarter or 'these dates'} are not yet observed: the first is known "
            f"from {known_from.date()}, and the data end before",
            where="list dates",
            fix="audit an earlier quarter, or ingest newer data",
        )
    return observed, tuple(later[later > latest].tolist())


def quarter_of(text: str) -> tuple[date, date]:
    """Read a quarter: its first day, and the day after its last.

    Examples
    --------
    >>> quarter_of("2026Q3")
    (datetime.date(2026, 7, 1), datetime.date(2026, 10, 1))
    """
    found = re.fullmatch(r"(\d{4})\s*Q([1-4])", text.strip().upper())
    if not found:
        raise UsageError(f"not a quarter: {text!r}", where="--quarter", fix="write it as 2026Q3")
    year, month = int(found[1]), 3 * int(found[2]) - 2
    end = date(year + 1, 1, 1) if month == 10 else date(year, month + 3, 1)
    return date(year, month, 1), end


def _latest(histories: Histories, protocol: Protocol) -> int:
    ends = [f.complete_until for f in histories.feeds if f.source in protocol.definition.sources]
    return min(ends, default=0) - protocol.horizon_days * DAY


def _stepped(first: int, last: int, every: int | str, zone: ZoneInfo) -> NDArray[np.int64]:
    """Give local midnights: firsts of the month, or every so many days from the first."""
    day = from_seconds(first + DAY - 1).astimezone(zone).date()  # the first midnight from there
    found = []
    while (moment := _seconds(day, zone)) <= last:
        if isinstance(every, int) or day.day == 1:
            found.append(moment)
        day += timedelta(days=every if isinstance(every, int) else 1)
    return np.array(found, np.int64)


def _seconds(day: date, zone: ZoneInfo) -> int:
    return to_seconds(datetime(day.year, day.month, day.day, tzinfo=zone))
