"""What the driver makes of the executors' answers, without starting Spark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hiu_features import default_catalogue
from hiu_features.cluster import run_on_spark
from hiu_features.parts import FeatureWork, Job
from hiu_features.publishing import WorkInterruptedError
from hiu_features.write import run
from hiu_risk.errors import DataError, HiuRiskError, UsageError
from tests.functional.test_cluster_parts import files
from tests.support.histories import random_histories, seconds
from tests.support.stores import write_store

pytest.importorskip("pyspark")
AS_OFS = (seconds("2023-04-01"), seconds("2023-07-01"))

Answers = list[tuple[str]]


class Scripted:
    """Stands for a session: runs the tasks here, in any order, and lets a test meddle."""

    def __init__(self, meddle: Callable[[Answers], Answers] | None = None) -> None:
        self.meddle = meddle

    def range(self, start: int, end: int, step: int, slices: int) -> Scripted:
        self.parts = np.array_split(np.arange(start, end, step), slices)
        return self

    def mapInArrow(self, make: Callable[..., Any], schema: str) -> Scripted:
        assert schema == "receipt string"
        self.make = make
        return self

    def collect(self) -> Answers:
        answers = []
        for numbers in reversed(self.parts):
            batches = iter([pa.RecordBatch.from_arrays([pa.array(numbers)], names=["id"])])
            for batch in self.make(batches):
                answers += [(text,) for text in batch.column(0).to_pylist()]
        return self.meddle(answers) if self.meddle else answers


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    histories = random_histories(seed=12, n_people=400, n_events=2_500)
    store = write_store(histories, tmp_path_factory.mktemp("answers") / "store", row_group=500)
    work = FeatureWork(AS_OFS, default_catalogue(), threads=1)
    return Job.of(store, work, events_per_part=400)


@pytest.mark.parametrize("slices", [1, 3, 20])
def test_receipts_in_any_order_make_the_same_folder(job: Job, tmp_path: Path, slices: int) -> None:
    told: list[float] = []
    spark: Any = Scripted()
    run_on_spark(spark, job, tmp_path / "spark", slices=slices, progress=told.append)
    run(job, tmp_path / "here")
    assert files(tmp_path / "spark") == files(tmp_path / "here")
    assert sum(told) == 400


@pytest.mark.parametrize(
    "meddle", [lambda answers: answers[1:], lambda answers: [*answers, answers[0]]]
)
def test_lost_and_doubled_answers_publish_nothing(
    job: Job, tmp_path: Path, meddle: Callable[[Answers], Answers]
) -> None:
    spark: Any = Scripted(meddle)
    with pytest.raises(DataError, match="nothing was published"):
        run_on_spark(spark, job, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def raising(text: str) -> Callable[[Answers], Answers]:
    from pyspark.errors import PySparkException

    def meddle(_: Answers) -> Answers:
        raise PySparkException(text)

    return meddle


def test_executors_without_hiu_risk_are_named_as_such(job: Job, tmp_path: Path) -> None:
    spark: Any = Scripted(raising("ModuleNotFoundError: No module named 'hiu_features'"))
    with pytest.raises(UsageError, match="executors don't have hiu-risk installed") as caught:
        run_on_spark(spark, job, tmp_path / "out")
    assert "cluster.md" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_spark_gave_up_keeps_its_parts_and_goes_on(job: Job, tmp_path: Path) -> None:
    spark: Any = Scripted(raising("Task 3 in stage 1.0 failed 4 times"))
    with pytest.raises(WorkInterruptedError, match="nothing was published") as caught:
        run_on_spark(spark, job, tmp_path / "out")
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out").exists()
    (kept,) = tmp_path.iterdir()
    assert len(list(kept.glob("part-*.parquet"))) == len(job.parts)
    run(job, tmp_path / "out")  # here, where it stopped there
    assert not kept.exists()


def test_an_executor_that_does_not_see_the_folder_says_so(job: Job, tmp_path: Path) -> None:
    class Elsewhere(Scripted):
        def collect(self) -> Answers:
            (hidden,) = tmp_path.iterdir()
            hidden.rmdir()
            return super().collect()

    spark: Any = Elsewhere()
    with pytest.raises(UsageError, match="does not see the output folder"):
        run_on_spark(spark, job, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_executors_of_another_version_are_refused(job: Job, tmp_path: Path) -> None:
    spark: Any = Scripted()
    with pytest.raises(UsageError, match="one version everywhere"):
        run_on_spark(spark, replace(job, version="0.0.0"), tmp_path / "out")


def test_an_error_of_an_unknown_kind_is_still_ours(job: Job, tmp_path: Path) -> None:
    answer = '{"error": "Odd", "what": "odd", "where": "", "fix": ""}'
    spark: Any = Scripted(lambda _: [(answer,)])
    with pytest.raises(HiuRiskError, match="odd"):
        run_on_spark(spark, job, tmp_path / "out")
