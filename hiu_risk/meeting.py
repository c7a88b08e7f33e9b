"""When a rule is met: the moments at which an incident completes a count, and who meets it now.

Two questions, never mixed:

- the rule is *met at an incident* when that incident and the ones before it reach the count
  within the window: with ``needed`` incidents, ``t[i] - t[i - needed + 1] < window``;
- a person *meets the rule at a moment* when the window that ends there, ``[m - window, m)``,
  holds that many incidents. A calendar window ends with the month of the last second before
  the moment, so that the first of a month looks at the whole month before it.

Calendar windows follow the same arithmetic on local month numbers instead of seconds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import ADDRESS_TYPE, SOURCE
from hiu_risk.definitions import Definition
from hiu_risk.errors import UsageError
from hiu_risk.histories import Histories
from hiu_risk.kernels import kernel
from hiu_risk.local_dates import month_numbers
from hiu_risk.times import DAY, EARLIEST, FOREVER, LATEST
from hiu_risk.visibility import leads

NEVER = np.iinfo(np.int64).min
"""Stands for "not at any earlier moment" where the last time of something is asked."""

IN_THE_END = FOREVER - 1
"""The index date of the final truth: what leads then leads for ever."""


class KnownState(NamedTuple):
    """What the history known at each index date says about a rule.

    ``meets`` (bool) tells who meets it at the index date, ``last_met`` (UTC seconds) the last
    earlier incident at which it was met, ``NEVER`` if none; both of shape (n_people, n_as_ofs).
    """

    meets: NDArray[np.bool_]
    last_met: NDArray[np.int64]


class FinalState(NamedTuple):
    """What the final truth says about a rule in each horizon.

    ``first_met`` (UTC seconds) is the first incident in ``[as_of, end)`` at which the rule is
    met, ``FOREVER`` if none; ``meets_at_end`` (bool) tells who meets it at the end; both of
    shape (n_people, n_as_ofs).
    """

    first_met: NDArray[np.int64]
    meets_at_end: NDArray[np.bool_]


def known_state(
    histories: Histories, as_ofs: NDArray[np.int64], definition: Definition
) -> KnownState:
    """Tell, from what was known at each index date, who meets a rule and who last met it when.

    Parameters
    ----------
    histories : Histories
        Of people, or of addresses for a definition whose entity is the address.
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds, in any order.
    definition : Definition
        The rule; its ages play no part here.
    """
    as_ofs = checked_as_ofs(as_ofs)
    shape = (histories.n_people, len(as_ofs))
    state = KnownState(np.zeros(shape, np.bool_), np.full(shape, NEVER, np.int64))
    _fill_known(
        _events(histories, definition), _clauses(definition), as_ofs,
        month_numbers(as_ofs - 1, histories.zone), state.meets, state.last_met,
    )  # fmt: skip
    return state


def final_state(
    histories: Histories,
    as_ofs: NDArray[np.int64],
    definition: Definition,
    horizon_days: int,
    *,
    disjoint: bool = False,
    rows: NDArray[np.bool_] | None = None,
    ends: NDArray[np.int64] | None = None,
) -> FinalState:
    """Tell, from the final truth, when a rule is first met in each horizon and who meets it after.

    Parameters
    ----------
    histories : Histories
        Of people, or of addresses for a definition whose entity is the address.
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds, in any order.
    definition : Definition
        The rule; its ages play no part here.
    horizon_days : int
        The horizon is ``[as_of, as_of + horizon_days)``.
    disjoint : bool
        Count only incidents from ``as_of`` on; by default a window may straddle ``as_of``.
    rows : bool array, shape (n_people, n_as_ofs), optional
        The rows that are wanted; the others stay "never met".
    ends : int64 array, shape (n_as_ofs,), optional
        UTC seconds at which each horizon ends, where ``horizon_days`` doesn't say it.
    """
    as_ofs = checked_as_ofs(as_ofs)
    ends = as_ofs + horizon_days * DAY if ends is None else checked_as_ofs(ends)
    shape = (histories.n_people, len(as_ofs))
    wanted = np.ones(shape, np.bool_) if rows is None else rows
    state = FinalState(np.full(shape, FOREVER, np.int64), np.zeros(shape, np.bool_))
    _fill_final(
        _events(histories, definition), _clauses(definition), as_ofs, ends,
        month_numbers(ends - 1, histories.zone), disjoint, read_only(wanted), IN_THE_END,
        state.first_met, state.meets_at_end,
    )  # fmt: skip
    return state


def times_met(
    histories: Histories, definition: Definition, person: int, as_of: int = IN_THE_END
) -> NDArray[np.int64]:
    """Give every moment at which one person met a rule, as known at ``as_of``.

    By default the final truth is asked. Each moment comes once, in order of time.
    """
    one = histories.take(np.array([person]))
    events, clauses = _events(one, definition), _clauses(definition)
    times, clocks = np.empty(one.n_events, np.int64), np.empty(one.n_events, np.int64)
    moments: list[int] = []
    for c, (needed, window) in enumerate(zip(clauses.needed, clauses.window, strict=True)):
        n = _gather(events, clauses, c, 0, one.n_events, as_of, times, clocks)
        reached = clocks[needed - 1 : n] - clocks[: max(n - needed + 1, 0)] < window
        moments.extend(times[needed - 1 : n][reached].tolist())
    return np.array(sorted(set(moments)), np.int64)


def checked_as_ofs(as_ofs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Check index dates: a one-dimensional array of whole seconds from 1970 to 2100."""
    array = np.asarray(as_ofs)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UsageError(
            "index dates must be a one-dimensional array of whole UTC seconds", where="as_ofs"
        )
    array = array.astype(np.int64)
    if array.size and not (array.min() >= EARLIEST and array.max() <= LATEST):
        raise UsageError("an index date outside 1970 to 2100", where="as_ofs", fix="check the year")
    return read_only(array)


class _Events(NamedTuple):
    offsets: Any
    occurred_at: Any
    available_at: Any
    leads_until: Any
    source: Any
    address_type: Any
    month: Any  # empty unless a clause counts calendar months


class _Clauses(NamedTuple):
    source: Any
    needed: Any
    window: Any
    calendar: Any
    address_allowed: Any


def _events(histories: Histories, definition: Definition) -> _Events:
    calendar = any(clause.calendar_months for clause in definition.clauses)
    months = month_numbers(
        histories.occurred_at if calendar else np.empty(0, np.int64), histories.zone
    )
    h = histories
    return _Events(
        *(read_only(a) for a in (h.offsets, h.occurred_at, h.available_at, h.leads_until)),
        *(read_only(a) for a in (h.source, h.address_type, months)),
    )


def _clauses(definition: Definition) -> _Clauses:
    clauses = definition.clauses
    allowed = np.full(256, not definition.address_types)
    allowed[[ADDRESS_TYPE.code(name) for name in definition.address_types]] = True
    return _Clauses(
        read_only(np.array([SOURCE.code(c.source) for c in clauses], np.uint8)),
        read_only(np.array([c.needed for c in clauses], np.int64)),
        read_only(np.array([c.calendar_months or c.days * DAY for c in clauses], np.int64)),
        read_only(np.array([c.calendar_months > 0 for c in clauses], np.bool_)),
        read_only(allowed),
    )


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Give a read-only view: one kind of array for compiled code, so nothing compiles twice."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


@kernel()
def _gather(
    events: _Events, clauses: _Clauses, c: int, first: int, last: int, as_of: int,
    times: NDArray[np.int64], clocks: NDArray[np.int64],
) -> int:  # fmt: skip
    # Collect the incidents that clause c counts and that lead at as_of, in order of time.
    n = 0
    for j in range(first, last):
        if (
            events.source[j] == clauses.source[c]
            and clauses.address_allowed[events.address_type[j]]
            and leads(events.occurred_at[j], events.available_at[j], events.leads_until[j], as_of)
        ):
            times[n] = events.occurred_at[j]
            clocks[n] = events.month[j] if clauses.calendar[c] else events.occurred_at[j]
            n += 1
    return n


@kernel()
def _fill_known(
    events: _Events, clauses: _Clauses, as_ofs: NDArray[np.int64], months: NDArray[np.int64],
    meets: NDArray[np.bool_], last_met: NDArray[np.int64],
) -> None:  # fmt: skip
    longest = _longest(events.offsets)
    times, clocks = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for person in range(len(events.offsets) - 1):
        first, last = events.offsets[person], events.offsets[person + 1]
        for k in range(len(as_ofs)):
            before = first + np.searchsorted(events.occurred_at[first:last], as_ofs[k])
            for c in range(len(clauses.needed)):
                needed, window = clauses.needed[c], clauses.window[c]
                if before - first < needed:
                    continue
                n = _gather(events, clauses, c, first, before, as_ofs[k], times, clocks)
                now = months[k] if clauses.calendar[c] else as_ofs[k] - 1
                if n >= needed and now - clocks[n - needed] < window:
                    meets[person, k] = True
                for i in range(n - 1, needed - 2, -1):
                    if clocks[i] - clocks[i - needed + 1] < window:
                        last_met[person, k] = max(last_met[person, k], times[i])
                        break


@kernel()
def _fill_final(
    events: _Events, clauses: _Clauses, as_ofs: NDArray[np.int64], ends: NDArray[np.int64],
    end_months: NDArray[np.int64], disjoint: bool, rows: NDArray[np.bool_], in_the_end: int,
    first_met: NDArray[np.int64], meets_at_end: NDArray[np.bool_],
) -> None:  # fmt: skip
    # in_the_end comes in as an argument: a bare constant would be compiled as a type of its own.
    longest = _longest(events.offsets)
    times, clocks = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for person in range(len(events.offsets) - 1):
        first, last = events.offsets[person], events.offsets[person + 1]
        for c in range(len(clauses.needed)):
            needed, window = clauses.needed[c], clauses.window[c]
            if last - first < needed:
                continue
            n = _gather(events, clauses, c, first, last, in_the_end, times, clocks)
            for k in range(len(as_ofs)):
                if n < needed or not rows[person, k]:
                    continue
                start = np.searchsorted(times[:n], as_ofs[k])
                earliest = start if disjoint else 0  # the first incident that may count
                i = max(start, earliest + needed - 1)
                while i < n and times[i] < ends[k]:
                    if clocks[i] - clocks[i - needed + 1] < window:
                        first_met[person, k] = min(first_met[person, k], times[i])
                        break
                    i += 1
                stop = np.searchsorted(times[:n], ends[k])
                now = end_months[k] if clauses.calendar[c] else ends[k] - 1
                if stop - earliest >= needed and now - clocks[stop - needed] < window:
                    meets_at_end[person, k] = True


@kernel()
def _longest(offsets: NDArray[np.int64]) -> int:
    longest = 0
    for person in range(len(offsets) - 1):
        longest = max(longest, offsets[person + 1] - offsets[person])
    return longest
