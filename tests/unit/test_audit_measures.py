"""The audit's numbers against plain Python, one row and one resample at a time."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from hiu_risk.errors import DataError, UsageError
from hiu_training.audit.calibration import calibration_of
from hiu_training.audit.intervals import Population, resample
from hiu_training.audit.listing import listed_share
from hiu_training.audit.measures import measure
from hiu_training.audit.report import Plan, audit
from tests.support.audit import random_rows

MASK = 2**64 - 1


def plain_measures(rows, share, inside):
    """Recall, precision and selection rate of the rows that ``inside`` picks."""
    cases = found = listed = n = 0.0
    for i in range(len(rows.label)):
        if rows.label[i] < 0 or not inside(i):
            continue
        n += 1
        listed += share[i]
        cases += rows.label[i]
        found += rows.label[i] * share[i]
    return {
        "rows": n,
        "cases": cases,
        "recall": found / cases if cases else math.nan,
        "precision": found / listed if listed else math.nan,
        "selection_rate": listed / n,
    }


@pytest.mark.parametrize("unobserved", [0.0, 0.2])
def test_metric_frame_agrees_with_plain_loops(unobserved):
    rows = random_rows(1, unobserved=unobserved)
    report = audit(rows, Plan(capacities=(10, 40), primary=40, resamples=100))
    place = 0
    for grouping in report.groupings:
        names = np.unique(rows.groups[grouping.name])
        for j, _ in enumerate(grouping.labels):
            for k, capacity in enumerate(report.plan.capacities):
                share = listed_share(rows.score, rows.as_of, capacity)
                column = rows.groups[grouping.name]
                plain = plain_measures(rows, share, lambda i, c=column, n=names[j]: c[i] == n)
                m = report.measures
                for name in ("recall", "precision", "selection_rate"):
                    got = getattr(m, name)[place, k]
                    assert got == pytest.approx(plain[name], abs=1e-12, nan_ok=True)
                assert (m.rows[place], m.cases[place]) == (plain["rows"], plain["cases"])
            place += 1


def test_a_group_without_a_judged_row_is_not_a_number():
    label = np.array([1, 0], np.int8)
    m = measure(np.array([0, 0]), 2, label, np.array([0.5, 0.4]), np.array([[1.0], [0.0]]))
    assert m.rows.tolist() == [2.0, 0.0, 2.0]
    assert np.isnan(m.recall[1, 0])


def test_a_share_of_a_place_is_the_average_over_all_orders_of_ties():
    score = np.array([0.9, 0.5, 0.5, 0.5, 0.2])
    for capacity in range(1, 6):
        held = np.zeros(5)
        orders = list(permutations(range(5)))
        for order in orders:
            ranked = sorted(range(5), key=lambda i: (-score[i], order[i]))
            held[ranked[:capacity]] += 1
        expected = held / len(orders)
        np.testing.assert_allclose(listed_share(score, np.zeros(5, int), capacity), expected)


def test_every_date_has_its_own_list():
    share = listed_share(np.array([0.9, 0.8, 0.2, 0.1]), np.array([1, 1, 2, 2]), 1)
    assert share.tolist() == [1, 0, 1, 0]


def test_a_list_longer_than_the_population_holds_everybody():
    assert listed_share(np.array([0.1, 0.2]), np.zeros(2, int), 5).tolist() == [1, 1]


def test_lists_refuse_what_cant_be():
    with pytest.raises(UsageError):
        listed_share(np.array([0.1]), np.zeros(1, int), 0)
    with pytest.raises(DataError, match="not a number"):
        listed_share(np.array([math.nan]), np.zeros(1, int), 1)


def plain_weight(stream: int, person: int) -> float:
    z = (stream + (person + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return -math.log(((z >> 11) + 0.5) * 2.0**-53)


def plain_resample(population, capacity, stream):
    """One resample: list drawn by walking down the weighted scores, ties sharing."""
    n_people = max(population.person) + 1
    weight = [plain_weight(stream, p) for p in range(n_people)]
    places = capacity * sum(weight) / n_people
    sums = {name: np.zeros(population.n_groups + 1) for name in ("rows", "cases", "expected")}
    sums |= {name: np.zeros(population.n_groups + 1) for name in ("listed", "found")}

    def add(name, i, amount):
        for g in (*population.group[i], population.n_groups):
            sums[name][g] += amount

    n = len(population.person)
    for i in range(n):
        if population.label[i] >= 0:
            w = weight[population.person[i]]
            add("rows", i, w)
            add("cases", i, w * population.label[i])
            add("expected", i, w * population.score[i])
    for date in set(population.as_of.tolist()):
        left = places
        members = [i for i in range(n) if population.as_of[i] == date]
        for level in sorted({population.score[i] for i in members}, reverse=True):
            tied = [i for i in members if population.score[i] == level]
            total = sum(weight[population.person[i]] for i in tied)
            share = min(1.0, max(left, 0.0) / total)
            for i in tied:
                if population.label[i] >= 0:
                    add("listed", i, weight[population.person[i]] * share)
                    add("found", i, weight[population.person[i]] * share * population.label[i])
            left -= total
    return sums


def as_population(rows):
    codes = [np.unique(column, return_inverse=True)[1] for column in rows.groups.values()]
    group = np.column_stack([codes[0], codes[1] + codes[0].max() + 1])
    person = np.unique(rows.person, return_inverse=True)[1]
    return Population(
        person, rows.as_of, rows.score, rows.label, group, int(group.max()) + 1
    )  # fmt: skip


@pytest.mark.parametrize("levels", [4, 40, 10_000])
def test_resampling_agrees_with_plain_loops(levels):
    population = as_population(random_rows(2, people=120, levels=levels, unobserved=0.1))
    draws = resample(population, (15, 30), resamples=3, seed=9)
    streams = np.random.default_rng(9).integers(0, 2**63, 3, dtype=np.uint64)
    for b, stream in enumerate(streams.tolist()):
        for k, capacity in enumerate((15, 30)):
            plain = plain_resample(population, capacity, stream)
            for name in ("rows", "cases", "expected"):
                np.testing.assert_allclose(getattr(draws, name)[b], plain[name], rtol=1e-9)
            for name in ("listed", "found"):
                np.testing.assert_allclose(
                    getattr(draws, name)[b, :, k], plain[name], rtol=1e-9, atol=1e-9
                )


def test_the_same_seed_gives_the_same_audit():
    rows = random_rows(3)
    plan = Plan(capacities=(20,), primary=20, resamples=200, seed=5)
    first, second = audit(rows, plan), audit(rows, plan)
    np.testing.assert_array_equal(first.recall.low, second.recall.low)
    # Written out, because a missing bound (nan) does not equal itself.
    assert repr(first.recall_family) == repr(second.recall_family)


def test_the_order_of_rows_makes_no_difference_to_the_estimates():
    rows = random_rows(4)
    order = np.random.default_rng(0).permutation(len(rows.person))
    turned = type(rows)(
        rows.person[order], rows.as_of[order], rows.score[order], rows.label[order],
        {name: column[order] for name, column in rows.groups.items()},
    )  # fmt: skip
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    np.testing.assert_allclose(
        audit(rows, plan).measures.recall, audit(turned, plan).measures.recall
    )


def test_calibration_of_scores_that_are_right_is_the_identity():
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-2, 1, 40_000)
    score = 1 / (1 + np.exp(-log_odds))
    label = (rng.random(len(score)) < score).astype(np.int8)
    line = calibration_of(score, label, np.arange(len(score)))
    assert line.slope[1] < 1 < line.slope[2]
    assert line.intercept[1] < 0 < line.intercept[2]


def test_calibration_finds_scores_that_are_too_extreme():
    rng = np.random.default_rng(2)
    log_odds = rng.normal(-2, 1, 40_000)
    label = (rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    line = calibration_of(1 / (1 + np.exp(-2 * log_odds)), label, np.arange(len(label)))
    assert line.slope[0] == pytest.approx(0.5, abs=0.03)


def test_calibration_intervals_widen_when_persons_repeat():
    rng = np.random.default_rng(3)
    log_odds = rng.normal(-1, 1, 2_000)
    label = (rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    score, people = 1 / (1 + np.exp(-log_odds)), np.arange(2_000)
    once = calibration_of(score, label, people)
    again = calibration_of(np.tile(score, 4), np.tile(label, 4), np.tile(people, 4))
    width = once.slope[2] - once.slope[1]
    assert again.slope[2] - again.slope[1] == pytest.approx(width, rel=1e-6)


def test_calibration_of_one_class_or_one_score_is_not_given():
    ones = np.ones(10, np.int8)
    assert calibration_of(np.linspace(0.1, 0.9, 10), ones, np.arange(10)) is None
    mixed = np.array([0, 1] * 5, np.int8)
    assert calibration_of(np.full(10, 0.5), mixed, np.arange(10)) is None
