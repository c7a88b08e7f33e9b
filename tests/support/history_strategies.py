"""Hypothesis strategies for histories that sit on the edges of windows, feeds and clocks."""

from __future__ import annotations

from hypothesis import strategies as st

from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY, FOREVER, HOUR
from tests.support.histories import EVERYWHERE, make_histories, seconds

INDEX_DATES = [
    seconds(text)
    for text in (
        "2024-02-29T00:00",  # leap day
        "2024-03-01T00:00",
        "2024-03-31T01:00",  # London skips to 02:00
        "2024-10-27T00:30",  # and repeats 01:00 to 02:00
        "2024-10-27T01:30",
        "2024-12-31T00:00",
        "2025-02-28T23:00",
        "2025-06-30T23:00",  # 1 July in London
    )
]
_WINDOWS = (7, 14, 28, 30, 56, 60, 90, 180, 360, 365, 730)
_EDGES = sorted({days * DAY + second for days in _WINDOWS for second in (-1, 0, 1)})

ages = st.one_of(
    st.sampled_from(_EDGES),
    st.integers(-3 * DAY, 800 * DAY),
    st.sampled_from([-1, 0, 1, HOUR, 24 * HOUR]),
    st.integers(0, 40).map(lambda n: n * 9 * DAY),
)
delays = st.one_of(st.just(0), st.sampled_from([1, HOUR, DAY, 7 * DAY]), st.integers(0, 60 * DAY))
_NAMES = {name: v.names for name, v in EVENT_CATEGORIES.items() if name != "identity_method"}


@st.composite
def event_versions(draw: st.DrawFn, people: int, as_ofs: list[int]) -> list[dict[str, object]]:
    """One event, or several at the same second, or one with a later correction."""
    event: dict[str, object] = {
        "person": draw(st.integers(0, people - 1)),
        "occurred": draw(st.sampled_from(as_ofs)) - draw(ages),
    }
    for name, names in _NAMES.items():
        if name == "source":
            event[name] = draw(st.sampled_from(["call", "call", "ae", "admission"]))
        elif name in ("reason", "outcome", "urgency", "caller_type", "arrival"):
            event[name] = draw(st.sampled_from(names))
    event["available"] = event["occurred"] + draw(delays)
    fate = draw(st.integers(0, 6))
    if fate == 0:
        return [event, {**event, "reason": draw(st.sampled_from(_NAMES["reason"]))}]
    if fate == 1:
        moved = {**event, "occurred": event["occurred"] + draw(st.sampled_from([0, 1, DAY]))}
        moved["available"] = event["available"] + draw(delays)
        return [{**event, "superseded": moved["available"]}, moved]
    if fate == 2:
        return [{**event, "leads": False}]
    if fate == 3:
        return [{**event, "leads": event["available"] + draw(delays)}]
    return [event]


@st.composite
def persons(draw: st.DrawFn, n: int) -> list[dict[str, object]]:
    births = st.one_of(
        st.none(),
        st.sampled_from(["2004-02-29", "1968-06-01", "1931-10-27", "2024-02-29", "2025-01-01"]),
        st.integers(seconds("1925-01-01"), seconds("2025-01-01")),
    )
    return [
        {
            "id": i,
            "born": draw(births),
            "sex": draw(st.sampled_from(["unknown", "female", "male", "other"])),
            "imd_decile": draw(st.integers(0, 10)),
            "died": draw(st.sampled_from([FOREVER, seconds("2024-05-01")])),
        }
        for i in range(n)
    ]


@st.composite
def feeds(draw: st.DrawFn) -> tuple[Feed, ...]:
    """Full, none, late, ended or broken feeds, or one of them missing."""
    if draw(st.booleans()):
        return draw(st.sampled_from([EVERYWHERE, (), EVERYWHERE[:1]]))
    made = []
    for source in ("call", "ae", "admission"):
        start = draw(st.integers(seconds("2022-01-01"), seconds("2025-01-01")))
        end = start + draw(st.integers(0, 900 * DAY))
        at, gaps = start, []
        for _ in range(draw(st.integers(0, 2))):
            at += draw(st.integers(0, 200 * DAY))
            gaps.append((at, at := at + draw(st.integers(0, 200 * DAY))))
        made.append(Feed(source, start, end, gaps=tuple(gaps)))
    return tuple(made)


@st.composite
def histories_and_dates(draw: st.DrawFn, most_events: int = 14) -> tuple[Histories, list[int]]:
    """A few people, a few index dates, and events around them."""
    as_ofs = sorted(draw(st.sets(st.sampled_from(INDEX_DATES), min_size=1, max_size=4)))
    n = draw(st.integers(1, 3))
    drawn = draw(st.lists(event_versions(n, as_ofs), max_size=most_events))
    events = [version for versions in drawn for version in versions]
    histories = make_histories(events, draw(persons(n)), feeds=draw(feeds()), zone="Europe/London")
    return histories, as_ofs
