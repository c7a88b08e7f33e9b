"""The benchmark's other way measures what we do: otherwise its time would mean nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import benchmarks.training
from benchmarks.readme import write_table
from benchmarks.training.__main__ import lines
from benchmarks.training.process import check
from hiu_training.judging.evaluation import evaluate
from tests.support.judged_rows import judged_rows, rankers_of


def _ours() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    rows = judged_rows(600)
    rankers = rankers_of(rows)
    found = evaluate(rows, rankers, [20], resamples=4, seed=1)["rankers"]
    kinds = ("average_precision", "auroc", "brier", "log_loss")
    values = {n: {k: s[k]["value"] for k in kinds if k in s} for n, s in found.items()}
    return rows, {name: ranker.score for name, ranker in rankers.items()}, values


def test_scikit_learn_gives_our_values_and_a_difference_is_seen() -> None:
    rows, scores, values = _ours()
    apart = check(rows, scores, values)
    assert set(apart) == {"average_precision", "auroc", "brier", "log_loss", "auroc, resampled"}
    assert max(apart.values()) < 1e-12
    values["count_30d"]["auroc"] += 1e-6
    assert check(rows, scores, values)["auroc"] == pytest.approx(1e-6)


def test_the_readme_keeps_all_but_its_table(tmp_path: Path) -> None:
    part = {"seconds": 61.5, "processor_seconds": 99.0}
    report = {
        "resamples": 1_000,
        "ours": {
            "rows": 999_999, "positives": 800, "inputs": 84, "judged_rows": 2, "dates": 5,
            "judged_positives": 1, "measures": {"model": {}}, "peak_mib": 5_000.0,
            "times": {"rows": part, "all": part},
        },
        "other": {
            "resamples": 20, "peak_mib": 1.0, "largest_differences": {"auroc": 1e-16},
            "times": {"LightGBM": part, "bootstrap": part},
        },
        "machine": {"cores": 2, "processor": "x", "load": 0.1, "python": "3.11"},
    }  # fmt: skip
    readme = tmp_path / "README.md"
    kept = Path(benchmarks.training.__file__).with_name("README.md").read_text(encoding="utf-8")
    readme.write_bytes(kept.encode())
    write_table(readme, lines(report))
    text = readme.read_text(encoding="utf-8")
    assert "| **ours, all** | 61.5 | 99.0 |" in text
    assert "times 50 | 3075 | 4950 |" in text
    assert "Goal of 180 s: reached. Goal of 4,096 MiB: missed" in text
    assert text.startswith(kept.split("<!-- table -->")[0])
    assert text.endswith(kept.split("<!-- end -->")[1])
    assert "\n".join(lines(report)) in text
