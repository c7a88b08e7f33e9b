"""``hiu-risk evaluate``: judge a registered model again, on a store."""

from __future__ import annotations

from pathlib import Path

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


class EvaluateResult(Evaluation):
    """How a registered model does at the protocol's test dates."""

    bundle_id: str
    version: str
    definition: str
    target: str
    horizon_days: int
    test_dates: list[str]


def evaluate(
    protocol: ProtocolFile,
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    truth: TruthFolder = None,
    json_file: JsonFile = None,
) -> None:
    """Judge a registered model beside its baselines at the last dates of a store."""
    from hiu_risk.cli.train import read_true_risk
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_training.judging import judge_bundle
    from hiu_training.protocol import load_protocol
    from hiu_training.train import days

    read = load_protocol(protocol)
    bundle = ModelHome(home).load(model)
    judged = judge_bundle(Store.open(store), bundle, read, truth=read_true_risk(truth, store))
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
        }
    )
    say(f"Model {result.version}: {result.definition}")
    say_evaluation(result)
    write_result(json_file, result)
