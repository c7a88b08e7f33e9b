"""Faithfulness: the events behind a reason are the right ones, and a lie is found out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from hiu_features import build, default_catalogue
from hiu_risk.model import Anchor, AnchorInput, Booster, Bundle
from hiu_risk.times import DAY, FOREVER
from hiu_training.reasons.faithfulness import events_behind, faithfulness, mean_of
from hiu_training.reasons.stability import taken
from hiu_training.report import card
from hiu_training.report.known import Known
from hiu_training.rows.inputs import Rows
from tests.support.region import random_region
from tests.support.serving import make_bundle

CATALOGUE = default_catalogue()
AS_OF = 18_900 * DAY
TOLD = [f for f in CATALOGUE if f.primitive in ("count", "share", "days_since")]


@cache
def everybody() -> tuple[Any, np.ndarray]:
    _, histories = random_region(seed=4, n_people=60, n_events=9_000, days=400)
    always = np.ones((histories.n_people, 1), np.bool_)
    return histories, build(histories, [AS_OF], CATALOGUE, rows=always).values


@pytest.mark.parametrize("feature", TOLD, ids=lambda feature: feature.name)
def test_the_events_behind_a_reason_are_those_the_feature_counts(feature: Any) -> None:
    """Found from the declaration, they give the value that the engine gives."""
    histories, values = everybody()
    column = CATALOGUE.index(feature.name)
    seen = 0
    for person in range(histories.n_people):
        value = float(values[person, column])
        one = histories.take(np.array([person]))
        behind = events_behind(one, AS_OF, feature)
        counts = behind & (one.leads_until > AS_OF)
        if feature.params["which"].counting == "events":
            counts = behind
        if np.isnan(value):
            assert not counts.any() or feature.primitive == "count"
        elif feature.primitive == "count":
            assert counts.sum() == value
        elif feature.primitive == "days_since":
            assert counts.sum() == feature.params["nth"]
            oldest = AS_OF - int(one.occurred_at[behind].min())
            assert oldest / DAY == pytest.approx(value, rel=1e-6)
        elif value > 0:
            assert counts.any()
        seen += bool(counts.any())
    assert seen or feature.params["which"].outcome  # rare in so small a region


def test_what_has_no_events_has_none_behind_it() -> None:
    histories, _ = everybody()
    one = histories.take(np.array([0]))
    for name in ("age", "tenure_days", "calls_covered_365d"):
        assert not events_behind(one, AS_OF, CATALOGUE[name]).any()


def planted(coefficients: dict[str, float]) -> Bundle:
    """A model whose truth is known: an anchor on these counts and nothing else."""
    inputs = tuple(AnchorInput(name, "log1p", 0.4, 0.4, c) for name, c in coefficients.items())
    return replace(make_bundle(booster=Booster("")), anchor=Anchor(-4.0, inputs))


def rows_of(histories: Any, values: np.ndarray) -> Rows:
    n = len(values)
    return Rows(
        person=np.arange(n, dtype=np.int32), origin=np.zeros(n, np.int16),
        label=np.zeros(n, np.int8), happened_at=np.full(n, FOREVER), values=values,
        names=CATALOGUE.names, as_ofs=np.array([AS_OF], np.int64), dropped={},
    )  # fmt: skip


def test_where_only_calls_count_deleting_them_always_lowers_the_score() -> None:
    histories, values = everybody()
    bundle = planted({"calls_90d": 1.0})
    found = faithfulness(histories, rows_of(histories, values), bundle, capacity=30)
    assert found["tested"] > 20
    assert found["falls"]["value"] == 1.0
    assert found["falls"]["low"] < 1.0
    assert set(found["by_concept"]) == {"how_often"}
    # Other events of the same people never counted.
    assert found["falls_at_random"]["value"] == 0.0
    assert found["falls_more"]["value"] == 1.0


class Liar(Bundle):
    """Tells of A&E visits what is due to calls: its parts add up, and they are not true."""

    def contributions(self, values: Any, *, threads: int = 0) -> Any:
        parts, base = super().contributions(values, threads=threads)
        a, b = CATALOGUE.index("calls_90d"), CATALOGUE.index("ae_90d")
        parts[:, [a, b]] = parts[:, [b, a]]
        return parts, base


def test_a_lie_is_found_out() -> None:
    histories, values = everybody()
    honest = planted({"calls_90d": 1.0})
    liar = Liar(**{name: getattr(honest, name) for name in honest.__dataclass_fields__})
    found = faithfulness(histories, rows_of(histories, values), liar, capacity=30)
    assert found["tested"] > 10
    assert found["falls"]["value"] == 0.0
    assert found["falls"]["high"] > 0.0
    # The check on the check sees what does count: among the other events are calls.
    assert found["falls_at_random"]["value"] > 0.5


def test_the_interval_resamples_persons_not_rows() -> None:
    """The same person ten times over is one witness."""
    holds = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    once = mean_of(holds, np.arange(8), 1)
    often = mean_of(np.repeat(holds, 10), np.repeat(np.arange(8), 10), 1)
    assert often["value"] == once["value"]
    assert often["low"] == pytest.approx(once["low"])
    rows = mean_of(np.repeat(holds, 10), np.arange(80), 1)
    assert rows["high"] - rows["low"] < 0.5 * (once["high"] - once["low"])
    assert mean_of(np.empty(0), np.empty(0, np.int64), 1)["value"] is None


def test_rows_can_be_taken_several_times() -> None:
    histories, values = everybody()
    rows = rows_of(histories, values)
    twice = taken(rows, np.array([3, 3, 5]))
    assert twice.person.tolist() == [3, 3, 5]
    assert twice.as_ofs is rows.as_ofs
    assert len(twice) == 3


def test_the_model_card_tells_what_was_measured_and_of_few_people_nothing() -> None:
    histories, values = everybody()
    bundle = planted({"calls_90d": 1.0})
    found = faithfulness(histories, rows_of(histories, values), bundle, capacity=30)
    told = [fact for fact in card.facts(Known(bundle, reasons={"faithfulness": found}))
            if fact.section == "Reasons"]  # fmt: skip
    assert told[0].value.startswith("100% (")
    assert told[0].value.endswith(" of top reasons on lists of 30 at 1 test date")
    few = {**found, "people": 7}
    (blank,) = [fact for fact in card.facts(Known(bundle, reasons={"faithfulness": few}))
                if fact.section == "Reasons"]  # fmt: skip
    assert blank.value == "measured on too few people to be told"
    (none,) = [fact for fact in card.facts(Known(bundle)) if fact.section == "Reasons"]
    assert none.value == "not measured: run hiu-risk explain --faithfulness"
