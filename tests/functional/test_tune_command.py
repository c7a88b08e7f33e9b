"""``hiu-risk tune`` on a real store: searching, stopping, going on, and what it refuses."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest

from hiu_risk.cli.tune import TuneResult
from hiu_risk.errors import ModelError
from hiu_risk.store import Store
from hiu_training.learning import learner
from hiu_training.protocol import load_protocol
from hiu_training.registry.mlflow_access import mlflow_at
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import make_split
from hiu_training.tuning import tune as tuning
from hiu_training.tuning.tune import Step, Tuned, alone, tune
from tests.support.extracts import run_command
from tests.support.trainings import PROTOCOL, write_protocol, write_region

TRIALS = 6
SHORT = PROTOCOL.replace("max_trees = 40", "max_trees = 20")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning")
    write_region(folder / "store", n_people=260)
    write_protocol(folder, SHORT)
    with pytest.MonkeyPatch.context() as patch:
        assert run_command(patch, *_tune(folder)) == 0
    return folder


def _tune(folder: Path, **changes: object) -> list[str]:
    options: dict[str, object] = {
        "store": folder / "store",
        "protocol": folder / "protocol.toml",
        "home": folder / "home",
        "out": folder / "tuned.toml",
        "trials": TRIALS,
        "json": folder / "tune.json",
    } | changes
    given = ((f"--{k}", str(v)) for k, v in options.items() if v is not None)
    return ["tune", *(word for pair in given for word in pair)]


def _fresh(place: Path, home: Path) -> Path:
    """Give a home without trials; copied tables save MLflow the making of its own."""
    home.mkdir(exist_ok=True)
    copy(place / "home/mlflow.db", home / "mlflow.db")
    return home


def _trials(home: Path) -> list[tuple[str, dict[str, Any], float | None]]:
    import optuna

    storage = optuna.storages.RDBStorage(f"sqlite:///{home / 'tune.db'}")
    try:
        (name,) = optuna.get_all_study_names(storage)
        done = tuning.finished(optuna.load_study(study_name=name, storage=storage))
        return [(t.state.name, t.params, t.value) for t in done]
    finally:
        storage.remove_session()
        storage.engine.dispose()


class _Stopping:
    """Stops a search with Ctrl-C in the middle of a trial."""

    def __init__(self, patch: pytest.MonkeyPatch, after: int) -> None:
        self.learned, self.after = tuning.learn, after
        patch.setattr(tuning, "learn", self)

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.after -= 1
        if self.after < 0:
            raise KeyboardInterrupt
        return self.learned(*given, **named)


def test_the_tuned_protocol_is_never_worse_and_says_where_it_comes_from(place: Path) -> None:
    result = TuneResult.model_validate_json((place / "tune.json").read_text("utf-8"))
    assert result.trials == TRIALS
    assert result.earlier == 0
    assert result.chosen >= result.untuned
    better = result.difference - result.luck > result.standard_error
    assert better == (result.chosen_trial > 0)
    text = (place / "tuned.toml").read_text("utf-8")
    assert text.startswith(f"# Written by hiu-risk tune from protocol.toml (search {result.study}")
    tuned, before = load_protocol(place / "tuned.toml"), load_protocol(place / "protocol.toml")
    settings = ("anchor", "booster", "features")
    assert replace(tuned, **{name: getattr(before, name) for name in settings}) == before
    assert (tuned == before) == (result.chosen_trial == 0)


def test_folds_lie_before_the_test_dates(place: Path) -> None:
    result = json.loads((place / "tune.json").read_text("utf-8"))
    histories = Store.open(place / "store").histories()
    protocol = load_protocol(place / "protocol.toml")
    split = make_split(protocol, histories.feeds, histories.zone)
    judged = [np.datetime64(day[:19]) for fold in result["folds"] for day in fold["judged"]]
    first_test = np.datetime64(int(split.test[0]), "s")
    assert max(judged) + np.timedelta64(protocol.horizon_days, "D") <= first_test


def test_every_trial_is_a_nested_run_of_mlflow(place: Path) -> None:
    result = json.loads((place / "tune.json").read_text("utf-8"))
    with mlflow_at(place / "home", "refused", "none") as (_, client):
        experiment = client.get_experiment_by_name("hiu-risk-tune").experiment_id
        runs = client.search_runs([experiment])
        parent = client.get_run(result["run_id"])
    nested = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == result["run_id"]]
    assert len(nested) == TRIALS
    assert len(runs) == TRIALS + 1
    assert parent.info.status == "FINISHED"
    told = {r.info.run_name: r.data.metrics.get("criterion") for r in nested}
    assert told == {
        f"{result['study']}-{n}": value for n, (_, _, value) in enumerate(_trials(place / "home"))
    }
    assert all("anchor.l2" in r.data.params for r in nested)


def test_a_search_that_was_stopped_and_killed_goes_on_as_if_it_had_not_been(
    place: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    _fresh(place, tmp_path / "home")
    changes = {"home": tmp_path / "home", "out": tmp_path / "out.toml", "json": tmp_path / "j"}
    with monkeypatch.context() as patch:
        _Stopping(patch, after=10)
        assert run_command(patch, *_tune(place, **changes)) == 130
    assert "the same command goes on from there" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "out.toml").exists()
    assert 1 <= len(_trials(tmp_path / "home")) < TRIALS
    with closing(sqlite3.connect(tmp_path / "home/tune.db")) as database, database:
        # As a killed process leaves it.
        database.execute("UPDATE trials SET state = 'RUNNING' WHERE state = 'FAIL'")
    assert run_command(monkeypatch, *_tune(place, **changes)) == 0
    assert "trials are of an earlier run" in capsys.readouterr().out
    assert _trials(tmp_path / "home") == _trials(place / "home")
    assert (tmp_path / "out.toml").read_text("utf-8") == (place / "tuned.toml").read_text("utf-8")


def test_a_search_that_has_all_its_trials_does_no_more(
    place: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    with monkeypatch.context() as patch:
        _Stopping(patch, after=0)
        given = _tune(place, out=tmp_path / "o.toml", json=tmp_path / "j")
        assert run_command(patch, *given) == 0
    assert json.loads((tmp_path / "j").read_text("utf-8"))["earlier"] == TRIALS


def test_no_trial_starts_after_the_minutes_are_over(
    place: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    changes = {"trials": None, "minutes": 0, "out": tmp_path / "o.toml", "json": tmp_path / "j"}
    assert run_command(monkeypatch, *_tune(place, **changes)) == 0
    assert json.loads((tmp_path / "j").read_text("utf-8"))["trials"] == TRIALS
    changes |= {"home": _fresh(place, tmp_path / "home")}
    assert run_command(monkeypatch, *_tune(place, **changes)) == 0
    assert json.loads((tmp_path / "j").read_text("utf-8"))["trials"] == 1


def _search(place: Path, home: Path, **options: Any) -> Tuned:
    protocol = load_protocol(place / "protocol.toml")
    return tune(Store.open(place / "store"), protocol, home, **options)


def test_out_of_time_the_untuned_protocol_is_still_tried_and_returned(
    place: Path, tmp_path: Path
) -> None:
    steps: list[Step] = []
    tuned = _search(
        place, _fresh(place, tmp_path), trials=9, out_of_time=lambda: True, report=steps.append
    )
    assert (tuned.trials, tuned.number, tuned.difference) == (1, 0, 0.0)
    assert tuned.protocol == load_protocol(place / "protocol.toml")
    assert [(step.number, step.folds) for step in steps] == [(0, len(tuned.folds))]
    assert steps[0].value == steps[0].untuned == tuned.untuned


def test_what_learning_warns_of_in_a_fold_is_said_once_in_a_search(
    place: Path, tmp_path: Path, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    learned, tried = tuning.learn, []

    def learn(rows: Rows, *given: Any) -> Any:
        tried.append(len(rows))
        learner.log.warning("few to learn from")
        learner.log.warning("%d rows", len(rows))
        return learned(rows, *given)

    monkeypatch.setattr(tuning, "learn", learn)
    with caplog.at_level("WARNING", logger="hiu_training"):
        tuned = _search(place, _fresh(place, tmp_path), trials=2)
    assert len(tried) > len(tuned.folds) > 1
    (said,) = (one.getMessage() for one in caplog.records if "few to learn" in one.getMessage())
    numbers = range(1, len(tuned.folds) + 1)
    assert said.startswith("Some folds tell little, in every trial alike: fold 1, 2")
    assert f"fold {', '.join(map(str, numbers))} of {numbers[-1]}: few to learn from" in said
    for number, rows in zip(numbers, tried, strict=False):
        assert f"; fold {number} of {numbers[-1]}: {rows} rows" in said
    assert not learner.log.filters


@pytest.mark.parametrize(("noise", "chosen"), [(0.02, True), (0.2, False)])
def test_better_by_less_than_one_standard_error_is_not_better(
    place: Path, tmp_path: Path, monkeypatch: Any, noise: float, chosen: bool
) -> None:
    rng = np.random.default_rng(1)
    shared, apart = rng.normal(0.2, 0.1, 400), rng.normal(0.0, noise, 400)

    def fold(objective: Any, number: int, settings: dict[str, Any]) -> np.ndarray:
        better = settings["anchor.l2"] != 10
        return np.append(0.2 + 0.05 * better, shared + (0.05 + apart) * better)

    monkeypatch.setattr(tuning._Objective, "fold", fold)
    tuned = _search(place, _fresh(place, tmp_path), trials=2)
    assert tuned.best_number == 1
    assert tuned.difference == pytest.approx(0.05)
    assert tuned.standard_error == pytest.approx(noise, rel=0.1)
    assert 0 < tuned.luck < noise
    assert tuned.number == int(chosen)
    assert tuned.chosen == pytest.approx(0.25 if chosen else 0.2)
    assert (tuned.protocol != load_protocol(place / "protocol.toml")) == chosen


def test_settings_that_cannot_be_trained_are_the_worst_and_no_end(
    place: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    learned = tuning.learn

    def refuse(rows: Any, split: Any, protocol: Any, *rest: Any) -> Any:
        if protocol.anchor.l2 != 10:
            raise ModelError("can't")
        return learned(rows, split, protocol, *rest)

    monkeypatch.setattr(tuning, "learn", refuse)
    tuned = _search(place, _fresh(place, tmp_path), trials=3)
    assert (tuned.number, tuned.trials) == (0, 3)


def _refused(capsys: Any, monkeypatch: Any, *arguments: str) -> tuple[int, str]:
    code = run_command(monkeypatch, *arguments)
    return code, " ".join(capsys.readouterr().err.split())


def test_what_cannot_be_searched_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    old = (place / "tuned.toml").read_bytes()
    same = _tune(place, out=place / "protocol.toml")
    code, said = _refused(capsys, monkeypatch, *same)
    assert (code, "would replace the one it starts from" in said) == (2, True)
    with alone(place / "home"):
        code, said = _refused(capsys, monkeypatch, *_tune(place))
    assert (code, "another search is running in this home" in said) == (2, True)
    (tmp_path / "tune.db").write_text("no database, but long enough to be taken for one" * 99)
    code, said = _refused(capsys, monkeypatch, *_tune(place, home=tmp_path))
    assert (code, "the trials kept can't be opened" in said) == (2, True)
    write_protocol(tmp_path, SHORT.replace("horizon_days = 60", "horizon_days = 170"))
    code, said = _refused(capsys, monkeypatch, *_tune(place, protocol=tmp_path / "protocol.toml"))
    assert (code, "training dates are too few to tune" in said) == (1, True)
    write_protocol(tmp_path, SHORT.replace("count = 4", "count = 900"))
    code, said = _refused(capsys, monkeypatch, *_tune(place, protocol=tmp_path / "protocol.toml"))
    assert (code, "no fold has positive cases both to learn from" in said) == (1, True)
    assert (place / "tuned.toml").read_bytes() == old


def test_an_mlflow_that_cannot_be_reached_stops_the_search_and_keeps_its_trials(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    (tmp_path / "mlflow.db").mkdir()
    given = _tune(place, home=tmp_path, out=tmp_path / "out.toml")
    code, said = _refused(capsys, monkeypatch, *given)
    assert (code, "MLflow could not keep the trials" in said) == (1, True)
    assert not (tmp_path / "out.toml").exists()
