"""Tune a protocol: search its settings at dates before the test origins, with Optuna.

The untuned settings are trial 0. Others are returned only where they are better by more than one
standard error of the paired difference, after taking off what the best of so many trials gains by
luck: so tuning can't make a protocol worse by its own measure, and seldom by another.

What comes next depends on the protocol, the store, the code and the trials finished so far, and
on nothing else: a search that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hiu_features import Catalogue
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.store import Store
from hiu_training.judging.baselines import check_counts
from hiu_training.learning.learner import learn
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.split import make_split
from hiu_training.train import check_entity, chosen_catalogue, code_version
from hiu_training.tuning.fold_warnings import FoldWarnings
from hiu_training.tuning.folds import (
    FOLDS,
    RESAMPLES,
    Fold,
    Judge,
    luck,
    make_folds,
    mean_precision,
    standard_error,
)
from hiu_training.tuning.record import Recorder
from hiu_training.tuning.space import distributions, turned, untuned

log = logging.getLogger(__name__)

STARTUP = 8
"""Trials at random before the search learns from what it has seen."""

DRAWS, TROUBLE = "draws", "trouble"


@dataclass(frozen=True)
class Step:
    """A trial just finished.

    Parameters
    ----------
    number : int
        Of the trial; 0 is the untuned protocol.
    value : float
        Its mean average precision, over the folds that it was let run.
    folds, of : int
        How many those were; fewer than ``of`` where it was stopped early.
    best, best_number : float, int
        The best so far, and whose it is.
    untuned : float
        That of trial 0, over the same folds.
    """

    number: int
    value: float
    folds: int
    of: int
    best: float
    best_number: int
    untuned: float


@dataclass(frozen=True)
class Tuned:
    """What the search found.

    Parameters
    ----------
    protocol : Protocol
        The protocol with the settings chosen; the one given where nothing was better.
    settings : dict
        Every knob's chosen value.
    number : int
        Trial chosen; 0 is the untuned protocol.
    untuned, chosen : float
        Mean average precision of either.
    best_number : int
        The best trial, whether or not it was chosen.
    difference, standard_error : float
        Best minus untuned, and how sure that is.
    luck : float
        How much of a difference the best of so many trials would show by chance.
    trials, pruned, earlier : int
        Trials in all, those stopped early, and those of an earlier run.
    folds : list of dict
        Dates learned from and judged at, in UTC seconds.
    study, run_id : str
        Names of the search in ``tune.db`` and of its run in MLflow.
    """

    protocol: Protocol
    settings: dict[str, Any]
    number: int
    untuned: float
    chosen: float
    best_number: int
    difference: float
    standard_error: float
    luck: float
    trials: int
    pruned: int
    earlier: int
    folds: list[dict[str, list[int]]]
    study: str
    run_id: str


def tune(
    store: Store,
    protocol: Protocol,
    home: Path,
    *,
    trials: int,
    out_of_time: Callable[[], bool] = lambda: False,
    report: Callable[[Step], None] = lambda step: None,
) -> Tuned:
    """Search the settings of a protocol.

    Parameters
    ----------
    store : Store
    protocol : Protocol
        Where the search starts.
    home : Path
        Model home: ``tune.db`` keeps the trials, MLflow their record.
    trials : int
        Trials in all, those of an earlier run included.
    out_of_time : callable
        Asked between trials and folds; the untuned trial is always finished.
    report : callable
        Told of every trial.

    Raises
    ------
    ModelError
        Data too short for a fold, or a protocol that can't be trained.
    UsageError
        Another search is running in this home, or its database can't be opened.
    """
    check_entity(store, protocol)
    catalogue = chosen_catalogue(protocol)
    check_counts(catalogue.names, protocol.definition)
    histories = store.histories()
    split = make_split(protocol, histories.feeds, histories.zone)
    make_folds(split)  # before the work of building inputs
    log.info("Building inputs at %d dates, all before the test dates", len(split.development))
    rows = make_rows(histories, split.development, protocol, catalogue)
    objective = _Objective(rows, _usable(make_folds(split), rows), protocol, catalogue)
    with alone(home), _study(home, _name(store, protocol)) as study:
        recorder = Recorder(home, study, protocol, store.content_hash)
        search = _Search(study, objective, recorder, out_of_time, report)
        earlier = len(finished(study))
        search.run(trials)
        recorder.close()
        return _tuned(study, objective, earlier, recorder.run_id)


class _Objective:
    """Mean average precision of a protocol's settings at the folds."""

    def __init__(
        self, rows: Rows, folds: list[Fold], protocol: Protocol, catalogue: Catalogue
    ) -> None:
        self.rows, self.folds, self.protocol, self.catalogue = rows, folds, protocol, catalogue
        self.judge = Judge(rows, folds, protocol.seed)
        self.heard = FoldWarnings()

    def fold(self, number: int, settings: Mapping[str, Any]) -> NDArray[np.float64]:
        """Learn with these settings at one fold and rank what came later."""
        fold = self.folds[number]
        protocol = turned(self.protocol, self.catalogue, settings)
        # A few positives can't be calibrated; they can be ranked.
        protocol = replace(protocol, few_positives="offset")
        chosen = self.catalogue.select(protocol.features) if protocol.features else self.catalogue
        known = self.rows.part(fold.learned(self.rows), chosen.names)
        with self.heard.during(number):
            learned = learn(known, fold.split, protocol, chosen.directions)
        later = self.rows.part(fold.later(self.rows), chosen.names)
        score = learned.anchor.log_odds(later.values, later.names)
        return self.judge.precision(number, score + learned.booster.raw(later.values))


def _usable(folds: list[Fold], rows: Rows) -> list[Fold]:
    """Leave out folds that nothing can be learned from or judged by."""
    kept = [
        fold
        for fold in folds
        if _both(rows.label[fold.learned(rows)]) and _both(rows.label[fold.later(rows)])
    ]
    if not kept:
        raise ModelError(
            f"no fold has positive cases both to learn from and to judge by, among "
            f"{rows.positives} in all",
            where="training origins",
            fix="lengthen horizon_days, ingest more data, or train without tuning",
        )
    return kept


def _both(label: NDArray[np.int8]) -> bool:
    return 0 < int(label.sum()) < len(label)


class _Search:
    """Goes from trial to trial; everything it needs to go on is in the study."""

    def __init__(
        self,
        study: optuna.Study,
        objective: _Objective,
        recorder: Recorder,
        out_of_time: Callable[[], bool],
        report: Callable[[Step], None],
    ) -> None:
        self.study, self.objective, self.recorder = study, objective, recorder
        self.out_of_time, self.report = out_of_time, report

    def run(self, trials: int) -> None:
        for left in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(left.number, state=TrialState.FAIL)  # of a run that was killed
        self.recorder.catch_up()
        if not finished(self.study):
            self._untuned()
        while len(finished(self.study)) < trials and not self.out_of_time():
            if not self._next():
                break

    def _untuned(self) -> None:
        objective = self.objective
        settings = untuned(objective.protocol, objective.catalogue)
        folds = [objective.fold(k, settings) for k in range(len(objective.folds))]
        draws = mean_precision(folds)
        self.study.add_trial(
            optuna.trial.create_trial(
                params=settings,
                distributions=distributions(objective.protocol, objective.catalogue),
                value=float(draws[0]),
                intermediate_values={
                    k: float(mean_precision(folds[: k + 1])[0]) for k in range(len(folds))
                },
                user_attrs={DRAWS: draws.tolist()},
            )
        )
        self._told()

    def _next(self) -> bool:
        """Run one trial; False where the time ran out in the middle of it."""
        objective, study = self.objective, self.study
        # A sampler of its own for each trial: going on equals never having stopped.
        seed = np.random.SeedSequence([objective.protocol.seed, len(finished(study))])
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP, seed=int(seed.generate_state(1)[0])
        )
        trial = study.ask(distributions(objective.protocol, objective.catalogue))
        folds: list[NDArray[np.float64]] = []
        try:
            for number in range(len(objective.folds)):
                if self.out_of_time():
                    study.tell(trial, state=TrialState.FAIL)
                    return False
                folds.append(objective.fold(number, trial.params))
                trial.report(float(mean_precision(folds)[0]), number)
                if len(folds) < len(objective.folds) and trial.should_prune():
                    study.tell(trial, state=TrialState.PRUNED)
                    self._told()
                    return True
        except ModelError as error:
            trial.set_user_attr(TROUBLE, str(error))
            study.tell(trial, 0.0)
        except BaseException:
            study.tell(trial, state=TrialState.FAIL)  # stopped: the trial is tried again
            raise
        else:
            draws = mean_precision(folds)
            trial.set_user_attr(DRAWS, draws.tolist())
            study.tell(trial, float(draws[0]))
        self._told()
        return True

    def _told(self) -> None:
        self.objective.heard.say(len(self.objective.folds))
        self.recorder.catch_up()
        done = finished(self.study)
        best, of = best_of(done), len(self.objective.folds)
        folds = max(done[-1].intermediate_values, default=0)
        value = done[-1].value
        if done[-1].state == TrialState.PRUNED:
            value = done[-1].intermediate_values[folds]
        self.report(
            Step(
                number=len(done) - 1,
                value=float(value or 0.0),
                folds=folds + 1 if done[-1].state == TrialState.PRUNED else of,
                of=of,
                best=float(best.value or 0.0),
                best_number=done.index(best),
                untuned=float(done[0].intermediate_values[folds]),
            )
        )


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Give the trials that came to an end, in order; the first is the untuned one."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def best_of(trials: list[FrozenTrial]) -> FrozenTrial:
    """Give the best of the trials that ran to their end; the earliest of equals."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))


def _tuned(study: optuna.Study, objective: _Objective, earlier: int, run_id: str) -> Tuned:
    done = finished(study)
    default, best = done[0], best_of(done)
    difference = float(best.value or 0.0) - float(default.value or 0.0)
    draws = {t.number: np.array(t.user_attrs[DRAWS]) for t in done if DRAWS in t.user_attrs}
    start = draws.pop(default.number)
    error = 0.0 if best is default else standard_error(draws[best.number], start)
    lucky = luck(np.array([one - start for one in draws.values()]).reshape(-1, len(start)))
    chosen = best if difference - lucky > error else default
    settings = dict(chosen.params)
    development = objective.rows.as_ofs
    return Tuned(
        protocol=turned(objective.protocol, objective.catalogue, settings),
        settings=settings,
        number=done.index(chosen),
        untuned=float(default.value or 0.0),
        chosen=float(chosen.value or 0.0),
        best_number=done.index(best),
        difference=difference,
        standard_error=error,
        luck=lucky,
        trials=len(done),
        pruned=sum(trial.state == TrialState.PRUNED for trial in done),
        earlier=earlier,
        folds=[
            {
                "learned": fold.split.development.tolist(),
                "judged": development[slice(*fold.judged)].tolist(),
            }
            for fold in objective.folds
        ],
        study=study.study_name,
        run_id=run_id,
    )


def _name(store: Store, protocol: Protocol) -> str:
    """Name the search by all that its trials depend on."""
    said = json.dumps([protocol.hash, store.content_hash, code_version(), FOLDS, RESAMPLES])
    return hashlib.sha256(said.encode("utf-8")).hexdigest()[:12]


@contextmanager
def _study(home: Path, name: str) -> Iterator[optuna.Study]:
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = home.resolve() / "tune.db"
    try:
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 30}}
        )
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP // 2),
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise UsageError(
            f"the trials kept can't be opened ({type(error).__name__})",
            where=str(path),
            fix="move that file away to start the search anew",
        ) from error
    try:
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the home's search for one process; released however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(home / "tune.lock", timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise UsageError(
                "another search is running in this home",
                where=str(home),
                fix="wait for it to end, or name another --home",
            ) from None
        yield
