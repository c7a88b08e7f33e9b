"""An evaluation as data that may leave the team: counts rounded, small ones hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import index_day
from hiu_training.report.tables import protected
from hiu_training.report.whole import without_small_numbers

SUPPRESSION = (
    "Counts of 1 to 7 are *, others are rounded to 5; dates with fewer than 8 cases and groups "
    "with fewer than 20 people to whom it happened have no measures, nor have whole lists on "
    "which, or outside which, 1 to 7 people are censored. Curves begin at 8 cases. Measures have "
    "three digits."
)


def published(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Give an evaluation with its small numbers hidden.

    Parameters
    ----------
    evaluation : mapping
        As :func:`hiu_training.judging.rankers.judge_rankers` gives it.
    """
    rule = SmallNumbers()

    def shown(counts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: rule.show(n) for name, n in counts.items()}

    def reasons(dropped: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        return {part: shown(counts) for part, counts in dropped.items()}

    learning = dict(evaluation.get("learning", {}))
    learning |= shown({k: learning[k] for k in ("rows", "people", "positives") if k in learning})
    learning["dropped"] = reasons(learning.get("dropped", {}))
    curves = dict(evaluation["curves"])
    curves["calibration"] = {
        name: [_group(group, rule) for group in groups]
        for name, groups in curves["calibration"].items()
    }
    curves["lead_days"] = {
        name: {k: _lead(told, rule) for k, told in by_k.items()}
        for name, by_k in curves["lead_days"].items()
    }
    measures = ("rankers", "differences", "per_origin", "breakdowns", "net_benefit")
    rounded = {name: to_digits(evaluation[name]) for name in measures if name in evaluation}
    evaluation = {**evaluation, **rounded}
    if "whole_lists" in evaluation:
        whole = to_digits(without_small_numbers(evaluation["whole_lists"]))
        evaluation = {**evaluation, "whole_lists": whole}
    return {
        **evaluation,
        "suppression": SUPPRESSION,
        "population": shown(evaluation["population"]),
        "learning": learning,
        "judged_dropped": reasons(evaluation.get("judged_dropped", {})),
        "per_origin": [_origin(origin, rule) for origin in evaluation["per_origin"]],
        "breakdowns": {
            dimension: _groups(groups, rule)
            for dimension, groups in evaluation.get("breakdowns", {}).items()
        },
        "curves": to_digits(curves),
    }


def to_digits(told: Any) -> Any:
    """Round every measure to three digits that count: exact shares would give counts away.

    Examples
    --------
    >>> to_digits({"recall": {"value": 228 / 714, "low": None}, "rows": 9_120})
    {'recall': {'value': 0.319, 'low': None}, 'rows': 9120}
    """
    if isinstance(told, Mapping):
        return {name: to_digits(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [to_digits(value) for value in told]
    return float(f"{told:.3g}") if isinstance(told, float) else told


def _origin(origin: Mapping[str, Any], rule: SmallNumbers) -> dict[str, Any]:
    small = bool(rule.is_small(origin["positives"]))
    return {
        **origin,
        "as_of": index_day(origin["as_of"]),
        "rows": rule.show(origin["rows"]),
        "positives": rule.show(origin["positives"]),
        "rankers": {} if small else origin["rankers"],
    }


def _groups(groups: Mapping[str, Any], rule: SmallNumbers) -> dict[str, Any]:
    hidden = protected(groups)
    return {
        name: {
            **told,
            "population": {
                kind: rule.show(n, hidden=hidden[name] and kind.startswith("positive"))
                for kind, n in told["population"].items()
            },
        }
        for name, told in groups.items()
    }


def _group(group: Mapping[str, Any], rule: SmallNumbers) -> dict[str, Any]:
    small = bool(rule.is_small(group["positives"]))
    return {
        **group,
        "rows": rule.show(group["rows"]),
        "positives": rule.show(group["positives"]),
        "share": {"value": None, "low": None, "high": None} if small else group["share"],
    }


def _lead(told: Mapping[str, Any], rule: SmallNumbers) -> dict[str, Any]:
    enough = sum(told["found"]) >= rule.mean_needs
    return {
        "cases": rule.show(told["cases"]),
        "found": [rule.show(n) for n in told["found"]],
        "quartiles": told["quartiles"] if enough else [],
    }
