"""Time an evaluation: ``python -m benchmarks.evaluation --rows 1000000 --json FILE``.

Simulated rows of 5 dates, 9 rankers as ``hiu-risk evaluate`` has them (three give probabilities,
four counts tie most people, one is near the truth), lists of 25 to 200 and 1%, breakdowns by
history, tenure, coverage and site, 1,000 resamples of people. Nothing is compared with it: the
goal is 20 seconds on two cores. ``processor`` is the sum over the cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from pathlib import Path

import numpy as np

from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.judging.judged import Details, Grouping, find_cases
from hiu_training.rows.inputs import Rows

DATES = 5
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
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    few = simulate(2_000)  # compile once: the cache serves later processes
    evaluate(few[0], few[1], CAPACITIES, resamples=64, seed=1, details=few[2])
    rows, rankers, details = simulate(chosen.rows)
    started, worked = time.perf_counter(), time.process_time()
    found = evaluate(rows, rankers, CAPACITIES, resamples=chosen.resamples, seed=1, details=details)
    result = {
        "rows": len(rows),
        "people": int(rows.person.max()) + 1,
        "positives": rows.positives,
        "rankers": len(rankers),
        "resamples": chosen.resamples,
        "seconds": round(time.perf_counter() - started, 2),
        "processor": round(time.process_time() - worked, 2),
        "average_precision": found["rankers"]["model"]["average_precision"],
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
