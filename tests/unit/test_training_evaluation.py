from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.bootstrap import resample_people
from hiu_training.judging.evaluation import Ranker, evaluate, list_sizes
from hiu_training.judging.metrics import Ranking, measure
from hiu_training.judging.probabilities import probability_draws
from hiu_training.learning.calibration import fit_line, fit_offset
from hiu_training.rows.inputs import Rows
from tests.support.judged_rows import details_of, judged_rows, rankers_of


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


def _full(resamples: int = 64, **options: Any) -> tuple[Rows, dict[str, Ranker], dict[str, Any]]:
    rows = judged_rows(**options)
    rankers = rankers_of(rows)
    found = evaluate(
        rows, rankers, [25, 75, "1%"], resamples=resamples, seed=1, details=details_of(rows)
    )
    return rows, rankers, found


@pytest.fixture(scope="module")
def full() -> tuple[Rows, dict[str, Ranker], dict[str, Any]]:
    return _full()


def test_one_per_cent_is_of_the_people_ranked_at_each_date(full: Any) -> None:
    rows, _, found = full
    for place, origin in enumerate(found["per_origin"]):
        here = int((rows.origin == place).sum())
        assert origin["list_sizes"] == {"25": 25, "75": 75, "1%": max(1, round(here / 100))}
    assert list_sizes([10, "0.5%"], rows)["0.5%"][0] == round(0.005 * (rows.origin == 0).sum())


def test_number_needed_to_review_is_one_over_precision(full: Any) -> None:
    told = full[2]["rankers"]["model"]
    for k in ("25", "75", "1%"):
        precision, needed = told["precision_at"][k], told["number_needed_at"][k]
        assert needed["value"] == pytest.approx(1 / precision["value"])
        assert needed["high"] == pytest.approx(1 / precision["low"])


def _listed_by_lot(score: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    return np.lexsort((rng.random(len(score)), -score))[:k]


@pytest.mark.parametrize("name", ["model", "count_30d"])
def test_lead_time_is_what_making_the_lists_many_times_would_show(full: Any, name: str) -> None:
    # The plain way: draw the order of equal scores, make each list, look who was first on when.
    rows, rankers, found = full
    rng, k = np.random.default_rng(3), 75
    days: list[float] = []
    for _ in range(150):
        listed = np.zeros(len(rows), bool)
        for place in range(len(rows.as_ofs)):
            here = np.flatnonzero(rows.origin == place)
            listed[here[_listed_by_lot(rankers[name].score[here], k, rng)]] = True
        for who in np.unique(rows.person[rows.label == 1]):
            mine = np.flatnonzero(rows.person == who)
            onset = rows.happened_at[mine][rows.label[mine] == 1][0]
            first = [r for r in mine if listed[r] and rows.as_ofs[rows.origin[r]] < onset]
            if first:
                days.append((onset - rows.as_ofs[rows.origin[first[0]]]) / DAY)
        if name == "model":
            break  # no ties
    told = found["rankers"][name]["lead_days_at"]["75"]["value"]
    assert told == pytest.approx(np.mean(days), rel=1e-9 if name == "model" else 0.03)
    shown = found["curves"]["lead_days"][name]["75"]
    many = 1 if name == "model" else 150
    assert sum(shown["found"]) == pytest.approx(len(days) / many, rel=0.03)


def test_ties_at_the_end_of_the_list_have_a_best_and_a_worst_case(full: Any) -> None:
    rankers = full[2]["rankers"]
    for k, told in rankers["count_30d"]["ties_at"].items():
        expected = rankers["count_30d"]["recall_at"][k]["value"]
        assert told["recall_worst"] <= expected <= told["recall_best"]
        assert told["share_by_lot"] > 0
        assert told["recall_worst"] < told["recall_best"]
    for told in rankers["model"]["ties_at"].values():
        assert told["recall_worst"] == told["recall_best"]
        assert told["share_by_lot"] == 0


def test_net_benefit_is_true_positives_less_weighted_false_ones(full: Any) -> None:
    rows, rankers, found = full
    told = found["net_benefit"]
    p = 1 / (1 + np.exp(-rankers["model"].log_odds))
    for i, threshold in enumerate(told["thresholds"]):
        acted = p >= threshold
        hits = (acted & (rows.label == 1)).sum()
        harm = (acted & (rows.label == 0)).sum() * threshold / (1 - threshold)
        value = (hits - harm) / len(rows)
        assert told["rankers"]["model"][i]["value"] == pytest.approx(value, abs=1e-12)
    base = rows.positives / len(rows)
    first = told["thresholds"][0]
    assert told["everybody"][0] == pytest.approx(base - (1 - base) * first / (1 - first))
    assert set(told["rankers"]) == {"model", "anchor"}  # a count is no chance


def test_calibration_groups_share_out_all_rows_and_cases(full: Any) -> None:
    rows, _, found = full
    groups = found["curves"]["calibration"]["model"]
    assert sum(g["rows"] for g in groups) == len(rows)
    assert sum(g["positives"] for g in groups) == rows.positives
    scores = [g["score"] for g in groups]
    assert scores == sorted(scores)
    for g in groups:
        assert g["share"]["value"] == pytest.approx(g["positives"] / g["rows"])
        assert g["share"]["low"] <= g["share"]["value"] <= g["share"]["high"]


def test_groups_are_judged_by_the_lists_of_everybody_and_not_where_too_few(full: Any) -> None:
    rows, rankers, found = full
    groups = found["breakdowns"]["history"]
    share = {
        name: g["rankers"]["model"]["recall_at"]["75"]["value"] * g["population"]["positives"]
        for name, g in groups.items()
    }
    pooled = found["rankers"]["model"]["recall_at"]["75"]["value"] * rows.positives
    assert sum(share.values()) == pytest.approx(pooled)
    mask = rows.person % 2 == 0
    alone = measure(Ranking.of(rankers["model"].score[mask], rows.label[mask]), [])
    told = groups["never met the rule"]["rankers"]["model"]["average_precision"]["value"]
    assert told == pytest.approx(alone.average_precision[0])
    small = found["breakdowns"]["site"]["south"]
    assert small["population"]["positive_people"] < 20
    assert (small["enough"], small["rankers"]) == (False, {})


def test_nobody_found_does_not_mean_that_nobody_ever_would_be() -> None:
    rows = _test_rows()
    worst = np.where(rows.label == 1, -1.0, 1.0)
    found = evaluate(rows, {"model": Ranker(worst)}, [5], resamples=40, seed=1)
    recall = found["rankers"]["model"]["recall_at"]["5"]
    people = len(np.unique(rows.person[rows.label == 1]))
    assert (recall["value"], recall["low"]) == (0, 0)
    assert recall["high"] == pytest.approx(1 - 0.025 ** (1 / people))


def test_how_many_resamples_are_measured_at_once_does_not_matter(monkeypatch: Any) -> None:
    rows = _test_rows()
    whole = _evaluated(rows, 100)
    monkeypatch.setattr("hiu_training.judging.evaluation.LANES", 30)
    assert _evaluated(rows, 100) == whole


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    # A known world: people with skewed risk, three origins, a model and a count that ties. The
    # truth is the measure in a population 100 times as large. Decision 0023 has the table.
    rng = np.random.default_rng(17)
    n_people, trials, resamples, ks = 3_000, 1_000, 300, (30, 90)

    def world(many: int) -> tuple[Rows, dict[str, Ranker]]:
        trait = np.log(rng.gamma(0.3, 1, many) + 0.02).repeat(3)
        known = trait + 0.35 * rng.normal(size=len(trait))
        label = (rng.random(len(known)) < 1 / (1 + np.exp(3.2 - 1.6 * known))).astype(np.int8)
        rows = Rows(
            np.arange(many, dtype=np.int32).repeat(3), np.tile(np.arange(3, dtype=np.int16), many),
            label, np.full(len(label), FOREVER), np.zeros((len(label), 1), np.float32), ("x",),
            np.arange(3, dtype=np.int64) * DAY, {},
        )  # fmt: skip
        model = known + 0.6 * rng.normal(size=len(known))
        count = rng.poisson(3 * np.exp(trait)).astype(float)
        return rows, {"model": Ranker(model), "count_30d": Ranker(count)}

    def told(found: dict[str, Any], scale: int) -> dict[str, dict[str, float]]:
        model, apart = found["rankers"]["model"], found["differences"]["count_30d"]
        return {
            "average precision": model["average_precision"],
            "AUROC": model["auroc"],
            "average precision of a count": found["rankers"]["count_30d"]["average_precision"],
            "difference of average precision": apart["average_precision"],
            **{f"recall at {k}": model["recall_at"][str(k * scale)] for k in ks},
        }

    truth = told(evaluate(*world(100 * n_people), [100 * k for k in ks], resamples=0, seed=1), 100)
    covered = dict.fromkeys(truth, 0)
    for trial in range(trials):
        for name, e in told(
            evaluate(*world(n_people), ks, resamples=resamples, seed=trial), 1
        ).items():
            covered[name] += e["low"] <= truth[name]["value"] <= e["high"]
    shares = {name: n / trials for name, n in covered.items()}
    # 93% to 97%, give or take two standard errors of so many trials (1.4 points).
    assert all(0.93 - 0.014 <= share <= 0.97 + 0.014 for share in shares.values()), shares
    assert 0.94 <= np.mean(list(shares.values())) <= 0.97, shares
