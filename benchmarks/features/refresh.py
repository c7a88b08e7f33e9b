"""Take every figure again and write the README's tables: ``benchmarks.features.refresh``.

Meant for a quiet machine: an hour, 23 GB of memory, 4 GB of disk. ``--only``
takes some of the runs, ``--tables`` none: it writes the tables of what ``results/`` holds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.features import goals

README = Path(__file__).with_name("README.md")
RESULTS = goals.RESULTS
PLOT = Path(__file__).with_name("contenders.svg")

ALL = "ours,duckdb,duckdb_tuned,polars"
MEASURED = ("--contenders", "none", "--measures")
RUNS: dict[str, tuple[str, ...]] = {
    "1m": ("--contenders", f"{ALL},pandas", "--repeats", "1", "--plot", str(PLOT)),
    "1m-day": ("--contenders", f"{ALL},pandas", "--repeats", "1", "--as-ofs", "1"),
    "1m-measures": (*MEASURED, "whole,streamed,daily,one_person,start_up", "--repeats", "3"),
    "featuretools": ("--events", "50000", "--contenders", "ours,featuretools", "--runs", "1"),
    "10m": ("--events", "10000000", "--contenders", ALL, "--runs", "1"),
    "10m-measures": ("--events", "10000000", *MEASURED, "whole,streamed,daily", "--runs", "2"),
    "100m": (
        "--events", "100000000", *MEASURED, "streamed,daily", "--runs", "1", "--repeats", "1",
    ),
}  # fmt: skip
"""Name of the file in ``results/``, and what ``python -m benchmarks.features`` is asked."""


def main() -> None:
    options = _options()
    for name in options.only:
        command = [
            sys.executable, "-m", "benchmarks.features", *RUNS[name],
            "--folder", str(options.folder), "--json", str(RESULTS / f"{name}.json"),
        ]  # fmt: skip
        if name == "featuretools" and options.featuretools_python:
            command += ["--featuretools-python", options.featuretools_python]
        print(f"{name}: {' '.join(command[2:])}", flush=True)
        if subprocess.run(command, check=False).returncode:
            print(f"{name}: failed; its figures stay as they were", flush=True)
    write_tables(README)


def _options() -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.features.refresh", description=__doc__
    )
    parser.add_argument("--only", default=",".join(RUNS), help=f"of {', '.join(RUNS)}")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "hiu-risk-benchmarks",
        help="where made-up stores are kept between runs",
    )  # fmt: skip
    parser.add_argument("--featuretools-python", help="a Python that has featuretools 1.31")
    options = parser.parse_args()
    options.only = [] if options.tables else options.only.split(",")
    if unknown := set(options.only) - set(RUNS):
        parser.error(f"unknown {', '.join(sorted(unknown))}: of {', '.join(RUNS)}")
    return options


def write_tables(readme: Path) -> None:
    """Write each table between its marks: a comment that names it, and one that says ``end``."""
    reports = goals.read()
    tables = {"goals": goals.lines(reports), "measures": _measures(reports)}
    tables |= {name: _contenders(reports[name]) for name in ("1m", "1m-day", "10m")}
    tables["featuretools"] = _featuretools(reports)
    text = readme.read_text(encoding="utf-8")
    for name, lines in tables.items():
        before, rest = text.split(f"<!-- table: {name} -->\n")
        after = rest.split("<!-- end -->", 1)[1]
        written = "\n".join(lines)
        text = f"{before}<!-- table: {name} -->\n{written}\n<!-- end -->{after}"
    readme.write_bytes(text.encode("utf-8"))


def _measures(reports: dict[str, Any]) -> Iterator[str]:
    yield "| events | measure | seconds | processor seconds | scan seconds | rows | peak MiB |"
    yield "|---|---|---|---|---|---|---|"
    for name in ("1m-measures", "10m-measures", "100m"):
        for measure in ("whole", "streamed", "daily"):
            if m := reports[name]["measures"].get(measure):
                scan = f"{m['scan_seconds']:.3g}" if "scan_seconds" in m else ""
                yield (
                    f"| {reports[name]['events']:,} | {measure} | {m['seconds']:.3g} | "
                    f"{m['processor_seconds']:.3g} | {scan} | {m['rows']:,} | "
                    f"{m['peak_mib']:,.0f} |"
                )


def _contenders(report: dict[str, Any]) -> Iterator[str]:
    ours = report["contenders"]["ours"]
    dates = f"{report['as_ofs']} month-ends" if report["as_ofs"] > 1 else "one day"
    yield f"**{report['events']:,} events, {dates}** ({ours['rows']:,} rows)"
    yield ""
    yield "| way | seconds, median (least) | times ours | us a row | peak MiB | values equal |"
    yield "|---|---|---|---|---|---|"
    for name, c in report["contenders"].items():
        if not c["agrees"]:
            yield f"| `{name}` | no time: its values differ | | | | no |"
            continue
        yield (
            f"| `{name}` | {c['seconds']:.3g} ({c['least_seconds']:.3g}) | "
            f"{c['seconds'] / ours['seconds']:.1f} | {c['us_per_row']:.3g} | "
            f"{c['peak_mib']:,.0f} | yes |"
        )
    for name in report.get("failed", ()):
        yield f"| `{name}` | its process ended before its answer | | | | |"


def _featuretools(reports: dict[str, Any]) -> Iterator[str]:
    f = reports["featuretools"]["featuretools"]
    yield (
        f"Featuretools: {f['rows']:,} rows, {f['features']} features, {f['us_per_row']:,.0f} us a "
        f"row; ours {f['ours_us_per_row']:.2g} on the same; {f['ratio']:,.0f} times; values "
        f"equal: {'yes' if f['agrees'] else 'no'}."
    )


if __name__ == "__main__":
    main()
