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
from hiu_risk.visibility import is_known

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_VALID = np.uint64(1 << VALID_BIT)
_ONE = np.uint64(1)


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
    edges: Ints,
    first: int,
    end: int,
    as_of: int,
    n_choices: int,
    hist: NDArray[np.int32],
    lengths: Ints,
    ages: NDArray[np.int32],
    reasons: NDArray[np.uint8],
) -> None:
    """Count the events known at as_of by age and choice, and list the ages of the sequences.

    Rows ``first`` to ``end`` are the person's events before as_of; the latest come first. Cell
    ``e * n_choices + c`` of ``hist`` ends as the number of choice ``c`` no older than edge ``e``.
    """
    for cell in range(len(hist)):
        hist[cell] = 0
    n_sequences = len(lengths)
    for s in range(n_sequences):
        lengths[s] = 0
    lookback, bucket = edges[len(edges) - 1], 0
    for i in range(end - 1, first - 1, -1):
        age = as_of - occurred_at[i]
        if age > lookback:
            break
        if not is_known(occurred_at[i], available_at[i], superseded_at[i], as_of):
            continue
        word = words[i - first_word]
        if leads_until[i] <= as_of:
            word &= event_bits
        while age > edges[bucket]:
            bucket += 1
        while word:
            choice = lowest_bit(word)
            word &= word - _ONE
            hist[(bucket + 1) * n_choices + choice] += 1
            if choice < n_sequences:
                at = lengths[choice]
                ages[choice, at] = age
                reasons[choice, at] = reason[i]
                lengths[choice] = at + 1
    for edge in range(2, len(edges) + 1):
        for cell in range(edge * n_choices, (edge + 1) * n_choices):
            hist[cell] += hist[cell - n_choices]
