"""Reasons: summed by concept, the strongest first, never a protected feature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiu_features.catalogue import default_catalogue
from hiu_features.context import Context
from hiu_features.reasons import MOST_REASONS, NO_PLAIN_WORDS, SMALLEST, Reasoner

CATALOGUE = default_catalogue()
N = len(CATALOGUE)
REASONER = Reasoner(CATALOGUE, {name: {"p95": 2.0} for name in CATALOGUE.names})


def plain_counts(name: str) -> list[str]:
    """What may tell a feature without plain words, looked up by hand from the declarations."""
    feature = CATALOGUE[name]
    if feature.primitive not in NO_PLAIN_WORDS:
        return [name]
    wanted = feature.params["which"].to_dict() if "half_life" in feature.params else {"": ""}
    found: dict[str, list[tuple[int, str]]] = {}
    for other in CATALOGUE:
        if other.primitive != "count" or other.params["before"]:
            continue
        counted = other.params["which"].to_dict()
        same = {**counted, "source": 0} == {**wanted, "source": 0}
        long_enough = other.params["days"] >= 3 * feature.params.get("half_life", 9_999)
        if same and long_enough and set(counted["source"]) <= set(wanted["source"]):
            found.setdefault(str(counted["source"]), []).append((other.params["days"], other.name))
    if str(wanted.get("source")) in found:
        return [min(found[str(wanted["source"])])[1]]
    return [min(choices)[1] for choices in found.values()]


PLAIN = {
    f"{source}_decayed_{half_life}d": f"{source}_{window}d"
    for source in ("calls", "ae", "admissions")
    for half_life, window in ((7, 28), (30, 90), (90, 365))
} | {"calls_recent_weight": "", "calls_gap_variation": ""}
"""Some of them, written out."""


def sounds_high(name: str, value: float) -> bool:
    """Whether a sentence may stand under "raises it", by hand."""
    if "_change_" in name:
        return bool(value > 0)
    if name == "calls_median_gap":
        return bool(np.isfinite(value))
    if name.startswith("days_since_") and not name.startswith("days_since_last"):
        return bool(value <= 180)
    return True


def says_something(name: str, value: float) -> bool:
    """Whether a value tells more than that the data are not there, by hand."""
    said = CATALOGUE.sentence(name, {name: float(value)})
    return not said.startswith("Not known: the data do not cover")


VALUES = np.full(N, 3.0, np.float32)


def parts(**by_name: float) -> np.ndarray:
    found = np.zeros(N)
    for name, part in by_name.items():
        found[CATALOGUE.index(name)] = part
    return found


def test_correlated_features_count_together() -> None:
    """Three weak columns about frequency outweigh one stronger column about A&E."""
    found = REASONER.raising(VALUES, parts(calls_7d=0.2, calls_28d=0.3, calls_90d=0.2, ae_90d=0.5))
    assert [(r.concept, r.feature) for r in found] == [
        ("how_often", "calls_28d"),
        ("ae", "ae_90d"),
    ]
    assert found[0].contribution == 0.2 + 0.3 + 0.2
    assert found[0].sentence.startswith("3 calls in the last 28 days")


def test_what_lowers_inside_a_concept_is_taken_off() -> None:
    found = REASONER.raising(VALUES, parts(calls_7d=0.5, calls_90d=-0.6, ae_90d=0.1))
    assert [r.concept for r in found] == ["ae"]


def test_at_most_three_and_fewer_where_fewer_raise() -> None:
    one_each = {CATALOGUE.features[i].concept: CATALOGUE.names[i] for i in range(N)}
    all_raise = parts(**dict.fromkeys(one_each.values(), 0.4))
    assert len(REASONER.raising(VALUES, all_raise)) == MOST_REASONS
    assert REASONER.raising(VALUES, parts(calls_7d=SMALLEST / 2)) == ()
    assert REASONER.raising(VALUES, parts(calls_7d=-1.0)) == ()


def test_what_lowers_is_told_apart() -> None:
    (found,) = REASONER.lowering(VALUES, parts(ae_90d=-0.4, calls_7d=0.9))
    assert (found.concept, found.contribution) == ("ae", -0.4)


def test_a_decayed_count_is_told_by_the_plain_count_that_holds_its_weight() -> None:
    for name, plain in PLAIN.items():
        found = REASONER.raising(VALUES, parts(**{name: 0.5}))
        assert [reason.feature for reason in found] == ([plain] if plain else [])
        assert plain_counts(name) == ([plain] if plain else [])
    nothing = VALUES.copy()
    nothing[CATALOGUE.index("calls_28d")] = 0
    assert REASONER.raising(nothing, parts(calls_decayed_7d=0.5)) == ()
    (found,) = REASONER.raising(nothing, parts(calls_decayed_7d=0.5, calls_90d=0.1))
    assert (found.feature, found.contribution) == ("calls_90d", 0.6)


def one(name: str, value: float, part: float, sign: int) -> list[str]:
    values = VALUES.copy()
    values[CATALOGUE.index(name)] = value
    tell = REASONER.raising if sign > 0 else REASONER.lowering
    return [reason.feature for reason in tell(values, sign * parts(**{name: part}))]


@pytest.mark.parametrize(
    ("name", "value", "raises", "lowers"),
    [
        ("calls_change_28d", 3.0, True, False),
        ("calls_change_28d", -2.0, False, True),
        ("calls_change_28d", 0.0, False, True),
        ("calls_median_gap", 4.0, True, False),
        ("calls_median_gap", np.nan, False, True),
        ("days_since_5th_last_call", 30.0, True, True),
        ("days_since_5th_last_call", 240.0, False, True),
        ("days_since_3rd_last_ae", np.nan, False, True),
        ("days_since_last_call", 240.0, True, True),
    ],
)
def test_a_sentence_that_sounds_like_the_opposite_is_left_out(
    name: str, value: float, raises: bool, lowers: bool
) -> None:
    assert one(name, value, 0.5, +1) == ([name] if raises else [])
    assert one(name, value, 0.5, -1) == ([name] if lowers else [])


@pytest.mark.parametrize("name", ["ae_28d", "ae_low_urgency_share_365d", "days_since_last_ae"])
def test_what_the_data_do_not_cover_is_no_reason(name: str) -> None:
    values = np.full(N, np.nan, np.float32)
    values[CATALOGUE.index("calls_28d")] = 3
    nothing = Context(known={"call": ((900.0, 0.0),), "ae": (), "admission": ()})
    row = parts(**{name: 0.9, "calls_28d": 0.2})
    for tell, sign in ((REASONER.raising, 1), (REASONER.lowering, -1)):
        assert [reason.feature for reason in tell(values, sign * row, nothing)] == ["calls_28d"]
    # Nobody went to A&E: that is known where the data say so.
    known = Context(known=dict.fromkeys(("call", "ae", "admission"), ((900.0, 0.0),)))
    told = REASONER.lowering(values, -parts(days_since_last_ae=0.9), known)
    assert [reason.sentence for reason in told] == ["No A&E visit in the last two years"]


def test_the_next_strongest_of_the_concept_tells_it_then() -> None:
    row = parts(calls_change_28d=-0.5, calls_28d_before=-0.1)
    (found,) = REASONER.lowering(VALUES, row)
    assert (found.feature, found.contribution) == ("calls_28d_before", -0.6)


def test_protected_features_are_never_a_reason_however_much_they_add() -> None:
    protected = [feature.name for feature in CATALOGUE if feature.protected]
    assert {"age", "sex_female"} <= set(protected)
    assert REASONER.raising(VALUES, parts(**dict.fromkeys(protected, 5.0))) == ()
    assert REASONER.lowering(VALUES, parts(**dict.fromkeys(protected, -5.0))) == ()


@given(
    hnp.arrays(np.float64, N, elements=st.floats(-9, 9)),
    hnp.arrays(np.float32, N, elements=st.one_of(st.just(np.nan), st.floats(0, 1e6, width=32))),
)
def test_reasons_hold_for_any_row(contributions: np.ndarray, values: np.ndarray) -> None:
    found = REASONER.raising(values, contributions)
    totals, told = {}, set()
    for feature, part in zip(CATALOGUE, contributions, strict=True):
        if feature.may_be_reason:
            totals[feature.concept] = totals.get(feature.concept, 0.0) + float(part)
            plain = plain_counts(feature.name)
            if plain == [feature.name]:
                value = values[CATALOGUE.index(feature.name)]
                some = sounds_high(feature.name, value) and says_something(feature.name, value)
            else:
                some = any(values[CATALOGUE.index(p)] > 0 for p in plain)
            if part > 0 and some:
                told.add(feature.concept)
    expected = sorted((t for c, t in totals.items() if t >= SMALLEST and c in told), reverse=True)
    assert [round(r.contribution, 9) for r in found] == [
        round(t, 9) for t in expected[:MOST_REASONS]
    ]
    for reason in found:
        feature = CATALOGUE[reason.feature]
        assert feature.may_be_reason
        tells = {f.name for f in CATALOGUE if reason.feature in plain_counts(f.name)}
        assert reason.concept in {CATALOGUE[name].concept for name in tells}
        assert reason.sentence
        assert not {"because", "caused", "causes", "due to"} & set(reason.sentence.lower().split())
