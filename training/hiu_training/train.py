"""From a store and a protocol to a judged, registered model."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hiu_features
import hiu_risk
import hiu_training
from hiu_features import Catalogue, default_catalogue
from hiu_risk import __version__
from hiu_risk.definitions import Definition
from hiu_risk.errors import ModelError
from hiu_risk.files import write_text
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle, Manifest, ModelHome
from hiu_risk.store import Store
from hiu_risk.suppression import HIDDEN, SmallNumbers
from hiu_risk.synth import TruthRows
from hiu_risk.times import from_seconds
from hiu_training.judging.baselines import check_counts, fit_plain_lightgbm
from hiu_training.judging.evaluation import Ranker
from hiu_training.judging.rankers import judge_model
from hiu_training.learning.learner import Learned, learn, require_both
from hiu_training.protocol import Protocol
from hiu_training.registry.provenance import made_from
from hiu_training.rows.inputs import Rows, make_rows, make_rows_and_censored
from hiu_training.rows.split import Split, make_split

log = logging.getLogger(__name__)

BAND_SHARES = {"very_high": 0.001, "high": 0.005, "raised": 0.03}
"""A band starts at the score that this share of people had in the calibration block.

The specification's list of 75 comes from some tens of thousands of people: a list should span
more than one band, so that a band says something on it.
"""

REFERENCE = (5, 25, 50, 75, 90, 95, 99)
"""Percentiles of each feature that the bundle carries for explanations."""

FEWEST_PEOPLE = SmallNumbers().mean_needs
"""People that a number about all of them must rest on."""

_REFERENCE_ROWS = 100_000


@dataclass(frozen=True)
class Trained:
    """A model and what was found out about it.

    Parameters
    ----------
    bundle : Bundle
    split : Split
    learned : Learned
    evaluation : dict
        See :func:`hiu_training.judging.evaluation.evaluate`.
    development : Rows
        The rows learned from.
    test : Rows
        The rows that judged.
    rankers : dict of str to Ranker
        The model and its baselines on the test rows.
    half_life : str
        That of the decayed count.
    store : dict
        The store's manifest as plain data.
    """

    bundle: Bundle
    split: Split
    learned: Learned
    evaluation: dict[str, Any]
    development: Rows
    test: Rows
    rankers: dict[str, Ranker]
    half_life: str
    store: dict[str, Any] = field(default_factory=dict)


def train_model(
    store: Store, protocol: Protocol, text: str = "", *, truth: TruthRows | None = None
) -> Trained:
    """Train and judge a model; writes nothing.

    Parameters
    ----------
    store : Store
    protocol : Protocol
    text : str
        The protocol's file, kept in the bundle.
    truth : TruthRows, optional
        Of a synthetic region: adds the best possible ranking to the table.

    Raises
    ------
    ModelError
        Data too short, no positive case, one class in a block.
    """
    check_entity(store, protocol)
    histories = store.histories()
    catalogue = chosen_catalogue(protocol)
    check_counts(catalogue.names, protocol.definition)
    split = make_split(protocol, histories.feeds, histories.zone)
    development, test = _rows(histories, split, protocol, catalogue)
    log.info("Learning from %s rows, %s positive", f"{len(development):,}", development.positives)
    require_both(development)
    with ThreadPoolExecutor(1) as pool:
        plain_fit = pool.submit(
            fit_plain_lightgbm, development, split, catalogue.names, protocol.seed
        )
        learned = learn(development, split, protocol, catalogue.directions)
        plain = plain_fit.result()
    bundle = _bundle(store, protocol, catalogue, split, learned, development, text)
    judged = judge_model(
        bundle, plain, test, protocol, histories, development=development, split=split, truth=truth
    )
    return Trained(
        bundle, split, learned, judged.evaluation, development, judged.rows, judged.rankers,
        judged.half_life, store.manifest.model_dump(),
    )  # fmt: skip


def retrain(store: Store, protocol: Protocol, text: str = "") -> Bundle:
    """Train a model as :func:`train_model` does, without judging it; writes nothing."""
    check_entity(store, protocol)
    histories = store.histories()
    catalogue = chosen_catalogue(protocol)
    split = make_split(protocol, histories.feeds, histories.zone)
    development = make_rows(histories, split.development, protocol, catalogue)
    learned = learn(development, split, protocol, catalogue.directions)
    return _bundle(store, protocol, catalogue, split, learned, development, text)


def check_entity(store: Store, protocol: Protocol) -> None:
    """Refuse a store whose rows are not what the definition counts for."""
    entity = store.manifest.entity
    if entity != protocol.definition.entity:
        raise ModelError(
            f"the store's entity is the {entity}, the definition's the "
            f"{protocol.definition.entity}",
            where=f"definition {protocol.definition.id}",
            fix="choose a definition for that entity, or ingest with the other one",
        )


def chosen_catalogue(protocol: Protocol) -> Catalogue:
    """Give the catalogue that the protocol selects."""
    catalogue = default_catalogue()
    return catalogue.select(protocol.features) if protocol.features else catalogue


def _rows(
    histories: Histories, split: Split, protocol: Protocol, catalogue: Catalogue
) -> tuple[Rows, tuple[Rows, Rows]]:
    log.info(
        "Building inputs at %d dates, %d of them for judging",
        len(split.development) + len(split.test),
        len(split.test),
    )
    return (
        make_rows(histories, split.development, protocol, catalogue),
        make_rows_and_censored(histories, split.test, protocol, catalogue),
    )


def _bundle(
    store: Store,
    protocol: Protocol,
    catalogue: Catalogue,
    split: Split,
    learned: Learned,
    rows: Rows,
    text: str,
) -> Bundle:
    manifest = Manifest(
        feature_names=tuple(catalogue.names),
        catalogue_hash=catalogue.hash,
        definition=protocol.definition.to_dict(),
        target=protocol.target,
        horizon_days=protocol.horizon_days,
        washout_days=protocol.washout_days,
        overlap=protocol.overlap,
        policy=protocol.policy.to_dict(),
        zone=store.manifest.zone,
        counting={**store.manifest.counting, "gap_seconds": store.manifest.gap_seconds},
        trained_through=int(split.test[0]),
        data_hash=store.content_hash,
        protocol_hash=protocol.hash,
        code_version=code_version(),
        bands=_bands(learned.block_scores),
        base_rate=learned.base_rate,
    )
    reference = _reference(rows, protocol.definition)
    return Bundle(
        manifest, learned.anchor, learned.booster, learned.calibrator, reference, text,
        learned.anchor_calibrator,
    )  # fmt: skip


def _bands(scores: NDArray[np.float64]) -> dict[str, float]:
    return {
        name: float(f"{np.quantile(scores, 1 - share):.6g}") for name, share in BAND_SHARES.items()
    }


def _reference(rows: Rows, definition: Definition) -> dict[str, dict[str, float | None]]:
    """How each feature is spread at the newest origins learned from.

    Among people with an event in the last year of the source the definition counts, where there
    are such: their least value of it is then 1, which tells later whom a value is compared with.
    Percentiles are values that occur, so that "95 of 100 had 2 or fewer" holds as it stands. One
    is None unless at least 8 people lie beyond it (p99 needs 800), as is a mean of fewer and a
    least value that fewer share: such a number could be one person's own.
    """
    newest = np.flatnonzero(rows.origin >= len(rows.as_ofs) - 3)
    year = {"call": "calls_365d", "ae": "ae_365d", "admission": "admissions_365d"}
    name = year[definition.sources[0]]
    if name in rows.names:
        active = newest[rows.column(name)[newest] >= 1]
        newest = active if len(active) else newest
    newest = newest[-_REFERENCE_ROWS:]
    reference: dict[str, dict[str, float | None]] = {}
    keys = ("mean", "known", "least", *(f"p{q}" for q in REFERENCE))
    for column, name in enumerate(rows.names):
        values = rows.values[newest, column].astype(np.float64)
        there = ~np.isnan(values)
        known, person = values[there], rows.person[newest][there]
        if len(known) == 0:
            reference[name] = dict.fromkeys(keys)
            continue
        spread = np.percentile(known, REFERENCE, method="inverted_cdf")
        numbers = (known.mean(), len(known) / len(values), known.min(), *spread)
        people = len(np.unique(person))
        behind = (people, FEWEST_PEOPLE, len(np.unique(person[known == known.min()])),
                  *(people * min(q, 100 - q) / 100 for q in REFERENCE))  # fmt: skip
        reference[name] = {
            key: float(f"{number:.6g}") if n >= FEWEST_PEOPLE else None
            for key, number, n in zip(keys, numbers, behind, strict=True)
        }
    return reference


_NOT_THE_MODEL = {
    "cli", "synth", "pages", "audit", "report", "board", "registry", "reasons", "verdict",
    "names", "curves", "pyfunc", "reproduce", "home", "evidence", "ledger", "ledger_database",
    "ledger_entry", "signing",
}  # fmt: skip
"""Folders and modules that show and govern models, and can't change one."""


@cache
def code_version() -> str:
    """Give the version and a hash of the sources that make a model."""
    digest = hashlib.sha256()
    for package in (hiu_risk, hiu_features, hiu_training):
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*.py")):
            inside = path.relative_to(root)
            if inside.parts[0] in _NOT_THE_MODEL or inside.stem in _NOT_THE_MODEL:
                continue
            digest.update(f"{package.__name__}/{inside.as_posix()}\n".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return f"{__version__}+{digest.hexdigest()[:12]}"


def register(home: ModelHome, trained: Trained, protocol: Protocol, *, now: str) -> dict[str, Any]:
    """Log the run to MLflow, keep the bundle and its evaluation, and set the aliases.

    The first model of a home becomes champion where the protocol says so, and the ledger says
    that it did; every model becomes challenger. See :mod:`hiu_training.registry.intake` for what
    is left where a step fails.
    """
    from hiu_training.reasons.shap_plots import artifacts
    from hiu_training.registry.following import follow_or_note
    from hiu_training.registry.intake import add_model, check_ready, crown_if_first
    from hiu_training.registry.tracking import Run
    from hiu_training.report.files import report_files
    from hiu_training.report.known import Known

    check_ready(home)
    bundle = trained.bundle

    def evidence(run_id: str) -> dict[str, dict[str, Any]]:
        made = made_from(bundle) | {"trained_at": now, "run_id": run_id}
        return {"evaluation": {**trained.evaluation, "made": made}}

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pictures = report_files(folder, Known(bundle, trained.evaluation, store=trained.store))
        pictures += artifacts(folder, bundle, trained.test.values, trained.test.person)
        write_text(folder / "protocol.toml", bundle.protocol)
        run = Run(
            parameters=_flat(protocol.to_dict())
            | {
                "data_hash": bundle.manifest.data_hash,
                "code_version": bundle.manifest.code_version,
            },
            metrics=_metrics(trained),
            tags={"trained_at": now},
            files=[*pictures, folder / "protocol.toml"],
        )
        added = add_model(home, bundle, run, evidence)
    gates = crown_if_first(home, bundle, protocol, now=now)
    notes = follow_or_note(home, "The model is kept and registered")
    return {
        "run_id": added.run_id,
        "registered_version": added.version,
        "aliases": ("challenger", "champion") if gates else ("challenger",),
        "first_gates": [asdict(gate) for gate in gates] or None,
        "registration_notes": notes,
    }


def _flat(data: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, dict) and name != "definition":
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _metrics(trained: Trained) -> dict[str, float]:
    """Give what MLflow shows of a run, by the rule of the files beside it: no small count."""
    from hiu_training.report.published import to_digits

    metrics: dict[str, float] = {
        "trees": float(trained.learned.verdict.n_trees),
        "trees.weight": trained.learned.verdict.weight,
    }
    for part, rows in (("development", trained.development), ("test", trained.test)):
        for name, count in (("rows", len(rows)), ("positives", rows.positives)):
            shown = SmallNumbers().show(count)
            if shown != HIDDEN:
                metrics[f"{name}.{part}"] = float(shown)
    for ranker, summary in trained.evaluation["rankers"].items():
        for name, value in summary.items():
            values = value if "value" not in value else {"": value}
            for k, estimate in values.items():
                if estimate.get("value") is not None:
                    at = f"_{k.replace('%', '_percent')}" if k else ""
                    metrics[f"{ranker}.{name}{at}"] = to_digits(estimate["value"])
    return metrics


def days(moments: NDArray[np.int64]) -> list[str]:
    """Write index dates for people and scripts."""
    return [from_seconds(moment).isoformat() for moment in moments.tolist()]
