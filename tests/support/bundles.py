"""Small bundles for tests: a real anchor, real trees, made in milliseconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.model import Anchor, AnchorInput, Booster, Bundle, Calibrator, Manifest

NAMES = ("calls_30d", "calls_365d", "days_since_last_call", "age", "imd_decile")


def random_values(n: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows of plausible values with a few missing."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.poisson(1.0, n),
        rng.poisson(4.0, n),
        rng.exponential(40.0, n),
        rng.integers(18, 95, n),
        rng.integers(1, 11, n),
    ]
    values = np.stack(columns, axis=1).astype(np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    return np.ascontiguousarray(values)


def trees(names: tuple[str, ...] = NAMES, n_trees: int = 12, seed: int = 0) -> str:
    """LightGBM text of a few shallow trees."""
    import lightgbm

    values = random_values(2_000, seed)[:, : len(names)]
    rng = np.random.default_rng(seed)
    risk = -3 + 0.6 * np.nan_to_num(values[:, 0])
    label = (rng.random(len(values)) < 1 / (1 + np.exp(-risk))).astype(np.float32)
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "seed": 1},
        lightgbm.Dataset(values, label, feature_name=list(names)),
        num_boost_round=n_trees,
    )
    return booster.model_to_string()


def make_manifest(names: tuple[str, ...] = NAMES, **changes: object) -> Manifest:
    """A manifest of the default definition."""
    fields: dict[str, object] = {
        "feature_names": names,
        "catalogue_hash": "c" * 64,
        "definition": DEFINITIONS["frecann_adult"].to_dict(),
        "target": "onset",
        "horizon_days": 90,
        "washout_days": 365,
        "overlap": "straddle",
        "policy": {"active_within_days": 365},
        "zone": "Europe/London",
        "counting": {},
        "trained_through": 1_700_000_000,
        "data_hash": "d" * 64,
        "protocol_hash": "e" * 64,
        "code_version": "0",
        "bands": {"very_high": 0.3, "high": 0.15, "raised": 0.05},
        "base_rate": 0.01,
    }
    return Manifest(**(fields | changes))  # type: ignore[arg-type]


def make_bundle(*, with_trees: bool = True, intercept: float = -4.0, **manifest: object) -> Bundle:
    """A bundle over :data:`NAMES`."""
    inputs = (
        AnchorInput("calls_30d", "log1p", 0.6, 0.6, 0.9),
        AnchorInput("calls_365d", "log1p", 1.4, 1.4, 0.4),
        AnchorInput("days_since_last_call", "recency", 0.4, 0.0, 0.8),
    )
    reference = {name: {"mean": 1.0, "p50": 1.0} for name in NAMES}
    return Bundle(
        manifest=make_manifest(**manifest),
        anchor=Anchor(intercept, inputs),
        booster=Booster(trees() if with_trees else ""),
        calibrator=Calibrator(0.1, 0.9),
        reference=reference,
        protocol="horizon_days = 90\n",
    )
