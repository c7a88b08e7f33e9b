"""Builders for tests of serving: a small but real bundle, a home, lists made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiu_features.catalogue import default_catalogue
from hiu_features.reach import sources
from hiu_features.reasons import Reason
from hiu_risk.counting import Counting
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.eligibility import EligibilityPolicy
from hiu_risk.model import Anchor, AnchorInput, Booster, Bundle, Calibrator, Manifest, ModelHome
from hiu_risk.model.calibrator import Uncertainty
from hiu_risk.times import DAY
from hiu_serving.freshness import FeedFreshness
from hiu_serving.worklist import Entry, Worklist

AS_OF = 19_000 * DAY  # 2022-01-08


def trained_booster(names: tuple[str, ...], seed: int = 1, trees: int = 30) -> Booster:
    """Trees that LightGBM fitted to made-up rows: a few columns matter, some values are missing."""
    import lightgbm

    rng = np.random.default_rng(seed)
    x = rng.poisson(2.0, size=(1_500, len(names))).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = np.nan
    signal = np.nan_to_num(x[:, :6]).sum(axis=1) + rng.normal(0, 2, len(x))
    y = (signal > np.quantile(signal, 0.85)).astype(np.int8)
    data = lightgbm.Dataset(x, y, feature_name=list(names), params={"verbosity": -1})
    settings = {
        "objective": "binary", "num_leaves": 8, "verbosity": -1, "seed": seed,
        "deterministic": True, "num_threads": 1,
    }  # fmt: skip
    return Booster(lightgbm.train(settings, data, num_boost_round=trees).model_to_string())


def make_bundle(*, booster: Booster | None = None, **changes: Any) -> Bundle:
    """A bundle over the default catalogue whose anchor looks at recent calls and their recency."""
    catalogue = default_catalogue()
    manifest = Manifest(
        feature_names=catalogue.names,
        catalogue_hash=catalogue.hash,
        definition=DEFINITIONS["frecann_adult"].to_dict(),
        target="onset",
        horizon_days=90,
        washout_days=365,
        overlap="straddle",
        policy=EligibilityPolicy().to_dict(),
        zone="Europe/London",
        counting=Counting().to_dict(),
        trained_through=AS_OF - 100 * DAY,
        data_hash="d" * 64,
        protocol_hash="e" * 64,
        code_version="0.1.0",
        bands={"very_high": 0.3, "high": 0.1, "raised": 0.03},
        base_rate=0.02,
    )
    anchor = Anchor(
        -4.0,
        (
            AnchorInput("calls_28d", "log1p", 0.4, 0.4, 1.4),
            AnchorInput("calls_90d", "log1p", 0.8, 0.8, 0.6),
            AnchorInput("days_since_last_call", "recency", 0.2, 0.0, 0.9),
        ),
    )
    reference = {name: {"mean": 1.0, "p50": 0.0, "p95": 2.0} for name in catalogue.names}
    return Bundle(
        replace(manifest, **changes),
        anchor,
        trained_booster(catalogue.names) if booster is None else booster,
        Calibrator(-0.2, 0.9, uncertainty=Uncertainty(-3.0, 0.02, 0.0, 0.01, 0.03)),
        reference,
        "# a protocol\n",
    )


def make_home(path: Path, bundle: Bundle | None = None) -> ModelHome:
    """A model home whose champion is this bundle."""
    home = ModelHome(path)
    home.set_alias("champion", home.add(bundle or make_bundle()))
    return home


def without_intervals(bundle: Bundle) -> Bundle:
    """The same model as one made before intervals were kept."""
    return replace(bundle, calibrator=replace(bundle.calibrator, uncertainty=None))


def from_calls_alone(bundle: Bundle) -> Bundle:
    """The same model as one whose training data had a feed of calls and no other."""
    reference = dict(bundle.reference)
    for feature in default_catalogue():
        if feature.primitive == "covered_days" and feature.params["source"] != "call":
            reference[feature.name] = {**reference[feature.name], "mean": 0.0}
        elif sources(feature) and "call" not in sources(feature):
            reference[feature.name] = dict.fromkeys(reference[feature.name])
    return replace(bundle, reference=reference)


def reserving(bundle: Bundle, column: str, **changes: Any) -> Bundle:
    """The same model after somebody decided that places are reserved."""
    note = {
        "name": f"reserve:{column}", "title": f"Places reserved by {column}", "caution": "",
        "who": "A. Reader", "reason": "The board decided so", "at": AS_OF - 30 * DAY,
        "of_model": bundle.version, **changes,
    }  # fmt: skip
    return replace(bundle, manifest=replace(bundle.manifest, mitigation=note))


def make_reason(sentence: str = "7 calls in the last 28 days", **changes: Any) -> Reason:
    """A reason."""
    return replace(Reason("how_often", "calls_28d", sentence, 0.8), **changes)


def make_entry(rank: int = 1, person: str = "p1", **changes: Any) -> Entry:
    """One name on a list."""
    entry = Entry(rank, person, 0.9 / rank, "high", "new", None, (make_reason(),), ())
    return replace(entry, **changes)


def make_list(*entries: Entry, **changes: Any) -> Worklist:
    """A worklist with these names."""
    made = Worklist(
        as_of=AS_OF,
        zone="Europe/London",
        definition=DEFINITIONS["frecann_adult"].to_dict(),
        target="onset",
        horizon_days=90,
        capacity=75,
        bundle_id="b" * 64,
        store_hash="s" * 64,
        n_people=100 + len(entries),
        n_scored=len(entries),
        exclusions={"inactive": 90, "on_caseload": 10},
        look_back_covered=True,
        freshness=(FeedFreshness("call", AS_OF, AS_OF - DAY, 0.0, "fresh"),),
        previous_as_of=None,
        left=0,
        tied_out=0,
        entries=tuple(entries),
    )
    return replace(made, **changes)
