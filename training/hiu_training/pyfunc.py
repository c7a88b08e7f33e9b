"""How MLflow serves a bundle: it names this module and the bundle's folder, and pickles nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hiu_risk.model import Bundle


class ServedBundle:
    """A bundle behind MLflow's ``predict``."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, data: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Score rows of features by name; gives ``score`` and ``band``."""
        values = np.ascontiguousarray(
            data[list(self.bundle.feature_names)].to_numpy(dtype=np.float32)
        )
        score = self.bundle.score(values)
        return pd.DataFrame({"score": score, "band": self.bundle.band(score)}, index=data.index)


def _load_pyfunc(path: str) -> ServedBundle:
    return ServedBundle(Bundle.load(Path(path)))
