"""What a model was made from, as it is kept beside its evaluation."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

from hiu_risk.model import Bundle
from hiu_training.registry.probe import probe_scores

LIBRARIES = ("lightgbm", "numba", "numpy", "scikit-learn", "scipy")
"""Those whose arithmetic reaches a bundle."""


def libraries() -> dict[str, str]:
    """Give the versions of what computes: Python, the machine, the libraries."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in LIBRARIES},
    }


def made_from(bundle: Bundle) -> dict[str, Any]:
    """Say what a bundle was made from, with what, and what it gives for made-up rows."""
    manifest = bundle.manifest
    return {
        "bundle_id": bundle.id,
        "data_hash": manifest.data_hash,
        "protocol_hash": manifest.protocol_hash,
        "code_version": manifest.code_version,
        "libraries": libraries(),
        "scores": probe_scores(bundle),
    }
