"""Pictures of an evaluation: precision and recall, calibration, recall by length of the list."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_training.evaluation import Ranker
from hiu_training.inputs import Rows
from hiu_training.metrics import Ranking, measure

NAMES = {
    "model": "model",
    "anchor": "anchor alone",
    "plain_lightgbm": "plain LightGBM",
    "count_30d": "count, 30 days",
    "count_90d": "count, 90 days",
    "count_365d": "count, 365 days",
    "decayed_count": "decayed count",
    "true_intensity": "true risk (the ceiling)",
}


def draw(folder: Path, rows: Rows, rankers: Mapping[str, Ranker]) -> list[Path]:
    """Draw the pictures as SVG files into a folder."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    files = []
    with mpl.rc_context({"svg.hashsalt": "hiu-risk", "font.size": 9}):
        for name, plot in (
            ("precision-recall", _precision_recall),
            ("calibration", _calibration),
            ("recall-by-capacity", _recall_by_capacity),
        ):
            figure = Figure(figsize=(6, 4.2), layout="constrained")
            plot(figure.add_subplot(), rows, rankers)
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            files.append(path)
    return files


def _precision_recall(axes: Any, rows: Rows, rankers: Mapping[str, Ranker]) -> None:
    for name, ranker in rankers.items():
        order = np.argsort(-ranker.score, kind="stable")
        hits = np.cumsum(rows.label[order])
        ends = np.append(np.diff(ranker.score[order]) != 0, True)
        recall = hits[ends] / max(hits[-1], 1)
        precision = hits[ends] / (np.flatnonzero(ends) + 1)
        keep = _thin(len(recall))
        _line(axes, recall[keep], precision[keep], name)
    _finish(axes, "Recall", "Precision", "Precision and recall, all test dates together")


def _recall_by_capacity(axes: Any, rows: Rows, rankers: Mapping[str, Ranker]) -> None:
    biggest = max(int((rows.origin == place).sum()) for place in range(len(rows.as_ofs)))
    capacities = np.unique(np.geomspace(10, max(min(2_000, biggest), 11), 40).astype(int)).tolist()
    for name, ranker in rankers.items():
        hits = np.zeros(len(capacities))
        for place in range(len(rows.as_ofs)):
            here = rows.origin == place
            found = measure(Ranking.of(ranker.score[here], rows.label[here]), capacities)
            hits += found.hits[0]
        _line(axes, np.array(capacities), hits / max(rows.positives, 1), name)
    axes.set_xscale("log")
    _finish(axes, "People on the list (K)", "Recall", "Who a list of K people finds")


def _calibration(axes: Any, rows: Rows, rankers: Mapping[str, Ranker]) -> None:
    for name in ("model", "anchor", "plain_lightgbm"):
        ranker = rankers.get(name)
        if ranker is None or ranker.log_odds is None:
            continue
        p = 1 / (1 + np.exp(-ranker.log_odds))
        groups = np.array_split(np.argsort(p, kind="stable"), 20)
        _line(
            axes,
            np.array([p[g].mean() for g in groups if len(g)]),
            np.array([rows.label[g].mean() for g in groups if len(g)]),
            name,
            marker="o",
        )
    low = 0.5 / max(len(rows), 1)
    axes.plot([low, 1], [low, 1], color="0.6", linewidth=0.8)
    axes.set_xscale("symlog", linthresh=1e-3)
    axes.set_yscale("symlog", linthresh=1e-3)
    _finish(axes, "Score", "Share to whom it happened", "Calibration, twentieths of the rows")


def _line(
    axes: Any, x: NDArray[np.float64], y: NDArray[np.float64], name: str, marker: str = ""
) -> None:
    mine = name == "model"
    axes.plot(
        x, y, label=NAMES.get(name, name), linewidth=2 if mine else 1, marker=marker,
        markersize=3, zorder=3 if mine else 2,
    )  # fmt: skip


def _thin(n: int) -> NDArray[np.int64]:
    # At most some 2,000 points, all of the first ones: a picture, not a data file.
    return np.unique(np.concatenate([np.arange(min(n, 500)), np.linspace(0, n - 1, 1_500)])).astype(
        np.int64
    )


def _finish(axes: Any, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
