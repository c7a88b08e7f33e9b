"""What a model is for and what it was made from: its manifest, and how it is checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiu_risk.errors import ModelError

SCHEMA_VERSION = 1
FILES = ("anchor.json", "booster.txt", "calibrator.json", "reference.json", "protocol.toml")


class BundleError(ModelError):
    """A model folder that can't be trusted or doesn't fit."""


@dataclass(frozen=True)
class Manifest:
    """What a model is for, and what it was made from.

    Parameters
    ----------
    feature_names : tuple of str
        The model's inputs, in order.
    catalogue_hash : str
        Hash of the declarations of those features.
    definition : dict
        The rule; :meth:`Definition.from_dict` reads it.
    target, overlap : str
        ``onset``, ``relapse`` or ``persistence``; ``straddle`` or ``disjoint``.
    horizon_days, washout_days : int
        How far ahead the model looks; how long the rule must not have been met.
    policy : dict
        Who is eligible.
    zone : str
        Local time zone of the data it was trained on.
    counting : dict
        The store's counting switches.
    trained_through : int
        UTC seconds; nothing from this moment on was used to fit any part of the model.
    data_hash, protocol_hash, code_version : str
        What the model was made from.
    bands : dict
        Lowest score of each band but ``usual``.
    base_rate : float
        Share of positive rows in the calibration block.
    mitigation : dict or None
        What was chosen against unfairness, by whom and why; None where nothing was.
    """

    feature_names: tuple[str, ...]
    catalogue_hash: str
    definition: Mapping[str, Any]
    target: str
    horizon_days: int
    washout_days: int
    overlap: str
    policy: Mapping[str, Any]
    zone: str
    counting: Mapping[str, Any]
    trained_through: int
    data_hash: str
    protocol_hash: str
    code_version: str
    bands: Mapping[str, float]
    base_rate: float
    mitigation: Mapping[str, Any] | None = None


def digest(data: Any) -> str:
    """Give the hex SHA-256 of plain data, whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest and check that it is whole and of a schema we know."""
    path = folder / "manifest.json"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version, claimed = data["schema_version"], data.pop("id")
        files = data["files"]
    except OSError:
        raise BundleError("no model here", where=str(folder), fix="run hiu-risk train") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BundleError("not a model's manifest", where=str(path), fix="train again") from None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"a model of schema {version}, but this version reads {SCHEMA_VERSION}",
            where=str(path),
            fix="train again, or use the version of hiu-risk that wrote it",
        )
    if digest(data) != claimed or set(files) != set(FILES):
        raise BundleError(
            "the manifest was changed after it was written", where=str(path), fix="train again"
        )
    return data


def read_checked(folder: Path, name: str, sha: str) -> str:
    """Read one file of a bundle, refusing it if its hash is not the manifest's."""
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError:
        raise BundleError("a file of the model is missing", where=str(path)) from None
    if hashlib.sha256(content).hexdigest() != sha:
        raise BundleError(
            "a file of the model was changed after it was written",
            where=str(path),
            fix="restore it or train again",
        )
    return content.decode("utf-8")
