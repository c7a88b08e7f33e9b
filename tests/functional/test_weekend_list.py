"""The Friday list, from a protocol to a worklist."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hiu_risk.errors import UsageError
from hiu_risk.histories import Feed
from hiu_risk.times import DAY, from_seconds
from hiu_training.protocol import parse_protocol
from hiu_training.rows.split import make_split
from tests.support.extracts import run_command
from tests.support.trainings import PROTOCOL, region, write_protocol, write_region

WEEKEND = PROTOCOL.replace("horizon_days = 60", 'target = "weekend"').replace("month", "28 days")
START = 1_640_995_200  # 2022-01-01


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weekend")
    write_region(folder / "store")
    write_protocol(folder, WEEKEND)
    options = ["--store", folder / "store", "--home", folder / "home"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
        command = ["train", "--protocol", folder / "protocol.toml", *options]
        assert run_command(patch, *map(str, [*command, "--json", folder / "train.json"])) == 0
    (folder / "said").write_text(said.getvalue(), encoding="utf-8")
    return folder


def test_a_weekend_model_learns_at_fridays_and_ranks_by_the_chance_of_a_call(place: Path) -> None:
    result = json.loads((place / "train.json").read_text("utf-8"))
    dates = [*result["training_dates"], *result["test_dates"]]
    assert {datetime.fromisoformat(date).weekday() for date in dates} == {4}
    assert (result["target"], result["horizon_days"]) == ("weekend", 5)
    assert result["dropped"]["not_at_risk"] == {}
    assert result["rankers"]["model"]["lead_days_at"] == {}  # each weekend stands by itself
    said = (place / "said").read_text("utf-8")
    assert "Looks for any incident of the weekend, until Monday 08:00; learned from" in said
    assert "5 days" not in said
    # Calls come by each person's own rate: the model must find who calls, far above chance.
    assert result["rankers"]["model"]["auroc"]["low"] > 0.75


def test_a_worklist_is_made_on_a_friday_and_refused_on_a_monday(
    place: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    until = from_seconds(region().feeds[0].complete_until)
    friday = np.datetime64(until.date()) - (until.weekday() - 4) % 7
    options = [
        "--store", place / "store", "--home", place / "home", "--out", tmp_path,
        "--capacity", "10", "--json", tmp_path / "list.json",
    ]  # fmt: skip

    def score(as_of: str) -> int:
        return run_command(monkeypatch, *map(str, ["score", "--as-of", as_of, *options]))

    assert score(f"{friday}T12:00:00") == 0
    assert "Looks ahead the weekend: Friday 18:00 to Monday 08:00" in capsys.readouterr().out
    result = json.loads((tmp_path / "list.json").read_text("utf-8"))
    assert len(result["entries"]) == 10
    page = (tmp_path / "worklist.html").read_text("utf-8")
    assert "between Friday 18:00 and Monday 08:00 if nothing changes" in " ".join(page.split())
    assert "within 5 days" not in page
    assert score(f"{friday - 4}") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "a weekend list can't be made at Monday" in said
    assert "choose a Friday up to 18:00 local time" in said


@pytest.mark.parametrize("every", ["auto", "7 days", "28 days"])
def test_origins_of_a_weekend_are_local_friday_midnights(every: str) -> None:
    protocol = parse_protocol(f'target = "weekend"\n[origins]\nevery = "{every}"')
    split = make_split(protocol, (Feed("call", START, START + 900 * DAY),), "Europe/London")
    origins = np.concatenate([split.development, split.test])
    local = [from_seconds(o).astimezone(ZoneInfo("Europe/London")) for o in origins]
    assert {(t.weekday(), t.hour, t.minute) for t in local} == {(4, 0, 0)}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("target = 'weekend'\nhorizon_days = 90", 2, "horizon_days of a weekend must be 5"),
        ("target = 'weekend'\n[origins]\nevery = 'month'", 3, "of a weekend must be"),
        ("target = 'weekend'\n[origins]\nevery = '10 days'", 3, "of a weekend must be"),
    ],
)
def test_a_weekend_protocol_that_cannot_be_is_refused_with_its_line(
    text: str, line: int, message: str
) -> None:
    with pytest.raises(UsageError, match=f"{message}.*line {line}"):
        parse_protocol(text)
    assert parse_protocol("target = 'weekend'\nhorizon_days = 5").horizon_days == 5
