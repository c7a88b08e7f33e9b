"""One measurement in a process of its own: ``python -m benchmarks.training.process REQUEST``.

The request and the report (the last line) are JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hiu_training.train as training
from hiu_risk.cli.memory import one_heap
from hiu_risk.store import Store
from hiu_training.judging.bootstrap import resample_people
from hiu_training.judging.metrics import Ranking, measure
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.split import Split, make_split

PROTOCOL = """\
definition = "frecann_adult"
target = "onset"
horizon_days = 90
washout_days = 365
capacities = [25, 50, 75, 100, 200, "1%"]
resamples = {resamples}
"""
ALLOWED = 1e-8
"""The largest difference between two ways that still counts as equal: scikit-learn's log loss comes
from probabilities, ours from log-odds, which lose nothing near 1."""

CHANCES = ("model", "anchor", "plain_lightgbm")
"""Rankers that give probabilities."""

Floats = NDArray[np.float64]


def peak_mib() -> float:
    """Give the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    """Seconds by the clock and of the processor, of whatever is timed, by name."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, float]] = {}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Give the work, timed under this name."""

        def timed(*given: Any, **named: Any) -> Any:
            started, spent = time.perf_counter(), time.process_time()
            answer = work(*given, **named)
            part = self.parts.setdefault(name, {"seconds": 0.0, "processor_seconds": 0.0})
            part["seconds"] += time.perf_counter() - started
            part["processor_seconds"] += time.process_time() - spent
            return answer

        return timed


def ours(store: Store, protocol: Protocol, scores: Path) -> dict[str, Any]:
    """Train and judge as ``hiu-risk train`` does; keep the scores for the other way."""
    clock = Clock()
    for part, names in {
        "rows": ("make_rows", "make_rows_and_censored"),
        "learning, plain LightGBM beside it": ("learn",),
        "evaluation": ("judge_model",),
    }.items():
        for name in names:
            setattr(training, name, clock.timed(part, getattr(training, name)))
    trained = clock.timed("all", training.train_model)(store, protocol)
    peak = peak_mib()
    np.savez(scores, **{name: ranker.score for name, ranker in trained.rankers.items()})
    kept = ("average_precision", "auroc", "brier", "log_loss")
    return {
        "rows": len(trained.development),
        "inputs": len(trained.development.names),
        "positives": trained.development.positives,
        "judged_rows": len(trained.test),
        "judged_positives": trained.test.positives,
        "dates": len(trained.split.test),
        "trees": trained.learned.verdict.n_trees,
        "peak_mib": peak,
        "times": clock.parts,
        "measures": {
            name: {kind: summary[kind]["value"] for kind in kept if kind in summary}
            for name, summary in trained.evaluation["rankers"].items()
        },
    }


def alternative(
    store: Store, protocol: Protocol, scores: Path, resamples: int, measures: dict[str, Any]
) -> dict[str, Any]:
    """Do it with LightGBM and scikit-learn on the same rows, which are there before the clock."""
    histories, catalogue = store.histories(), training.chosen_catalogue(protocol)
    split = make_split(protocol, histories.feeds, histories.zone)
    development = make_rows(histories, split.development, protocol, catalogue)
    test = make_rows(histories, split.test, protocol, catalogue)
    clock = Clock()
    plain = clock.timed("LightGBM", fit)(development, split, protocol.seed, test)
    with np.load(scores) as read:
        rankers = {name: read[name] for name in read.files}
    differs = check(test, rankers, measures)
    differs["plain_lightgbm's scores"] = float(np.abs(_p(rankers["plain_lightgbm"]) - plain).max())
    clock.timed("bootstrap", bootstrap)(test, rankers, resamples)
    return {
        "peak_mib": peak_mib(),
        "resamples": resamples,
        "times": clock.parts,
        "largest_differences": differs,
    }


def fit(rows: Rows, split: Split, seed: int, test: Rows) -> Floats:
    """Fit LightGBM with early stopping on a later block, then on all rows; score the test rows."""
    from lightgbm import LGBMClassifier, early_stopping

    settings: dict[str, Any] = {
        "learning_rate": 0.05, "random_state": seed, "deterministic": True, "verbosity": -1,
        "force_row_wise": True,
    }  # fmt: skip
    first, last = split.stopping
    known = rows.origin < split.learned_before(first)
    block = (rows.origin >= first) & (rows.origin < last)
    found = LGBMClassifier(n_estimators=300, **settings).fit(
        rows.values[known], rows.label[known],
        eval_X=rows.values[block], eval_y=rows.label[block],
        callbacks=[early_stopping(30, verbose=False)],
    )  # fmt: skip
    n_trees = max(int(found.best_iteration_ or 0), 1)
    whole = LGBMClassifier(n_estimators=n_trees, **settings).fit(rows.values, rows.label)
    return np.asarray(whole.predict_proba(test.values)[:, 1], dtype=np.float64)


def bootstrap(test: Rows, rankers: dict[str, Floats], resamples: int) -> None:
    """Draw people in a loop, and measure every ranker on each draw."""
    who, person = np.unique(test.person, return_inverse=True)
    rng = np.random.default_rng(1)
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, len(who), len(who)), minlength=len(who))
        for name, score in rankers.items():
            measured(test.label, name, score, drawn[person])


def measured(
    label: NDArray[np.int8], name: str, score: Floats, weight: NDArray[np.int64] | None = None
) -> dict[str, float]:
    """Measure a ranking with scikit-learn."""
    from sklearn.metrics import (
        average_precision_score,
        brier_score_loss,
        log_loss,
        roc_auc_score,
    )

    found = {
        "average_precision": average_precision_score(label, score, sample_weight=weight),
        "auroc": roc_auc_score(label, score, sample_weight=weight),
    }
    if name in CHANCES:
        found["brier"] = brier_score_loss(label, _p(score), sample_weight=weight)
        found["log_loss"] = log_loss(label, _p(score), sample_weight=weight)
    return {kind: float(value) for kind, value in found.items()}


def check(test: Rows, rankers: dict[str, Floats], ours: dict[str, Any]) -> dict[str, float]:
    """Compare what both claim, on the sample and on one resample, where they mean the same.

    scikit-learn's average precision takes rows of equal score as one step, ours is the mean over
    their orders: it is compared on rankings whose ties are broken, and not on the resample, where
    a person drawn twice ties with themselves.
    """
    who, person = np.unique(test.person, return_inverse=True)
    weight = resample_people(len(who), 1, seed=1)
    apart: dict[str, float] = {}
    for name, score in rankers.items():
        untied = np.argsort(np.argsort(score, kind="stable")).astype(np.float64)
        on_all = {k: v for k, v in ours[name].items() if k != "average_precision"}
        no_ties = measure(Ranking.of(untied, test.label), [])
        drawn = measure(Ranking.of(score, test.label, person), [], weight)
        pairs = (
            (on_all, measured(test.label, name, score), ""),
            (
                {"average_precision": float(no_ties.average_precision[0])},
                measured(test.label, "untied", untied),
                "",
            ),
            (
                {"auroc": float(drawn.auroc[0])},
                measured(test.label, name, score, weight[:, 0][person]),
                ", resampled",
            ),
        )
        for mine, theirs, where in pairs:
            for kind, value in mine.items():
                key = f"{kind}{where}"
                apart[key] = max(apart.get(key, 0.0), abs(value - theirs[kind]))
    return apart


def _p(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def main() -> None:
    request = json.loads(sys.argv[1])
    one_heap()
    store, scores = Store.open(Path(request["store"])), Path(request["scores"])
    protocol = parse_protocol(PROTOCOL.format(resamples=request["resamples"]))
    if request["way"] == "ours":
        report = ours(store, protocol, scores)
    else:
        report = alternative(
            store, protocol, scores, request["loop_resamples"], request["measures"]
        )
    print(json.dumps(report))


if __name__ == "__main__":
    main()
