"""The parts of tuning: folds that look ahead, settings within limits, protocols as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_features import default_catalogue
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.eligibility import EligibilityPolicy
from hiu_risk.errors import HiuRiskError, ModelError, UsageError
from hiu_risk.histories import Feed
from hiu_risk.times import DAY
from hiu_training.protocol.reading import (
    AnchorSettings,
    Origins,
    Protocol,
    load_protocol,
    parse_protocol,
)
from hiu_training.protocol.settings import AuditSettings, Period
from hiu_training.protocol.writing import protocol_text
from hiu_training.rows.split import make_split
from hiu_training.tuning.folds import FOLDS, luck, make_folds, mean_precision, standard_error
from hiu_training.tuning.space import ALL, GROUPS, KEPT, KNOBS, distributions, turned, untuned

ROOT = Path(__file__).resolve().parents[2]
START = 1_640_995_200  # 2022-01-01
CATALOGUE = default_catalogue()
DEFAULT = parse_protocol("")


@settings(max_examples=80, deadline=None)
@given(
    days=st.integers(100, 1500),
    horizon=st.integers(7, 120),
    delay=st.integers(0, 20 * DAY),
    every=st.sampled_from(["auto", "month", 7, 28]),
)
def test_no_fold_learns_from_or_judges_by_what_the_test_dates_know(
    days: int, horizon: int, delay: int, every: str | int
) -> None:
    protocol = replace(DEFAULT, horizon_days=horizon, origins=Origins(every=every))  # type: ignore[arg-type]
    feeds = (Feed("call", START, START + days * DAY, delay),)
    try:
        split = make_split(protocol, feeds, "Europe/London")
        folds = make_folds(split)
    except HiuRiskError:
        return
    observed = horizon * DAY + delay
    assert 1 <= len(folds) <= FOLDS
    for fold in folds:
        judged = split.development[slice(*fold.judged)]
        assert (fold.split.test == judged).all()
        assert fold.split.development[-1] + observed <= judged[0]
        assert judged[-1] + observed <= split.test[0]
        known = len(fold.split.development)
        assert (fold.split.development == split.development[:known]).all()
        assert fold.split.calibration[1] == known
    starts = [fold.judged[0] for fold in folds]
    assert starts == sorted(set(starts))
    if len(folds) == FOLDS:
        assert folds[-1].judged[1] == len(split.development)


def test_too_few_dates_for_a_fold_are_refused_with_what_is_needed() -> None:
    feeds = (Feed("call", START, START + 300 * DAY),)
    split = make_split(replace(DEFAULT, horizon_days=60), feeds, "UTC")
    with pytest.raises(ModelError, match=r"training dates are too few to tune.*a finer origins"):
        make_folds(split)


def test_folds_are_averaged_as_far_as_they_can_be_had() -> None:
    folds = [np.array([0.2, 0.4, np.nan]), np.array([0.4, np.nan, np.nan])]
    np.testing.assert_allclose(mean_precision(folds), [0.3, 0.4, 0.0])


def test_a_standard_error_is_that_of_the_paired_difference() -> None:
    rng = np.random.default_rng(1)
    shared, apart = rng.normal(0, 1, 4_000), rng.normal(0, 0.1, 4_000)
    assert standard_error(shared + apart, shared) == pytest.approx(0.1, rel=0.05)


def test_luck_is_what_the_best_of_equals_gains_over_one_of_them() -> None:
    rng = np.random.default_rng(2)
    gains, told = [], []
    for _ in range(60):
        truth = rng.normal(
            0, 1, 12
        )  # how the sample strays, for twelve rankings as good as trial 0
        gains.append(truth.max())
        told.append(luck(np.column_stack([truth, truth[:, None] + rng.normal(0, 1, (12, 400))])))
    assert np.mean(told) == pytest.approx(np.mean(gains), rel=0.1)
    alike = np.tile(rng.normal(0, 1, 401), (12, 1))  # twelve times the same is no choice
    assert luck(alike) == pytest.approx(luck(alike[:1]))


def test_every_knob_stays_within_what_a_protocol_may_say() -> None:
    for knob in KNOBS:
        section, name = knob.key.split(".")
        for value in (knob.low, knob.high):
            written = int(value) if knob.whole else float(value)
            read = parse_protocol(f"[{section}]\n{name} = {written}")
            assert getattr(getattr(read, section), name) == value
        assert knob.low <= knob.value(DEFAULT) <= knob.high
        assert isinstance(knob.value(DEFAULT), int if knob.whole else float)


def test_the_untuned_settings_give_the_protocol_back_whatever_it_says() -> None:
    odd = replace(DEFAULT, anchor=AnchorSettings(l2=12_345.678, half_life_days=3))
    for protocol in (DEFAULT, odd, parse_protocol("features = ['calls_30d', 'calls_90d']")):
        names = protocol.features
        catalogue = CATALOGUE.select(names) if names else CATALOGUE
        start = untuned(protocol, catalogue)
        assert turned(protocol, catalogue, start) == protocol
        ranges = distributions(protocol, catalogue)
        assert set(ranges) == set(start)
        for key, value in start.items():
            assert ranges[key]._contains(ranges[key].to_internal_repr(value))


def test_leaving_a_group_out_leaves_no_feature_of_it_and_no_other_out() -> None:
    for choice in distributions(DEFAULT, CATALOGUE)[GROUPS].choices:  # type: ignore[attr-defined]
        names = turned(DEFAULT, CATALOGUE, {GROUPS: choice}).features
        if choice == ALL:
            assert names == ()
            continue
        left = choice.removeprefix("without ")
        assert left not in KEPT
        assert {f.name for f in CATALOGUE} - set(names) == {
            f.name for f in CATALOGUE if f.concept == left
        }


def _shipped() -> list[Path]:
    return sorted((ROOT / "training/protocols").glob("*.toml"))


@pytest.mark.parametrize("path", _shipped(), ids=lambda path: path.name)
def test_a_shipped_protocol_survives_being_written(path: Path) -> None:
    protocol = load_protocol(path)
    assert parse_protocol(protocol_text(protocol, ["One line.", "And\nanother."])) == protocol


@given(
    definition=st.sampled_from(
        [*DEFINITIONS.values(), DEFINITIONS["frecann_adult"].with_calendar_windows()]
    ),
    title=st.text(st.characters(codec="utf-8"), max_size=30),
    l2=st.floats(1e-6, 1e6),
    half_life=st.integers(1, 36_500),
    every=st.sampled_from(["auto", "month", 1, 28]),
    first=st.one_of(st.none(), st.dates(date(1980, 1, 1), date(2090, 1, 1))),
    features=st.lists(st.sampled_from(CATALOGUE.names), unique=True, max_size=40),
    opted_out=st.booleans(),
    embargo=st.one_of(st.none(), st.integers(0, 3_650)),
    periods=st.lists(
        st.builds(
            lambda name, day, days: Period(name, day, day + timedelta(days=days)),
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
            st.dates(date(1980, 1, 1), date(2090, 1, 1)),
            st.integers(0, 1_000),
        ),
        max_size=2,
    ),
)
def test_any_protocol_survives_being_written(
    definition, title, l2, half_life, every, first, features, opted_out, embargo, periods
) -> None:
    protocol = Protocol(
        replace(definition, title=title),
        policy=EligibilityPolicy(exclude_opted_out=opted_out),
        features=tuple(features),
        origins=Origins(every=every, first=first),
        anchor=AnchorSettings(l2=l2, half_life_days=half_life),
        embargo_days=embargo,
        periods=tuple(periods),
        audit=AuditSettings(reference={"sex": "female", "a b": title}),
    )
    text = protocol_text(protocol)
    assert parse_protocol(text) == protocol
    assert parse_protocol(text).hash == protocol.hash
    assert replace(protocol, periods=()).hash == protocol.hash  # they don't change the model


def test_only_what_differs_from_the_defaults_is_written() -> None:
    text = protocol_text(replace(DEFAULT, anchor=AnchorSettings(l2=4.5)))
    assert text == 'definition = "frecann_adult"\n\n[anchor]\nl2 = 4.5\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[periods]]\nname = "x"\nfirst = 2020-03-01', r"periods must have a last.*line 1"),
        ('seed = 1\n[periods]\nname = "x"', r"must be tables, each headed \[\[periods\]\].*line 2"),
        (
            '[[periods]]\nname = "x"\nfirst = "2020"\nlast = 2020-03-01',
            r"periods.first must be a date such as 2025-03-01.*line 3",
        ),
        (
            '[[periods]]\nname = "x"\nfirst = 2020-03-02\nlast = 2020-03-01',
            r"a period ends before it begins.*periods, x",
        ),
    ],
)
def test_a_period_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_protocol(text)
