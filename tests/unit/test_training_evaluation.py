from __future__ import annotations

import numpy as np
import pytest

from hiu_risk.times import FOREVER
from hiu_training.bootstrap import resample_people
from hiu_training.calibration import fit_line, fit_offset
from hiu_training.evaluation import Ranker, evaluate
from hiu_training.inputs import Rows
from hiu_training.metrics import Ranking, measure
from hiu_training.probabilities import probability_draws


def _test_rows(n: int = 900, n_people: int = 300, origins: int = 3, seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    person = np.sort(rng.integers(0, n_people, n)).astype(np.int32)
    return Rows(
        person=person,
        origin=rng.integers(0, origins, n).astype(np.int16),
        label=(rng.random(n) < 0.06).astype(np.int8),
        happened_at=np.full(n, FOREVER),
        values=np.zeros((n, 1), np.float32),
        names=("calls_30d",),
        as_ofs=np.arange(origins, dtype=np.int64) * 86_400,
        dropped={},
    )


def _evaluated(rows: Rows, resamples: int = 60) -> dict:
    rng = np.random.default_rng(2)
    log_odds = rng.normal(-3, 1, len(rows)) + rows.label
    rankers = {
        "model": Ranker(log_odds, log_odds),
        "same": Ranker(log_odds),
        "count_30d": Ranker(rng.integers(0, 3, len(rows)).astype(float)),
    }
    return evaluate(rows, rankers, [5, 40], resamples=resamples, seed=1)


def test_lists_are_made_at_each_origin_and_added_up() -> None:
    rows = _test_rows()
    found = _evaluated(rows)
    pooled = found["rankers"]["count_30d"]
    hits = sum(
        o["rankers"]["count_30d"]["recall_at"]["5"]["value"] * o["positives"]
        for o in found["per_origin"]
    )
    assert pooled["recall_at"]["5"]["value"] == pytest.approx(hits / rows.positives)
    assert pooled["precision_at"]["5"]["value"] == pytest.approx(hits / 15)
    base = rows.positives / len(rows)
    assert pooled["lift_at"]["5"]["value"] == pytest.approx(hits / 15 / base)


def test_values_lie_in_their_intervals_and_equal_rankers_do_not_differ() -> None:
    found = _evaluated(_test_rows(), 200)
    for summary in found["rankers"].values():
        for estimate in (
            summary["average_precision"],
            summary["auroc"],
            *summary["recall_at"].values(),
        ):
            assert estimate["low"] <= estimate["value"] <= estimate["high"]
    same = found["differences"]["same"]["average_precision"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    other = found["differences"]["count_30d"]["auroc"]
    assert other["low"] > 0  # the model's scores were made to know the label


def test_differences_are_paired() -> None:
    # A ranker and its near copy move together from resample to resample.
    rows = _test_rows(3_000, 900)
    rng = np.random.default_rng(5)
    score = rng.normal(size=len(rows)) + rows.label
    rankers = {"model": Ranker(score), "copy": Ranker(score + 0.01 * rng.normal(size=len(rows)))}
    found = evaluate(rows, rankers, [50], resamples=200, seed=3)
    apart = found["differences"]["copy"]["average_precision"]
    alone = found["rankers"]["model"]["average_precision"]
    assert apart["high"] - apart["low"] < 0.3 * (alone["high"] - alone["low"])


def test_an_origin_without_a_positive_has_no_measures_but_does_not_spoil_the_rest() -> None:
    rows = _test_rows()
    rows.label[rows.origin == 1] = 0
    found = _evaluated(rows)
    assert found["per_origin"][1]["rankers"]["model"]["average_precision"]["value"] is None
    assert found["rankers"]["model"]["average_precision"]["value"] > 0


def test_calibration_of_a_resample_is_close_to_a_refit() -> None:
    rng = np.random.default_rng(8)
    n = 20_000
    log_odds = rng.normal(-2, 1.2, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-(0.3 + 0.8 * log_odds)))).astype(np.int8)
    person = (np.arange(n) // 4).astype(np.int32)
    weights = resample_people(n // 4, 3, seed=2)
    found = probability_draws(log_odds, label, person, weights)
    for r in range(3):
        again = np.repeat(np.arange(n), weights[person, r])
        y = label[again].astype(float)
        assert found["calibration_slope"][r] == pytest.approx(
            fit_line(log_odds[again], y)[1], abs=0.004
        )
        expected = fit_offset(log_odds[again], y)
        assert found["calibration_intercept"][r] == pytest.approx(expected, abs=0.004)
        p = 1 / (1 + np.exp(-log_odds[again]))
        assert found["brier"][r] == pytest.approx(((p - y) ** 2).mean())


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # Known world: each person has two rows; the AUROC of the whole population is the truth.
    rng = np.random.default_rng(11)

    def world(n_people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        trait = rng.normal(size=n_people).repeat(2)
        score = trait + 0.5 * rng.normal(size=2 * n_people)
        label = (rng.random(2 * n_people) < 1 / (1 + np.exp(2.2 - trait))).astype(np.int8)
        return score, label, np.arange(n_people, dtype=np.int32).repeat(2)

    score, label, _ = world(400_000)
    truth = measure(Ranking.of(score, label), []).auroc[0]
    covered = 0
    for trial in range(400):
        score, label, person = world(400)
        draws = measure(Ranking.of(score, label, person), [], resample_people(400, 400, trial))
        low, high = np.nanquantile(draws.auroc, [0.025, 0.975])
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.975  # 95%, within three standard errors of 400 trials
