"""The primitives over the ages of a choice of events: one short function each.

``ages[s, :n]`` holds whole seconds before as_of, ascending (the latest event first), of the
``n`` events of choice ``s``. A window of ``w`` seconds holds the ages from 1 to ``w``:
[as_of - w, as_of). Rows are indexed, not sliced: a slice costs a reference count.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel.compiled import leaf
from hiu_features.primitives import GAPS_KEPT, LEAST_GAPS, WEIGHT_BITS
from hiu_risk.times import DAY

Ages = NDArray[np.int32]
_UNIT = float(2**WEIGHT_BITS)


@leaf
def decayed(units: int) -> float:
    """Turn units into incidents."""
    return units / _UNIT


@leaf
def days_since(ages: Ages, s: int, n: int, nth: int, within: int) -> float:
    """Give the days from the nth last event to as_of."""
    if n < nth or ages[s, nth - 1] > within:
        return math.nan
    return float(ages[s, nth - 1] / DAY)


@leaf
def peak(ages: Ages, s: int, n: int, span: int, within: int) -> float:
    """Give the most events within any half-open window of span seconds."""
    most, first = 0, 0
    for i in range(n):
        if ages[s, i] > within:
            break
        while ages[s, i] - ages[s, first] >= span:
            first += 1
        most = max(most, i - first + 1)
    return float(most)


@leaf
def active_periods(ages: Ages, s: int, n: int, period: int, within: int) -> float:
    """Count the periods, counted back from as_of, that hold an event."""
    active, until = 0, 0
    for i in range(n):
        if ages[s, i] > within:
            break
        if ages[s, i] > until:
            active += 1
            until = ((ages[s, i] - 1) // period + 1) * period
    return float(active)


@leaf
def latest_gaps(ages: Ages, s: int, n: int, within: int, gaps: NDArray[np.int64]) -> int:
    """Write the latest gaps in ascending order; give how many there are."""
    size = 0
    for i in range(1, n):
        if ages[s, i] > within or size == GAPS_KEPT:
            break
        gap = np.int64(ages[s, i] - ages[s, i - 1])
        place = size
        while place > 0 and gaps[place - 1] > gap:
            gaps[place] = gaps[place - 1]
            place -= 1
        gaps[place] = gap
        size += 1
    return size


@leaf
def median_gap(gaps: NDArray[np.int64], size: int) -> float:
    """Give the median of the latest gaps in days."""
    if size == 0:
        return math.nan
    return float((gaps[(size - 1) // 2] + gaps[size // 2]) / 2.0 / DAY)


@leaf
def gap_variation(gaps: NDArray[np.int64], size: int) -> float:
    """Give the standard deviation of the latest gaps over their mean, from whole-number sums."""
    total, squares = np.int64(0), np.int64(0)
    for i in range(size):
        total += gaps[i]
        squares += gaps[i] * gaps[i]
    if size < LEAST_GAPS or total == 0:
        return math.nan
    return math.sqrt(float(size * squares - total * total)) / float(total)


@leaf
def different_reasons(ages: Ages, reasons: NDArray[np.uint8], s: int, n: int, within: int) -> float:
    """Count the different reasons, leaving unknown out."""
    seen, different = np.uint64(0), 0
    for i in range(n):
        if ages[s, i] > within:
            break
        bit = np.uint64(1) << np.uint64(reasons[s, i])
        if reasons[s, i] != 0 and not seen & bit:
            seen, different = seen | bit, different + 1
    return float(different)
