"""Registering a model that was just trained, with a fault at a step of one's choice."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hiu_risk.model import Booster, Bundle, ModelHome
from hiu_training.protocol import parse_protocol
from hiu_training.train import register
from tests.support.evidence import CODE, DATA, EVALUATION, PROTOCOL
from tests.support.serving import make_bundle

NOW = "2025-06-01T00:00:00+00:00"

STEPS: dict[str, tuple[str, int]] = {
    "MLflow's run": ("hiu_training.registry.tracking._log", 1),
    "halfway through MLflow's run": ("hiu_training.registry.tracking._signature", 1),
    "the bundle": ("hiu_risk.model.home.ModelHome.add", 1),
    "the evidence": ("hiu_training.registry.intake.keep", 1),
    "halfway through the evidence": ("hiu_risk.model.evidence.write_json", 2),
    "the alias challenger": ("hiu_risk.model.home.ModelHome.set_alias", 1),
    "MLflow's version": ("hiu_training.registry.intake.register_version", 1),
    "the ledger": ("hiu_risk.model.ledger.to_row", 1),
    "ledger.head": ("hiu_risk.model.ledger.write_json", 2),
    "the alias champion": ("hiu_risk.model.home.ModelHome.set_alias", 2),
    "MLflow's alias": ("hiu_training.registry.following.point", 1),
}
"""Before which call of what the fault happens."""

Replace = Callable[[Any, str, Any], None]


def new_bundle() -> Bundle:
    """The model that is registered."""
    return make_bundle(
        booster=Booster(""), base_rate=0.04, data_hash=DATA, protocol_hash=PROTOCOL,
        code_version=CODE,
    )  # fmt: skip


def arm(step: str, act: Callable[[], Any], replace: Replace = setattr) -> None:
    """Let a step act instead of doing its work."""
    target, turn = STEPS[step]
    where, _, name = target.rpartition(".")
    try:
        owner = importlib.import_module(where)
    except ModuleNotFoundError:
        module, _, of = where.rpartition(".")
        owner = getattr(importlib.import_module(module), of)
    real, calls = getattr(owner, name), []

    def instead(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return act() if len(calls) == turn else real(*args, **kwargs)

    replace(owner, name, instead)


def register_new(
    home: ModelHome, replace: Replace = setattr, *, promote: str = "never"
) -> dict[str, Any]:
    """Register the model as training does, without pictures."""
    for place, name, value in (
        ("hiu_training.report.files", "report_files", lambda *_: []),
        ("hiu_training.reasons.shap_plots", "artifacts", lambda *_: []),
        ("hiu_training.train", "_metrics", lambda _: {"trees": 0.0}),
    ):
        replace(importlib.import_module(place), name, value)
    trained: Any = SimpleNamespace(
        bundle=new_bundle(), evaluation=deepcopy(EVALUATION), store={},
        test=SimpleNamespace(values=None, person=None),
    )  # fmt: skip
    return register(home, trained, parse_protocol(f'promote = "{promote}"'), now=NOW)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, at, first = sys.argv[1:]
    arm(at, _die)
    register_new(ModelHome(Path(folder)), promote=first)
