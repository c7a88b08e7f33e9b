"""``hiu-risk evaluate``: judge a registered model again, on a store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.evaluation_table import Evaluation, evaluation_fields, say_evaluation
from hiu_risk.cli.output import (
    HomeFolder,
    JsonFile,
    ModelName,
    ProtocolFile,
    StoreFolder,
    TruthFolder,
    say,
    write_result,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hiu_risk.model import Bundle, ModelHome
    from hiu_risk.model.horizons import HorizonFamily
    from hiu_risk.store import Store


class BreachResult(BaseModel):
    """Two neighbouring horizons, before chances are put in order for a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shorter: int
    longer: int
    rows: int = Field(description="rows with a lower chance at the longer horizon")
    share: float
    largest: float = Field(description="the most by which the chance fell")


class HorizonsResult(BaseModel):
    """Models of several horizons on the same rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizons: list[int]
    models: list[str]
    rows: int
    breaches: list[BreachResult]


class EvaluateResult(Evaluation):
    """How a registered model does at the protocol's test dates."""

    bundle_id: str
    version: str
    definition: str
    target: str
    horizon_days: int
    test_dates: list[str]
    horizons: HorizonsResult | None = None
    page: str = Field(default="", description="the report, where --out asked for one")


def evaluate(
    protocol: ProtocolFile,
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    truth: TruthFolder = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A model of another horizon: count contradicting chances; may be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the report: evaluation.html, model-card.html, data."
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Judge a registered model beside its baselines at the last dates of a store."""
    from hiu_risk.cli.train import read_true_risk
    from hiu_risk.model import ModelHome
    from hiu_risk.model.horizons import HorizonFamily
    from hiu_risk.store import Store
    from hiu_training.judging.rankers import judge_bundle
    from hiu_training.protocol import load_protocol
    from hiu_training.train import days

    read = load_protocol(protocol)
    models = ModelHome(home)
    bundle = models.load(model)
    family = HorizonFamily(bundle, [models.load(name) for name in also]) if also else None
    opened = Store.open(store)
    judged = judge_bundle(opened, bundle, read, truth=read_true_risk(truth, store))
    evaluation = evaluation_fields(judged.evaluation)
    result = EvaluateResult.model_validate(
        {
            **evaluation,
            "bundle_id": bundle.id,
            "version": bundle.version,
            "definition": bundle.definition.in_words(),
            "target": bundle.manifest.target,
            "horizon_days": bundle.manifest.horizon_days,
            "test_dates": days(judged.rows.as_ofs),
            "horizons": _horizons(family, judged.rows.values) if family else None,
            "page": str(out / "evaluation.html") if out else "",
        }
    )
    if out:
        _write_report(out, models, bundle, judged.evaluation, opened)
    say(f"Model {result.version}: {result.definition}")
    say_evaluation(result, read.gates)
    if result.page:
        say(f"Written: {result.page}")
    if result.horizons:
        _say_horizons(result.horizons)
    write_result(json_file, result)


def _write_report(
    out: Path, home: ModelHome, bundle: Bundle, evaluation: dict[str, Any], store: Store
) -> None:
    from hiu_risk.model.evidence import find
    from hiu_training.report.files import report_files
    from hiu_training.report.known import Known

    audit = find(home, bundle.version, "audit") or {}
    reasons = {
        name: find(home, bundle.version, name) or {} for name in ("faithfulness", "stability")
    }
    report_files(out, Known(bundle, evaluation, audit, store.manifest.model_dump(), reasons))


def _horizons(family: HorizonFamily, values: NDArray[np.float32]) -> dict[str, Any]:
    scores = family.scores(values)
    return {
        "horizons": list(family.horizons),
        "models": [bundle.version for bundle in family.bundles],
        "rows": len(scores),
        "breaches": [asdict(breach) for breach in family.breaches(scores)],
    }


def _say_horizons(found: HorizonsResult) -> None:
    for breach in found.breaches:
        say(
            f"{breach.rows:,} of {found.rows:,} rows ({breach.share:.1%}) have a lower chance "
            f"within {breach.longer} days than within {breach.shorter}, by at most "
            f"{breach.largest:.4f}; a list puts them in order"
        )
