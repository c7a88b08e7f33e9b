"""What happened in the horizon: edges, overlap, targets, censoring, errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiu_risk import meeting
from hiu_risk.definitions import DEFINITIONS, Clause, Definition
from hiu_risk.eligibility import (
    EXCLUSIONS,
    TARGETS,
    EligibilityPolicy,
    _fill_active,
    at_risk,
    eligibility,
)
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.meeting import times_met
from hiu_risk.outcomes import CENSORED, outcomes
from hiu_risk.times import DAY, FOREVER, LATEST
from tests.support.histories import EVERYWHERE, make_histories, random_histories, seconds

AS_OF = seconds("2024-06-01T00:00")
END = AS_OF + 90 * DAY
ADULT = DEFINITIONS["frecann_adult"]
TWICE = Definition("twice", "Two calls in a week", (Clause("call", ">=", 2, days=7),))
TWICE_A_MONTH = Definition(
    "twice_a_month", "Two calls in a calendar month", (Clause("call", ">=", 2, calendar_months=1),)
)

OWNED = ("offsets", "occurred_at", "available_at", "superseded_at", "leads_until", "source")


def person_with(moments, person=None, **more) -> Histories:
    events = [{"person": "p", "occurred": moment} for moment in moments]
    return make_histories(events, [{"id": "p", **(person or {})}], **more)


def outcome(histories: Histories, definition: Definition = TWICE, **more):
    """Label, moment and reason of censoring of the one person at the one index date."""
    found = outcomes(histories, np.array([AS_OF]), definition, **more)
    reasons = [reason for reason, counts in found.censored.items() if counts[0]]
    label, moment = int(found.label[0, 0]), int(found.happened_at[0, 0])
    assert (label == -1) == (len(reasons) == 1)
    assert (label == 1) == (moment < FOREVER)
    return label, moment if label == 1 else None, reasons[0] if reasons else None


# --- horizon and window --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "straddle", "disjoint"),
    [
        ([], None, None),
        ([AS_OF, AS_OF], AS_OF, AS_OF),  # the horizon holds its first second
        ([END - 1, END - 1], END - 1, END - 1),
        ([END - 1, END], None, None),  # and not its last
        ([AS_OF - 1, AS_OF], AS_OF, None),  # the window reaches back over the index date
        ([AS_OF - 1, AS_OF - 1], None, None),  # met before: not in the horizon
        ([AS_OF - 1, AS_OF, AS_OF + DAY], AS_OF, AS_OF + DAY),
        ([AS_OF - 3 * DAY, AS_OF + 4 * DAY], None, None),  # exactly a window apart
        ([AS_OF - 3 * DAY, AS_OF + 4 * DAY - 1], AS_OF + 4 * DAY - 1, None),
        ([AS_OF + DAY, AS_OF + 8 * DAY], None, None),
        ([AS_OF + DAY, AS_OF + 8 * DAY - 1], AS_OF + 8 * DAY - 1, AS_OF + 8 * DAY - 1),
    ],
)
def test_a_window_may_straddle_the_index_date_or_must_not(calls, straddle, disjoint):
    histories = person_with(calls)
    for overlap, expected in (("straddle", straddle), ("disjoint", disjoint)):
        label, moment, _ = outcome(histories, overlap=overlap)
        assert (label, moment) == (int(expected is not None), expected)


def test_the_first_of_several_clauses_to_be_met_counts():
    rule = Definition(
        "either", "Either", (Clause("call", ">=", 3, days=30), Clause("ae", ">", 1, days=30))
    )
    events = [("call", 1), ("call", 2), ("call", 9), ("ae", 4), ("ae", 6)]
    histories = make_histories(
        [
            {"person": "p", "occurred": AS_OF + days * DAY, "source": source}
            for source, days in events
        ]
    )
    assert outcome(histories, rule) == (1, AS_OF + 6 * DAY, None)
    assert times_met(histories, rule, 0).tolist() == [AS_OF + 6 * DAY, AS_OF + 9 * DAY]


def test_a_calendar_month_of_the_label_is_the_local_one():
    # 1 July begins in London at 30 June 23:00 UTC.
    before, after = seconds("2024-06-30T22:59:59"), seconds("2024-06-30T23:00")
    apart = person_with([before, after], zone="Europe/London")
    together = person_with([before - 1, before], zone="Europe/London")
    assert outcome(apart, TWICE_A_MONTH)[0] == 0
    assert outcome(together, TWICE_A_MONTH) == (1, before, None)
    assert outcome(person_with([before, after]), TWICE_A_MONTH) == (1, after, None)  # in UTC


def test_a_calendar_month_may_straddle_the_index_date_too():
    middle = AS_OF + 14 * DAY
    histories = person_with([middle - DAY, middle + DAY])
    found = [
        int(outcomes(histories, np.array([middle]), TWICE_A_MONTH, overlap=overlap).label[0, 0])
        for overlap in ("straddle", "disjoint")
    ]
    assert found == [1, 0]


# --- the final truth -----------------------------------------------------------------------


def test_labels_follow_the_final_truth():
    first = {"person": "p", "occurred": AS_OF + DAY}
    second = {"person": "p", "occurred": AS_OF + 2 * DAY}
    very_late = second | {"available": AS_OF + 400 * DAY}
    assert outcome(make_histories([first, very_late]))[0] == 1
    retracted = second | {"superseded": AS_OF + 400 * DAY}
    assert outcome(make_histories([first, retracted]))[0] == 0
    duplicate = second | {"leads": False}
    assert outcome(make_histories([first, duplicate]))[0] == 0
    merged_later = second | {"leads": AS_OF + 400 * DAY}
    assert outcome(make_histories([first, merged_later]))[0] == 0
    moved = second | {"occurred": END, "available": retracted["superseded"]}
    assert outcome(make_histories([first, retracted, moved]))[0] == 0


def test_incidents_before_the_index_date_that_came_late_count_too():
    late = {"person": "p", "occurred": AS_OF - DAY, "available": AS_OF + 40 * DAY}
    histories = make_histories([late, {"person": "p", "occurred": AS_OF + DAY}])
    assert outcome(histories) == (1, AS_OF + DAY, None)
    assert outcome(histories, overlap="disjoint")[0] == 0


# --- persistence ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "label"),
    [
        ([AS_OF - 2, AS_OF - 1], 0),
        ([END - 7 * DAY, END - 1], 1),  # the window that ends with the horizon
        ([END - 7 * DAY - 1, END - 1], 0),
        ([END - 1, END], 0),
        ([AS_OF + DAY, AS_OF + 2 * DAY], 0),  # met in between, and recovered
    ],
)
def test_persistence_asks_for_the_end_of_the_horizon(calls, label):
    found = outcome(person_with(calls), target="persistence")
    assert found == (label, END if label else None, None)


def test_persistence_over_a_short_horizon_overlaps_only_if_allowed():
    histories = person_with([AS_OF - DAY, AS_OF + DAY])
    question = {"target": "persistence", "horizon_days": 3}
    assert outcome(histories, **question)[0] == 1
    assert outcome(histories, overlap="disjoint", **question)[0] == 0


def test_persistence_by_calendar_looks_at_the_month_that_the_horizon_completes():
    histories = person_with([AS_OF + DAY, AS_OF + 29 * DAY])
    question = {"definition": TWICE_A_MONTH, "target": "persistence"}
    assert outcome(histories, horizon_days=30, **question)[0] == 1  # 1 July: all of June
    assert outcome(histories, horizon_days=31, **question)[0] == 0


# --- censoring -----------------------------------------------------------------------------

ONSET = AS_OF + 20 * DAY
CALLS = [ONSET - DAY, ONSET]


@pytest.mark.parametrize(
    ("stop", "with_calls", "without"),
    [
        (AS_OF - DAY, -1, -1),  # over before the index date, though nobody knew
        (AS_OF, -1, -1),
        (ONSET - 1, -1, -1),
        (ONSET, -1, -1),  # in the same second: observation is half-open
        (ONSET + 1, 1, -1),
        (END - 1, 1, -1),
        (END, 1, 0),
        (FOREVER, 1, 0),
    ],
)
@pytest.mark.parametrize("reason", ["death", "move", "caseload"])
def test_a_label_needs_somebody_who_is_observed(reason, stop, with_calls, without):
    person, caseload = {}, []
    if reason == "caseload" and stop < FOREVER:
        caseload = [{"person": "p", "start": stop}]
    elif reason != "caseload":
        person = {"death": {"died": stop}, "move": {"registered_to": stop}}[reason]
    for calls, label in ((CALLS, with_calls), ([], without)):
        histories = person_with(calls, person, caseload=caseload)
        expected = (label, ONSET if label == 1 else None, reason if label == -1 else None)
        assert outcome(histories) == expected
        persistent, _, why = outcome(histories, target="persistence")
        assert (persistent, why) == ((0, None) if stop >= END else (-1, reason))


@pytest.mark.parametrize("stop", ["died", "registered_to"])
def test_persistence_needs_somebody_observed_to_the_end_of_the_horizon(stop):
    calls = [END - 2, END - 1]
    observed = outcome(person_with(calls, {stop: END}), target="persistence")
    assert observed == (1, END, None)
    assert outcome(person_with(calls, {stop: END - 1}), target="persistence")[0] == -1


def test_the_first_reason_to_stop_is_the_one_that_counts():
    both = {"died": AS_OF + 2 * DAY, "registered_to": AS_OF + DAY}
    assert outcome(person_with([], both))[2] == "move"
    same = {"died": AS_OF + DAY, "registered_to": AS_OF + DAY}
    assert outcome(person_with([], same))[2] == "death"


def test_a_spell_on_the_caseload_censors_only_where_it_meets_the_horizon():
    def during(start: int, end: int, **more):
        spell = {"person": "p", "start": start, "end": end}
        return outcome(person_with(CALLS, caseload=[spell]), **more)

    assert during(AS_OF - 9 * DAY, AS_OF)[0] == 1
    assert during(AS_OF - 9 * DAY, AS_OF + 1)[2] == "caseload"
    assert during(ONSET - DAY, ONSET + DAY)[2] == "caseload"
    assert during(ONSET - DAY, ONSET - 1)[2] == "caseload"  # supported part of the horizon
    assert during(END, END + DAY)[0] == 1
    assert during(ONSET - DAY, ONSET + DAY, caseload_censors=False)[0] == 1


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (Feed("call", 0, END), None),
        (Feed("call", 0, END - 1), "end_of_data"),
        (Feed("call", AS_OF, LATEST), None),
        (Feed("call", AS_OF + 1, LATEST), "before_data"),
        (Feed("call", 0, LATEST, gaps=((AS_OF - DAY, AS_OF + DAY),)), None),
        (Feed("call", 0, LATEST, gaps=((AS_OF - DAY, AS_OF + DAY + 1),)), "feed_gap"),
        (Feed("call", 0, LATEST, gaps=((END - DAY, LATEST),)), None),
        (Feed("call", 0, LATEST, gaps=((AS_OF, AS_OF + DAY), (END - 1, END))), "feed_gap"),
        (Feed("call", 0, LATEST, gaps=((AS_OF - 9 * DAY, AS_OF - 2 * DAY),)), None),
    ],
)
def test_an_index_date_whose_horizon_is_not_observed_has_no_label_at_all(feed, reason):
    ae_ended = Feed("ae", 0, AS_OF)  # the rule doesn't count it
    for calls in (CALLS, []):
        histories = person_with(calls, feeds=(feed, ae_ended))
        assert outcome(histories)[2] == reason
        assert outcome(histories, target="persistence")[2] == reason


def test_every_row_asked_for_is_accounted_for():
    histories = random_histories(seed=11, n_people=500, n_events=8_000)
    as_ofs = np.array([seconds(f"2023-{month:02d}-01") for month in range(1, 13)])
    rows = np.random.default_rng(0).random((500, 12)) < 0.7
    found = outcomes(histories, as_ofs, ADULT, rows=rows)
    assert tuple(found.censored) == CENSORED
    assert (found.label[~rows] == -1).all()
    censored = sum(found.censored.values())
    counted = (found.label == 1).sum(axis=0) + (found.label == 0).sum(axis=0) + censored
    assert counted.tolist() == rows.sum(axis=0).tolist()
    assert found.censored["end_of_data"].tolist()[:9] == [0] * 9
    assert (found.label[:, 10:] == -1).all()  # November and December: the data end with the year
    inside = found.happened_at[found.label == 1]
    assert (found.label == 1).sum() > 20
    start = np.broadcast_to(as_ofs, rows.shape)[found.label == 1]
    assert ((inside >= start) & (inside < start + 90 * DAY)).all()


def test_a_disjoint_label_implies_a_straddling_one_and_longer_horizons_only_add():
    histories = random_histories(seed=12, n_people=300, n_events=9_000)
    as_ofs = np.array([seconds("2023-03-01"), seconds("2023-06-01")])
    straddle = outcomes(histories, as_ofs, ADULT, 90).label
    disjoint = outcomes(histories, as_ofs, ADULT, 90, overlap="disjoint").label
    assert (straddle[disjoint == 1] == 1).all()
    assert (straddle == 1).sum() > (disjoint == 1).sum() > 0
    longer = outcomes(histories, as_ofs, ADULT, 180).label
    assert (longer[straddle == 1] == 1).all()


# --- bad input -----------------------------------------------------------------------------


def test_a_definition_of_a_feed_that_is_not_there_is_refused():
    histories = person_with(CALLS, feeds=EVERYWHERE[:1])
    with pytest.raises(DataError, match=r"no feed of ae incidents.*nhse_hiu.*What to do") as caught:
        outcomes(histories, np.array([AS_OF]), DEFINITIONS["nhse_hiu"])
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon_days": 0}, "a horizon must be 1 to 3650 days"),
        ({"horizon_days": 3651}, "a horizon must be 1 to 3650 days"),
        ({"target": "onst"}, "no target 'onst'.*did you mean 'onset'"),
        ({"overlap": "both"}, "overlap is neither straddle nor disjoint"),
        ({"rows": np.ones((2, 1), np.bool_)}, "rows must be a bool array of 1 people by 1"),
    ],
)
def test_a_question_that_cannot_be_is_refused_as_wrong_usage(change, message):
    with pytest.raises(UsageError, match=message) as caught:
        outcomes(person_with(CALLS), np.array([AS_OF]), TWICE, **change)
    assert caught.value.exit_code == 2


def test_nobody_and_no_index_date_give_empty_answers():
    assert outcomes(make_histories([], []), np.array([AS_OF]), TWICE).label.shape == (0, 1)
    none = np.array([], np.int64)
    assert outcomes(person_with(CALLS), none, TWICE).label.shape == (1, 0)


# --- compiled code, pages ------------------------------------------------------------------


def test_compiled_code_is_compiled_for_one_kind_of_arrays_whoever_owns_them():
    histories = random_histories(seed=13, n_people=20, n_events=200)
    frozen = replace(histories, **{name: getattr(histories, name).copy() for name in OWNED})
    for name in OWNED:
        getattr(frozen, name).flags.writeable = False
    as_ofs = np.array([seconds("2023-03-01"), seconds("2023-06-01")])
    masks = []
    for source in (histories, frozen):
        rows = np.asfortranarray(eligibility(source, as_ofs, ADULT).mask)
        masks.append(at_risk(source, as_ofs, ADULT, rows=rows).mask.tolist())
        for rule in (ADULT, ADULT.with_calendar_windows()):
            outcomes(source, as_ofs, rule, rows=rows, overlap="disjoint")
            times_met(source, rule, 0)
    assert masks[0] == masks[1]
    for compiled in (meeting._fill_known, meeting._fill_final, meeting._gather, _fill_active):
        assert len(compiled.signatures) == 1


def test_the_how_to_page_names_every_definition_target_and_reason():
    page = Path(__file__).parents[2].joinpath("docs/how-to/definitions.md").read_text("utf-8")
    for name in (*DEFINITIONS, *TARGETS, *EXCLUSIONS, *CENSORED):
        assert f"`{name}`" in page, name
    for switch in EligibilityPolicy.__dataclass_fields__:
        assert f"`{switch}`" in page, switch
