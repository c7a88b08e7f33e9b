"""Evidence for gates, made by hand: a model that passes all of them."""

from __future__ import annotations

from typing import Any

DATA, PROTOCOL, CODE, BUNDLE = "d" * 64, "e" * 64, "1.0.0+0123456789ab", "b" * 64


def estimate(value: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"value": value, "low": low, "high": high}


def ranker(precision: float, recall: float, slope: float | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "average_precision": estimate(precision, precision - 0.05, precision + 0.05),
        "recall_at": {k: estimate(recall, recall - 0.1, recall + 0.1) for k in ("50", "75", "1%")},
    }
    return found if slope is None else {**found, "calibration_slope": estimate(slope, 0.85, 1.3)}


def apart(low: float) -> dict[str, Any]:
    return {
        "average_precision": estimate(low + 0.03, low, low + 0.06),
        "recall_at": {k: estimate(low + 0.05, low, low + 0.1) for k in ("50", "75", "1%")},
    }


EVALUATION: dict[str, Any] = {
    "resamples": 1_000,
    "population": {"positive_people": 120},
    "rankers": {
        "model": ranker(0.30, 0.40, 1.05),
        "anchor": ranker(0.27, 0.36),
        "count_90d": ranker(0.20, 0.30),
        "true_intensity": ranker(0.50, 0.60),
    },
    "differences": {
        "anchor": apart(0.005),
        "count_90d": apart(0.06),
        "true_intensity": apart(-0.3),
    },
    "per_origin": [
        {"positives": 20, "rankers": {"model": ranker(m, 0.4), "anchor": ranker(0.27, 0.36)}}
        for m in (0.30, 0.28, 0.33, 0.26, 0.31)
    ],
    "made": {
        "bundle_id": BUNDLE, "data_hash": DATA, "protocol_hash": PROTOCOL, "code_version": CODE,
    },
}  # fmt: skip


def group(
    label: str, gap: float | str, ratio: float = 1.0, verdict: str = "close", half: float = 0.06
) -> Any:
    """A group of a published audit; ``half`` is half the interval of its difference."""
    return {
        "label": label,
        "recall_verdict": verdict,
        "calibration_ratio": estimate(ratio, ratio - 0.2, ratio + 0.2),
        "at": [
            {"capacity": 50, "recall_difference": estimate(-0.9)},
            {
                "capacity": 75,
                "recall_difference": (
                    gap if isinstance(gap, str) else estimate(gap, gap - half, gap + half)
                ),
            },
        ],
    }


def audit(*groups: Any, name: str = "sex") -> dict[str, Any]:
    return {
        "store": "s" * 12, "dates": ["2025-01-01"], "primary": 75, "definition": "rule",
        "target": "onset", "horizon_days": 90,
        "groupings": [{"name": name, "title": name.title(), "groups": list(groups)}],
    }  # fmt: skip


FAIR = audit(group("Female", 0.02), group("Male", -0.02))
