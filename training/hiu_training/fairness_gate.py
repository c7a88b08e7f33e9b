"""The gate that looks at groups: nobody may be worse off than with the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log
from typing import Any, Literal

from hiu_training.settings import GateSettings

Outcome = Literal["passed", "failed", "insufficient evidence"]


def judge_fairness(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], champion: str, settings: GateSettings
) -> tuple[Outcome, str]:
    """Tell whether any group would be worse off than with the champion.

    A group is worse off when it falls behind the rest of its cases found by more than the
    tolerance, compared with what it does under the champion, or when its scores are further
    off. Groups too small to compare are left out; a grouping of nothing but such groups is not
    judged, and so the gate isn't.

    Parameters
    ----------
    mine, theirs : dict
        The published audits of the model and of the champion; empty where there is none.
    champion : str
        Version of the champion; empty where there is none.
    settings : GateSettings
        The tolerances.
    """
    if not mine:
        return "insufficient evidence", "the model was not audited: run hiu-risk audit --model VERSION"
    if not champion:
        return "passed", "there is no champion to be worse than; the audit is kept"
    if not theirs:
        return "insufficient evidence", (
            f"the champion {champion} was not audited: run hiu-risk audit"
        )
    other = [name for name in _SAME if mine.get(name) != theirs.get(name)]
    if other:
        return "insufficient evidence", (
            f"the two audits differ in {', '.join(other)}: audit both on the same store"
        )
    before = {(g["name"], group["label"]): group for g, group in _groups(theirs)}
    worse: list[str] = []
    judged: dict[str, int] = {g["name"]: 0 for g in mine.get("groupings", ())}
    left_out = 0
    for grouping, group in _groups(mine):
        found = _worse(group, before.get((grouping["name"], group["label"])), mine, settings)
        if found is None:
            left_out += 1
            continue
        judged[grouping["name"]] += 1
        worse += [f"{grouping['title']}, {group['label']}: {words}" for words in found]
    if worse:
        return "failed", "; ".join(worse)
    asked = settings.fairness_by or tuple(judged)
    unjudged = [name for name in asked if not judged.get(name)]
    if unjudged or not asked:
        return "insufficient evidence", (
            f"no group had cases enough in: {', '.join(unjudged) or 'any grouping'}"
        )
    small = f"; {left_out} groups are too small to judge" if left_out else ""
    return "passed", f"no group of {sum(judged.values())} is worse off than before{small}"


_SAME = ("store", "dates", "primary", "definition", "target", "horizon_days")
"""What two audits must share to be compared."""

_NOT_JUDGED = ("insufficient_evidence", "not_compared")


def _groups(audit: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for grouping in audit.get("groupings", ()):
        for group in grouping["groups"]:
            yield grouping, group


def _worse(
    mine: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    audit: Mapping[str, Any],
    settings: GateSettings,
) -> list[str] | None:
    """Say what became worse for a group; None where that can't be judged."""
    if before is None or any(g.get("recall_verdict") in _NOT_JUDGED for g in (mine, before)):
        return None
    now, then = (_gap(group, audit["primary"]) for group in (mine, before))
    if now is None or then is None:
        return None
    worse = []
    if now < 0 and then - now > settings.fairness_tolerance + 1e-9:
        worse.append(f"cases found {now:+.2f} against the rest, {then:+.2f} with the champion")
    ratios = [value_of(group.get("calibration_ratio")) for group in (mine, before)]
    if _further(*ratios) > log(1 + settings.calibration_tolerance) + 1e-9:
        worse.append(f"calibration ratio {ratios[0]:.2f}, {ratios[1]:.2f} with the champion")
    return worse


def _gap(group: Mapping[str, Any], capacity: int) -> float | None:
    for at in group.get("at", ()):
        if at.get("capacity") == capacity:
            return value_of(at.get("recall_difference"))
    return None


def _further(now: float | None, then: float | None) -> float:
    """How much further from 1 a ratio is, as a log; 0 where one of them isn't known."""
    if not now or not then:
        return 0.0
    return abs(log(now)) - abs(log(then))


def value_of(estimate: Any) -> float | None:
    """Give the value of an estimate; None where it is hidden, missing or not to be had."""
    if not isinstance(estimate, Mapping):
        return None
    value = estimate.get("value")
    return float(value) if isinstance(value, int | float) else None
