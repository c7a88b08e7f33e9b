"""What judging needs to know of the rows beyond score and label: onsets, calls, groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import ADDRESS_TYPE, SOURCE
from hiu_risk.definitions import Definition
from hiu_risk.histories import Histories
from hiu_risk.meeting import IN_THE_END, NEVER, known_state
from hiu_risk.times import DAY
from hiu_training.rows.inputs import Rows

Ints = NDArray[np.int64]

WITHOUT_LEAD = ("persistence", "weekend")
"""Targets that happen at the horizon's end, or anew each weekend: days until then say nothing."""

YEAR = 365 * DAY


@dataclass(frozen=True)
class Cases:
    """The times the target happened to a person, and the test rows that lie before each.

    A case may be positive at several origins, and was perhaps on a list already at an origin
    whose horizon did not reach it; all of them count.

    Parameters
    ----------
    person : int32 array, shape (n_cases,)
        As in the rows.
    offsets : int64 array, shape (n_cases + 1,)
        The entries of case ``i`` are ``offsets[i]`` to ``offsets[i + 1]``, in order of origin.
    row : int64 array, shape (n_entries,)
        Position of the test row.
    lead_days : float64 array, shape (n_entries,)
        Days from the row's index date to the onset.
    calls : float64 array, shape (n_entries,)
        Incidents that the rule counts, between the index date and the onset, without the one
        that completes it.
    """

    person: NDArray[np.int32]
    offsets: Ints
    row: Ints
    lead_days: NDArray[np.float64]
    calls: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Grouping:
    """A dimension that rows are broken down by.

    Parameters
    ----------
    names : tuple of str
        The groups.
    code : int array, shape (n,)
        Position of each row's group among the names.
    """

    names: tuple[str, ...]
    code: NDArray[np.integer]


@dataclass(frozen=True)
class Details:
    """What is known about test rows beside score and label.

    Parameters
    ----------
    cases : Cases or None
        None where days to the target say nothing.
    groups : dict of str to Grouping
        By dimension.
    """

    cases: Cases | None = None
    groups: Mapping[str, Grouping] = field(default_factory=dict)


def describe(histories: Histories, rows: Rows, definition: Definition, target: str) -> Details:
    """Gather the details of test rows.

    Parameters
    ----------
    histories : Histories
        That the rows were made from.
    rows : Rows
        Ordered by person, then origin.
    definition : Definition
        Whose incidents are counted as calls.
    target : str
        Persistence and weekend have no cases.
    """
    cases = (
        None if target in WITHOUT_LEAD else find_cases(rows, counted_times(histories, definition))
    )
    return Details(cases, groups_of(histories, rows, definition))


def counted_times(histories: Histories, definition: Definition) -> tuple[Ints, Ints]:
    """Give the moments of the incidents that a rule counts, and where each person's begin."""
    codes = [SOURCE.code(source) for source in definition.sources]
    counted = (histories.leads_until > IN_THE_END) & np.isin(histories.source, codes)
    if definition.address_types:
        places = [ADDRESS_TYPE.code(name) for name in definition.address_types]
        counted &= np.isin(histories.address_type, places)
    before = np.concatenate([[0], np.cumsum(counted)])
    return histories.occurred_at[counted], before[histories.offsets]


def find_cases(rows: Rows, incidents: tuple[Ints, Ints] | None = None) -> Cases:
    """Find every case among the rows; without incidents the calls are not known (0)."""
    as_of = rows.as_ofs[rows.origin]
    person: list[int] = []
    lengths: list[int] = []
    entries: list[int] = []
    leads: list[float] = []
    calls: list[int] = []
    with_case = np.unique(rows.person[rows.label == 1])
    starts, stops = (np.searchsorted(rows.person, with_case, side=s) for s in ("left", "right"))
    for who, start, stop in zip(with_case.tolist(), starts.tolist(), stops.tolist(), strict=True):
        since = NEVER
        for first in range(start, stop):
            if rows.label[first] != 1 or as_of[first] < since:
                continue
            onset = int(rows.happened_at[first])
            mine = [r for r in range(start, stop) if since <= as_of[r] < onset]
            person.append(who)
            lengths.append(len(mine))
            entries += mine
            for r in mine:
                until = int(rows.happened_at[r]) if rows.label[r] == 1 else onset
                leads.append((until - int(as_of[r])) / DAY)
                calls.append(_between(incidents, who, int(as_of[r]), until))
            since = onset
    return Cases(
        np.array(person, np.int32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array(entries, np.int64), np.array(leads, np.float64), np.array(calls, np.float64),
    )  # fmt: skip


def _between(incidents: tuple[Ints, Ints] | None, who: int, start: int, end: int) -> int:
    if incidents is None:
        return 0
    times, offsets = incidents
    mine = times[offsets[who] : offsets[who + 1]]
    return int(np.searchsorted(mine, end) - np.searchsorted(mine, start))


HISTORY = ("never met the rule", "met the rule before")
TENURE = ("nothing known before", "under 90 days", "90 days to a year", "over a year")
COVERAGE = ("known under 180 days", "known 180 to 364 days", "known the full year")


def groups_of(histories: Histories, rows: Rows, definition: Definition) -> dict[str, Grouping]:
    """Group rows by what was known at their index date; a dimension of one group is left out."""
    sites, site = np.unique(histories.people.site, return_inverse=True)
    groups = {
        "history": Grouping(HISTORY, _met_before(histories, rows, definition)),
        "tenure": Grouping(TENURE, _tenure(histories, rows)),
        "coverage": Grouping(COVERAGE, _coverage(histories, rows, definition)),
        "site": Grouping(tuple(name or "not recorded" for name in sites), site[rows.person]),
    }
    return {name: grouping for name, grouping in groups.items() if np.ptp(grouping.code) > 0}


def _met_before(histories: Histories, rows: Rows, definition: Definition) -> Ints:
    last_met = known_state(histories, rows.as_ofs, definition).last_met
    return np.asarray(last_met[rows.person, rows.origin] != NEVER).astype(np.int64)


def _tenure(histories: Histories, rows: Rows) -> Ints:
    """Time since the first event that was known."""
    has = np.diff(histories.offsets) > 0
    first = np.full(histories.n_people, np.iinfo(np.int64).max)
    first[has] = np.minimum.reduceat(histories.available_at, histories.offsets[:-1][has])
    days = (rows.as_ofs[rows.origin] - first[rows.person]) / DAY
    return np.asarray(np.searchsorted([0, 90, 365], days, side="right"))


def _coverage(histories: Histories, rows: Rows, definition: Definition) -> Ints:
    """Days of the year before that are known of a person, at the worst of the rule's feeds.

    What a feed covers since the person registered, gaps taken off.
    """
    as_of = rows.as_ofs[rows.origin]
    since = np.maximum(histories.people.registered_from[rows.person], as_of - YEAR)
    days = np.full(len(rows), np.inf)
    for source in definition.sources:
        feed = histories.feed(source)
        if feed is not None:
            start = np.maximum(since, feed.starts_at)
            known = np.minimum(as_of, feed.complete_until) - start
            for a, b in feed.gaps:
                known -= np.maximum(np.minimum(b, as_of) - np.maximum(a, start), 0)
            days = np.minimum(days, np.maximum(known, 0) / DAY)
    return np.asarray(np.searchsorted([180, 364], days, side="right"))
