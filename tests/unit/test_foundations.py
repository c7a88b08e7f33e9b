"""Times, codes, files, errors: what everything else stands on."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiu_risk import codes
from hiu_risk.errors import DataError, UsageError
from hiu_risk.files import replacing, write_json, write_text
from hiu_risk.times import from_seconds, hour_of_week, month_starts, parse_as_of, to_seconds
from hiu_risk.visibility import is_known, leads

SECONDS = st.integers(min_value=0, max_value=4_000_000_000)


@given(SECONDS, st.sampled_from(["Europe/London", "America/New_York", "UTC"]))
def test_hour_of_week_agrees_with_the_standard_library(seconds, zone):
    local = datetime.fromtimestamp(seconds, tz=ZoneInfo(zone))
    expected = local.weekday() * 24 + local.hour
    assert hour_of_week(np.array([seconds]), zone).tolist() == [expected]


@given(SECONDS)
def test_seconds_and_datetimes_round_trip(seconds):
    assert to_seconds(from_seconds(seconds)) == seconds


def test_a_plain_as_of_is_local_midnight():
    assert parse_as_of("2024-07-01", "Europe/London") == to_seconds(
        datetime(2024, 6, 30, 23, tzinfo=UTC)
    )


def test_month_starts_are_local_midnights():
    starts = month_starts(date(2024, 3, 1), date(2024, 4, 1), "Europe/London")
    assert [from_seconds(s) for s in starts] == [
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2024, 3, 31, 23, tzinfo=UTC),
    ]


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01", ""])
def test_an_unreadable_as_of_says_how_to_write_it(text):
    with pytest.raises(UsageError, match="write it as 2025-03-01"):
        parse_as_of(text)


def test_times_outside_the_supported_years_are_refused():
    with pytest.raises(UsageError, match="outside 1970 to 2100"):
        to_seconds(date(2150, 1, 1))
    with pytest.raises(UsageError, match="without a zone"):
        to_seconds(datetime(2024, 1, 1))  # noqa: DTZ001


def test_every_vocabulary_starts_with_unknown():
    first = {v.names[0] for v in codes.EVENT_CATEGORIES.values()}
    assert first == {"unknown"}


def test_declined_is_not_the_same_as_not_known():
    groups = codes.ETHNIC_CATEGORY_GROUPS
    assert groups["Z"] == "declined"
    assert groups["99"] == "not_known"
    assert set(groups.values()) == set(codes.ETHNIC_GROUP.names)


def test_an_unknown_code_names_the_near_match():
    with pytest.raises(DataError, match="did you mean 'hear_treat'"):
        codes.OUTCOME.code("hear_treet")


def test_what_is_known_on_a_day():
    day = 100
    assert is_known(day - 1, day, day + 1, day)
    assert not is_known(day, day, day + 1, day), "an event at the index date is in the future"
    assert not is_known(day - 1, day + 1, day + 2, day), "it has not arrived yet"
    assert not is_known(day - 1, day - 1, day, day), "a correction has replaced it"
    assert not leads(day - 1, day - 1, day, day), "an earlier call of the incident has arrived"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "list.csv"
    write_text(target, "old")

    def killed_half_way() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed_half_way()
    assert target.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["list.csv"]  # noqa: PTH208


@pytest.mark.skipif(sys.platform != "linux", reason="its devices and named pipes")
def test_a_device_or_pipe_is_written_into_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        write_text(pipe, "whole")
        assert read.result() == "whole"
    assert pipe.is_fifo()
    write_text(Path(os.devnull), "gone")
    assert Path(os.devnull).is_char_device()
    with pytest.raises(OSError, match="No space left"):
        write_text(Path("/dev/full"), "too much")
    assert Path("/dev/full").is_char_device()


def test_json_refuses_what_json_cannot_say(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", {"score": float("nan")})
    assert not list(tmp_path.iterdir())


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hiu_risk.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_help_says_what_the_score_is_not_for():
    shown = run_cli("--help")
    assert shown.returncode == 0
    assert "never be used to downgrade" in " ".join(shown.stdout.split())


def test_wrong_usage_exits_with_two():
    assert run_cli("scoer").returncode == 2


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = ["lightgbm", "mlflow", "shap", "matplotlib", "fairlearn", "sklearn", "pandas"]
    code = (
        f"import sys, hiu_risk.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert shown.stdout.strip() == "[]"
