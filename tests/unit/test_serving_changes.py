"""What changed since the last list: the person's own past, and the events that came between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hiu_features import build
from hiu_risk.times import DAY, HOUR
from hiu_serving.changes import _chance, since_last
from hiu_serving.scorer import Scorer
from hiu_serving.since import Move
from hiu_serving.wording import since_in_words
from tests.support.histories import make_histories, seconds
from tests.support.serving import make_bundle

SCORER = Scorer.of(make_bundle())
MONDAY = seconds("2024-01-15")
THURSDAY = MONDAY + 3 * DAY


def call(moment: str, **more: Any) -> dict[str, Any]:
    return {"person": "p", "occurred": moment, **more}


OLD = (call("2023-11-02T10:00"), call("2024-01-03T11:00"))


def told(*events: dict[str, Any], then: int = MONDAY, as_of: int = THURSDAY) -> Any:
    histories = make_histories(events, zone="Europe/London")
    everyone = np.ones(histories.n_people, np.bool_)
    now = SCORER.score(histories, as_of, everyone)
    parts, _ = SCORER.contributions(now.values, now.score)
    (found,) = since_last(histories, as_of, then, SCORER, now, parts)
    return found


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((), "No calls, A&E visits or admissions since Monday"),
        (("2024-01-16T23:30", "2024-01-17T02:00"), "2 calls since Monday, both at night"),
        (("2024-01-16T12:00", "2024-01-17T02:00"), "2 calls since Monday, 1 at night"),
        (("2024-01-16T02:00",), "1 call since Monday, at night"),
        (("2024-01-16T12:00",), "1 call since Monday"),
        (
            ("2024-01-16T01:00", "2024-01-16T03:00", "2024-01-17T02:00"),
            "3 calls since Monday, all 3 at night",
        ),
    ],
)
def test_calls_in_between_are_told(events: tuple[str, ...], words: str) -> None:
    assert told(*OLD, *map(call, events)).events == words


def test_other_contacts_are_told_too() -> None:
    visit = call("2024-01-16T12:00", source="ae")
    stay = call("2024-01-16T14:00", source="admission")
    assert told(*OLD, visit, stay).events == ("1 A&E visit and 1 emergency admission since Monday")
    night = call("2024-01-17T02:00")
    assert told(*OLD, visit, stay, night).events == (
        "1 call, 1 A&E visit and 1 emergency admission since Monday; the call at night"
    )


def test_what_was_known_late_is_told_apart_and_corrections_are_not_news() -> None:
    late = call("2024-01-10T12:00", available="2024-01-16")
    assert told(*OLD, late).events == (
        "No calls, A&E visits or admissions since Monday; 1 call from before became known"
    )
    first = call("2024-01-10T12:00", superseded="2024-01-16")
    again = call("2024-01-10T12:00", available="2024-01-16", outcome="see_treat")
    assert told(*OLD, first, again).events == "No calls, A&E visits or admissions since Monday"


def test_repeated_calls_of_an_incident_and_the_future_do_not_count() -> None:
    repeat = call("2024-01-16T12:10", leads=False)
    future = call("2024-01-18T00:00")
    unknown = call("2024-01-17T12:00", available="2024-01-19")
    found = told(*OLD, call("2024-01-16T12:00"), repeat, future, unknown)
    assert found.events == "1 call since Monday"


def test_the_score_then_is_that_of_the_day() -> None:
    """Scored again from what was known then, to the bit, whatever became known since."""
    late = call("2024-01-10T12:00", available="2024-01-16")
    events = (*OLD, late, call("2024-01-16T12:00"))
    found = told(*events)
    always = np.ones((1, 1), np.bool_)
    on_the_day = make_histories(OLD, zone="Europe/London")
    values = build(on_the_day, [MONDAY], SCORER.catalogue, rows=always).values
    assert found.score == SCORER.bundle.score(values)[0]


def test_the_moves_add_up_to_the_change_of_the_chance() -> None:
    events = (
        *OLD,
        *(call(f"2024-01-{day}T{hour:02}:00") for day in (15, 16, 17) for hour in (1, 9)),
    )
    found = told(*events)
    histories = make_histories(events, zone="Europe/London")
    now = float(SCORER.score(histories, THURSDAY, np.ones(1, np.bool_)).score[0])
    assert sum(move.chance for move in found.moves) == pytest.approx(now - found.score, abs=1e-12)
    sizes = [abs(move.contribution) for move in found.moves]
    assert sizes == sorted(sizes, reverse=True)
    assert found.moves[0].concept == "how_often"
    assert found.chance.startswith("Chance up from ")
    assert "; how often calls come: +" in found.chance


def test_somebody_unknown_then_has_no_score_then() -> None:
    found = told(call("2024-01-16T12:00"))
    assert found.score is None
    assert found.moves == ()
    assert found.chance.startswith("No event that counts was known then; the chance is now ")


def test_nothing_happening_is_said_so() -> None:
    found = told(*OLD, then=THURSDAY - HOUR)
    assert found.chance.startswith("Chance about the same: ")


@pytest.mark.parametrize(
    ("then", "as_of", "words"),
    [
        ("2024-01-15", "2024-01-18", "Monday"),
        ("2024-01-12", "2024-01-18", "Friday"),
        ("2024-01-11", "2024-01-18", "11 January"),
        ("2022-12-25", "2024-01-18", "25 December 2022"),
    ],
)
def test_days_are_said_as_people_say_them(then: str, as_of: str, words: str) -> None:
    assert since_in_words(seconds(then), seconds(as_of), "Europe/London") == words


def test_moves_that_cancel_are_both_named() -> None:
    moves = (Move("how_often", -0.5, -0.09), Move("ae", 0.45, 0.08), Move("when", 0.2, 0.04))
    assert _chance(0.68, 0.67, moves, "person") == (
        "Chance down from 68 to 67 in 100; how often calls come: \N{MINUS SIGN}9 points, "
        "A&E visits: +8 points"
    )
    hidden = (Move("how_often", 0.9, 0.02), Move("other", -0.8, -0.017))
    assert _chance(0.007, 0.01, hidden, "person") == (
        "Chance up from under 1 to 1 in 100; how often calls come: +2 points, "
        "everything else: \N{MINUS SIGN}2 points"
    )
    beside = (Move("how_often", 0.5, 0.15), Move("other", 0.2, 0.04))
    assert _chance(0.12, 0.31, beside, "person") == (
        "Chance up from 12 to 31 in 100; how often calls come: +15 points"
    )
    other = (Move("other", 0.9, 0.2), Move("when", 0.01, 0.002))
    assert _chance(0.2, 0.4, other, "person") == "Chance up from 20 to 40 in 100"
    assert _chance(0.201, 0.202, (), "person") == "Chance about the same: 20 in 100"
