"""Every trial of a search in MLflow: one run for the search, and a nested one for each trial."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hiu_training.protocol import Protocol
from hiu_training.registry.mlflow_access import mlflow_at
from hiu_training.registry.tracking import _artifacts

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
        self.home, self.study = home, study
        with self._reached() as (_, self.client):
            self.experiment = self._experiment(home)
            kept = study.user_attrs.get(RUN)
            if kept is None:
                tags = {"data_hash": data_hash, "protocol_hash": protocol.hash}
                kept = self._run(study.study_name, tags)
                study.set_user_attr(RUN, kept)
            self.run_id: str = kept
            self.client.update_run(kept, status="RUNNING")
            self.written = self._written()

    def _reached(self) -> AbstractContextManager[tuple[Any, Any]]:
        return mlflow_at(
            self.home, "MLflow could not keep the trials",
            "check that it can be reached and written to; finished trials are kept, and the same "
            "command goes on from there",
        )  # fmt: skip

    def _experiment(self, home: Path) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        made = self.client.create_experiment(EXPERIMENT, artifact_location=_artifacts(home))
        return str(made)

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
        with self._reached():
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
        with self._reached():
            self.client.set_terminated(self.run_id)
