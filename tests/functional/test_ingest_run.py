"""Extracts to a store, through the command line: counts, versions, formats, keys."""

from __future__ import annotations

import gzip
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiu_risk.errors import DataError, UsageError
from hiu_risk.ingest.pseudonym import pseudonym
from hiu_risk.schema import SCHEMA_VERSION
from hiu_risk.store import Store
from hiu_risk.times import DAY, FOREVER
from tests.support.extracts import (
    CALLS,
    HEADER,
    KEY,
    LENIENT,
    calls_mapping,
    files_of,
    ingest,
    run_command,
    write,
)
from tests.support.histories import seconds
from tests.support.small_region import ONE, REGION_FILES


def person(name: str) -> str:
    return pseudonym(KEY, name)


def test_a_small_region_becomes_the_histories_that_it_tells(tmp_path):
    report = ingest(write(tmp_path, REGION_FILES), tmp_path / "store")
    store = Store.open(tmp_path / "store")
    histories, people = store.histories(), store.people()
    assert people.id.tolist() == sorted(map(person, ("ann", "bob", "cat", "dan", "eve")))
    at = {name: people.id.tolist().index(person(name)) for name in ("ann", "bob", "dan", "eve")}
    rows = slice(*histories.offsets[[at["ann"], at["ann"] + 1]])
    told = [
        (seconds(when), seconds(known), FOREVER if over is None else seconds(over), leads)
        for when, known, over, leads in [
            ("2024-01-01T10:00", "2024-01-02", "2024-01-09", True),
            ("2024-01-01T10:00", "2024-01-09", None, True),
            ("2024-01-01T10:05", "2024-01-02", None, False),
            ("2024-01-02T08:30", "2024-01-04T08:30", None, True),
        ]
    ]
    assert [
        (
            int(histories.occurred_at[i]), int(histories.available_at[i]),
            int(histories.superseded_at[i]),
            bool(histories.leads_until[i] == histories.superseded_at[i]),
        )
        for i in range(rows.start, rows.stop)
    ] == told  # fmt: skip
    # bob's only call came from a professional; ann's fourth from an address that is a care home.
    assert histories.offsets[at["bob"]] == histories.offsets[at["bob"] + 1]
    events = pq.read_table(store.file("events")).to_pylist()
    assert [e["event_id"] for e in events if not e["counted"]].count("c4") == 1
    assert report.manifest.uncounted == 3  # c3, c4, and the follow-up x2
    assert people.died_at[at["ann"]] == seconds("2024-03-02")
    assert people.death_known_at[at["ann"]] == seconds("2024-03-03")
    assert people.registered_to[at["dan"]] == seconds("2024-02-02")
    assert (people.sex[at["ann"]], people.ethnic_group[at["ann"]]) == (1, 1)
    assert (people.ethnic_group[at["dan"]], people.imd_decile[at["dan"]]) == (6, 0)
    assert people.opted_out.tolist() == [name == person("dan") for name in people.id]
    spells = histories.caseload
    assert sorted(zip(spells.person.tolist(), spells.end.tolist(), strict=True)) == sorted(
        [(at["eve"], FOREVER), (at["ann"], seconds("2023-02-02"))]
    )


def test_every_row_is_accounted_for_and_linkage_is_told(tmp_path):
    manifest = ingest(write(tmp_path, REGION_FILES), tmp_path / "store").manifest
    calls, ae = manifest.feeds[0], manifest.feeds[1]
    assert (calls.read, calls.accepted, calls.rejected, calls.merged) == (7, 6, 0, 1)
    assert (calls.corrected, calls.unlinked) == (1, 1)
    assert (calls.available_at, ae.available_at) == ("column", "occurred_at + delay")
    assert calls.complete_until == seconds("2024-06-01")
    assert ae.complete_until == seconds("2024-01-03") + 1
    assert ae.notes == {"kind_by_default": 1}
    assert all(f.accepted + f.rejected + f.merged == f.read for f in manifest.feeds)
    told = {(row.source, row.outcome): (row.events, row.linked) for row in manifest.linkage}
    assert told["call", "see_convey_ed"] == (1, 0)
    assert told["call", "see_treat"] == (1, 1)


def test_some_people_can_be_read_alone(tmp_path):
    ingest(write(tmp_path, REGION_FILES), tmp_path / "store")
    store = Store.open(tmp_path / "store")
    whole, some = store.histories(), store.histories(rows=(1, 4))
    expected = whole.take(np.arange(1, 4))
    assert some.people.id.tolist() == expected.people.id.tolist() == store.people_ids[1:4].tolist()
    for name in ("offsets", "occurred_at", "leads_until", "source", "hour_of_week"):
        np.testing.assert_array_equal(getattr(some, name), getattr(expected, name))
    np.testing.assert_array_equal(some.caseload.person, expected.caseload.person)


def test_no_identifier_reaches_the_store(tmp_path):
    rows = ["1,NAMEDPERSON,2024-01-01,2024-01-02,nonsense", "2,NAMEDPERSON,2024-01-01,,died"]
    ingest(calls_mapping(tmp_path, rows, LENIENT), tmp_path / "store")
    assert not any(b"NAMEDPERSON" in data for data in files_of(tmp_path / "store").values())
    (reject,) = (tmp_path / "store").glob("data-*/rejects/calls.csv")
    assert reject.read_text(encoding="utf-8").splitlines() == [
        "rule,file,line,column", "unknown_code,calls.csv,2,outcome",
    ]  # fmt: skip


def test_the_same_ingest_gives_the_same_bytes(tmp_path):
    mapping = write(tmp_path, REGION_FILES)
    ingest(mapping, tmp_path / "one")
    first = files_of(tmp_path / "one")
    ingest(mapping, tmp_path / "one")
    assert files_of(tmp_path / "one") == first
    ingest(mapping, tmp_path / "two")
    assert files_of(tmp_path / "two") == first


def test_an_empty_feed_may_be_declared(tmp_path):
    mapping = CALLS.replace("= 1\n", "= 1\nallow_empty = true\n")
    ingest(calls_mapping(tmp_path, [], mapping), tmp_path / "store")
    assert Store.open(tmp_path / "store").histories().n_events == 0


def test_a_failed_ingest_leaves_the_store_as_it_was(tmp_path):
    ingest(calls_mapping(tmp_path, [ONE]), tmp_path / "store")
    before = files_of(tmp_path / "store")
    calls_mapping(tmp_path, [])
    with pytest.raises(DataError, match="has no rows"):
        ingest(tmp_path / "mapping.toml", tmp_path / "store")
    assert files_of(tmp_path / "store") == before


def test_a_folder_that_is_not_a_store_is_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="holds something that is not a store"):
        ingest(calls_mapping(tmp_path, [ONE]), tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").exists()


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    ingest(calls_mapping(tmp_path, [ONE]), tmp_path / "store")
    manifest = tmp_path / "store" / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**data, "schema_version": 99}), encoding="utf-8")
    for use in (Store.open, lambda path: ingest(tmp_path / "mapping.toml", path)):
        with pytest.raises(DataError) as caught:
            use(tmp_path / "store")
        assert f"version 99, this program knows {SCHEMA_VERSION}" in str(caught.value)
        assert caught.value.exit_code == 1


def test_a_damaged_store_says_so_and_can_be_mended(tmp_path):
    ingest(calls_mapping(tmp_path, [ONE]), tmp_path / "store")
    store = Store.open(tmp_path / "store")
    store.verify()
    file = store.file("events")
    data = bytearray(file.read_bytes())
    data[10] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match="a file of the store was changed"):
        Store.open(tmp_path / "store").verify()
    file.write_bytes(data[:-1])
    with pytest.raises(DataError, match="missing or cut short"):
        Store.open(tmp_path / "store")
    ingest(tmp_path / "mapping.toml", tmp_path / "store")
    Store.open(tmp_path / "store").verify()


def test_opening_nothing_says_to_ingest_first(tmp_path):
    with pytest.raises(UsageError, match=r"no store here.*run hiu-risk ingest"):
        Store.open(tmp_path / "none")


def test_freshness_is_told_in_days(tmp_path):
    ingest(write(tmp_path, REGION_FILES), tmp_path / "store")
    store, june = Store.open(tmp_path / "store"), seconds("2024-06-01")
    assert not store.check_fresh(june + 7 * DAY, "call", max_days=7).stale
    late = store.check_fresh(june + 8 * DAY, "call", max_days=7)
    assert (late.stale, late.days_behind) == (True, 8.0)
    assert store.check_fresh(june - DAY, "call", max_days=0).days_behind == 0
    assert store.check_fresh(june, "admission", max_days=7).stale


@pytest.mark.parametrize("kind", ["csv.gz", "zip", "parquet", "cp1252;", "bom"])
def test_the_same_rows_from_any_format_give_the_same_store(tmp_path, kind):
    lines = [HEADER, ONE, "2,Zoë,2024-01-01T11:00,2024-01-02,died"]
    plain = ingest(
        write(tmp_path / "a", {"calls.csv": lines, "mapping.toml": CALLS}), tmp_path / "1"
    )
    text, name, options = "\n".join(lines), f"calls.{kind}", ""
    folder = tmp_path / "b"
    folder.mkdir()
    if kind == "csv.gz":
        (folder / name).write_bytes(gzip.compress(text.encode()))
    elif kind == "zip":
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("inside.csv", text)
            archive.writestr("other.csv", "x")
        options = 'member = "inside.csv"\n'
    elif kind == "parquet":
        names, *rows = (line.split(",") for line in lines)
        pq.write_table(
            pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), folder / name
        )
    elif kind == "bom":
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        options = 'format = "csv"\n'
    else:
        name, options = "calls.csv", 'encoding = "cp1252"\ndelimiter = ";"\n'
        (folder / name).write_bytes(text.replace(",", ";").encode("cp1252"))
    mapping = CALLS.replace('"calls.csv"\n', f'"{name}"\n{options}')
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    other = ingest(folder / "mapping.toml", tmp_path / "2")
    assert other.manifest.content_hash == plain.manifest.content_hash


def test_a_zip_of_several_files_needs_a_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "calls.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    path = calls_mapping(tmp_path, [ONE], CALLS.replace("calls.csv", "calls.zip"))
    with pytest.raises(UsageError, match=r"several members.*known are: a\.csv, b\.csv"):
        ingest(path, tmp_path / "store")


NHS = '[identity]\nkind = "nhs_number"\ninvalid = "{}"\n'


@pytest.mark.parametrize(("rule", "rejected", "unlinked"), [("unlink", 0, 2), ("reject", 1, 1)])
def test_a_wrong_nhs_number_is_unlinked_or_rejected_as_declared(tmp_path, rule, rejected, unlinked):
    rows = [
        "1,943 476 5919,2024-01-01,2024-01-02,died",
        "2,9434765918,2024-01-01,2024-01-02,died",
        "3,,2024-01-01,2024-01-02,died",
    ]
    path = calls_mapping(tmp_path, rows, NHS.format(rule) + LENIENT)
    feed = ingest(path, tmp_path / "store").manifest.feeds[0]
    assert (feed.rejected, feed.unlinked) == (rejected, unlinked)
    assert feed.notes == {"invalid_nhs_numbers": 1}
    assert Store.open(tmp_path / "store").people_ids.tolist() == [person("9434765919")]


def test_unsure_links_and_addresses_alone_never_make_a_person(tmp_path):
    more = 'identity_method = "how"\nidentity_confidence = "sure"\n'
    rows = [
        HEADER + ",how,sure",
        "1,a,2024-01-01,2024-01-02,died,nhs_number,0.9",
        "2,b,2024-01-01,2024-01-02,died,demographics,0.4",
        "3,c,2024-01-01,2024-01-02,died,address,1",
        "4,d,2024-01-01,2024-01-02,died,none,1",
        "5,e,2024-01-01,2024-01-02,died,nhs_number,",
        "6,f,2024-01-01,2024-01-02,died,nhs_number,1.5",
    ]
    mapping = "[identity]\nmin_confidence = 0.5\n" + LENIENT + more
    path = write(tmp_path, {"calls.csv": rows, "mapping.toml": mapping})
    feed = ingest(path, tmp_path / "store").manifest.feeds[0]
    assert Store.open(tmp_path / "store").people_ids.tolist() == [person("a")]
    assert (feed.unlinked, feed.rejects) == (4, {"outside_range": 1})


def test_rows_without_an_id_are_one_event_where_all_their_columns_agree(tmp_path):
    mapping = CALLS.replace('event_id = "id"\n', "").replace('available_at = "seen"\n', "")
    rows = [ONE, ONE.replace("1,", "2,", 1), ONE.replace("hear", "see"), "3,,2024-01-01,,died"]
    rows += ["4,,2024-01-01,,died"]
    feed = ingest(calls_mapping(tmp_path, rows, mapping), tmp_path / "store").manifest.feeds[0]
    # Two rows about nobody can't be told apart, and stay two.
    assert (feed.accepted, feed.merged, feed.unlinked) == (4, 1, 2)


def test_rows_without_time_of_arrival_cannot_correct_one_another(tmp_path):
    mapping = LENIENT.replace('available_at = "seen"\n', "")
    rows = [ONE, ONE.replace("10:00", "11:00")]
    feed = ingest(calls_mapping(tmp_path, rows, mapping), tmp_path / "store").manifest.feeds[0]
    assert feed.rejects == {"conflicting_duplicate": 1}


def test_the_key_must_be_there_long_and_not_beside_the_data(tmp_path, monkeypatch):
    path = calls_mapping(tmp_path, [ONE])
    monkeypatch.delenv("HIU_RISK_PSEUDONYM_KEY", raising=False)
    from hiu_risk.ingest import run_ingest

    with pytest.raises(UsageError, match=r"no pseudonym key.*secrets.token_hex\(32\)"):
        run_ingest(path, tmp_path / "store")
    monkeypatch.setenv("HIU_RISK_PSEUDONYM_KEY", "short")
    with pytest.raises(UsageError, match="shorter than 32 characters"):
        run_ingest(path, tmp_path / "store")
    monkeypatch.delenv("HIU_RISK_PSEUDONYM_KEY")
    key = tmp_path / "data" / "keys" / "key"
    key.parent.mkdir(parents=True)
    key.write_bytes(KEY)
    inside = calls_mapping(tmp_path / "data", [ONE], f'[identity]\nkey_file = "{key}"\n' + CALLS)
    with pytest.raises(UsageError, match="in the store, beside the data or in a repository"):
        run_ingest(inside, tmp_path / "store")
    safe = tmp_path / "elsewhere"
    safe.write_bytes(KEY + b"\n")
    calls_mapping(tmp_path / "data", [ONE], f'[identity]\nkey_file = "{safe}"\n' + CALLS)
    run_ingest(inside, tmp_path / "store")
    assert Store.open(tmp_path / "store").people_ids.tolist() == [person("p1")]


def test_another_key_is_told(tmp_path, monkeypatch, capsys):
    path = calls_mapping(tmp_path, [ONE])
    from hiu_risk.ingest import run_ingest

    assert not ingest(path, tmp_path / "store").key_changed
    assert run_ingest(path, tmp_path / "store", key=b"z" * 32).key_changed
    run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", str(tmp_path / "store"))
    assert "The pseudonym key has changed" in capsys.readouterr().out
