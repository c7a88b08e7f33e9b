"""Nothing dated at the index date or later, or learnt after it, changes who is listed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.eligibility import TARGETS, at_risk, eligibility
from hiu_risk.histories import Histories
from hiu_risk.times import DAY, FOREVER
from tests.support.histories import make_histories
from tests.support.outcome_strategies import (
    INDEX_DATES,
    WASHOUTS,
    ZONE,
    definitions,
    events,
    feeds,
    moments,
    persons,
    policies,
    spells,
)

LATER = (0, 1, DAY, 40 * DAY)


def _future(as_of: int) -> st.SearchStrategy[int]:
    """A moment at or after the index date, or never."""
    return st.sampled_from((*(as_of + wait for wait in LATER), FOREVER))


def _after(as_of: int) -> st.SearchStrategy[int]:
    """A moment after the index date, or never."""
    return st.sampled_from((*(as_of + wait for wait in LATER[1:]), FOREVER))


def _is_past(row: dict[str, Any], as_of: int) -> bool:
    return row["occurred"] < as_of and row["available"] <= as_of


@st.composite
def _with_another_future(
    draw: st.DrawFn, rows: list[dict[str, Any]], as_of: int
) -> list[dict[str, Any]]:
    # Keep what was known; draw anew everything that came, or came to be known, later.
    kept = [dict(row) for row in rows if _is_past(row, as_of)]
    for row in kept:
        until = row.get("superseded", FOREVER)
        if until > as_of:
            until = row["superseded"] = draw(_after(as_of))
        leads = row.get("leads", until)
        if leads is not False:
            row["leads"] = min(until, draw(_after(as_of)) if leads > as_of else leads)
    fresh = [
        version
        for versions in draw(st.lists(events("a", as_of), max_size=8))
        for version in versions
    ]
    return kept + [row for row in fresh if not _is_past(row, as_of)]


@st.composite
def _person_with_another_future(
    draw: st.DrawFn, person: dict[str, Any], as_of: int
) -> dict[str, Any]:
    changed = dict(person)
    for when, known in (("died", "death_known"), ("registered_to", "move_known")):
        if person.get(when, FOREVER) < as_of and person.get(known, FOREVER) <= as_of:
            continue
        changed[when], changed[known] = draw(
            st.one_of(
                st.tuples(_future(as_of), moments(as_of)),
                st.tuples(moments(as_of), _after(as_of)),
            )
        )
    if person.get("registered_from", 0) >= as_of:
        changed["registered_from"] = draw(_future(as_of))
    return changed


@st.composite
def _spells_with_another_future(
    draw: st.DrawFn, drawn: list[dict[str, Any]], as_of: int
) -> list[dict[str, Any]]:
    kept = [
        spell if spell["end"] < as_of else spell | {"end": draw(_future(as_of))}
        for spell in drawn
        if spell["start"] < as_of
    ]
    fresh = draw(st.lists(spells("a", as_of), max_size=2))
    return kept + [spell for spell in fresh if spell["start"] >= as_of]


@st.composite
def two_futures(draw: st.DrawFn) -> tuple[Histories, Histories, np.ndarray]:
    """Draw two histories of one person that differ in what nobody knew at the index date."""
    as_of = draw(st.sampled_from(INDEX_DATES))
    rows = [
        version
        for versions in draw(st.lists(events("a", as_of), max_size=14))
        for version in versions
    ]
    person = draw(persons("a", as_of))
    on_caseload = draw(st.lists(spells("a", as_of), max_size=2))
    one = make_histories(rows, [person], caseload=on_caseload, feeds=draw(feeds(as_of)), zone=ZONE)
    other = make_histories(
        draw(_with_another_future(rows, as_of)),
        [draw(_person_with_another_future(person, as_of))],
        caseload=draw(_spells_with_another_future(on_caseload, as_of)),
        feeds=draw(feeds(as_of)),
        zone=ZONE,
    )
    return one, other, np.array([as_of])


@settings(max_examples=250, deadline=None)
@given(two_futures(), definitions(), policies(), st.sampled_from(WASHOUTS))
def test_another_future_changes_neither_eligibility_nor_risk(case, definition, policy, washout):
    one, other, as_ofs = case
    before, after = (eligibility(h, as_ofs, definition, policy) for h in (one, other))
    assert before.mask.tolist() == after.mask.tolist()
    assert before.age_unknown.tolist() == after.age_unknown.tolist()
    assert _plain(before.exclusions) == _plain(after.exclusions)
    for target in TARGETS:
        found = [
            at_risk(h, as_ofs, definition, target, washout_days=washout, relapse_gap_days=washout)
            for h in (one, other)
        ]
        assert found[0].mask.tolist() == found[1].mask.tolist()
        assert _plain(found[0].exclusions) == _plain(found[1].exclusions)


def _plain(counts: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {reason: n.tolist() for reason, n in counts.items()}
