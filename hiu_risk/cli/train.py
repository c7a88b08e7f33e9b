"""``hiu-risk train``: from a store and a protocol to a judged, registered model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from hiu_risk.cli.evaluation_table import Evaluation, evaluation_fields, say_evaluation
from hiu_risk.cli.governance import GateResult
from hiu_risk.cli.memory import one_heap
from hiu_risk.cli.output import (
    HomeFolder,
    JsonFile,
    ProtocolFile,
    StoreFolder,
    TruthFolder,
    complain,
    say,
    write_result,
)
from hiu_risk.cli.sensitivity_table import SensitivityResult, say_sensitivity
from hiu_risk.words import looked_for, plural

if TYPE_CHECKING:
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.synth import TruthRows
    from hiu_training.protocol import Protocol
    from hiu_training.protocol.settings import GateSettings
    from hiu_training.train import Trained


class _Learned(Evaluation):
    """A trained model before it is registered: how it was made, and how it did."""

    bundle_id: str
    version: str
    definition: str
    target: str
    horizon_days: int
    training_dates: list[str]
    test_dates: list[str]
    embargo_days: float
    notes: list[str] = Field(description="what the data did not allow")
    rows: int
    positives: int
    dropped: dict[str, dict[str, int]] = Field(description="training rows left out, by reason")
    trees: int
    trees_weight: float = Field(description="0 to 1: how much the trees count")
    calibration: str = Field(description="platt, beta or isotonic; offset where positives were few")
    data_hash: str
    protocol_hash: str
    code_version: str


class TrainResult(_Learned):
    """A trained model: its version, how it was made, and how it did."""

    aliases: list[str]
    run_id: str
    registered_version: int
    registration_notes: list[str] = Field(
        description="what could not be done although the model is kept, and what to do"
    )
    first_gates: list[GateResult] | None = Field(
        default=None,
        description="the gates, none of them required, of a model that became champion as the "
        "first of its home",
    )
    sensitivity: SensitivityResult | None = None


def train(
    protocol: ProtocolFile,
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    truth: TruthFolder = None,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="Also train with people on a caseload, and without each period of the protocol.",
        ),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Train a model, judge it beside its baselines, and register it."""
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.times import now
    from hiu_training.protocol import load_protocol, read_protocol_text
    from hiu_training.registry.intake import check_ready
    from hiu_training.train import register, train_model

    one_heap()
    read = load_protocol(protocol)
    opened = Store.open(store)
    check_ready(ModelHome(home))
    trained = train_model(
        opened, read, read_protocol_text(protocol), truth=read_true_risk(truth, store)
    )
    learned = _learned(trained)
    _say(learned, read.gates)  # whatever becomes of the home
    kept = register(ModelHome(home), trained, read, now=now().isoformat())
    otherwise = _otherwise(opened, trained, read, ModelHome(home)) if sensitivity else None
    result = TrainResult.model_validate({**dict(learned), **kept, "sensitivity": otherwise})
    _say_kept(result)
    if result.sensitivity:
        say_sensitivity(result.sensitivity)
    write_result(json_file, result)


def _otherwise(
    store: Store, trained: Trained, protocol: Protocol, home: ModelHome
) -> dict[str, Any]:
    """Train otherwise, and keep what was found as evidence about the model."""
    from hiu_risk.model import evidence
    from hiu_training.sensitivity import sensitivity

    found = sensitivity(store.histories(), trained, protocol)
    evidence.keep(home, trained.bundle.version, "sensitivity", found)
    return found


def read_true_risk(region: Path | None, store: Path) -> TruthRows | None:
    """Read the truth of a synthetic region under the store's pseudonyms."""
    if region is None:
        return None
    from pyarrow import default_memory_pool

    from hiu_risk.errors import UsageError
    from hiu_risk.ingest.mapping_file import read_mapping
    from hiu_risk.ingest.pseudonym import read_key
    from hiu_risk.store import Store
    from hiu_risk.synth import truth_for_store

    truth = truth_for_store(region, read_key(read_mapping(region / "mapping.toml"), store))
    if set(truth.person_id).isdisjoint(Store.open(store).people_ids.tolist()):
        raise UsageError(
            "nobody of this region is in the store",
            where="--truth",
            fix="name the region that the store was made from, and use the same pseudonym key",
        )
    default_memory_pool().release_unused()  # training needs it
    return truth


def _learned(trained: Trained) -> _Learned:
    from hiu_training.train import days

    bundle, split = trained.bundle, trained.split
    manifest, verdict = bundle.manifest, trained.learned.verdict
    return _Learned.model_validate(
        {
            **evaluation_fields(trained.evaluation),
            "bundle_id": bundle.id,
            "version": bundle.version,
            "definition": bundle.definition.in_words(),
            "target": manifest.target,
            "horizon_days": manifest.horizon_days,
            "training_dates": days(split.development),
            "test_dates": days(split.test),
            "embargo_days": split.embargo / 86_400,
            "notes": list(split.notes),
            "rows": len(trained.development),
            "positives": trained.development.positives,
            "dropped": trained.development.dropped,
            "trees": verdict.n_trees,
            "trees_weight": verdict.weight,
            "calibration": trained.learned.calibrator.method,
            "data_hash": manifest.data_hash,
            "protocol_hash": manifest.protocol_hash,
            "code_version": manifest.code_version,
        }
    )


def _say(result: _Learned, gates: GateSettings) -> None:
    say(f"Definition: {result.definition}")
    say(
        f"Looks for {looked_for(result.target, result.horizon_days)}; learned from "
        f"{result.rows:,} rows at {plural(len(result.training_dates), 'date')}, "
        f"{result.positives:,} positive"
    )
    censored = {k: n for k, n in result.dropped["censored"].items() if n}
    if censored:
        said = ", ".join(f"{name} {n:,}" for name, n in censored.items())
        say(f"Dropped, as what happened was not fully observed: {said}")
    say(
        f"{result.trees} trees at weight {result.trees_weight:.2f} on the anchor"
        if result.trees
        else "The anchor alone: trees did not prove to add anything"
    )
    if result.calibration == "offset":
        say(
            "Too few positives to calibrate by (20 different people are needed): the level of the "
            "scores was fitted, not how far apart they lie"
        )
    say_evaluation(result, gates)


def _say_kept(result: TrainResult) -> None:
    say(f"Model {result.version} is now {' and '.join(result.aliases)}")
    if result.first_gates:
        passed = sum(gate.outcome == "passed" for gate in result.first_gates)
        say(
            f"Champion as the first model of its home: {passed} of {len(result.first_gates)} "
            "promotion gates passed, none was required. hiu-risk models shows them"
        )
    for words in result.registration_notes:
        complain(f"Note: {words}")
