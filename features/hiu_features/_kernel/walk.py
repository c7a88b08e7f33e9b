"""One pass per person: known events become counts and ages, and those become a row.

Every row is computed from the person's own known events at its own as_of and from nothing else,
so no other person, index date, chunk or thread can change a bit of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel import primitives
from hiu_features._kernel.bits import lowest_bit
from hiu_features._kernel.coverage import write_coverage
from hiu_features._kernel.plan import VALID_BIT, Plan
from hiu_features.primitives import GAPS_KEPT
from hiu_risk.times import DAY
from hiu_risk.visibility import is_known

Ints = NDArray[np.int64]
Values = NDArray[np.float32]

_REASON = 1
_ALL_BUT_VALID = np.uint64((1 << VALID_BIT) - 1)
_ONE = np.uint64(1)


class Events(NamedTuple):
    """The event arrays of histories, as the kernel takes them."""

    offsets: Ints
    occurred_at: Ints
    available_at: Ints
    superseded_at: Ints
    leads_until: Ints
    columns: tuple[NDArray[np.uint8], ...]  # in the order of which.COLUMNS


class Attributes(NamedTuple):
    """The attributes of people that features may use."""

    born_days: Ints  # year * 10000 + month * 100 + day, local; 0 when unknown
    sex: NDArray[np.uint8]
    imd_decile: NDArray[np.uint8]


class Dates(NamedTuple):
    """The index dates and what the feeds cover at each."""

    as_ofs: Ints
    local_days: Ints  # year * 10000 + month * 100 + day of each as_of, local
    covered: NDArray[np.float32]  # (as_ofs, coverage features): days covered
    uncovered: NDArray[np.bool_]  # (as_ofs, spans): the feeds cover none of the span
    all_covered: NDArray[np.bool_]  # (as_ofs,)


class Scratch(NamedTuple):
    """Working memory of one thread, reused for every row."""

    words: NDArray[np.uint64]  # (events of a person,): the choices each event belongs to
    hist: NDArray[np.int32]  # (edges + 1, choices)
    ages: NDArray[np.int32]  # (sequences, events of a person)
    reasons: NDArray[np.uint8]  # same
    lengths: Ints  # (sequences,)
    gaps: Ints  # (GAPS_KEPT,)


@numba.njit(error_model="numpy", cache=True)
def make_scratch(plan: Plan, most_events: int) -> Scratch:
    """Allocate the working memory for people of at most so many events."""
    return Scratch(
        np.empty(most_events, np.uint64),
        np.zeros((len(plan.edges) + 1, plan.n_choices), np.int32),
        np.empty((plan.n_sequences, most_events), np.int32),
        np.empty((plan.n_sequences, most_events), np.uint8),
        np.zeros(plan.n_sequences, np.int64),
        np.empty(GAPS_KEPT, np.int64),
    )


@numba.njit(error_model="numpy", cache=True)
def event_words(events: Events, plan: Plan, first: int, last: int, scratch: Scratch) -> bool:
    """Look up which choices each event belongs to; False when a code is not in a vocabulary."""
    valid = True
    for i in range(first, last):
        word = ~np.uint64(0)
        for column in range(len(events.columns)):
            word &= plan.words[column, events.columns[column][i]]
        valid &= bool(word >> np.uint64(VALID_BIT))
        scratch.words[i - first] = word & _ALL_BUT_VALID
    return valid


@numba.njit(error_model="numpy", cache=True)
def gather(events: Events, plan: Plan, first: int, end: int, as_of: int, scratch: Scratch) -> None:
    """Count the events known at as_of by age and choice, and list the ages of the sequences.

    Rows ``first`` to ``end`` are the person's events before as_of; the latest come first.
    """
    hist, lengths = scratch.hist, scratch.lengths
    hist[:] = 0
    lengths[:] = 0
    lookback, bucket = plan.edges[-1], 0
    for i in range(end - 1, first - 1, -1):
        age = as_of - events.occurred_at[i]
        if age > lookback:
            break
        if events.available_at[i] > as_of or events.superseded_at[i] <= as_of:
            continue
        word = scratch.words[i - first]
        if events.leads_until[i] <= as_of:
            word &= plan.event_bits
        while age > plan.edges[bucket]:
            bucket += 1
        while word:
            choice = lowest_bit(word)
            word &= word - _ONE
            hist[bucket + 1, choice] += 1
            if choice < plan.n_sequences:
                at = lengths[choice]
                scratch.ages[choice, at] = age
                scratch.reasons[choice, at] = events.columns[_REASON][i]
                lengths[choice] = at + 1
    for edge in range(2, len(plan.edges) + 1):
        for choice in range(plan.n_choices):
            hist[edge, choice] += hist[edge - 1, choice]


@numba.njit(error_model="numpy", cache=True)
def write_counts(plan: Plan, hist: NDArray[np.int32], row: Values) -> None:
    """Write counts, changes and shares from the cumulative counts by age."""
    for r in range(len(plan.counts)):
        to, choice, start, end = plan.counts[r]
        row[to] = hist[start, choice] - hist[end, choice]
    for r in range(len(plan.changes)):
        to, choice, start, middle = plan.changes[r]
        row[to] = 2 * hist[middle, choice] - hist[start, choice]
    for r in range(len(plan.shares)):
        to, part, whole, start = plan.shares[r]
        n = hist[start, whole]
        row[to] = hist[start, part] / n if n > 0 else math.nan


@numba.njit(error_model="numpy", cache=True)
def write_decays(plan: Plan, scratch: Scratch, row: Values) -> None:
    """Write decayed intensities and their ratios."""
    ages, lengths = scratch.ages, scratch.lengths
    for r in range(len(plan.decays)):
        to, s, w = plan.decays[r]
        row[to] = primitives.decayed(
            primitives.decayed_units(ages[s], lengths[s], plan.weights[w], plan.weight_hours[w])
        )
    for r in range(len(plan.ratios)):
        to, s, w, below = plan.ratios[r]
        fast = primitives.decayed_units(ages[s], lengths[s], plan.weights[w], plan.weight_hours[w])
        slow = primitives.decayed_units(
            ages[s], lengths[s], plan.weights[below], plan.weight_hours[below]
        )
        row[to] = fast / slow if slow > 0 else math.nan


@numba.njit(error_model="numpy", cache=True)
def write_sequences(plan: Plan, scratch: Scratch, row: Values) -> None:
    """Write what depends on the order of events."""
    gaps = scratch.gaps
    for r in range(len(plan.sequences)):
        to, operation, s, first, second = plan.sequences[r]
        ages, n = scratch.ages[s], scratch.lengths[s]
        if operation == 0:
            row[to] = primitives.days_since(ages, n, first, second)
        elif operation == 1:
            row[to] = primitives.peak(ages, n, first, second)
        elif operation == 2:
            row[to] = primitives.active_periods(ages, n, first, second)
        elif operation == 3:
            row[to] = primitives.median_gap(ages, n, second, gaps)
        elif operation == 4:
            row[to] = primitives.gap_variation(ages, n, second, gaps)
        else:
            row[to] = primitives.different_reasons(ages, scratch.reasons[s], n, second)


@numba.njit(error_model="numpy", cache=True)
def age_in_years(born_day: int, local_day: int) -> float:
    """Give whole years between local dates; a 29 February birthday falls on 1 March in other years."""
    if born_day == 0 or local_day < born_day:
        return math.nan
    return float((local_day - born_day) // 10_000)


@numba.njit(error_model="numpy", cache=True)
def write_person(plan: Plan, people: Attributes, person: int, local_day: int, row: Values) -> None:
    """Write the person's attributes."""
    for r in range(len(plan.attributes)):
        to, attribute = plan.attributes[r]
        if attribute == 0:
            row[to] = age_in_years(people.born_days[person], local_day)
        elif attribute == 1:
            sex = people.sex[person]
            row[to] = math.nan if sex == 0 else (1.0 if sex == 1 else 0.0)
        else:
            decile = people.imd_decile[person]
            row[to] = math.nan if decile == 0 else float(decile)


@numba.njit(error_model="numpy", cache=True)
def tenure(events: Events, first: int, end: int, as_of: int) -> float:
    """Days from the first known event to as_of."""
    for i in range(first, end):
        if is_known(events.occurred_at[i], events.available_at[i], events.superseded_at[i], as_of):
            return (as_of - events.occurred_at[i]) / DAY
    return math.nan


@numba.njit(error_model="numpy", cache=True)
def fill_person(
    events: Events,
    people: Attributes,
    dates: Dates,
    plan: Plan,
    scratch: Scratch,
    person: int,
    wanted: NDArray[np.bool_],
    values: Values,
) -> bool:
    """Fill the wanted rows of one person, in order of as_of; False when a code is invalid."""
    first, last = events.offsets[person], events.offsets[person + 1]
    valid = event_words(events, plan, first, last, scratch)
    end, out = first, 0
    for k in range(len(dates.as_ofs)):
        if not wanted[k]:
            continue
        as_of, row = dates.as_ofs[k], values[out]
        out += 1
        while end < last and events.occurred_at[end] < as_of:
            end += 1
        gather(events, plan, first, end, as_of, scratch)
        write_counts(plan, scratch.hist, row)
        write_decays(plan, scratch, row)
        write_sequences(plan, scratch, row)
        write_person(plan, people, person, dates.local_days[k], row)
        for r in range(len(plan.tenures)):
            row[plan.tenures[r, 0]] = tenure(events, first, end, as_of)
        write_coverage(plan, dates.covered[k], dates.uncovered[k], dates.all_covered[k], row)
    return valid


@numba.njit(error_model="numpy", cache=True, nogil=True)
def fill(
    events: Events,
    people: Attributes,
    dates: Dates,
    plan: Plan,
    wanted: NDArray[np.bool_],
    starts: Ints,
    first: int,
    last: int,
    values: Values,
) -> bool:
    """Fill the wanted rows of people ``first`` to ``last``; False when a code is invalid."""
    most = 0
    for person in range(first, last):
        most = max(most, events.offsets[person + 1] - events.offsets[person])
    scratch = make_scratch(plan, most)
    valid = True
    for person in range(first, last):
        at, to = starts[person], starts[person + 1]
        if to > at:
            valid &= fill_person(
                events, people, dates, plan, scratch, person, wanted[person], values[at:to]
            )
    return valid
