"""What an audit concludes, against worlds whose truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hiu_training.audit.findings import cases_needed, judge
from hiu_training.audit.report import Plan, audit
from tests.support.audit import World

EQUAL = World((0.5, 0.3, 0.15, 0.05), (1.5, 1.5, 1.5, 1.5))
SMALL_EQUAL = dataclasses.replace(EQUAL, people=1_500, dates=1)
PLANTED = World((0.4, 0.6), (1.12, 1.53), people=8_000)


def verdicts(world: World, seed: int, *, others: int, resamples: int) -> list[str]:
    plan = Plan(
        capacities=(world.capacity,), primary=world.capacity, resamples=resamples, seed=seed
    )  # fmt: skip
    return [f.verdict for f in audit(world.draw(seed, others), plan).recall_family.findings]


def called_apart(found: list[str]) -> bool:
    return "lower" in found or "higher" in found


def test_the_planted_world_has_a_gap_of_fifteen_points():
    assert PLANTED.true_differences[0] == pytest.approx(-0.15, abs=0.005)


def test_a_planted_gap_of_fifteen_points_is_found():
    found = [verdicts(PLANTED, seed, others=3, resamples=200)[0] for seed in range(10)]
    assert found.count("lower") >= 9


def test_equals_are_rarely_called_apart():
    apart = [
        called_apart(verdicts(SMALL_EQUAL, seed, others=1, resamples=400)) for seed in range(20)
    ]
    assert sum(apart) <= 1


@pytest.mark.slow
def test_equals_are_called_apart_in_at_most_one_audit_of_twenty():
    apart = [called_apart(verdicts(EQUAL, s, others=3, resamples=1_000)) for s in range(400)]
    # 20 of 400 is the claim; three standard errors above it would be chance
    assert sum(apart) <= 33


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        World((0.5, 0.3, 0.15, 0.05), (1.5, 1.2, 1.8, 1.0)),
        World((0.05, 0.95), (1.5, 1.5)),
        World((0.5, 0.5), (1.5, 1.2), people=2_000, dates=4, correlation=0.95),
    ],
)
def test_intervals_of_differences_hold_the_truth_in_95_of_100(world):
    runs, held = 400, np.zeros(len(world.shares))
    plan = Plan(capacities=(world.capacity,), primary=world.capacity, resamples=500)
    for seed in range(runs):
        gap = audit(world.draw(seed), plan).recall_difference
        truth = world.true_differences
        held += (gap.low[:, 0] <= truth) & (truth <= gap.high[:, 0])
    assert (held / runs >= 0.92).all()
    assert 0.93 <= (held / runs).mean() <= 0.99


def test_intervals_hold_the_truth_more_often_than_not():
    world = SMALL_EQUAL
    plan = Plan(capacities=(world.capacity,), primary=world.capacity, resamples=200)
    held = [
        bool((audit(world.draw(seed), plan).recall_difference.low[:2, 0] <= 0).all())
        for seed in range(30)
    ]
    assert sum(held) >= 24


def test_a_group_of_whom_nobody_is_found_keeps_an_interval():
    rows = PLANTED.draw(1)
    mine = rows.groups["group"] == "g0"
    score = np.where(mine, rows.score * 1e-3, rows.score)
    plan = Plan(capacities=(PLANTED.capacity,), primary=PLANTED.capacity, resamples=200)
    report = audit(dataclasses.replace(rows, score=score), plan)
    assert report.recall.value[0, 0] == 0
    assert report.recall.low[0, 0] == 0
    assert 0 < report.recall.high[0, 0] < 0.05
    assert report.recall_family.findings[0].verdict == "lower"


def test_thin_groups_are_insufficient_evidence_however_large_the_gap():
    rows = PLANTED.draw(1)
    few = np.isin(rows.person, np.unique(rows.person[rows.label == 1])[:17])
    column = np.where(few, "few", "rest")
    score = np.where(few, 1e-6, rows.score)
    report = audit(
        dataclasses.replace(rows, score=score, groups={"column": column}),
        Plan(capacities=(PLANTED.capacity,), primary=PLANTED.capacity, resamples=100),
    )
    assert {f.verdict for f in report.recall_family.findings} == {"insufficient_evidence"}
    assert report.recall_family.compared == 0


def one(estimate, low, high, *, spread=0.02, margin=0.05):
    draws = estimate + spread * np.random.default_rng(1).normal(size=(4_000, 1))
    yes = np.array([True])
    arrays = (np.array([x]) for x in (estimate, low, high))
    value, lower, upper = arrays
    family = judge(value, draws, lower, upper, enough=yes, comparable=yes, margin=margin)
    return family.findings[0].verdict


def test_verdicts():
    assert one(-0.2, -0.24, -0.16) == "lower"
    assert one(0.2, 0.16, 0.24) == "higher"
    assert one(0.0, -0.04, 0.04) == "close"
    assert one(0.0, -0.04, 0.06) == "no_difference_shown"


def test_many_comparisons_turn_a_finding_into_perhaps():
    rng = np.random.default_rng(2)
    n, spread = 40, 0.02
    estimate = np.zeros(n)
    estimate[0] = -0.045  # beyond 1.96 standard errors, within 3.3
    draws = estimate + spread * rng.normal(size=(4_000, n))
    yes = np.ones(n, bool)
    reach = 1.96 * spread
    family = judge(
        estimate, draws, estimate - reach, estimate + reach,
        enough=yes, comparable=yes, margin=0.05,
    )  # fmt: skip
    assert family.compared == n
    assert family.findings[0].verdict == "perhaps_lower"
    assert {f.verdict for f in family.findings[1:]} <= {"close", "no_difference_shown"}


def test_cases_needed_agrees_with_the_textbook():
    # two equal groups, 40% against 45%, 80% power, 5% two-sided: about 1,500 a group
    assert cases_needed(0.4, 0.05, ratio=1.0) == pytest.approx(1_507, abs=3)
    assert cases_needed(0.4, 0.10) < cases_needed(0.4, 0.05) < cases_needed(0.4, 0.05, ratio=0.5)
