"""Log a training to MLflow: everything about the run; then its bundle as a registered version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiu_risk.model import Bundle
from hiu_training.registry.belonging import HOME_TAG, is_own, make_home_id
from hiu_training.registry.mlflow_access import mlflow_at, own_database

EXPERIMENT = "hiu-risk"
REGISTERED = "hiu-risk"

BUNDLE_TAG = "bundle_id"
"""Tag of a run and of a registered version: which bundle it is."""

EVALUATION_TAG = "evaluation"
"""Tag of a registered version: hash of the evaluation that was kept when it was made."""

REFUSED = "MLflow could not keep the run"
FIX = "check that it can be reached and written to; no alias was changed"


@dataclass(frozen=True)
class Run:
    """What is logged.

    Parameters
    ----------
    parameters, tags : dict of str to str
    metrics : dict of str to float
    files : sequence of Path
        Copied to the run's artifacts.
    """

    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Sequence[Path]


@dataclass(frozen=True)
class Logged:
    """Where MLflow keeps a run and the model that was logged with it.

    Parameters
    ----------
    run_id, model_id : str
        MLflow's ids.
    """

    run_id: str
    model_id: str


def log_run(home: Path, bundle: Bundle, folder: Path, run: Run) -> Logged:
    """Log a run and its bundle; registers nothing yet.

    Parameters
    ----------
    home : Path
        Model home; holds the database and the artifacts unless ``MLFLOW_TRACKING_URI`` is set.
    bundle : Bundle
        The model.
    folder : Path
        Its folder.
    run : Run
        The rest.

    Raises
    ------
    ModelError
        MLflow can't be reached or refused.
    """
    with mlflow_at(home, REFUSED, FIX) as (mlflow, client):
        return _log(mlflow, client, home, bundle, folder, run)


def register_version(home: Path, bundle: Bundle, logged: Logged, evaluation: str) -> int:
    """Register what was logged as a version of our model, without alias; gives its number.

    Parameters
    ----------
    evaluation : str
        Hash of its evaluation as kept, which MLflow remembers; may be empty.

    Raises
    ------
    ModelError
        MLflow can't be reached or refused.
    """
    tags = {BUNDLE_TAG: bundle.id, HOME_TAG: make_home_id(home)} | (
        {EVALUATION_TAG: evaluation} if evaluation else {}
    )
    with mlflow_at(home, REFUSED, FIX) as (_, client):
        if not client.search_registered_models(f"name = '{REGISTERED}'"):
            client.create_registered_model(REGISTERED)
        # MLflow's own shorthand for this writes on the user's screen.
        made = client.create_model_version(
            REGISTERED,
            source=f"models:/{logged.model_id}",
            run_id=logged.run_id,
            tags=tags,
            model_id=logged.model_id,
        )
    return int(made.version)


def end_run(home: Path, run_id: str, status: str) -> None:
    """Say of a run how it ended: ``FAILED`` or ``KILLED``.

    Raises
    ------
    ModelError
        MLflow can't be reached or refused.
    """
    with mlflow_at(home, REFUSED, FIX) as (_, client):
        client.set_terminated(run_id, status)


def unended_runs(home: Path) -> list[str]:
    """Give the home's runs that were begun and never ended: those of killed trainings.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    with mlflow_at(home, REFUSED, FIX) as (_, client):
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        found = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
        return sorted(
            run.info.run_id
            for run in found
            if is_own(home, run.data.tags, run.data.tags.get(BUNDLE_TAG, ""))
        )


def check_reachable(home: Path) -> None:
    """Refuse to begin a long work whose result MLflow could not keep.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    fix = "check that it can be reached and written to; nothing was done yet"
    with mlflow_at(home, REFUSED, fix) as (_, client):
        if own_database(home) is None:
            client.get_experiment_by_name(EXPERIMENT)


def _log(mlflow: Any, client: Any, home: Path, bundle: Bundle, folder: Path, run: Run) -> Logged:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        experiment_id = client.create_experiment(EXPERIMENT, artifact_location=_artifacts(home))
    else:
        experiment_id = experiment.experiment_id
    tags = {BUNDLE_TAG: bundle.id, HOME_TAG: make_home_id(home)}
    with mlflow.start_run(
        experiment_id=experiment_id, run_name=bundle.version, tags=tags
    ) as started:
        run_id: str = started.info.run_id
        mlflow.log_params({k: str(v)[:500] for k, v in run.parameters.items()})
        mlflow.log_metrics(dict(run.metrics))
        mlflow.set_tags(dict(run.tags))
        for file in run.files:
            client.log_artifact(run_id, str(file))
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module="hiu_training.pyfunc",
            data_path=str(folder),
            signature=_signature(bundle),
            pip_requirements=["hiu-risk"],
        )
    return Logged(run_id, logged.model_id)


def _artifacts(home: Path) -> str | None:
    """Where a home's own MLflow keeps files; a server knows its own place."""
    if own_database(home) is None:
        return None
    folder = home.resolve() / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


def _signature(bundle: Bundle) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    return ModelSignature(
        inputs=Schema([ColSpec(DataType.float, name) for name in bundle.feature_names]),
        outputs=Schema(
            [
                *(ColSpec(DataType.double, name) for name in ("score", "score_low", "score_high")),
                ColSpec(DataType.string, "band"),
            ]
        ),
    )
