"""Time features of a whole store on this machine and on Spark, and compare the bytes.

    python -m benchmarks.cluster --events 1000000 --as-ofs 12 --json cluster.json

Each contender runs in a process of its own, start-up included, after one run that compiles.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hiu_features.cluster import features_on_spark, spark_session
from hiu_features.publishing import read_manifest
from hiu_features.write import write_features
from hiu_risk.store import Store
from hiu_risk.times import from_seconds, month_starts
from tests.support.histories import random_histories
from tests.support.stores import write_store

LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
CONTENDERS = ("one machine", "local[1]", "local[2]")


def make(store: Path, events: int) -> None:
    histories = random_histories(
        1, n_people=max(events // 4, 1), n_events=events, start="2021-01-01", end="2024-01-01"
    )
    write_store(histories, store)


def as_ofs_of(count: int) -> list[int]:
    first, last = from_seconds(1_672_531_200).date(), from_seconds(1_704_000_000).date()
    return month_starts(first, last)[:count]


def one(contender: str, store: Path, as_ofs: int, out: Path, per_part: int) -> None:
    """Run one contender, and say how long the work took without starting up."""
    dates = as_ofs_of(as_ofs)
    if contender == "one machine":
        begun = time.perf_counter()
        write_features(store, dates, out, events_per_part=per_part)
        print(time.perf_counter() - begun)
        return
    with spark_session(contender, LOCAL) as spark:
        begun = time.perf_counter()
        features_on_spark(spark, store, dates, out, events_per_part=per_part)
        print(time.perf_counter() - begun)


def watch(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Give the CPU seconds and the peak memory in MiB of a process and all that it starts.

    CPU seconds say what the work costs also where other work shares the machine.
    """
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    used: dict[int, int] = {}
    peak = 0
    while process.poll() is None:
        now = 0
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == process.pid:  # its session
                used[int(entry.parent.name)] = int(fields[11]) + int(fields[12])
                now += int(fields[21])
        peak = max(peak, now)
        time.sleep(0.1)
    return sum(used.values()) / ticks, peak * page / 2**20


def measure(contender: str, arguments: argparse.Namespace, store: Path, out: Path) -> dict:
    command = [
        sys.executable, "-m", "benchmarks.cluster", "--one", contender, "--store", str(store),
        "--out", str(out), "--as-ofs", str(arguments.as_ofs), "--per-part", str(arguments.per_part),
    ]  # fmt: skip
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        cpu, peak = watch(process)
        assert process.stdout is not None
        work = float(process.stdout.read().split()[-1])
    whole = time.perf_counter() - begun
    manifest = read_manifest(out)
    assert manifest is not None
    return {
        "contender": contender,
        "seconds": round(whole, 2),
        "work_seconds": round(work, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mib": round(peak),
        "rows": manifest["rows"],
        "parts": len(manifest["parts"]),
    }


def same(one_folder: Path, other: Path) -> bool:
    names = sorted(p.name for p in one_folder.iterdir())
    return names == sorted(p.name for p in other.iterdir()) and all(
        (one_folder / name).read_bytes() == (other / name).read_bytes() for name in names
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--as-ofs", type=int, default=12)
    parser.add_argument("--per-part", type=int, default=250_000)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one, arguments.store, arguments.as_ofs, arguments.out, arguments.per_part)
        return
    with tempfile.TemporaryDirectory() as name:
        store, results = Path(name) / "store", []
        make(store, arguments.events)
        one("one machine", store, 1, Path(name) / "warm", arguments.per_part)  # compiles
        for turn in range(arguments.repeat):
            outs = [Path(name) / f"{turn}-{place}" for place in range(len(CONTENDERS))]
            for contender, out in zip(CONTENDERS, outs, strict=True):
                results.append(measure(contender, arguments, store, out))
                assert same(outs[0], out), f"{contender}: other bytes"
                print(
                    "{contender:12} {seconds:7} s  {cpu_seconds:7} s CPU  {peak_mib:6} MiB".format(
                        **results[-1]
                    )
                )
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}",
            "events": Store.open(store).manifest.tables["events"].rows,
            "as_ofs": arguments.as_ofs,
            "results": results,
        }
        if arguments.json:
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
