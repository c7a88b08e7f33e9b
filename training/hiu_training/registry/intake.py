"""How a new model comes into a home: whole, or so that it is known what is missing.

Written in this order: MLflow's run, the bundle, its evidence, the alias challenger, MLflow's
version; for a home's first model the ledger and the alias champion; MLflow's aliases last. A
step that fails takes back what was kept before it; of the run it stays known that it failed.
Killed in between, ``hiu-risk models verify`` names what is missing. MLflow never has a version
of a model that isn't kept here with its evaluation: where MLflow can't be asked whether it made
the version, nothing is taken back.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hiu_risk.errors import HiuRiskError, ModelError, UsageError
from hiu_risk.files import replacing
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import NAMES, keep
from hiu_risk.model.ledger import Ledger
from hiu_risk.times import to_seconds
from hiu_training.protocol import Protocol
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.gates import Gate
from hiu_training.registry.judged import champion_of, judge_model
from hiu_training.registry.registered import registered
from hiu_training.registry.tracking import (
    Logged,
    Run,
    check_reachable,
    end_run,
    log_run,
    register_version,
)

TRAINING = "hiu-risk train"
"""Who answers for a first champion: the protocol allowed it."""

Documents = Callable[[str], Mapping[str, dict[str, Any]]]
"""Gives the evidence about a model by name, once MLflow's run of it is known."""


@dataclass(frozen=True)
class Added:
    """A model that was taken in.

    Parameters
    ----------
    run_id : str
        MLflow's run.
    version : int
        MLflow's number of the registered version.
    evidence : dict of str to str
        Hash of each document kept.
    """

    run_id: str
    version: int
    evidence: dict[str, str]


def check_ready(home: ModelHome) -> None:
    """Refuse to begin a training whose model could not be kept and registered.

    Raises
    ------
    UsageError
        The folder can't be written to.
    ModelError
        MLflow can't be reached; the ledger was changed or cut off.
    """
    try:
        home.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home.path):
            pass
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(home.path),
            fix="choose a model home you may write to",
        ) from None
    check_reachable(home.path)
    Ledger(home).settle()
    home.aliases()


def add_model(home: ModelHome, bundle: Bundle, run: Run, documents: Documents) -> Added:
    """Keep a model with its evidence, as challenger, and register it with MLflow.

    Raises
    ------
    ModelError
        MLflow can't be reached or refused: nothing is kept, unless it may have made the version.
    UsageError
        The home can't be written to, or the disk is full: nothing is kept or registered.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = bundle.save(Path(scratch) / bundle.version)
        logged = log_run(home.path, bundle, folder, run)
    with _all_or_nothing(home, bundle, logged) as begun:
        home.add(bundle)
        found = documents(logged.run_id)
        begun.documents = tuple(found)
        kept = {name: keep(home, bundle.version, name, data) for name, data in found.items()}
        with Ledger(home).locked():
            home.set_alias("challenger", bundle.version)
        begun.registering = True
        number = register_version(home.path, bundle, logged, kept.get("evaluation", ""))
    return Added(logged.run_id, number, kept)


@dataclass
class _Begun:
    """How far a model has come in.

    Parameters
    ----------
    documents : tuple of str
        The kinds of evidence that are being kept.
    registering : bool
        Whether MLflow was asked for the version: it may have made it.
    """

    documents: tuple[str, ...] = ()
    registering: bool = False


@dataclass(frozen=True)
class _Before:
    """What a home had before a model came in.

    Parameters
    ----------
    new : bool
        Whether the model was not there.
    challenger : str
        May be empty.
    evidence : dict of str to bytes or None
        About the model, of each kind.
    """

    new: bool
    challenger: str
    evidence: dict[str, bytes | None]


@contextmanager
def _all_or_nothing(home: ModelHome, bundle: Bundle, logged: Logged) -> Iterator[_Begun]:
    """Put a home back as it was if the block fails."""
    begun, before = _Begun(), _before(home, bundle.version)
    try:
        yield begun
    except BaseException as error:
        if not (begun.registering and _is_registered(home, bundle, logged)):
            with suppress(HiuRiskError, OSError), Ledger(home).locked():
                _take_back(home, bundle.version, before, begun.documents)
            with suppress(HiuRiskError):
                end_run(home.path, logged.run_id, "FAILED")
        if isinstance(error, OSError):
            raise UsageError(
                f"can't keep the model: {error.strerror}; it was not registered",
                where=str(home.path),
                fix="make room there, or see to it that you may write, and train again",
            ) from error
        raise


def _before(home: ModelHome, version: str) -> _Before:
    files = {name: _document(home, version, name) for name in NAMES}
    return _Before(
        new=version not in home.ids(),
        challenger=home.aliases().get("challenger", ""),
        evidence={
            name: file.read_bytes() if file.is_file() else None for name, file in files.items()
        },
    )


def _document(home: ModelHome, version: str, name: str) -> Path:
    return home.path / "evidence" / version / f"{name}.json"


def _is_registered(home: ModelHome, bundle: Bundle, logged: Logged) -> bool:
    """Whether MLflow made the version after all, and only its answer was lost."""
    try:
        return any(version.run_id == logged.run_id for version in registered(home.path))
    except ModelError as error:
        raise ModelError(
            f"MLflow can't be asked whether it registered model {bundle.version}, which is kept "
            f"with its evidence, as challenger ({error.what})",
            where=error.where,
            fix="when MLflow can be reached again, hiu-risk models verify names what is open",
        ) from error


def _take_back(home: ModelHome, version: str, before: _Before, documents: tuple[str, ...]) -> None:
    if before.new:
        home.discard(version)
        shutil.rmtree(home.path / "evidence" / version, ignore_errors=True)
    else:
        for name in documents:
            file, was = _document(home, version, name), before.evidence[name]
            if was is None:
                file.unlink(missing_ok=True)
            else:
                with replacing(file) as temporary:
                    temporary.write_bytes(was)
    if home.aliases().get("challenger", version) != version:
        return  # another training set it meanwhile
    if before.challenger in home.ids():
        home.set_alias("challenger", before.challenger)
    else:
        home.drop_alias("challenger")


def crown_if_first(
    home: ModelHome, bundle: Bundle, protocol: Protocol, *, now: str
) -> tuple[Gate, ...]:
    """Make the very first model champion where its protocol says so; gives its gates, if so.

    None of them is required of it. The ledger then says that it was the first.
    """
    ledger = Ledger(home)
    ledger.settle()
    if protocol.promote != "first" or champion_of(home):
        return ()
    try:
        return _crown(ledger, bundle, protocol.gates, now)
    except ModelError:
        if ledger.champion:  # another training was first, a moment ago
            return ()
        raise


def _crown(ledger: Ledger, bundle: Bundle, settings: GateSettings, now: str) -> tuple[Gate, ...]:
    judged = judge_model(ledger.home, bundle.version, settings)
    ledger.append(
        at=to_seconds(datetime.fromisoformat(now)),
        action="first",
        version=bundle.version,
        previous_version="",
        who=TRAINING,
        reason='first model of this home; its protocol says promote = "first"',
        gates=[asdict(gate) for gate in judged.gates],
        evidence=judged.evidence,
    )
    return judged.gates
