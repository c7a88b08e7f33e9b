"""An ingest that rejects too much is refused: the store stays, and the rejects can be looked at."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from hiu_risk.errors import DataError
from hiu_risk.ingest.mapping_file import read_mapping
from hiu_risk.ingest.publish import staging
from hiu_risk.store import Store
from tests.support.extracts import (
    CALLS,
    HEADER,
    calls_mapping,
    files_of,
    ingest,
    run_command,
    write,
)
from tests.support.small_region import REGION, REGION_FILES

DAYS = [date(2023, 1, 1) + timedelta(days=i) for i in range(365)]
BRITISH = [f"{i},p{i % 7},{day:%d/%m/%Y},,died" for i, day in enumerate(DAYS)]
AMERICAN = CALLS + '[feed.dates]\noccurred_at = "%m/%d/%Y"\n'


def with_bad(bad: int, of: int) -> list[str]:
    return [f"{i},p1,{'never' if i < bad else '2024-01-02'},,died" for i in range(of)]


def without_refused(store: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(store).items() if "refused" not in name}


def test_british_dates_read_as_american_are_refused_and_the_store_stays(
    tmp_path, monkeypatch, capsys
):
    right = CALLS + '[feed.dates]\noccurred_at = "%d/%m/%Y"\n'
    store = tmp_path / "store"
    ingest(calls_mapping(tmp_path, BRITISH, right), store)
    before = files_of(store)
    path = calls_mapping(tmp_path, BRITISH, AMERICAN)
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", str(store)) == 1
    assert without_refused(store) == before
    said = " ".join(capsys.readouterr().err.split())
    swapped = 12 * 12
    assert (
        f"{365 - swapped} of 365 rows of the feed calls rejected (60.5%, max_rejected is 10.0%), "
        f"{365 - swapped} by unparsable_time: the text fits none of the declared date formats"
    ) in said
    assert f"look at their lines in {store / 'refused'}" in said
    with (store / "refused" / "calls.csv").open(encoding="utf-8", newline="") as stream:
        lines = [int(row["line"]) for row in csv.DictReader(stream)]
    assert lines == [i for i, day in enumerate(DAYS, 2) if day.day > 12]
    ingest(calls_mapping(tmp_path, BRITISH, right), store)
    assert files_of(store) == before, "what was refused goes when an ingest succeeds"


@pytest.mark.parametrize(
    ("bad", "declared", "refused"),
    [
        (2, "", False),
        (3, "", True),
        (3, "max_rejected = 0.15", False),
        (4, "max_rejected = 0.15", True),
        (1, "max_rejected = 0", True),
        (19, "max_rejected = 1", False),
    ],
)
def test_the_share_that_may_be_rejected_is_the_feeds_own(tmp_path, bad, declared, refused):
    mapping = CALLS.replace("= 1\n", f"= 1\n{declared}\n")
    path = calls_mapping(tmp_path, with_bad(bad, 20), mapping)
    if not refused:
        assert ingest(path, tmp_path / "store").manifest.feeds[0].rejected == bad
        return
    with pytest.raises(DataError, match=f"{bad} of 20 rows of the feed calls rejected"):
        ingest(path, tmp_path / "store")


def test_rows_that_contradict_one_another_count_too_and_each_feed_is_named(tmp_path):
    again = [*with_bad(0, 8), "7,p1,2024-01-02,,treated"]
    both = CALLS + CALLS.replace("calls.csv", "more.csv").replace(
        "[[feed]]", '[[feed]]\nname = "x"'
    )
    path = calls_mapping(tmp_path, with_bad(5, 9), both, **{"more.csv": [HEADER, *again]})
    with pytest.raises(DataError) as caught:
        ingest(path, tmp_path / "store")
    assert "5 of 9 rows of the feed calls rejected" in str(caught.value)
    assert "x rejected" in str(caught.value)
    assert "by conflicting_duplicate" in str(caught.value)


def test_refused_again_and_again_in_a_new_folder_and_then_mended(tmp_path):
    store = tmp_path / "store"
    for bad in (9, 5):
        with pytest.raises(DataError, match=f"{bad} of 20 rows"):
            ingest(calls_mapping(tmp_path, with_bad(bad, 20)), store)
        (kept,) = (store / "refused").iterdir()
        assert len(kept.read_text(encoding="utf-8").splitlines()) == 1 + bad
        assert not (store / "manifest.json").exists()
    report = ingest(calls_mapping(tmp_path, with_bad(0, 20)), store)
    assert sorted(p.name for p in store.iterdir()) == [
        ".lock", report.manifest.folder, "manifest.json"
    ]  # fmt: skip


COVERS = CALLS.replace(
    "= 1\n",
    '= 1\nstarts_at = "2023-01-01"\ncomplete_until = "2024-06-01"\n'
    'gaps = [["2023-03-01", "2023-03-05"]]\n',
)


@pytest.mark.parametrize(
    "change",
    [
        ('"2023-01-01"', '"2023-02-01"'),
        ('"2024-06-01"', '"2024-05-01"'),
        ('"2023-03-05"', '"2023-03-06"'),
        ("delay_hours = 1\n", "delay_hours = 2\n"),
        ("[[feed]]", '[store]\nzone = "UTC"\n[[feed]]\nzone = "Europe/London"'),
        ("[[feed]]", '[store]\nentity = "address"\n[[feed]]'),
        ("[[feed]]", "[counting]\nbirths = true\n[[feed]]"),
        ("[[feed]]", "[incidents]\ngap_minutes = 5\n[[feed]]"),
        ("[[feed]]", "[identity]\nmin_confidence = 0.5\n[[feed]]"),
    ],
)
def test_whatever_decides_features_or_labels_is_in_the_hash(tmp_path, change):
    rows = ["1,p1,2024-01-01T10:00,2024-01-02,died", "2,p1,2024-01-09T10:00,2024-01-10,died"]
    one = ingest(calls_mapping(tmp_path / "1", rows, COVERS), tmp_path / "one").manifest
    mapping = COVERS.replace(*change, 1)
    assert mapping != COVERS
    other = ingest(calls_mapping(tmp_path / "2", rows, mapping), tmp_path / "two").manifest
    assert one.content_hash != other.content_hash
    Store.open(tmp_path / "two").verify()


def test_what_decides_nothing_is_not_in_the_hash(tmp_path):
    rows = [f"{i},p1,2024-01-{i + 1:02d}T10:00,2024-02-02,died" for i in range(20)]
    one = ingest(calls_mapping(tmp_path / "1", rows, COVERS), tmp_path / "one").manifest
    named = COVERS.replace("[[feed]]", '[[feed]]\nname = "other"')
    repeated = calls_mapping(tmp_path / "2", [*rows, rows[3], "x,p1,never,,"], named)
    other = ingest(repeated, tmp_path / "two").manifest
    assert other.feeds != one.feeds
    assert other.content_hash == one.content_hash


def test_a_store_that_was_hashed_otherwise_keeps_its_hash(tmp_path):
    ingest(calls_mapping(tmp_path, with_bad(0, 3)), tmp_path / "store")
    file = tmp_path / "store" / "manifest.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    told["content_hash"] = "of an earlier version"
    file.write_text(json.dumps(told), encoding="utf-8")
    store = Store.open(tmp_path / "store")
    store.verify()
    assert store.content_hash == "of an earlier version"


def test_two_feeds_of_one_source_hash_as_what_they_cover_together(tmp_path):
    def made(name: str, first: str, second: str) -> str:
        mapping = COVERS.replace('"2024-06-01"', first) + COVERS.replace(
            '"2024-06-01"', second
        ).replace("[[feed]]", '[[feed]]\nname = "more"').replace("calls.csv", "more.csv")
        rows = ["1,p1,2024-01-01T10:00,2024-01-02,died"]
        more = [HEADER, "2,p1,2024-01-09T10:00,2024-01-10,died"]
        path = calls_mapping(tmp_path / name, rows, mapping, **{"more.csv": more})
        return ingest(path, tmp_path / name / "store").manifest.content_hash

    early, late = '"2024-05-01"', '"2024-06-01"'
    assert made("a", early, late) == made("b", late, early) != made("c", late, late)


def test_a_file_that_may_not_be_read_says_so_and_why(tmp_path, monkeypatch):
    path = calls_mapping(tmp_path, with_bad(0, 3))
    plain = Path.open

    def refusing(self: Path, *arguments, **options):
        if self.name == "calls.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return plain(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(DataError) as caught:
        ingest(path, tmp_path / "store")
    assert "the file can't be read: Permission denied" in str(caught.value)
    assert "you may read it" in str(caught.value)
    assert "delimiter" not in str(caught.value)


def test_a_folder_that_may_not_be_looked_into_says_so(tmp_path, monkeypatch):
    path = calls_mapping(tmp_path, with_bad(0, 3))

    def refusing(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refusing)
    with pytest.raises(DataError, match=r"can't be read: Permission denied \(.*calls\.csv"):
        read_mapping(path)


@pytest.mark.parametrize("how", ["damaged", "encrypted"])
def test_a_zip_file_that_can_not_be_unpacked_is_refused(tmp_path, how):
    text = "\n".join([HEADER, *with_bad(0, 5_000)])
    with zipfile.ZipFile(tmp_path / "calls.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("calls.csv", text)
    data = bytearray((tmp_path / "calls.zip").read_bytes())
    if how == "damaged":
        data[30 + len("calls.csv")] = 0xFF  # no such kind of block
    else:
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "calls.zip").write_bytes(data)
    path = calls_mapping(tmp_path, [], CALLS.replace("calls.csv", "calls.zip"))
    with pytest.raises(DataError, match=how):
        ingest(path, tmp_path / "store")


@pytest.mark.parametrize(("mark", "written"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_a_header_of_one_column_says_which_delimiter_to_set(
    tmp_path, monkeypatch, capsys, mark, written
):
    rows = [HEADER.replace(",", mark), with_bad(0, 1)[0].replace(",", mark)]
    path = write(tmp_path, {"calls.csv": rows, "mapping.toml": CALLS})
    words = ["ingest", "--mapping", str(path), "--store", str(tmp_path / "store")]
    assert run_command(monkeypatch, *words) == 2
    hint = f'delimiter = "{written}"'
    assert hint in " ".join(capsys.readouterr().err.split())
    path.write_text(CALLS.replace("= 1\n", f"= 1\n{hint}\n"), encoding="utf-8")
    assert run_command(monkeypatch, *words) == 0


def test_the_report_counts_one_of_a_thing_in_the_singular(tmp_path, monkeypatch, capsys):
    files = {**REGION_FILES, "mapping.toml": REGION.replace("= 48\n", "= 1\n")}
    path, store = write(tmp_path, files), tmp_path / "store"
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", str(store)) == 0
    said = capsys.readouterr().out
    assert "  1 correction, 1 event without a usable identity\n" in said
    assert "occurred_at + 1 hour stands in" in said
    assert "3 events count towards nobody" in said


def test_a_new_folder_with_only_refused_rejects_can_be_ingested_into(tmp_path):
    (tmp_path / "store" / "refused").mkdir(parents=True)
    with staging(tmp_path / "store") as place:
        assert place.data.is_dir()
