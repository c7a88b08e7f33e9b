"""A feature depends on the person's events known at as_of, and on nothing else, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_features import Engine, build, default_catalogue
from hiu_risk.histories import Histories
from hiu_risk.store import Store
from hiu_risk.times import DAY, FOREVER
from tests.support.histories import EVERYWHERE, random_histories, seconds
from tests.support.history_strategies import histories_and_dates
from tests.support.stores import write_store

AS_OFS = [seconds(f"2023-{month:02d}-01") for month in range(2, 13)]
EVENT_ARRAYS = (
    "occurred_at", "available_at", "superseded_at", "leads_until", "source", "reason", "outcome",
    "urgency", "caller_type", "address_type", "arrival", "kind", "hour_of_week",
)  # fmt: skip


@pytest.fixture(scope="module")
def region() -> Histories:
    return random_histories(11, n_people=300, n_events=4_000)


@pytest.fixture(scope="module")
def whole(region):
    return build(region, AS_OFS)


def assert_same(table, other):
    assert table.names == other.names
    assert table.as_of.tobytes() == other.as_of.tobytes()
    assert table.values.tobytes() == other.values.tobytes()


def with_events(histories, keep, **changed):
    """The histories with the events ``keep`` selects, and some of their arrays changed."""
    arrays = {name: getattr(histories, name) for name in EVENT_ARRAYS} | changed
    lengths = np.bincount(histories.event_person[keep], minlength=histories.n_people)
    return replace(
        histories,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        **{name: array[keep] for name, array in arrays.items()},
    )


@settings(max_examples=60, deadline=None)
@given(histories_and_dates(), st.randoms(use_true_random=False))
def test_nothing_from_after_as_of_is_seen(drawn, random):
    histories, as_ofs = drawn
    as_of = as_ofs[0]
    everyone = np.ones((histories.n_people, 1), np.bool_)
    seen = build(histories, [as_of], rows=everyone)
    future = (histories.occurred_at >= as_of) | (histories.available_at > as_of)
    assert_same(seen, build(with_events(histories, ~future), [as_of], rows=everyone))

    def changed(array, low, high):
        drawn = [random.randrange(low, high) for _ in array]
        return np.where(future, np.array(drawn, array.dtype), array)

    other = with_events(
        histories,
        np.ones(len(future), np.bool_),
        source=changed(histories.source, 1, 4),
        reason=changed(histories.reason, 0, 16),
        outcome=changed(histories.outcome, 0, 11),
        hour_of_week=changed(histories.hour_of_week, 0, 168),
        superseded_at=np.where(
            histories.superseded_at > as_of,
            as_of + 1 + random.randrange(DAY),
            histories.superseded_at,
        ),
        leads_until=np.where(histories.leads_until > as_of, FOREVER, histories.leads_until),
    )
    assert_same(seen, build(other, [as_of], rows=everyone))


def test_later_rows_do_not_reach_back(region):
    as_of = AS_OFS[5]
    known = (region.occurred_at < as_of) & (region.available_at <= as_of)
    assert known.any()
    assert not known.all()
    rows = np.ones((region.n_people, 1), np.bool_)
    cut = with_events(region, known)
    assert_same(build(region, [as_of], rows=rows), build(cut, [as_of], rows=rows))


def test_other_index_dates_change_nothing(region, whole):
    for as_of in AS_OFS[::4]:
        alone = build(region, [as_of])
        of_all = whole.values[whole.as_of == as_of]
        assert alone.values.tobytes() == of_all.tobytes()


def test_other_people_and_their_order_change_nothing(region, whole):
    order = np.random.default_rng(0).permutation(region.n_people)
    shuffled = build(region.take(order), AS_OFS)
    back = np.lexsort((shuffled.as_of, order[shuffled.person]))
    assert shuffled.values[back].tobytes() == whole.values.tobytes()


def test_one_person_alone_equals_the_batch(region, whole):
    for person in range(0, region.n_people, 17):
        alone = build(region.take(np.array([person])), AS_OFS)
        assert alone.values.tobytes() == whole.values[whole.person == person].tobytes()


@pytest.mark.parametrize(("threads", "block"), [(1, 7), (2, 50), (4, 1), (2, 10**9)])
def test_threads_and_chunks_change_nothing(region, whole, threads, block):
    assert_same(whole, Engine(threads=threads, block_rows=block).build(region, AS_OFS))


def test_other_features_change_nothing(region, whole):
    names = list(whole.names)[::-3]
    some = build(region, AS_OFS, default_catalogue().select(names))
    for place, name in enumerate(names):
        assert some.values[:, place].tobytes() == whole.column(name).tobytes()


def test_rows_asked_for_are_the_rows_made(region, whole):
    rows = np.random.default_rng(1).random((region.n_people, len(AS_OFS))) < 0.3
    table = build(region, AS_OFS, rows=rows)
    people, dates = np.nonzero(rows)
    assert table.person.tolist() == people.tolist()
    assert table.as_of.tolist() == [AS_OFS[k] for k in dates]


def test_default_rows_have_a_known_event_within_a_year(region, whole):
    made = set(zip(whole.person.tolist(), whole.as_of.tolist(), strict=True))
    for k in AS_OFS:
        known = (
            (region.occurred_at < k)
            & (region.occurred_at >= k - 365 * DAY)
            & (region.available_at <= k)
            & (k < region.superseded_at)
        )
        people = set(region.event_person[known].tolist())
        assert people == {person for person, as_of in made if as_of == k}


def test_ties_in_any_order_give_the_same(region):
    tied = replace(region, occurred_at=region.occurred_at // (30 * DAY) * (30 * DAY))
    random = np.random.default_rng(2)
    order = np.lexsort((random.random(tied.n_events), tied.occurred_at, tied.event_person))
    arrays = {name: getattr(tied, name)[order] for name in EVENT_ARRAYS}
    assert_same(build(tied, AS_OFS), build(replace(tied, **arrays), AS_OFS))


def test_feeds_that_cover_everything_leave_counts_as_they_are(region):
    covered = build(replace(region, feeds=EVERYWHERE), AS_OFS)
    undeclared = build(replace(region, feeds=()), AS_OFS)
    for place, name in enumerate(covered.names):
        if name.endswith("_covered_365d"):
            assert np.isnan(undeclared.values[:, place]).all()
            assert (covered.values[:, place] == 365).all()
        else:
            assert covered.values[:, place].tobytes() == undeclared.values[:, place].tobytes()


def test_nothing_from_after_as_of_is_seen_through_a_store(region, tmp_path):
    as_of = AS_OFS[5]
    future = (region.occurred_at >= as_of) | (region.available_at > as_of)
    rows = np.ones((region.n_people, 1), np.bool_)
    tables = []
    for name, histories in (("whole", region), ("cut", with_events(region, ~future))):
        stored = Store.open(write_store(histories, tmp_path / name)).histories()
        tables.append(build(stored, [as_of], rows=rows))
    assert_same(*tables)
    assert_same(tables[0], build(region, [as_of], rows=rows))
