from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from hiu_risk.model import Booster, contributions
from hiu_risk.model.contributions import ContributionTables
from hiu_risk.model.trees import read_trees
from tests.support.bundles import make_bundle, random_values, trees
from tests.support.random_trees import random_model, random_rows

ROWS = random_values(500)


def trained(rows=ROWS, label=None, n_trees=5, categories="auto", **parameters) -> str:
    if label is None:
        label = np.nan_to_num(rows).sum(axis=1) + np.random.default_rng(1).normal(0, 30, 500) > 100
    settings = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(
        rows, label.astype(np.float64), params=settings | parameters, categorical_feature=categories
    )
    return lightgbm.train(settings | parameters, data, n_trees).model_to_string()


def by_every_order(tree, row):
    """The Shapley value in its first form: mean gain over all orders of getting to know."""

    def says(known, node=0):
        if node < 0:
            return tree.leaf_value[~node]
        children = tree.left[node], tree.right[node]
        if tree.feature[node] in known:
            return says(known, children[int(row[tree.feature[node]] > tree.threshold[node])])
        weights = [tree.split_count[c] if c >= 0 else tree.leaf_count[~c] for c in children]
        return sum(w * says(known, c) for w, c in zip(weights, children, strict=True)) / sum(
            weights
        )

    names = sorted(set(tree.feature.tolist()))
    gains = dict.fromkeys(names, 0.0)
    for order in itertools.permutations(names):
        for place, name in enumerate(order):
            gains[name] += says(order[: place + 1]) - says(order[:place])
    return {name: gain / math.factorial(len(names)) for name, gain in gains.items()}


def test_contributions_are_the_mean_gain_over_every_order():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    text = trained(rows, rows.sum(axis=1) > 0, n_trees=1, min_data_in_leaf=2)
    (tree,) = read_trees(text)[1]
    assert len(set(tree.feature.tolist())) >= 3
    tables = ContributionTables.read(text)
    for row, found in zip(rows, tables.contributions(rows), strict=True):
        for name, expected in by_every_order(tree, row).items():
            assert found[name] == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore")  # shap's own, at import
def test_contributions_are_those_of_shap():
    import shap

    booster = Booster(trees())
    model = lightgbm.Booster(model_str=booster.text)
    expected = shap.TreeExplainer(model).shap_values(ROWS)
    found, _ = booster.contributions(ROWS)
    assert np.abs(found - expected).max() < 1e-9


@pytest.mark.parametrize("with_trees", [True, False])
def test_a_bundle_gives_a_row_the_same_bits_alone_and_among_others(with_trees):
    bundle = make_bundle(with_trees=with_trees)
    everyone, base = bundle.contributions(ROWS, threads=2)
    for row in range(40):
        parts, one = bundle.contributions(ROWS[row : row + 1], threads=1)
        assert (parts.tobytes(), one[0]) == (everyone[row].tobytes(), base[row])


@pytest.mark.parametrize("n", [127, 128, 129, 1_000])
def test_threads_and_blocks_leave_no_trace(n, monkeypatch):
    monkeypatch.setattr(contributions, "ROWS_PER_THREAD", 50)
    rng = np.random.default_rng(n)
    tables = ContributionTables.read(random_model(rng, 7, 20, 8))
    rows = random_rows(rng, n, 7)
    once = tables.contributions(rows, threads=1).tobytes()
    for threads in (0, 2, 3, 7):
        assert tables.contributions(rows, threads=threads).tobytes() == once


def test_any_layout_of_the_rows_runs_the_same_compiled_code():
    booster = Booster(trees())
    expected = booster.contributions(ROWS)[0].tobytes()
    locked = ROWS.copy()
    locked.flags.writeable = False
    for rows in (locked, np.asfortranarray(ROWS), np.repeat(ROWS, 2, axis=0)[::2]):
        assert booster.contributions(rows)[0].tobytes() == expected
    booster.contributions(ROWS[:1])
    booster.contributions(ROWS[:0])
    assert len(contributions._look_up.signatures) == 1


def test_the_rows_are_left_as_they_were():
    rows = random_rows(np.random.default_rng(0), 50, 5)
    before = rows.tobytes()
    Booster(trees()).contributions(rows)
    assert rows.tobytes() == before


def test_trees_that_never_split_are_in_the_base():
    text = trained(min_data_in_leaf=10_000, n_trees=3)
    tables = ContributionTables.read(text)
    assert tables.columns.size == 0
    assert not tables.contributions(ROWS).any()
    assert tables.mean == pytest.approx(Booster(text).raw(ROWS)[0], abs=1e-12)


def edited(pattern, instead) -> str:
    text = re.sub("tree_sizes=.*\n", "", trees())  # LightGBM trusts these
    changed = re.sub(pattern, instead, text)
    assert changed != text
    return changed


CATEGORIES = np.random.default_rng(3).integers(0, 9, ROWS.shape).astype(np.float32)
NOT_COVERED = {
    "nine leaves": lambda: trained(num_leaves=12, min_data_in_leaf=5),
    "categories": lambda: trained(CATEGORIES, CATEGORIES[:, 1] % 3 == 1, categories=[1]),
    "averaged": lambda: trained(boosting="rf", bagging_fraction=0.5, bagging_freq=1),
    "counts that do not add up": lambda: edited(r"internal_count=\d+", "internal_count=9"),
}


@pytest.mark.parametrize("kind", NOT_COVERED)
def test_trees_that_tables_do_not_cover_are_left_to_lightgbm(kind):
    text = NOT_COVERED[kind]()
    assert ContributionTables.read(text) is None
    booster = Booster(text)
    rows = CATEGORIES if kind == "categories" else ROWS
    found, mean = booster.contributions(rows, threads=1)
    expected, expected_mean = booster.lightgbm_contributions(rows, threads=1)
    assert found.tobytes() == expected.tobytes()
    assert mean == expected_mean


def test_several_outputs_and_linear_trees_are_not_covered():
    several = trained(label=np.arange(500) % 3, objective="multiclass", num_class=3)
    assert ContributionTables.read(several) is None
    linear = trained(np.nan_to_num(ROWS), linear_tree=True)
    assert ContributionTables.read(linear) is None  # nor does pred_contrib take them


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        ("max_feature_idx=4", "max_feature_idx=0"),
        ("split_feature=.*", "split_feature=-1 -1 -1 -1 -1 -1 -1"),
        ("max_feature_idx=4", "max_feature_idx=four"),
        ("max_feature_idx=4", ""),
        ("left_child=.*", "left_child=0 0 0 0 0 0 0"),
        ("left_child=.*", "left_child=99 99 99 99 99 99 99"),
        ("decision_type=.*", "decision_type=12 12 12 12 12 12 12"),
        ("threshold=.*", "threshold=1"),
        ("leaf_value=.*", "leaf_value=here and there"),
        ("leaf_count=.*", "leaf_count="),
        (r"(?s)\Atree.*", "not trees"),
    ],
)
def test_text_that_makes_no_sense_is_not_covered(pattern, instead):
    assert ContributionTables.read(edited(pattern, instead)) is None


def test_values_that_would_have_to_be_rounded_are_left_to_lightgbm():
    booster = Booster(trees())
    exact = ROWS.astype(np.float64)
    found, _ = booster.contributions(exact, threads=1)
    assert found.tobytes() == booster.lightgbm_contributions(exact, threads=1)[0].tobytes()


def test_rows_of_another_width_are_refused():
    with pytest.raises(lightgbm.basic.LightGBMError, match="number of features"):
        Booster(trees()).contributions(ROWS[:, :4])


def test_the_arithmetic_needs_neither_shap_nor_scikit_learn():
    code = (
        "import sys, hiu_risk.model\n"
        "print(sorted({'shap', 'sklearn', 'mlflow', 'pandas', 'lightgbm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
