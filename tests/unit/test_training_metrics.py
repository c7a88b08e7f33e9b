from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from hiu_risk.errors import ModelError
from hiu_training.judging.bootstrap import estimate, freedom_of, none_or_all, resample_people
from hiu_training.judging.metrics import Ranking, best_and_worst, influences, measure
from hiu_training.learning.calibration import fit_calibrator, fit_line, fit_offset

SCORED = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=6)


def _by_hand(scores: list[int], labels: list[int], k: int) -> tuple[float, float, float]:
    """Mean over every order of equal scores of AP, AUROC and hits at K, by their definitions."""
    orders = [
        order
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    precisions, aurocs, hits = [], [], []
    for order in orders:
        ranked = [labels[i] for i in order]
        at_hits = [sum(ranked[: i + 1]) / (i + 1) for i, hit in enumerate(ranked) if hit]
        precisions.append(sum(at_hits) / len(at_hits))
        pairs = [
            a > b for a, b in itertools.combinations(ranked, 2) if a != b
        ]  # a ranks before b: right if a is the positive
        aurocs.append(sum(pairs) / len(pairs))
        hits.append(sum(ranked[:k]))
    n = len(orders)
    return sum(precisions) / n, sum(aurocs) / n, sum(hits) / n


@settings(max_examples=60, deadline=None)
@given(SCORED, st.integers(1, 8))
def test_measures_are_the_mean_over_every_order_of_equal_scores(
    rows: list[tuple[int, bool]], k: int
) -> None:
    scores, labels = [s for s, _ in rows], [int(y) for _, y in rows]
    if sum(labels) in (0, len(labels)):
        return
    found = measure(Ranking.of(np.array(scores, float), np.array(labels, np.int8)), [k])
    expected = _by_hand(scores, labels, k)
    actual = (found.average_precision[0], found.auroc[0], found.hits[0, 0])
    assert actual == pytest.approx(expected, abs=1e-9)


def test_without_ties_the_measures_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(size=3_000)
    label = (rng.random(3_000) < 1 / (1 + np.exp(3 - score))).astype(np.int8)
    found = measure(Ranking.of(score, label), [50])
    assert found.average_precision[0] == pytest.approx(average_precision_score(label, score))
    assert found.auroc[0] == pytest.approx(roc_auc_score(label, score))
    assert found.hits[0, 0] == label[np.argsort(-score)[:50]].sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70))
def test_weighing_people_is_repeating_their_rows(seed: int, n_resamples: int) -> None:
    rng = np.random.default_rng(seed)
    n_people, n = 12, 40
    person = rng.integers(0, n_people, n).astype(np.int32)
    score = rng.integers(0, 9, n).astype(float)
    label = (rng.random(n) < 0.3).astype(np.int8)
    weights = rng.integers(0, 4, (n_people, n_resamples)).astype(np.uint8)
    weighted = measure(Ranking.of(score, label, person), [5, 3], weights)
    r = int(rng.integers(0, n_resamples))
    repeat = np.repeat(np.arange(n), weights[person, r])
    alone = measure(Ranking.of(score[repeat], label[repeat]), [5, 3])
    for name in ("average_precision", "auroc", "rows", "positives", "hits"):
        np.testing.assert_allclose(
            getattr(weighted, name)[r], getattr(alone, name)[0], rtol=1e-7, err_msg=name
        )


@settings(max_examples=60, deadline=None)
@given(SCORED, st.integers(1, 8))
def test_best_and_worst_case_are_those_of_all_orders_of_equal_scores(
    rows: list[tuple[int, bool]], k: int
) -> None:
    scores, labels = [s for s, _ in rows], [int(y) for _, y in rows]
    hits = [
        sum(labels[i] for i in order[:k])
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    ranking = Ranking.of(np.array(scores, float), np.array(labels, np.int8))
    worst, best, by_lot = best_and_worst(ranking, k)
    assert (worst, best) == (min(hits), max(hits))
    assert by_lot > 0 or worst == best


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25))
def test_where_a_list_ends_is_where_its_places_run_out(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 8, 40).astype(float)
    person = rng.integers(0, 15, 40).astype(np.int32)
    label = (rng.random(40) < 0.2).astype(np.int8)
    ranking = Ranking.of(score, label, person)
    weights = resample_people(15, 5, seed)
    found = measure(ranking, [3, k], weights)
    run = np.empty(40, np.int64)
    run[ranking.order] = ranking.runs()
    for r in range(5):
        cut, share = found.cut_run[r, 1], found.cut_share[r, 1]
        chance = np.where(run < cut, 1.0, np.where(run == cut, share, 0.0))
        weight = weights[person, r]
        assert (chance * weight).sum() == pytest.approx(min(k, weight.sum()))
        assert (chance * weight * label).sum() == pytest.approx(found.hits[r, 1])


def test_marks_count_what_ranks_before_them() -> None:
    rng = np.random.default_rng(4)
    score, label = rng.normal(size=500), (rng.random(500) < 0.1).astype(np.int8)
    person = rng.integers(0, 90, 500).astype(np.int32)
    ranking, weights = Ranking.of(score, label, person), resample_people(90, 70, 3)
    marks = np.array([120, 7, 500])
    found = measure(ranking, [], weights, marks)
    for column, mark in enumerate(marks):
        ahead = weights[ranking.person[:mark]].astype(float)
        np.testing.assert_array_equal(found.marked_rows[:, column], ahead.sum(axis=0))
        hits = ranking.label[:mark, None] * ahead
        np.testing.assert_array_equal(found.marked_hits[:, column], hits.sum(axis=0))


def test_influences_are_the_change_by_a_little_more_weight() -> None:
    rng = np.random.default_rng(6)
    score = rng.normal(size=4_000)
    label = (rng.random(4_000) < 1 / (1 + np.exp(4 - 2 * score))).astype(np.int8)
    person = rng.integers(0, 1_000, 4_000).astype(np.int32)
    ranking = Ranking.of(score, label, person)
    found = influences(ranking, 1_000)
    # Everybody ten times, one person eleven times: a tenth of the derivative.
    few = np.argsort(-np.abs(found["average_precision"]))[:40]
    weights = np.full((1_000, 41), 10, np.uint8)
    weights[few, np.arange(40)] = 11
    moved = measure(ranking, [], weights)
    for name, tolerance in (("average_precision", 0.15), ("auroc", 0.05)):
        change = getattr(moved, name)[:40] - getattr(moved, name)[40]
        change -= change.mean() - found[name][few].mean() / 10
        assert np.corrcoef(change, found[name][few])[0, 1] > 0.98, name
        largest = np.abs(found[name][few]).max() / 10
        assert np.abs(change - found[name][few] / 10).max() < tolerance * largest, name


def test_an_interval_widens_when_few_people_carry_the_measure() -> None:
    draws = np.random.default_rng(1).normal(0.3, 0.05, 500)
    wide = estimate(0.3, draws, "share", freedom_of(np.array([1.0, 0.9, 0.8, *[0.01] * 50])))
    narrow = estimate(0.3, draws, "share", freedom_of(np.ones(50)))
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]
    # With many people it is the arcsine interval of a known spread.
    low, high = estimate(0.3, draws, "share")
    assert (high - low) == pytest.approx(2 * 1.96 * draws.std(), rel=0.03)


def test_none_of_so_many_is_the_exact_binomial_bound() -> None:
    from scipy.stats import beta

    assert none_or_all(40) == pytest.approx(beta.ppf(0.975, 1, 40))
    assert none_or_all(0) == 1


def test_a_positive_after_65536_rows_counts_like_any_other() -> None:
    # The fourth power of this number of rows is 0 in 64 bits.
    label = np.zeros(65_600, np.int8)
    label[[3, 65_535, 65_536]] = 1
    found = measure(Ranking.of(-np.arange(65_600.0), label), [])
    assert found.average_precision[0] == pytest.approx((1 / 4 + 2 / 65_536 + 3 / 65_537) / 3)


def test_a_capacity_beyond_the_population_lists_everybody() -> None:
    found = measure(Ranking.of(np.arange(5.0), np.array([0, 1, 0, 1, 0], np.int8)), [100, 2])
    assert found.hits[0].tolist() == [2, 1]


def test_without_positives_measures_are_not_a_number_and_hits_zero() -> None:
    found = measure(Ranking.of(np.arange(5.0), np.zeros(5, np.int8)), [2])
    assert math.isnan(found.average_precision[0])
    assert math.isnan(found.auroc[0])
    assert found.hits[0, 0] == 0


def test_resamples_draw_each_person_once_on_average_and_do_not_depend_on_blocks() -> None:
    weights = resample_people(500, 400, seed=7)
    assert (weights.sum(axis=0) == 500).all()
    # Multinomial: each count has mean 1 and variance 1 - 1/n; 5 standard errors.
    assert abs(weights.mean() - 1) < 1e-12
    assert abs(weights.var() - 0.998) < 5 * math.sqrt(3 / weights.size)
    per_person = weights.mean(axis=1)
    assert abs(per_person - 1).max() < 5 / math.sqrt(400)
    blocks = [resample_people(500, 100, seed=7, first=f) for f in (0, 100, 200, 300)]
    assert (np.concatenate(blocks, axis=1) == weights).all()
    assert (resample_people(500, 400, seed=8) != weights).any()


def test_intervals_of_people_are_wider_than_of_rows_when_rows_repeat() -> None:
    rng = np.random.default_rng(3)
    score = np.repeat(rng.normal(size=300), 6)
    label = np.repeat((rng.random(300) < 0.1).astype(np.int8), 6)
    person = np.repeat(np.arange(300, dtype=np.int32), 6)
    people = measure(Ranking.of(score, label, person), [], resample_people(300, 300, 1))
    rows = measure(Ranking.of(score, label), [], resample_people(1_800, 300, 1))

    def width(draws: np.ndarray) -> float:
        low, high = estimate(float(draws.mean()), draws, "share")
        return high - low

    ratio = width(people.auroc) / width(rows.auroc)
    assert 1.8 < ratio < 3.2  # six copies of each row: the square root of 6, 2.45


def test_a_line_is_recovered_and_leaves_no_slope_of_its_own() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-3, 1.5, 60_000)
    label = (rng.random(60_000) < 1 / (1 + np.exp(-(0.7 + 0.8 * raw)))).astype(float)
    intercept, slope = fit_line(raw, label)
    assert intercept == pytest.approx(0.7, abs=0.12)
    assert slope == pytest.approx(0.8, abs=0.04)
    again = fit_line(intercept + slope * raw, label)
    assert again == pytest.approx((0, 1), abs=1e-6)


def test_an_offset_makes_the_mean_score_the_mean_label() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-3, 1.5, 5_000)
    label = (rng.random(5_000) < 0.2).astype(float)
    p = 1 / (1 + np.exp(-(raw + fit_offset(raw, label))))
    assert p.mean() == pytest.approx(label.mean(), abs=1e-9)


def test_few_positives_get_an_offset_or_a_refusal_as_the_protocol_says() -> None:
    raw = np.linspace(-6, 0, 400)
    label = np.zeros(400, np.int8)
    label[-12:] = 1
    fitted = fit_calibrator(raw, label)
    assert (fitted.method, fitted.slope) == ("offset", 1.0)
    with pytest.raises(ModelError, match=r"12 different positives can't carry a calibration"):
        fit_calibrator(raw, label, few_positives="refuse")


def test_a_person_at_three_dates_is_one_witness() -> None:
    raw = np.linspace(-6, 0, 400)
    label = np.zeros(400, np.int8)
    label[-30:] = 1
    assert fit_calibrator(raw, label).method == "platt"
    person = np.arange(400, dtype=np.int32)
    person[-30:] = np.repeat(np.arange(1000, 1010), 3)  # ten people
    assert fit_calibrator(raw, label, person=person).method == "offset"
    with pytest.raises(ModelError, match=r"^10 different positives"):
        fit_calibrator(raw, label, person=person, few_positives="refuse")


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_is_refused(value: int) -> None:
    with pytest.raises(ModelError, match=r"one class alone.*calibration block") as caught:
        fit_calibrator(np.linspace(-1, 1, 50), np.full(50, value, np.int8))
    assert caught.value.exit_code == 1


def test_a_ranking_turned_round_is_not_turned_back() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-2, 1, 4_000)
    label = (rng.random(4_000) < 1 / (1 + np.exp(2 + raw))).astype(np.int8)
    assert fit_calibrator(raw, label).slope == 0.2
