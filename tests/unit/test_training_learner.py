from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from hiu_features import default_catalogue
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import ModelError
from hiu_risk.model import Anchor, Bundle
from hiu_risk.model.anchor import transform
from hiu_risk.times import FOREVER
from hiu_training.judging.baselines import fit_plain_lightgbm
from hiu_training.learning import learner
from hiu_training.learning.anchor import MOST_ROWS, SCALE_FLOOR, fit_anchor
from hiu_training.learning.booster import Trial, grow, judge, shrunk, trial
from hiu_training.learning.calibration import fit_offset
from hiu_training.learning.learner import learn
from hiu_training.protocol import parse_protocol
from hiu_training.protocol.settings import AnchorSettings, BoosterSettings
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split
from tests.support.bundles import make_manifest

RULE = DEFINITIONS["frecann_adult"]
NAMES = ("calls_30d", "calls_90d", "calls_decayed_30d", "days_since_last_call", "age", "imd_decile")
DIRECTIONS = default_catalogue().select(NAMES).directions
WEEK = 7 * 86_400


def _rows(
    n: int, seed: int, risk: str = "linear", n_origins: int = 12, base: float = -4.0
) -> tuple[Rows, NDArray[np.float64]]:
    """Rows whose true log-odds are known: linear in log calls, or with a twist of age."""
    rng = np.random.default_rng(seed)
    calls = rng.poisson(rng.gamma(0.5, 2.0, n))
    values = np.stack(
        [
            rng.binomial(calls, 0.4),
            calls,
            calls * rng.uniform(0.2, 0.8, n),
            np.where(calls > 0, rng.exponential(40, n), np.nan),
            rng.integers(18, 90, n),
            rng.integers(1, 11, n),
        ],
        axis=1,
    ).astype(np.float32)
    truth = base + 1.0 * np.log1p(values[:, 0]) + 0.8 * np.log1p(values[:, 1])
    if risk == "twisted":
        truth = truth + np.where((values[:, 4] < 40) & (values[:, 5] < 4), 2.0, -0.3)
    label = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    rows = Rows(
        person=rng.integers(0, n // 3, n).astype(np.int32),
        origin=rng.integers(0, n_origins, n).astype(np.int16),
        label=label,
        happened_at=np.full(n, FOREVER),
        values=np.ascontiguousarray(values),
        names=NAMES,
        as_ofs=np.arange(n_origins, dtype=np.int64) * WEEK,
        dropped={},
    )
    return rows, truth.astype(np.float64)


def _split(n_origins: int = 12) -> Split:
    origins = np.arange(n_origins, dtype=np.int64) * WEEK
    ends = n_origins - 3
    return Split(origins, origins[-1:] + 3 * WEEK, (ends - 3, ends), (ends, n_origins), WEEK, 7)


def _anchor(rows: Rows, **settings: float) -> Anchor:
    everything = np.ones(len(rows), np.bool_)
    return fit_anchor(rows, everything, RULE, AnchorSettings(**settings), seed=1)


def test_the_anchor_finds_the_true_ranking_and_level_of_a_linear_world() -> None:
    rows, truth = _rows(30_000, 1)
    found = _anchor(rows).log_odds(rows.values, NAMES)
    assert np.corrcoef(found, truth)[0, 1] > 0.99
    assert np.mean(1 / (1 + np.exp(-found))) == pytest.approx(rows.label.mean(), rel=0.03)


def test_more_calls_never_lower_the_anchor_even_where_the_data_say_so() -> None:
    rows, _ = _rows(4_000, 2)
    backwards = replace(rows, label=(rows.values[:, 1] == 0).astype(np.int8))
    assert all(item.coefficient >= 0 for item in _anchor(backwards).inputs)


def test_with_little_data_the_anchor_keeps_to_equal_weights() -> None:
    rows, _ = _rows(4_000, 3)
    anchor = _anchor(rows, l2=1e6)
    # One weight for all, each input in units of its spread or of the least that a spread counts.
    weights = {}
    for item in anchor.inputs:
        spread = np.nanstd(transform(rows.column(item.feature), item.transform))
        weights[item.feature] = item.coefficient * max(spread, SCALE_FLOOR[item.transform])
    assert len(weights) == 4
    assert max(weights.values()) / min(weights.values()) < 1.01


def test_an_input_that_hardly_varied_is_not_blown_up() -> None:
    rows, _ = _rows(4_000, 3)
    rare = replace(rows, values=rows.values.copy())
    rare.values[:, rows.names.index("calls_30d")] = 0
    rare.values[:2, rows.names.index("calls_30d")] = 1  # two people in 4,000 had one call
    anchor = _anchor(rare, l2=1e6)
    one = next(item for item in anchor.inputs if item.feature == "calls_30d")
    whole = {i.feature: i.coefficient for i in anchor.inputs if i.transform == "log1p"}
    assert one.coefficient <= 2.1 * min(v for k, v in whole.items() if k != "calls_30d")


def test_what_changed_between_dates_moves_no_coefficient() -> None:
    rows, _ = _rows(20_000, 4)
    # Calls mean nothing on any one date; but late dates have more calls and more cases.
    rng = np.random.default_rng(0)
    late = rows.origin >= 6
    values = rows.values.copy()
    calls = rows.names.index("calls_90d")
    values[:, calls] = rng.poisson(np.where(late, 8.0, 1.0))
    label = (rng.random(len(rows)) < np.where(late, 0.3, 0.02)).astype(np.int8)
    drifted = replace(rows, values=values, label=label)
    odds = {item.feature: item.coefficient for item in _anchor(drifted, l2=0.1).inputs}
    assert odds["calls_90d"] < 0.15
    together = replace(drifted, origin=np.zeros_like(rows.origin), as_ofs=rows.as_ofs[:1])
    odds = {item.feature: item.coefficient for item in _anchor(together, l2=0.1).inputs}
    assert odds["calls_90d"] > 1.0  # as if all lived on one date, it would be taken for a sign


def test_recent_origins_count_more() -> None:
    rows, _ = _rows(20_000, 4)
    late = rows.origin >= 6
    rate = np.where(late, 0.02, 0.2)
    label = (np.random.default_rng(0).random(len(rows)) < rate).astype(np.int8)
    drifted = replace(rows, label=label)
    slow = _anchor(drifted, half_life_days=36_500).intercept
    quick = _anchor(drifted, half_life_days=7).intercept
    assert quick < slow - 0.5


def test_sampling_negatives_leaves_the_log_odds_where_they_were() -> None:
    rows, _ = _rows(MOST_ROWS * 3, 5, base=-5.0)
    sampled = _anchor(rows).log_odds(rows.values, NAMES)
    assert np.mean(1 / (1 + np.exp(-sampled))) == pytest.approx(rows.label.mean(), rel=0.03)


def test_a_person_of_two_blocks_is_one_witness() -> None:
    rng = np.random.default_rng(0)
    raw, person = np.full(2_000, -2.0), np.arange(2_000, dtype=np.int32)
    label = (rng.random(2_000) < 0.12).astype(float)
    one = Trial(raw, np.stack([np.zeros(2_000), 0.3 * label]), label, person, 10)
    again = Trial(raw, one.stages, label, person, 10)  # the same people, the same outcomes
    others = Trial(raw, one.stages, label, person + 2_000, 10)
    alone = judge([one])
    assert judge([one, again]).z == pytest.approx(alone.z)  # nothing new was heard
    assert judge([one, others]).z == pytest.approx(np.sqrt(2) * alone.z, rel=0.01)


def test_trees_are_judged_by_what_chance_could_not_have_done() -> None:
    rng = np.random.default_rng(6)
    n = 6_000
    hidden = rng.normal(0, 1.2, n)
    label = (rng.random(n) < 1 / (1 + np.exp(3 - hidden))).astype(float)
    raw, person = np.full(n, -3.0), np.arange(n, dtype=np.int32)
    sure = judge([Trial(raw, np.stack([np.zeros(n), hidden]), label, person, 10)])
    assert sure.n_trees == 10
    assert sure.weight > 0.95
    noise = judge([Trial(raw, np.stack([np.zeros(n), rng.normal(0, 1, n)]), label, person, 10)])
    assert (noise.n_trees, noise.weight) == (0, 0.0)
    # The same rows said to be of few people are worth fewer witnesses.
    few = judge([Trial(raw, np.stack([np.zeros(n), hidden]), label, person // 100, 10)])
    assert few.z < sure.z * 1.2
    nobody = judge([Trial(raw, np.stack([np.zeros(n), hidden]), np.zeros(n), person, 10)])
    assert nobody.n_trees == 0


def test_no_more_trees_than_were_tried() -> None:
    rng = np.random.default_rng(6)
    hidden = rng.normal(0, 1.2, 6_000)
    label = (rng.random(6_000) < 1 / (1 + np.exp(3 - hidden))).astype(float)
    raw, person = np.full(6_000, -3.0), np.arange(6_000, dtype=np.int32)
    ended = Trial(raw, np.stack([np.zeros(6_000), hidden / 2, hidden]), label, person, 13)
    longer = replace(ended, n_trees=20)
    assert judge([longer]).n_trees == 20
    assert judge([ended]).n_trees == judge([longer, ended]).n_trees == 13


def test_a_later_block_is_looked_at_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = _rows(3_000, 8, "twisted")
    zero, block = np.zeros(len(rows)), rows.origin > 8
    model = grow(rows.values, rows.label, zero, NAMES, DIRECTIONS, BoosterSettings(), 13, 1)
    mine = zero[block], rows.label[block], rows.person[block]
    at_once = trial(model, rows.values, block, *mine)
    monkeypatch.setattr("hiu_training.learning.booster.SOME_ROWS", 100)
    np.testing.assert_array_equal(
        trial(model, rows.values, block, *mine).stages, at_once.stages, strict=True
    )
    assert (len(at_once.stages), at_once.n_trees) == (3, 13)
    whole = model.predict(rows.values[block], raw_score=True)
    np.testing.assert_allclose(at_once.stages[-1], whole, atol=1e-12)


def _many_rows() -> tuple[Rows, NDArray[np.bool_]]:
    """10 MB of rows by person and date, and those of the first dates."""
    people, dates, wide = 1_000, 60, 40
    values = np.random.default_rng(1).gamma(1.0, 2.0, (people * dates, wide)).astype(np.float32)
    origin = np.tile(np.arange(dates, dtype=np.int16), people)
    label = (values[:, 0] > 9).astype(np.int8)
    rows = Rows(
        np.repeat(np.arange(people, dtype=np.int32), dates), origin, label,
        np.full(len(label), FOREVER), values, tuple(f"x{i}" for i in range(wide)),
        np.arange(dates, dtype=np.int64) * WEEK, {},
    )  # fmt: skip
    return rows, origin < 45


def test_lightgbm_gets_the_rows_without_a_copy_and_learns_what_it_would_from_one() -> None:
    rows, known = _many_rows()
    start, rest = np.zeros(len(rows)), (rows.names, [0] * 40, BoosterSettings(), 3, 1)
    copied = grow(rows.values[known], rows.label[known], start[known], *rest)
    tracemalloc.start()  # counts what Python and NumPy allocate, LightGBM's own bins not
    try:
        model = grow(
            rows.values, rows.label[known], start[known], *rest, mask=known,
            stop_on=(~known, rows.label[~known], start[~known]),
        )  # fmt: skip
        fit_plain_lightgbm(rows, _split(60), rows.names, seed=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < rows.values.nbytes / 2  # the known rows alone are three quarters
    assert model.model_to_string() == copied.model_to_string()


def test_a_level_shift_between_blocks_is_no_merit_of_the_trees() -> None:
    rng = np.random.default_rng(7)
    raw = rng.normal(-3, 1, 5_000)
    label = (rng.random(5_000) < 1 / (1 + np.exp(1 - raw))).astype(float)
    shift = np.stack([np.zeros(5_000), np.full(5_000, -1.0)])
    assert judge([Trial(raw, shift, label, np.arange(5_000, dtype=np.int32), 10)]).weight == 0.0


def test_shrinking_multiplies_what_the_trees_add() -> None:
    rows, _ = _rows(6_000, 8, "twisted")
    zero = np.zeros(len(rows))
    model = grow(rows.values, rows.label, zero, NAMES, DIRECTIONS, BoosterSettings(), 20, 1)
    whole = np.asarray(model.predict(rows.values, raw_score=True))
    booster = shrunk(model, 0.4)
    np.testing.assert_allclose(booster.raw(rows.values), 0.4 * whole, atol=1e-9)
    shares, mean = booster.contributions(rows.values)
    np.testing.assert_allclose(shares.sum(1) + mean, 0.4 * whole, atol=1e-6)


def test_trees_never_lower_the_risk_as_calls_rise() -> None:
    rows, _ = _rows(8_000, 9, "twisted")
    backwards = (rows.values[:, 1] < 1).astype(np.int8)
    model = grow(
        rows.values, backwards, np.zeros(len(rows)), NAMES, DIRECTIONS, BoosterSettings(), 20, 1
    )
    more = rows.values.copy()
    more[:, :3] += 3
    before, after = (np.asarray(model.predict(v, raw_score=True)) for v in (rows.values, more))
    assert (after >= before - 1e-12).all()


def test_where_the_anchor_is_the_truth_trees_stay_out_or_do_no_harm() -> None:
    rows, _ = _rows(9_000, 10)
    learned = learn(rows, _split(), parse_protocol(""), DIRECTIONS)
    fresh, truth = _rows(20_000, 11)
    anchor = learned.anchor.log_odds(fresh.values, NAMES)
    model = anchor + learned.booster.raw(fresh.values)
    assert learned.verdict.weight < 0.9
    assert np.corrcoef(model, truth)[0, 1] > 0.98 * np.corrcoef(anchor, truth)[0, 1]


def test_where_the_world_is_twisted_trees_find_the_twist_and_scores_mean_what_they_say() -> None:
    rows, _ = _rows(30_000, 12, "twisted")
    learned = learn(rows, _split(), parse_protocol(""), DIRECTIONS)
    fresh, truth = _rows(30_000, 13, "twisted")
    anchor = learned.anchor.log_odds(fresh.values, NAMES)
    model = anchor + learned.booster.raw(fresh.values)
    assert learned.verdict.weight > 0.8
    assert np.corrcoef(model, truth)[0, 1] > np.corrcoef(anchor, truth)[0, 1] + 0.02
    p = 1 / (1 + np.exp(-learned.calibrator.apply(model)))
    assert p.mean() == pytest.approx(fresh.label.mean(), rel=0.08)
    bundle = Bundle(make_manifest(NAMES), learned.anchor, learned.booster, learned.calibrator)
    parts, base = bundle.contributions(fresh.values)
    assert np.abs(parts.sum(1) + base - bundle.log_odds(fresh.values)).max() < 1e-6


def test_learning_twice_gives_the_same_text() -> None:
    rows, _ = _rows(8_000, 14, "twisted")
    first, second = (learn(rows, _split(), parse_protocol(""), DIRECTIONS) for _ in range(2))
    assert first.anchor == second.anchor
    assert first.booster.text == second.booster.text
    assert first.calibrator == second.calibrator


def test_anchors_fitted_side_by_side_never_add_up_on_several_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, _ = _rows(6_000, 8)
    seen, foresee = set(), learner._foresee

    def watched(*given: Any) -> Any:
        answer = foresee(*given)  # each fit sets a limit for the whole process, and lifts it again
        seen.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return answer

    monkeypatch.setattr(learner, "_foresee", watched)
    with threadpool_limits(2, "blas"):
        several = any(one["num_threads"] == 2 for one in threadpool_info())
        learn(rows, _split(), parse_protocol(""), DIRECTIONS)
    assert several
    assert seen == {1}


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_in_training_is_refused(value: int) -> None:
    rows, _ = _rows(500, 15)
    single = replace(rows, label=np.full(500, value, np.int8))
    which = "negative" if value else "positive"
    with pytest.raises(ModelError, match=f"no {which} case in training, among 500 rows") as caught:
        learn(single, _split(), parse_protocol(""), DIRECTIONS)
    assert caught.value.exit_code == 1


def test_one_class_in_the_calibration_block_takes_the_block_before_or_is_refused() -> None:
    rows, _ = _rows(9_000, 16)
    label = np.where(rows.origin >= 9, 0, rows.label).astype(np.int8)
    learned = learn(replace(rows, label=label), _split(), parse_protocol(""), DIRECTIONS)
    assert learned.base_rate > 0
    neither = np.where(rows.origin >= 6, 0, rows.label).astype(np.int8)
    with pytest.raises(ModelError, match=r"one class alone: 0 positive.*calibration block") as no:
        learn(replace(rows, label=neither), _split(), parse_protocol(""), DIRECTIONS)
    assert no.value.exit_code == 1


STOPPING, CALIBRATION = (6, 9), (9, 12)


def _without(rows: Rows, *spans: tuple[int, int], positives: bool = True) -> Rows:
    """Drop the rows, or the positive rows alone, of some dates."""
    here = np.zeros(len(rows), np.bool_)
    for first, last in spans:
        here |= (rows.origin >= first) & (rows.origin < last)
    return rows.part(~here | (rows.label == 0) if positives else ~here)


@pytest.mark.parametrize(
    ("spans", "positives", "said"),
    [
        ([], True, []),
        (
            [STOPPING], True,
            ["the early-stopping block (training dates 7 to 9 of 12) has no positive row among ",
             ": trees can prove themselves on the calibration block alone. What to do"],
        ),
        (
            [STOPPING], False,
            ["(training dates 7 to 9 of 12) has no row whose outcome was observed: trees can"],
        ),
        (
            [CALIBRATION], True,
            ["the calibration block (training dates 10 to 12 of 12) has no positive row among ",
             "and its cases alone calibrate the chances"],
        ),
        ([CALIBRATION], False, ["has no row whose outcome was observed: trees can prove"]),
        (
            [(0, 8)], True,
            ["the early-stopping block (training dates 7 to 9 of 12) has no case before it to "
             "learn from: trees can prove themselves on the calibration block alone"],
        ),
        (
            [(0, 9)], True,
            ["the early-stopping block (training dates 7 to 9 of 12) has no positive row among ",
             " and the calibration block (training dates 10 to 12 of 12) has no case before it",
             "trees can't prove themselves, so that the model is the anchor alone"],
        ),
    ],
)  # fmt: skip
def test_a_later_block_that_tells_nothing_is_not_passed_in_silence(
    caplog: pytest.LogCaptureFixture, spans: list[tuple[int, int]], positives: bool,
    said: list[str],
) -> None:  # fmt: skip
    rows, _ = _rows(9_000, 12, "twisted")
    learned = learn(
        _without(rows, *spans, positives=positives), _split(), parse_protocol(""), DIRECTIONS
    )
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(warned) == bool(said)
    for words in said:
        assert words in warned[0]
    told = learned.calibrator.uncertainty
    if "the anchor alone" in " ".join(said):
        assert learned.verdict.n_trees == 0
        assert learned.booster.text == ""
        assert told is None  # nothing was foreseen that an interval could come from
    else:
        assert learned.verdict.n_trees > 0
        assert told is not None


def test_few_positives_are_calibrated_by_offset_or_refused_as_the_protocol_says() -> None:
    rows, _ = _rows(1_500, 17, base=-6.5)
    assert 5 < rows.positives < 60
    keep = (rows.label == 0) | (np.cumsum(rows.label) <= 24)
    few = Rows(
        **{
            **rows.__dict__,
            **{k: getattr(rows, k)[keep] for k in ("person", "origin", "label", "happened_at")},
            "values": np.ascontiguousarray(rows.values[keep]),
        }
    )
    assert learn(few, _split(), parse_protocol(""), DIRECTIONS).calibrator.method == "offset"
    with pytest.raises(ModelError, match=r"positives can't carry a calibration, which needs 20"):
        learn(few, _split(), parse_protocol("few_positives = 'refuse'"), DIRECTIONS)


def test_an_offset_is_the_same_to_the_bit_on_one_thread_or_two() -> None:
    rng = np.random.default_rng(3)
    raw, weight = rng.normal(-4, 1, 400_001), rng.gamma(1, 1, 400_001)
    label = (rng.random(400_001) < 0.02).astype(float)
    found = set()
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.add(fit_offset(raw, label, weight))
    assert len(found) == 1
