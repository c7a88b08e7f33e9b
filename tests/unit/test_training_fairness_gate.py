"""The fairness gate on audits as they are really printed, of worlds whose truth is known."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan
from hiu_training.audit.report import audit as audited
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.fairness_gate import judge_fairness
from tests.support.audit import World

CONTEXT = Context("model", "at least 5 calls in 30 days", store="0123456789ab")
SETTINGS = GateSettings(fairness_by=("group",))


@cache
def printed(first: float, second: float, people: int = 4_000) -> Any:
    """An audit of a model that finds cases of two groups more easily the higher these numbers.

    The people and which of them are cases are the same each time.
    """
    world = World((0.6, 0.4), (first, second), people=people)
    plan = Plan(capacities=(world.capacity,), primary=world.capacity, resamples=200)
    return publish(audited(world.draw(5), plan), CONTEXT).model_dump(mode="json")


def judge(mine: Any, champion: Any) -> tuple[str, str]:
    return judge_fairness(mine, champion, "c" * 12, SETTINGS)


def test_the_same_model_is_not_worse_than_itself() -> None:
    fair = printed(1.5, 1.5)
    outcome, detail = judge(fair, fair)
    assert outcome == "passed"
    assert detail.startswith("no group of 2 is worse off than before, and a drop of 0.0")


def test_a_model_that_misses_one_group_more_fails_and_names_it() -> None:
    outcome, detail = judge(printed(1.9, 1.0), printed(1.5, 1.5))
    assert outcome == "failed"
    assert "G1: " in detail
    assert "G0: " not in detail
    assert "*" not in detail


def test_a_model_that_is_fairer_passes_and_so_does_one_hardly_different() -> None:
    assert judge(printed(1.5, 1.5), printed(1.9, 1.0))[0] == "passed"
    assert judge(printed(1.5, 1.48), printed(1.5, 1.5))[0] == "passed"


def test_few_people_are_insufficient_evidence() -> None:
    few = printed(1.5, 1.5, people=250)
    assert judge(few, few) == ("insufficient evidence", "no group had cases enough in: group")


def test_a_calibration_without_an_interval_is_no_evidence_that_it_is_as_good() -> None:
    fair = printed(1.5, 1.5)
    bare = deepcopy(fair)
    for grouping in bare["groupings"]:
        for group in grouping["groups"]:
            group["calibration_ratio"] = {"value": 9.0, "low": None, "high": None}
    assert judge(bare, fair)[0] == "insufficient evidence"


@pytest.mark.parametrize("name", ["store", "dates", "primary", "definition", "target"])
def test_audits_of_different_things_are_not_compared(name: str) -> None:
    fair = printed(1.5, 1.5)
    other = {**fair, name: "another"}
    assert judge(fair, other)[0] == "insufficient evidence"
    assert name in judge(fair, other)[1]
