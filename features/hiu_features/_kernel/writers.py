"""One writer for each table of the plan: each fills its columns of row ``at``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel import primitives
from hiu_features._kernel.compiled import leaf
from hiu_risk.times import DAY
from hiu_risk.visibility import is_known

Ints = NDArray[np.int64]
Index = NDArray[np.uint32]
Ages = NDArray[np.int32]
Values = NDArray[np.float32]


@leaf
def write_counts(todo: Index, tallies: Ints, values: Values, at: int) -> None:
    """Write the number within each window."""
    for r in range(len(todo)):
        values[at, todo[r, 0]] = tallies[todo[r, 1]]


@leaf
def write_changes(todo: Index, tallies: Ints, values: Values, at: int) -> None:
    """Write the number in the latest window less the number in the window before it."""
    for r in range(len(todo)):
        values[at, todo[r, 0]] = tallies[todo[r, 1]] - tallies[todo[r, 2]]


@leaf
def write_shares(todo: Index, tallies: Ints, values: Values, at: int) -> None:
    """Write parts of wholes."""
    for r in range(len(todo)):
        part, whole = tallies[todo[r, 1]], tallies[todo[r, 2]]
        values[at, todo[r, 0]] = part / whole if whole > 0 else math.nan


@leaf
def write_decays(todo: Index, units: Ints, n_weights: int, values: Values, at: int) -> None:
    """Write decayed intensities."""
    for r in range(len(todo)):
        values[at, todo[r, 0]] = primitives.decayed(units[todo[r, 1] * n_weights + todo[r, 2]])


@leaf
def write_ratios(todo: Index, units: Ints, n_weights: int, values: Values, at: int) -> None:
    """Write a fast decayed intensity over a slow one."""
    for r in range(len(todo)):
        fast = units[todo[r, 1] * n_weights + todo[r, 2]]
        slow = units[todo[r, 1] * n_weights + todo[r, 3]]
        values[at, todo[r, 0]] = fast / slow if slow > 0 else math.nan


@leaf
def write_sequences(
    todo: Ints,
    ages: Ages,
    reasons: NDArray[np.uint8],
    lengths: Ints,
    gaps: Ints,
    values: Values,
    at: int,
) -> None:
    """Write what depends on the order of events; operations as in ``plan.SEQUENCE_OPS``."""
    size, gaps_of, gaps_within = 0, -1, 0
    for r in range(len(todo)):
        operation, s, first, second = todo[r, 1], todo[r, 2], todo[r, 3], todo[r, 4]
        n = lengths[s]
        if operation == 0:
            value = primitives.days_since(ages, s, n, first, second)
        elif operation == 1:
            value = primitives.peak(ages, s, n, first, second)
        elif operation == 2:
            value = primitives.active_periods(ages, s, n, first, second)
        elif operation <= 4:
            if s != gaps_of or second != gaps_within:  # sorted once for both features of rhythm
                size, gaps_of = primitives.latest_gaps(ages, s, n, second, gaps), s
                gaps_within = second
            if operation == 3:
                value = primitives.median_gap(gaps, size)
            else:
                value = primitives.gap_variation(gaps, size)
        else:
            value = primitives.different_reasons(ages, reasons, s, n, second)
        values[at, todo[r, 0]] = value


@leaf
def age_in_years(born_day: int, local_day: int) -> float:
    """Give whole years between local dates; born on 29 February, a year older on 1 March."""
    if born_day == 0 or local_day < born_day:
        return math.nan
    return float((local_day - born_day) // 10_000)


@leaf
def write_attributes(
    todo: Ints, born_day: int, sex: int, decile: int, local_day: int, values: Values, at: int
) -> None:
    """Write the person's attributes, in the order of ``primitives.ATTRIBUTES``."""
    for r in range(len(todo)):
        if todo[r, 1] == 0:
            value = age_in_years(born_day, local_day)
        elif todo[r, 1] == 1:
            value = math.nan if sex == 0 else (1.0 if sex == 1 else 0.0)
        else:
            value = math.nan if decile == 0 else float(decile)
        values[at, todo[r, 0]] = value


@leaf
def tenure(
    occurred_at: Ints, available_at: Ints, superseded_at: Ints, first: int, end: int, as_of: int
) -> float:
    """Give the days from the first known event to as_of."""
    for i in range(first, end):
        if is_known(occurred_at[i], available_at[i], superseded_at[i], as_of):
            return float((as_of - occurred_at[i]) / DAY)
    return math.nan


@leaf
def write_same(todo: Ints, value: float, values: Values, at: int) -> None:
    """Write one value into each column."""
    for r in range(len(todo)):
        values[at, todo[r, 0]] = value


@leaf
def write_covered(todo: Ints, covered: Values, k: int, values: Values, at: int) -> None:
    """Write the days that feeds cover."""
    for r in range(len(todo)):
        values[at, todo[r, 0]] = covered[k, r]


@leaf
def write_missing(
    todo: Ints, uncovered: NDArray[np.bool_], k: int, values: Values, at: int
) -> None:
    """Make missing what no feed covered."""
    for r in range(len(todo)):
        if uncovered[k, r]:
            values[at, todo[r, 0]] = math.nan
