"""The trees' text goes into artifacts that leave the team: no person's extreme value is in it."""

from __future__ import annotations

import re
from typing import Any

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from hiu_risk.model import Booster
from hiu_training.learning.booster import grow, shrunk, without_ranges
from hiu_training.protocol.settings import BoosterSettings

NAMES = ("calls_365d", "days_since_last_call", "calls_30d")


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """Counts, a continuous value and a rare count; one person has the largest of each."""
    rng = np.random.default_rng(7)
    values = np.stack(
        [rng.poisson(4, 4_000), rng.exponential(40, 4_000), rng.poisson(0.1, 4_000)], axis=1
    ).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[17] = (4_711, 987.654, 9_001)  # more than there are rows
    return np.ascontiguousarray(values)


@pytest.fixture(scope="module")
def model(rows: NDArray[np.float32]) -> Any:
    rng = np.random.default_rng(8)
    risk = -3 + 0.4 * np.nan_to_num(rows[:, 0]).clip(0, 9)
    label = (rng.random(len(rows)) < 1 / (1 + np.exp(-risk))).astype(np.int8)
    settings = BoosterSettings(min_positives_in_leaf=1)
    return grow(rows, label, np.zeros(len(rows)), NAMES, (1, -1, 1), settings, 30, 1)


def test_lightgbm_would_write_a_persons_values(model: Any) -> None:
    assert ":4711]" in model.model_to_string()
    assert "987.65" in model.model_to_string()


def test_no_number_is_left_of_the_ranges(model: Any) -> None:
    (line,) = re.findall(r"(?m)^feature_infos=(.*)$", without_ranges(model.model_to_string()))
    assert line == "none none none"


def test_the_text_of_a_model_holds_nobodys_extreme_value(
    model: Any, rows: NDArray[np.float32]
) -> None:
    copy = lightgbm.Booster(model_str=model.model_to_string())
    text = shrunk(copy, 0.5).text
    numbers = {float(found) for found in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text)}
    assert numbers.isdisjoint(np.nanmax(rows, axis=0).tolist())


def test_without_them_every_answer_is_the_same_to_the_bit(
    model: Any, rows: NDArray[np.float32]
) -> None:
    text = model.model_to_string()
    plain, kept = Booster(text), Booster(without_ranges(text))
    assert plain.text != kept.text
    odd = [[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3, [-5, -5, -5], [1e9, 1e9, 1e9], [0, 0, 0]]
    asked = np.concatenate([rows, rows * 1_000, np.array(odd, np.float32)])
    assert np.array_equal(plain.raw(asked), kept.raw(asked))
    for ours, theirs in (
        (kept.contributions(asked), plain.contributions(asked)),
        (kept.lightgbm_contributions(asked), plain.lightgbm_contributions(asked)),
    ):
        assert np.array_equal(ours[0], theirs[0])
        assert ours[1] == theirs[1]
    assert kept.n_trees == plain.n_trees > 0
    kept.check_names(NAMES)
