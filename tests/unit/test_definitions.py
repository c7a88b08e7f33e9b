"""Definitions are the published rules, kept as data that can't be wrong in shape."""

from __future__ import annotations

import json

import pytest

from hiu_risk.definitions import DEFINITIONS, Clause, Definition, definition_by_id
from hiu_risk.errors import UsageError

CALLS = Clause("call", ">=", 5, days=30)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        (
            "frecann_adult",
            "age 18 or over and (>= 5 call incidents in 30 days (rolling)"
            " OR >= 12 call incidents in 90 days (rolling))",
        ),
        (
            "las",
            "age 18 or over and >= 5 call incidents in 1 calendar month at private addresses",
        ),
        ("child", "age 17 or under and >= 3 call incidents in 180 days (rolling)"),
        (
            "communal",
            ">= 15 call incidents in 30 days (rolling) at communal addresses"
            " (the entity is the address)",
        ),
        (
            "nhse_hiu",
            "age 18 or over and (> 5 ae incidents in 30 days (rolling)"
            " OR > 20 ae incidents in 365 days (rolling))",
        ),
        ("spec_ae", "age 18 or over and > 5 ae incidents in 30 days (rolling)"),
    ],
)
def test_published_rules_read_as_published(id, words):
    assert definition_by_id(id).in_words() == words


def test_every_published_rule_is_listed_here():
    assert set(DEFINITIONS) == {
        "frecann_adult", "las", "child", "communal", "nhse_hiu", "spec_ae",
    }  # fmt: skip


@pytest.mark.parametrize("id", DEFINITIONS)
def test_a_definition_survives_json(id):
    definition = DEFINITIONS[id]
    assert Definition.from_dict(json.loads(json.dumps(definition.to_dict()))) == definition


@pytest.mark.parametrize("id", DEFINITIONS)
def test_calendar_windows_change_nothing_but_the_windows(id):
    calendar = DEFINITIONS[id].with_calendar_windows()
    assert all(clause.days == 0 for clause in calendar.clauses)
    assert [c.needed for c in calendar.clauses] == [c.needed for c in DEFINITIONS[id].clauses]
    assert calendar.with_calendar_windows() == calendar


def test_a_month_becomes_a_calendar_month_and_a_year_twelve():
    months = [c.calendar_months for c in DEFINITIONS["nhse_hiu"].with_calendar_windows().clauses]
    assert months == [1, 12]


def test_at_least_and_more_than_need_different_counts():
    assert Clause("ae", ">=", 5, days=30).needed == 5
    assert Clause("ae", ">", 5, days=30).needed == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "calls"}, "no source 'calls'.*did you mean 'call'"),
        ({"source": "unknown"}, "no source 'unknown'"),
        ({"operator": "<"}, "an operator must be >= or >"),
        ({"count": 0}, "count must be a whole number from 1 to 1000"),
        ({"count": 5.5}, "count must be a whole number"),
        ({"count": True}, "count must be a whole number"),
        ({"count": "5"}, "count must be a whole number"),
        ({"days": -1}, "days must be a whole number from 0"),
        ({"days": 0}, "either rolling days or calendar months"),
        ({"calendar_months": 1}, "either rolling days or calendar months"),
    ],
)
def test_an_impossible_clause_cannot_be_built(given, message):
    clause = {"source": "call", "operator": ">=", "count": 5, "days": 30}
    with pytest.raises(UsageError, match=message):
        Clause(**{**clause, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clauses": ()}, "a definition needs a clause"),
        ({"entity": "house"}, "an entity is a person or an address"),
        ({"min_age": 65, "max_age": 18}, "min_age lies above max_age"),
        ({"min_age": -1}, "an age must be a whole number from 0 to 120"),
        ({"max_age": 17.5}, "an age must be a whole number"),
        ({"address_types": ("privat",)}, "no address type 'privat'.*did you mean 'private'"),
    ],
)
def test_an_impossible_definition_cannot_be_built(given, message):
    with pytest.raises(UsageError, match=message):
        Definition(**{"id": "x", "title": "X", "clauses": (CALLS,), **given})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"title": "X", "clauses": []}, "an incomplete definition"),
        ({"id": "x", "title": "X"}, "an incomplete definition"),
        ({"id": "x", "title": "X", "clauses": [{"source": "call"}]}, "an incomplete definition"),
        ({"id": "x", "title": "X", "clauses": 5}, "an incomplete definition"),
        ({"id": "x", "titel": "X", "clauses": []}, "unknown key 'titel'.*did you mean 'title'"),
    ],
)
def test_plain_data_that_is_no_definition_is_refused_as_wrong_usage(data, message):
    with pytest.raises(UsageError, match=message) as caught:
        Definition.from_dict(data)
    assert caught.value.exit_code == 2


def test_an_unknown_id_is_refused_with_the_near_match():
    with pytest.raises(UsageError, match="did you mean 'frecann_adult'"):
        definition_by_id("frecan_adult")


def test_windows_bound_how_far_back_a_rule_looks():
    assert DEFINITIONS["nhse_hiu"].longest_window == 365 * 86_400
    october = 31 * 86_400 + 3_600  # the clocks go back
    assert DEFINITIONS["las"].longest_window >= october
    assert DEFINITIONS["frecann_adult"].sources == ("call",)
