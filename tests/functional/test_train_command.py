from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiu_risk.cli.evaluate import EvaluateResult
from hiu_risk.cli.train import TrainResult
from hiu_risk.errors import ModelError
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.manifest import digest
from hiu_risk.store import Store
from hiu_training.protocol import load_protocol
from hiu_training.rows.scored import scored_rows
from hiu_training.train import train_model
from tests.support.extracts import run_command
from tests.support.faults import arm
from tests.support.published import checked
from tests.support.trainings import PROTOCOL, write_protocol, write_region

RANKERS = {
    "model", "anchor", "plain_lightgbm", "count_30d", "count_90d", "count_365d", "decayed_count",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    write_region(folder / "store")
    write_protocol(folder)
    with pytest.MonkeyPatch.context() as patch:
        assert run_command(patch, *_train(folder)) == 0
    return folder


def _train(folder: Path, **changes: str | Path) -> list[str]:
    options = {
        "store": folder / "store",
        "protocol": folder / "protocol.toml",
        "home": folder / "home",
        "json": folder / "train.json",
    } | changes
    return [
        "train",
        *(text for name, value in options.items() for text in (f"--{name}", str(value))),
    ]


def _refused(capsys: Any, monkeypatch: Any, *arguments: str) -> tuple[int, str]:
    code = run_command(monkeypatch, *arguments)
    return code, " ".join(capsys.readouterr().err.split())


def test_training_writes_every_ranker_pooled_and_per_origin(place: Path) -> None:
    result = TrainResult.model_validate(checked("train", place / "train.json"))
    assert set(result.rankers) == RANKERS
    assert len(result.per_origin) == 3
    for origin in result.per_origin:
        assert set(origin.rankers) == RANKERS
    assert set(result.rankers["model"].recall_at) == {"10", "25", "5000"}
    # A list longer than the population finds everybody.
    assert result.rankers["count_30d"].recall_at["5000"].value == 1
    assert result.aliases == ["challenger", "champion"]
    assert result.first_gates is not None  # none was required, and all are told
    assert "audit" in next(g.detail for g in result.first_gates if g.name == "fairness")
    assert result.population.rows == sum(o.rows for o in result.per_origin)


def test_mlflow_lost_at_the_very_end_costs_no_evaluation(
    place: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    def away(*_: Any) -> None:
        raise ModelError("MLflow's registry can't be used", fix="check that it can be reached")

    monkeypatch.setattr("hiu_training.registry.following.point", away)
    words = _train(place, home=tmp_path / "home", json=tmp_path / "train.json")
    code, said = _refused(capsys, monkeypatch, *words)
    assert code == 0
    assert "Note: The model is kept and registered, but MLflow's registry can't be used" in said
    (note,) = checked("train", tmp_path / "train.json")["registration_notes"]
    assert " ".join(note.split()) in said


@pytest.mark.parametrize("step", ["MLflow's version", "the ledger"])
def test_a_model_that_can_not_be_registered_is_judged_in_print_all_the_same(
    place: Path, tmp_path: Path, step: str, monkeypatch: Any, capsys: Any
) -> None:
    def away() -> None:
        raise ModelError("the disk is full", fix="make room")

    arm(step, away, monkeypatch.setattr)
    words = _train(place, home=tmp_path / "home", json=tmp_path / "train.json")
    assert run_command(monkeypatch, *words) == 1
    printed = capsys.readouterr()
    assert "the disk is full" in printed.err
    assert "average precision" in printed.out.lower()
    assert "is now" not in printed.out
    assert not (tmp_path / "train.json").exists()


def test_mlflow_holds_the_run_and_the_model_without_a_pickle(place: Path) -> None:
    result = json.loads((place / "train.json").read_text("utf-8"))
    files = [path for path in (place / "home/artifacts").rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"MLmodel", "evaluation.json", "protocol.toml", "calibration.svg"} <= names
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib")]
    from hiu_training.registry.mlflow_access import quiet

    with quiet():
        import mlflow

        uri = f"sqlite:///{place / 'home/mlflow.db'}"
        client = mlflow.MlflowClient(uri, uri)
        run = client.get_run(result["run_id"])
        champion = client.get_model_version_by_alias("hiu-risk", "champion")
        # Other trainings share the home: the files of this run, not the first that is found.
        logged = next(
            path.parent
            for path in files
            if path.name == "MLmodel" and result["run_id"] in path.read_text("utf-8")
        )
        served = mlflow.pyfunc.load_model(str(logged))
    outputs = [column.name for column in served.metadata.signature.outputs]
    assert outputs == ["score", "score_low", "score_high", "band"]
    assert int(champion.version) == result["registered_version"]
    kept = find(ModelHome(place / "home"), result["bundle_id"], "evaluation")
    assert kept is not None
    assert champion.tags["evaluation"] == digest(kept)
    assert run.data.params["data_hash"] == Store.open(place / "store").content_hash
    assert run.data.params["code_version"] == result["code_version"]
    key = "model.average_precision"
    # MLflow leaves the team: three digits, and counts as the files beside it show them.
    precision = result["rankers"]["model"]["average_precision"]["value"]
    assert run.data.metrics[key] == float(f"{precision:.3g}")
    logged_evaluation = next(
        path for path in files if path.name == "evaluation.json" and result["run_id"] in path.parts
    )
    population = json.loads(logged_evaluation.read_text("utf-8"))["population"]
    assert run.data.metrics["positives.test"] == population["positives"]
    assert run.data.metrics["rows.test"] == population["rows"]
    bundle = ModelHome(place / "home").load()
    values = np.random.default_rng(0).poisson(2, (4, len(bundle.feature_names))).astype(np.float32)
    import pandas as pd

    frame = pd.DataFrame(values, columns=list(bundle.feature_names))
    told = served.predict(frame)
    assert told["score"].tolist() == bundle.score(values).tolist()
    for name, limit in zip(outputs[1:3], bundle.interval(bundle.score(values)), strict=True):
        assert told[name].tolist() == limit.tolist()


def test_the_same_store_protocol_and_code_give_the_same_bundle(place: Path) -> None:
    protocol = load_protocol(place / "protocol.toml")
    text = (place / "protocol.toml").read_text("utf-8")
    again = train_model(Store.open(place / "store"), protocol, text).bundle
    assert again.id == ModelHome(place / "home").load().id


def test_contributions_add_up_for_every_test_row(place: Path) -> None:
    from hiu_training.rows.scored import judged_rows

    bundle = ModelHome(place / "home").load()
    store = Store.open(place / "store")
    rows = judged_rows(store.histories(), bundle, load_protocol(place / "protocol.toml"))
    parts, base = bundle.contributions(rows.values)
    assert np.abs(parts.sum(1) + base - bundle.log_odds(rows.values)).max() <= 1e-6


def test_scored_rows_are_the_rows_that_training_judged(place: Path) -> None:
    result = TrainResult.model_validate_json((place / "train.json").read_text("utf-8"))
    bundle = ModelHome(place / "home").load()
    scored = scored_rows(
        Store.open(place / "store"), bundle, load_protocol(place / "protocol.toml")
    )
    assert len(scored.label) == result.population.rows
    assert scored.label.sum() == result.population.positives
    assert set(scored.groups) == {"sex", "age_band", "ethnic_group", "imd_quintile"}
    assert all(len(values) == len(scored.label) for values in scored.groups.values())
    brier = float(((scored.score - scored.label) ** 2).mean())
    told = result.rankers["model"].brier
    assert told is not None
    assert told.value == pytest.approx(brier)


def test_evaluate_says_what_train_said(place: Path, monkeypatch: Any) -> None:
    trained = TrainResult.model_validate_json((place / "train.json").read_text("utf-8"))
    options = _train(place, json=str(place / "evaluate.json"), out=str(place / "report"))[1:]
    assert run_command(monkeypatch, "evaluate", *options) == 0
    result = EvaluateResult.model_validate(checked("evaluate", place / "evaluate.json"))
    assert result.bundle_id == trained.bundle_id
    assert result.rankers == trained.rankers
    assert result.per_origin == trained.per_origin
    assert result.verdict == trained.verdict
    assert result.whole_lists == trained.whole_lists
    assert result.page == str(place / "report" / "evaluation.html")
    page = (place / "report" / "evaluation.html").read_text("utf-8")
    assert trained.verdict.startswith("Only 11 people became cases at these dates")
    assert "Fewer than 20 people became cases at these dates: no verdict can be given." in page
    assert "11 people" not in page
    written = {path.name for path in (place / "report").iterdir()}
    assert written >= {"model-card.html", "model-card.md", "evaluation.json", "tripod-ai.json"}


def test_mlflow_holds_the_report_too(place: Path) -> None:
    names = {path.name for path in (place / "home/artifacts").rglob("*")}
    assert names >= {"evaluation.html", "model-card.html", "model-card.json", "tripod-ai.json"}


def test_a_second_model_becomes_challenger_alone(
    place: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    champion = ModelHome(place / "home").aliases()["champion"]
    write_protocol(tmp_path, PROTOCOL.replace("horizon_days = 60", "horizon_days = 50"))
    other = _train(place, protocol=str(tmp_path / "protocol.toml"), json=str(tmp_path / "t.json"))
    assert run_command(monkeypatch, *other) == 0
    result = json.loads((tmp_path / "t.json").read_text("utf-8"))
    assert result["aliases"] == ["challenger"]
    assert ModelHome(place / "home").aliases() == {
        "champion": champion,
        "challenger": result["version"],
    }


@pytest.mark.parametrize(
    ("find", "put", "code", "message"),
    [
        ("horizon_days = 60", "horizn_days = 60", 2, "unknown key 'horizn_days'"),
        ("horizon_days = 60", "horizon_days = 900", 1, "longer than the data"),
        ("horizon_days = 60", "horizon_days = 330", 1, "the data are too short"),
        ("test = 3", "test = 3\nfirst = 2019-01-01", 2, "the first origin is before the data"),
        ("count = 4", "count = 900", 1, "no positive case in training"),
        ('"Somebody who calls often"', '"x"\nentity = "address"', 1, "the store's entity is"),
        ("resamples = 40", "features = ['calls_31d']", 2, "calls_31d"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any, find: str, put: str, code: int,
    message: str,
) -> None:  # fmt: skip
    write_protocol(tmp_path, PROTOCOL.replace(find, put))
    before = ModelHome(place / "home").aliases()
    options = _train(place, protocol=str(tmp_path / "protocol.toml"), json=str(tmp_path / "no"))
    told = _refused(capsys, monkeypatch, *options)
    assert told[0] == code
    assert message in told[1]
    assert "What to do" in told[1]
    assert ModelHome(place / "home").aliases() == before
    assert not (tmp_path / "no").exists()


def test_a_missing_store_and_a_missing_model_are_refused(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    code, said = _refused(capsys, monkeypatch, *_train(place, store=str(tmp_path)))
    assert (code, "no store here" in said) == (2, True)
    options = _train(place, home=str(tmp_path))[1:]
    code, said = _refused(capsys, monkeypatch, "evaluate", *options)
    assert (code, "there is no champion yet" in said) == (1, True)


def test_a_model_is_not_judged_by_a_protocol_of_another_purpose(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    write_protocol(tmp_path, PROTOCOL.replace("horizon_days = 60", "horizon_days = 30"))
    options = _train(place, protocol=str(tmp_path / "protocol.toml"))[1:]
    code, said = _refused(capsys, monkeypatch, "evaluate", *options)
    assert (code, "the protocol's horizon_days is not the model's" in said) == (1, True)


def test_a_registry_that_cannot_be_reached_changes_no_alias(
    place: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    (tmp_path / "mlflow.db").mkdir()
    code, said = _refused(capsys, monkeypatch, *_train(place, home=str(tmp_path)))
    assert (code, "MLflow could not keep the run" in said) == (1, True)
    assert ModelHome(tmp_path).aliases() == {}
