"""Reaching MLflow: quietly, on its own store alone, and with one kind of error."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from hiu_risk.errors import ModelError

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_ENV_CREATION": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Locked-down networks: MLflow talks to nobody but its own store."""

WAIT_SECONDS = 5.0
"""How long to wait for another command that is writing to MLflow's database."""

_SQLITE = "sqlite:///"
_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def tracking_uri(home: Path) -> str:
    """Give ``MLFLOW_TRACKING_URI`` where it is set, else SQLite in the home."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{home.resolve() / 'mlflow.db'}"


def own_database(home: Path) -> Path | None:
    """Give the file of the home's own MLflow; None where MLflow is elsewhere."""
    uri = tracking_uri(home)
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


@contextmanager
def mlflow_at(home: Path, refused: str, fix: str) -> Iterator[tuple[Any, Any]]:
    """Give the mlflow module and a client, both set to the home's store.

    Parameters
    ----------
    home : Path
        Model home; holds the database unless ``MLFLOW_TRACKING_URI`` is set.
    refused, fix : str
        What is said, and advised, where MLflow can't be reached or refuses.

    Raises
    ------
    ModelError
        MLflow can't be reached, or refused.
    """
    uri = tracking_uri(home)
    with quiet():
        import mlflow

        for name in ("mlflow", "alembic"):  # MLflow sets its own levels when imported
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            home.mkdir(parents=True, exist_ok=True)
            if uri.startswith(_SQLITE):
                _make_whole(mlflow, Path(uri.removeprefix(_SQLITE)))
                check_file(uri)
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            yield mlflow, mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise ModelError(
                f"{refused} ({type(error).__name__})", where=uri.split("@")[-1], fix=fix
            ) from error


def check_file(uri: str) -> None:
    """Lock a database of our own once ourselves: MLflow would try ten times, for minutes."""
    with closing(sqlite3.connect(uri.removeprefix(_SQLITE), timeout=WAIT_SECONDS)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.rollback()


def _make_whole(mlflow: Any, path: Path) -> None:
    """Have MLflow make a new database elsewhere, and put it in place when it is whole.

    MLflow takes seconds for its tables: a command stopped meanwhile would leave some of them, and
    two commands at once would both make them, which MLflow can't get over.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        made = Path(scratch) / "made.db"
        uri = f"{_SQLITE}{made}"
        mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
        whole = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(whole)) as copy:
                source.backup(copy)
            with suppress(FileExistsError):  # another command was first
                _put(whole, path)
        finally:
            whole.unlink(missing_ok=True)


def _put(whole: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name."""
    try:
        path.hardlink_to(whole)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if not path.exists():
            whole.rename(path)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep MLflow off the network, and its chatter off the user's screen."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # MLflow writes its own address into the environment: the next run must not inherit it.
    uris = {name: os.environ.get(name) for name in _ADDRESSES}
    noisy = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
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
