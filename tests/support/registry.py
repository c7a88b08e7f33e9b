"""A model home with three registered models, made without training."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from hiu_risk.model import Booster, Bundle, ModelHome
from hiu_risk.model.evidence import keep
from hiu_training.registry.provenance import made_from
from hiu_training.registry.registered import remember_evaluation
from hiu_training.registry.tracking import Run, track
from tests.support.evidence import CODE, DATA, EVALUATION, FAIR, PROTOCOL, apart
from tests.support.serving import make_bundle

MODELS = ("first", "good", "poor")


def bundle_of(name: str) -> Bundle:
    """One of the three models; they differ in what they say about themselves."""
    return make_bundle(
        booster=Booster(""), base_rate=0.02 + MODELS.index(name) / 1_000,
        data_hash=DATA, protocol_hash=PROTOCOL, code_version=CODE,
    )  # fmt: skip


def version_of(name: str) -> str:
    """Its version."""
    return bundle_of(name).version


def make_registry(path: Path) -> ModelHome:
    """A home whose models are in MLflow: ``good`` passes every gate, ``poor`` fails some."""
    home = ModelHome(path)
    for name in MODELS:
        add_model(home, name)
    return home


def add_model(home: ModelHome, name: str) -> None:
    """Register one of the models, as training would."""
    bundle = bundle_of(name)
    run = Run(parameters={}, metrics={}, tags={"trained_at": "2025-01-01"}, files=())
    home.add(bundle)
    tracked = track(home.path, bundle, home.folder(bundle.version), run)
    made: dict[str, Any] = made_from(bundle) | {
        "trained_at": f"2025-0{1 + MODELS.index(name)}-01T00:00:00+00:00",
        "run_id": tracked.run_id,
        "registered_version": tracked.version,
    }
    evaluation = deepcopy(EVALUATION) | {"made": made}
    if name == "poor":
        evaluation["differences"]["anchor"] = apart(-0.2)
    sha256 = keep(home, bundle.version, "evaluation", evaluation)
    remember_evaluation(home.path, bundle.id, sha256)
    keep(home, bundle.version, "audit", FAIR)
