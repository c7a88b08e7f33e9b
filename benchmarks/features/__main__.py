"""Time feature engines: ``python -m benchmarks.features --events 1000000 --json FILE``.

Each contender runs in a process of its own on the same Parquet files, loads them, and is timed
from data in memory to all features in memory. Its values are compared with ours before any time
is printed.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features import data

RUNS = 3


def measure(name: str, folder: Path, as_ofs: int, runs: int) -> dict[str, Any]:
    """Run one contender in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.features.measure", name, str(folder)]
    done = subprocess.run([*command, str(as_ofs), str(runs)], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        return {"failed": True}
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def agreement(folder: Path, name: str) -> dict[str, Any]:
    """Compare a contender's values with ours: same rows, same numbers to 1e-6, same missing."""
    ours, theirs = np.load(folder / "ours.npz"), np.load(folder / f"{name}.npz")
    same_rows = all(np.array_equal(ours[key], theirs[key]) for key in ("person", "as_of"))
    rows, columns = theirs["values"].shape
    facts: dict[str, Any] = {"rows": rows, "columns": columns, "agrees": False}
    if same_rows and ours["values"].shape == theirs["values"].shape:
        a, b = ours["values"], theirs["values"]
        off = [
            str(column)
            for place, column in enumerate(ours["names"])
            if not np.allclose(a[:, place], b[:, place], rtol=1e-6, atol=1e-9, equal_nan=True)
        ]
        facts |= {"agrees": not off, "differing": off}
        facts["equal_bits"] = bool(np.array_equal(a, b, equal_nan=True))
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--as-ofs", type=int, default=12)
    parser.add_argument("--contenders", default="ours,duckdb")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = ["ours", *(n for n in options.contenders.split(",") if n != "ours")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data.make(folder, options.events)
        start = time.perf_counter()
        data.scan(folder)
        scan = time.perf_counter() - start
        results = {}
        for name in names:
            results[name] = measure(name, folder, options.as_ofs, options.runs)
            if "failed" not in results[name]:
                results[name] |= agreement(folder, name)
                rows = results[name]["rows"]
                results[name]["us_per_row"] = 1e6 * results[name]["seconds"] / rows
    report = {
        "events": options.events, "as_ofs": options.as_ofs, "scan_seconds": scan,
        "machine": platform.processor() or platform.machine(), "python": sys.version.split()[0],
        "contenders": results,
    }  # fmt: skip
    for name, r in results.items():
        if r.get("agrees"):
            print(
                f"{name:<10} {r['seconds']:8.3f} s {r['us_per_row']:8.3f} us/row "
                f"{r['rows']:>11,} rows {r['columns']:>3} columns {r['peak_mib']:8,.0f} MiB"
            )
        else:
            print(f"{name:<10} no time: its values differ, or it failed {r.get('differing', '')}")
    print(f"{'scan':<10} {scan:8.3f} s")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
