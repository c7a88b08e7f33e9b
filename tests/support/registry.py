"""A model home with three registered models, made without training."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from hiu_risk.model import Booster, Bundle, ModelHome
from hiu_risk.model.ledger import Ledger
from hiu_training.registry import intake
from hiu_training.registry.promotion import promote
from hiu_training.registry.provenance import made_from
from hiu_training.registry.registered import Registered, registered
from hiu_training.registry.tracking import Run
from tests.support.evidence import CODE, DATA, EVALUATION, FAIR, PROTOCOL, apart
from tests.support.serving import make_bundle

MODELS = ("first", "good", "poor")


def bundle_of(name: str, **changes: Any) -> Bundle:
    """One of the three models; they differ in what they say about themselves."""
    return make_bundle(
        booster=Booster(""), base_rate=0.02 + MODELS.index(name) / 1_000,
        data_hash=DATA, protocol_hash=PROTOCOL, code_version=CODE,
        **changes,
    )  # fmt: skip


def version_of(name: str) -> str:
    """Its version."""
    return bundle_of(name).version


FIRST, GOOD, POOR = (version_of(name) for name in MODELS)
WHO = "Dr A. Reader"


@cache
def template() -> Path:
    """A registry made once: three models in MLflow, none of them champion yet."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_registry(folder / "home")
    return folder / "home"


def governed_home(folder: Path) -> ModelHome:
    """A copy of it in a folder, of which the first model was made champion."""
    home = ModelHome(shutil.copytree(template(), folder / "home"))
    made = promote(home, FIRST, who=WHO, at=1)
    assert made.entry is not None, made.gates
    return home


def in_mlflow(home: ModelHome, alias: str = "champion") -> Registered:
    """The version that MLflow's alias stands for."""
    (held,) = (version for version in registered(home.path) if alias in version.aliases)
    return held


def agrees(home: ModelHome, version: str) -> None:
    """Ledger, file and MLflow all say that this version is champion."""
    assert Ledger(home).verify() == []
    assert Ledger(home).champion == version
    assert home.aliases()["champion"] == version
    assert in_mlflow(home).bundle_id.startswith(version)


def make_registry(path: Path) -> ModelHome:
    """A home whose models are in MLflow: ``good`` passes every gate, ``poor`` fails some.

    None of them has an alias.
    """
    home = ModelHome(path)
    for name in MODELS:
        add_model(home, name)
    (path / "aliases.json").unlink()
    return home


def add_model(home: ModelHome, name: str, **changes: Any) -> str:
    """Register one of the models, as training would, perhaps changed; gives its version."""
    bundle = bundle_of(name, **changes)
    run = Run(parameters={}, metrics={}, tags={"trained_at": "2025-01-01"}, files=())

    def documents(run_id: str) -> dict[str, dict[str, Any]]:
        made: dict[str, Any] = made_from(bundle) | {
            "trained_at": f"2025-0{1 + MODELS.index(name)}-01T00:00:00+00:00",
            "run_id": run_id,
        }
        evaluation = deepcopy(EVALUATION) | {"made": made}
        if name == "poor":
            evaluation["differences"]["anchor"] = apart(-0.2)
        return {"evaluation": evaluation, "audit": FAIR}

    intake.add_model(home, bundle, run, documents)
    return bundle.version
