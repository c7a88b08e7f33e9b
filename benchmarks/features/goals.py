"""What was aimed at, beside what was measured: ``python -m benchmarks.features.goals``.

Reads the raw figures in ``results/`` and writes the goal table as Markdown.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def read(folder: Path = RESULTS) -> dict[str, Any]:
    """Read the reports by name of file."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*.json"))
    }


def lines(reports: dict[str, Any]) -> Iterator[str]:
    """Write the table, a row a goal; a goal without figures says so."""
    yield "| measure | goal | measured | |"
    yield "|---|---|---|---|"
    for measure, goal, limit, higher, unit, find in GOALS:
        try:
            value = find(reports)
        except KeyError:
            yield f"| {measure} | {goal} | not measured | |"
            continue
        reached = value >= limit if higher else value <= limit
        short = limit / value if higher else value / limit
        verdict = "reached" if reached else f"missed by {short:.1f} times"
        yield f"| {measure} | {goal} | {_digits(value)} {unit} | {verdict} |"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _per_row(name: str) -> Any:
    return lambda r: r[name]["contenders"]["ours"]["us_per_row"]


def _times(report: str, contender: str) -> Any:
    def find(r: dict[str, Any]) -> float:
        found = r[report]["contenders"]
        if not found[contender]["agrees"]:
            raise KeyError(contender)
        return float(found[contender]["seconds"] / found["ours"]["seconds"])

    return find


def _streamed(name: str) -> Any:
    def find(r: dict[str, Any]) -> float:
        found = r[name]["measures"]["streamed"]
        return float(found["seconds"] / found["scan_seconds"])

    return find


def _growth(small: str, large: str) -> Any:
    def find(r: dict[str, Any]) -> float:
        a, b = (r[name]["measures"]["streamed"] for name in (small, large))
        return float((b["seconds"] / b["rows"]) / (a["seconds"] / a["rows"]))

    return find


GOALS: tuple[tuple[str, str, float, bool, str, Any], ...] = (
    ("time per row, 1M events, 12 dates", "0.35 us", 0.35, False, "us", _per_row("1m")),
    ("time per row, 10M events, 12 dates", "0.35 us", 0.35, False, "us", _per_row("10m")),
    ("plain DuckDB over ours, 1M", "15 times", 15, True, "times", _times("1m", "duckdb")),
    ("tuned DuckDB over ours, 1M", "8 times", 8, True, "times", _times("1m", "duckdb_tuned")),
    (
        "featuretools over ours per row, features both have", "2,000 times", 2_000, True, "times",
        lambda r: r["featuretools"]["featuretools"]["ratio"],
    ),
    ("streamed over scan, 1M", "5 times", 5, False, "times", _streamed("1m-measures")),
    ("streamed over scan, 10M", "5 times", 5, False, "times", _streamed("10m-measures")),
    ("streamed over scan, 100M", "5 times", 5, False, "times", _streamed("100m")),
    (
        "time per row, whole catalogue, 10M events, 12 dates", "0.35 us", 0.35, False, "us",
        lambda r: 1e6 * r["10m-measures"]["measures"]["whole"]["seconds"]
        / r["10m-measures"]["measures"]["whole"]["rows"],
    ),
    ("tuned DuckDB over ours, 10M", "8 times", 8, True, "times", _times("10m", "duckdb_tuned")),
    (
        "daily list, 100M events", "15 s", 15, False, "s",
        lambda r: r["100m"]["measures"]["daily"]["seconds"],
    ),
    (
        "daily list, 100M events, peak memory", "4,096 MiB", 4_096, False, "MiB",
        lambda r: r["100m"]["measures"]["daily"]["peak_mib"],
    ),
    (
        "growth per row streamed, 1M to 10M", "1.3 times", 1.3, False, "times",
        _growth("1m-measures", "10m-measures"),
    ),
    (
        "growth per row streamed, 1M to 100M", "1.3 times", 1.3, False, "times",
        _growth("1m-measures", "100m"),
    ),
    (
        "one person, 200 events, median", "50 us", 50, False, "us",
        lambda r: r["1m-measures"]["measures"]["one_person"]["microseconds_median"],
    ),
    (
        "compiling, once per installation", "10 s", 10, False, "s",
        lambda r: r["1m-measures"]["measures"]["start_up"]["compiling_seconds"],
    ),
)  # fmt: skip
"""Measure, goal in words, limit, whether more is better, unit, where the figure stands."""


if __name__ == "__main__":
    print("\n".join(lines(read(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS))))
