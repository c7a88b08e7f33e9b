"""Time the ways to make features: ``python -m benchmarks.features --events 1000000``.

Each run is a fresh process on the same made-up store; runs of different contenders take turns,
so that a busy machine slows all of them. Timed is the way from data in memory to features in
memory. No time is shown of a contender whose values are not ours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.features import against_featuretools, shown
from benchmarks.features.contenders import NAMES, most_events
from benchmarks.features.made_up import store_of

MEASURES = ("whole", "streamed", "daily", "one_person", "start_up")
ONE_PERSON_EVENTS = 200
PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "polars", "pandas")


def main() -> None:
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    store = store_of(options.folder, options.events)
    report: dict[str, Any] = {
        "events": options.events,
        "as_ofs": options.as_ofs,
        "machine": machine(),
        **_contenders(options, store.path),
        "measures": {name: _measure(name, options, store.path) for name in options.measures},
    }
    report["scan_seconds"] = _scan(options, store.path)
    if "featuretools" in options.contenders:
        report["featuretools"] = against_featuretools.measure(options, run)
    for line in shown.lines(report):
        print(line)
    if options.plot:
        from benchmarks.features.picture import draw

        draw(report, options.plot)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--as-ofs", type=int, default=12, help="month-ends; 1 is a single day")
    parser.add_argument(
        "--contenders", default="ours,duckdb,duckdb_tuned",
        help=f"of {', '.join(NAMES)}, featuretools; 'none' for the measures alone",
    )  # fmt: skip
    parser.add_argument("--measures", default="", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--runs", type=int, default=3, help="fresh processes of each")
    parser.add_argument("--repeats", type=int, default=2, help="times within a process")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "hiu-risk-benchmarks",
        help="where made-up stores are kept between runs",
    )  # fmt: skip
    parser.add_argument("--featuretools-python", help="a Python that has featuretools 1.31")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    parser.add_argument("--plot", type=Path, help="draw the contenders here (.svg or .png)")
    options = parser.parse_args()
    options.contenders = _listed(parser, options.contenders, (*NAMES, "featuretools", "none"))
    options.measures = _listed(parser, options.measures, MEASURES)
    if not 100 <= options.events <= 200_000_000 or not 1 <= options.as_ofs <= 35:
        parser.error("100 to 200,000,000 events, 1 to 35 month-ends")
    if options.runs < 1 or options.repeats < 1:
        parser.error("at least one run and one repeat")
    return options


def _listed(parser: Any, text: str, known: tuple[str, ...]) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            parser.error(f"unknown {name!r}: one of {', '.join(known)}")
    return names


def run(request: dict[str, Any], **environment: str) -> dict[str, Any]:
    """Take one measurement in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.features.process", json.dumps(request)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode:
        raise ChildProcessError(f"the process of {request} failed; what it said stands above")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _contenders(options: Any, store: Path) -> dict[str, Any]:
    names = [name for name in options.contenders if name in NAMES]
    names = [name for name in names if options.events <= most_events(name)]
    request = {
        "measure": "run_contender", "store": str(store), "as_ofs": options.as_ofs,
        "repeats": options.repeats,
    }  # fmt: skip
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    failed: list[str] = []
    for number in range(options.runs):
        for name in names:
            if name not in failed:
                try:
                    runs[name].append(run({**request, "name": name, "compare": number == 0}))
                except ChildProcessError:  # the others need not suffer when memory gives out
                    failed.append(name)
    done = {name: _summary(reports) for name, reports in runs.items() if name not in failed}
    return {"contenders": done, "failed": failed}


def _summary(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the runs of one contender; the first of them was compared."""
    clock = [seconds for report in reports for seconds in report["clock"]]
    processor = [seconds for report in reports for seconds in report["processor"]]
    first = reports[0]
    return {
        "seconds": statistics.median(clock),
        "least_seconds": min(clock),
        "processor_seconds": statistics.median(processor),
        "rows": first["rows"],
        "columns": first["columns"],
        "us_per_row": 1e6 * statistics.median(clock) / first["rows"],
        "peak_mib": max(report["peak_mib"] for report in reports),
        "loaded_mib": max(report["loaded_mib"] for report in reports),
        "agrees": first["agrees"],
        "differing": first["differing"],
        "rows_compared": first["rows_compared"],
        "all_seconds": clock,
    }


def _scan(options: Any, store: Path) -> float:
    repeats = max(3, options.repeats)
    report = run({"measure": "scan", "store": str(store), "repeats": repeats})
    return statistics.median(report["clock"])


def _measure(name: str, options: Any, store: Path) -> dict[str, Any]:
    request = {"measure": name, "store": str(store), "as_ofs": options.as_ofs}
    if name == "one_person":
        report = run({**request, "events": ONE_PERSON_EVENTS, "repeats": 5_000})
        return {
            "events": ONE_PERSON_EVENTS,
            "microseconds_median": 1e6 * statistics.median(report["clock"]),
            "microseconds_p99": 1e6 * statistics.quantiles(report["clock"], n=100)[98],
        }
    if name == "start_up":
        with tempfile.TemporaryDirectory() as cache:
            first, second = (run(request, NUMBA_CACHE_DIR=cache)["clock"][0] for _ in range(2))
        return {"compiling_seconds": first, "cached_seconds": second}
    reports = [run({**request, "repeats": options.repeats}) for _ in range(options.runs)]
    clock = [seconds for report in reports for seconds in report["clock"]]
    summary = {
        "seconds": statistics.median(clock),
        "least_seconds": min(clock),
        "processor_seconds": statistics.median(s for r in reports for s in r["processor"]),
        "peak_mib": max(report["peak_mib"] for report in reports),
        "rows": reports[0]["rows"],
        "all_seconds": clock,
    }
    if name == "whole":
        summary["columns"] = reports[0]["columns"]
    if name == "daily":
        summary["mib_written"] = reports[0]["mib_written"]
    if name == "streamed":
        # Beside its own scans, taken in turn: their ratio survives a busy machine.
        summary["scan_seconds"] = _scan(options, store)
    return summary


def machine() -> dict[str, Any]:
    """Say what the figures were taken on."""
    facts: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version()}
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        facts["processor"] = next((x.split(":")[1].strip() for x in lines if "model name" in x), "")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        facts["memory_gib"] = round(pages / 2**30)
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = None
    return facts


if __name__ == "__main__":
    main()
