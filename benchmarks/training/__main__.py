"""Time a whole training: ``python -m benchmarks.training --rows 1000000 --json FILE``.

From a store to a judged model, as ``hiu-risk train`` does it, beside LightGBM and scikit-learn
with a bootstrap of people in a loop, each in a process of its own. First the values must be equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.readme import machine, named, write_table
from benchmarks.training.process import ALLOWED
from benchmarks.training.region import store_of

GOAL_SECONDS, GOAL_MIB = 180.0, 4_096.0
FEW_ROWS = 150_000
"""Of a small region, on which everything is compiled before anything is timed."""


def main() -> None:
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    small, store = (store_of(options.folder, rows) for rows in (FEW_ROWS, options.rows))
    request = {
        "way": "ours", "scores": str(options.folder / "scores.npz"), "resamples": options.resamples,
    }  # fmt: skip
    _run({**request, "store": str(small)})
    ours = _run({**request, "store": str(store)})
    request |= {"store": str(store), "way": "other", "loop_resamples": options.loop_resamples}
    other = _run({**request, "measures": ours["measures"]})
    apart = other["largest_differences"]
    if max(apart.values()) > ALLOWED:
        sys.exit(f"not the same values, so no time is shown: {apart}")
    report = {
        "resamples": options.resamples, "ours": ours, "other": other, "machine": machine(),
    }  # fmt: skip
    for line in lines(report):
        print(line)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.readme:
        write_table(Path(__file__).with_name("README.md"), lines(report))


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="to learn from, about")
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument(
        "--loop-resamples", type=int, default=20,
        help="resamples of the other way, whose time is then multiplied",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "hiu-risk-benchmarks",
        help="where regions and stores are kept between runs",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="also write all figures here")
    parser.add_argument("--readme", action="store_true", help="also write the README's table")
    options = parser.parse_args()
    if not 50_000 <= options.rows <= 20_000_000 or options.loop_resamples < 1:
        parser.error("50,000 to 20,000,000 rows, at least one resample in the loop")
    return options


def _run(request: dict[str, Any]) -> Any:
    command = [sys.executable, "-m", "benchmarks.training.process", json.dumps(request)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Write a report as a table."""
    ours, other = report["ours"], report["other"]
    yield (
        f"{ours['rows']:,} rows to learn from ({ours['positives']:,} positive), "
        f"{ours['inputs']} inputs; {ours['judged_rows']:,} rows at {ours['dates']} dates to judge "
        f"by ({ours['judged_positives']:,} positive), {len(ours['measures'])} rankers, "
        f"{report['resamples']:,} resamples of people. {named(report['machine'])}"
    )
    yield ""
    yield "| | seconds | processor seconds |"
    yield "|---|---:|---:|"
    for name, part in ours["times"].items():
        if name != "all":
            yield f"| {name} | {part['seconds']:.1f} | {part['processor_seconds']:.1f} |"
    whole = ours["times"]["all"]
    yield f"| **ours, all** | {whole['seconds']:.1f} | {whole['processor_seconds']:.1f} |"
    fit, loop = other["times"]["LightGBM"], other["times"]["bootstrap"]
    more = report["resamples"] / other["resamples"]
    yield f"| LightGBM alone | {fit['seconds']:.1f} | {fit['processor_seconds']:.1f} |"
    yield (
        f"| its evaluation by scikit-learn: {other['resamples']} resamples, times {more:g} | "
        f"{loop['seconds'] * more:.0f} | {loop['processor_seconds'] * more:.0f} |"
    )
    yield ""
    reached = "reached" if whole["seconds"] <= GOAL_SECONDS else "missed"
    apart = max(other["largest_differences"].values())
    held = "reached" if ours["peak_mib"] <= GOAL_MIB else "missed"
    yield (
        f"Goal of {GOAL_SECONDS:.0f} s: {reached}. Goal of {GOAL_MIB:,.0f} MiB: {held}, the peak "
        f"is {ours['peak_mib']:,.0f} MiB (LightGBM and scikit-learn: {other['peak_mib']:,.0f}). "
        f"Largest difference between the two ways: {apart:.0e}."
    )


if __name__ == "__main__":
    main()
