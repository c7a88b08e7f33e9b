"""The model as text: anchor, booster and calibrator, and the folder that keeps them.

Scoring needs NumPy, Numba and LightGBM alone. Nothing here is a pickle: loading a model never
runs code that came with it.
"""

from __future__ import annotations

from hiu_risk.model.anchor import Anchor, AnchorInput
from hiu_risk.model.booster import Booster
from hiu_risk.model.bundle import BANDS, Bundle
from hiu_risk.model.calibrator import Calibrator
from hiu_risk.model.home import ModelHome
from hiu_risk.model.manifest import BundleError, Manifest

__all__ = [
    "BANDS",
    "Anchor",
    "AnchorInput",
    "Booster",
    "Bundle",
    "BundleError",
    "Calibrator",
    "Manifest",
    "ModelHome",
]
