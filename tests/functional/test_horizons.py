"""Models of 30, 90 and 180 days, trained apart and put side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_risk.model import ModelHome
from hiu_risk.model.horizons import HorizonFamily
from hiu_risk.outcomes import outcomes
from hiu_training.protocol import parse_protocol
from hiu_training.rows.inputs import make_rows
from hiu_training.rows.split import make_split
from tests.support.extracts import run_command
from tests.support.trainings import PROTOCOL, region, write_protocol, write_region

HORIZONS = (20, 60, 100)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("horizons")
    write_region(folder / "store")
    home = ModelHome(folder / "home")
    from hiu_risk.store import Store
    from hiu_training.train import train_model

    for days in HORIZONS:
        protocol = parse_protocol(_of(days))
        bundle = train_model(Store.open(folder / "store"), protocol).bundle
        home.add(bundle)
        home.set_alias("champion" if days == 60 else "challenger", bundle.version)
    write_protocol(folder)
    return folder


def _of(days: int) -> str:
    text = PROTOCOL.replace("horizon_days = 60", f"horizon_days = {days}")
    return text.replace("resamples = 40", "resamples = 1")


def _versions(home: ModelHome) -> dict[int, str]:
    return {home.load(v).manifest.horizon_days: v for v in home.ids()}


def test_whoever_meets_the_rule_within_a_horizon_meets_it_within_any_longer_one() -> None:
    protocol, histories = parse_protocol(PROTOCOL), region()
    split = make_split(protocol, histories.feeds, histories.zone)
    found = [
        outcomes(histories, split.development, protocol.definition, days).label == 1
        for days in HORIZONS
    ]
    assert 0 < found[0].sum() < found[1].sum() < found[2].sum()
    assert not (found[0] & ~found[1]).any()
    assert not (found[1] & ~found[2]).any()


def test_served_chances_never_fall_as_one_looks_further(place: Path) -> None:
    home, histories = ModelHome(place / "home"), region()
    versions = _versions(home)
    family = HorizonFamily(home.load(), [home.load(versions[days]) for days in (20, 100)])
    protocol = parse_protocol(PROTOCOL)
    split = make_split(protocol, histories.feeds, histories.zone)
    rows = make_rows(histories, split.test, protocol, default_catalogue())
    chances = family.chances(rows.values)
    assert (np.diff(chances, axis=1) >= 0).all()
    assert (chances[:, 1] == home.load().score(rows.values)).all()


def test_evaluate_counts_the_contradictions_that_it_finds(
    place: Path, monkeypatch: Any, capsys: Any
) -> None:
    home = ModelHome(place / "home")
    versions = _versions(home)
    given = [
        "evaluate", "--store", place / "store", "--home", home.path,
        "--protocol", place / "protocol.toml", "--json", place / "e.json",
        "--also", versions[20], "--also", versions[100],
    ]  # fmt: skip
    assert run_command(monkeypatch, *map(str, given)) == 0
    out = " ".join(capsys.readouterr().out.split())
    found = json.loads((place / "e.json").read_text("utf-8"))["horizons"]
    assert found["horizons"] == list(HORIZONS)
    assert found["models"] == [versions[days] for days in HORIZONS]
    for breach in found["breaches"]:
        said = f"have a lower chance within {breach['longer']} days than within {breach['shorter']}"
        assert said in out
        assert breach["share"] == breach["rows"] / found["rows"]
    given[-1] = versions[60]
    assert run_command(monkeypatch, *map(str, given)) == 1
    assert "two models have the same horizon" in " ".join(capsys.readouterr().err.split())
