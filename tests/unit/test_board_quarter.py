"""Quarters in the local zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiu_risk.errors import UsageError
from hiu_training.board.quarter import Quarter

quarters = st.builds(
    Quarter, st.integers(1972, 2098), st.integers(1, 4), st.just("Europe/London")
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "financial"),
    [
        ("2026Q1", "1 January to 31 March 2026", "quarter 4 of 2025/26"),
        ("2026Q2", "1 April to 30 June 2026", "quarter 1 of 2026/27"),
        ("2024q3", "1 July to 30 September 2024", "quarter 2 of 2024/25"),
        ("1999Q4", "1 October to 31 December 1999", "quarter 3 of 1999/00"),
    ],
)
def test_a_quarter_says_its_dates_and_its_financial_name(text, words, financial) -> None:
    quarter = Quarter.parse(text, "Europe/London")
    assert (quarter.words, quarter.financial) == (words, financial)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026Q5",
        "2026Q0",
        "Q3 2026",
        "26Q3",
        "2026-Q3",
        "\u0662\u0660\u0662\u0666Q3",
        "0001Q1",
    ],
)
def test_anything_else_is_refused_and_told_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="such as 2026Q3") as refused:
        Quarter.parse(text, "UTC")
    assert refused.value.exit_code == 2


@given(quarters)
def test_quarters_follow_each_other_without_gap_or_overlap(quarter: Quarter) -> None:
    assert quarter.end == quarter.after.start
    assert quarter.after.before == quarter
    assert quarter.start in quarter
    assert quarter.end - 1 in quarter
    assert quarter.end not in quarter
    assert 89 <= (quarter.last_day - quarter.first_day).days <= 91


def test_midnights_are_those_of_the_zone() -> None:
    summer = Quarter.parse("2026Q3", "Europe/London")
    assert summer.start == datetime(2026, 6, 30, 23, tzinfo=UTC).timestamp()
    assert summer.end == datetime(2026, 9, 30, 23, tzinfo=UTC).timestamp()
