"""Single values on the way in: times, zones, identifiers, codes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.codes import OUTCOME
from hiu_risk.ingest.local_times import to_utc
from hiu_risk.ingest.mapping import ValueMap
from hiu_risk.ingest.pseudonym import is_nhs_number, normalised, pseudonym
from hiu_risk.ingest.values import UNKNOWN_CODE, codes, joined, numbers, parse_times, texts

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def parsed(values: list[str | None], *formats: str, zone: str = "Europe/London", **more: bool):
    with duckdb.connect() as con:
        return parse_times(con, pa.array(values, pa.string()), formats, zone, **more)


@given(st.integers(0, 4_000_000_000), st.sampled_from(ZONES))
@settings(max_examples=400, deadline=None)
def test_a_clock_reading_becomes_the_utc_that_the_standard_library_says(reading, zone):
    clock = EPOCH + timedelta(seconds=reading)
    first_passage = clock.replace(tzinfo=ZoneInfo(zone), fold=0)
    assert to_utc(np.array([reading]), zone).seconds[0] == first_passage.timestamp()


@given(st.integers(0, 4_000_000_000), st.sampled_from(ZONES))
@settings(max_examples=400, deadline=None)
def test_twice_and_never_are_told_as_the_standard_library_tells_them(reading, zone):
    clock = EPOCH + timedelta(seconds=reading)
    offsets = [clock.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1)]
    found = to_utc(np.array([reading]), zone)
    assert bool(found.twice[0]) == (offsets[0] > offsets[1])
    assert bool(found.never[0]) == (offsets[0] < offsets[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-10-27T00:59:59", "2024-10-26T23:59:59"),
        ("2024-10-27T01:30:00", "2024-10-27T00:30:00"),  # occurs twice: the first passage
        ("2024-10-27T02:00:00", "2024-10-27T02:00:00"),
        ("2024-03-31T01:30:00", "2024-03-31T01:30:00"),  # never occurs: 02:30 summer time
        ("2024-03-31 02:30", "2024-03-31T01:30:00"),
        ("2024-07-01T12:00:00Z", "2024-07-01T12:00:00"),
        ("2024-07-01T12:00:00+02:00", "2024-07-01T10:00:00"),
        ("2024-07-01", "2024-06-30T23:00:00"),
    ],
)
def test_iso_times_in_london(text, expected):
    found = parsed([text])
    assert found.seconds[0] == utc(expected)
    assert not found.unparsable[0]


def test_the_repeated_and_the_skipped_hour_are_counted():
    found = parsed(["2024-10-27T01:30:00", "2024-03-31T01:30:00", "2024-06-01T01:30:00"])
    assert (found.twice, found.never) == (1, 1)


@pytest.mark.parametrize(
    "text", ["x", "2024-02-30", "24-01-01", "2024-01-01 25:00", "epoch", "infinity", "20240101"]
)
def test_what_is_not_a_time_is_unparsable(text):
    found = parsed([text, None])
    assert found.unparsable.tolist() == [True, False]
    assert found.given.tolist() == [True, False]


def test_formats_are_tried_in_turn():
    found = parsed(["12/02/2024 1016", "12/02/2024"], "%d/%m/%Y %H%M", "%d/%m/%Y", zone="UTC")
    assert found.seconds.tolist() == [utc("2024-02-12T10:16"), utc("2024-02-12T00:00")]


def test_fractions_go_down_for_what_happened_and_up_for_what_became_known():
    text = ["2024-01-01T00:00:00.25"]
    assert parsed(text, zone="UTC").seconds[0] == utc("2024-01-01T00:00:00")
    assert parsed(text, zone="UTC", round_up=True).seconds[0] == utc("2024-01-01T00:00:01")


def test_a_date_known_by_the_end_of_the_day_ends_at_local_midnight():
    found = parsed(["2024-10-27", "2024-10-27T12:00"], day_ends=True)
    assert found.seconds.tolist() == [utc("2024-10-28T00:00"), utc("2024-10-27T12:00")]
    assert found.day_starts[0] == utc("2024-10-26T23:00")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([date(2024, 7, 1)]), utc("2024-06-30T23:00")),
        (pa.array([datetime(2024, 7, 1, 1)]), utc("2024-07-01T00:00")),  # noqa: DTZ001
        (pa.array([datetime(2024, 7, 1, 1, tzinfo=UTC)]), utc("2024-07-01T01:00")),
    ],
)
def test_typed_columns_need_no_format(values, expected):
    with duckdb.connect() as con:
        assert parse_times(con, values, (), "Europe/London").seconds[0] == expected


def test_nhs_numbers_follow_the_published_check():
    # 943 476 5919 is the NHS Data Dictionary's example; 987 654 4 321 does not pass.
    assert is_nhs_number("9434765919")
    assert not is_nhs_number("9876544321")
    assert not is_nhs_number("943476591")
    assert not is_nhs_number("94347659190")
    assert not is_nhs_number("943476591٩")


@given(st.integers(0, 999_999_999), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_always_breaks_an_nhs_number(stem, place, step):
    valid = [f"{stem:09d}{digit}" for digit in range(10) if is_nhs_number(f"{stem:09d}{digit}")]
    assert len(valid) <= 1
    for number in valid:
        wrong = str((int(number[place]) + step) % 10)
        assert not is_nhs_number(number[:place] + wrong + number[place + 1 :])


def test_pseudonyms_depend_on_key_identifier_and_subject():
    same = pseudonym(b"k" * 32, "1")
    assert same == pseudonym(b"k" * 32, "1")
    others = {
        pseudonym(b"K" * 32, "1"), pseudonym(b"k" * 32, "2"), pseudonym(b"k" * 32, "1", "address")
    }  # fmt: skip
    assert len(others | {same}) == 4
    assert normalised("943-476 5919", "nhs_number") == "9434765919"


def test_a_value_map_takes_exact_before_prefix_before_pattern_before_our_names():
    values = ValueMap({"AB": "died"}, {"A": "admitted"}, {"B$": "treated"}, default="other")
    column = pa.array(["AB", "AC", "CB", "streamed", "?", None, "?"])
    found, by_default = codes(column, OUTCOME, values)
    assert [OUTCOME.names[code] for code in found] == [
        "died", "admitted", "treated", "streamed", "other", "unknown", "other",
    ]  # fmt: skip
    assert by_default == 2
    strict = ValueMap({}, {}, {})
    assert codes(pa.array(["?"]), OUTCOME, strict)[0].tolist() == [UNKNOWN_CODE]


def test_texts_are_trimmed_and_joined():
    assert texts(pa.array([1, None])).to_pylist() == ["1", None]
    parts = [pa.array(["a", "b", None]), pa.array(["x", None, None], pa.string())]
    assert joined(parts, "|", all_needed=True).to_pylist() == ["a|x", None, None]
    assert joined(parts, " ", all_needed=False).to_pylist() == ["a x", "b ", None]
    assert numbers(pa.array(["inf", "1e3"])).tolist() == [float("inf"), 1000.0]
