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
        """Score rows of features by name.

        Gives ``score``, its limits ``score_low`` and ``score_high`` (NaN where the model knows
        none), and ``band``.
        """
        values = np.ascontiguousarray(
            data[list(self.bundle.feature_names)].to_numpy(dtype=np.float32)
        )
        score = self.bundle.score(values)
        known = self.bundle.calibrator.uncertainty is not None
        low, high = self.bundle.interval(score) if known else (np.nan, np.nan)
        return pd.DataFrame(
            {
                "score": score,
                "score_low": low,
                "score_high": high,
                "band": self.bundle.band(score),
            },
            index=data.index,
        )


def _load_pyfunc(path: str) -> ServedBundle:
    return ServedBundle(Bundle.load(Path(path)))
