"""Bad input to ``hiu-risk features``: what, where and what to do, and no file left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hiu_features import Catalogue, build, default_catalogue
from hiu_features.frames import histories_from_frame
from hiu_features.write import write_features
from hiu_risk.cli.main import app
from hiu_risk.codes import REASON
from hiu_risk.errors import DataError, HiuRiskError, UsageError
from hiu_risk.files import sha256_of
from hiu_risk.histories import Histories
from hiu_risk.store import Store
from tests.support.histories import random_histories, seconds
from tests.support.stores import write_store

AS_OF = "2023-07-01"
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def histories() -> Histories:
    return random_histories(9, n_people=120, n_events=900)


def rewritten(histories: Histories, folder: Path, table: str, change: Change) -> Path:
    """A store of which another writer wrote one table, manifest and all."""
    store = write_store(histories, folder / "store")
    file = store / "data-0" / f"{table}.parquet"
    made = change(pq.read_table(file))
    pq.write_table(made, file)
    manifest = json.loads((store / "manifest.json").read_text(encoding="utf-8"))
    manifest["tables"][table] |= {
        "rows": len(made), "bytes": file.stat().st_size, "sha256": sha256_of(file),
    }  # fmt: skip
    (store / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return store


def refusal(store: Path, folder: Path) -> HiuRiskError:
    """The error of the command, which must have left nothing behind."""
    before = sorted(folder.iterdir())
    asked = ["features", "--store", str(store), "--as-of", AS_OF, "--out", str(folder / "out")]
    error = CliRunner().invoke(app, asked).exception
    assert isinstance(error, HiuRiskError), error
    assert sorted(folder.iterdir()) == before
    assert error.what
    assert error.where
    assert error.fix
    return error


def with_column(name: str, values: Callable[[pa.Table], Any]) -> Change:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index(name), name, values(table))

    return change


def one_moment(name: str, moment: str | None) -> Change:
    """The table with another time in its first row."""

    def values(table: pa.Table) -> pa.ChunkedArray:
        kind = table.schema.field(name).type
        first = None if moment is None else pd.Timestamp(moment, tz="UTC")
        return pa.chunked_array(
            [pa.array([first], kind), table.column(name).slice(1).combine_chunks()]
        )

    return with_column(name, values)


def doubled(row: int) -> Change:
    return lambda t: pa.concat_tables([t.slice(0, row + 1), t.slice(row)])


def swapped_in_time(table: pa.Table) -> pa.Table:
    person = table.column("person").to_pylist()
    times = table.column("occurred_at").to_pylist()
    row = next(
        i for i in range(len(person) - 1)
        if person[i] == person[i + 1] and times[i] < times[i + 1]
    )  # fmt: skip
    order = [*range(row), row + 1, row, *range(row + 2, len(table))]
    return table.take(order)


def another_name(table: pa.Table) -> pa.Array:
    names = pc.cast(table.column("reason"), pa.string()).to_pylist()
    return pa.array(["fals", *names[1:]]).dictionary_encode()


BAD_TABLES: dict[str, tuple[str, Change, str, str]] = {
    "not sorted by person": (
        "events", lambda t: pa.concat_tables([t.slice(100), t.slice(0, 100)]),
        "events are not sorted by person", "events.parquet",
    ),
    "a person in two places": (
        "events", lambda t: pa.concat_tables([t, t.slice(0, 3)]),
        "somebody's stand in two places", "events.parquet",
    ),
    "not sorted by time": (
        "events", swapped_in_time, "a person's events are not in order of time", "events.parquet",
    ),
    "an event twice": (
        "events", doubled(50), "an event stands there twice", "events.parquet, event_id",
    ),
    "a person twice": (
        "people", doubled(50), "a person stands there twice", "people.parquet, person_id",
    ),
    "an event of nobody": (
        "events",
        with_column(
            "person", lambda t: pa.array([*t.column("person").to_pylist()[:-1], 500], pa.int32())
        ),
        "not among the people", "events.parquet",
    ),
    "before 1970": (
        "events", one_moment("occurred_at", "1969-12-31"), "outside 1970 to 2100", "occurred_at",
    ),
    "after 2100": (
        "events", one_moment("available_at", "2100-01-02"), "outside 1970 to 2100", "available_at",
    ),
    "no time": (
        "events", one_moment("occurred_at", None), "outside 1970 to 2100, or none", "occurred_at",
    ),
    "superseded before 1970": (
        "events", one_moment("superseded_at", "1950-01-01"), "outside 1970", "superseded_at",
    ),
    "NaN categories": (
        "events",
        with_column("reason", lambda t: pa.array([float("nan")] * len(t))),
        "a column of type double", "events.parquet, reason",
    ),
    "an unknown category": (
        "events", with_column("reason", another_name), "unknown reason code",
        "events.parquet, reason",
    ),
    "an unknown sex": (
        "people",
        with_column("sex", lambda t: pa.array(["femal"] * len(t)).dictionary_encode()),
        "unknown sex code", "people.parquet, sex",
    ),
    "nobody's events": (
        "events", lambda t: t.drop_columns(["person"]), "lacks a column", "events.parquet",
    ),
    "a lacking column": (
        "events", lambda t: t.drop_columns(["outcome"]), "lacks a column", "events.parquet",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_that_ingest_would_not_write_is_refused(
    histories: Histories, tmp_path: Path, case: str
) -> None:
    table, change, what, where = BAD_TABLES[case]
    error = refusal(rewritten(histories, tmp_path, table, change), tmp_path)
    assert isinstance(error, DataError)
    assert what in error.what
    assert where in error.where
    assert "ingest again" in error.fix or "did you mean" in error.fix
    assert not any(person in str(error) for person in histories.people.id.tolist())
    assert "fals" not in error.what


def test_a_person_on_both_sides_of_a_cut_is_seen(histories: Histories, tmp_path: Path) -> None:
    for row in (20, 21, 22, 23, 24):
        store = rewritten(histories, tmp_path / str(row), "people", doubled(row))
        with pytest.raises(DataError, match="a person stands there twice"):
            write_features(
                store, [seconds(AS_OF)], tmp_path / "out", default_catalogue(), events_per_part=1
            )
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob(".out*"))


def test_a_category_that_is_not_known_is_not_an_error(histories: Histories, tmp_path: Path) -> None:
    def nulls(table: pa.Table) -> pa.Array:
        return pa.nulls(len(table), table.schema.field("reason").type)

    def unknown(table: pa.Table) -> pa.Array:
        names = pa.array([REASON.names[0]] * len(table))
        return names.dictionary_encode()

    made = [
        build(Store.open(rewritten(histories, tmp_path / name, "events", change)).histories(),
              [seconds(AS_OF)]).values
        for name, change in (
            ("null", with_column("reason", nulls)), ("unknown", with_column("reason", unknown)),
        )
    ]  # fmt: skip
    assert len(made[0]) > 20
    assert made[0].tobytes() == made[1].tobytes()


def test_two_events_of_one_second_are_two_events(histories: Histories, tmp_path: Path) -> None:
    def again(table: pa.Table) -> pa.Table:
        made = doubled(50)(table)
        ids = [f"x{i}" for i in range(len(made))]
        return made.set_column(made.schema.get_field_index("event_id"), "event_id", pa.array(ids))

    read = Store.open(rewritten(histories, tmp_path, "events", again)).histories()
    assert read.n_events == histories.n_events + 1


def test_a_store_of_a_newer_schema_is_refused(histories: Histories, tmp_path: Path) -> None:
    store = write_store(histories, tmp_path / "store")
    text = (store / "manifest.json").read_text(encoding="utf-8")
    newer = text.replace('"schema_version": 1', '"schema_version": 99')
    assert newer != text
    (store / "manifest.json").write_text(newer, encoding="utf-8")
    error = refusal(store, tmp_path)
    assert isinstance(error, DataError)
    assert "schema version 99" in error.what
    assert "manifest.json" in error.where
    assert "upgrade hiu-risk" in error.fix


def test_a_table_that_is_cut_short_or_no_parquet_is_refused(
    histories: Histories, tmp_path: Path
) -> None:
    store = write_store(histories, tmp_path / "store")
    file = store / "data-0" / "events.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert "cut short" in refusal(store, tmp_path).what
    file.write_bytes(b"x" * len(whole))
    assert "can't be read" in refusal(store, tmp_path).what


def plain(**changes: Any) -> dict[str, Any]:
    feature = {
        "name": "mine", "primitive": "count", "unit": "incidents", "sentence": "{value:call}",
        "params": {"which": {"source": ["call"]}, "days": 14},
    }  # fmt: skip
    return {**feature, **changes}


@pytest.mark.parametrize(
    ("features", "what", "where", "fix"),
    [
        ([plain(), plain()], "the name 'mine' is used twice", "catalogue", "a name of its own"),
        ([plain(primitive="cuont")], "unknown primitive 'cuont'", "feature 'mine'", "'count'"),
        (
            [plain(params={"which": {"source": ["call"]}, "days": 0})],
            "out of range", "feature 'mine', days", "a whole number from 1",
        ),
        (
            [plain(params={"which": {"source": ["call"], "reason": [float("nan")]}, "days": 7})],
            "unknown reason nan", "feature, which", "known are",
        ),
    ],
)  # fmt: skip
def test_a_catalogue_that_can_not_be_is_refused_before_anything_is_written(
    histories: Histories, tmp_path: Path, features: list[Any], what: str, where: str, fix: str
) -> None:
    store = write_store(histories, tmp_path / "store")
    with pytest.raises(UsageError) as caught:
        write_features(
            store, [seconds(AS_OF)], tmp_path / "out", Catalogue.from_dict({"features": features})
        )
    assert what in caught.value.what
    assert where in caught.value.where
    assert fix in caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


# Frames


def frame(**changes: Any) -> pd.DataFrame:
    columns = {"person": ["a", "a"], "source": ["call", "call"], "occurred_at": [10, 10]}
    return pd.DataFrame({**columns, **changes})


@pytest.mark.parametrize(
    ("events", "what"),
    [
        (frame(event_id=["1", "1"], outcome=["other", "died"]), "two rows with one event id"),
        (frame(occurred_at=[-1, 10]), "outside 1970 to 2100"),
        (frame(occurred_at=[10, 10**11]), "outside 1970 to 2100"),
        (frame(reason=["falls", "fals"]), "unknown reason code"),
    ],
)
def test_a_frame_of_wrong_events_is_refused(events: pd.DataFrame, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        histories_from_frame(events)
    assert caught.value.where
    assert caught.value.fix


def test_a_frame_may_repeat_a_row_and_leave_categories_open() -> None:
    repeated = histories_from_frame(frame(event_id=["1", "1"]))
    assert repeated.n_events == 1
    for nothing in ([None, None], [float("nan"), float("nan")]):
        assert histories_from_frame(frame(reason=nothing)).reason.tolist() == [0, 0]
