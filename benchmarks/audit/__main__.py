"""Time the audit: ``python -m benchmarks.audit --rows 1000000 --json FILE``.

Simulated rows of 12 dates with 8 groupings, measured from scored rows in memory to the page as
text, by two outcomes, at 1,000 resamples each. Nothing is compared with it: no rival draws
intervals.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.page import render_page
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.audit.second import audit_second, publish_second

SIZES = {
    "sex": 3, "age_band": 6, "ethnic_group": 7, "imd_quintile": 6, "site": 10,
    "first": 5, "second": 5, "third": 5,
}  # fmt: skip
DATES = 12


@dataclass(frozen=True)
class Rows:
    """Scored rows."""

    person: NDArray[np.int64]
    as_of: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int8]
    groups: dict[str, NDArray[np.str_]]
    happened_at: NDArray[np.int64]


def simulate(n: int, seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    people = max(n // 6, 10)
    person = np.sort(rng.integers(0, people, n))
    log_odds = rng.normal(-6.0, 1.3, people)[person] + rng.normal(0, 0.5, n)
    score = 1 / (1 + np.exp(-log_odds))
    groups = {}
    for name, size in SIZES.items():
        shares = rng.dirichlet(np.full(size, 2.0))
        groups[name] = np.array([f"{name} {i}" for i in range(size)])[
            rng.choice(size, people, p=shares)[person]
        ]
    as_of = rng.integers(0, DATES, n) * 30 * 86_400
    return Rows(
        person, as_of, score, (rng.random(n) < score).astype(np.int8), groups,
        as_of + rng.integers(1, 90, n) * 86_400,
    )  # fmt: skip


def second(rows: Rows, seed: int = 2) -> Rows:
    """Give the same rows by an outcome that is three times as common."""
    chance = np.minimum(3 * rows.score, 1.0)
    happened = (np.random.default_rng(seed).random(len(chance)) < chance).astype(np.int8)
    return replace(rows, label=happened)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    audit(simulate(2_000), Plan(resamples=100))  # compile once: the cache serves later processes
    rows = simulate(chosen.rows)
    seconds = {}
    started, worked = time.perf_counter(), time.process_time()
    report = audit(rows, Plan(resamples=chosen.resamples))
    seconds["audit"] = time.perf_counter() - started
    other = audit_second(second(rows), Plan(resamples=chosen.resamples))
    seconds["second outcome"] = time.perf_counter() - started - seconds["audit"]
    document = publish(report, Context("model", "definition"))
    told = publish_second(other, "another outcome", document, SmallNumbers())
    document = document.model_copy(update={"second_outcome": told})
    seconds["publish"] = time.perf_counter() - started - sum(seconds.values())
    render_page(document)
    seconds["total"] = time.perf_counter() - started
    seconds["processor"] = time.process_time() - worked
    result = {
        "rows": chosen.rows,
        "people": int(rows.person.max()) + 1,
        "cases": int(rows.label.sum()),
        "groupings": len(SIZES),
        "resamples": chosen.resamples,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
