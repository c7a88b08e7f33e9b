"""Calls into incidents: which version of which call leads its incident, and until when.

At an index date the earliest *known* call of an incident leads it. Calls and their corrections
arrive in any order, so who leads changes over time. Here that is worked out exactly: a row that
leads first and is then overtaken keeps one row with its ``leads_until``; a row that starts to
lead later on is cut in two at that moment, so that "leads" is always the beginning of a row's
known time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel

NO_GAP = -1
"""Calls without an incident id are never merged."""


@dataclass(frozen=True)
class Pieces:
    """Rows cut where they start to lead; ``row`` says which row each piece comes from.

    Within a row the pieces are in order of time and cover its known time without a gap.
    """

    row: NDArray[np.int64]
    available_at: NDArray[np.int64]
    superseded_at: NDArray[np.int64]
    leads_until: NDArray[np.int64]


def leading_pieces(
    person: NDArray[np.integer[Any]],
    incident: NDArray[np.integer[Any]],
    occurred_at: NDArray[np.int64],
    available_at: NDArray[np.int64],
    superseded_at: NDArray[np.int64],
    takes_part: NDArray[np.bool_],
    *,
    gap: int = 0,
) -> Pieces:
    """Work out when each call version leads its incident.

    Parameters
    ----------
    person : int array, shape (n,)
        Whose call; rows are sorted by person, then time, then event id.
    incident : int array
        Code of the incident id within the person (any numbering), negative where it has none.
    occurred_at, available_at, superseded_at : int64 arrays
        UTC seconds, ``FOREVER`` for never.
    takes_part : bool array
        Rows that can lead and be overtaken: counted calls. The caller handles the others.
    gap : int
        Calls without an incident id belong to the incident of a call of the same person at most
        this many seconds before; ``NO_GAP`` keeps each its own.

    Returns
    -------
    Pieces
        One or more for each row that takes part, none for the others, sorted by row.

    Examples
    --------
    The first call of an incident arrives after the second, which leads until then:

    >>> a = lambda *values: np.array(values)
    >>> p = leading_pieces(a(0, 0), a(7, 7), a(10, 20), a(50, 30), a(99, 99), a(True, True))
    >>> p.row.tolist(), p.leads_until.tolist()
    ([0, 1], [99, 50])
    """
    rows = np.flatnonzero(takes_part)
    who, which = person[rows], incident[rows]
    order = np.lexsort((rows, which, who))
    rows, who, which = rows[order], who[order], which[order]
    occurred, end = occurred_at[rows], superseded_at[rows]
    start = np.maximum(available_at[rows], occurred + 1)
    joined = np.zeros(len(rows), np.bool_)
    joined[1:] = (who[1:] == who[:-1]) & (which[1:] == which[:-1])
    joined[1:] &= (which[1:] >= 0) | (np.diff(occurred) <= gap)
    reach = np.where(which < 0, gap, np.iinfo(np.int64).max)
    segment = _compiled_segments(occurred, start, end, joined, reach)
    return _cut(rows, available_at[rows], start, end, *segment)


def _segments(
    occurred: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    joined: NDArray[np.bool_],
    reach: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    # Row i is known in [start, end). Rows before it, as far back as they are joined and within
    # reach, take the lead from it while they are known; what remains are its leading segments.
    found = []
    for i in range(len(start)):
        earliest = i
        while (
            earliest > 0 and joined[earliest] and (occurred[i] - occurred[earliest - 1] <= reach[i])
        ):
            earliest -= 1
        now = start[i]
        while now < end[i]:
            now = _passed(start, end, earliest, i, now)
            if now >= end[i]:
                break
            until = end[i]
            for j in range(earliest, i):
                if now < start[j] < min(until, end[j]):
                    until = start[j]
            found.append((i, now, until))
            now = until
    segments = np.empty((3, len(found)), np.int64)
    for k in range(len(found)):
        segments[0, k], segments[1, k], segments[2, k] = found[k]
    return segments[0], segments[1], segments[2]


def _first_free(
    start: NDArray[np.int64], end: NDArray[np.int64], earliest: int, i: int, now: int
) -> int:
    # The first moment from now on at which none of the rows earliest to i - 1 is known.
    moved = True
    while moved:
        moved = False
        for j in range(earliest, i):
            if start[j] <= now < end[j]:
                now, moved = end[j], True
    return now


_passed = kernel()(_first_free)
_compiled_segments = kernel()(_segments)


def _cut(
    rows: NDArray[np.int64],
    available: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    owner: NDArray[np.int64],
    begin: NDArray[np.int64],
    until: NDArray[np.int64],
) -> Pieces:
    # A row that does not lead from the start of its known time gets a piece before, never leading.
    first = np.ones(len(owner), np.bool_)
    first[1:] = owner[1:] != owner[:-1]
    leads_at_once = np.zeros(len(rows), np.bool_)
    leads_at_once[owner[first & (begin == start[owner])]] = True
    head = np.flatnonzero(~leads_at_once)
    place = np.concatenate([head, owner])
    order = np.argsort(place, kind="stable")
    place = place[order]
    begins = np.concatenate([available[head], begin])[order]
    opening = np.ones(len(place), np.bool_)
    opening[1:] = place[1:] != place[:-1]
    begins = np.where(opening, available[place], begins)
    ends = end[place]
    ends[:-1] = np.where(opening[1:], ends[:-1], begins[1:])
    untils = np.concatenate([available[head], until])[order]
    back = np.argsort(rows[place], kind="stable")
    return Pieces(rows[place][back], begins[back], ends[back], untils[back])
