"""How near a person is to meeting the rule: against scipy, against chance, and split exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nbinom

from hiu_risk.errors import ModelError
from hiu_risk.model.anchor import Anchor, AnchorInput
from hiu_risk.model.crossing import Crossing, chance_of

NAMES = (
    "calls_30d", "calls_90d", "calls_365d", "calls_decayed_90d", "days_since_last_call",
    "days_since_2nd_last_call", "days_since_3rd_last_call", "calls_covered_365d",
)  # fmt: skip
RULE = Crossing("call", 365, ((3, 30),), 30, True, 0.01, 0.5, 2.0)


def _row(ages: list[float], covered: float = 365.0) -> list[float]:
    at = np.sort(np.array(ages))
    counts = [(at <= days).sum() for days in (30, 90, 365)]
    since = [at[n] if len(at) > n else np.nan for n in range(3)]
    return [*counts, float((2.0 ** (-at / 90)).sum()), *since, covered]


def _values(*histories: list[float]) -> np.ndarray:
    return np.array([_row(ages) for ages in histories], dtype=np.float32)


def _chance(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


@pytest.mark.parametrize("needed", [1, 2, 5, 12, 21])
@pytest.mark.parametrize("shape", [0.5, 1.7, 30.0])
@pytest.mark.parametrize(("days", "prior"), [(30.0, 60.0), (5.0, 500.0), (90.0, 20.0)])
def test_new_events_are_negative_binomial(
    needed: int, shape: float, days: float, prior: float
) -> None:
    wanted = nbinom.sf(needed - 1, shape, prior / (prior + days))
    assert chance_of(needed, shape, days, prior) == pytest.approx(wanted, rel=1e-9, abs=1e-14)


def test_one_more_event_is_needed_while_the_last_two_stay_in_the_window() -> None:
    found = _chance(RULE.value(_values([4.0, 10.0]), NAMES)[0])
    shape, prior = 0.5 + 2, 0.5 / 0.01 + 365
    assert found == pytest.approx(1 - (prior / (prior + 20)) ** shape, rel=1e-6)


def test_who_is_nearer_to_the_rule_or_calls_more_is_never_put_behind() -> None:
    near = RULE.value(_values([], [200.0], [20.0], [2.0], [20.0, 25.0], [2.0, 3.0]), NAMES)
    assert (np.diff(near) > 0).all()


def test_without_the_window_only_the_rate_counts() -> None:
    disjoint = replace(RULE, straddle=False)
    early, late = disjoint.value(_values([2.0, 3.0], [200.0, 300.0]), NAMES)
    assert early == late
    alone = RULE.value(_values([2.0, 3.0]), NAMES, alone=True)[0]
    assert alone == early


def test_a_short_feed_is_not_a_low_rate() -> None:
    values = np.array([_row([50.0]), _row([50.0], covered=60.0)], dtype=np.float32)
    long, short = RULE.value(values, NAMES)
    assert short > long


def test_chance_worlds_meet_the_rule_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    rates = rng.gamma(0.5, 0.01 / 0.5, 40_000)
    past = [np.sort(rng.uniform(0, 365, n)) for n in rng.poisson(rates * 365)]
    values = np.array([_row(list(ages)) for ages in past], dtype=np.float32)
    said = 1 / (1 + np.exp(-RULE.value(values, NAMES)))
    met = np.zeros(len(rates), np.bool_)
    for person, ages in enumerate(past):
        new = np.sort(rng.uniform(0, 30, rng.poisson(rates[person] * 30)))
        line = np.concatenate([-ages[::-1], new])
        ends = np.arange(len(line))[2:][(line[2:] - line[:-2] < 30) & (line[2:] > 0)]
        met[person] = bool(len(ends))
    now = values[:, 0] < 3  # who meets it already is not at risk
    for low, high in ((0.02, 0.1), (0.1, 0.3), (0.3, 1.0)):
        here = now & (said >= low) & (said < high)
        # The most probable of the ways is a floor: others are left out.
        assert 0.95 < met[here].mean() / said[here].mean() < 1.6


def test_its_contribution_is_split_between_rate_and_window_and_adds_up() -> None:
    anchor = Anchor(-3.0, (AnchorInput("calls_30d", "log1p", 0.2, 0.2, 0.3),), (RULE,))
    values = _values([], [4.0, 10.0], [100.0])
    parts = anchor.contributions(values, NAMES)
    np.testing.assert_allclose(
        anchor.intercept + parts.sum(1), anchor.log_odds(values, NAMES), atol=1e-12
    )
    assert set(np.flatnonzero(parts.any(0))) == {NAMES.index("calls_30d"), 2}
    assert anchor.features == {"calls_30d", "calls_365d"}


def test_it_reads_back_and_refuses_what_cannot_be() -> None:
    anchor = Anchor(-3.0, (), (RULE,))
    assert Anchor.from_dict(anchor.to_dict()) == anchor
    with pytest.raises(ModelError, match="can't be"):
        replace(RULE, rate=0.0)


def test_one_row_has_the_bits_of_many() -> None:
    values = _values([], [4.0, 10.0], [100.0], [1.0, 2.0, 50.0])
    many = RULE.value(values, NAMES)
    assert [RULE.value(values[i : i + 1], NAMES)[0] for i in range(4)] == many.tolist()
