"""The store against plain Python: same versions, same incidents, and no peeking ahead."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.histories import Histories
from hiu_risk.incidents import Event, histories_from_events, resolve_versions
from hiu_risk.ingest.pseudonym import pseudonym
from hiu_risk.store import Store
from hiu_risk.times import DAY, HOUR, from_seconds
from hiu_risk.visibility import is_known, leads
from tests.support.extracts import KEY, ingest, write

START = 1_704_067_200  # 2024-01-01
GAP = 2 * HOUR
MAPPING = """\
[store]
zone = "UTC"
[incidents]
gap_minutes = 120
[[feed]]
table = "calls"
path = "calls.csv"
allow_empty = true
max_rejected = 1
[feed.columns]
event_id = "event_id"
incident_id = "incident_id"
person_id = "person"
occurred_at = "occurred_at"
available_at = "available_at"
outcome = "outcome"
caller_type = "caller_type"
[[feed]]
table = "ae"
path = "ae.csv"
allow_empty = true
max_rejected = 1
[feed.columns]
event_id = "event_id"
person_id = "person"
occurred_at = "occurred_at"
available_at = "available_at"
outcome = "outcome"
"""
COLUMNS = (
    "event_id", "incident_id", "person", "occurred_at", "available_at", "outcome", "caller_type",
)  # fmt: skip


def events(draw_from: int = 5) -> st.SearchStrategy[list[Event]]:
    def event(source: str, hour: int, late: int, **more: str) -> Event:
        occurred = START + hour * HOUR
        if source == "ae":
            more |= {"incident_id": "", "caller_type": "unknown"}
        return Event(
            source=source, occurred_at=occurred, available_at=occurred + late * HOUR,
            **{**more, "person": pseudonym(KEY, more["person"])},
        )  # fmt: skip

    return st.lists(
        st.builds(
            event,
            source=st.sampled_from(["call", "call", "ae"]),
            hour=st.integers(0, draw_from),
            late=st.integers(0, 9),
            person=st.sampled_from("ab"),
            event_id=st.sampled_from("123456789"),
            incident_id=st.sampled_from(["", "", "x"]),
            outcome=st.sampled_from(["unknown", "other"]),
            caller_type=st.sampled_from(["self", "self", "professional"]),
        ),
        max_size=14,
    )


def histories_of(rows: list[Event]) -> tuple[Histories, Store]:
    """Through files, ingest and the store."""
    names = {pseudonym(KEY, name): name for name in "ab"}

    def line(row: Event) -> str:
        told = {
            **{name: getattr(row, name) for name in COLUMNS},
            "person": names[row.person],
            "occurred_at": from_seconds(row.occurred_at).isoformat(),
            "available_at": from_seconds(row.known_at).isoformat(),
        }
        return ",".join(str(told[name]) for name in COLUMNS)

    files = {
        f"{name}.csv": [",".join(COLUMNS), *(line(row) for row in rows if row.source == source)]
        for name, source in (("calls", "call"), ("ae", "ae"))
    }
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        ingest(write(Path(folder) / "in", {"mapping.toml": MAPPING, **files}), store)
        opened = Store.open(store)
        return opened.histories(), opened


def told(histories: Histories) -> list[tuple[object, ...]]:
    return [
        (
            str(histories.people.id[histories.event_person[i]]),
            *(
                int(getattr(histories, name)[i])
                for name in (
                    "occurred_at", "available_at", "superseded_at", "leads_until", "source",
                    "outcome", "caller_type", "hour_of_week",
                )
            ),
        )
        for i in range(histories.n_events)
    ]  # fmt: skip


@given(events())
@settings(max_examples=12, deadline=None)
def test_the_store_says_what_plain_python_says(rows):
    resolved = resolve_versions(rows)
    wrong = set(resolved.conflicting)
    accepted = [row for i, row in enumerate(rows) if i not in wrong]
    expected = histories_from_events(accepted, zone="UTC", gap=GAP)
    found, store = histories_of(rows)
    feeds = store.manifest.feeds
    assert sum(feed.merged for feed in feeds) == len(resolved.merged)
    assert sum(feed.rejected for feed in feeds) == len(resolved.conflicting)
    assert told(found) == told(expected)


def known(histories: Histories, as_of: int) -> list[tuple[object, ...]]:
    """What the histories say at an index date, without the times of what came later."""
    h = histories
    return sorted(
        (
            str(h.people.id[h.event_person[i]]), int(h.occurred_at[i]), int(h.source[i]),
            int(h.outcome[i]), int(h.caller_type[i]),
            bool(leads(h.occurred_at[i], h.available_at[i], h.leads_until[i], as_of)),
        )
        for i in range(h.n_events)
        if is_known(h.occurred_at[i], h.available_at[i], h.superseded_at[i], as_of)
    )  # fmt: skip


@given(events(40), events(40), st.integers(0, 48))
@settings(max_examples=12, deadline=None)
def test_rows_that_came_later_change_nothing_that_was_known(past, future, hour):
    as_of = START + hour * HOUR
    later = [row for row in future if row.known_at > as_of or row.occurred_at >= as_of]
    kept = [row for row in past if row.known_at <= as_of and row.occurred_at < as_of]
    assert known(histories_of(kept)[0], as_of) == known(histories_of(kept + later)[0], as_of)


@pytest.mark.parametrize("days", [0, 30])
def test_an_event_from_as_of_on_is_never_known_then(days):
    as_of = START + days * DAY
    row = Event(pseudonym(KEY, "a"), "call", as_of, as_of, "1")
    assert known(histories_of([row])[0], as_of) == []
    assert len(known(histories_of([row])[0], as_of + 1)) == 1
