"""Gates: evidence in, outcome out; what can't be judged is never passed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.errors import UsageError
from hiu_training.protocol import parse_protocol
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import Gate, GateEvidence, judge_gates
from tests.support.evidence import (
    BUNDLE,
    CODE,
    DATA,
    EVALUATION,
    FAIR,
    PROTOCOL,
    apart,
    audit,
    estimate,
    group,
    ranker,
)

SETTINGS = GateSettings()
SLOPE = "rankers/model/calibration_slope"


EVIDENCE = GateEvidence(
    evaluation=EVALUATION, audit=FAIR, champion_audit=FAIR, champion="c" * 12,
    bundle_id=BUNDLE, data_hash=DATA, protocol_hash=PROTOCOL, code_version=CODE,
    scores_differ=0.0,
)  # fmt: skip


def outcomes(evidence: GateEvidence, declared: GateSettings = SETTINGS) -> Mapping[str, Gate]:
    return {gate.name: gate for gate in judge_gates(evidence, declared)}


def changed(path: str, value: Any) -> GateEvidence:
    """The evidence with one place of the evaluation set to another value, or taken away."""
    evaluation = deepcopy(EVALUATION)
    at: Any = evaluation
    *way, last = path.split("/")
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return replace(EVIDENCE, evaluation=evaluation)


def test_a_model_that_shows_everything_passes_everything() -> None:
    gates = outcomes(EVIDENCE)
    assert list(gates) == [
        "average precision", "recall at K", "calibration slope", "fairness", "stability",
        "hashes", "reload",
    ]  # fmt: skip
    assert [gate.outcome for gate in gates.values()] == ["passed"] * 7
    assert gates["average precision"].detail == (
        "0.300 against 0.270 of anchor, difference 0.035 (0.005 to 0.065)"
    )
    assert gates["recall at K"].detail.startswith("at 75: 0.400 against 0.360 of anchor")


def test_without_evidence_nothing_is_passed() -> None:
    gates = judge_gates(GateEvidence(), SETTINGS)
    assert {gate.outcome for gate in gates} == {"insufficient evidence"}
    assert not any(gate.passed for gate in gates)


@pytest.mark.parametrize(
    ("path", "value", "gate", "outcome"),
    [
        ("differences/anchor", apart(0.0), "average precision", "failed"),
        ("differences/anchor", apart(-0.01), "average precision", "failed"),
        ("differences/anchor", apart(0.0), "recall at K", "failed"),
        ("differences/anchor", None, "average precision", "insufficient evidence"),
        ("rankers/count_90d/average_precision", None, "average precision", "insufficient evidence"),
        ("rankers/anchor/recall_at/75", None, "recall at K", "insufficient evidence"),
        ("rankers/model", None, "stability", "insufficient evidence"),
        ("population/positive_people", 19, "average precision", "insufficient evidence"),
        ("population/positive_people", 19, "recall at K", "insufficient evidence"),
        ("population/positive_people", 19, "calibration slope", "insufficient evidence"),
        ("population/positive_people", 19, "stability", "insufficient evidence"),
        ("population/positive_people", 20, "average precision", "passed"),
        (SLOPE, estimate(0.8, 0.7, 0.9), "calibration slope", "passed"),
        (SLOPE, estimate(1.25, 1.15, 1.35), "calibration slope", "passed"),
        (SLOPE, estimate(0.79, 0.7, 0.9), "calibration slope", "failed"),
        (SLOPE, estimate(1.26, 1.15, 1.35), "calibration slope", "failed"),
        (SLOPE, estimate(1.0), "calibration slope", "insufficient evidence"),
        (SLOPE, estimate(1.0, 0.9, None), "calibration slope", "insufficient evidence"),
        (SLOPE, estimate(1.0, None, 1.1), "calibration slope", "insufficient evidence"),
        (SLOPE, estimate(1.0, 0.79, 1.26), "calibration slope", "insufficient evidence"),
        (SLOPE, estimate(1.0, 0.8, 1.26), "calibration slope", "passed"),
        ("resamples", 199, "average precision", "insufficient evidence"),
        ("resamples", 199, "recall at K", "insufficient evidence"),
        ("resamples", 199, "calibration slope", "insufficient evidence"),
        ("resamples", None, "calibration slope", "insufficient evidence"),
        ("resamples", 200, "average precision", "passed"),
        ("resamples", 2, "stability", "passed"),  # it looks at no interval
        ("rankers/model/calibration_slope", None, "calibration slope", "insufficient evidence"),
        ("per_origin/0/rankers/model", ranker(0.15, 0.4), "stability", "failed"),
        ("per_origin/0/rankers/model", ranker(0.17, 0.4), "stability", "passed"),
        ("per_origin", EVALUATION["per_origin"][:2], "stability", "insufficient evidence"),
        ("made", None, "hashes", "insufficient evidence"),
        ("made/data_hash", "f" * 64, "hashes", "failed"),
        ("made/code_version", "other", "hashes", "failed"),
        ("made/bundle_id", "other", "hashes", "failed"),
    ],
)
def test_one_thing_otherwise(path: str, value: Any, gate: str, outcome: str) -> None:
    found = outcomes(changed(path, value))[gate]
    assert found.outcome == outcome, found.detail


def test_the_best_baseline_is_the_one_to_beat_and_the_best_possible_is_none() -> None:
    evidence = changed("rankers/count_90d", ranker(0.35, 0.3))
    gates = outcomes(evidence)
    assert "of count_90d" in gates["average precision"].detail
    assert "of anchor" in gates["recall at K"].detail
    assert "true_intensity" not in str(gates)


def test_a_model_that_is_its_anchor_is_not_its_own_rival() -> None:
    zero = estimate(0.0, 0.0, 0.0)
    evidence = changed("differences/anchor", {"average_precision": zero, "recall_at": {"75": zero}})
    gates = outcomes(evidence)
    assert "of count_90d" in gates["average precision"].detail
    assert gates["average precision"].passed
    assert "count_90d" in outcomes(evidence)["recall at K"].detail


def test_the_rivals_and_the_capacity_can_be_declared() -> None:
    declared = GateSettings(baselines=("count_90d",), capacity=50)
    gates = outcomes(changed("differences/anchor", apart(-0.5)), declared)
    assert gates["average precision"].passed
    assert gates["recall at K"].detail.startswith("at 50: ")
    assert outcomes(EVIDENCE, GateSettings(capacity="1%"))["recall at K"].detail[:7] == "at 1%: "
    gates = outcomes(EVIDENCE, GateSettings(baselines=("count_90d", "count_91d"), capacity=51))
    assert gates["average precision"].outcome == "insufficient evidence"
    assert "count_91d" in gates["average precision"].detail
    assert gates["recall at K"].outcome == "insufficient evidence"


def test_a_list_that_holds_everybody_shows_nothing() -> None:
    evaluation = deepcopy(EVALUATION)
    for one in evaluation["rankers"].values():
        one["recall_at"]["75"] = estimate(1.0, 1.0, 1.0)
    evaluation["differences"]["anchor"]["recall_at"]["75"] = estimate(0.0, 0.0, 0.0)
    found = outcomes(replace(EVIDENCE, evaluation=evaluation))["recall at K"]
    assert found.outcome == "insufficient evidence"


def test_without_resamples_there_is_no_interval_and_no_pass() -> None:
    evidence = changed("differences/anchor/average_precision", estimate(0.05))
    assert outcomes(evidence)["average precision"].outcome == "insufficient evidence"


@pytest.mark.parametrize(
    ("factors", "positives", "outcome"),
    [
        ((1, 1, 0.9, 0.61, 0.61), 10, "passed"),
        ((1, 0.9, 0.9, 0.9, 0.9), 10, "failed"),
        ((2, 2, 2, 2, 0.59), 10, "failed"),
        ((1, 1, 1), 10, "passed"),
        ((1, 1), 10, "insufficient evidence"),
        ((1, 1, 1), 9, "insufficient evidence"),  # a date of few cases tells nothing
    ],
)
def test_stability_is_judged_date_by_date(
    factors: tuple[Any, ...], positives: int, outcome: str
) -> None:
    origins = [
        {
            "positives": positives,
            "rankers": {"model": ranker(0.27 * factor, 0.4), "anchor": ranker(0.27, 0.3)},
        }
        for factor in factors
    ]
    assert outcomes(changed("per_origin", origins))["stability"].outcome == outcome


def test_a_date_of_few_cases_can_neither_save_nor_sink_a_model() -> None:
    def origin(factor: float, positives: int) -> Any:
        rankers = {"model": ranker(0.27 * factor, 0.4), "anchor": ranker(0.27, 0.3)}
        return {"positives": positives, "rankers": rankers}

    good = [origin(1.1, 30)] * 3
    assert outcomes(changed("per_origin", [*good, origin(0.1, 3)]))["stability"].passed
    bad = [origin(0.9, 30)] * 3
    assert not outcomes(changed("per_origin", [*bad, *[origin(3, 3)] * 5]))["stability"].passed


@pytest.mark.parametrize(
    ("mine", "before", "outcome", "says"),
    [
        (-0.07, -0.02, "passed", "no group of 2"),
        (-0.08, -0.02, "failed", "Sex, Male: cases found -0.08 against the rest, -0.02 with"),
        (-0.06, 0.02, "failed", "Sex, Male: cases found -0.06"),
        (-0.04, 0.30, "passed", "no group of 2"),  # a lead lost is no harm
        (0.01, 0.20, "passed", "no group of 2"),  # less ahead, but not behind
        (-0.30, -0.30, "passed", "no group of 2"),  # as unfair as before is not worse
        ("*", "*", "passed", "; 1 groups are too small to judge"),
        (-0.02, "*", "passed", "; 1 groups are too small to judge"),
        ("*", -0.02, "insufficient evidence", "Sex, Male: judged for the champion alone"),
    ],
)
def test_fairness_compares_with_the_champion(
    mine: Any, before: Any, outcome: str, says: str
) -> None:
    evidence = replace(
        EVIDENCE,
        audit=audit(group("Female", 0.0), group("Male", mine)),
        champion_audit=audit(group("Female", 0.0), group("Male", before)),
    )
    found = outcomes(evidence)["fairness"]
    assert found.outcome == outcome, found.detail
    assert says in found.detail


@pytest.mark.parametrize(
    ("now", "then", "passed"),
    [(1.2, 1.0, True), (1.3, 1.0, False), (0.75, 1.0, False), (0.85, 1 / 0.85, True),
     (1.1, 1.6, True), (1.6, 1.6, True)],
)  # fmt: skip
def test_fairness_looks_at_calibration_too(now: float, then: float, passed: bool) -> None:
    evidence = replace(
        EVIDENCE,
        audit=audit(group("Male", 0.0, now)),
        champion_audit=audit(group("Male", 0.0, then)),
    )
    assert outcomes(evidence)["fairness"].passed is passed


@pytest.mark.parametrize(("now", "then"), [(None, 1.0), (1.0, None), (None, None), (0.0, 1.0)])
def test_a_calibration_that_is_not_known_shows_nothing(
    now: float | None, then: float | None
) -> None:
    audits = [
        audit({**group("Male", 0.0), "calibration_ratio": estimate(ratio)}) for ratio in (now, then)
    ]
    evidence = replace(EVIDENCE, audit=audits[0], champion_audit=audits[1])
    found = outcomes(evidence)["fairness"]
    assert found.outcome == "insufficient evidence"
    assert found.detail == "Sex, Male: its calibration ratio is not known"


def test_who_was_audited_by_less_does_not_pass_by_that() -> None:
    ethnic = audit(group("Asian", -0.1), group("White", 0.1), name="ethnic_group")
    wide = {**FAIR, "groupings": FAIR["groupings"] + ethnic["groupings"]}
    less = replace(EVIDENCE, champion_audit=wide)
    more = replace(EVIDENCE, audit=wide)
    for evidence in (less, more):
        found = outcomes(evidence)["fairness"]
        assert found.outcome == "insufficient evidence"
        assert "ethnic_group" in found.detail
        assert outcomes(evidence, GateSettings(fairness_by=("sex",)))["fairness"].passed
    assert outcomes(replace(less, audit=wide))["fairness"].passed


def test_a_group_that_only_the_champion_was_judged_on_is_missed() -> None:
    few = group("Male", -0.02, verdict="insufficient_evidence")
    for groups in ((group("Female", 0.0), few), (group("Female", 0.0),)):
        found = outcomes(replace(EVIDENCE, audit=audit(*groups)))["fairness"]
        assert found.outcome == "insufficient evidence"
        assert found.detail == "Sex, Male: judged for the champion alone"
    bad = audit(group("Female", -0.5), few)
    assert outcomes(replace(EVIDENCE, audit=bad))["fairness"].outcome == "failed"


@pytest.mark.parametrize(
    ("half", "drop", "outcome"),
    [
        (0.06, 0.04, "passed"), (0.06, 0.06, "failed"),
        (0.15, 0.06, "passed"), (0.15, 0.10, "insufficient evidence"), (0.15, 0.14, "failed"),
        (0.30, 0.04, "passed"), (0.30, 0.14, "passed"), (0.30, 0.16, "insufficient evidence"),
        (0.30, 0.26, "failed"), (0.31, 0.04, "insufficient evidence"),
        (0.50, 0.60, "failed"),  # too small to pass is not too small to fail
    ],
)  # fmt: skip
def test_what_chance_could_make_is_no_failure_and_what_it_could_hide_is_no_pass(
    half: float, drop: float, outcome: str
) -> None:
    """With an interval of 0.15 to each side, 0.07 shows alone, and 0.11 shows in one of a group.

    With 0.31 even a drop of 0.15 would not show.
    """
    audits = [audit(group("Male", gap, half=half)) for gap in (-0.1 - drop, -0.1)]
    evidence = replace(EVIDENCE, audit=audits[0], champion_audit=audits[1])
    found = outcomes(evidence)["fairness"]
    assert found.outcome == outcome, found.detail


def test_of_many_groups_one_fails_by_more_than_of_one() -> None:
    """A drop of 0.12 fails a model judged by one group; by twenty it can be chance."""
    others = [group(f"Group {n}", 0.0, half=0.15) for n in range(19)]
    audits = [audit(group("Male", gap, half=0.15), *others) for gap in (-0.22, -0.1)]
    evidence = replace(EVIDENCE, audit=audits[0], champion_audit=audits[1])
    assert outcomes(evidence)["fairness"].outcome == "insufficient evidence"
    alone = [audit(one["groupings"][0]["groups"][0]) for one in audits]
    evidence = replace(EVIDENCE, audit=alone[0], champion_audit=alone[1])
    assert outcomes(evidence)["fairness"].outcome == "failed"


@pytest.mark.parametrize(
    ("now", "then", "gap", "outcome"),
    [
        ("lower", "close", -0.02, "insufficient evidence"),
        ("lower", "perhaps_lower", -0.02, "insufficient evidence"),
        ("lower", "close", -0.10, "failed"),
        ("lower", "lower", -0.02, "passed"), ("perhaps_lower", "close", -0.02, "passed"),
        ("close", "lower", -0.02, "passed"), ("higher", "close", -0.02, "passed"),
    ],
)  # fmt: skip
def test_a_finding_of_the_audit_that_is_new_never_passes(
    now: Any, then: Any, gap: float, outcome: str
) -> None:
    """It fails where the group also lost more than the tolerance, however wide its interval."""
    evidence = replace(
        EVIDENCE,
        audit=audit(group("Male", gap, verdict=now, half=0.28)),
        champion_audit=audit(group("Male", -0.02, verdict=then, half=0.28)),
    )
    assert outcomes(evidence)["fairness"].outcome == outcome


def test_fairness_that_cannot_be_judged_is_not_passed() -> None:
    small = audit(group("Male", -0.1, verdict="insufficient_evidence"))
    hidden = audit(group("Male", "*"))
    other_store = {**FAIR, "store": "t" * 12}
    for change, says in (
        ({"audit": {}}, "run hiu-risk audit --model"),
        ({"champion_audit": {}}, "the champion cccccccccccc was not audited"),
        ({"audit": small}, "no group had cases enough in: sex"),
        ({"champion_audit": hidden}, "no group had cases enough in: sex"),
        ({"champion_audit": other_store}, "the two audits differ in store"),
        ({"audit": audit()}, "no group had cases enough in: sex"),
        ({"audit": {**FAIR, "groupings": []}}, "no group had cases enough in: sex"),
        (
            {"audit": {**FAIR, "groupings": []}, "champion_audit": {**FAIR, "groupings": []}},
            "no group had cases enough in: any grouping",
        ),
    ):
        found = outcomes(replace(EVIDENCE, **change))["fairness"]
        assert found.outcome == "insufficient evidence"
        assert says in found.detail


def test_each_grouping_must_have_been_judged_unless_the_protocol_says_which() -> None:
    both = deepcopy(FAIR)
    both["groupings"] += audit(group("Asian", "*"), name="ethnic_group")["groupings"]
    evidence = replace(EVIDENCE, audit=both, champion_audit=both)
    assert "ethnic_group" in outcomes(evidence)["fairness"].detail
    assert not outcomes(evidence)["fairness"].passed
    assert outcomes(evidence, GateSettings(fairness_by=("sex",)))["fairness"].passed
    assert not outcomes(evidence, GateSettings(fairness_by=("sex", "site")))["fairness"].passed


def test_the_first_champion_has_nobody_to_be_worse_than_but_must_have_been_audited() -> None:
    assert outcomes(replace(EVIDENCE, champion="", champion_audit={}))["fairness"].passed
    assert not outcomes(replace(EVIDENCE, champion="", audit={}))["fairness"].passed


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"scores_differ": None}, "insufficient evidence"),
        ({"scores_differ": 1e-16}, "failed"),
        ({"scores_differ": float("inf")}, "failed"),
    ],
)
def test_a_bundle_must_give_the_very_scores(change: dict[str, Any], outcome: str) -> None:
    assert outcomes(replace(EVIDENCE, **change))["reload"].outcome == outcome


@pytest.mark.parametrize("name", ["data_hash", "protocol_hash", "code_version"])
def test_hashes_must_be_recorded(name: str) -> None:
    found = outcomes(replace(EVIDENCE, **{name: "0"}))["hashes"]  # type: ignore[arg-type]
    assert (found.outcome, found.detail) == ("insufficient evidence", f"not recorded: {name}")


def _without(data: Any, draw: Any) -> Any:
    """Take anything away, anywhere."""
    if isinstance(data, dict):
        keep = {key: value for key, value in data.items() if draw(st.integers(0, 5))}
        return {key: _without(value, draw) for key, value in keep.items()}
    if isinstance(data, list):
        return [_without(value, draw) for value in data if draw(st.integers(0, 5))]
    return data if draw(st.integers(0, 9)) else None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_hole_in_the_evidence_never_turns_into_a_pass(data: st.DataObject) -> None:
    """Where the evidence fails a gate, no missing piece of it can make the gate pass."""
    losing = changed("differences/anchor", apart(-0.01)).evaluation
    holed = _without(dict(losing), data.draw)
    gates = outcomes(GateEvidence(evaluation=holed))
    best = holed.get("rankers", {})
    if "anchor" in best:
        assert not gates["average precision"].passed
        assert not gates["recall at K"].passed


def test_gates_are_declared_in_the_protocol_and_do_not_reach_the_model() -> None:
    plain = parse_protocol("horizon_days = 90")
    strict = parse_protocol("horizon_days = 90\n[gates]\nslope_low = 0.9\ncapacity = 50")
    assert strict.gates == GateSettings(slope_low=0.9, capacity=50)
    assert strict.hash == plain.hash
    assert parse_protocol('[gates]\ncapacity = "1%"').gates.capacity == "1%"
    for wrong, says in (
        ("capacity = 0", 'capacity must be a whole number above zero, or such as "1%"'),
        ("slope_low = 1.1", "slope_low must be a number"),
        ("slop_low = 1", "unknown key 'slop_low'"),
    ):
        with pytest.raises(UsageError) as caught:
            parse_protocol(f"seed = 1\n[gates]\n{wrong}")
        assert says in str(caught.value)
        assert "line 3" in str(caught.value)
