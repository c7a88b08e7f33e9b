"""The estimator keeps scikit-learn's conventions, and is the learner that training uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from hiu_features import default_catalogue
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.times import DAY
from hiu_training.estimator import PARTS, AnchoredBooster
from hiu_training.learning import anchor as anchor_module
from hiu_training.learning.learner import learn
from hiu_training.protocol import parse_protocol
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.split import Split, make_split
from tests.support.trainings import PROTOCOL, region

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/estimator.md"
DEFAULT = parse_protocol("")

EXPECTED_FAILED = {
    "check_positive_only_tag_during_fit": "feeds rows sorted by class: where the order of rows "
    "is time, the last blocks hold one class alone, and that is refused",
}


@parametrize_with_checks(
    [AnchoredBooster()], expected_failed_checks=lambda estimator: EXPECTED_FAILED
)
def test_scikit_learn_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_page_names_every_check_that_fails_and_why() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    for name, why in EXPECTED_FAILED.items():
        assert f"`{name}`: {why}" in page


@pytest.fixture(scope="module")
def trained() -> tuple[Rows, Split, Any]:
    protocol = replace(parse_protocol(PROTOCOL), embargo_days=61)
    histories = region()
    split = make_split(protocol, histories.feeds, histories.zone)
    rows = make_rows(histories, split.development, protocol, default_catalogue())
    return rows, split, protocol


def _frame(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(rows.values, columns=list(rows.names))


def test_it_is_the_learner_that_training_uses(trained: tuple[Rows, Split, Any]) -> None:
    rows, split, protocol = trained
    wanted = learn(rows, split, protocol, default_catalogue().directions)
    when = rows.as_ofs[rows.origin]
    for origins in (when, when.astype("datetime64[s]")):
        model = AnchoredBooster(protocol).fit(
            _frame(rows), rows.label, origins=origins, groups=rows.person
        )
        assert model.learned_.anchor == wanted.anchor
        assert model.learned_.booster.text == wanted.booster.text
        assert model.learned_.calibrator == wanted.calibrator
    assert (model.split_.stopping, model.split_.calibration) == (split.stopping, split.calibration)
    p = model.predict_proba(_frame(rows))[:, 1]
    # Fewer than 20 different positives in the newest block: both blocks give the level.
    newest = rows.origin >= split.stopping[0]
    assert p[newest].mean() == pytest.approx(rows.label[newest].mean(), rel=0.05)
    assert roc_auc_score(rows.label, p) > 0.8


def _world(n: int, seed: int, base: float = -3.0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Calls and a true risk that is linear in their logarithm; every third age missing."""
    rng = np.random.default_rng(seed)
    calls = rng.poisson(rng.gamma(0.5, 3.0, n))
    frame = pd.DataFrame({
        "calls_30d": rng.binomial(calls, 0.4), "calls_90d": calls,
        "age": np.where(rng.random(n) < 1 / 3, np.nan, rng.integers(18, 90, n)),
    })  # fmt: skip
    truth = base + np.log1p(frame["calls_30d"]) + 0.8 * np.log1p(frame["calls_90d"])
    return frame, (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(int), truth.to_numpy()


def test_probabilities_mean_what_they_say_and_classes_may_have_any_name() -> None:
    frame, label, _ = _world(12_000, 1)
    fresh, happened, truth = _world(12_000, 2)
    said = np.array(["no", "yes"])[label]
    model = AnchoredBooster().fit(frame, said)
    assert model.classes_.tolist() == ["no", "yes"]
    assert list(model.feature_names_in_) == list(frame.columns)
    p = model.predict_proba(fresh)
    np.testing.assert_allclose(p.sum(1), 1.0)
    assert p[:, 1].mean() == pytest.approx(happened.mean(), rel=0.08)
    assert np.corrcoef(model.decision_function(fresh), truth)[0, 1] > 0.98
    assert set(model.predict(fresh)) == {"no", "yes"}


def test_without_a_time_the_order_of_rows_is_time() -> None:
    frame, label, _ = _world(6_000, 3)
    split = AnchoredBooster().fit(frame, label).split_
    assert len(split.development) == PARTS
    assert (split.stopping, split.calibration) == ((6, 9), (9, 12))
    assert split.learned_before(6) == 6
    # What only the last rows say can reach the calibrator, never what a block was judged with.
    turned = np.where(np.arange(6_000) >= 5_500, 1 - label, label)
    before = AnchoredBooster().fit(frame, label)
    after = AnchoredBooster().fit(frame, turned)
    assert after.learned_.calibrator != before.learned_.calibrator


def test_unknown_columns_reach_the_trees_alone_under_any_name() -> None:
    frame, label, _ = _world(6_000, 4)
    hidden = np.random.default_rng(4).normal(size=6_000)
    label = np.where(hidden > 1.2, 1, label)
    odd = frame.assign(**{'{"odd": name}': hidden})
    model = AnchoredBooster().fit(odd, label)
    assert model.learned_.verdict.n_trees > 0
    assert {item.feature for item in model.learned_.anchor.inputs} == {"calls_30d", "calls_90d"}
    p = model.predict_proba(odd)[:, 1]
    assert p[hidden > 1.2].mean() > 3 * p[hidden < 1.2].mean()


@pytest.mark.parametrize("direction", [1, -1])
def test_directions_given_are_kept(direction: int) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(4_000, 1))
    y = rng.random(4_000) < 1 / (1 + np.exp(-2 * x[:, 0]))
    odds = AnchoredBooster(directions=[direction]).fit(x, y).decision_function(np.sort(x, axis=0))
    assert (direction * np.diff(odds) >= -1e-12).all()


@pytest.mark.slow
def test_sampled_negatives_leave_the_log_odds_unbiased(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, label, _ = _world(20_000, 6, base=-4.0)
    some = frame.iloc[:200]
    plain = parse_protocol("[booster]\nmax_trees = 0")

    def odds(seed: int) -> np.ndarray:
        model = AnchoredBooster(replace(plain, seed=seed)).fit(frame, label)
        values = some.to_numpy(np.float32)
        return np.asarray(model.learned_.anchor.log_odds(values, tuple(some.columns)))

    whole = odds(1)
    monkeypatch.setattr(anchor_module, "MOST_ROWS", 6_000)
    apart = np.array([odds(seed) for seed in range(40)]) - whole
    assert apart.std(axis=0).min() > 0  # it is a sample indeed
    mean, error = apart.mean(axis=0), apart.std(axis=0, ddof=1) / np.sqrt(len(apart))
    kept = int(label.sum())
    uncorrected = np.log((len(label) - kept) / (6_000 - kept))
    assert uncorrected > 1.0  # what a sample that isn't corrected would add to every log-odds
    assert np.abs(mean).max() < 0.05
    assert np.mean(np.abs(mean) < 3 * error) > 0.9


def test_settings_may_be_searched() -> None:
    frame, label, _ = _world(1_500, 7)
    grid = {"settings": [{"anchor.l2": 1.0, "booster.max_trees": 0}, {"booster.max_trees": 0}]}
    found = GridSearchCV(AnchoredBooster(), grid, cv=2, scoring="average_precision")
    found.fit(frame, label)
    assert found.best_params_["settings"] in grid["settings"]
    again = clone(AnchoredBooster(DEFAULT, settings={"anchor.l2": 1.0}))
    assert again.get_params() == {
        "protocol": DEFAULT, "settings": {"anchor.l2": 1.0}, "directions": None,
    }  # fmt: skip


def test_what_cannot_be_learned_is_refused() -> None:
    frame, label, _ = _world(600, 8)
    three = np.arange(600) % 3
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        AnchoredBooster().fit(frame, three)
    with pytest.raises(ValueError, match="only one class"):
        AnchoredBooster().fit(frame, np.zeros(600))
    with pytest.raises(ModelError, match="one class alone"):
        AnchoredBooster().fit(frame, np.where(np.arange(600) < 200, label, 0))
    with pytest.raises(UsageError, match="whole UTC seconds or datetime64"):
        AnchoredBooster().fit(frame, label, origins=np.linspace(0, 1, 600))
    days = np.arange(600) % 4 * 30 * DAY
    with pytest.raises(UsageError, match="4 index dates are too few"):
        AnchoredBooster().fit(frame, label, origins=days)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AnchoredBooster().fit(frame, label, groups=np.zeros(3))
    with pytest.raises(ValueError, match="for every column"):
        AnchoredBooster(directions=[1]).fit(frame, label)
