"""The calibrator's shape is chosen by what it proves, and its interval covers what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hiu_risk.errors import ModelError
from hiu_risk.model import Anchor, AnchorInput, Booster, Bundle, BundleError, Calibrator
from hiu_risk.model.calibrator import Uncertainty, probability
from hiu_training.learning.bending import Seen, bent, calibrate, fit_beta, fit_isotonic, uncertainty
from tests.support.bundles import make_manifest


def _seen(
    seed: int,
    n: int = 6_000,
    curve=lambda x: x,
    sway: float = 0.0,
    n_origins: int = 3,
    centre: float = -3.0,
) -> Seen:
    """Rows whose true log-odds are a curve of the raw ones, plus a shift of each date."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(centre, 1.2, n)
    origin = rng.integers(0, n_origins, n).astype(np.int16)
    shift = rng.normal(0.0, sway, n_origins)[origin]
    label = (rng.random(n) < probability(curve(raw) + shift)).astype(np.float64)
    return Seen(raw, label, np.arange(n, dtype=np.int32), origin)


def _fit(blocks: list[Seen]) -> Calibrator:
    return calibrate(blocks, blocks[-1:], blocks[-1].raw)


def test_a_line_stays_a_line_where_it_is_the_truth() -> None:
    found = [bent(Calibrator(), [_seen(seed), _seen(seed + 1)]).method for seed in range(0, 60, 2)]
    assert found.count("platt") >= 24


def test_a_curve_is_bent_and_its_probabilities_are_right_along_it() -> None:
    def curve(x: np.ndarray) -> np.ndarray:
        return np.minimum(x, -2.0) + 0.1 * np.maximum(x + 2.0, 0.0)

    blocks = [_seen(1, 60_000, curve), _seen(2, 60_000, curve)]
    found = _fit(blocks)
    assert found.method in ("beta", "isotonic")
    x = np.array([-5.0, -3.0, -2.0, 0.0])
    np.testing.assert_allclose(found.apply(x), curve(x), atol=0.35)
    fresh = np.linspace(-6, 1, 500)
    assert (np.diff(found.apply(fresh)) > 0).all()
    assert probability(found.apply(blocks[-1].raw)).mean() == pytest.approx(
        blocks[-1].label.mean(), rel=0.01
    )


@pytest.mark.parametrize("fit", [fit_beta, fit_isotonic])
def test_knots_rise_whatever_the_labels_say(fit) -> None:
    rng = np.random.default_rng(0)
    line = rng.normal(-2, 1, 400)
    knots = np.array(fit(line, (line < -2).astype(np.float64)))
    assert (np.diff(knots, axis=0) > 0).all()


def test_a_shape_needs_cases_in_both_blocks() -> None:
    few = _seen(3, 300)
    assert few.label.sum() < 40
    line = Calibrator(0.1, 0.9)
    assert bent(line, [few, _seen(4, 60_000)]) == line


@pytest.mark.slow
@pytest.mark.parametrize(("sway", "centre"), [(0.0, -3.0), (0.3, -3.0), (0.3, -5.0)])
def test_the_interval_covers_the_true_chance_at_a_later_date(sway: float, centre: float) -> None:
    """At every height of the score, with some 330 cases a block or some 55."""
    rng = np.random.default_rng(5)
    at = np.array([-4.5, -3.0, -1.5, 0.0])
    covered, half = [], []
    for seed in range(100):
        blocks = [_seen(1_000 + 2 * seed + i, 4_000, sway=sway, centre=centre) for i in range(2)]
        found = _fit(blocks)
        assert found.uncertainty is not None
        middle = found.apply(at)
        low, high = found.uncertainty.interval(middle)
        truth = at + rng.normal(0.0, sway)
        covered.append((low <= truth) & (truth <= high))
        half.append(((low + middle) / 2 <= truth) & (truth <= (high + middle) / 2))
    assert (np.mean(covered, axis=0) >= 0.81).all()  # 0.9 less three standard errors
    assert 0.85 <= np.mean(covered) <= 0.97
    assert np.mean(half) <= 0.75  # intervals of half the width would not pass


def test_people_with_many_rows_make_it_wider() -> None:
    block = _seen(6)
    thrice = Seen(*(np.repeat(v, 3) for v in (block.raw, block.label, block.person, block.origin)))
    one = uncertainty(Calibrator(), [block], [block])
    three = uncertainty(Calibrator(), [thrice], [thrice])
    assert one is not None
    assert three is not None
    assert three.level == pytest.approx(one.level, rel=0.05)  # no narrower for thrice the rows


def test_bent_contributions_add_up_and_keep_the_order_of_reasons() -> None:
    names = ("calls_30d", "calls_90d")
    anchor = Anchor(
        -3.0,
        (
            AnchorInput("calls_30d", "log1p", 0.3, 0.3, 1.2),
            AnchorInput("calls_90d", "log1p", 0.5, 0.5, 0.4),
        ),
    )
    line = Calibrator(0.2, 0.9)
    curved = replace(line, method="beta", knots=((-5.0, -6.0), (-2.0, -2.5), (0.0, -2.0)))
    values = np.random.default_rng(0).poisson(2, (200, 2)).astype(np.float32)
    straight, bundle = (
        Bundle(make_manifest(names), anchor, Booster(), calibrator) for calibrator in (line, curved)
    )
    parts, base = bundle.contributions(values)
    np.testing.assert_allclose(parts.sum(1) + base, bundle.log_odds(values), atol=1e-9)
    before, _ = straight.contributions(values)
    np.testing.assert_array_equal(np.argsort(parts, axis=1), np.argsort(before, axis=1))
    np.testing.assert_array_equal(
        np.argsort(bundle.score(values), kind="stable"),
        np.argsort(straight.score(values), kind="stable"),
    )


def test_a_bundle_gives_intervals_or_says_why_not(tmp_path) -> None:
    names = ("calls_30d",)
    plain = Bundle(make_manifest(names), Anchor(-3.0, ()), Booster(), Calibrator())
    with pytest.raises(BundleError, match="no interval is known"):
        plain.interval(np.array([0.1]))
    unsure = Calibrator(
        0.0, 1.0, "isotonic", ((-3.0, -3.0), (0.0, 1.0)), Uncertainty(-3.0, 0.01, 0.0, 0.02, 0.03)
    )
    bundle = replace(plain, calibrator=unsure)
    scores = np.array([0.001, 0.1, 0.9])
    low, high = bundle.interval(scores)
    assert (low < scores).all()
    assert (scores < high).all()
    again = Bundle.load(bundle.save(tmp_path / "bundle"))
    assert again.calibrator == unsure
    assert again.id == bundle.id


@pytest.mark.parametrize("knots", [((0.0, 1.0), (1.0, 1.0)), ((0.0, float("nan")),)])
def test_knots_that_do_not_rise_are_refused(knots) -> None:
    with pytest.raises(ModelError, match="must rise"):
        Calibrator(0.0, 1.0, "isotonic", knots)
