from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import HiuRiskError, UsageError
from hiu_risk.model import Booster, Bundle, BundleError, Calibrator, ModelHome
from tests.support.bundles import NAMES, make_bundle, random_values

ROWS = random_values(500)


@pytest.mark.parametrize("with_trees", [True, False])
def test_contributions_and_base_add_up_to_the_log_odds(with_trees: bool) -> None:
    bundle = make_bundle(with_trees=with_trees)
    parts, base = bundle.contributions(ROWS)
    assert parts.shape == ROWS.shape
    assert np.abs(parts.sum(axis=1) + base - bundle.log_odds(ROWS)).max() < 1e-6


def test_the_anchor_is_the_sum_written_in_its_file() -> None:
    bundle = make_bundle(with_trees=False)
    data = json.loads(json.dumps(bundle.anchor.to_dict()))
    for row in ROWS[:50]:
        total = data["intercept"]
        for item in data["inputs"]:
            x = float(row[NAMES.index(item["feature"])])
            if item["transform"] == "log1p":
                x = math.log1p(x)
            elif item["transform"] == "recency":
                x = data["recency_days"] / (data["recency_days"] + x)
            if math.isnan(x):
                x = item["missing"]
            total += item["coefficient"] * (x - item["mean"])
        expected = 1 / (1 + math.exp(-(0.1 + 0.9 * total)))
        assert bundle.score(row[None, :])[0] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, len(ROWS) - 1), min_size=1, max_size=40))
def test_a_row_scores_the_same_to_the_bit_whoever_stands_beside_it(rows: list[int]) -> None:
    bundle = make_bundle()
    everyone = bundle.log_odds(ROWS, threads=2)
    some = bundle.log_odds(np.ascontiguousarray(ROWS[rows]), threads=1)
    assert some.tobytes() == everyone[rows].tobytes()


def test_scores_stay_strictly_between_0_and_1_however_extreme() -> None:
    extreme = np.array([[1e30, 1e30, 0, 40, 1], [0, 0, 1e30, 40, 1]], np.float32)
    for intercept in (-500.0, 500.0):
        scores = make_bundle(intercept=intercept).score(extreme)
        assert ((scores > 0) & (scores < 1)).all()


def test_bands_start_at_their_lowest_score() -> None:
    scores = np.array([0.9, 0.3, 0.2999, 0.15, 0.05, 0.0499, 0.0001])
    expected = ["very_high", "very_high", "high", "high", "raised", "usual", "usual"]
    assert make_bundle().band(scores).tolist() == expected


def test_a_saved_bundle_loads_to_identical_scores_and_id(tmp_path: Path) -> None:
    bundle = make_bundle()
    loaded = Bundle.load(bundle.save(tmp_path / "model"))
    assert loaded.id == bundle.id
    assert loaded.manifest == bundle.manifest
    assert loaded.log_odds(ROWS).tobytes() == bundle.log_odds(ROWS).tobytes()


def test_the_id_changes_with_the_weights_and_with_the_meaning() -> None:
    ids = {make_bundle().id, make_bundle(intercept=-3.0).id, make_bundle(horizon_days=30).id}
    assert len(ids) == 3
    assert make_bundle().id in ids


def test_a_bundle_holds_text_alone_and_no_pickle(tmp_path: Path) -> None:
    folder = make_bundle().save(tmp_path / "model")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "anchor.json",
        "booster.txt",
        "calibrator.json",
        "manifest.json",
        "protocol.toml",
        "reference.json",
    ]
    for path in folder.iterdir():
        path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["anchor.json", "booster.txt", "calibrator.json", "reference.json", "protocol.toml"]
)
def test_a_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = make_bundle().save(tmp_path / "model")
    path = folder / name
    path.chmod(0o640)
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(BundleError, match="was changed after it was written") as caught:
        Bundle.load(folder)
    assert name in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_changed_manifest_a_missing_file_and_an_empty_folder_are_refused(
    tmp_path: Path,
) -> None:
    folder = make_bundle().save(tmp_path / "model")
    manifest = folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"horizon_days": 90', '"horizon_days": 30'), "utf-8")
    with pytest.raises(BundleError, match="manifest was changed"):
        Bundle.load(folder)
    manifest.write_text(text.replace('"schema_version": 1', '"schema_version": 9'), "utf-8")
    with pytest.raises(BundleError, match="schema 9, but this version reads 1"):
        Bundle.load(folder)
    manifest.write_text(text, "utf-8")
    (folder / "anchor.json").unlink()
    with pytest.raises(BundleError, match="a file of the model is missing"):
        Bundle.load(folder)
    with pytest.raises(BundleError, match=r"no model here.*hiu-risk train"):
        Bundle.load(tmp_path)
    manifest.write_text("[]", "utf-8")
    with pytest.raises(BundleError, match="not a model's manifest"):
        Bundle.load(folder)


class _Catalogue:
    def __init__(self, names: tuple[str, ...], hash: str) -> None:
        self.names, self.hash = names, hash


def test_a_catalogue_that_is_not_the_models_is_refused() -> None:
    bundle = make_bundle()
    bundle.check_catalogue(_Catalogue(NAMES, "c" * 64))
    with pytest.raises(BundleError, match=r"missing: age.*new: shoe_size.*train again"):
        bundle.check_catalogue(
            _Catalogue(tuple(n.replace("age", "shoe_size") for n in NAMES), "c" * 64)
        )
    with pytest.raises(BundleError, match="another order"):
        bundle.check_catalogue(_Catalogue(NAMES[::-1], "c" * 64))
    with pytest.raises(BundleError, match="declared otherwise"):
        bundle.check_catalogue(_Catalogue(NAMES, "f" * 64))


def test_values_of_another_width_and_trees_of_other_features_are_refused() -> None:
    with pytest.raises(BundleError, match="rows of 4 features, but the model has 5"):
        make_bundle().score(np.zeros((1, 4), np.float32))
    with pytest.raises(HiuRiskError, match="trees' features are not the bundle's"):
        make_bundle(feature_names=NAMES[:3] + NAMES[:2:-1])
    with pytest.raises(HiuRiskError, match="can't read the trees"):
        _ = Booster("not trees").n_trees


@pytest.mark.parametrize("slope", [0.0, -1.0, math.nan])
def test_a_calibrator_never_turns_the_ranking_round(slope: float) -> None:
    with pytest.raises(HiuRiskError, match="slope above zero"):
        Calibrator(0.0, slope)


def test_a_home_keeps_versions_and_aliases(tmp_path: Path) -> None:
    home = ModelHome(tmp_path / "home")
    assert home.aliases() == {}
    with pytest.raises(BundleError, match=r"no champion yet.*hiu-risk train"):
        home.load()
    first, second = home.add(make_bundle()), home.add(make_bundle(intercept=-3.0))
    assert home.add(make_bundle()) == first
    assert home.ids() == sorted([first[:12], second[:12]])
    home.set_alias("champion", first)
    home.set_alias("challenger", second[:12])
    assert home.load().id == first
    assert home.load("challenger").id == second
    assert home.load(second[:8]).id == second
    assert home.load(first).id == first


def test_a_home_refuses_unknown_versions_and_aliases(tmp_path: Path) -> None:
    home = ModelHome(tmp_path)
    known = home.add(make_bundle())[:12]
    for name in ("../..", "f" * 12, "", known[:3]):
        with pytest.raises(BundleError, match=f"no such model version.*{known}"):
            home.load(name)
    with pytest.raises(UsageError, match="did you mean 'champion'"):
        home.set_alias("champoin", known)
    (tmp_path / "aliases.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="not a file of aliases"):
        home.aliases()
