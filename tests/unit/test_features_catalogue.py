"""Catalogues are data: sound, hashed, and refused with a clear message when they are not."""

from __future__ import annotations

import pytest

import hiu_features
from hiu_features import Catalogue, Engine, Feature, Which, default_catalogue, describe
from hiu_features.feature import CONCEPTS
from hiu_risk.errors import UsageError

CALLS = Which(("call",))


def feature(name="mine", primitive="count", params=None, **more):
    params = {"which": CALLS, "days": 14} if params is None else params
    words = {"unit": "incidents", "sentence": "{value:call} in the last 14 days", **more}
    return Feature(name, primitive, params, **words)


def test_public_names():
    assert set(hiu_features.__all__) == {
        "Catalogue", "Engine", "Feature", "FeatureTable", "Which", "build", "default_catalogue",
        "describe", "warm_up",
    }  # fmt: skip


def test_size_and_shape_of_the_default_catalogue():
    catalogue = default_catalogue()
    assert 60 <= len(catalogue) <= 84
    assert {f.concept for f in catalogue} == set(CONCEPTS)
    assert {f.name for f in catalogue if f.protected} == {"age", "sex_female", "imd_decile"}
    for source in ("calls", "ae", "admissions"):
        for days in (7, 28, 30, 90, 365):
            assert f"{source}_{days}d" in catalogue.names
        for half_life in (7, 30, 90, 180):
            assert f"{source}_decayed_{half_life}d" in catalogue.names


def test_plain_data_reads_back_the_same():
    catalogue = default_catalogue()
    again = Catalogue.from_dict(catalogue.to_dict())
    assert again == catalogue
    assert again.hash == catalogue.hash


def test_hash_follows_every_part_of_a_declaration():
    base = Catalogue((feature(),))
    for other in (
        feature(name="other"),
        feature(params={"which": CALLS, "days": 15}),
        feature(params={"which": Which(("ae",)), "days": 14}),
        feature(direction=1),
        feature(sentence="{value:call}"),
    ):
        assert Catalogue((other,)).hash != base.hash


def test_a_feature_of_ones_own_is_one_declaration():
    mine = feature("calls_14d")
    assert default_catalogue().plus(mine).names[-1] == "calls_14d"
    assert describe("calls_14d", Catalogue((mine,)))["example"] == "3 calls in the last 14 days"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Catalogue(()), "a catalogue needs a feature"),
        (lambda: Catalogue((feature(), feature())), "the name 'mine' is used twice"),
        (lambda: feature(primitive="cuont"), "unknown primitive 'cuont'.*did you mean 'count'"),
        (lambda: feature(params={"which": CALLS, "days": 0}), "out of range.*'mine', days.*1 to"),
        (lambda: feature(params={"which": CALLS, "days": -7}), "out of range"),
        (lambda: feature(params={"which": CALLS, "days": 1.5}), "out of range"),
        (lambda: feature(params={"which": CALLS, "days": float("nan")}), "out of range"),
        (lambda: feature(params={"which": CALLS, "days": 99_999}), "out of range"),
        (lambda: feature(params={"which": CALLS}), "count needs the parameter 'days'"),
        (lambda: feature(params={"which": CALLS, "dayz": 7}), "did you mean 'days'"),
        (lambda: feature(params={"which": "call", "days": 7}), "not a choice of events"),
        (lambda: feature("Mine"), "lower-case words"),
        (lambda: feature("two words"), "lower-case words"),
        (lambda: feature(concept="often"), "unknown concept.*did you mean 'how_often'"),
        (lambda: feature(direction=2), "direction must be"),
        (lambda: feature(sentence=""), "needs a unit and a sentence"),
        (lambda: feature(unit=""), "needs a unit and a sentence"),
        (lambda: Catalogue((feature(sentence="{value:cow}"),)), "field that can't be filled"),
        (lambda: Catalogue((feature(sentence="{"),)), "field that can't be filled"),
        (lambda: feature(primitive="tenure", params={"days": 7}), "no parameter 'days'"),
        (
            lambda: feature(primitive="attribute", params={"attribute": "ethnic_group"}),
            "not an attribute",
        ),
        (
            lambda: feature(primitive="covered_days", params={"source": "police", "days": 7}),
            "not a source",
        ),
        (lambda: Which(()), "needs a source"),
        (lambda: Which(("call",), reason=("fall",)), "unknown reason 'fall'.*did you mean 'falls'"),
        (lambda: Which(("call",), reason=(float("nan"),)), "unknown reason nan"),
        (lambda: Which(("call",), reason="falls"), "tuple of names"),
        (lambda: Which(("call",), hours="nigth"), "did you mean 'night'"),
        (lambda: Which(("call",), counting="rows"), "incidents or events"),
        (lambda: Which.from_dict({"sources": ["call"]}), "did you mean 'source'"),
        (lambda: Catalogue.from_dict({}), "needs the key 'features'"),
        (lambda: Feature.from_dict({"nmae": "x"}), "did you mean 'name'"),
        (lambda: Feature.from_dict({"name": "x"}), "needs a name and a primitive"),
        (lambda: default_catalogue()["calls_29d"], "no feature 'calls_29d'.*did you mean"),
        (lambda: describe("agee"), "did you mean 'age'"),
        (lambda: Engine(threads=-1), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(UsageError, match=f"(?s){message}"):
        make()


def test_a_share_must_lie_within_its_whole():
    falls = Which(("call",), reason=("falls",))
    for part, whole in ((CALLS, falls), (Which(("call", "ae")), CALLS)):
        wrong = feature(primitive="share", params={"which": part, "of": whole, "days": 7})
        with pytest.raises(UsageError, match="reaches outside its whole"):
            Engine(Catalogue((wrong,)))


def test_too_many_choices_of_events():
    reasons = ("falls", "pain", "injury", "social", "medical")
    outcomes = ("hear_treat", "see_treat", "streamed", "treated", "admitted", "died", "other")
    choices = [
        Which(("call",), reason=(r,), outcome=(o,), hours=h)
        for r in reasons
        for o in outcomes
        for h in ("night", "weekend")
    ]
    catalogue = Catalogue(
        tuple(feature(f"f{i}", params={"which": w, "days": 7}) for i, w in enumerate(choices))
    )
    with pytest.raises(UsageError, match="at most 60 ways"):
        Engine(catalogue)
