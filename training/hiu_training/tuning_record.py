"""Every trial of a search in MLflow: one run for the search, and a nested one for each trial."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hiu_risk.errors import ModelError
from hiu_training.protocol import Protocol
from hiu_training.tracking import _artifacts, _check_file, _quiet, tracking_uri

EXPERIMENT = "hiu-risk-tune"
RUN = "mlflow_run"
"""Where the study keeps the id of the search's run."""

PARENT = "mlflow.parentRunId"


class Recorder:
    """Writes finished trials to MLflow, each once, also those of a run that was stopped.

    Parameters
    ----------
    home : Path
        Model home.
    study : optuna.Study
    protocol : Protocol
    data_hash : str

    Raises
    ------
    ModelError
        MLflow can't be reached or refused.
    """

    def __init__(self, home: Path, study: optuna.Study, protocol: Protocol, data_hash: str) -> None:
        self.study, self.uri = study, tracking_uri(home)
        with _reached(self.uri) as mlflow:
            _check_file(self.uri)
            self.client = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            self.experiment = self._experiment(home)
            kept = study.user_attrs.get(RUN)
            if kept is None:
                tags = {"data_hash": data_hash, "protocol_hash": protocol.hash}
                kept = self._run(study.study_name, tags)
                study.set_user_attr(RUN, kept)
            self.run_id: str = kept
            self.client.update_run(kept, status="RUNNING")
            self.written = self._written()

    def _experiment(self, home: Path) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        local = None if "MLFLOW_TRACKING_URI" in os.environ else _artifacts(home)
        return str(self.client.create_experiment(EXPERIMENT, artifact_location=local))

    def _written(self) -> set[str]:
        """Give the trials there already; one that was cut off is written again."""
        runs = self.client.search_runs(
            [self.experiment], f"tags.`{PARENT}` = '{self.run_id}'", max_results=50_000
        )
        for run in runs:
            if run.info.status != "FINISHED":
                self.client.delete_run(run.info.run_id)
        return {run.info.run_name for run in runs if run.info.status == "FINISHED"}

    def _run(self, name: str, tags: dict[str, str]) -> str:
        run = self.client.create_run(self.experiment, tags=tags, run_name=name)
        return str(run.info.run_id)

    def catch_up(self) -> None:
        """Write every finished trial that has no run yet."""
        done = self.study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)
        )
        with _reached(self.uri):
            for place, trial in enumerate(done):
                name = f"{self.study.study_name}-{place}"
                if name not in self.written:
                    self._write(name, trial)
                    self.written.add(name)

    def _write(self, name: str, trial: FrozenTrial) -> None:
        run = self._run(name, {PARENT: self.run_id, "state": trial.state.name.lower()})
        for knob, value in trial.params.items():
            self.client.log_param(run, knob, value)
        for fold, value in sorted(trial.intermediate_values.items()):
            self.client.log_metric(run, "mean_average_precision", value, step=fold)
        if trial.value is not None:
            self.client.log_metric(run, "criterion", trial.value)
        self.client.set_terminated(run)

    def close(self) -> None:
        """Mark the search as ended."""
        with _reached(self.uri):
            self.client.set_terminated(self.run_id)


@contextmanager
def _reached(uri: str) -> Iterator[Any]:
    """Give MLflow, kept quiet; its troubles become ours."""
    with _quiet():
        import mlflow

        for name in ("mlflow", "alembic"):  # MLflow sets its own levels when imported
            logging.getLogger(name).setLevel(logging.ERROR)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield mlflow
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise ModelError(
                f"MLflow could not keep the trials ({type(error).__name__})",
                where=uri.split("@")[-1],
                fix="check that it can be reached and written to; finished trials are kept, and "
                "the same command goes on from there",
            ) from error
