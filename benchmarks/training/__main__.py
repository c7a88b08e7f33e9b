"""Time training: ``python -m benchmarks.training --rows 1000000 --json FILE``.

Simulated rows of 60 features at 16 dates: a third of the features are calls as counted and decayed
over several windows, the rest says nothing. Learned from are the rows of eleven dates, judged is
the model at the other five, beside the decayed count and the anchor. CPU seconds are printed beside
seconds: on a busy machine only the former mean anything. Without plain LightGBM, which is not
trained here.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features import default_catalogue
from hiu_risk.times import DAY, FOREVER
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.learning.learner import learn
from hiu_training.protocol import parse_protocol
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split, late_blocks

DATES, TEST = 16, 5
EMBARGO = 90 * DAY
TOLD = (
    "calls_7d", "calls_28d", "calls_30d", "calls_90d", "calls_365d", "calls_decayed_7d",
    "calls_decayed_30d", "calls_decayed_90d", "calls_decayed_180d", "days_since_last_call",
    "days_since_2nd_last_call", "days_since_3rd_last_call", "calls_covered_365d", "tenure_days",
)  # fmt: skip
FEATURES = 60


def simulate(n: int, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.int8], Any, Any]:
    """Draw values of rows, labels, people and dates."""
    rng = np.random.default_rng(seed)
    people = n // DATES
    person = np.repeat(np.arange(people, dtype=np.int32), DATES)
    origin = np.tile(np.arange(DATES, dtype=np.int16), people)
    n = len(person)
    rate = rng.gamma(0.3, 4.0, people)[person] * np.exp(rng.normal(0, 0.4, n))
    values = rng.gamma(1.0, 2.0, (n, FEATURES)).astype(np.float32)
    year = rng.poisson(rate)
    for place, days in enumerate((7, 28, 30, 90, 365)):
        values[:, place] = rng.binomial(year, days / 365)
    for place, half_life in enumerate((7, 30, 90, 180), start=5):
        values[:, place] = year * min(half_life * 1.44 / 365, 1) * rng.uniform(0.5, 1.5, n)
    ages = np.sort(rng.uniform(0, 365, (n, 3)), axis=1) / np.maximum(year, 1)[:, None]
    for place in range(3):
        values[:, 9 + place] = np.where(year > place, ages[:, place], np.nan)
    values[:, 12], values[:, 13] = 365, rng.uniform(30, 1_000, n)
    truth = -6.5 + 1.1 * np.log1p(year) + 0.6 * np.log1p(values[:, 2])
    truth += 1.5 * (values[:, 20] > 2) * (values[:, 21] > 2) - 0.3
    label = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    return values, label, person, origin


def taken(
    names: tuple[str, ...], as_ofs: NDArray[np.int64], mask: NDArray[np.bool_], drawn: Any
) -> Rows:
    """Put the masked rows together."""
    values, label, person, origin = (array[mask] for array in drawn)
    first = int(origin.min())
    last = int(origin.max())
    return Rows(
        person, (origin - first).astype(np.int16), label, np.full(len(label), FOREVER),
        np.ascontiguousarray(values), names, as_ofs[first : last + 1], {},
    )  # fmt: skip


def spent() -> float:
    """CPU seconds of this process so far."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def main() -> None:
    """Simulate, learn, judge, and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    others = [name for name in default_catalogue().names if name not in TOLD]
    names = (*TOLD, *others[: FEATURES - len(TOLD)])
    directions = default_catalogue().select(names).directions
    as_ofs = np.arange(DATES, dtype=np.int64) * 30 * DAY
    drawn = simulate(asked.rows)
    late = drawn[3] >= DATES - TEST
    development, test = (taken(names, as_ofs, mask, drawn) for mask in (~late, late))
    del drawn, late
    n = len(development.as_ofs)
    size = late_blocks(development.as_ofs, EMBARGO) or 1
    split = Split(
        development.as_ofs, test.as_ofs, (n - 2 * size, n - size), (n - size, n), EMBARGO, 30
    )
    protocol = parse_protocol("")
    times: dict[str, dict[str, float]] = {}

    def timed(what: str, work: Any) -> Any:
        wall, cpu = time.perf_counter(), spent()
        answer = work()
        times[what] = {"seconds": time.perf_counter() - wall, "cpu_seconds": spent() - cpu}
        return answer

    learned = timed("learn", lambda: learn(development, split, protocol, directions))

    def score() -> dict[str, Ranker]:
        anchor = learned.anchor.log_odds(test.values, names)
        model = learned.calibrator.apply(anchor + learned.booster.raw(test.values))
        return {
            "model": Ranker(model, model),
            "anchor": Ranker(anchor, anchor),
            "decayed_count": Ranker(test.column("calls_decayed_90d").astype(np.float64)),
        }

    rankers = timed("score", score)
    found = timed(
        "judge",
        lambda: evaluate(test, rankers, (50, 75, 100), resamples=asked.resamples, seed=1),
    )
    result = {
        "rows": asked.rows,
        "features": FEATURES,
        "positives": development.positives + test.positives,
        "trees": learned.verdict.n_trees,
        "times": times,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "average_precision": {
            name: summary["average_precision"]["value"]
            for name, summary in found["rankers"].items()
        },
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    for what, took in times.items():
        print(f"{what:8} {took['seconds']:7.1f} s   {took['cpu_seconds']:7.1f} CPU s")
    print(f"peak     {result['peak_mib']:7.0f} MiB")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
