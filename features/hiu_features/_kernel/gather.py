"""From events to counts by age and lists of ages: what was known at one as_of, once.

Arrays are passed one by one and never sliced in the inner loops: a tuple taken apart or a slice
made there costs reference counts, which once were four fifths of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel.bits import lowest_bit
from hiu_features._kernel.compiled import block, leaf
from hiu_features._kernel.plan import VALID_BIT
from hiu_features.primitives import LOOKBACK_DAYS
from hiu_risk.times import DAY, HOUR
from hiu_risk.visibility import is_known

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_VALID = np.uint64(1 << VALID_BIT)
_ONE = np.uint64(1)
_WEIGHED = LOOKBACK_DAYS * DAY


@leaf
def narrow(words: Words, column: NDArray[np.uint8], accepted: Words, place: int) -> None:
    """Keep in each event's word only the choices that accept its code in this column."""
    for i in range(len(words)):
        words[i] &= accepted[place, column[i]]


@block
def event_words(
    columns: tuple[NDArray[np.uint8], ...], accepted: Words, first: int, last: int
) -> Words:
    """Look up which choices each event of these rows belongs to, a bit for each."""
    words = np.full(last - first, ~np.uint64(0))
    for place in range(len(columns)):
        narrow(words, columns[place][first:last], accepted, place)
    return words


@leaf
def all_valid(words: Words) -> bool:
    """Tell whether each event's codes are all in their vocabularies; clear the bit that says so."""
    valid = _VALID
    for i in range(len(words)):
        valid &= words[i]
        words[i] &= ~_VALID
    return bool(valid == _VALID)


@leaf
def gather(
    occurred_at: Ints,
    available_at: Ints,
    superseded_at: Ints,
    leads_until: Ints,
    reason: NDArray[np.uint8],
    words: Words,
    first_word: int,
    event_bits: np.uint64,
    sequence_bits: np.uint64,
    bucket_of: NDArray[np.uint16],
    tallied: Words,
    weights: NDArray[np.uint32],
    first: int,
    end: int,
    as_of: int,
    tallies: Ints,
    units: Ints,
    lengths: Ints,
    ages: NDArray[np.int32],
    reasons: NDArray[np.uint8],
) -> None:
    """Tally the events known at as_of, sum their decay weights, and list the sequences' ages.

    Rows ``first`` to ``end`` are the person's events before as_of; the latest come first. All
    tallies are added to at once, by vector instructions; asking which of them an event belongs to
    would cost more, as the processor can't guess the answers. ``units`` holds, for each sequence
    and half-life, whole multiples of 2**-30: whole numbers, so order does not matter.
    """
    tallies[:] = 0
    units[:] = 0
    lengths[:] = 0
    n_weights, lookback = weights.shape[1], len(bucket_of) * DAY
    for i in range(end - 1, first - 1, -1):
        age = as_of - occurred_at[i]
        if age > lookback:
            break
        if not is_known(occurred_at[i], available_at[i], superseded_at[i], as_of):
            continue
        word = words[i - first_word]
        if leads_until[i] <= as_of:
            word &= event_bits
        bucket = bucket_of[(age - 1) // DAY]
        if bucket < len(tallied):
            for place in range(len(tallies)):
                tallies[place] += (word & tallied[bucket, place]) != 0
        word &= sequence_bits
        while word:
            s = lowest_bit(word)
            word &= word - _ONE
            at = lengths[s]
            ages[s, at] = age
            reasons[s, at] = reason[i]
            lengths[s] = at + 1
            if age <= _WEIGHED:
                hour = age // HOUR
                for w in range(n_weights):
                    units[s * n_weights + w] += np.int64(weights[hour, w])
