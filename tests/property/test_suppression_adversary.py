"""An outsider who adds and subtracts what is printed must not learn a small count."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from hiu_risk.suppression import SmallNumbers, Sum, protect

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
