"""A longer horizon never gets a lower chance, and the model of the list keeps its scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiu_risk.errors import ModelError
from hiu_risk.model.horizons import HorizonFamily, in_order
from tests.support.bundles import make_bundle, random_values

SCORES = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 20), st.integers(1, 5)), elements=st.floats(0, 1)
)


@given(SCORES, st.data())
def test_scores_in_order_rise_keep_one_column_and_move_no_more_than_they_must(
    scores: np.ndarray, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, scores.shape[1] - 1))
    ordered = in_order(scores, kept)
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert (ordered[:, kept] == scores[:, kept]).all()
    already = (np.diff(scores, axis=1) >= 0).all(axis=1)
    assert (ordered[already] == scores[already]).all()
    assert (in_order(ordered, kept) == ordered).all()
    # Longer horizons only give way upwards, shorter ones downwards.
    assert (ordered[:, kept:] >= scores[:, kept:]).all()
    assert (ordered[:, : kept + 1] <= scores[:, : kept + 1]).all()


def test_a_family_orders_the_scores_of_its_bundles_and_counts_what_it_had_to() -> None:
    kept = make_bundle()
    short = make_bundle(with_trees=False, intercept=-6.3, horizon_days=30)
    long = make_bundle(intercept=-3.0, horizon_days=180)
    values = random_values(500)
    family = HorizonFamily(kept, [long, short])
    assert family.horizons == (30, 90, 180)
    scores, chances = family.scores(values), family.chances(values)
    np.testing.assert_array_equal(scores[:, 2], long.score(values))
    np.testing.assert_array_equal(chances[:, 1], kept.score(values))
    assert (np.diff(chances, axis=1) >= 0).all()
    first, second = family.breaches(scores)
    falls = scores[:, 0] > scores[:, 1]
    assert 0 < first.rows == falls.sum() < 500
    assert first.share == falls.mean()
    assert first.largest == (scores[:, 0] - scores[:, 1]).max()
    assert (second.shorter, second.longer, second.rows, second.largest) == (90, 180, 0, 0.0)
    assert all(breach.rows == 0 for breach in family.breaches(chances))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon_days": 90}, "two models have the same horizon"),
        ({"horizon_days": 30, "target": "relapse"}, "more than their horizon: target"),
        ({"horizon_days": 30, "washout_days": 90}, "more than their horizon: washout_days"),
        ({"horizon_days": 30, "catalogue_hash": "9" * 64}, "horizon: catalogue_hash"),
    ],
)
def test_models_that_differ_in_more_than_their_horizon_are_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        HorizonFamily(make_bundle(), [make_bundle(**change)])
    assert caught.value.exit_code == 1


def test_targets_that_do_not_grow_with_the_horizon_have_no_family() -> None:
    still = [make_bundle(target="persistence", horizon_days=days) for days in (30, 90)]
    with pytest.raises(ModelError, match="chances of persistence need not rise"):
        HorizonFamily(still[0], still[1:])
