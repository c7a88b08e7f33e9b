"""Treated people and odd periods: what trains, what doesn't, and how much it matters."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_risk.cli.sensitivity_table import SensitivityResult
from hiu_risk.histories import Caseload, Histories
from hiu_risk.meeting import times_met
from hiu_risk.model import ModelHome, evidence
from hiu_risk.times import DAY, from_seconds
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.protocol.settings import Period
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.split import make_split
from hiu_training.sensitivity import touched, with_caseload
from tests.support.extracts import run_command
from tests.support.stores import write_store
from tests.support.trainings import PROTOCOL, region, write_protocol

STRIKE = Period("strike", date(2022, 10, 3), date(2022, 10, 20))
LONG = Period("everything", date(2020, 1, 1), date(2030, 1, 1))
BEFORE = Period("long ago", date(2001, 1, 1), date(2001, 2, 1))


@cache
def treated_region() -> Histories:
    """The region, where people are helped for 150 days: once they meet the rule, or before."""
    histories = region()
    rule = parse_protocol(PROTOCOL).definition
    spells = []
    for person in range(histories.n_people):
        met = times_met(histories, rule, person)
        if len(met) and person % 3 < 2:
            start = met[0] + (2 if person % 3 else -20) * DAY
            spells.append((person, start, start + 150 * DAY))
    who, start, end = (np.array(column) for column in zip(*spells, strict=True))
    return replace(histories, caseload=Caseload(who.astype(np.int32), start, end))


def _protocol(*periods: Period) -> Protocol:
    return replace(parse_protocol(PROTOCOL), periods=periods)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensitivity")
    write_store(treated_region(), folder / "store")
    periods = "".join(
        f'\n[[periods]]\nname = "{p.name}"\nfirst = {p.first}\nlast = {p.last}\n'
        for p in (STRIKE, LONG, BEFORE)
    )
    write_protocol(folder, PROTOCOL + periods)
    options = ["--store", folder / "store", "--home", folder / "home", "--sensitivity"]
    given = ["train", "--protocol", folder / "protocol.toml", *options, "--json", folder / "t.json"]
    with pytest.MonkeyPatch.context() as patch:
        assert run_command(patch, *map(str, given)) == 0
    return folder


@pytest.fixture(scope="module")
def result(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "t.json").read_text("utf-8")))


def _spells(histories: Histories) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    c = histories.caseload
    for person, start, end in zip(c.person.tolist(), c.start.tolist(), c.end.tolist(), strict=True):
        found.setdefault(person, []).append((start, end))
    return found


def _rows() -> Rows:
    histories, protocol = treated_region(), _protocol()
    split = make_split(protocol, histories.feeds, histories.zone)
    return make_rows(histories, split.development, protocol, default_catalogue())


def test_time_on_a_caseload_neither_labels_nor_trains() -> None:
    spells, rows = _spells(treated_region()), _rows()
    when, horizon = rows.as_ofs[rows.origin], 60 * DAY
    for person, as_of, label, happened in zip(
        rows.person.tolist(), when.tolist(), rows.label.tolist(), rows.happened_at.tolist(),
        strict=True,
    ):  # fmt: skip
        for start, end in spells.get(person, []):
            assert not start < as_of <= end  # no row of somebody who is being helped
            if label:
                assert not start <= happened < end  # no onset while being helped
            else:
                assert not as_of <= start < as_of + horizon  # and no "nothing happened" either
    assert rows.dropped["not_eligible"]["on_caseload"] > 100
    assert rows.dropped["censored"]["caseload"] > 0
    assert any(label for label in rows.label)


def test_the_run_with_people_on_a_caseload_learns_from_them() -> None:
    histories, protocol, catalogue = treated_region(), _protocol(), default_catalogue()
    split = make_split(protocol, histories.feeds, histories.zone)
    more, fewer = with_caseload(histories, split, protocol, catalogue), _rows()
    nobody = Caseload(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64))
    untreated = replace(histories, caseload=nobody)
    as_if = make_rows(untreated, split.development, protocol, catalogue)
    assert len(more) > len(fewer)
    assert more.positives > fewer.positives
    for name in ("person", "origin", "label", "happened_at"):
        assert (getattr(more, name) == getattr(as_if, name)).all()
    np.testing.assert_array_equal(more.values, as_if.values)


def test_index_dates_whose_horizon_touches_a_period_are_left_out() -> None:
    midnight = int(np.datetime64("2022-10-03", "s").astype(np.int64))
    edges = np.array([-60 * DAY, -60 * DAY + 1, 0, 18 * DAY - 1, 18 * DAY]) + midnight
    found = touched(edges, STRIKE, _protocol(), "UTC")
    assert found.tolist() == [False, True, True, True, False]


def test_each_run_is_judged_on_the_same_people_and_compared_with_the_model(
    result: dict[str, Any],
) -> None:
    found = SensitivityResult.model_validate(result["sensitivity"])
    assert [run.name for run in found.runs] == ["with_caseload", "without strike"]
    mine = found.as_trained.measures
    model = result["rankers"]["model"]
    assert mine.average_precision.model_dump() == model["average_precision"]
    assert {k: e.model_dump() for k, e in mine.recall_at.items()} == model["recall_at"]
    assert mine.calibration_slope is not None
    assert mine.calibration_slope.value == model["calibration_slope"]["value"]
    assert (found.judged.rows, found.judged.positives) == (
        result["population"]["rows"], result["population"]["positives"],
    )  # fmt: skip
    for run in found.runs:
        for name in ("average_precision", "calibration_slope"):
            measured, ours = getattr(run.measures, name), getattr(mine, name)
            apart = getattr(run.difference, name)
            assert apart.value == pytest.approx(measured.value - ours.value, abs=1e-9)
            assert apart.low <= apart.value <= apart.high
        assert set(run.difference.recall_at) == {"10", "25", "5000"}
    everybody = found.runs[0].difference.recall_at["5000"]
    assert (everybody.value, everybody.low, everybody.high) == (0, 0, 0)


def test_the_strike_is_not_learned_from_in_its_run_and_is_in_the_model(
    result: dict[str, Any],
) -> None:
    found = SensitivityResult.model_validate(result["sensitivity"])
    dates = set(found.as_trained.dates) - set(found.runs[1].dates)
    assert dates == {f"2022-{month}-01T00:00:00+00:00" for month in ("09", "10")}
    assert set(found.runs[1].dates) < set(found.as_trained.dates)
    assert found.runs[1].rows < found.as_trained.rows == result["rows"]
    histories = treated_region()
    split = make_split(_protocol(), histories.feeds, histories.zone)
    assert found.as_trained.dates == [from_seconds(s).isoformat() for s in split.development]


def test_runs_that_cannot_be_made_say_why(result: dict[str, Any]) -> None:
    left_out = {one["name"]: one["why"] for one in result["sensitivity"]["left_out"]}
    assert left_out == {
        "without everything": "too few training dates are left without it",
        "without long ago": "no training date's horizon touches it",
    }


def test_what_was_found_is_kept_as_evidence_about_the_model(
    place: Path, result: dict[str, Any]
) -> None:
    kept = evidence.find(ModelHome(place / "home"), result["version"], "sensitivity")
    assert kept == result["sensitivity"]
