"""Looked-up contributions are those of ``pred_contrib``, whatever the trees and the rows."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.model import Booster
from hiu_risk.model.contributions import ContributionTables
from tests.support.random_trees import random_model, random_rows

CLOSE = 1e-9


def assert_agree(booster: Booster, rows: np.ndarray) -> ContributionTables:
    tables = ContributionTables.read(booster.text)
    assert tables is not None
    assert tables.cover(rows)
    expected, mean = booster.lightgbm_contributions(rows, threads=1)
    found = tables.contributions(rows, threads=1)
    assert np.abs(found - expected).max(initial=0) < CLOSE
    assert tables.mean == pytest.approx(mean, abs=CLOSE)
    raw = booster.raw(rows, threads=1)
    assert np.abs(found.sum(axis=1) + tables.mean - raw).max(initial=0) < CLOSE
    return tables


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 12), st.integers(1, 8),
    st.integers(1, 300),
)  # fmt: skip
def test_any_small_trees(seed, n_features, n_trees, most_leaves, n_rows):
    rng = np.random.default_rng(seed)
    booster = Booster(random_model(rng, n_features, n_trees, most_leaves))
    assert booster.n_trees == n_trees
    assert_agree(booster, random_rows(rng, n_rows, n_features))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.data())
def test_a_row_gets_the_same_bits_alone_and_in_any_company(seed, data):
    rng = np.random.default_rng(seed)
    tables = ContributionTables.read(random_model(rng, 6, 10, 8))
    assert tables is not None
    rows = random_rows(rng, 400, 6)
    everyone = tables.contributions(rows, threads=2)
    some = data.draw(st.lists(st.integers(0, 399), min_size=1, max_size=200))
    assert tables.contributions(rows[some], threads=1).tobytes() == everyone[some].tobytes()


TRAININGS = {
    "plain": {},
    "monotone": {"monotone_constraints": [1, -1, 0, 1, -1, 0]},
    "zero is missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "bagged": {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
    "one-sided sampling": {"data_sample_strategy": "goss"},
    "dart": {"boosting": "dart"},
    "tiny leaves": {"min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0},
    "no second split": {"num_leaves": 2},
    "from the average": {"boost_from_average": True, "objective": "regression"},
    "extra random": {"extra_trees": True, "max_bin": 255},
}  # fmt: skip


@pytest.mark.parametrize("how", TRAININGS)
@pytest.mark.parametrize("seed", range(3))
def test_trained_trees(how, seed):
    rng = np.random.default_rng(seed)
    values = np.round(rng.exponential(2, (800, 6)), 1).astype(np.float32)
    values[:, 3] = rng.poisson(1, 800)
    values[:, 4] -= 2
    values[rng.random(values.shape) < 0.2] = np.nan
    odds = np.nan_to_num(values) @ rng.normal(size=6) + 3 * np.isnan(values[:, 0])
    label = odds + rng.normal(size=800) > 1
    parameters = {
        "objective": "binary", "boost_from_average": False, "num_leaves": 8, "verbosity": -1,
        "min_data_in_leaf": 5, "max_bin": 63, "deterministic": True, "num_threads": 1,
        "force_row_wise": True, "seed": seed,
    } | TRAININGS[how]  # fmt: skip
    data = lightgbm.Dataset(values, label.astype(np.int8), params=parameters)
    model = lightgbm.train(parameters, data, 30)
    limits = np.array([s for s in _thresholds(model) if abs(s) < 1e30], np.float32)
    at_limits = rng.choice(limits, (300, 6)) if limits.size else random_rows(rng, 300, 6)
    below = np.nextafter(at_limits, np.float32(-np.inf))
    rows = np.concatenate([values, at_limits, below, random_rows(rng, 300, 6)])
    assert_agree(Booster(model.model_to_string()), rows)


def _thresholds(model):
    lines = [line for line in model.model_to_string().splitlines() if line.startswith("threshold=")]
    return [float(number) for line in lines for number in line.partition("=")[2].split()]
