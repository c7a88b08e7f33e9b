"""A gap that the mapping declares is missing data everywhere, never "no calls"."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hiu_features import build, default_catalogue
from hiu_risk.store import Store
from tests.support.extracts import CALLS, HEADER, calls_mapping, ingest
from tests.support.histories import seconds

ROWS = ["1,ann,2024-01-02T10:00:00Z,,", "2,ann,2024-03-30T10:00:00Z,,"]
DECLARED = """\
starts_at = "2023-01-01T00:00:00Z"
complete_until = "2024-05-01T00:00:00Z"
"""
CATALOGUE = default_catalogue().select(["calls_7d", "calls_365d", "calls_covered_365d"])


def store_with(folder: Path, gaps: str, twice: str = "") -> Store:
    declared = CALLS.replace("delay_hours = 1\n", f"delay_hours = 1\n{DECLARED}gaps = {gaps}\n")
    more = {}
    if twice:
        declared += (
            declared.replace(gaps, twice)
            .replace("calls.csv", "more.csv")
            .replace('table = "calls"', 'table = "calls"\nname = "more"')
        )
        more["more.csv"] = [HEADER, "3,ann,2024-01-03T10:00:00Z,,"]
    mapping = calls_mapping(folder, ROWS, declared, **more)
    ingest(mapping, folder / "store")
    return Store.open(folder / "store")


@pytest.mark.parametrize(
    ("gaps", "calls_7d", "covered"),
    [
        ("[]", 0, 365),
        ('[["2024-02-01T00:00:00Z", "2024-02-11T00:00:00Z"]]', 0, 355),
        ('[["2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"]]', math.nan, 336),
    ],
)
def test_a_gap_shows_in_coverage_and_makes_a_count_missing(
    tmp_path: Path, gaps: str, calls_7d: float, covered: float
) -> None:
    histories = store_with(tmp_path, gaps).histories()
    rows = np.ones((1, 1), np.bool_)
    made = build(histories, [seconds("2024-03-01")], CATALOGUE, rows=rows).row(0)
    expected = {"calls_7d": calls_7d, "calls_365d": 1, "calls_covered_365d": covered}
    assert made == pytest.approx(expected, nan_ok=True)


def test_gaps_of_two_feeds_of_one_source_are_put_together(tmp_path: Path) -> None:
    one = '[["2024-02-01T00:00:00Z", "2024-02-05T00:00:00Z"]]'
    other = '[["2024-02-03T00:00:00Z", "2024-02-09T00:00:00Z"]]'
    (feed,) = store_with(tmp_path, one, other).feeds
    assert feed.gaps == ((seconds("2024-02-01"), seconds("2024-02-09")),)
    assert [record.gaps for record in Store.open(tmp_path / "store").manifest.feeds] == [
        [(seconds("2024-02-01"), seconds("2024-02-05"))],
        [(seconds("2024-02-03"), seconds("2024-02-09"))],
    ]
