"""What ``train`` and ``evaluate`` print of an evaluation says no more than was measured."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.evaluation_table import Estimate, Evaluation, evaluation_fields, say_evaluation
from hiu_risk.cli.sensitivity_table import (
    JudgedResult,
    LearnedResult,
    MeasuresResult,
    SensitivityResult,
    say_sensitivity,
)
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.judging.verdict import verdict
from hiu_training.judging.whole_lists import whole_lists
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import GateEvidence, judge_gates
from hiu_training.report.files import report_files
from hiu_training.report.known import Known
from tests.support.bundles import make_bundle
from tests.support.judged_rows import censored_of, details_of, judged_rows, rankers_of


@cache
def _judged(resamples: int = 40, n_people: int = 800) -> dict[str, Any]:
    rows = judged_rows(n_people)
    rankers, capacities = rankers_of(rows), [25, 75]
    found = evaluate(
        rows, rankers, capacities, resamples=resamples, seed=1, details=details_of(rows)
    )
    found |= {"capacities": capacities, "resamples": resamples}
    learning = {
        "dates": [], "rows": 0, "people": 0, "positives": 0, "dropped": {}, "embargo_days": 91.0,
        "notes": [],
    }  # fmt: skip
    return {
        **found, "decayed_half_life": "30d", "learning": learning, "judged_dropped": {},
        "whole_lists": whole_lists(rows, rankers, censored_of(rows), capacities),
        "verdict": verdict(found),
    }  # fmt: skip


def _printed(capsys: Any, found: dict[str, Any], gates: GateSettings | None = None) -> str:
    say_evaluation(Evaluation.model_validate(evaluation_fields(found)), gates or GateSettings())
    return str(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        ((1.02, 0.9, 1.14), "slope 1.02 (0.90 to 1.14), for a promotion from 0.8 to 1.5: inside"),
        ((0.61, 0.5, 0.72), "below it, the chances lie too far apart (high ones too high"),
        ((1.8, 1.6, 2.0), "above it, the chances lie too close together (high ones too low"),
        ((0.61, 0.2, 1.7), "the interval reaches past both, so nothing is concluded"),
        ((0.61, None, None), "slope 0.61, for a promotion from 0.8 to 1.5: without an interval"),
        ((None, None, None), "Calibration: the slope can't be had"),
    ],
)
def test_the_slope_is_printed_with_what_a_promotion_wants(
    capsys: Any, slope: tuple[float | None, ...], said: str
) -> None:
    found = copy.deepcopy(_judged()) | {"resamples": 200}
    model = found["rankers"]["model"]
    model["calibration_slope"] = dict(zip(("value", "low", "high"), slope, strict=True))
    model["calibration_intercept"] = {"value": -0.1, "low": -0.3, "high": 0.1}
    lines = [
        line
        for line in _printed(capsys, found, GateSettings(slope_high=1.5)).splitlines()
        if line.startswith("Calibration:")
    ]
    assert len(lines) == 1
    assert said in lines[0]
    quick = _printed(capsys, {**found, "resamples": 199})
    assert ("fewer than 200 resamples nothing is concluded" in quick) == (slope[0] is not None)
    few = {**found, "population": {**found["population"], "positive_people": 19}}
    assert ("too few people became cases" in _printed(capsys, few)) == (slope[0] is not None)
    assert "too few people became cases" not in lines[0]
    assert ("Intercept -0.10 (-0.30 to 0.10): 0 is right" in lines[0]) == (slope[0] is not None)


@pytest.mark.parametrize("resamples", [0, 1])
def test_without_resamples_there_are_values_and_no_interval_anywhere(
    capsys: Any, resamples: int
) -> None:
    found, with_intervals = _judged(resamples), _judged()
    said = _printed(capsys, found)
    for name, measures in found["rankers"].items():
        line = next(one for one in said.splitlines() if one.startswith(f"{name} "))
        same = with_intervals["rankers"][name]
        shown = [measures["average_precision"], measures["auroc"], measures["recall_at"]["75"]]
        assert line.split()[1:] == [f"{e['value']:.3f}" for e in (
            *shown, measures["precision_at"]["75"]
        )]  # fmt: skip
        assert measures["recall_at"]["75"]["value"] == same["recall_at"]["75"]["value"]
    lead = found["rankers"]["model"]["lead_days_at"]["75"]["value"]
    assert f"were first listed {lead:.0f} days before the event" in said
    assert f"No intervals were asked for (resamples = {resamples})" in said.splitlines()[-1]


def test_a_list_without_a_case_has_no_half_interval_without_resamples() -> None:
    rows = judged_rows(800)
    backwards = {"model": Ranker(-rankers_of(rows)["model"].score)}
    found = evaluate(rows, backwards, [10], resamples=0, seed=1)["rankers"]["model"]
    assert found["recall_at"]["10"] == {"value": 0.0, "low": None, "high": None}
    found = evaluate(rows, backwards, [10], resamples=40, seed=1)["rankers"]["model"]
    assert found["recall_at"]["10"]["high"] > 0


def test_a_report_without_resamples_shows_values_and_concludes_nothing(tmp_path: Path) -> None:
    report_files(tmp_path, Known(make_bundle(), _judged(0)))
    page = " ".join(re.sub(r"<[^>]+>", " ", (tmp_path / "evaluation.html").read_text()).split())
    assert "No intervals were asked for (resamples = 0)" in page
    assert "without an interval nothing is concluded" in page
    assert "none, as the protocol asks for no resamples" in page
    apart = _judged(0)["differences"]["anchor"]["average_precision"]["value"]
    assert f"{apart:+.3f}".replace("-", "\N{MINUS SIGN}") in page
    assert "interval excludes zero" not in page


def test_the_gates_conclude_nothing_without_intervals() -> None:
    found = {**_judged(0), "population": {"positive_people": 500}}
    gates = {g.name: g for g in judge_gates(GateEvidence(evaluation=found), GateSettings())}
    for name in ("average precision", "recall at K", "calibration slope"):
        assert gates[name].outcome == "insufficient evidence", name
        assert "0 resamples; 200 are needed" in gates[name].detail


@pytest.mark.parametrize(
    ("ks", "said"),
    [(("25", "50", "75", "100", "200", "1%"), "75"), (("10", "200", "25", "1%"), "25")],
)
def test_a_sensitivity_run_shows_the_k_that_the_table_above_it_shows(
    capsys: Any, ks: tuple[str, ...], said: str
) -> None:
    some = Estimate(value=0.5, low=0.4, high=0.6)
    measures = MeasuresResult(average_precision=some, recall_at=dict.fromkeys(ks, some))
    learned = LearnedResult(rows=1, people=1, positives=1, dates=[], trees=0, measures=measures)
    judged = JudgedResult(dates=[], rows=1, positives=1, resamples=40)
    say_sensitivity(SensitivityResult(judged=judged, as_trained=learned, runs=[], left_out=[]))
    assert f"recall at {said} " in capsys.readouterr().out
    found = copy.deepcopy(_judged())
    found["capacities"] = [k if k.endswith("%") else int(k) for k in ks]
    for name, measured in found["rankers"].items():
        for kind in ("recall_at", "precision_at"):
            measured[kind] = dict.fromkeys(ks, measured[kind]["25"])
        for whole in ("recall_at", "precision_at"):
            told = found["whole_lists"]["rankers"][name]
            told[whole] = dict.fromkeys(ks, told[whole]["25"])
    assert f"recall at {said} " in _printed(capsys, found)


def test_few_cases_are_counted_on_the_screen_and_nowhere_that_leaves_the_team(
    capsys: Any, tmp_path: Path
) -> None:
    found = {**_judged(), "per_origin": _judged()["per_origin"][:1]}
    found["population"] = {**found["population"], "positive_people": 7}
    found["verdict"] = verdict(found)
    said = _printed(capsys, found)
    assert said.splitlines()[-1] == (
        "Only 7 people became cases at these dates: no verdict can be given."
    )
    assert "Judged at 1 date: " in said
    assert "Only 7 people" in evaluation_fields(found)["verdict"]
    report_files(tmp_path, Known(make_bundle(), found))
    for file in tmp_path.iterdir():
        assert "Only 7" not in file.read_text("utf-8"), file.name
    page = " ".join(re.sub(r"<[^>]+>", " ", (tmp_path / "evaluation.html").read_text()).split())
    assert "Fewer than 20 people became cases at these dates: no verdict can be given." in page
    assert "interval excludes zero" not in page
    assert "Judged at 1 date: " in page
