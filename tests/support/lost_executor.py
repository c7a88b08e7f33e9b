"""A job on a small real cluster one of whose executors is killed: `python -m ... STORE OUT`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from hiu_features import default_catalogue
from hiu_features.cluster import run_on_spark, spark_session
from hiu_features.parts import FeatureWork, Job
from hiu_risk.histories import Histories

AS_OFS = (1_672_531_200, 1_688_169_600)
EVENTS_PER_PART = 1_000
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "600m",
}


def plain_job(store: Path) -> Job:
    work = FeatureWork(AS_OFS, default_catalogue(), threads=1)
    return Job.of(store, work, events_per_part=EVENTS_PER_PART)


def killing(work: Any, marker: Path) -> Any:
    class Killing:  # local, so that it is shipped whole
        facts, reads = work.facts, work.reads

        def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
            made = work(histories)
            if histories.n_people and not marker.exists():
                daemon = os.getppid()
                stat = Path(f"/proc/{daemon}/stat").read_text(encoding="utf-8")
                executor = int(stat.rsplit(")", 1)[1].split()[1])
                marker.write_text(str(executor), encoding="utf-8")
                os.kill(executor, signal.SIGKILL)
            return made

    return Killing()


def main() -> None:
    store, out = Path(sys.argv[1]), Path(sys.argv[2])
    job = plain_job(store)
    work = killing(job.work, out.with_name("killed"))
    with spark_session("local-cluster[2,1,700]", SETTINGS) as spark:
        run_on_spark(spark, Job.of(store, work, events_per_part=EVENTS_PER_PART), out)


if __name__ == "__main__":
    main()
