"""Whatever training and judging can't be done with: a clear error, and nothing half-registered."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_risk.histories import Feed, Histories
from hiu_risk.model import ModelHome
from hiu_risk.store import Store
from hiu_risk.times import DAY
from hiu_serving.api.keys import add_key
from hiu_training.protocol import parse_protocol
from hiu_training.registry.tracking import check_reachable
from hiu_training.rows.split import make_split
from hiu_training.train import train_model
from tests.support.extracts import run_command
from tests.support.histories import make_histories
from tests.support.stores import write_store
from tests.support.trainings import PROTOCOL, region, write_protocol

QUICK = PROTOCOL.replace("resamples = 40", "resamples = 0").replace("= 40", "= 10")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    write_store(region(), folder / "store")
    write_protocol(folder, QUICK)
    bundle = train_model(Store.open(folder / "store"), parse_protocol(QUICK), QUICK).bundle
    home = ModelHome(folder / "home")
    home.set_alias("champion", home.add(bundle)[:12])
    check_reachable(home.path)  # makes MLflow's tables
    return folder


def _command(name: str, place: Path, **changes: object) -> list[str]:
    options: dict[str, object] = {
        "store": place / "store", "protocol": place / "protocol.toml", "home": place / "home",
    } | changes  # fmt: skip
    return [name, *(str(w) for k, v in options.items() for w in (f"--{k.replace('_', '-')}", v))]


def _refused(
    capsys: Any, monkeypatch: Any, home: Path, arguments: list[str], code: int, *said: str
) -> None:
    """Hold a command to its exit code and words, and the home to having stayed as it was."""
    before = _content(home)
    assert run_command(monkeypatch, *arguments) == code
    printed = capsys.readouterr()
    error = " ".join(printed.err.split())
    for words in (*said, "What to do"):
        assert words in error
    assert "[LightGBM]" not in printed.out + error
    assert "secret" not in error
    assert _content(home) == before


def _content(home: Path) -> dict[str, object]:
    """Give everything in a home; of MLflow's tables how many rows they have."""
    files = [path for path in home.rglob("*") if path.is_file()]
    kept: dict[str, object] = {
        str(path.relative_to(home)): path.read_bytes()
        for path in files
        if not path.name.startswith("mlflow.db")
    }
    if (home / "mlflow.db").exists():
        with closing(sqlite3.connect(home / "mlflow.db")) as database:
            for table in ("runs", "registered_models", "model_versions", "metrics"):
                count = f"SELECT COUNT(*) FROM {table}"  # noqa: S608 # our own names
                kept[table] = database.execute(count).fetchone()
    return kept


@pytest.mark.parametrize(
    ("find", "put", "code", "said"),
    [
        (
            "horizon_days = 60", "horizon_days = 60\nwashhout_days = 3", 2,
            ("unknown key 'washhout_days'", "line 2", "did you mean 'washout_days'"),
        ),
        ("[booster]", "[booster]\nleaves = 3", 2, ("unknown key 'leaves'", "line 12")),
        (
            'every = "month"', 'every = "month"\nfirst = 2019-01-01', 2,
            ("the first origin is before the data start", "choose one from 2022-01-01"),
        ),
        (
            'every = "month"', 'every = "month"\nlast = 2023-12-20', 2,
            ("the last origin is too late for its horizon to be observed", "choose one up to"),
        ),
        (
            'every = "month"', 'every = "month"\nfirst = 2023-06-01\nlast = 2023-01-01', 2,
            ("the first origin is after the last (origins.first, origins.last)", "in order"),
        ),
        (
            'every = "month"', 'every = "month"\nfirst = 2023-12-20', 2,
            ("the first origin is too late for its horizon", "(origins.first)", "choose one up to"),
        ),
        (
            'every = "month"', 'every = "month"\nlast = 2021-12-01', 2,
            ("the last origin is before the first possible one", "(origins.last)",
             "choose one from 2022-01-31"),
        ),
        (
            "horizon_days = 60", "horizon_days = 900", 1,
            ("the horizon of 900 days is longer than the data, which cover 732 days",),
        ),
        (
            "horizon_days = 60", "horizon_days = 330", 1,
            ("the data are too short", "a horizon of 330 days needs at least"),
        ),
        (
            "count = 4, days = 30", "count = 1, days = 400", 1,
            ("no positive case in training, among 0 rows",),
        ),
        ("count = 4", "count = 900", 1, ("no positive case in training", "lengthen horizon_days")),
        (
            "horizon_days = 60", 'horizon_days = 60\nfew_positives = "refuse"\nseed = 2', 1,
            ("positives can't carry a calibration, which needs 20",),
        ),
        (
            "horizon_days = 60", 'horizon_days = 60\nfeatures = ["calls_90d", "tenure_days"]', 1,
            (
                "leaves out calls_30d, calls_365d, calls_decayed_7d, calls_decayed_30d, "
                "calls_decayed_90d, calls_decayed_180d, which the baselines count by",
            ),
        ),
        (
            "horizon_days = 60", 'horizon_days = 60\nfeatures = ["calls_30d", "calls_90", "zzz"]',
            2, (
                "no feature 'calls_90' or 'zzz'",
                "did you mean 'calls_90d' or 'calls_30d' or 'calls_all_90d' for 'calls_90'; "
                "leave 'zzz' out, as no feature has a name near it.",
            ),
        ),
        ('source = "call"', 'source = "ae"', 1, ("none of the feeds that the definition counts",)),
    ],
)  # fmt: skip
def test_a_protocol_that_cannot_be_trained_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, find: str, put: str, code: int,
    said: tuple[str, ...],
) -> None:  # fmt: skip
    text = QUICK
    if "few_positives" in put:
        text = text.replace("count = 4", "count = 20")  # so that hardly anybody meets it
    write_protocol(tmp_path, text.replace(find, put))
    given = _command("train", place, protocol=tmp_path / "protocol.toml")
    _refused(capsys, monkeypatch, place / "home", given, code, *said)


@cache
def _quiet_block(first: int, last: int) -> Histories:
    """The region, where nobody calls in a span of days: so that no onset falls into a block."""
    histories = region()
    day = (histories.occurred_at - histories.feeds[0].starts_at) // DAY
    kept = (day < first) | (day >= last)
    place = np.flatnonzero(kept)
    person = np.repeat(np.arange(histories.n_people), np.diff(histories.offsets))[place]
    events = [
        {"person": f"p{who:04d}", "occurred": int(t)}
        for who, t in zip(person.tolist(), histories.occurred_at[place].tolist(), strict=True)
    ]
    people = [{"id": f"p{i:04d}"} for i in range(histories.n_people)]
    return make_histories(events, people, feeds=histories.feeds)


def test_no_onset_at_the_test_dates_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    histories = region()
    split = make_split(parse_protocol(QUICK), histories.feeds, histories.zone)
    start = histories.feeds[0].starts_at
    silent = _quiet_block((int(split.test[0]) - start) // DAY - 30, 10_000)
    write_store(silent, tmp_path / "store")
    write_protocol(tmp_path, QUICK)
    given = _command("train", tmp_path, home=place / "home")
    said = ("one class alone at the test origins: 0 positive", "judge at more origins")
    _refused(capsys, monkeypatch, place / "home", given, 1, *said)


def test_no_onset_in_the_late_blocks_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    histories = region()
    split = make_split(parse_protocol(QUICK), histories.feeds, histories.zone)
    start = histories.feeds[0].starts_at
    stop_at = (int(split.development[split.stopping[0]]) - start) // DAY - 30
    until = (int(split.test[0]) - start) // DAY
    write_store(_quiet_block(stop_at, until), tmp_path / "store")
    write_protocol(tmp_path, QUICK)
    said = ("one class alone: 0 positive", "calibration block", "onsets in every block")
    given = _command("train", tmp_path, home=place / "home")
    _refused(capsys, monkeypatch, place / "home", given, 1, *said)


def test_plain_lightgbm_whose_trees_nothing_chose_is_noted(place: Path, tmp_path: Path) -> None:
    histories = region()
    split = make_split(parse_protocol(QUICK), histories.feeds, histories.zone)
    start = histories.feeds[0].starts_at
    first, last = (
        (int(split.development[k]) - start) // DAY
        for k in (split.stopping[0], split.stopping[1] - 1)
    )
    write_store(_quiet_block(first - 30, last + 60), tmp_path / "store")
    trained = train_model(Store.open(tmp_path / "store"), parse_protocol(QUICK), QUICK)
    notes = trained.evaluation["learning"]["notes"]
    (note,) = (one for one in notes if "plain LightGBM" in one)
    assert "has 100 trees, a number that nothing chose: there is no positive row in the" in note
    usual = train_model(Store.open(place / "store"), parse_protocol(QUICK), QUICK)
    assert not any("plain LightGBM" in one for one in usual.evaluation["learning"]["notes"])


@pytest.mark.parametrize("command", ["evaluate", "audit", "score", "explain", "serve"])
def test_features_that_changed_since_the_champion_was_trained_are_named(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, command: str
) -> None:
    bundle = ModelHome(place / "home").load()
    home = ModelHome(tmp_path / "home")
    changed = replace(bundle, manifest=replace(bundle.manifest, catalogue_hash="0" * 64))
    home.set_alias("champion", home.add(changed)[:12])
    listed = (
        "--store", str(place / "store"), "--home", str(home.path), "--as-of", "2023-12-01"
    )  # fmt: skip
    keys = tmp_path / "keys.json"
    add_key(keys, "team", "score", datetime(2024, 1, 1, tzinfo=UTC))
    given = {
        "evaluate": _command("evaluate", place, home=home.path),
        "audit": _command("audit", place, home=home.path, out=tmp_path / "out"),
        "score": ["score", *listed, "--out", str(tmp_path / "out")],
        "explain": ["explain", *listed, "--person", "p0001"],
        "serve": ["serve", "--home", str(home.path), "--keys", str(keys)],
    }[command]
    _refused(capsys, monkeypatch, home.path, given, 1, "feature", "train again")
    assert not (tmp_path / "out").exists()


REFUSED_WITHOUT = {
    "train": "MLflow could not keep the run",
    "promote": "MLflow's registry can't be used (MlflowException); nothing was changed",
    "reproduce": "MLflow's registry can't be used",
}


@pytest.mark.parametrize("command", ["train", "promote", "reproduce", "evaluate", "audit", "score"])
def test_without_mlflow_what_needs_it_is_refused_and_what_does_not_goes_on(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, command: str
) -> None:
    home = ModelHome(shutil.copytree(place / "home", tmp_path / "home"))
    other = replace(home.load(), manifest=replace(home.load().manifest, base_rate=0.5))
    home.add(other)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    store, who = ("--store", str(place / "store")), ("--who", "Dr A. Reader")
    at = ("--home", str(home.path))
    given = {
        "train": _command("train", place, home=home.path),
        "promote": ["promote", other.version, *at, *who, "--override", "--reason", "Why."],
        "reproduce": ["reproduce", "0" * 32, *at, *store],
        "evaluate": _command("evaluate", place, home=home.path),
        "audit": _command("audit", place, home=home.path, out=tmp_path / "out"),
        "score": ["score", *at, *store, "--as-of", "2023-12-01", "--out", str(tmp_path / "out")],
    }[command]
    if command in REFUSED_WITHOUT:
        _refused(capsys, monkeypatch, home.path, given, 1, REFUSED_WITHOUT[command], "127.0.0.1:9")
    else:
        assert run_command(monkeypatch, *given) == 0


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_a_store_made_by_other_rules_than_the_champions_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, command: str
) -> None:
    bundle = ModelHome(place / "home").load()
    home = ModelHome(tmp_path / "home")
    rules = {**bundle.manifest.counting, "gap_seconds": 7200, "care_home_calls": True}
    other = replace(bundle, manifest=replace(bundle.manifest, counting=rules, zone="Asia/Tokyo"))
    home.set_alias("champion", home.add(other)[:12])
    given = {
        "evaluate": _command("evaluate", place, home=home.path),
        "score": [
            "score", "--store", str(place / "store"), "--home", str(home.path),
            "--as-of", "2023-12-01", "--out", str(tmp_path / "out"),
        ],
    }[command]  # fmt: skip
    said = ("other rules than the model's", "gap_seconds", "zone", "train on this store")
    _refused(capsys, monkeypatch, home.path, given, 1, *said)


def test_a_store_without_the_feed_of_the_champions_definition_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    histories = region()
    only = Feed("ae", histories.feeds[0].starts_at, histories.feeds[0].complete_until)
    write_store(replace(histories, feeds=(only,)), tmp_path / "store")
    given = _command("evaluate", place, store=tmp_path / "store")
    said = ("none of the feeds that the definition counts", "ingest them")
    _refused(capsys, monkeypatch, place / "home", given, 1, *said)


def test_a_model_is_not_judged_at_dates_it_learned_from(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    write_protocol(tmp_path, QUICK.replace('every = "month"', 'every = "month"\nlast = 2023-06-01'))
    given = _command("evaluate", place, protocol=tmp_path / "protocol.toml")
    said = ("the model learned from dates up to", "the first test date is", "choose later dates")
    _refused(capsys, monkeypatch, place / "home", given, 1, *said)
