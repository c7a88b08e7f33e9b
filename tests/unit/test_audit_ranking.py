"""AUROC, average precision, lead time and the reference group, against plain reckoning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hiu_risk.errors import UsageError
from hiu_training.audit.discrimination import discrimination_of
from hiu_training.audit.lead import lead_times
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.audit.result import Estimate
from tests.support.audit import World, random_rows

DAY = 86_400


@pytest.mark.parametrize("levels", [5, 50, 10_000])
def test_auroc_and_average_precision_are_scikit_learns(levels):
    rows = random_rows(3, people=200, levels=levels)
    found = discrimination_of(rows.score, rows.label, rows.person)
    assert found.auroc[0] == pytest.approx(roc_auc_score(rows.label, rows.score))
    assert found.average_precision[0] == pytest.approx(
        average_precision_score(rows.label, rows.score)
    )


@pytest.mark.parametrize("levels", [6, 10_000])
def test_the_interval_is_that_of_leaving_weight_off_each_person(levels):
    """The influence of a person is how far the value moves when their weight moves."""
    rows = random_rows(4, people=60, levels=levels)
    found = discrimination_of(rows.score, rows.label, rows.person)
    for measure, (value, low, high) in (
        (roc_auc_score, found.auroc), (average_precision_score, found.average_precision)
    ):  # fmt: skip
        moved, step = [], 1e-4
        for person in np.unique(rows.person):
            weight = np.where(rows.person == person, 1 + step, 1.0)
            moved.append((measure(rows.label, rows.score, sample_weight=weight) - value) / step)
        spread = np.sqrt(np.sum(np.square(moved))) / (value * (1 - value))
        ends = [np.log(x / (1 - x)) for x in (low, high)]
        assert ends[1] - ends[0] == pytest.approx(2 * 1.959964 * spread, rel=5e-3)


def test_intervals_hold_the_true_auroc():
    held, runs = 0, 200
    truth = 0.760250  # normal scores one standard deviation apart
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        case = rng.random(400) < 0.2
        score = rng.normal(size=400) + case
        score = 1 / (1 + np.exp(-score))
        found = discrimination_of(score, case.astype(np.int8), np.arange(400))
        held += found.auroc[1] <= truth <= found.auroc[2]
    assert 0.90 <= held / runs <= 0.99


def test_one_class_has_no_auroc():
    assert discrimination_of(np.array([0.1, 0.2]), np.zeros(2, np.int8), np.arange(2)) is None


def test_lead_time_is_the_median_of_those_found_and_people_are_drawn_whole():
    days = np.array([3, 10, 20, 30, 80])
    person = np.array([0, 0, 1, 2, 3])
    value, low, high = lead_times(
        np.zeros(5, np.int64), days * DAY, np.array([1.0, 1, 1, 1, 0]), person,
        np.array([[0], [0], [0], [1], [1]]), 2, resamples=400, seed=1,
    )  # fmt: skip
    assert value.tolist() == [10.0, 30.0, 10.0]
    # 3 and 10 are one person: they weigh the same in every draw, so 3 is never the median
    assert (low[0], high[0]) == (10.0, 20.0)
    assert low[1] == high[1] == 30.0


def test_nobody_found_has_no_lead_time():
    value, _, _ = lead_times(
        np.zeros(2, np.int64), np.ones(2, np.int64), np.zeros(2), np.arange(2),
        np.zeros((2, 1), np.int64), 1, resamples=100, seed=1,
    )  # fmt: skip
    assert np.isnan(value).all()


def with_leads(rows):
    @dataclasses.dataclass(frozen=True)
    class Rows(type(rows)):
        happened_at: np.ndarray = None

    fields = {f.name: getattr(rows, f.name) for f in dataclasses.fields(rows)}
    return Rows(**fields, happened_at=rows.as_of + 30 * DAY)


def test_a_lead_time_of_fewer_than_eight_people_is_not_printed():
    world = World((0.42, 0.5, 0.08), (0.4, 1.6, 1.5), people=1_500, dates=2)
    plan = Plan(capacities=(60,), primary=60, resamples=100)
    report = audit(with_leads(world.draw(3)), plan)
    document = publish(report, Context("m", "d"))
    groups = [g for grouping in document.groupings for g in grouping.groups]
    assert any(g.lead_days == Estimate(value=30, low=30, high=30) for g in groups)
    for g, group in enumerate(groups):
        if report.people.found[g, 0] < 8:
            assert group.lead_days in ("*", None)


REFERENCE = World((0.4, 0.3, 0.3), (1.12, 1.53, 1.53), people=8_000)


def test_a_named_reference_finds_the_planted_gap_and_is_not_its_own():
    plan = Plan(
        capacities=(REFERENCE.capacity,), primary=REFERENCE.capacity, resamples=300,
        reference={"group": "G1"},
    )  # fmt: skip
    report = audit(REFERENCE.draw(1), plan)
    verdicts = [f.verdict for f in report.reference_family.findings]
    assert verdicts[0] == "lower"
    assert verdicts[1] == "not_compared"
    assert verdicts[2] != "lower"
    truth = REFERENCE.true_recall[0] - REFERENCE.true_recall[1]
    gap = report.reference_difference
    assert gap.low[0] <= truth <= gap.high[0]
    document = publish(report, Context("m", "d"))
    assert document.groupings[0].reference == "G1"
    assert document.groupings[0].groups[0].reference_verdict == "lower"


def test_without_a_name_the_largest_known_group_is_the_reference():
    rows = random_rows(1)
    place = rows.person // 7 % 7
    column = np.where(place < 4, "not_known", np.where(place < 6, "a", "b"))
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    report = audit(dataclasses.replace(rows, groups={"column": column}), plan)
    labels = report.groupings[0].labels
    assert {labels[i] for i in report.reference.tolist()} == {"A"}


def test_a_large_group_with_few_cases_is_not_the_reference():
    rows = random_rows(1, people=600)
    person = rows.person // 7
    ill = np.isin(person, np.unique(person[rows.label == 1]))
    well = ~ill | (person == person[ill][0])
    column = np.where(well, "well", np.where(person % 2, "a", "b"))
    column = np.where(person % 20 == 19, "c", column)
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    report = audit(dataclasses.replace(rows, groups={"column": column}), plan)
    labels, people = report.groupings[0].labels, report.people.all[:-1]
    chosen = {labels[i] for i in report.reference.tolist()}
    enough = [i for i in range(len(labels)) if report.people.cases[i] >= 20]
    assert report.people.cases[labels.index("Well")] < 8
    assert chosen == {labels[max(enough, key=lambda i: people[i])]}
    thin = dataclasses.replace(rows, groups={"column": np.where(person == 0, "one", "rest")})
    few = np.where(thin.label == 1, (person < 40).astype(np.int8), thin.label)
    none = audit(dataclasses.replace(thin, label=few), dataclasses.replace(plan, min_cases=500))
    assert none.reference.tolist() == [0, 1]
    assert publish(none, Context("m", "d")).groupings[0].reference == ""


@pytest.mark.parametrize(
    ("reference", "message"),
    [({"sex": "femal"}, "did you mean 'female'"), ({"sexx": "female"}, "did you mean 'sex'")],
)
def test_a_reference_that_is_not_there_suggests_the_near_one(reference, message):
    plan = Plan(capacities=(20,), primary=20, resamples=100, reference=reference)
    with pytest.raises(UsageError, match=message):
        audit(random_rows(1), plan)


@pytest.mark.slow
def test_intervals_of_differences_from_a_reference_hold_the_truth_in_95_of_100():
    world = World((0.5, 0.3, 0.2), (1.5, 1.2, 1.8))
    plan = Plan(capacities=(world.capacity,), primary=world.capacity, resamples=500)
    recall, runs, held = world.true_recall, 300, np.zeros(2)
    for seed in range(runs):
        gap = audit(world.draw(seed), plan).reference_difference
        truth = recall[1:] - recall[0]
        held += (gap.low[1:] <= truth) & (truth <= gap.high[1:])
    assert 0.93 <= (held / runs).mean() <= 0.98
