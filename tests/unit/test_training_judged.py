from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hiu_risk.definitions import Clause, Definition
from hiu_risk.histories import Feed
from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.judged import counted_times, describe, find_cases, groups_of
from hiu_training.rows.inputs import Rows
from tests.support.histories import make_histories, seconds

RULE = Definition("r", "R", (Clause("call", ">=", 3, days=30),))


def _rows(table: list[tuple[int, int, int, int | None]], origins: int = 4) -> Rows:
    """Rows from (person, origin, label, day of the event); origins are 30 days apart."""
    person, origin, label, day = zip(*table, strict=True)
    as_ofs = np.arange(origins, dtype=np.int64) * 30 * DAY
    return Rows(
        np.array(person, np.int32), np.array(origin, np.int16), np.array(label, np.int8),
        np.array([FOREVER if d is None else d * DAY for d in day], np.int64),
        np.zeros((len(table), 1), np.float32), ("x",), as_ofs, {},
    )  # fmt: skip


def test_a_case_takes_in_every_row_before_it_also_those_whose_horizon_was_too_short() -> None:
    # Horizon of 45 days: at day 0 the event of day 70 is out of reach, at 30 and 60 it is not.
    rows = _rows([(0, 0, 0, None), (0, 1, 1, 70), (0, 2, 1, 70), (1, 0, 0, None)])
    cases = find_cases(rows)
    assert len(cases) == 1
    assert cases.row.tolist() == [0, 1, 2]
    assert cases.lead_days.tolist() == [70, 40, 10]


def test_a_second_event_is_a_case_of_its_own_that_starts_after_the_first() -> None:
    rows = _rows([(0, 0, 1, 20), (0, 1, 0, None), (0, 2, 1, 80), (0, 3, 0, None)])
    cases = find_cases(rows)
    assert cases.offsets.tolist() == [0, 1, 3]
    assert cases.row.tolist() == [0, 1, 2]
    assert cases.lead_days.tolist() == [20, 50, 20]


def test_where_only_incidents_from_the_index_date_on_count_each_row_has_its_own_moment() -> None:
    rows = _rows([(0, 0, 1, 40), (0, 1, 1, 55)])
    cases = find_cases(rows)
    assert len(cases) == 1
    assert cases.lead_days.tolist() == [40, 25]


def _history() -> tuple:
    start = seconds("2023-01-01")
    calls = [("a", day) for day in (300, 402, 410, 412)] + [("b", 390), ("b", 405)]
    events = [{"person": who, "occurred": start + day * DAY} for who, day in calls]
    events.append({"person": "a", "occurred": start + 405 * DAY, "source": "ae"})
    histories = make_histories(
        events, [{"id": "a", "site": "east"}, {"id": "b", "site": "west"}],
        feeds=(Feed("call", start, start + 500 * DAY), Feed("ae", start, start + 500 * DAY)),
    )  # fmt: skip
    return histories, start


def test_calls_before_onset_are_incidents_of_the_rule_without_the_one_that_completes_it() -> None:
    histories, start = _history()
    rows = _rows([(0, 0, 1, None), (1, 0, 0, None)], origins=1)
    rows = Rows(
        rows.person, rows.origin, rows.label, np.array([start + 412 * DAY, FOREVER]), rows.values,
        rows.names, np.array([start + 400 * DAY]), {},
    )  # fmt: skip
    cases = find_cases(rows, counted_times(histories, RULE))
    assert cases.calls.tolist() == [2]  # days 402 and 410: not the A&E visit, not day 412
    assert cases.lead_days.tolist() == [12]
    assert describe(histories, rows, RULE, "persistence").cases is None


def test_groups_say_what_was_known_at_the_index_date() -> None:
    histories, start = _history()
    rows = _rows([(0, 0, 0, None), (0, 1, 0, None), (1, 0, 0, None), (1, 1, 0, None)], origins=2)
    rows = Rows(
        rows.person, rows.origin, rows.label, rows.happened_at, rows.values, rows.names,
        np.array([start + 360 * DAY, start + 420 * DAY]), {},
    )  # fmt: skip
    groups = groups_of(histories, rows, RULE)
    named = {name: [g.names[code] for code in g.code] for name, g in groups.items()}
    assert named["history"] == [*["never met the rule"] * 1, "met the rule before",
                                *["never met the rule"] * 2]  # fmt: skip
    assert named["tenure"] == [
        "under 90 days", "90 days to a year", "nothing known before", "under 90 days"
    ]  # fmt: skip
    assert named["coverage"] == ["known 180 to 364 days", "known the full year"] * 2
    assert named["site"] == ["east", "east", "west", "west"]


@pytest.mark.parametrize("people", [1])
def test_a_dimension_of_one_group_is_left_out(people: int) -> None:
    histories, start = _history()
    rows = _rows([(0, 0, 0, None)] * people, origins=1)
    rows = Rows(
        rows.person, rows.origin, rows.label, rows.happened_at, rows.values, rows.names,
        np.array([start + 420 * DAY]), {},
    )  # fmt: skip
    assert groups_of(histories, rows, RULE) == {}


def test_coverage_is_each_persons_own_since_they_registered_gaps_taken_off() -> None:
    start = seconds("2023-01-01")
    day = start + 500 * DAY
    people = [
        {"id": "always"},
        {"id": "half", "registered_from": "2023-08-01"},
        {"id": "new", "registered_from": "2024-04-01"},
    ]

    def known(*gaps: tuple[int, int]) -> list[str]:
        feed = Feed("call", start, start + 600 * DAY, 0, gaps)
        histories = make_histories(
            [{"person": str(p["id"]), "occurred": day - DAY} for p in people], people, feeds=(feed,)
        )
        rows = _rows([(who, 0, 0, None) for who in range(3)], origins=1)
        rows = replace(rows, as_ofs=np.array([day]))
        grouping = groups_of(histories, rows, RULE)["coverage"]
        by_id = dict(zip(histories.people.id.tolist(), grouping.code.tolist(), strict=True))
        return [grouping.names[by_id[str(p["id"])]] for p in people]

    full, part, few = "known the full year", "known 180 to 364 days", "known under 180 days"
    assert known() == [full, part, few]
    # 150 days missing before anybody but the first came: theirs alone go down.
    assert known((day - 440 * DAY, day - 290 * DAY)) == [part, part, few]
    assert known((day - 200 * DAY, day - 50 * DAY)) == [part, few, few]
