"""One pass per person: known events become counts and ages, and those become a row.

Every row is computed from the person's own known events at its own as_of and from nothing else,
so no other person, index date, chunk or thread can change a bit of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel import writers
from hiu_features._kernel.compiled import block, leaf
from hiu_features._kernel.gather import all_valid, event_words, gather
from hiu_features._kernel.plan import Plan
from hiu_features.primitives import GAPS_KEPT

Ints = NDArray[np.int64]
Values = NDArray[np.float32]


class Events(NamedTuple):
    """The event arrays of histories, as the kernel takes them."""

    offsets: Ints
    occurred_at: Ints
    available_at: Ints
    superseded_at: Ints
    leads_until: Ints
    reason: NDArray[np.uint8]
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


@leaf
def most_events(offsets: Ints, first: int, last: int) -> int:
    """Give the largest number of events of any of these people."""
    most = 0
    for person in range(first, last):
        most = max(most, offsets[person + 1] - offsets[person])
    return most


@block
def fill(
    events: Events,
    people: Attributes,
    dates: Dates,
    plan: Plan,
    wanted: NDArray[np.bool_],
    starts: Ints,
    first_person: int,
    last_person: int,
    values: Values,
) -> bool:
    """Fill the wanted rows of these people; False when a code is in no vocabulary."""
    offsets, reason = events.offsets, events.reason
    occurred_at, available_at = events.occurred_at, events.available_at
    superseded_at, leads_until = events.superseded_at, events.leads_until
    as_ofs, local_days, covered, uncovered = dates[0], dates[1], dates[2], dates[3]
    all_covered = dates.all_covered
    born_days, sex, imd_decile = people.born_days, people.sex, people.imd_decile
    bucket_of, tallied, weights = plan.bucket_of, plan.tallied, plan.weights
    n_weights = weights.shape[1]
    counts, changes, shares = plan.counts, plan.changes, plan.shares
    decays, ratios, sequences = plan.decays, plan.ratios, plan.sequences
    attributes, tenures, coverages, spans = (
        plan.attributes, plan.tenures, plan.coverages, plan.spans,
    )  # fmt: skip

    most = most_events(offsets, first_person, last_person)
    first_word = offsets[first_person]
    words = event_words(events.columns, plan.words, first_word, offsets[last_person])
    valid: bool = all_valid(words)
    tallies = np.zeros(tallied.shape[1], np.int64)
    units = np.zeros(plan.n_sequences * n_weights, np.int64)
    lengths = np.zeros(plan.n_sequences, np.int64)
    ages = np.empty((plan.n_sequences, most), np.int32)
    reasons = np.empty((plan.n_sequences, most), np.uint8)
    gaps = np.empty(GAPS_KEPT, np.int64)

    for person in range(first_person, last_person):
        at = starts[person]
        if starts[person + 1] == at:
            continue
        first, last = offsets[person], offsets[person + 1]
        end = first
        for k in range(len(as_ofs)):
            if not wanted[person, k]:
                continue
            as_of = as_ofs[k]
            while end < last and occurred_at[end] < as_of:
                end += 1
            gather(
                occurred_at, available_at, superseded_at, leads_until, reason, words, first_word,
                plan.event_bits, plan.sequence_bits, bucket_of, tallied, weights, first, end,
                as_of, tallies, units, lengths, ages, reasons,
            )  # fmt: skip
            writers.write_counts(counts, tallies, values, at)
            writers.write_changes(changes, tallies, values, at)
            writers.write_shares(shares, tallies, values, at)
            writers.write_decays(decays, units, n_weights, values, at)
            writers.write_ratios(ratios, units, n_weights, values, at)
            writers.write_sequences(sequences, ages, reasons, lengths, gaps, values, at)
            writers.write_attributes(
                attributes, born_days[person], sex[person], imd_decile[person], local_days[k],
                values, at,
            )  # fmt: skip
            since = writers.tenure(occurred_at, available_at, superseded_at, first, end, as_of)
            writers.write_same(tenures, since, values, at)
            writers.write_covered(coverages, covered, k, values, at)
            if not all_covered[k]:
                writers.write_missing(spans, uncovered, k, values, at)
            at += 1
    return valid
