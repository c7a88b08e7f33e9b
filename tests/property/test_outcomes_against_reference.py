"""The fast eligibility, at-risk sets and outcomes equal the slow reference, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.definitions import DEFINITIONS, Definition
from hiu_risk.eligibility import NOT_AT_RISK, TARGETS, EligibilityPolicy, at_risk, eligibility
from hiu_risk.histories import Histories
from hiu_risk.meeting import times_met
from hiu_risk.outcomes import CENSORED, outcomes
from hiu_risk.times import FOREVER
from tests.support import reference_outcomes as reference
from tests.support.histories import random_histories
from tests.support.outcome_strategies import (
    HORIZONS,
    WASHOUTS,
    cases,
    definitions,
    policies,
)


def _stories(histories: Histories) -> list[reference.Story]:
    return [reference.story_of(histories, person) for person in range(histories.n_people)]


def _assert_eligibility_agrees(
    histories: Histories, as_ofs: np.ndarray, definition: Definition, policy: EligibilityPolicy
) -> None:
    stories = _stories(histories)
    found = eligibility(histories, as_ofs, definition, policy)
    for k, as_of in enumerate(as_ofs.tolist()):
        expected = [reference.exclusion(story, as_of, definition, policy) for story in stories]
        reasons = [reason for reason, _ in expected]
        assert found.mask[:, k].tolist() == [reason is None for reason in reasons]
        for reason, counts in found.exclusions.items():
            assert counts[k] == reasons.count(reason), reason
        assert found.age_unknown[k] == expected.count((None, True))


def _assert_at_risk_agrees(
    histories: Histories,
    as_ofs: np.ndarray,
    definition: Definition,
    rows: np.ndarray,
    washout: int,
    gap: int,
) -> None:
    stories = _stories(histories)
    for target in TARGETS:
        found = at_risk(
            histories, as_ofs, definition, target,
            washout_days=washout, relapse_gap_days=gap, rows=rows,
        )  # fmt: skip
        for k, as_of in enumerate(as_ofs.tolist()):
            reasons = [
                reference.not_at_risk(story, as_of, definition, target, washout, gap)
                for story in stories
            ]
            candidates = rows[:, k].tolist()
            at_risk_now = [
                candidate and reason is None
                for candidate, reason in zip(candidates, reasons, strict=True)
            ]
            assert found.mask[:, k].tolist() == at_risk_now, target
            left_out = [r for r, wanted in zip(reasons, candidates, strict=True) if wanted]
            assert set(found.exclusions) == set(NOT_AT_RISK[target])
            for reason, counts in found.exclusions.items():
                assert counts[k] == left_out.count(reason), (target, reason)


def _assert_outcomes_agree(
    histories: Histories,
    as_ofs: np.ndarray,
    definition: Definition,
    rows: np.ndarray,
    horizon: int,
    caseload_censors: bool,
) -> None:
    stories = _stories(histories)
    for target in TARGETS:
        for overlap in ("straddle", "disjoint"):
            found = outcomes(
                histories, as_ofs, definition, horizon, target, overlap,
                rows=rows, caseload_censors=caseload_censors,
            )  # fmt: skip
            for k, as_of in enumerate(as_ofs.tolist()):
                expected = [
                    reference.outcome(
                        story, as_of, definition, horizon, target, overlap, caseload_censors
                    )
                    if wanted
                    else (-1, FOREVER, None)
                    for story, wanted in zip(stories, rows[:, k].tolist(), strict=True)
                ]
                assert found.label[:, k].tolist() == [label for label, _, _ in expected]
                assert found.happened_at[:, k].tolist() == [moment for _, moment, _ in expected]
                why = [reason for _, _, reason in expected]
                for reason in CENSORED:
                    assert found.censored[reason][k] == why.count(reason), reason


@settings(max_examples=120, deadline=None)
@given(cases(), definitions(), policies())
def test_eligibility_equals_the_reference(case, definition, policy):
    histories, as_ofs = case
    _assert_eligibility_agrees(histories, as_ofs, definition, policy)


@settings(max_examples=120, deadline=None)
@given(cases(), definitions(), st.sampled_from(WASHOUTS), st.sampled_from(WASHOUTS), st.data())
def test_at_risk_equals_the_reference(case, definition, washout, gap, data):
    histories, as_ofs = case
    rows = _some_rows(data, histories, as_ofs)
    _assert_at_risk_agrees(histories, as_ofs, definition, rows, washout, gap)


@settings(max_examples=120, deadline=None)
@given(cases(), definitions(), st.sampled_from(HORIZONS), st.booleans(), st.data())
def test_outcomes_equal_the_reference(case, definition, horizon, caseload_censors, data):
    histories, as_ofs = case
    rows = _some_rows(data, histories, as_ofs)
    _assert_outcomes_agree(histories, as_ofs, definition, rows, horizon, caseload_censors)


@settings(max_examples=80, deadline=None)
@given(cases(), definitions())
def test_the_moments_at_which_a_rule_is_met_equal_the_reference(case, definition):
    histories, as_ofs = case
    for person, story in enumerate(_stories(histories)):
        final = reference.met_at(story, definition, None)
        assert times_met(histories, definition, person).tolist() == final
        for as_of in as_ofs.tolist():
            known = reference.met_at(story, definition, as_of)
            assert times_met(histories, definition, person, as_of).tolist() == known


def test_a_random_region_equals_the_reference_under_every_published_definition():
    histories = random_histories(seed=5, n_people=25, n_events=1_200)
    as_ofs = np.array([1_672_531_200, 1_680_303_600, 1_690_848_000])  # January, April, August 2023
    policy = EligibilityPolicy()
    positives = 0
    for definition in DEFINITIONS.values():
        for rule in (definition, definition.with_calendar_windows()):
            _assert_eligibility_agrees(histories, as_ofs, rule, policy)
            everybody = np.ones((histories.n_people, len(as_ofs)), np.bool_)
            _assert_at_risk_agrees(histories, as_ofs, rule, everybody, 365, 90)
            _assert_outcomes_agree(histories, as_ofs, rule, everybody, 90, True)
            positives += np.count_nonzero(outcomes(histories, as_ofs, rule).label == 1)
    assert positives > 20  # the comparison is not about empty labels


def _some_rows(data, histories: Histories, as_ofs: np.ndarray) -> np.ndarray:
    shape = (histories.n_people, len(as_ofs))
    if data.draw(st.booleans(), label="everybody"):
        return np.ones(shape, np.bool_)
    n = shape[0] * shape[1]
    drawn = data.draw(st.lists(st.booleans(), min_size=n, max_size=n), label="rows")
    return np.array(drawn, np.bool_).reshape(shape)
