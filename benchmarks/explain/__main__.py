"""Time contributions side by side: ``python -m benchmarks.explain --rows 100000 --json FILE``.

A booster of the project's own kind (its settings, its features, at most 8 leaves) explains the
same rows by the project's tables, by LightGBM's ``pred_contrib`` and by ``shap.TreeExplainer``:
in one batch, in batches of 100, and one person at a time. First the values must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from hiu_features import default_catalogue
from hiu_risk.model import Booster, Bundle
from hiu_risk.model.contributions import ContributionTables
from hiu_risk.times import DAY
from hiu_serving.score import entries_of, ranking
from hiu_serving.scorer import Scorer
from hiu_serving.worklist import Before
from hiu_training.learning.booster import grow
from hiu_training.protocol.settings import BoosterSettings
from tests.support.histories import random_histories
from tests.support.serving import AS_OF, make_bundle

Rows = npt.NDArray[np.float32]
Way = Callable[[Rows], npt.NDArray[np.float64]]
ALLOWED = 1e-6
"""The largest difference between two ways that still counts as equal."""
CALLS, SECONDS = 25, 3.0
"""A way is timed this often, or for about this long, whichever ends first; at least once."""


def main() -> None:
    options = _options()
    if options.bundle:
        bundle = Bundle.load(options.bundle)
    else:
        bundle = make_bundle(booster=trained(options.trees))
    booster = bundle.booster
    rows = made_up_rows(options.rows, len(bundle.feature_names))
    rows[: len(rows) // 10] = at_the_limits(booster, len(rows) // 10, rows.shape[1])
    ways = ways_for(booster)
    differences = compare(booster, ways, rows)
    result: dict[str, Any] = {
        "rows": len(rows),
        "features": rows.shape[1],
        "trees": booster.n_trees,
        "fill_seconds": _median_seconds(lambda: ContributionTables.read(booster.text)),
        "largest_difference": differences,
        "one_person_all_parts_us": 1e6
        * _median_seconds(lambda: bundle.contributions(rows[:1]), 200),
        "list_of_100": list_of_100(bundle),
        "batches": [measure(ways, rows, size) for size in (len(rows), 100, 1)],
        "machine": machine(),
    }
    say(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explain", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the large batch")
    parser.add_argument("--trees", type=int, default=100, help="trees of the made-up booster")
    parser.add_argument("--bundle", type=Path, help="the folder of a trained bundle instead")
    parser.add_argument("--json", type=Path, help="also write the result here")
    options = parser.parse_args()
    if not 1_000 <= options.rows <= 1_000_000 or not 1 <= options.trees <= 1_000:
        parser.error("1000 to 1000000 rows, 1 to 1000 trees")
    return options


def made_up_rows(n: int, n_features: int, seed: int = 1) -> Rows:
    """Make up counts of people who differ a lot, with some values missing."""
    rng = np.random.default_rng(seed)
    busy = rng.gamma(0.7, 2.0, (n, 1)) * rng.uniform(0.1, 3.0, n_features)
    rows = rng.poisson(busy).astype(np.float32)
    rows[:, ::3] += rng.random((n, len(range(0, n_features, 3))), np.float32)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    return rows


def trained(n_trees: int) -> Booster:
    """Train as the project does, over the features it ships with."""
    catalogue = default_catalogue()
    rows = made_up_rows(20_000, len(catalogue.names), seed=2)
    rng = np.random.default_rng(3)
    odds = np.nan_to_num(rows) @ rng.gamma(0.2, 0.2, rows.shape[1])
    odds += 2 * np.sin(np.nan_to_num(rows[:, 5])) + rng.logistic(size=len(rows))
    label = (odds > np.quantile(odds, 0.9)).astype(np.int8)
    model = grow(
        rows, label, np.full(len(rows), np.log(0.1 / 0.9)), catalogue.names,
        [0] * len(catalogue.names), BoosterSettings(learning_rate=0.05), n_trees, seed=1,
    )  # fmt: skip
    return Booster(model.model_to_string())


def at_the_limits(booster: Booster, n: int, n_features: int) -> Rows:
    """Make up rows whose values are where trees split, or just beside, or zero, or missing."""
    lines = [line for line in booster.text.splitlines() if line.startswith("threshold=")]
    limits = {float(number) for line in lines for number in line.partition("=")[2].split()}
    finite = np.array([0.0, *(limit for limit in limits if np.isfinite(limit))], np.float32)
    edges = np.concatenate([finite, -finite, np.nextafter(finite, np.float32(np.inf))])
    edges = np.append(edges, np.float32(np.nan))
    return np.random.default_rng(4).choice(edges, (n, n_features))


def ways_for(booster: Booster) -> dict[str, Way]:
    import shap

    model = lightgbm.Booster(model_str=booster.text)
    explainer = shap.TreeExplainer(model)
    return {
        "tables": lambda rows: booster.contributions(rows)[0],
        "pred_contrib": lambda rows: booster.lightgbm_contributions(rows)[0],
        # On a busy machine small batches are quicker without LightGBM's second thread.
        "pred_contrib 1 thread": lambda rows: booster.lightgbm_contributions(rows, threads=1)[0],
        "shap.TreeExplainer": lambda rows: np.asarray(
            explainer.shap_values(rows, check_additivity=False)
        ),
    }


def compare(booster: Booster, ways: dict[str, Way], rows: Rows) -> dict[str, float]:
    """Refuse to time ways that differ, on rows at the edges and on rows from everywhere."""
    edges, step = min(len(rows) // 10, 2_000), max(len(rows) // 2_000, 1)
    some = np.concatenate([rows[:edges], rows[::step]])
    found, mean = booster.contributions(some)
    differences = {
        f"from {name}": float(np.abs(found - way(some)).max())
        for name, way in ways.items()
        if name != "tables"
    }
    raw = booster.raw(some)
    differences["of the sum from the raw score"] = float(
        np.abs(found.sum(axis=1) + mean - raw).max()
    )
    if max(differences.values()) > ALLOWED:
        sys.exit(f"not the same values, so nothing is timed: {differences}")
    if ContributionTables.read(booster.text) is None:
        sys.exit("the tables don't cover this booster, so there is nothing to compare")
    return differences


def measure(ways: dict[str, Way], rows: Rows, size: int) -> dict[str, Any]:
    """Time every way on batches of one size, in turns, so that all meet the same neighbours."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(rows[: min(size, 1_000)])
    for turn in range(CALLS):
        first = turn * size % (len(rows) - size + 1)
        batch = rows[first : first + size]
        for name, way in ways.items():
            if turn and sum(seconds[name]) > SECONDS:
                continue
            started = time.perf_counter()
            way(batch)
            seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {
        "batch": size,
        "ways": {
            name: {
                "median_ms": 1_000 * median[name],
                "rows_per_second": size / median[name],
                "calls": len(seconds[name]),
                "tables_times_faster": median[name] / median["tables"],
            }
            for name in ways
        },
    }


def list_of_100(bundle: Bundle) -> dict[str, float]:
    """Time what comes after scoring: the reasons of 100 listed people, and what changed.

    Seconds of this process's own processor time, which other work on the machine doesn't change.
    """
    scorer = Scorer.of(bundle)
    histories = random_histories(1, 20_000, 400_000, AS_OF - 1_000 * DAY, AS_OF)
    scored = scorer.score(histories, AS_OF, scorer.candidates(histories, AS_OF).mask)
    top = ranking(scored.score, histories.people.id[scored.person])[:100]
    people, scores = scored.person[top].astype(np.int64), scored.score[top]
    before = Before(AS_OF - 7 * DAY, {})

    def once(last: Before | None) -> float:
        started = time.process_time()
        entries_of(histories.take(people), AS_OF, scorer, scores, people, last, None)
        return time.process_time() - started

    once(before)
    return {
        "names": len(top),
        "reasons_cpu_seconds": statistics.median(once(None) for _ in range(9)),
        "reasons_and_changes_cpu_seconds": statistics.median(once(before) for _ in range(9)),
    }


def _median_seconds(work: Callable[[], object], calls: int = 5) -> float:
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "lightgbm": lightgbm.__version__,
    }


def say(result: dict[str, Any]) -> None:
    print(f"{result['trees']} trees, {result['features']} features, {result['machine']}")
    print(f"tables filled in {result['fill_seconds']:.3f} s")
    for what, difference in result["largest_difference"].items():
        print(f"largest difference {what}: {difference:.1e}")
    whole = result["one_person_all_parts_us"]
    print(f"one person with anchor and calibrator: {whole:.0f} microseconds")
    listed = result["list_of_100"]
    print(
        f"a list of {listed['names']} after scoring: {listed['reasons_cpu_seconds']:.3f} s for "
        f"reasons, {listed['reasons_and_changes_cpu_seconds']:.3f} s with what changed"
    )
    print(f"{'batch':>8}  {'way':<22}{'median ms':>12}{'rows/s':>12}{'tables are':>15}")
    for batch in result["batches"]:
        for name, way in batch["ways"].items():
            print(
                f"{batch['batch']:>8}  {name:<22}{way['median_ms']:>12.3f}"
                f"{way['rows_per_second']:>12,.0f}{way['tables_times_faster']:>8.1f} x faster"
            )


if __name__ == "__main__":
    main()
