"""Time an evaluation: ``python -m benchmarks.evaluation --rows 1000000 --json FILE``.

Simulated rows of 5 dates, 8 rankers as ``hiu-risk evaluate`` has them (three give probabilities,
four counts tie most people, one is near the truth), lists of 25 to 200 and 1%, breakdowns by
history, tenure, coverage and site, 1,000 resamples of people. Beside it the measures that
scikit-learn has, in a loop over resampled people; first the values must be equal.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.readme import machine, named, write_table
from benchmarks.training.process import ALLOWED, Clock, bootstrap, check
from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.judging.judged import Details, Grouping, find_cases
from hiu_training.rows.inputs import Rows

DATES = 5
GOAL_SECONDS = 20.0
CAPACITIES = (25, 50, 75, 100, 200, "1%")
GROUPS = {"history": 2, "tenure": 4, "coverage": 2, "site": 5}


def simulate(n: int, seed: int = 1) -> tuple[Rows, dict[str, Ranker], Details]:
    """Make rows of people with gamma distributed rates, 1% of them positive."""
    rng = np.random.default_rng(seed)
    n_people = n // DATES
    rate = np.log(rng.gamma(0.4, 1, n_people) + 0.02)
    person = np.repeat(np.arange(n_people, dtype=np.int32), DATES)
    origin = np.tile(np.arange(DATES, dtype=np.int16), n_people)
    truth = rate[person] + 0.4 * rng.normal(size=len(person))
    risk = 1 / (1 + np.exp(-(1.3 * truth - 4.1)))
    label = (rng.random(len(person)) < risk).astype(np.int8)
    as_ofs = np.arange(DATES, dtype=np.int64) * 30 * DAY
    happened = as_ofs[origin] + rng.integers(1, 90 * DAY, len(person))
    rows = Rows(
        person, origin, label, np.where(label == 1, happened, FOREVER),
        np.zeros((len(person), 1), np.float32), ("calls_30d",), as_ofs, {},
    )  # fmt: skip
    rankers = {}
    for name, noise in (("model", 0.3), ("anchor", 0.4), ("plain_lightgbm", 0.8)):
        odds = 1.3 * (truth + noise * rng.normal(size=len(person))) - 4.1
        rankers[name] = Ranker(odds, odds)
    for days in (30, 90, 365):
        count = rng.poisson(np.exp(truth) * days / 90).astype(float)
        rankers[f"count_{days}d"] = Ranker(count)
    rankers["decayed_count"] = Ranker(truth + 0.6 * rng.normal(size=len(person)))
    rankers["true_intensity"] = Ranker(risk)
    groups = {
        name: Grouping(
            tuple(f"{name} {i}" for i in range(size)), rng.integers(0, size, n_people)[person]
        )
        for name, size in GROUPS.items()
    }
    return rows, rankers, Details(find_cases(rows), groups)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument(
        "--loop-resamples", type=int, default=3,
        help="resamples of the other way, whose time is then multiplied",
    )  # fmt: skip
    parser.add_argument("--json", type=Path)
    parser.add_argument("--readme", action="store_true", help="also write the README's table")
    chosen = parser.parse_args()
    few = simulate(2_000)  # compile once: the cache serves later processes
    evaluate(few[0], few[1], CAPACITIES, resamples=64, seed=1, details=few[2])
    rows, rankers, details = simulate(chosen.rows)
    clock = Clock()
    found = clock.timed("ours", evaluate)(
        rows, rankers, CAPACITIES, resamples=chosen.resamples, seed=1, details=details
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scores = {name: ranker.score for name, ranker in rankers.items()}
    apart = check(rows, scores, {name: told(one) for name, one in found["rankers"].items()})
    if max(apart.values()) > ALLOWED:
        sys.exit(f"not the same values, so no time is shown: {apart}")
    clock.timed("loop", bootstrap)(rows, scores, chosen.loop_resamples)
    result = {
        "rows": len(rows),
        "people": int(rows.person.max()) + 1,
        "positives": rows.positives,
        "rankers": len(rankers),
        "resamples": chosen.resamples,
        "loop_resamples": chosen.loop_resamples,
        "times": clock.parts,
        "average_precision": found["rankers"]["model"]["average_precision"],
        "largest_differences": apart,
        "peak_mib": peak,
        "machine": machine(),
    }
    for line in lines(result):
        print(line)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.readme:
        write_table(Path(__file__).with_name("README.md"), lines(result))


def told(summary: dict[str, Any]) -> dict[str, float]:
    """Give what scikit-learn measures too."""
    kinds = ("average_precision", "auroc", "brier", "log_loss")
    return {kind: summary[kind]["value"] for kind in kinds if kind in summary}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Write the result as a table."""
    ours, loop = result["times"]["ours"], result["times"]["loop"]
    more = result["resamples"] / result["loop_resamples"]
    yield (
        f"{result['rows']:,} rows of {result['people']:,} people, {result['positives']:,} "
        f"positive, {result['rankers']} rankers, {result['resamples']:,} resamples of people. "
        f"{named(result['machine'])}"
    )
    yield ""
    yield "| | seconds | processor seconds |"
    yield "|---|---:|---:|"
    yield f"| ours, everything | {ours['seconds']:.1f} | {ours['processor_seconds']:.1f} |"
    yield (
        f"| scikit-learn, four measures: {result['loop_resamples']} resamples, times {more:.0f} | "
        f"{loop['seconds'] * more:.0f} | {loop['processor_seconds'] * more:.0f} |"
    )
    yield ""
    apart = max(result["largest_differences"].values())
    reached = "reached" if ours["seconds"] <= GOAL_SECONDS else "missed"
    yield (
        f"Goal of {GOAL_SECONDS:.0f} s: {reached}. Peak memory {result['peak_mib']:,.0f} MiB. "
        f"Largest difference between the two ways: {apart:.0e}."
    )


if __name__ == "__main__":
    main()
