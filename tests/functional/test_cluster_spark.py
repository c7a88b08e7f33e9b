"""Spark makes the same files as one machine, to the byte, or no folder at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiu_features import build, default_catalogue
from hiu_features.cluster import (
    features_on_spark,
    run_on_spark,
    spark_lacking,
    spark_session,
)
from hiu_features.parts import FeatureWork, Job
from hiu_features.publishing import WorkInterruptedError
from hiu_features.write import run, write_features
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.store import EVERYTHING
from tests.functional.test_cluster_parts import as_written, files, read, skewed
from tests.support.histories import random_histories, seconds
from tests.support.lost_executor import plain_job
from tests.support.stores import write_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        spark_lacking() is not None, reason=f"{spark_lacking()} is not installed (extra `spark`)"
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:pyspark"),
]

AS_OFS = tuple(seconds(f"2023-{month:02d}-01") for month in range(1, 13))
HERE = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
}
EVENTS_PER_PART = 1_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with spark_session("local[2,4]", HERE) as session:  # 2 cores, 4 tries a task
        yield session


@pytest.fixture(scope="module")
def histories() -> Histories:
    crowd = random_histories(seed=8, n_people=1_500, n_events=8_000)
    return skewed(crowd, person=700, n_events=50_000)


@pytest.fixture(scope="module")
def store(histories: Histories, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(histories, tmp_path_factory.mktemp("spark") / "store", row_group=2_000)


def job(store: Path, work: Any = None) -> Job:
    chosen = work or FeatureWork(AS_OFS, default_catalogue(), threads=1)
    return Job.of(store, chosen, events_per_part=EVENTS_PER_PART)


def test_whole_catalogue_is_equal_to_the_bit_also_with_one_person_of_50_000_events(
    spark: Any, histories: Histories, store: Path, tmp_path: Path
) -> None:
    told: list[float] = []
    manifest = features_on_spark(
        spark, store, AS_OFS, tmp_path / "spark", events_per_part=EVENTS_PER_PART,
        progress=told.append,
    )  # fmt: skip
    alone = write_features(store, AS_OFS, tmp_path / "alone", events_per_part=EVENTS_PER_PART)
    assert len(manifest["parts"]) > 8
    assert manifest == alone
    assert files(tmp_path / "spark") == files(tmp_path / "alone")
    whole = as_written(build(histories, AS_OFS).to_arrow())
    assert read(tmp_path / "spark").equals(whole)
    assert sum(told) == histories.n_people


def test_empty_partitions_change_nothing(spark: Any, store: Path, tmp_path: Path) -> None:
    run_on_spark(spark, job(store), tmp_path / "many", slices=97)
    run_on_spark(spark, job(store), tmp_path / "one", slices=1)
    assert files(tmp_path / "many") == files(tmp_path / "one")


def test_a_store_without_people_gives_an_empty_table(spark: Any, tmp_path: Path) -> None:
    nobody = random_histories(n_people=5, n_events=20).take(np.empty(0, np.int64))
    store = write_store(nobody, tmp_path / "store")
    assert features_on_spark(spark, store, AS_OFS, tmp_path / "out")["rows"] == 0
    assert pq.read_table(tmp_path / "out").num_rows == 0


def dying(work: FeatureWork, marker: Path, times: int) -> Any:
    """A work whose process is killed in the middle of some person's part, some times."""

    class Dying:  # local, so that it is shipped whole
        facts, reads = work.facts, work.reads

        def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
            made = work(histories)
            if histories.n_events > 40_000:
                deaths = len(list(marker.parent.glob(f"{marker.name}*")))
                if deaths < times:
                    (marker.parent / f"{marker.name}{deaths}").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            return made

    return Dying()


def test_a_killed_worker_is_replaced_and_no_row_is_missing(
    spark: Any, store: Path, tmp_path: Path
) -> None:
    work = FeatureWork(AS_OFS, default_catalogue(), threads=1)
    manifest = run_on_spark(
        spark, job(store, dying(work, tmp_path / "death", times=2)), tmp_path / "out"
    )
    assert len(list(tmp_path.glob("death*"))) == 2
    run(job(store, work), tmp_path / "alone")
    assert files(tmp_path / "out") == files(tmp_path / "alone")
    assert manifest["rows"] == read(tmp_path / "out").num_rows


def test_a_worker_killed_again_and_again_ends_the_job_without_a_folder(
    spark: Any, store: Path, tmp_path: Path
) -> None:
    work = FeatureWork(AS_OFS, default_catalogue(), threads=1)
    out = tmp_path / "out"
    with pytest.raises(WorkInterruptedError, match="nothing was published"):
        run_on_spark(spark, job(store, dying(work, tmp_path / "death", times=99)), out)
    assert not out.exists()
    (kept,) = tmp_path.glob(".out.*")
    made_before = len(list(kept.glob("part-*.parquet")))
    assert made_before > 0
    run_on_spark(spark, job(store, work), out)  # goes on, and ends right
    run(job(store, work), tmp_path / "alone")
    assert files(out) == files(tmp_path / "alone")
    assert not kept.exists()


def python_workers(of: int) -> list[int]:
    """Process ids of the Python workers below a process."""
    table = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in table.splitlines()]
    children: dict[int, list[int]] = {}
    for pid, parent, _ in rows:
        children.setdefault(int(parent), []).append(int(pid))
    commands = {int(pid): args for pid, _, args in rows}
    below, found = [of], []
    while below:
        for child in children.get(below.pop(), []):
            below.append(child)
            if "pyspark" in commands[child] and "python" in commands[child].split()[0]:
                found.append(child)
    return found


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")
def test_workers_killed_from_outside_at_any_moment_lose_no_row(
    spark: Any, store: Path, tmp_path: Path
) -> None:
    jvm = spark.sparkContext._gateway.proc.pid
    over, killed = threading.Event(), []

    def kill_now_and_then() -> None:
        while not over.wait(0.7) and len(killed) < 2:
            workers = python_workers(jvm)
            if workers:
                os.kill(workers[-1], signal.SIGKILL)
                killed.append(workers[-1])

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    deadline = time.monotonic() + 60
    try:
        for attempt in range(50):
            run_on_spark(spark, job(store), tmp_path / f"out{attempt}")
            if len(killed) == 2 or time.monotonic() > deadline:
                break
    finally:
        over.set()
        killer.join()
    assert killed
    run(job(store), tmp_path / "alone")
    for out in tmp_path.glob("out*"):
        assert files(out) == files(tmp_path / "alone")


def refusing() -> Any:
    class Refusing:
        facts = {"kind": "refusing"}  # noqa: RUF012
        reads = EVERYTHING

        def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
            if histories.n_events:
                raise DataError("bad rows", where="events", fix="repair them")
            return pa.table({"person": pa.array([], pa.int32())}), {}

    return Refusing()


def test_an_error_of_ours_comes_back_as_it_was_raised(
    spark: Any, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        run_on_spark(spark, job(store, refusing()), tmp_path / "out")
    assert str(caught.value) == "bad rows (events). What to do: repair them."
    assert list(tmp_path.iterdir()) == []


def test_wrong_dates_are_refused_before_spark_is_asked(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rising order"):
        features_on_spark(None, store, AS_OFS[::-1], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


@pytest.mark.skipif(sys.platform != "linux", reason="finds the executor's process in /proc")
def test_a_lost_executor_of_a_real_cluster_loses_no_row(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.support.lost_executor", str(store), str(out)]
    scratch = spark_home() / "work"  # where a cluster of this kind insists on putting its logs
    was_there = scratch.exists()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    finally:
        if not was_there:
            shutil.rmtree(scratch, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int((tmp_path / "killed").read_text(encoding="utf-8")) > 1
    run(plain_job(store), tmp_path / "alone")
    assert files(out) == files(tmp_path / "alone")
