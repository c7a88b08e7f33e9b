"""An outsider who adds and subtracts what is printed must not learn a small count."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from hiu_risk.suppression import EarlierTable, MadeOf, SmallNumbers, Sum, protect
from tests.support.adversary import both, together

RULE = SmallNumbers()


@st.composite
def two_way_tables(draw):
    """A table with row sums, column sums and a grand total: counts and relations."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    counts = st.one_of(st.integers(0, 12), st.integers(0, 60))
    inner = np.array(draw(st.lists(counts, min_size=rows * columns, max_size=rows * columns)))
    inner = inner.reshape(rows, columns)
    full = np.zeros((rows + 1, columns + 1), int)
    full[:rows, :columns] = inner
    full[:rows, columns] = inner.sum(1)
    full[rows] = full[:rows].sum(0)
    at = np.arange(full.size).reshape(full.shape)
    across = [Sum(int(at[r, -1]), tuple(at[r, :-1].tolist())) for r in range(rows + 1)]
    down = [Sum(int(at[-1, c]), tuple(at[:-1, c].tolist())) for c in range(columns + 1)]
    return full.ravel(), across + down


def possible(counts, safe, sums, cell, rounded):
    """Whole numbers that the cell can be, for one who sees what is printed."""
    low, high = np.zeros(len(counts)), np.zeros(len(counts))
    for i, count in enumerate(counts):
        if safe.hidden[i]:
            low[i], high[i] = 0, 10_000
        elif rounded and count > 0:
            shown = RULE.show(int(count))
            low[i], high[i] = max(shown - 2, 8), shown + 2
        else:
            low[i] = high[i] = count
    relations = np.zeros((len(sums), len(counts)))
    for row, relation in enumerate(sums):
        relations[row, list(relation.parts)] += 1
        relations[row, relation.total] -= 1
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(counts))
        aim[cell] = sign
        solved = milp(
            aim, integrality=np.ones(len(counts)), bounds=Bounds(low, high),
            constraints=LinearConstraint(relations, 0, 0),
        )  # fmt: skip
        assert solved.success
        ends.append(round(solved.x[cell]))
    return range(ends[0], ends[1] + 1)


@settings(max_examples=40, deadline=None)
@given(two_way_tables(), st.booleans())
@example(
    (
        np.array([0, 1, 1, 11, 17, 28, 0, 9, 9, 11, 27, 38]),
        [
            *(Sum(i + 2, (i, i + 1)) for i in (0, 3, 6, 9)),
            *(Sum(i + 9, (i, i + 3, i + 6)) for i in (0, 1, 2)),
        ],
    ),
    True,
)
def test_nobody_can_work_out_a_hidden_small_count(table, rounded):
    counts, sums = table
    vague = np.full(len(counts), rounded)
    safe = protect(counts, sums, RULE, rounded=vague)
    assert not ((counts >= 1) & (counts <= 7) & ~safe.hidden).any()
    for cell in np.flatnonzero(safe.small):
        candidates = [c for c in possible(counts, safe, sums, cell, rounded) if 1 <= c <= 7]
        assert counts[cell] in candidates
        assert len(candidates) >= RULE.candidates


@given(st.integers(0, 10**6))
def test_a_printed_count_is_a_multiple_of_five_within_two_of_the_truth(count):
    shown = RULE.show(count)
    if shown == "*":
        assert 1 <= count <= 7
    else:
        assert shown % 5 == 0
        assert abs(shown - count) <= 2


@st.composite
def successive_tables(draw):
    """One table of people, and the same with a few people more, fewer, or moved."""
    groups = draw(st.integers(2, 4))
    counts = st.one_of(st.integers(0, 12), st.integers(5, 60))
    before = np.array(draw(st.lists(counts, min_size=groups, max_size=groups)))
    how = draw(st.sampled_from(["added", "left", "moved"]))
    low, high = {"added": (0, 4), "left": (-4, 0), "moved": (-4, 4)}[how]
    steps = st.lists(st.integers(low, high), min_size=groups, max_size=groups)
    after = np.maximum(before + np.array(draw(steps)), 0)
    return (
        np.append(before, before.sum()),
        np.append(after, after.sum()),
        [Sum(groups, tuple(range(groups)))],
        how,
    )


def printed(counts, safe):
    """What a report prints: NaN for a star."""
    shown = [RULE.show(int(c), hidden=bool(h)) for c, h in zip(counts, safe.hidden, strict=True)]
    return np.array([np.nan if x == "*" else float(x) for x in shown])


@settings(max_examples=30, deadline=None)
@given(successive_tables())
@example((np.array([42, 48, 90]), np.array([43, 48, 91]), [Sum(2, (0, 1))], "added"))
@example((np.array([9, 30, 39]), np.array([6, 30, 36]), [Sum(2, (0, 1))], "left"))
def test_nobody_can_work_out_a_small_change_from_two_reports(tables):
    before, after, sums, how = tables
    n = len(before)
    vague = np.ones(n, np.bool_)
    first = protect(before, sums, RULE, rounded=vague)
    shown = printed(before, first)
    earlier = EarlierTable(
        shown, np.isnan(shown), np.zeros(n, np.bool_), np.ones(n, np.bool_),
        np.ones(len(sums), np.bool_),
    )  # fmt: skip
    second = protect(after, sums, RULE, rounded=vague, earlier=[earlier])
    reports = (shown, printed(after, second))
    for stance in {"moved", how}:
        for cell in range(n):
            if 0 < abs(after[cell] - before[cell]) <= RULE.largest and not first.hidden[cell]:
                aim = np.zeros(2 * n)
                aim[n + cell], aim[cell] = 1, -1
                low, high = both(reports, sums, stance, aim)
                assert low <= after[cell] - before[cell] <= high
                assert high - low + 1 >= RULE.candidates
        for cell in np.flatnonzero(second.small):
            aim = np.zeros(2 * n)
            aim[n + cell] = 1
            low, high = both(reports, sums, stance, aim)
            assert min(high, 7) - max(low, 1) + 1 >= RULE.candidates


@settings(max_examples=40, deadline=None)
@given(successive_tables())
def test_the_same_rows_again_show_nothing_new(tables):
    counts, _, sums, _ = tables
    n = len(counts)
    vague = np.ones(n, np.bool_)
    first = printed(counts, protect(counts, sums, RULE, rounded=vague))
    yes, no = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    earlier = EarlierTable(first, np.isnan(first), yes, no, np.ones(len(sums), np.bool_))
    second = printed(counts, protect(counts, sums, RULE, rounded=vague, earlier=[earlier]))
    np.testing.assert_array_equal(first, second)


def test_a_star_does_not_turn_into_the_next_count_up():
    sums = [Sum(2, (0, 1))]
    vague = np.ones(3, np.bool_)
    first = printed(np.array([7, 40, 47]), protect([7, 40, 47], sums, RULE, rounded=vague))
    earlier = EarlierTable(
        first, np.isnan(first), np.zeros(3, np.bool_), np.ones(3, np.bool_),
        np.ones(1, np.bool_),
    )  # fmt: skip
    assert protect([8, 40, 48], sums, RULE, rounded=vague, earlier=[earlier]).hidden[0]
    assert not protect([13, 40, 53], sums, RULE, rounded=vague, earlier=[earlier]).hidden[0]


def test_two_lists_of_the_same_people_can_both_be_shown():
    sums = [Sum(2, (0, 1))]
    vague, no = np.ones(3, np.bool_), np.zeros(3, np.bool_)
    earlier = EarlierTable(np.array([15.0, 0.0, 15.0]), no, no, no, np.ones(1, np.bool_))
    safe = protect([17, 0, 17], sums, RULE, rounded=vague, earlier=[earlier])
    assert not safe.hidden.any()


def report_of(shown, sums, *dates):
    """What a report printed of rows of these dates, as a later one takes it into account."""
    n = len(shown)
    return EarlierTable(
        shown, np.isnan(shown), np.zeros(n, np.bool_), np.ones(n, np.bool_),
        np.ones(len(sums), np.bool_), MadeOf(dates=frozenset(dates)),
    )  # fmt: skip


def publish_both_dates(first, second, *, alone=False):
    """Print one date, then another, then both together; ``alone`` checks each pair by itself."""
    tables = [np.append(x, sum(x)) for x in (first, second, np.add(first, second))]
    sums = [Sum(len(first), tuple(range(len(first))))]
    vague = np.ones(len(tables[0]), np.bool_)
    shown = [printed(t, protect(t, sums, RULE, rounded=vague)) for t in tables[:2]]
    earlier = [report_of(s, sums, date) for s, date in zip(shown, "12", strict=True)]
    made_of = MadeOf(dates=frozenset("12"))
    safe = [
        protect(tables[2], sums, RULE, rounded=vague, earlier=some, made_of=made_of)
        for some in ([[e] for e in earlier] if alone else [earlier])
    ]
    hidden = np.logical_or.reduce([s.hidden for s in safe])
    last = np.where(hidden, np.nan, printed(tables[2], safe[0]))
    return tables, [*shown, last], sums


def small_counts_left(tables, shown, sums):
    """How many small counts each small cell of three reports may be, where one adds the others."""
    n = len(tables[0])
    adds_up = [({(0, c): 1, (1, c): 1, (2, c): -1}, 0, 0) for c in range(n)]
    found = {}
    for place, table in enumerate(tables):
        for cell in np.flatnonzero((table >= 1) & (table <= 7)).tolist():
            low, high = together(shown, sums, adds_up, {(place, cell): 1})
            assert low <= table[cell] <= high
            found[place, cell] = min(high, 7) - max(low, 1) + 1
    return found


def test_three_reports_that_are_safe_two_by_two_give_a_count_away_unless_checked_together():
    """January, February, and both: 4 people of a group in January come out exactly."""
    first, second = (12, 4, 12), (9, 13, 8)
    attacked = publish_both_dates(first, second, alone=True)
    assert np.isnan(attacked[1][0][1])  # a star in January's report
    assert small_counts_left(*attacked) == {(0, 1): 1}
    assert small_counts_left(*publish_both_dates(first, second))[0, 1] >= RULE.candidates


@settings(max_examples=20, deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda n: st.tuples(*(st.lists(st.integers(0, 16), min_size=n, max_size=n),) * 2)
    )
)
@example(([13, 0, 1], [15, 5, 8]))
@example(([0, 1, 6], [13, 6, 12]))
@example(([8, 4], [8, 4]))
def test_nobody_can_work_out_a_small_count_from_reports_of_parts_and_of_the_whole(tables):
    left = small_counts_left(*publish_both_dates(*tables))
    assert all(possible >= RULE.candidates for possible in left.values())


def grown(counts, steps):
    """Reports of one table again and again, each checked against all before it."""
    sums = [Sum(len(counts), tuple(range(len(counts))))]
    tables, shown = [], []
    for step in steps:
        counts = np.add(counts, step)
        table = np.append(counts, counts.sum())
        vague = np.ones(len(table), np.bool_)
        earlier = [report_of(s, sums) for s in shown]
        shown.append(printed(table, protect(table, sums, RULE, rounded=vague, earlier=earlier)))
        tables.append(table)
    return tables, shown, sums


@st.composite
def growing(draw):
    n = draw(st.integers(2, 3))
    counts = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    few = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    return grown(np.array(counts), draw(st.lists(few, min_size=3, max_size=4)))


@settings(max_examples=12, deadline=None)
@given(growing())
def test_one_who_knows_that_rows_were_only_added_learns_no_small_count_or_change(reports):
    tables, shown, sums = reports
    n, last = len(tables[0]), len(tables) - 1
    only_added = [({(k, c): -1, (k + 1, c): 1}, 0, np.inf) for k in range(last) for c in range(n)]
    for k in range(last + 1):
        for cell in np.flatnonzero((tables[k] >= 1) & (tables[k] <= 7)).tolist():
            low, high = together(shown, sums, only_added, {(k, cell): 1})
            assert min(high, 7) - max(low, 1) + 1 >= RULE.candidates
        for earlier in range(k):
            for cell in range(n):
                change = tables[k][cell] - tables[earlier][cell]
                if not 0 < change <= 7 or np.isnan(shown[earlier][cell]):
                    continue
                aim = {(k, cell): 1, (earlier, cell): -1}
                low, high = together(shown, sums, only_added, aim)
                assert low <= change <= high
                assert high - low + 1 >= RULE.candidates


def test_more_earlier_reports_than_are_checked_at_once_are_all_checked():
    """The telling two of twelve are among the first ones."""
    first, second = (12, 4, 12), (9, 13, 8)
    tables, shown, sums = publish_both_dates(first, second)
    vague = np.ones(4, np.bool_)
    others = [report_of(np.full(4, np.nan), sums, f"{n}") for n in range(10)]
    earlier = [report_of(s, sums, date) for s, date in zip(shown[:2], "12", strict=True)]
    safe = protect(
        tables[2], sums, RULE, rounded=vague, earlier=[*earlier, *others],
        made_of=MadeOf(dates=frozenset("12")),
    )  # fmt: skip
    assert small_counts_left(tables, [*shown[:2], printed(tables[2], safe)], sums)[0, 1] >= 4
