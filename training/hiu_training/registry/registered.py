"""MLflow's registered versions and their aliases, which follow the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiu_training.registry.belonging import is_own
from hiu_training.registry.mlflow_access import mlflow_at, own_database, tracking_uri
from hiu_training.registry.tracking import BUNDLE_TAG, EVALUATION_TAG, REGISTERED

LEDGER_TAG = "ledger"
"""Tag of a registered version: row and hash of the ledger's newest row about it."""


@dataclass(frozen=True)
class Registered:
    """A registered version.

    Parameters
    ----------
    number : int
        MLflow's number of it.
    bundle_id : str
        Which bundle it is.
    run_id : str
        The run that made it.
    aliases : tuple of str
    ledger : str
        ``row:hash`` of the ledger, as it was when the version became champion; may be empty.
    evaluation : str
        Hash of the evaluation kept when it was made; may be empty.
    own : bool
        Whether it belongs to the home that asks, and not to another that shares its MLflow.
    """

    number: int
    bundle_id: str
    run_id: str
    aliases: tuple[str, ...]
    ledger: str
    evaluation: str = ""
    own: bool = True


def is_there(home: Path) -> bool:
    """Whether there is an MLflow to ask; a home that never trained has none of its own."""
    path = own_database(home)
    return path is None or (path.is_file() and path.stat().st_size > 0)


def registered(home: Path) -> list[Registered]:
    """Give every registered version of a home, newest first.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    return [version for version in registered_by_all(home) if version.own]


def registered_by_all(home: Path) -> list[Registered]:
    """Give every registered version, also of homes that share the MLflow, newest first.

    Raises
    ------
    ModelError
        MLflow can't be reached.
    """
    if not is_there(home):
        return []
    with _asked(home) as client:
        found = client.search_model_versions(f"name = '{REGISTERED}'", max_results=10_000)
        model = _model(client) if found else None
        aliases: dict[str, str] = dict(model.aliases) if model else {}
        return sorted(
            (_registered(home, client, version, aliases) for version in found),
            key=lambda version: -version.number,
        )


def point(home: Path, alias: str, number: int, ledger: str = "") -> None:
    """Let one of MLflow's aliases stand for a version; an empty one is left where it is.

    Raises
    ------
    ModelError
        MLflow can't be reached or refused.
    """
    with _asked(home) as client:
        if ledger:
            client.set_model_version_tag(REGISTERED, str(number), LEDGER_TAG, ledger)
        if alias:
            client.set_registered_model_alias(REGISTERED, alias, str(number))


def run_of(home: Path, run_id: str) -> str | None:
    """Give the bundle id of a run; None where MLflow has no such run."""
    if not is_there(home):
        return None
    from mlflow.exceptions import MlflowException

    with _asked(home) as client:
        try:
            tags: dict[str, str] = client.get_run(run_id).data.tags
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return tags.get(BUNDLE_TAG)


@contextmanager
def _asked(home: Path) -> Iterator[Any]:
    with mlflow_at(
        home,
        "MLflow's registry can't be used",
        "check that it can be reached and written to; hiu-risk models verify tells what is behind",
    ) as (_, client):
        yield client


def _model(client: Any) -> Any:
    return next(iter(client.search_registered_models(f"name = '{REGISTERED}'")), None)


def _registered(home: Path, client: Any, version: Any, aliases: dict[str, str]) -> Registered:
    number = str(version.version)
    tags: dict[str, str] = dict(version.tags)
    bundle_id = tags.get(BUNDLE_TAG, "")
    if not bundle_id and version.run_id:  # registered before versions carried the tag
        bundle_id = client.get_run(version.run_id).data.tags.get(BUNDLE_TAG, "")
    return Registered(
        number=int(number),
        bundle_id=bundle_id,
        run_id=version.run_id or "",
        aliases=tuple(sorted(name for name, at in aliases.items() if str(at) == number)),
        ledger=tags.get(LEDGER_TAG, ""),
        evaluation=tags.get(EVALUATION_TAG, ""),
        own=is_own(home, tags, bundle_id),
    )


def taken(versions: Sequence[Registered]) -> set[str]:
    """Give the aliases that stand for another home's versions: they are left to it."""
    return {alias for version in versions if not version.own for alias in version.aliases}


def evaluations_of(versions: Sequence[Registered]) -> list[str]:
    """Give the hashes of evaluations that MLflow's versions remember."""
    return [version.evaluation for version in versions if version.evaluation]


def where(home: Path) -> str:
    """Tell where MLflow is, without a password."""
    return tracking_uri(home).split("@")[-1]
