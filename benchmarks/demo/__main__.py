"""How long ``hiu-risk demo`` takes, and how much memory: ``python -m benchmarks.demo``.

The demo runs twice, each time in a process and a folder of its own: first with an empty cache of
compiled code, as right after installation, then with a full one. Both aims are for two cores:
90 s, and 1.5 GB at the peak of the largest process. Processor time is shown beside the clock,
as other work on the machine lengthens the clock alone.
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

MOST_SECONDS, MOST_MB = 90, 1_500


def main(people: int) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{people:,} people; the aims are {MOST_SECONDS} s and {MOST_MB:,} MB")
    with tempfile.TemporaryDirectory() as name:
        for cache in ("empty", "full"):
            _run(Path(name), people, cache)


def _run(folder: Path, people: int, cache: str) -> None:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "hiu_risk.cli.main", "demo", "--people", str(people)],
        cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)  # of this process alone
    took = time.perf_counter() - started
    if status:
        sys.exit(f"the demo failed: {os.waitstatus_to_exitcode(status)}")
    processor = used.ru_utime + used.ru_stime
    print(
        f"\ncache of compiled code {cache}: {took:.0f} s, {processor:.0f} s of processor time, "
        f"peak {used.ru_maxrss * 1_024 / 1e6:,.0f} MB"
    )
    steps = json.loads((folder / "hiu-risk-demo" / "demo.json").read_text("utf-8"))["steps"]
    for step in steps:
        print(f"  {step['seconds']:>6.1f} s  {step['command'].split(' --')[0]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=36_000)
    main(parser.parse_args().people)
