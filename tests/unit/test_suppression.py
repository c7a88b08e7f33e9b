"""Small numbers: the rule, and tables that give nothing away."""

from __future__ import annotations

import numpy as np
import pytest

from hiu_risk.errors import UsageError
from hiu_risk.suppression import HIDDEN, SmallNumbers, Sum, protect

RULE = SmallNumbers()


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (1, "*"), (7, "*"), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1002, 1000)],
)
def test_counts_are_hidden_or_rounded_to_five(count, shown):
    assert RULE.show(count) == shown


def test_expected_counts_follow_the_same_rule():
    assert [RULE.show(c) for c in (0.2, 7.4, 7.6)] == ["*", "*", 10]


def test_means_need_eight_people():
    assert RULE.show_mean(4.2, 7) == HIDDEN
    assert RULE.show_mean(4.2, 8) == 4.2


def test_switched_off_everything_is_exact():
    off = SmallNumbers(enabled=False)
    assert [off.show(c) for c in (1, 7, 12)] == [1, 7, 12]
    assert off.show_mean(4.2, 1) == 4.2
    assert not protect([40, 3, 43], [Sum(2, (0, 1))], off).hidden.any()


@pytest.mark.parametrize(
    "wrong", [{"smallest": 0}, {"largest": 0}, {"base": 0}, {"mean_needs": 0}, {"candidates": 8}]
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        SmallNumbers(**wrong)


def test_a_small_cell_takes_the_next_smallest_with_it():
    safe = protect([40, 3, 12, 55], [Sum(3, (0, 1, 2))], RULE)
    assert safe.hidden.tolist() == [False, True, True, False]
    assert safe.small.tolist() == [False, True, False, False]


def test_two_small_cells_with_a_telling_sum_take_a_third():
    # 1 + 1 = 2: two stars and their sum would say "one each"
    safe = protect([1, 1, 30, 32], [Sum(3, (0, 1, 2))], RULE)
    assert safe.hidden.tolist() == [True, True, True, False]


def test_rounded_neighbours_protect_without_being_hidden():
    rounded = np.array([True, True, True, False])
    safe = protect([640, 3, 512, 1155], [Sum(3, (0, 1, 2))], RULE, rounded=rounded)
    assert safe.hidden.tolist() == [False, True, False, False]


def test_a_total_that_is_itself_small_hides():
    safe = protect([3, 0, 3], [Sum(2, (0, 1))], RULE)
    assert safe.hidden[[0, 2]].all()


def test_few_people_behind_many_rows_hide_the_rows():
    few = np.array([False, True, False])
    assert protect([100, 20, 120], [Sum(2, (0, 1))], RULE, small=few).hidden[1]


def test_a_table_without_small_cells_is_left_alone():
    assert not protect([10, 20, 30], [Sum(2, (0, 1))], RULE).hidden.any()
