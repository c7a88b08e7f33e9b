"""Extracts to a store, through the command line: counts, versions, rejects, and every bad input."""

from __future__ import annotations

import csv
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
    calls_mapping,
    files_of,
    ingest,
    run_command,
    write,
)
from tests.support.histories import seconds
from tests.support.published import checked

ONE = "1,p1,2024-01-01T10:00,2024-01-02,hear_treat"
REGION = """\
[store]
zone = "UTC"
[[feed]]
table = "calls"
path = "calls.csv"
extract_until = "2024-06-01"
[feed.columns]
event_id = "id"
incident_id = "incident"
person_id = "who"
occurred_at = "at"
available_at = "seen"
outcome = "outcome"
caller_type = "caller"
address_id = "address"
[[feed]]
table = "ae"
path = "ae.csv"
delay_hours = 48
[feed.columns]
event_id = "id"
person_id = "who"
occurred_at = ["day", "time"]
ended_at = "left"
kind = "kind"
[feed.dates]
occurred_at = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
[feed.values.kind]
exact = { "1" = "first" }
default = "follow_up"
[[feed]]
table = "people"
path = "people.csv"
delay_hours = 24
[feed.columns]
person_id = "who"
born_at = "born"
sex = "sex"
ethnic_category = "ethnicity"
imd_decile = "imd"
died_at = "died"
registered_to = "moved"
opted_out = "out"
[feed.values.sex]
exact = { "2" = "female" }
[[feed]]
table = "addresses"
path = "addresses.csv"
[feed.columns]
address_id = "address"
address_type = "type"
[[feed]]
table = "caseload"
path = "caseload.csv"
[feed.columns]
person_id = "who"
start = "start"
end = "end"
"""
REGION_FILES = {
    "mapping.toml": REGION,
    "calls.csv": [
        "id,incident,who,at,seen,outcome,caller,address",
        "c1,i1,ann,2024-01-01T10:00,2024-01-02T00:00:00,hear_treat,self,a1",
        "c2,i1,ann,2024-01-01T10:05,2024-01-02T00:00:00,hear_treat,relative,a1",
        "c1,i1,ann,2024-01-01T10:00,2024-01-03T00:00:00,hear_treat,self,a1",
        "c1,i1,ann,2024-01-01T10:00,2024-01-09T00:00:00,see_treat,self,a1",
        "c3,,bob,2024-02-01T10:00,2024-02-02T00:00:00,other,professional,a1",
        "c4,,ann,2024-02-01T10:00,2024-02-02T00:00:00,other,self,home",
        "c5,,,2024-02-01T10:00,2024-02-02T00:00:00,see_convey_ed,self,a1",
    ],
    "ae.csv": [
        "id,who,day,time,left,kind",
        "x1,ann,02/01/2024,08:30,2024-01-02T09:00,1",
        "x2,cat,03/01/2024,,,2",
    ],
    "people.csv": [
        "who,born,sex,ethnicity,imd,died,moved,out",
        "ann,1950-05-06,2,A,3,2024-03-01,,",
        "dan,,,Z,,,2024-02-01,Y",
    ],
    "addresses.csv": ["address,type", "home,care_home", "a1,private"],
    "caseload.csv": ["who,start,end", "eve,2024-01-01,", "ann,2023-01-01,2023-02-01"],
}


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
    ingest(calls_mapping(tmp_path, rows), tmp_path / "store")
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


def test_rejects_name_the_line_even_after_quoted_line_breaks_and_blank_lines(tmp_path):
    rows = [
        '1,"p\n1",2024-01-01,2024-01-02,died',
        "",
        "2,p1,2024-01-01",
        "3,p1,never,2024-01-02,died",
        "4,p1,2024-01-01,2024-01-02,died,extra",
        "5,p1,,2024-01-02,died",
        "6,p1,2024-01-05,2024-01-02,died",
        "7,p1,2101-01-05,,died",
        "8,p1,2024-01-01,2024-01-02,died",
        "8,p1,2024-01-01,2024-01-02,treated",
    ]
    report = ingest(calls_mapping(tmp_path, rows), tmp_path / "store")
    with (report.rejects / "calls.csv").open(encoding="utf-8", newline="") as stream:
        found = [(int(r["line"]), r["rule"], r["column"]) for r in csv.DictReader(stream)]
    assert found == [
        (5, "wrong_number_of_fields", ""),
        (6, "unparsable_time", "at"),
        (7, "wrong_number_of_fields", ""),
        (8, "missing", "at"),
        (9, "known_before_it_occurred", "seen"),
        (10, "outside_time_range", "at"),
        (12, "conflicting_duplicate", "id"),
    ]
    feed = report.manifest.feeds[0]
    assert (feed.read, feed.accepted, feed.rejected) == (9, 2, 7)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("2,p1,2024-07-02,2024-07-03,died", "after_extract"),
        ("2,p1,2024-06-01,2024-07-03,died", "after_extract"),
        ("2,p1,1969-12-31,1970-01-05,died", "outside_time_range"),
        ("2,p1,2024-06-01,2024-06-02,exploded", "unknown_code"),
        ("2,p1,,2024-06-02,died", "missing"),
        ("2,p1,1 June,2024-06-02,died", "unparsable_time"),
        ("2,p1,2024-06-03,2024-06-01,died", "known_before_it_occurred"),
        ("1,p1,2024-01-01T10:00,2024-01-02,died", "conflicting_duplicate"),
    ],
)
def test_each_rule_rejects_its_row_and_says_so(tmp_path, monkeypatch, capsys, row, rule):
    mapping = CALLS.replace("= 1\n", '= 1\nextract_until = "2024-07-01"\n')
    path = calls_mapping(tmp_path, [ONE, row], mapping)
    store, out = str(tmp_path / "store"), tmp_path / "out.json"
    arguments = ["ingest", "--mapping", str(path), "--store", store, "--json", str(out)]
    assert run_command(monkeypatch, *arguments) == 0
    said = capsys.readouterr().out
    assert "calls: 1 accepted + 1 rejected + 0 merged = 2 read" in said
    assert f"rejected: {rule} 1" in said
    result = checked("ingest", out)
    assert result["feeds"][0]["rejects"] == {rule: 1}


def test_without_a_declared_extract_the_clock_says_what_is_in_the_future(
    tmp_path, monkeypatch, capsys
):
    path = calls_mapping(tmp_path, [ONE, "2,p1,2099-01-01,,died"])
    store = str(tmp_path / "store")
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", store) == 0
    assert "rejected: after_extract 1" in capsys.readouterr().out
    call = Store.open(store).histories().feed("call")
    assert call is not None
    assert call.complete_until == seconds("2024-01-01T10:00") + 1


def test_an_end_before_its_start_is_rejected_and_said(tmp_path, monkeypatch, capsys):
    files = {
        **REGION_FILES,
        "ae.csv": [*REGION_FILES["ae.csv"], "x3,ann,02/01/2024,08:30,2024-01-01,1"],
    }
    path, store = write(tmp_path, files), tmp_path / "store"
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", str(store)) == 0
    said = capsys.readouterr().out
    assert "ae: 2 accepted + 1 rejected + 0 merged = 3 read" in said
    assert "rejected: before_its_start 1" in said


def test_a_row_that_arrives_on_the_day_of_the_extract_is_known_by_then(tmp_path):
    mapping = CALLS.replace("= 1\n", '= 1\nextract_until = "2024-01-02T09:00"\n')
    ingest(calls_mapping(tmp_path, [ONE], mapping), tmp_path / "store")
    known = Store.open(tmp_path / "store").histories().available_at
    assert known.tolist() == [seconds("2024-01-02T09:00")]


BAD = {
    "wrong column": (
        {"mapping.toml": CALLS.replace('"outcome"', '"outcom"')}, 2,
        "the file has no column 'outcom'", "did you mean 'outcome'?",
    ),
    "missing file": (
        {"mapping.toml": CALLS.replace("calls.csv", "kalls.csv")}, 2,
        "no such file", "did you mean 'calls.csv'?",
    ),
    "empty feed": ({"calls.csv": [HEADER]}, 1, "the feed calls has no rows", "allow_empty = true"),
    "empty file": ({"calls.csv": ""}, 1, "the feed calls has no rows", "export it again"),
    "all filtered": (
        {"mapping.toml": CALLS + "[feed.filter]\ncolumn = 'id'\nequals = ['x']\n"}, 1,
        "the feed calls has no rows, 1 were filtered out", "",
    ),
    "no date parses": (
        {"calls.csv": [HEADER, ONE.replace("2024-01-01T10:00", "1/1/24")]}, 1,
        "no row's occurred_at can be read as a time", "[feed.dates]",
    ),
    "all rejected": (
        {"calls.csv": [HEADER, ONE.replace("hear_treat", "HT")]}, 1,
        "every row of the feed calls was rejected: unknown_code 1", "value maps",
    ),
    "wrong encoding": (
        {"mapping.toml": CALLS.replace("= 1\n", "= 1\nencoding = 'ascii'\n"),
         "calls.csv": [HEADER, ONE.replace("p1", "é")]}, 1,
        "it is not in the declared encoding", "check format, encoding and delimiter",
    ),
    "not parquet": (
        {"mapping.toml": CALLS.replace("= 1\n", "= 1\nformat = 'parquet'\n")}, 1,
        "the file can't be read as Parquet", "check format",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys, case):
    files, code, *says = BAD[case]
    path = write(tmp_path, {"calls.csv": [HEADER, ONE], "mapping.toml": CALLS, **files})
    store = tmp_path / "store"
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", str(store)) == code
    error = " ".join(capsys.readouterr().err.split())
    assert all(text in error for text in says), error
    assert not (store / "manifest.json").exists()


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
    path = calls_mapping(tmp_path, rows, NHS.format(rule) + CALLS)
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
    mapping = "[identity]\nmin_confidence = 0.5\n" + CALLS + more
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
    mapping = CALLS.replace('available_at = "seen"\n', "")
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
