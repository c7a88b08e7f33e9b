"""Rows that ingest rejects, and input that it refuses: each is said, and nothing is lost."""

from __future__ import annotations

import csv

import pytest

from hiu_risk.store import Store
from tests.support.extracts import (
    CALLS,
    HEADER,
    LENIENT,
    calls_mapping,
    ingest,
    run_command,
    write,
)
from tests.support.histories import seconds
from tests.support.published import checked
from tests.support.small_region import ONE, REGION, REGION_FILES


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
    report = ingest(calls_mapping(tmp_path, rows, LENIENT), tmp_path / "store")
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
    mapping = LENIENT.replace("= 1\n", '= 1\nextract_until = "2024-07-01"\n')
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
    path = calls_mapping(tmp_path, [ONE, "2,p1,2099-01-01,,died"], LENIENT)
    store = str(tmp_path / "store")
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", store) == 0
    assert "rejected: after_extract 1" in capsys.readouterr().out
    call = Store.open(store).histories().feed("call")
    assert call is not None
    assert call.complete_until == seconds("2024-01-01T10:00") + 1


def test_an_end_before_its_start_is_rejected_and_said(tmp_path, monkeypatch, capsys):
    files = {
        **REGION_FILES,
        "mapping.toml": REGION.replace("= 48\n", "= 48\nmax_rejected = 0.4\n"),
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
