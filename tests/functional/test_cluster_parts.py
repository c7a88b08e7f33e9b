"""Features of a whole store in parts: the same rows as in one piece, or no folder at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiu_features import build, default_catalogue
from hiu_features.parts import FeatureWork, Job, Part, Receipt, make_part, plan_parts
from hiu_features.publishing import publish, read_manifest
from hiu_features.stream import stream_features
from hiu_features.table import FeatureTable
from hiu_features.write import run, write_features
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.ingest.publish import staging
from hiu_risk.store import EVERYTHING, Reads, Store
from hiu_risk.store_files import person_ranges, row_counts
from hiu_risk.store_files import read as read_columns
from hiu_risk.times import DAY
from tests.support.histories import random_histories, seconds
from tests.support.stores import write_store

AS_OFS = (seconds("2023-01-01"), seconds("2023-04-01"), seconds("2023-07-01"))
CATALOGUE = default_catalogue().select(
    ["calls_30d", "calls_365d", "days_since_last_call", "calls_decayed_30d", "age"]
)


@pytest.fixture(scope="module")
def histories() -> Histories:
    return random_histories(seed=3, n_people=700, n_events=5_000)


@pytest.fixture(scope="module")
def store(histories: Histories, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(histories, tmp_path_factory.mktemp("parts") / "store", row_group=500)


def read(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(file) for file in sorted(folder.glob("*.parquet"))])


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def as_written(table: pa.Table) -> pa.Table:
    return table.set_column(
        1, "as_of", table.column("as_of").cast(pa.timestamp("ms", "UTC"))
    )  # Parquet has no whole seconds


def test_parts_together_are_the_whole_to_the_bit(
    histories: Histories, store: Path, tmp_path: Path
) -> None:
    whole = build(histories, AS_OFS, CATALOGUE)
    manifest = write_features(store, AS_OFS, tmp_path / "out", CATALOGUE, events_per_part=300)
    assert len(manifest["parts"]) > 10
    table = read(tmp_path / "out")
    assert table.equals(as_written(whole.to_arrow()))
    assert manifest["rows"] == table.num_rows == len(whole)
    assert (manifest["people"], manifest["events"]) == (700, histories.n_events)
    assert manifest["catalogue_hash"] == CATALOGUE.hash
    assert read_manifest(tmp_path / "out") == manifest


def test_a_folder_of_features_opens_as_any_parquet_folder(store: Path, tmp_path: Path) -> None:
    manifest = write_features(store, AS_OFS, tmp_path / "out", CATALOGUE, events_per_part=1_000)
    assert pq.read_table(tmp_path / "out").num_rows == manifest["rows"]


@pytest.mark.parametrize("events_per_part", [1, 7, 400, 10**9])
def test_parts_follow_one_another_from_the_first_person_to_the_last(
    store: Path, events_per_part: int
) -> None:
    parts = plan_parts(Store.open(store), events_per_part)
    assert parts[0].first == 0
    assert parts[-1].stop == 700
    assert all(a.stop == b.first for a, b in pairwise(parts))
    assert all(part.first < part.stop for part in parts)
    assert [part.number for part in parts] == list(range(len(parts)))


def test_one_person_with_most_of_the_events_is_never_split(tmp_path: Path) -> None:
    crowd = random_histories(seed=4, n_people=300, n_events=1_000)
    heavy = skewed(crowd, person=150, n_events=50_000)
    path = write_store(heavy, tmp_path / "store", row_group=4_096)
    parts = plan_parts(Store.open(path), 1_000)
    assert len(parts) > 2
    assert sum(part.first <= 150 < part.stop for part in parts) == 1
    write_features(path, AS_OFS, tmp_path / "out", CATALOGUE, events_per_part=1_000)
    assert read(tmp_path / "out").equals(as_written(build(heavy, AS_OFS, CATALOGUE).to_arrow()))


def skewed(histories: Histories, person: int, n_events: int) -> Histories:
    """The same histories with one person's first event repeated, a minute apart."""
    at = int(histories.offsets[person])
    times = np.arange(n_events) * 60 + seconds("2022-06-01")
    grown: dict[str, Any] = {}
    for name in Histories.__dataclass_fields__:
        column = getattr(histories, name)
        if isinstance(column, np.ndarray) and name != "offsets":
            new = {"occurred_at": times, "available_at": times}
            kept = np.delete(column, slice(at, int(histories.offsets[person + 1])))
            more = new.get(name, np.full(n_events, column[at], column.dtype))
            if name in ("superseded_at", "leads_until"):
                more = np.full(n_events, np.iinfo(np.int64).max)
            grown[name] = np.insert(kept, at, more)
    lengths = np.diff(histories.offsets)
    lengths[person] = n_events
    grown["offsets"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return replace(histories, **grown)


def test_people_without_events_and_a_store_without_people_give_no_rows(tmp_path: Path) -> None:
    quiet = random_histories(
        seed=5, n_people=40, n_events=200, start="2010-01-01", end="2011-01-01"
    )
    path = write_store(quiet, tmp_path / "quiet")
    manifest = write_features(path, AS_OFS, tmp_path / "a", CATALOGUE, events_per_part=50)
    assert (manifest["rows"], manifest["people"]) == (0, 40)
    nobody = write_store(quiet.take(np.empty(0, np.int64)), tmp_path / "nobody")
    manifest = write_features(nobody, AS_OFS, tmp_path / "b", CATALOGUE)
    assert (manifest["rows"], len(manifest["parts"])) == (0, 1)
    assert read(tmp_path / "b").column_names == ["person", "as_of", *CATALOGUE.names]


def test_a_killed_run_goes_on_where_it_stopped_and_writes_the_same_bytes(
    store: Path, tmp_path: Path
) -> None:
    work = FeatureWork(AS_OFS, CATALOGUE)
    job = Job.of(store, work, events_per_part=500)
    run(job, tmp_path / "whole")

    class Killed(BaseException):
        """What no handler of errors sees, as a kill."""

    def die(_: float) -> None:
        raise Killed

    with pytest.raises(Killed):
        run(job, tmp_path / "out", progress=die)
    assert not (tmp_path / "out").exists()
    (hidden,) = tmp_path.glob(".out.*")
    first = hidden / job.parts[0].file
    (hidden / ".part-00001.parquet.half").write_bytes(b"half of a file")
    made_at = first.stat().st_mtime_ns
    seen: list[int] = []
    run(job, tmp_path / "out", progress=lambda _: seen.append(first_time(hidden, job, tmp_path)))
    assert set(seen) == {made_at}  # not made a second time
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "whole"]


def first_time(hidden: Path, job: Job, folder: Path) -> int:
    return (hidden / job.parts[0].file).stat().st_mtime_ns


def test_the_same_job_again_changes_nothing_and_another_asks_first(
    store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = write_features(store, AS_OFS, out, CATALOGUE)
    before = files(out)
    assert write_features(store, AS_OFS, out, CATALOGUE) == first
    with pytest.raises(UsageError, match="other rows are there") as caught:
        write_features(store, AS_OFS[:1], out, CATALOGUE)
    assert "choose a new folder" in caught.value.fix
    assert files(out) == before
    replaced = write_features(store, AS_OFS[:1], out, CATALOGUE, replace=True)
    assert replaced["id"] != first["id"]
    assert pq.read_table(out).num_rows == replaced["rows"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("change", ["starts_at", "zone"])
def test_the_same_events_under_another_coverage_or_zone_are_another_job(
    store: Path, tmp_path: Path, change: str
) -> None:
    copy, out = tmp_path / "store", tmp_path / "out"
    shutil.copytree(store, copy)
    job = Job.of(copy, FeatureWork(AS_OFS, CATALOGUE))
    write_features(copy, AS_OFS, out, CATALOGUE)
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    if change == "zone":
        manifest["zone"] = "America/New_York"
    else:
        manifest["feeds"][0]["starts_at"] += 300 * DAY
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert Store.open(copy).content_hash == Store.open(store).content_hash
    with pytest.raises(UsageError, match="other rows are there"):
        write_features(copy, AS_OFS, out, CATALOGUE)
    with pytest.raises(DataError, match="replaced while it was read"):
        make_part(job, job.parts[0], tmp_path)


def test_a_folder_with_something_else_is_left_alone(store: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="something else"):
        write_features(store, AS_OFS, tmp_path / "out", CATALOGUE, replace=True)
    assert (tmp_path / "out" / "thesis.txt").read_text(encoding="utf-8") == "mine"


@dataclass(frozen=True)
class Refusing:
    facts: Mapping[str, Any]
    people: int
    reads: Reads = EVERYTHING

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        if histories.n_people:
            raise DataError("bad rows", where="events")
        return FeatureWork(AS_OFS, CATALOGUE)(histories)


def test_an_error_leaves_nothing_behind(store: Path, tmp_path: Path) -> None:
    job = Job.of(store, Refusing({"kind": "refusing"}, 0))
    with pytest.raises(DataError, match="bad rows"):
        run(job, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_wrong_dates_are_refused_before_anything_is_written(store: Path, tmp_path: Path) -> None:
    for as_ofs in ((), (AS_OFS[1], AS_OFS[0]), (AS_OFS[0], AS_OFS[0]), (-DAY,)):
        with pytest.raises(UsageError, match="index date"):
            write_features(store, as_ofs, tmp_path / "out", CATALOGUE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", ["part", "twice", "rows", "file", "events", "people"])
def test_nothing_incomplete_is_ever_published(store: Path, tmp_path: Path, lost: str) -> None:
    job = Job.of(store, FeatureWork(AS_OFS, CATALOGUE), events_per_part=1_000)
    folder = tmp_path / ".parts"
    folder.mkdir()
    receipts = [make_part(job, part, folder) for part in job.parts]
    one = receipts[1]
    wrong: list[Receipt] = {
        "part": receipts[:-1],
        "twice": [*receipts, one],
        "rows": [receipts[0], replace(one, rows=one.rows + 1), *receipts[2:]],
        "file": receipts,
        "events": [receipts[0], replace(one, events=one.events - 1), *receipts[2:]],
        "people": [receipts[0], replace(one, people=one.people - 1), *receipts[2:]],
    }[lost]
    if lost == "file":
        (folder / one.part.file).unlink()
    with pytest.raises(DataError, match="nothing was published"):
        publish(job, wrong, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_replaced_meanwhile_is_noticed(
    histories: Histories, store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    job = Job.of(copy, FeatureWork(AS_OFS, CATALOGUE))
    shutil.rmtree(copy)
    write_store(histories.take(np.arange(100)), copy)
    with pytest.raises(DataError, match="replaced while it was read"):
        run(job, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_person_in_two_places_of_the_store_is_refused(
    histories: Histories, tmp_path: Path
) -> None:
    path = write_store(histories, tmp_path / "store")
    file = path / "data-0" / "events.parquet"
    table = pq.read_table(file)
    size = file.stat().st_size
    pq.write_table(pa.concat_tables([table.slice(100), table.slice(0, 100)]), file)
    manifest = path / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(str(size), str(file.stat().st_size)), encoding="utf-8")
    with pytest.raises(DataError, match="not sorted by person"):
        write_features(path, AS_OFS, tmp_path / "out", CATALOGUE)
    assert not (tmp_path / "out").exists()


def test_another_version_on_an_executor_is_refused(store: Path, tmp_path: Path) -> None:
    job = replace(Job.of(store, FeatureWork(AS_OFS, CATALOGUE)), version="0.0.0")
    with pytest.raises(UsageError, match="one version everywhere"):
        make_part(job, job.parts[0], tmp_path)


def test_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_manifest.json").write_text('{"schema_version": 99}', encoding="utf-8")
    with pytest.raises(DataError, match="upgrade hiu-risk"):
        read_manifest(tmp_path)


def test_a_receipt_survives_the_way_back() -> None:
    receipt = Receipt(Part(3, 10, 20), 10, 55, 7, 999, "ab", {"died": 2})
    assert Receipt.from_json(receipt.to_json()) == receipt


@pytest.mark.parametrize("events_per_table", [40, 10**9])
def test_tables_streamed_from_a_store_are_the_whole_to_the_bit(
    histories: Histories, store: Path, events_per_table: int
) -> None:
    whole = build(histories, AS_OFS, CATALOGUE)
    tables = list(stream_features(store, AS_OFS, CATALOGUE, events_per_table=events_per_table))
    assert (len(tables) > 10) == (events_per_table == 40)
    for name in ("person", "as_of", "values"):
        made = np.concatenate([getattr(table, name) for table in tables])
        assert made.dtype == getattr(whole, name).dtype
        assert made.tobytes() == getattr(whole, name).tobytes()


def test_who_stops_looking_stops_the_work(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    table_of = FeatureWork.table

    def counted(self: FeatureWork, histories: Histories) -> FeatureTable:
        made.append(len(histories.people))
        return table_of(self, histories)

    monkeypatch.setattr(FeatureWork, "table", counted)
    tables = stream_features(store, AS_OFS, CATALOGUE, events_per_table=40)
    next(tables)
    tables.close()
    assert 1 <= len(made) <= 4


def test_parts_are_cut_where_row_groups_end(store: Path) -> None:
    opened = Store.open(store)
    ranges = person_ranges(opened.file("events"), "events")
    firsts = {seen[1] + 1 for seen in ranges if seen is not None}
    assert {part.stop for part in plan_parts(opened, 1_000)} <= firsts


def test_features_read_only_the_columns_they_need(
    histories: Histories, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def noting(file: Path, table: str, columns: Any = None, groups: Any = None) -> pa.Table:
        seen.update(columns)
        return read_columns(file, table, columns, groups)

    monkeypatch.setattr("hiu_risk.store_files.read", noting)
    catalogue = default_catalogue().select(["calls_30d", "age"])
    (table,) = stream_features(store, AS_OFS, catalogue)
    assert table.values.tobytes() == build(histories, AS_OFS, catalogue).values.tobytes()
    times = {"occurred_at", "available_at", "superseded_at", "leads_until"}
    assert seen == {"person", *times, "counted", "source", "person_id", "born_at"}


def test_row_groups_of_a_store_end_where_a_person_ends(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pq.read_table(Store.open(store).file("events"))
    most = int(np.bincount(table.column("person").to_numpy()).max())
    for size in (most + 1, most // 2):
        monkeypatch.setattr("hiu_risk.ingest.publish.ROW_GROUP", size)
        with staging(tmp_path / str(size)) as place:
            assert place.write_table("events", table.to_batches(max_chunksize=37)) == len(table)
            file = place.data / "events.parquet"
            ranges, rows = person_ranges(file, "events"), row_counts(file)
            assert pq.read_table(file).equals(table)
        assert max(rows) <= size
        cut = [
            number
            for number, (before, after) in enumerate(pairwise(ranges))
            if before is not None and after is not None and before[1] == after[0]
        ]
        assert all(rows[number] == size for number in cut)
        assert bool(cut) == (size < most)
