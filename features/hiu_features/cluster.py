"""The same work on many machines: Spark hands out the parts, the same function makes them.

Spark schedules, ships the work and tries again; it defines no feature and moves no event. A
task reads its range of people from the store, calls the very function that one machine calls,
writes its file, and answers with a receipt. The driver publishes when the receipts add up.

Needs the extra ``spark`` and Java 17, and a folder that the driver and all executors see under
one path.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.parts import EVENTS_PER_PART, FeatureWork, Job, Part, Receipt, make_part
from hiu_features.publishing import WorkInterruptedError, finished, gathering, publish
from hiu_risk.errors import DataError, HiuRiskError, ModelError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from hiu_risk.progress import Advance

_ANSWER = "receipt string"
_LOOK_EVERY = 1.0
_KINDS = {kind.__name__: kind for kind in (DataError, ModelError, UsageError)}


def features_on_spark(
    spark: SparkSession,
    store: Path | str,
    as_ofs: Iterable[int],
    out: Path | str,
    catalogue: Catalogue | None = None,
    *,
    events_per_part: int = EVENTS_PER_PART,
    replace: bool = False,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Write the features of everybody in a store, made by Spark executors.

    The folder is the one that :func:`hiu_features.write.write_features` writes, byte for byte.

    Parameters
    ----------
    spark : SparkSession
        Any master; see :func:`spark_session`.
    store : Path
        A store that the executors see under this path.
    as_ofs : iterable of int
        Index dates in UTC seconds, rising.
    out : Path
        The folder, seen by the executors too; it appears whole or not at all.
    catalogue : Catalogue, optional
        Default: :func:`hiu_features.default_catalogue`.
    events_per_part : int
        Decides the memory of a task and the number of tasks.
    replace : bool
        Whether other rows there may be replaced.
    progress : callable, optional
        Called with the number of people just done.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    WorkInterruptedError
        A task failed more often than Spark tries; run again to go on.
    """
    chosen = catalogue or default_catalogue()
    work = FeatureWork(tuple(int(as_of) for as_of in as_ofs), chosen, threads=1)
    job = Job.of(store, work, events_per_part=events_per_part)
    return run_on_spark(spark, job, out, replace=replace, progress=progress)


def run_on_spark(
    spark: SparkSession,
    job: Job,
    out: Path | str,
    *,
    slices: int | None = None,
    replace: bool = False,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Do a job on Spark and publish its folder; :func:`hiu_features.write.run` does it here.

    Parameters
    ----------
    spark : SparkSession
        Any master.
    job : Job
        What to do.
    out : Path
        The folder; it appears whole or not at all.
    slices : int, optional
        Number of Spark partitions. Default: one a part.
    replace : bool
        Whether other rows there may be replaced.
    progress : callable, optional
        Called with the number of people just done.
    """
    out = Path(out).absolute()
    if (done := finished(job, out, replace=replace)) is not None:
        return done
    with gathering(job, out) as folder:
        with _watched(job, folder, progress):
            receipts = _receipts(spark, job, folder, slices or len(job.parts))
        return publish(job, receipts, folder, out)


def _receipts(spark: SparkSession, job: Job, folder: Path, slices: int) -> list[Receipt]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    parts, shared = job.parts, str(folder)

    def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                answer = _answer(job, parts[number], shared)
                yield pa.RecordBatch.from_arrays([pa.array([answer])], names=["receipt"])

    try:
        with warnings.catch_warnings():  # about pandas, which has no part in this
            warnings.filterwarnings("ignore", "PySpark does not yet fully", FutureWarning)
            rows = spark.range(0, len(parts), 1, slices).mapInArrow(make, _ANSWER).collect()
    except (PySparkException, Py4JError) as error:
        if "No module named 'hiu_" in str(error):
            raise UsageError(
                "the executors don't have hiu-risk installed",
                where="spark",
                fix="ship it to them as docs/how-to/cluster.md shows",
            ) from error
        raise WorkInterruptedError(
            "Spark gave the job up; nothing was published",
            where=f"finished parts are kept in {folder}",
            fix="read the executors' log, then run it again: it goes on where it stopped",
        ) from error
    return [_believed(row[0]) for row in rows]


def _answer(job: Job, part: Part, folder: str) -> str:
    # On the executor. An error that another try would meet again goes back as an answer.
    try:
        if not Path(folder).is_dir():
            raise UsageError(
                "an executor does not see the output folder",
                where=folder,
                fix="choose a folder that driver and executors share under one path",
            )
        return make_part(job, part, Path(folder)).to_json()
    except HiuRiskError as error:
        said = {"what": error.what, "where": error.where, "fix": error.fix}
        return json.dumps({"error": type(error).__name__, **said})


def _believed(answer: str) -> Receipt:
    data = json.loads(answer)
    if "error" in data:
        kind = _KINDS.get(data["error"], HiuRiskError)
        raise kind(data["what"], where=data["where"], fix=data["fix"])
    return Receipt.from_json(answer)


@contextmanager
def _watched(job: Job, folder: Path, progress: Advance | None) -> Iterator[None]:
    # Tell of parts as their receipts appear: collecting them says nothing before the end.
    if progress is None:
        yield
        return
    over, told = threading.Event(), set[int]()

    def look() -> None:
        for part in job.parts:
            if part.number not in told and (folder / f".{part.file}.json").exists():
                told.add(part.number)
                progress(float(part.stop - part.first))

    def keep_looking() -> None:
        while not over.wait(_LOOK_EVERY):
            look()

    watcher = threading.Thread(target=keep_looking, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        look()


@contextmanager
def spark_session(
    master: str = "local[*]", settings: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Give a Spark session, stopped at the end.

    Parameters
    ----------
    master : str
        Any master URL: ``local[2]``, ``spark://host:7077``, ``k8s://https://host:6443``.
    settings : mapping of str to str, optional
        Spark's own settings, such as ``spark.executor.memory``.

    Raises
    ------
    UsageError
        No pyspark, no Java, or a master that can't be reached.
    """
    require_spark()
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if master.startswith("local"):  # its workers run the Python that runs this
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    logging.getLogger("py4j").setLevel(logging.WARNING)  # it tells of every object it drops
    chosen = {"spark.ui.showConsoleProgress": "false", **(settings or {})}
    builder = SparkSession.builder.appName("hiu-risk").master(master)
    for name, value in chosen.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise UsageError(
            "can't start Spark", where=f"--master {master}", fix="check the master URL"
        ) from error
    try:
        yield spark
    finally:
        spark.stop()


def require_spark() -> None:
    """Refuse to go on where something that Spark needs is not installed."""
    if (lacking := spark_lacking()) is not None:
        raise UsageError(
            f"{lacking} is not installed",
            where="--engine spark",
            fix="pip install 'hiu-risk[spark]', and install Java 17",
        )


def spark_lacking() -> str | None:
    """Give what Spark needs and this machine lacks, or None.

    Examples
    --------
    >>> spark_lacking() in (None, "pyspark", "Java")
    True
    """
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        return "pyspark"
    home = os.environ.get("JAVA_HOME")
    has_java = (home and (Path(home) / "bin" / "java").exists()) or shutil.which("java")
    return None if has_java else "Java"
