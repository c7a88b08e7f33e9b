"""Which rows are made when nobody says: people with a known event in the last days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel.compiled import block
from hiu_features._kernel.walk import Events
from hiu_risk.visibility import is_known

Ints = NDArray[np.int64]


@block
def active(events: Events, as_ofs: Ints, seconds: int, first: int, last: int) -> NDArray[np.bool_]:
    """Tell, per person and as_of, whether an event of the last seconds was known."""
    wanted = np.zeros((last - first, len(as_ofs)), np.bool_)
    for person in range(first, last):
        low, high = events.offsets[person], events.offsets[person + 1]
        end = low
        for k in range(len(as_ofs)):
            as_of = as_ofs[k]
            while end < high and events.occurred_at[end] < as_of:
                end += 1
            for i in range(end - 1, low - 1, -1):
                if as_of - events.occurred_at[i] > seconds:
                    break
                if is_known(
                    events.occurred_at[i], events.available_at[i], events.superseded_at[i], as_of
                ):
                    wanted[person - first, k] = True
                    break
    return wanted


@block
def row_starts(wanted: NDArray[np.bool_]) -> Ints:
    """Give where each person's rows start, and after the last person the number of rows."""
    starts = np.zeros(len(wanted) + 1, np.int64)
    for person in range(len(wanted)):
        n = 0
        for k in range(wanted.shape[1]):
            n += wanted[person, k]
        starts[person + 1] = starts[person] + n
    return starts


@block
def row_labels(
    wanted: NDArray[np.bool_], as_ofs: Ints, person: NDArray[np.int32], as_of: Ints
) -> None:
    """Write the person and the as_of of each row."""
    at = 0
    for row in range(len(wanted)):
        for k in range(len(as_ofs)):
            if wanted[row, k]:
                person[at], as_of[at] = row, as_ofs[k]
                at += 1
