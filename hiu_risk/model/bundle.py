"""A trained model as a folder of text files, checked before it is believed.

``manifest.json`` says what the model is for and what it was made from, and holds the SHA-256
of every other file; the bundle's id is the SHA-256 of all that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import Definition
from hiu_risk.errors import HiuRiskError
from hiu_risk.files import write_json, write_text
from hiu_risk.model.anchor import Anchor
from hiu_risk.model.booster import Booster
from hiu_risk.model.calibrator import Calibrator, probability
from hiu_risk.model.manifest import (
    SCHEMA_VERSION,
    BundleError,
    Manifest,
    digest,
    read_checked,
    read_manifest,
)

BANDS = ("very_high", "high", "raised", "usual")


class Catalogue(Protocol):
    """What a bundle asks of a catalogue of features."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the features, in order."""

    @property
    def hash(self) -> str:
        """Hash of their declarations."""


@dataclass(frozen=True)
class Bundle:
    """An anchor, a booster, a calibrator and what is needed to trust and to read them.

    Score = probability(calibrator(anchor + booster)). Values are float32 rows in the order of
    ``feature_names``, NaN where missing. A row's results do not depend on the rows beside it.

    Parameters
    ----------
    manifest : Manifest
        What the model is for.
    anchor : Anchor
        The linear part.
    booster : Booster
        The trees.
    calibrator : Calibrator
        The last step.
    reference : dict
        For each feature, the mean and the quantiles among eligible people in training.
    protocol : str
        Text of the training protocol.
    anchor_calibrator : Calibrator
        What the anchor alone would need: it is a baseline when the model is judged.
    """

    manifest: Manifest
    anchor: Anchor
    booster: Booster
    calibrator: Calibrator
    reference: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    protocol: str = ""
    anchor_calibrator: Calibrator = field(default_factory=Calibrator)

    def __post_init__(self) -> None:
        names = self.manifest.feature_names
        unknown = self.anchor.features - set(names)
        if unknown:
            raise BundleError(
                "the anchor uses features that are not the bundle's: " + ", ".join(sorted(unknown)),
                where="anchor.json",
            )
        self.booster.check_names(names)
        if self.manifest.bands.keys() != set(BANDS[:-1]):
            raise BundleError("the bands are not " + ", ".join(BANDS), where="manifest.json")

    # What the bundle is

    def _texts(self) -> dict[str, str]:
        def pretty(data: Any) -> str:
            return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

        return {
            "anchor.json": pretty(self.anchor.to_dict()),
            "booster.txt": self.booster.text,
            "calibrator.json": pretty(
                {
                    "model": self.calibrator.to_dict(),
                    "anchor_alone": self.anchor_calibrator.to_dict(),
                }
            ),
            "reference.json": pretty(self.reference),
            "protocol.toml": self.protocol,
        }

    def _manifest_data(self) -> dict[str, Any]:
        data = {"schema_version": SCHEMA_VERSION, **asdict(self.manifest)}
        data["feature_names"] = list(self.manifest.feature_names)
        if data["mitigation"] is None:  # bundles made before there was such a key keep their id
            del data["mitigation"]
        data["files"] = self.file_hashes()
        return data

    def file_hashes(self) -> dict[str, str]:
        """Give the hex SHA-256 of each file but the manifest, by name."""
        return {
            name: hashlib.sha256(text.encode("utf-8")).hexdigest()
            for name, text in self._texts().items()
        }

    @property
    def id(self) -> str:
        """Hex SHA-256 of everything in the bundle."""
        return digest(self._manifest_data())

    @property
    def version(self) -> str:
        """The first twelve characters of the id: the model version people read."""
        return self.id[:12]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The model's inputs, in order."""
        return self.manifest.feature_names

    @property
    def definition(self) -> Definition:
        """The rule the model looks ahead for."""
        return Definition.from_dict(self.manifest.definition)

    def check_catalogue(self, catalogue: Catalogue) -> None:
        """Refuse features that are not those the model was trained on.

        Raises
        ------
        BundleError
            Naming the first features that are missing, new, or declared otherwise.
        """
        names = tuple(catalogue.names)
        if names != self.feature_names:
            gone = sorted(set(self.feature_names) - set(names))
            new = sorted(set(names) - set(self.feature_names))
            detail = [
                *([f"missing: {', '.join(gone[:5])}"] if gone else []),
                *([f"new: {', '.join(new[:5])}"] if new else []),
            ] or ["the same names in another order"]
            raise BundleError(
                f"the features are not the model's ({'; '.join(detail)})",
                where=f"model {self.version}",
                fix="train again with these features",
            )
        if catalogue.hash != self.manifest.catalogue_hash:
            raise BundleError(
                "a feature is declared otherwise than when the model was trained",
                where=f"model {self.version}",
                fix="train again with these features",
            )

    # What the bundle says

    def _check(self, values: NDArray[np.float32]) -> None:
        if values.ndim != 2 or values.shape[1] != len(self.feature_names):
            raise BundleError(
                f"rows of {values.shape[-1]} features, but the model has {len(self.feature_names)}",
                where=f"model {self.version}",
            )

    def raw_log_odds(self, values: NDArray[np.float32], *, threads: int = 0) -> NDArray[np.float64]:
        """Give anchor plus booster, before calibration, shape (n,)."""
        self._check(values)
        anchor = self.anchor.log_odds(values, self.feature_names)
        return anchor + self.booster.raw(values, threads=threads)

    def log_odds(self, values: NDArray[np.float32], *, threads: int = 0) -> NDArray[np.float64]:
        """Give calibrated log-odds, shape (n,)."""
        return self.calibrator.apply(self.raw_log_odds(values, threads=threads))

    def score(self, values: NDArray[np.float32], *, threads: int = 0) -> NDArray[np.float64]:
        """Give the probability of the target within the horizon, in (0, 1), shape (n,)."""
        return probability(self.log_odds(values, threads=threads))

    def contributions(
        self, values: NDArray[np.float32], *, threads: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split each row's log-odds into what each feature adds and a base.

        Returns
        -------
        contributions : float64 array, shape (n, n_features)
        base : float64 array, shape (n,)
            ``contributions.sum(1) + base`` is the log-odds.
        """
        self._check(values)
        parts = self.anchor.contributions(values, self.feature_names)
        trees, mean = self.booster.contributions(values, threads=threads)
        parts += trees
        parts *= self.calibrator.slope
        base = self.calibrator.intercept + self.calibrator.slope * (self.anchor.intercept + mean)
        if not self.calibrator.knots:
            return parts, np.full(len(values), base)
        # A bent line stretches or squeezes all shares of a row alike.
        line = parts.sum(axis=1)
        bent = float(self.calibrator.bend(np.array([base]))[0])
        far = np.abs(line) > 1e-9
        stretch = np.ones(len(values))
        stretch[far] = (self.calibrator.bend(base + line[far]) - bent) / line[far]
        return parts * stretch[:, None], np.full(len(values), bent)

    def interval(
        self, scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the limits between which the chance of people with such a score lies, for 90%.

        They cover what the calibration block can't tell and how far the level was off at later
        dates before, not what is unknown of the single person.

        Raises
        ------
        BundleError
            The bundle was made before intervals were kept, or on too few cases.
        """
        if self.calibrator.uncertainty is None:
            raise BundleError(
                "no interval is known of these scores",
                where=f"model {self.version}",
                fix="train again, on data with 20 different positives or more in the later blocks",
            )
        p = np.clip(scores, 1e-15, 1 - 1e-15)
        low, high = self.calibrator.uncertainty.interval(np.log(p / (1 - p)))
        return probability(low), probability(high)

    def band(self, scores: NDArray[np.float64]) -> NDArray[np.str_]:
        """Give the band of each score: ``very_high``, ``high``, ``raised`` or ``usual``."""
        lowest = np.array([self.manifest.bands[name] for name in BANDS[:-1]])
        names: NDArray[np.str_] = np.array(BANDS)
        return np.asarray(names[(scores[:, None] < lowest[None, :]).sum(axis=1)], dtype=np.str_)

    # The folder

    def save(self, folder: Path) -> Path:
        """Write the bundle to a folder that appears whole or not at all."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            for name, text in self._texts().items():
                write_text(temporary / name, text)
            write_json(temporary / "manifest.json", {"id": self.id, **self._manifest_data()})
            temporary.chmod(0o750)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)  # noqa: PTH105
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Read a bundle back, after checking its schema and every hash.

        Raises
        ------
        BundleError
            No bundle there, one of another schema, or a file that was changed.
        """
        manifest = read_manifest(folder)
        texts = {name: read_checked(folder, name, sha) for name, sha in manifest["files"].items()}
        fields: dict[str, Any] = {
            name: manifest.get(name) for name in Manifest.__dataclass_fields__
        }
        fields["feature_names"] = tuple(manifest["feature_names"])
        try:
            calibrators = json.loads(texts["calibrator.json"])
            return cls(
                manifest=Manifest(**fields),
                anchor=Anchor.from_dict(json.loads(texts["anchor.json"])),
                booster=Booster(texts["booster.txt"]),
                calibrator=Calibrator.from_dict(calibrators["model"]),
                anchor_calibrator=Calibrator.from_dict(calibrators["anchor_alone"]),
                reference=json.loads(texts["reference.json"]),
                protocol=texts["protocol.toml"],
            )
        except HiuRiskError as error:
            raise BundleError(error.what, where=f"{folder}, {error.where}", fix=error.fix) from None
