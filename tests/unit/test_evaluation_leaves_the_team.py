"""What an evaluation shows outside the team is made of at least eight people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_features.comparing import comparison
from hiu_features.context import Context
from hiu_risk.definitions import DEFINITIONS
from hiu_training import train
from hiu_training.judging.curves import precision_recall
from hiu_training.judging.evaluation import evaluate
from hiu_training.judging.metrics import Ranking
from hiu_training.reasons import shap_plots
from hiu_training.reasons.shap_plots import Parts, artifacts, shared
from hiu_training.report import charts, tables
from hiu_training.report.published import published
from hiu_training.rows.inputs import Rows
from tests.support.bundles import NAMES, make_bundle, random_values
from tests.support.judged_rows import judged_rows, rankers_of


def _of_714() -> Ranking:
    label = np.zeros(20_000, np.int8)
    label[np.random.default_rng(3).choice(3_000, 714, replace=False)] = 1
    return Ranking.of(np.arange(20_000)[::-1].astype(np.float64), label)


def test_a_curve_begins_at_eight_cases_and_is_rounded() -> None:
    curve = precision_recall(_of_714())
    assert curve["recall"][0] == round(8 / 714, 3)
    assert curve["recall"][-1] == 1
    every = curve["recall"] + curve["precision"]
    assert every == [round(value, 3) for value in every]


def test_fewer_than_eight_cases_give_no_curve_and_the_chart_is_drawn() -> None:
    label = np.array([1] * 7 + [0] * 50, np.int8)
    assert precision_recall(Ranking.of(np.arange(57.0), label)) == {"recall": [], "precision": []}
    rows = judged_rows(n_people=400)
    found = evaluate(rows, rankers_of(rows), [25], resamples=5, seed=1)
    for name in found["curves"]["precision_recall"]:
        found["curves"]["precision_recall"][name] = {"recall": [], "precision": []}
    assert "<svg" in charts.precision_recall(found)


def test_lists_with_fewer_than_eight_cases_have_no_point() -> None:
    rows = judged_rows(n_people=600)
    found = evaluate(rows, rankers_of(rows), [25], resamples=5, seed=1)
    told = found["curves"]["by_capacity"]
    listed = np.minimum.outer(np.bincount(rows.origin), told["k"]).sum(axis=0)
    seen: set[bool] = set()
    for at_sizes in told["rankers"].values():
        for n, recall, precision in zip(
            listed, at_sizes["recall"], at_sizes["precision"], strict=True
        ):
            seen.add(recall is None)
            assert (recall is None) == (precision is None)
            if precision is not None:
                assert precision * n >= 7.5
                assert recall == round(recall, 3)
    assert seen == {True, False}
    for what in ("lift", "recall", "precision"):
        assert "<svg" in charts.by_capacity(found, what)


def test_measures_that_leave_have_three_digits() -> None:
    rows = judged_rows(n_people=600)
    found = evaluate(rows, rankers_of(rows), [25], resamples=5, seed=1)
    data = published({**found, "judged_dropped": rows.dropped})
    measured: list[float] = []

    def walk(told: Any) -> None:
        if isinstance(told, dict):
            for value in told.values():
                walk(value)
        elif isinstance(told, list | tuple):
            for value in told:
                walk(value)
        elif isinstance(told, float):
            measured.append(told)

    for part in ("rankers", "differences", "per_origin", "net_benefit", "curves"):
        walk(data[part])
    assert len(measured) > 200
    assert measured == [float(f"{value:.3g}") for value in measured]


@pytest.mark.parametrize(("positives", "shown"), [(3, None), (8, 10.0), (203, 205.0)])
def test_metrics_of_a_run_hide_what_the_files_beside_it_hide(
    positives: int, shown: float | None
) -> None:
    class Counted:
        def __init__(self, n: int) -> None:
            self.n, self.positives = n, positives

        def __len__(self) -> int:
            return self.n

    trained = SimpleNamespace(
        development=Counted(9_123), test=Counted(4_001),
        learned=SimpleNamespace(verdict=SimpleNamespace(n_trees=3, weight=0.5)),
        evaluation={"rankers": {"model": {"recall_at": {"25": {"value": 228 / 714}}}}},
    )  # fmt: skip
    metrics = train._metrics(cast("train.Trained", trained))
    assert metrics.get("positives.test") == shown
    assert metrics.get("positives.development") == shown
    assert metrics["rows.test"] == 4_000
    assert metrics["rows.development"] == 9_125
    assert metrics["model.recall_at_25"] == 0.319


def _rows_of(n: int, people: int | None = None) -> Rows:
    rng = np.random.default_rng(5)
    values = np.stack([1 + rng.geometric(0.4, n), rng.exponential(50, n)], axis=1)
    return Rows(
        np.arange(n, dtype=np.int32) % (people or n), np.zeros(n, np.int16), np.zeros(n, np.int8),
        np.zeros(n, np.int64), values.astype(np.float32), ("calls_365d", "days_since_last_call"),
        np.zeros(1, np.int64), {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("n", "people", "gone"),
    [
        (800, None, set()),
        (799, None, {"p99"}),
        (2_000, 700, {"p99"}),
        (100, None, {"p5", "p95", "p99"}),
        (20, None, {"p5", "p25", "p75", "p90", "p95", "p99"}),
        (7, None, {"p5", "p25", "p50", "p75", "p90", "p95", "p99", "mean"}),
    ],
)
def test_a_percentile_needs_eight_people_beyond_it(
    n: int, people: int | None, gone: set[str]
) -> None:
    reference = train._reference(_rows_of(n, people), DEFINITIONS["frecann_adult"])
    told = reference["days_since_last_call"]
    # The least of a spread in which nobody shares a value is one person's own.
    assert {key for key, value in told.items() if value is None} == gone | {"least"}
    values = _rows_of(n, people).column("days_since_last_call")
    if told["p99"] is not None:
        assert (values >= told["p99"]).sum() >= 8


def test_a_least_value_that_many_share_is_kept_and_a_comparison_copes_without_the_rest() -> None:
    told = train._reference(_rows_of(100), DEFINITIONS["frecann_adult"])["calls_365d"]
    assert told["least"] == 2
    named = next(f for f in default_catalogue() if f.name == "calls_365d")
    assert comparison(named, 50.0, told, None, Context()).startswith("90 of 100")


def _crowd(n: int = 600) -> tuple[Parts, np.ndarray]:
    bundle = make_bundle()
    values = random_values(n, seed=2)
    values[0, NAMES.index("calls_365d")] = 90  # one who calls like nobody else
    return Parts.of(bundle, values), (np.arange(n) // 2).astype(np.int32)


def test_pictures_that_are_kept_have_no_value_of_fewer_than_eight_people() -> None:
    parts, person = _crowd()
    vague = shared(parts, person)
    for table in (vague.values, vague.contributions):
        for column in table.T:
            for value in np.unique(column[~np.isnan(column)]):
                assert len(np.unique(person[column == value])) >= 8
    calls = NAMES.index("calls_365d")
    assert np.nanmax(vague.values[:, calls]) < 20
    few = replace(parts, values=np.where(person[:, None] < 7, parts.values, np.nan))
    assert np.isnan(shared(few, person).values).all()
    # What many share stays as it is.
    assert set(np.unique(vague.values[:, calls])) >= {2.0, 3.0, 4.0, 5.0}


def test_the_kept_pictures_are_drawn_of_those_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Parts] = []
    for name in ("beeswarm", "dependence"):
        monkeypatch.setattr(shap_plots, name, lambda path, parts, *rest: drawn.append(parts))
    monkeypatch.setattr(shap_plots, "waterfall", lambda *given: None)
    parts, person = _crowd()
    artifacts(tmp_path, make_bundle(), parts.values, person)
    assert len(drawn) >= 2
    for one in drawn:
        assert np.nanmax(one.values[:, NAMES.index("calls_365d")]) < 20


def test_a_page_says_how_many_were_not_ranked_without_a_small_number() -> None:
    def said(n: int) -> str:
        return tables.not_ranked(
            {"judged_dropped": {"censored": {"death": n}}, "population": {"rows": 9_120}}
        )

    assert said(0) == ""
    assert said(5) == "* rows (a small number)"
    assert said(482) == "about 480 of 9,600 rows (5.0%)"
