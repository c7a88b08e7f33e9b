"""No peeking, all the way: extract files, ingest, Store, every feature, to the bit."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiu_features import FeatureTable, build
from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import Histories
from hiu_risk.incidents import Event
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_risk.times import DAY, HOUR, from_seconds
from tests.support.extracts import ingest, write
from tests.support.histories import seconds
from tests.support.history_strategies import ages, delays

AS_OF = seconds("2024-03-31T01:00")  # the hour that London skips
SOURCES = {"calls": "call", "ae": "ae", "admissions": "admission"}
TOLD = ("reason", "outcome", "urgency")
COLUMNS = ("event_id", "person", "occurred_at", "available_at", *TOLD)


def feed(table: str, *, declared: bool) -> str:
    spans = {"starts_at": "2021-06-01", "complete_until": "2025-06-01"} if declared else {}
    covers = "".join(f'{key} = "{day}"\n' for key, day in spans.items())
    more = 'incident_id = "incident_id"\ncaller_type = "caller_type"\n' if table == "calls" else ""
    told = "".join(f'{name} = "{name}"\n' for name in TOLD)
    return (
        f'[[feed]]\ntable = "{table}"\npath = "{table}.csv"\nallow_empty = true\n{covers}'
        "max_rejected = 1\n"
        '[feed.columns]\nevent_id = "event_id"\nperson_id = "person"\n'
        f'occurred_at = "occurred_at"\navailable_at = "available_at"\n{more}{told}'
    )


def mapping(*, declared: bool) -> str:
    feeds = "".join(feed(table, declared=declared) for table in SOURCES)
    return f'[store]\nzone = "Europe/London"\n[incidents]\ngap_minutes = 60\n{feeds}'


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A row around the index date, late or not; few identifiers, so that rows correct others."""
    occurred = AS_OF - draw(ages)
    return Event(
        draw(st.sampled_from("abc")),
        draw(st.sampled_from(["call", "call", "ae", "admission"])),
        occurred,
        occurred + draw(delays),
        draw(st.sampled_from("123456789")),
        draw(st.sampled_from(["", "", "x"])),
        caller_type=draw(st.sampled_from(["self", "self", "professional"])),
        **{name: draw(st.sampled_from(EVENT_CATEGORIES[name].names)) for name in TOLD},
    )


def is_past(row: Event) -> bool:
    return row.occurred_at < AS_OF and row.known_at <= AS_OF


def read_back(rows: list[Event], *, declared: bool = True) -> Histories:
    """The histories that files of these rows give, through ingest and the store."""
    names = (*COLUMNS, "incident_id", "caller_type")
    files: dict[str, str | list[str]] = {"mapping.toml": mapping(declared=declared)}
    for table, source in SOURCES.items():
        lines = [",".join(names)]
        for row in rows:
            told = {name: str(getattr(row, name)) for name in names if name != "available_at"}
            told |= {
                "occurred_at": from_seconds(row.occurred_at).isoformat(),
                "available_at": from_seconds(row.known_at).isoformat(),
            }
            lines += [",".join(told[name] for name in names)] if row.source == source else []
        files[f"{table}.csv"] = lines
    with TemporaryDirectory() as folder:
        ingest(write(Path(folder) / "in", files), Path(folder) / "store")
        return Store.open(Path(folder) / "store").histories()


def features_of(histories: Histories, ids: list[str], as_of: int = AS_OF) -> FeatureTable:
    """Every feature of these people, whoever else is there."""
    place = {person: row for row, person in enumerate(histories.people.id.tolist())}
    chosen = histories.take(np.array([place[person] for person in ids], np.int64))
    return build(chosen, [as_of], rows=np.ones((len(ids), 1), np.bool_))


def with_later(past: list[Event], later: list[Event], shuffle: random.Random) -> list[Event]:
    """Rows that came later strewn among those known, which keep their order."""
    rows = list(past)
    for row in later:
        rows.insert(shuffle.randint(0, len(rows)), row)
    return rows


def unambiguous(row: Event) -> Event:
    # Two rows of one event that arrived in one second contradict each other, in any order: what
    # happens at as_of is new then, not another version of what arrived at as_of.
    return replace(row, event_id=f"{row.event_id}-new") if row.known_at == AS_OF else row


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events(), max_size=24), st.randoms(use_true_random=False))
def test_rows_from_as_of_on_change_no_feature(rows: list[Event], shuffle: random.Random) -> None:
    past = [row for row in rows if is_past(row)]
    later = [unambiguous(row) for row in rows if not is_past(row)]
    alone, strewn = read_back(past), read_back(with_later(past, later, shuffle))
    ids = alone.people.id.tolist()
    assert features_of(strewn, ids).values.tobytes() == features_of(alone, ids).values.tobytes()


def test_the_property_can_fail() -> None:
    row = Event("a", "call", AS_OF - HOUR, AS_OF, "1", reason="falls")
    other = Event("b", "call", AS_OF - DAY, AS_OF - DAY, "0")
    ids = read_back([other, row]).people.id.tolist()
    seen = {
        features_of(read_back([other, changed]), ids).values.tobytes()
        for changed in (
            row, replace(row, reason="pain"), replace(row, available_at=AS_OF + 1),
            replace(row, occurred_at=AS_OF),
        )
    }  # fmt: skip
    assert len(seen) == 3  # the last two are alike: neither is known


def test_only_undeclared_coverage_is_read_off_the_rows_and_moves_with_them() -> None:
    past = [
        Event("a", "call", AS_OF - days * DAY, AS_OF - days * DAY, str(days)) for days in (2, 40)
    ]
    later = [Event("a", "call", AS_OF + DAY, AS_OF + DAY, "new")]
    before, after = (
        features_of(histories, histories.people.id.tolist())
        for histories in (read_back(past, declared=False), read_back(past + later, declared=False))
    )
    differ = {
        name
        for name in before.names
        if before.column(name).tobytes() != after.column(name).tobytes()
    }
    assert differ == {"calls_covered_365d"}


# Extracts of a synthetic region, with its faults, repeated and corrected rows

INDEX_DATE = "2023-02-01 00:00:00"
Rows = list[dict[str, str]]


def when(row: dict[str, str], table: str) -> tuple[str, str]:
    """When a row's event began and when it was known, by the mapping's columns and delays."""
    if table == "calls":
        return row["call_connected_at"], row["available_at"]
    if table == "ae":
        return f"{row['Arrival_Date']} {row['Arrival_Time']}", row["Received_At"]
    began = f"{row['Admission_Date']} {row['Admission_Time']}"
    try:
        known = datetime.fromisoformat(began) + timedelta(hours=1_080)
    except ValueError:  # a fault: ingest will reject the row
        return began, began
    return began, known.isoformat(sep=" ")


def is_known(row: dict[str, str], table: str) -> bool:
    began, known = when(row, table)
    return began < INDEX_DATE and known <= INDEX_DATE


def without_later(rows: Rows, table: str) -> Rows:
    return [row for row in rows if is_known(row, table)]


def later_rows_of_others(rows: Rows, table: str) -> Rows:
    """What came later told of other people, with other outcomes."""
    person = "nhs_number" if table == "calls" else "Der_Pseudo_NHS_Number"
    people = [row[person] for row in rows]
    return [
        row if is_known(row, table) else {**row, person: people[place // 2]}
        for place, row in enumerate(rows)
    ]


def later_rows_first(rows: Rows, table: str) -> Rows:
    return sorted(rows, key=lambda row: is_known(row, table))


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region") / "raw"
    write_region(folder, people=400, seed=5, months=18)
    return folder


def stored(region: Path, folder: Path, change: Callable[[Rows, str], Rows] | None) -> Histories:
    for file in [*region.glob("*.csv"), region / "mapping.toml"]:
        text = file.read_bytes()
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(text)
    for table in SOURCES if change else ():
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert change is not None
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(change(rows, table))
    ingest(folder / "mapping.toml", folder / "store")
    return Store.open(folder / "store").histories()


def test_extracts_with_and_without_what_came_later_give_the_same_features(
    region: Path, tmp_path: Path
) -> None:
    as_of = seconds(INDEX_DATE)
    whole = stored(region, tmp_path / "whole", None)
    known = (whole.occurred_at < as_of) & (whole.available_at <= as_of)
    assert 500 < known.sum() < whole.n_events - 500
    late = (whole.occurred_at < as_of) & (whole.available_at > as_of)
    assert late.sum() > 20
    ids = whole.people.id.tolist()
    expected = features_of(whole, ids, as_of).values
    assert np.count_nonzero(np.nan_to_num(expected)) > 4_000
    for change in (without_later, later_rows_of_others, later_rows_first):
        other = stored(region, tmp_path / change.__name__, change)
        assert set(ids) == set(other.people.id.tolist())
        assert features_of(other, ids, as_of).values.tobytes() == expected.tobytes()
