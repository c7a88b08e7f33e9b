"""Ranges of whole lists, against every way that the unknown outcomes may have turned out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby, permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.times import FOREVER
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.judging.ranges import average_precision_range
from hiu_training.judging.whole_lists import Censored, whole_lists
from hiu_training.rows.inputs import Rows

ENDS = ("worst", "if_none", "best")
Region = list[tuple[int, int, int, int]]
"""Rows: origin, label (-1 unknown), the model's score, another ranker's."""


def region(scores: int, most: int) -> st.SearchStrategy[Region]:
    """Draw rows with so many different scores; something is known for and against."""
    row = st.tuples(
        st.integers(0, 1), st.sampled_from([1, 0, -1, -1]), st.integers(1, scores),
        st.integers(1, 3),
    )  # fmt: skip
    return st.lists(row, min_size=2, max_size=most).filter(
        lambda rows: {0, 1} <= {label for _, label, _, _ in rows}
    )


@cache
def orders(scores: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All orders of the rows that the scores allow."""
    by_score = sorted(range(len(scores)), key=lambda i: -scores[i])
    runs = [tuple(run) for _, run in groupby(by_score, key=lambda i: scores[i])]
    ways = product(*(permutations(run) for run in runs))
    return [tuple(i for run in way for i in run) for way in ways]


def mean_over_orders(scores: list[int], measure: Callable[[tuple[int, ...]], float]) -> float:
    each = [measure(order) for order in orders(tuple(scores))]
    return sum(each) / len(each)


def found_by_lists(rows: Region, labels: list[int], column: int, k: int) -> float:
    """Cases on the lists of both dates, expected over the orders of equal scores."""
    found = 0.0
    for date in (0, 1):
        here = [i for i, row in enumerate(rows) if row[0] == date]
        if here:
            mine = [labels[i] for i in here]
            found += _found_by_list([rows[i][column] for i in here], mine, k)
    return found


def _found_by_list(scores: list[int], labels: list[int], k: int) -> float:
    return mean_over_orders(scores, lambda order: sum(labels[i] for i in order[:k]))


def average_precision(scores: list[int], labels: list[int]) -> float:
    def one(order: tuple[int, ...]) -> float:
        found, total = 0, 0.0
        for place, i in enumerate(order, 1):
            found += labels[i]
            total += labels[i] * found / place
        return total / sum(labels)

    return mean_over_orders(scores, one)


def worlds(labels: list[int]) -> Iterator[list[int]]:
    unknown = [i for i, label in enumerate(labels) if label < 0]
    for way in product((0, 1), repeat=len(unknown)):
        full = list(labels)
        for i, label in zip(unknown, way, strict=True):
            full[i] = label
        yield full


def judged(rows: Region, capacities: list[int | str]) -> dict[str, Any]:
    parts = [_part(rows, known=known) for known in (True, False)]
    (observed, rankers), (others, scores) = parts
    return whole_lists(observed, rankers, Censored(others, scores), capacities)


def _part(rows: Region, *, known: bool) -> tuple[Rows, dict[str, Ranker]]:
    table = np.array([row for row in rows if (row[1] >= 0) == known], np.int64).reshape(-1, 4)
    n = len(table)
    part = Rows(
        person=np.arange(n, dtype=np.int32), origin=table[:, 0].astype(np.int16),
        label=table[:, 1].astype(np.int8), happened_at=np.full(n, FOREVER),
        values=np.zeros((n, 1), np.float32), names=("x",), as_ofs=np.array([0, 1]), dropped={},
    )  # fmt: skip
    model, other = (Ranker(table[:, column].astype(float)) for column in (2, 3))
    return part, {"model": model, "other": other}


def observed_dates(rows: Region) -> Region:
    """Without the dates at which nobody's outcome is known."""
    known = {date for date, label, _, _ in rows if label >= 0}
    return [row for row in rows if row[0] in known]


@settings(max_examples=80, deadline=None)
@given(region(4, 8), st.integers(1, 5))
def test_lists_range_over_exactly_what_all_worlds_allow(rows: Region, k: int) -> None:
    told = judged(rows, [k])
    rows = observed_dates(rows)
    places = sum(min(k, sum(row[0] == date for row in rows)) for date in (0, 1))
    assert told["places_at"] == {str(k): places}
    assert told["rows"] == len(rows)
    assert told["censored"] == sum(label < 0 for _, label, _, _ in rows)
    each: dict[str, list[tuple[float, float]]] = {"model": [], "other": [], "apart": []}
    for labels in worlds([row[1] for row in rows]):
        mine, theirs = (found_by_lists(rows, labels, column, k) for column in (2, 3))
        for name, found in (("model", mine), ("other", theirs), ("apart", mine - theirs)):
            each[name].append((found / sum(labels), found / places))
    summaries = {**told["rankers"], "apart": told["differences"]["other"]}
    for name, values in each.items():
        recall, precision = zip(*values, strict=True)
        for kind, ways in (("recall_at", recall), ("precision_at", precision)):
            stated = summaries[name][kind][str(k)]
            assert stated["worst"] == pytest.approx(min(ways), abs=1e-12)
            assert stated["best"] == pytest.approx(max(ways), abs=1e-12)
            assert stated["if_none"] == pytest.approx(ways[0], abs=1e-12)  # the first world


@settings(max_examples=120, deadline=None)
@given(st.one_of(region(3, 6), region(99, 10)))
def test_average_precision_ranges_over_exactly_what_all_worlds_allow(rows: Region) -> None:
    rows = observed_dates(rows)
    labels, scores = [row[1] for row in rows], [row[2] for row in rows]
    ways = [average_precision(scores, world) for world in worlds(labels)]
    found = average_precision_range(np.array(scores, float), np.array(labels, np.int8))
    assert found == pytest.approx((min(ways), ways[0], max(ways)), abs=1e-12)
    whole = judged(rows, [1])["rankers"]["model"]["average_precision"]
    assert tuple(whole.values()) == pytest.approx(found, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(region(4, 8), st.integers(1, 3))
def test_precision_without_the_censored_lies_within_the_range(rows: Region, k: int) -> None:
    """As long as the lists fill: each censored person on a list takes one place."""
    rows = observed_dates(rows)
    dates = {row[0] for row in rows}
    if any(sum(r[0] == date and r[1] >= 0 for r in rows) < k for date in dates):
        return
    observed, rankers = _part(rows, known=True)
    alone = evaluate(observed, rankers, [k], resamples=2, seed=1)["rankers"]["model"]
    told = judged(rows, [k])["rankers"]["model"]["precision_at"][str(k)]
    assert told["worst"] - 1e-12 <= alone["precision_at"][str(k)]["value"] <= told["best"] + 1e-12


def test_with_nobody_censored_worst_and_best_are_the_evaluations_own_numbers() -> None:
    rng = np.random.default_rng(4)
    table = [
        (int(date), int(label), int(a), int(b))
        for date, label, a, b in zip(
            rng.integers(0, 2, 3_000), rng.random(3_000) < 0.05, rng.integers(0, 400, 3_000),
            rng.poisson(1, 3_000), strict=True,
        )
    ]  # fmt: skip
    observed, rankers = _part(table, known=True)
    alone = evaluate(observed, rankers, [25, 200, "1%"], resamples=2, seed=1)
    told = judged(table, [25, 200, "1%"])
    for name, summary in told["rankers"].items():
        value = alone["rankers"][name]["average_precision"]["value"]
        assert summary["average_precision"] == pytest.approx(dict.fromkeys(ENDS, value))
        for kind in ("recall_at", "precision_at"):
            for k, stated in summary[kind].items():
                value = alone["rankers"][name][kind][k]["value"]
                assert stated == pytest.approx(dict.fromkeys(ENDS, value))


def test_lists_of_a_share_are_that_share_of_everybody_at_risk() -> None:
    known = [(0, int(i < 3), 300 - i, 0) for i in range(100)]
    unknown = [(0, -1, 500 + i, 0) for i in range(100)]
    told = judged(known + unknown, ["1%"])
    assert told["places_at"] == {"1%": 2}
    # Both places go to people of whom nothing is known.
    mine = told["rankers"]["model"]
    assert mine["precision_at"]["1%"] == {"worst": 0, "if_none": 0, "best": 1}
    assert mine["recall_at"]["1%"] == {"worst": 0, "if_none": 0, "best": 2 / 5}


def test_where_nothing_happened_to_anybody_there_is_no_recall() -> None:
    told = judged([(0, 0, 1, 1), (0, -1, 2, 1)], [1])["rankers"]["model"]
    nothing = dict.fromkeys(ENDS)
    assert (told["average_precision"], told["recall_at"]["1"]) == (nothing, nothing)
    assert told["precision_at"]["1"] == {"worst": 0, "if_none": 0, "best": 1}
