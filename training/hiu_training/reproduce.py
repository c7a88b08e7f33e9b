"""Train a model again from what it says about itself, and compare the result byte by byte."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from hiu_risk.errors import ModelError, UsageError
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.store import Store
from hiu_training.protocol import parse_protocol
from hiu_training.registry.probe import probe_rows
from hiu_training.registry.provenance import libraries
from hiu_training.registry.registered import run_of
from hiu_training.train import code_version, retrain


@dataclass(frozen=True)
class Difference:
    """Something that was otherwise when the model was trained.

    Parameters
    ----------
    what : str
        ``data``, ``protocol``, ``code``, a library, or a file of the bundle.
    recorded, now : str
        Then and now.
    """

    what: str
    recorded: str
    now: str


@dataclass(frozen=True)
class Reproduction:
    """Whether the same model came out.

    Parameters
    ----------
    recorded_id, trained_id : str
        The bundle's id, and that of the bundle trained now; empty where nothing was trained.
    differences : tuple of Difference
        What differs in what it was made from.
    files : tuple of str
        Files of the bundle that differ.
    scores_differ : float or None
        The largest difference between both models' scores for made-up rows.
    """

    recorded_id: str
    trained_id: str
    differences: tuple[Difference, ...]
    files: tuple[str, ...]
    scores_differ: float | None

    @property
    def same(self) -> bool:
        """Whether the bundles are the same to the last byte."""
        return self.trained_id == self.recorded_id


def find_model(home: ModelHome, name: str) -> Bundle:
    """Load a model by alias, version or MLflow run.

    Raises
    ------
    UsageError
        MLflow has no such run.
    """
    if re.fullmatch("[0-9a-f]{32}", name):
        bundle_id = run_of(home.path, name)
        if not bundle_id:
            raise UsageError(
                "MLflow has no such run of a model",
                where=str(home.path),
                fix="name a run, or a model: see hiu-risk models",
            )
        name = bundle_id
    return home.load(name)


def reproduce(home: ModelHome, name: str, store: Store) -> Reproduction:
    """Train a model again and compare.

    Where the data are others, nothing is trained: another model would come out in any case.

    Raises
    ------
    ModelError
        The bundle holds no protocol.
    """
    bundle = find_model(home, name)
    if not bundle.protocol.strip():
        raise ModelError(
            "the model holds no protocol to train from again", where=f"model {bundle.version}"
        )
    protocol = parse_protocol(bundle.protocol, where=f"protocol of {bundle.version}")
    made = bundle.manifest
    evaluation = find(home, bundle.version, "evaluation") or {}
    recorded: dict[str, Any] = evaluation.get("made", {}).get("libraries", {})
    pairs = {
        "data": (made.data_hash, store.content_hash),
        "protocol": (made.protocol_hash, protocol.hash),
        "code": (made.code_version, code_version()),
        **{what: (recorded.get(what, now), now) for what, now in libraries().items()},
    }
    differences = tuple(
        Difference(what, str(then), now) for what, (then, now) in pairs.items() if then != now
    )
    if made.data_hash != store.content_hash:
        return Reproduction(bundle.id, "", differences, (), None)
    again = retrain(store, protocol, bundle.protocol)
    if made.mitigation is not None:  # a decision about the model, not a product of training
        again = replace(again, manifest=replace(again.manifest, mitigation=made.mitigation))
    return Reproduction(
        bundle.id, again.id, differences, differing_files(bundle, again), _apart(bundle, again)
    )


def differing_files(one: Bundle, other: Bundle) -> tuple[str, ...]:
    """Name the files in which two bundles differ; the manifest says what both are made from."""
    mine, theirs = one.file_hashes(), other.file_hashes()
    files = [name for name in mine if mine[name] != theirs[name]]
    return tuple(files if one.manifest == other.manifest else ["manifest.json", *files])


def _apart(one: Bundle, other: Bundle) -> float | None:
    if one.feature_names != other.feature_names:
        return None
    rows = probe_rows(one)
    return float(abs(one.score(rows, threads=1) - other.score(rows, threads=1)).max())
