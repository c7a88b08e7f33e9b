"""A stray quote never swallows rows: the extract is refused at its line, or one row is rejected."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from hiu_risk.errors import DataError
from hiu_risk.ingest import quotes
from tests.support.extracts import (
    CALLS,
    HEADER,
    LENIENT,
    calls_mapping,
    files_of,
    ingest,
    run_command,
)

ROWS = [f"{i},p{i % 7},2024-01-{i % 28 + 1:02d},2024-02-01,died" for i in range(2, 302)]
"""Each row's id is its line."""
NO_OUTCOME = LENIENT.replace('outcome = "outcome"\n', "")


def with_stray(*lines: int, end: str = "") -> list[str]:
    return [f'"{row}' if i in lines else row + end for i, row in enumerate(ROWS, 2)]


def refused(folder: Path, rows: list[str], says: str, mapping: str = CALLS) -> None:
    """Refused with these words, and the store there before stays as it is."""
    path = calls_mapping(folder, ROWS[:3], mapping)
    ingest(path, folder / "store")
    before = files_of(folder / "store")
    calls_mapping(folder, rows, mapping)
    with pytest.raises(DataError) as caught:
        ingest(path, folder / "store")
    assert says in str(caught.value)
    assert files_of(folder / "store") == before


def test_a_quote_that_never_closes_is_refused_at_its_line(tmp_path, monkeypatch, capsys):
    path, store = calls_mapping(tmp_path, with_stray(209)), str(tmp_path / "store")
    assert run_command(monkeypatch, "ingest", "--mapping", str(path), "--store", store) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "a quoted value opens here that never ends: rows after it would be lost" in said
    assert "calls.csv, line 209; mapping.toml line 1, feed" in said
    assert "p6" not in said


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (with_stray(280), "never ends"),
        (with_stray(301), "never ends"),
        (with_stray(30, 31), "ends in the middle of a value, on line 31"),
        (with_stray(30, 120), "ends in the middle of a value, on line 120"),
        (with_stray(30, 290), "spans more than 100 lines"),
        ([*ROWS[:28], f'"{ROWS[28]}', f'{ROWS[29][:5]}"{ROWS[29][5:]}', *ROWS[30:]],
         "leaves the record with the wrong number of fields"),
    ],
)  # fmt: skip
def test_a_quote_that_swallows_rows_is_refused_where_it_opens(tmp_path, rows, says):
    refused(tmp_path, rows, says)
    with pytest.raises(DataError, match=r"calls\.csv, line (30|280|301); mapping"):
        ingest(tmp_path / "mapping.toml", tmp_path / "store")


def test_a_quote_near_the_top_of_a_long_file_is_refused_too(tmp_path):
    rows = [",".join((row, "x" * 900)) for row in ROWS]
    rows[8] = f'"{rows[8]}'
    path = calls_mapping(tmp_path, rows)
    (tmp_path / "calls.csv").write_text(
        "\n".join([f"{HEADER},note", *rows]) + "\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"more than 100 lines.*line 10;"):
        ingest(path, tmp_path / "store")


@pytest.mark.parametrize("size", [quotes.LONGEST, 140_000])
def test_a_line_too_long_to_find_lines_again_is_refused(tmp_path, size):
    rows = [*ROWS[:3], f"5,p1,never,2024-02-01,{'x' * size}"]
    with pytest.raises(DataError, match=r"more than 100,000 characters.*line 5;"):
        ingest(calls_mapping(tmp_path, rows), tmp_path / "store")


def test_line_breaks_and_quotes_that_belong_to_values_are_read(tmp_path):
    rows = [
        '1,"p\n1",2024-01-01,2024-01-02,died,"he said ""no""\r\n\r\nand ""left"""',
        '2,p"1,2024-01-01,2024-01-02,died,5" tall',
        '3,"p1",2024-01-01,2024-01-02,died,"one, two"',
        '4,p1,2024-01-01,2024-01-02,died,"" ',
        '5,p1,never,2024-01-02,died,"\n\n"',
        "6,p1,never,2024-01-02,died,",
        '7,"p1","2024-01-01","2024-01-02","died","' + "\n" * 99 + '"',
        "8,p1,never,2024-01-02,died,",
    ]
    mapping = calls_mapping(tmp_path, rows, LENIENT)
    text = "\n".join([f"{HEADER},note", *rows])
    (tmp_path / "calls.csv").write_bytes(text.encode())
    report = ingest(mapping, tmp_path / "store")
    feed = report.manifest.feeds[0]
    assert (feed.read, feed.accepted, feed.rejects) == (8, 5, {"unparsable_time": 3})
    assert feed.notes["lines_within_values"] == 1 + 2 + 2 + 99
    with (report.rejects / "calls.csv").open(encoding="utf-8", newline="") as stream:
        lines = [int(row["line"]) for row in csv.DictReader(stream)]
    written = re.split("\r\n|\n", text)
    assert [written[line - 1][:8] for line in lines] == ["5,p1,nev", "6,p1,nev", "8,p1,nev"]


def test_two_strays_anywhere_lose_no_row_in_silence(tmp_path):
    """Every line is accepted or rejected, or the extract is refused, wherever they stand."""
    made = random.Random(7)  # noqa: S311
    told: dict[str, list[bool]] = {"refused": [], "counted": []}
    for attempt in range(60):
        ends = ['"a, b"', "ab", "abc"]
        rows = [f"{i},p{i % 7},2024-01-02,2024-02-01,{ends[i % 3]}" for i in range(12)]
        for at in made.sample(range(12), 2):
            place = made.choice([0, *(m.end() for m in re.finditer(",", rows[at]))])
            rows[at] = rows[at][:place] + '"' + rows[at][place:]
        path = calls_mapping(tmp_path / str(attempt), rows, NO_OUTCOME)
        try:
            feed = ingest(path, tmp_path / str(attempt) / "store").manifest.feeds[0]
        except DataError as error:
            told["refused"].append("a quoted value opens here" in str(error))
        else:
            within = feed.notes.get("lines_within_values", 0)
            told["counted"].append(feed.read + within == len(rows))
    assert min(len(found) for found in told.values()) > 5, told
    assert all(map(all, told.values())), told
