"""Hypothesis strategies for histories whose times crowd the edges of windows and horizons."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from hiu_risk.definitions import DEFINITIONS, Clause, Definition
from hiu_risk.eligibility import EligibilityPolicy
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY, EARLIEST, FOREVER, HOUR, LATEST
from tests.support.histories import EVERYWHERE, SOURCES, make_histories

ZONE = "Europe/London"
HORIZONS = (1, 7, 30, 90)
WASHOUTS = (0, 1, 7, 30, 90, 365)
WINDOWS = (1, 7, 30)


def local(text: str) -> int:
    """UTC seconds of a local (London) time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp())


INDEX_DATES = tuple(
    local(text)
    for text in (
        "2023-03-01T00:00",  # the day after a February without a leap day
        "2024-02-29T00:00",
        "2024-03-01T00:00",
        "2024-03-31T00:00",  # the clocks go forward
        "2024-03-31T02:00",
        "2024-04-01T00:00",  # 31 March 23:00 UTC
        "2024-10-27T01:30",  # the hour that comes twice
        "2024-11-01T00:00",
        "2024-12-02T00:00",  # horizons of 30 days end with the month, and with the year
        "2024-12-31T00:00",
        "2025-01-01T00:00",
        "2025-06-15T13:37:11",
    )
)
# Days from the index date: edges of windows, washouts and horizons, and of their sums.
EDGES = sorted(
    {sign * (a + b) for sign in (-1, 1) for a in (0, *HORIZONS) for b in (0, 1, 7, 30, 365)}
    | {a - b for a in HORIZONS for b in WINDOWS}
)


def moments(as_of: int) -> st.SearchStrategy[int]:
    """Moments at, a second beside, or somewhere between the edges around an index date."""
    at_an_edge = st.builds(
        lambda days, beside: as_of + days * DAY + beside,
        st.sampled_from(EDGES),
        st.sampled_from((-1, 0, 0, 0, 1, HOUR)),
    )
    here = st.sampled_from((as_of - 1, as_of, as_of + 1))
    near = st.integers(as_of - 35 * DAY, as_of + 35 * DAY)
    return st.one_of(here, at_an_edge, at_an_edge, near)


def later(moment: int) -> st.SearchStrategy[int]:
    """A moment at or after another one."""
    return st.sampled_from((0, 1, HOUR, DAY, 7 * DAY, 40 * DAY)).map(lambda wait: moment + wait)


@st.composite
def events(draw: st.DrawFn, person: str, as_of: int) -> list[dict[str, Any]]:
    """Draw the versions of one event: late, retracted, corrected, or a duplicate."""
    occurred = draw(moments(as_of))
    row: dict[str, Any] = {
        "person": person,
        "occurred": occurred,
        "available": occurred,
        "source": draw(st.sampled_from(("call", "call", "ae", "admission"))),
        "address_type": draw(st.sampled_from(("private", "private", "communal", "unknown"))),
    }
    fate = draw(st.sampled_from(("plain", "plain", "late", "retracted", "corrected", "duplicate")))
    if fate == "plain":
        return [row] * draw(st.sampled_from((1, 1, 2, 3)))  # several in the same second
    row["available"] = draw(later(occurred))
    if fate == "duplicate":
        until = draw(later(row["available"]))
        return [row | {"leads": draw(st.sampled_from((False, until)))}]
    if fate == "late":
        return [row]
    row["superseded"] = draw(later(row["available"]))
    if fate == "retracted":
        return [row]
    moved = draw(st.sampled_from((0, 0, 1, -1, DAY, -DAY)))
    again = {"occurred": occurred + moved, "available": row["superseded"]}
    return [row, {k: v for k, v in row.items() if k != "superseded"} | again]


@st.composite
def persons(draw: st.DrawFn, id: str, as_of: int) -> dict[str, Any]:
    """Draw a person whose dates crowd around the index date."""
    person: dict[str, Any] = {"id": id, "born": draw(st.one_of(births(as_of), st.none()))}
    if draw(st.integers(0, 3)) == 0:
        person["died"] = draw(moments(as_of))
        person["death_known"] = draw(later(person["died"]))
    if draw(st.integers(0, 3)) == 0:
        person["registered_to"] = draw(moments(as_of))
        person["move_known"] = draw(later(person["registered_to"]))
    if draw(st.integers(0, 3)) == 0:
        person["registered_from"] = draw(moments(as_of))
    for flag in ("extensive_care", "opted_out"):
        person[flag] = draw(st.integers(0, 5)) == 0
    return person


def births(as_of: int) -> st.SearchStrategy[int]:
    """Births around the eighteenth birthday, on leap days, or anywhere."""
    year = datetime.fromtimestamp(as_of, ZoneInfo(ZONE)).year
    today = datetime.fromtimestamp(as_of, ZoneInfo(ZONE))
    birthdays = [
        local(f"{year - age}-{day}T00:00")
        for age in (17, 18, 19)
        for day in ("02-28", "03-01", "03-31", "04-01", f"{today:%m}-15")
    ]
    leap = [local(f"{y}-02-29T00:00") for y in (1960, 2004, 2008)]
    return st.sampled_from([*birthdays, *leap, local("1940-07-01T00:00"), as_of + DAY])


@st.composite
def spells(draw: st.DrawFn, person: str, as_of: int) -> dict[str, Any]:
    """Draw a spell on a caseload."""
    start = draw(moments(as_of))
    end = draw(st.sampled_from((start, start + 1, start + 7 * DAY, start + 90 * DAY, FOREVER)))
    return {"person": person, "start": start, "end": end}


@st.composite
def feeds(draw: st.DrawFn, as_of: int) -> tuple[Feed, ...]:
    """Draw the coverage of the sources; mostly complete."""
    if draw(st.integers(0, 3)):
        return EVERYWHERE
    found = []
    for source in SOURCES:
        starts, until = draw(moments(as_of)), draw(moments(as_of))
        gap = draw(moments(as_of))
        length = draw(st.sampled_from((1, DAY - 1, DAY, DAY + 1, 10 * DAY)))
        found.append(
            Feed(
                source,
                draw(st.sampled_from((EARLIEST, EARLIEST, starts))),
                draw(st.sampled_from((LATEST, LATEST, until))),
                gaps=draw(st.sampled_from(((), ((gap, gap + length),)))),
            )
        )
    return tuple(found)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Histories, np.ndarray]:
    """Draw the histories of one to three people, and one to three index dates."""
    as_of = draw(st.sampled_from(INDEX_DATES))
    ids = ["a", "b", "c"][: draw(st.integers(1, 3))]
    rows = [
        version
        for name in ids
        for versions in draw(st.lists(events(name, as_of), max_size=14))
        for version in versions
    ]
    more = draw(st.lists(st.sampled_from((-30, -7, 0, 1, 7, 30)), max_size=2))
    histories = make_histories(
        rows,
        [draw(persons(name, as_of)) for name in ids],
        caseload=draw(
            st.lists(st.sampled_from(ids).flatmap(lambda i: spells(i, as_of)), max_size=2)
        ),
        feeds=draw(feeds(as_of)),
        zone=ZONE,
    )
    return histories, np.array([as_of, *(as_of + days * DAY for days in more)])


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    """Draw a counting rule that few incidents meet."""
    source = draw(st.sampled_from(("call", "call", "ae")))
    operator, count = draw(
        st.sampled_from(((">=", 1), (">=", 2), (">", 1), (">=", 3), (">", 2), (">=", 5)))
    )
    if draw(st.booleans()):
        return Clause(source, operator, count, days=draw(st.sampled_from(WINDOWS)))
    return Clause(source, operator, count, calendar_months=draw(st.integers(1, 3)))


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw a definition: published or made up."""
    if draw(st.integers(0, 4)) == 0:
        published = DEFINITIONS[draw(st.sampled_from(sorted(DEFINITIONS)))]
        return draw(st.sampled_from((published, published.with_calendar_windows())))
    low, high = draw(st.sampled_from(((None, None), (18, None), (None, 17), (18, 64))))
    return Definition(
        "made_up",
        "A rule made up for a test",
        tuple(draw(st.lists(clauses(), min_size=1, max_size=3))),
        min_age=low,
        max_age=high,
        address_types=draw(st.sampled_from(((), (), ("private",), ("communal", "unknown")))),
    )


def policies() -> st.SearchStrategy[EligibilityPolicy]:
    """Draw a policy."""
    return st.builds(
        EligibilityPolicy,
        active_within_days=st.sampled_from((0, 1, 30, 365)),
        unknown_age=st.sampled_from(("include", "exclude")),
        exclude_unregistered=st.booleans(),
        exclude_opted_out=st.booleans(),
        exclude_extensive_care=st.booleans(),
        exclude_caseload=st.booleans(),
    )
