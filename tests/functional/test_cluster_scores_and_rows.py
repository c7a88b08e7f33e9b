"""Scores and training rows made in parts are those made in one piece, here and on Spark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from hiu_features import default_catalogue
from hiu_features.cluster import run_on_spark, spark_lacking, spark_session
from hiu_features.parts import Job
from hiu_features.write import run, write_features
from hiu_risk.errors import ModelError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.model import Calibrator
from hiu_risk.model.calibrator import Uncertainty
from hiu_serving.in_parts import StandingWork
from hiu_serving.parts import score_job
from hiu_serving.scorer import Scorer
from hiu_training.protocol import parse_protocol
from hiu_training.rows.inputs import make_rows
from hiu_training.rows.parts import RowsWork, read_rows
from tests.support.bundles import NAMES, make_bundle
from tests.support.histories import random_histories, seconds
from tests.support.stores import write_store

AS_OF = seconds("2023-07-01")
AS_OFS = (seconds("2023-02-01"), seconds("2023-05-01"), AS_OF)
CATALOGUE = default_catalogue().select(NAMES)
BUNDLE = replace(
    make_bundle(catalogue_hash=CATALOGUE.hash),
    calibrator=Calibrator(0.1, 0.9, uncertainty=Uncertainty(-3.0, 0.02, 0.0, 0.01, 0.03)),
)
PROTOCOL = parse_protocol('target = "onset"\nwashout_days = 180\n')
PER_PART = 700


@pytest.fixture(scope="module")
def histories() -> Histories:
    return random_histories(seed=11, n_people=900, n_events=7_000)


@pytest.fixture(scope="module")
def store(histories: Histories, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(histories, tmp_path_factory.mktemp("scores") / "store", row_group=1_000)


def rows_job(store: Path) -> Job:
    return Job.of(store, RowsWork(AS_OFS, PROTOCOL, CATALOGUE), events_per_part=PER_PART)


def test_scores_in_parts_are_the_worklists_scores(
    histories: Histories, store: Path, tmp_path: Path
) -> None:
    manifest = run(score_job(store, BUNDLE, AS_OF, events_per_part=PER_PART), tmp_path / "out")
    assert len(manifest["parts"]) > 5
    scorer = Scorer.of(BUNDLE)
    candidates = scorer.candidates(histories, AS_OF)
    scored = scorer.score(histories, AS_OF, candidates.mask)
    table = pq.read_table(tmp_path / "out")
    assert 100 < table.num_rows == len(scored.score)
    np.testing.assert_array_equal(table.column("person").to_numpy(), scored.person)
    np.testing.assert_array_equal(table.column("score").to_numpy(), scored.score)
    limits = zip(
        *(table.column(f"score_{end}").to_pylist() for end in ("low", "high")), strict=True
    )
    assert list(limits) == scorer.intervals(scored.score)
    assert table.column("band").to_pylist() == BUNDLE.band(scored.score).tolist()
    assert manifest["counts"] == candidates.exclusions
    assert manifest["rows"] + sum(manifest["counts"].values()) == histories.n_people
    assert manifest["model"] == BUNDLE.id


def test_training_rows_in_parts_are_those_made_in_one_piece(
    histories: Histories, store: Path, tmp_path: Path
) -> None:
    manifest = run(rows_job(store), tmp_path / "out")
    assert len(manifest["parts"]) > 5
    whole = make_rows(histories, np.array(AS_OFS), PROTOCOL, CATALOGUE)
    back = read_rows(tmp_path / "out")
    assert whole.positives > 5
    for name in ("person", "origin", "label", "happened_at", "values", "as_ofs"):
        np.testing.assert_array_equal(getattr(back, name), getattr(whole, name))
        assert getattr(back, name).dtype == getattr(whole, name).dtype
    assert back.names == whole.names
    assert back.dropped == whole.dropped


def test_a_folder_without_training_rows_is_refused(store: Path, tmp_path: Path) -> None:
    write_features(store, AS_OFS, tmp_path / "features", CATALOGUE)
    for folder in (tmp_path / "features", tmp_path / "nothing"):
        with pytest.raises(UsageError, match="no training rows here"):
            read_rows(folder)


def test_a_model_of_other_rules_or_features_scores_nothing(store: Path, tmp_path: Path) -> None:
    for bundle, said in (
        (make_bundle(catalogue_hash=CATALOGUE.hash, zone="America/New_York"), "other rules"),
        (make_bundle(), "declared otherwise"),
    ):
        with pytest.raises(ModelError, match=said):
            score_job(store, bundle, AS_OF)


@pytest.mark.slow
@pytest.mark.skipif(spark_lacking() is not None, reason=f"{spark_lacking()} is not installed")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:pyspark")
def test_spark_makes_the_same_scores_and_rows_to_the_byte(store: Path, tmp_path: Path) -> None:
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    jobs: dict[str, Any] = {
        "scores": score_job(store, BUNDLE, AS_OF, events_per_part=PER_PART),
        "standing": score_job(store, BUNDLE, AS_OF, events_per_part=PER_PART, work=StandingWork),
        "rows": rows_job(store),
    }
    with spark_session("local[2]", settings) as spark:
        for name, job in jobs.items():
            run_on_spark(spark, job, tmp_path / f"{name}-spark")
            run(job, tmp_path / name)
            here = {f.name: f.read_bytes() for f in (tmp_path / name).iterdir()}
            there = {f.name: f.read_bytes() for f in (tmp_path / f"{name}-spark").iterdir()}
            assert there == here
