"""What plots show: curves of each ranker, thinned to what an eye can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hiu_risk.suppression import SmallNumbers
from hiu_training.judging.accumulate import (
    Accumulator,
    Draws,
    Floats,
    Ranker,
    Setting,
    chances_first,
)
from hiu_training.judging.bootstrap import estimate
from hiu_training.judging.metrics import Ranking, measure
from hiu_training.rows.inputs import Rows

POINTS = 150
THRESHOLDS = 24
FEWEST_HITS = SmallNumbers().mean_needs
"""Cases that a point of a curve is made of, at least."""

LEAD_DAYS = (0, 7, 14, 30, 60, 90, 120, 180, 365)
"""Ends of the groups of the lead-time distribution, in days."""


def thresholds_of(rows: Rows, rankers: Mapping[str, Ranker]) -> Floats:
    """Choose probabilities at which somebody might act: half the base rate to the list's top."""
    judged = [r.log_odds for r in rankers.values() if r.log_odds is not None]
    if not judged or not rows.positives:
        return np.empty(0)
    base = rows.positives / len(rows)
    place = min(len(rows), 10 * len(rows.as_ofs)) - 1
    tops = [float(-np.partition(-odds, place)[place]) for odds in judged]
    top = 1 / (1 + np.exp(-min(max(tops), 35)))
    low, high = min(base / 2, 0.2), float(np.clip(top, min(4 * base, 0.4), 0.9))
    return np.asarray(np.geomspace(low, max(high, 2 * low), THRESHOLDS))


def net_benefit(setting: Setting, draws: Mapping[str, dict[str, Draws]]) -> dict[str, Any]:
    """Give the decision curve: true positives minus the weighted false ones, a person ranked."""
    if not len(setting.thresholds):
        return {}
    base = setting.rows.positives / len(setting.rows)
    odds = setting.thresholds / (1 - setting.thresholds)
    return {
        "thresholds": setting.thresholds.tolist(),
        "everybody": (base - (1 - base) * odds).tolist(),
        "rankers": {
            name: [_plain(found["curves"][f"net {i}"]) for i in range(len(odds))]
            for name, found in draws.items()
            if "curves" in found
        },
    }


def _plain(values: Floats) -> dict[str, float | None]:
    low, high = estimate(float(values[0]), values[1:], "plain")
    return {"value": float(values[0]), "low": _finite(low), "high": _finite(high)}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def curves(
    setting: Setting, found: Mapping[str, Accumulator], draws: Mapping[str, dict[str, Draws]]
) -> dict[str, Any]:
    """Give precision and recall, lift by K, calibration, and days of lead, for each ranker."""
    return {
        "precision_recall": {name: precision_recall(a.pooled) for name, a in found.items()},
        "by_capacity": by_capacity(setting, found),
        "calibration": {
            name: _calibration(a, draws[name]["curves"])
            for name, a in found.items()
            if "curves" in draws[name]
        },
        "lead_days": {name: days for name, a in found.items() if (days := _lead(a))},
    }


def precision_recall(ranking: Ranking) -> dict[str, list[float]]:
    """Give the curve at the ends of runs of equal scores, at most some hundred points.

    It begins where 8 cases are listed, so that no point is made of a few people, and is rounded:
    from exact shares the counts behind them could be worked out.
    """
    ends, positives = ranking.run_ends(), int(ranking.label.sum())
    if not positives:
        return {"recall": [], "precision": []}
    hits = np.cumsum(ranking.label, dtype=np.int64)[ends - 1]
    ends, hits = ends[hits >= FEWEST_HITS], hits[hits >= FEWEST_HITS]
    if not len(hits):
        return {"recall": [], "precision": []}
    recall, precision = hits / positives, hits / ends
    wanted = np.concatenate([np.arange(min(len(ends), 20)),
                             np.searchsorted(recall, np.linspace(0, 1, POINTS))])  # fmt: skip
    kept = np.unique(wanted.clip(max=len(ends) - 1))
    return {"recall": _thousandths(recall[kept]), "precision": _thousandths(precision[kept])}


def by_capacity(setting: Setting, found: Mapping[str, Accumulator]) -> dict[str, Any]:
    """Give recall, precision and lift of lists of many lengths, added up over the origins.

    Rounded, and None where a ranker's lists hold fewer than 8 cases.
    """
    most = int(np.bincount(setting.rows.origin).max())
    largest = max([200, *(max(sizes) for sizes in setting.sizes.values())])
    top = max(min(most, 5 * largest, 5_000), 11)
    ks = np.unique(np.geomspace(10, top, 30).astype(int)).tolist()
    told: dict[str, Any] = {"k": ks, "rankers": {}}
    for name, accumulator in found.items():
        hits, listed, rows = np.zeros(len(ks)), np.zeros(len(ks)), 0
        for ranking in accumulator.origins:
            hits += measure(ranking, ks).hits[0]
            listed += np.minimum(ks, len(ranking.label))
            rows += len(ranking.label)
        positives = setting.rows.positives
        told["rankers"][name] = {
            "recall": _unless_few(hits, hits / max(positives, 1)),
            "precision": _unless_few(hits, hits / listed),
            "lift": _unless_few(hits, hits / listed / max(positives / rows, 1e-12)),
        }
    return told


def _calibration(accumulator: Accumulator, draws: Draws) -> list[dict[str, Any]]:
    """Give mean score and share of positives of groups, from the lowest score."""
    ranked = accumulator.ranker.score[accumulator.pooled.order]
    score = 1 / (1 + np.exp(-ranked))
    told: list[dict[str, Any]] = []
    start = 0
    for i, stop in enumerate(accumulator.bins.tolist()):
        values = draws[f"bin {i}"]
        low, high = estimate(float(values[0]), values[1:], "share")
        positives = int(accumulator.pooled.label[start:stop].sum())
        if positives == 0:  # none of so many, by the exact bound
            high = max(high, 1 - 0.025 ** (1 / (stop - start)))
        told.append(
            {
                "rows": stop - start,
                "positives": positives,
                "score": float(score[start:stop].mean()),
                "share": {"value": float(values[0]), "low": _finite(low), "high": _finite(high)},
            }
        )
        start = stop
    return told[::-1]


def _lead(accumulator: Accumulator) -> dict[str, Any]:
    """Give how many cases were first listed how many days before, for each K."""
    c, setting = accumulator.cases, accumulator.setting
    if c is None or not len(c.person):
        return {}
    ends = np.array([*LEAD_DAYS[1:], np.inf])
    cuts = [
        measure(ranking, [sizes[place] for sizes in setting.sizes.values()])
        for place, ranking in enumerate(accumulator.origins)
    ]
    cut_run, cut_share = (np.concatenate(each) for each in zip(
        *((m.cut_run, m.cut_share) for m in cuts), strict=True))  # fmt: skip
    group = np.searchsorted(ends, c.lead_days, side="right").clip(max=len(ends) - 1)
    chances = chances_first(c.offsets, c.origin, c.run, cut_run, cut_share)
    return {
        k: {
            "cases": len(c.person),
            "found": _rounded(np.bincount(group, first, len(ends)).astype(np.float64)),
            "quartiles": _quartiles(c.lead_days, first),
        }
        for k, first in zip(setting.sizes, chances, strict=True)
    }


def _quartiles(days: Floats, weight: Floats) -> list[float]:
    if weight.sum() <= 1e-9:
        return []
    order = np.argsort(days, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    return [float(days[order][np.searchsorted(share, q - 1e-12)]) for q in (0.25, 0.5, 0.75)]


def _thousandths(values: Floats) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def _unless_few(hits: Floats, values: Floats) -> list[float | None]:
    return [
        round(value, 3) if found >= FEWEST_HITS else None
        for found, value in zip(hits.tolist(), values.tolist(), strict=True)
    ]


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
