"""Log a training to MLflow: everything about the run, and the bundle as a registered model."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiu_risk.errors import ModelError
from hiu_risk.model import Bundle

EXPERIMENT = "hiu-risk"
REGISTERED = "hiu-risk"

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_ENV_CREATION": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
"""Locked-down networks: MLflow talks to nobody but its own store."""


@dataclass(frozen=True)
class Run:
    """What is logged.

    Parameters
    ----------
    parameters, tags : dict of str to str
    metrics : dict of str to float
    files : sequence of Path
        Copied to the run's artifacts.
    aliases : tuple of str
        Aliases that the registered version gets.
    """

    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Sequence[Path]
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Tracked:
    """Where MLflow keeps the run.

    Parameters
    ----------
    run_id : str
        MLflow's id of the run.
    version : int
        Version of the registered model.
    """

    run_id: str
    version: int


def tracking_uri(home: Path) -> str:
    """Give ``MLFLOW_TRACKING_URI`` where it is set, else SQLite in the home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.resolve() / 'mlflow.db'}"


def track(home: Path, bundle: Bundle, folder: Path, run: Run) -> Tracked:
    """Log a run and register its bundle.

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
        MLflow can't be reached or refused; no alias was set.
    """
    with _quiet():
        import mlflow

        for name in ("mlflow", "alembic"):  # MLflow sets its own levels when imported
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            home.mkdir(parents=True, exist_ok=True)
            _check_file(tracking_uri(home))
            return _log(mlflow, home, bundle, folder, run)
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise ModelError(
                f"MLflow could not keep the run ({type(error).__name__})",
                where=tracking_uri(home).split("@")[-1],
                fix="check that it can be reached and written to; no alias was changed",
            ) from error


def _check_file(uri: str) -> None:
    """Open the database once ourselves: MLflow would try ten times, for minutes."""
    if uri.startswith("sqlite:///"):
        with closing(sqlite3.connect(uri.removeprefix("sqlite:///"), timeout=5)) as database:
            database.execute("PRAGMA schema_version").fetchone()


def _log(mlflow: Any, home: Path, bundle: Bundle, folder: Path, run: Run) -> Tracked:
    local = None if "MLFLOW_TRACKING_URI" in os.environ else _artifacts(home)
    uri = tracking_uri(home)
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        experiment_id = client.create_experiment(EXPERIMENT, artifact_location=local)
    else:
        experiment_id = experiment.experiment_id
    with mlflow.start_run(experiment_id=experiment_id, run_name=bundle.version) as started:
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
            registered_model_name=REGISTERED,
        )
    version = int(logged.registered_model_version)
    for alias in run.aliases:
        client.set_registered_model_alias(REGISTERED, alias, str(version))
    return Tracked(run_id, version)


def _artifacts(home: Path) -> str:
    folder = home.resolve() / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()


def _signature(bundle: Bundle) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    return ModelSignature(
        inputs=Schema([ColSpec(DataType.float, name) for name in bundle.feature_names]),
        outputs=Schema([ColSpec(DataType.double, "score"), ColSpec(DataType.string, "band")]),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow off the network, and its chatter off the user's screen."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # MLflow writes its own address into the environment: the next run must not inherit it.
    uris = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")}
    noisy = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in noisy]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in noisy:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(noisy, levels, strict=True):
                logger.setLevel(level)
            for name, uri in uris.items():
                os.environ.pop(name, None)
                if uri is not None:
                    os.environ[name] = uri
