"""What ``train`` and ``evaluate`` print of an evaluation says no more than was measured."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from hiu_risk.cli.evaluation_table import Evaluation, evaluation_fields, say_evaluation
from hiu_training.judging.evaluation import evaluate
from hiu_training.judging.verdict import verdict
from hiu_training.judging.whole_lists import whole_lists
from hiu_training.protocol.settings import GateSettings
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
        ((0.61, 0.2, 1.7), "too few cases to tell, as the interval reaches past both"),
        ((0.61, None, None), "slope 0.61, for a promotion from 0.8 to 1.5: without an interval"),
        ((None, None, None), "Calibration: the slope can't be had"),
    ],
)
def test_the_slope_is_printed_with_what_a_promotion_wants(
    capsys: Any, slope: tuple[float | None, ...], said: str
) -> None:
    found = copy.deepcopy(_judged())
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
    assert ("Intercept -0.10 (-0.30 to 0.10): 0 is right" in lines[0]) == (slope[0] is not None)
