"""Who leads an incident: the compiled cut agrees with asking again at every index date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk import leading
from hiu_risk.incidents import Event, histories_from_events, resolve_versions
from hiu_risk.times import FOREVER
from hiu_risk.visibility import is_known, leads


@dataclass(frozen=True)
class Row:
    person: int
    incident: int
    occurred_at: int
    available_at: int
    superseded_at: int
    takes_part: bool


ROWS = st.lists(
    st.builds(
        lambda person, incident, occurred, delay, lasts, part: Row(
            person, incident, occurred, occurred + delay,
            FOREVER if lasts is None else occurred + delay + lasts, part,
        ),
        st.integers(0, 1),
        st.integers(-1, 1),
        st.integers(0, 12),
        st.integers(0, 8),
        st.none() | st.integers(1, 8),
        st.booleans() | st.just(True),
    ),
    max_size=9,
)  # fmt: skip


def naive_leaders(rows: list[Row], gap: int, as_of: int) -> set[int]:
    """The rows that lead, said as the definition says it."""
    known = [
        row.takes_part and is_known(row.occurred_at, row.available_at, row.superseded_at, as_of)
        for row in rows
    ]

    def yields_to(later: int, earlier: int) -> bool:
        a, b = rows[earlier], rows[later]
        if a.person != b.person or a.incident != b.incident:
            return False
        return b.incident >= 0 or b.occurred_at - a.occurred_at <= gap

    return {
        i
        for i in range(len(rows))
        if known[i] and not any(known[j] and yields_to(i, j) for j in range(i))
    }


@given(ROWS, st.sampled_from([leading.NO_GAP, 0, 2, 5]))
@settings(max_examples=300, deadline=None)
def test_pieces_say_the_same_as_asking_on_each_day(rows: list[Row], gap: int) -> None:
    rows = sorted(rows, key=lambda row: (row.person, row.occurred_at))
    column = {
        name: np.array([getattr(row, name) for row in rows], dtype=np.int64)
        for name in ("person", "incident", "occurred_at", "available_at", "superseded_at")
    }
    part = np.array([row.takes_part for row in rows], dtype=bool)
    pieces = leading.leading_pieces(**column, takes_part=part, gap=gap)
    assert sorted(set(pieces.row.tolist())) == np.flatnonzero(part).tolist()
    for as_of in range(32):
        known, found = [], set()
        for k, i in enumerate(pieces.row.tolist()):
            times = (rows[i].occurred_at, int(pieces.available_at[k]))
            if is_known(*times, int(pieces.superseded_at[k]), as_of):
                known.append(i)
            if leads(*times, int(pieces.leads_until[k]), as_of):
                found.add(i)
        expected = [
            i
            for i, row in enumerate(rows)
            if row.takes_part
            and is_known(row.occurred_at, row.available_at, row.superseded_at, as_of)
        ]
        assert known == expected  # each known row by exactly one piece
        assert found == naive_leaders(rows, gap, as_of)
    assert (pieces.leads_until <= pieces.superseded_at).all()


def test_the_compiled_function_and_its_source_agree() -> None:
    rng = np.random.default_rng(3)
    occurred = np.sort(rng.integers(0, 60, 40))
    start = occurred + rng.integers(1, 20, 40)
    end = start + rng.integers(1, 20, 40)
    joined, reach = rng.random(40) < 0.8, np.full(40, 9)
    joined[0] = False
    plain = leading._segments(occurred, start, end, joined, reach)
    for a, b in zip(
        plain, leading._compiled_segments(occurred, start, end, joined, reach), strict=True
    ):
        np.testing.assert_array_equal(a, b)


EVENTS = st.lists(
    st.builds(
        Event,
        person=st.sampled_from("ab"),
        source=st.sampled_from(["call", "ae"]),
        occurred_at=st.integers(0, 10),
        event_id=st.sampled_from(["", "1", "2"]),
        incident_id=st.sampled_from(["", "x"]),
        outcome=st.sampled_from(["other", "died"]),
        caller_type=st.sampled_from(["self", "professional"]),
        available_at=st.integers(10, 16),
    ),
    max_size=8,
)


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_every_row_becomes_a_version_or_is_merged_or_conflicts(events: list[Event]) -> None:
    resolved = resolve_versions(events)
    assert len(resolved.versions) + len(resolved.merged) + len(resolved.conflicting) == len(events)
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for version in resolved.versions:
        if version.event.event_id:
            key = (version.event.source, version.event.event_id)
            begins = max(version.event.known_at, version.event.occurred_at + 1)
            spans.setdefault(key, []).append((begins, version.superseded_at))
    for one in spans.values():  # the versions of an event follow one another without a gap
        one.sort()
        assert [end for _, end in one] == [begin for begin, _ in one[1:]] + [FOREVER]


@given(EVENTS, st.integers(0, 18))
@settings(max_examples=200, deadline=None)
def test_what_is_known_later_never_changes_what_was_known(events: list[Event], as_of: int) -> None:
    if resolve_versions(events).conflicting:
        return
    past = [e for e in events if e.known_at <= as_of and e.occurred_at < as_of]
    assert _seen(events, as_of) == _seen(past, as_of)


def _seen(events: list[Event], as_of: int) -> list[tuple[object, ...]]:
    h = histories_from_events(events, zone="UTC")
    return sorted(
        (
            str(h.people.id[h.event_person[i]]), int(h.occurred_at[i]), int(h.source[i]),
            int(h.outcome[i]),
            bool(leads(h.occurred_at[i], h.available_at[i], h.leads_until[i], as_of)),
        )
        for i in range(h.n_events)
        if is_known(h.occurred_at[i], h.available_at[i], h.superseded_at[i], as_of)
    )  # fmt: skip
