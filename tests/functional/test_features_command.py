"""``hiu-risk features`` writes whole folders and says what features are."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hiu_features import build, default_catalogue, describe
from hiu_risk.cli.main import app
from hiu_risk.errors import UsageError
from hiu_risk.store import Store
from hiu_risk.times import month_starts
from tests.support.histories import random_histories
from tests.support.published import checked
from tests.support.stores import write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    histories = random_histories(4, n_people=120, n_events=900, zone="Europe/London")
    return write_store(histories, tmp_path_factory.mktemp("features") / "store")


def run(*arguments):
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


def test_writes_what_build_gives(store, tmp_path):
    out, file = tmp_path / "made", tmp_path / "result.json"
    span = ("--every", "month", "--from", "2023-02-01", "--to", "2023-06-30")
    done = run("--store", store, *span, "--out", out, "--json", file)
    assert done.exit_code == 0, done.output
    result = checked("features", file)
    as_ofs = result["as_ofs"]
    assert len(as_ofs) == 5
    opened = Store.open(store)
    table = build(opened.histories(), as_ofs).to_arrow()
    assert pq.read_table(out).equals(table)
    assert result["rows"] == table.num_rows
    assert result["catalogue_hash"] == default_catalogue().hash
    assert result["store_hash"] == opened.content_hash
    assert f"{table.num_rows:,} rows" in done.output


def test_one_date_is_local_midnight(store, tmp_path):
    file = tmp_path / "result.json"
    done = run("--store", store, "--as-of", "2023-07-01", "--out", tmp_path / "o", "--json", file)
    assert done.exit_code == 0, done.output
    from datetime import date

    day = date(2023, 7, 1)
    assert json.loads(file.read_text())["as_ofs"] == month_starts(day, day, "Europe/London")


def test_describes_a_feature():
    done = run("--describe", "calls_28d")
    assert done.exit_code == 0
    told = dict(line.split(":", 1) for line in done.output.splitlines())
    assert {title: text.strip() for title, text in told.items()} == describe("calls_28d")
    for title, words in {
        "meaning": "28 days", "unit": "incidents", "missing": "missing when the feed",
        "direction": "may not fall", "concept": "How often", "example": "3 calls in the last 28",
    }.items():  # fmt: skip
        assert words in told[title]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--describe", "calls_28"], "did you mean 'calls_28d'"),
        ([], "say which index dates"),
        (["--as-of", "2023-07-01", "--every", "month"], "say which index dates"),
        (["--every", "month", "--from", "2023-07-01"], "needs a first and a last date"),
        (["--every", "month", "--from", "x", "--to", "2023-07-01"], "not a date"),
        (["--every", "month", "--from", "2023-07-02", "--to", "2023-07-03"], "no first of a month"),
        (["--as-of", "1969-07-01"], "outside 1970 to 2100"),
    ],
)
def test_wrong_usage_leaves_no_file(store, tmp_path, arguments, message):
    done = run("--store", store, "--out", tmp_path / "o", *arguments)
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2
    assert not (tmp_path / "o").exists()
    assert np.all([not path.name.startswith(".o") for path in tmp_path.iterdir()])
