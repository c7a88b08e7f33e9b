"""The gate that looks at groups: nobody may be worse off than with the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Literal

from hiu_risk.suppression import SmallNumbers
from hiu_training.protocol.settings import GateSettings

BASE = SmallNumbers().base
"""What printed counts are rounded to: two of them may each be half of it off."""

Outcome = Literal["passed", "failed", "insufficient evidence"]


def judge_fairness(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], champion: str, settings: GateSettings
) -> tuple[Outcome, str]:
    """Tell whether any group would be worse off than with the champion.

    A group is worse off when it falls behind the rest of its cases found by more than the
    tolerance, compared with what it does under the champion, or when its scores are further
    off. Groups too small to compare under either are left out; a grouping of nothing but such
    groups is not judged, and so the gate isn't. Nor is it where only one of the two was audited
    by a grouping, where a group was judged for the champion alone, where a calibration ratio
    isn't known, or where a difference is no larger than the rounding of the printed counts could
    make it: who looks at less shows less.

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
        return (
            "insufficient evidence",
            "the model was not audited: run hiu-risk audit --model VERSION",
        )
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
    unsure: list[str] = []
    audits = (mine, theirs)
    judged: dict[str, int] = {g["name"]: 0 for audit in audits for g in audit.get("groupings", ())}
    asked = settings.fairness_by or tuple(judged)
    left_out = 0
    for grouping, group in _groups(mine):
        then = before.get((grouping["name"], group["label"]))
        found = _compared(group, then, mine, settings)
        if found is None:
            left_out += 1
            continue
        judged[grouping["name"]] += 1
        name = f"{grouping['title']}, {group['label']}: "
        worse += [name + words for words in found.worse]
        unsure += [name + words for words in found.unsure]
    if worse:
        return "failed", "; ".join(worse)
    unjudged = [name for name in asked if not judged.get(name)]
    if unjudged or not asked:
        return "insufficient evidence", (
            f"no group had cases enough in: {', '.join(unjudged) or 'any grouping'}"
        )
    unsure += _lost(mine, theirs, asked)
    if unsure:
        return "insufficient evidence", "; ".join(unsure)
    small = f"; {left_out} groups are too small to judge" if left_out else ""
    return "passed", f"no group of {sum(judged.values())} is worse off than before{small}"


_SAME = ("store", "dates", "rows_hash", "primary", "definition", "target", "horizon_days")
"""What two audits must share to be compared."""

_NOT_JUDGED = ("insufficient_evidence", "not_compared")


def _groups(audit: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for grouping in audit.get("groupings", ()):
        for group in grouping["groups"]:
            yield grouping, group


def _can_be_compared(group: Mapping[str, Any] | None, audit: Mapping[str, Any]) -> bool:
    if group is None or group.get("recall_verdict") in _NOT_JUDGED:
        return False
    return _gap(group, audit["primary"]) is not None


def _lost(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], asked: Sequence[str]
) -> Iterator[str]:
    """Name the groups that were judged for the champion and can't be for the model."""
    now = {(g["name"], group["label"]): group for g, group in _groups(mine)}
    for grouping, group in _groups(theirs):
        then = now.get((grouping["name"], group["label"]))
        if grouping["name"] not in asked or _can_be_compared(then, mine):
            continue
        if _can_be_compared(group, theirs):
            yield f"{grouping['title']}, {group['label']}: judged for the champion alone"


@dataclass(frozen=True)
class _Compared:
    """What became worse for a group, and what may have."""

    worse: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def _compared(
    mine: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    audit: Mapping[str, Any],
    settings: GateSettings,
) -> _Compared | None:
    """Compare a group with itself under the champion; None where that can't be done."""
    if before is None or not all(_can_be_compared(group, audit) for group in (mine, before)):
        return None
    now, then = (_gap(group, audit["primary"]) or 0.0 for group in (mine, before))
    worse, unsure = _became(mine, before), []
    words = f"cases found {now:+.2f} against the rest, {then:+.2f} with the champion"
    # To lose a lead over the rest is not to be worse off than the rest.
    drop = max(-now, 0.0) - max(-then, 0.0) - settings.fairness_tolerance
    if drop > _rounding(mine, audit) + 1e-9:
        worse.append(words)
    elif drop > 1e-9:
        unsure.append(f"{words}: but the printed counts are rounded too much to tell")
    ratios = [value_of(group.get("calibration_ratio")) for group in (mine, before)]
    further = _further(*ratios)
    if further is None:
        unsure.append("its calibration ratio is not known")
    elif further > log(1 + settings.calibration_tolerance) + 1e-9:
        worse.append(f"calibration ratio {ratios[0]:.2f}, {ratios[1]:.2f} with the champion")
    return _Compared(tuple(worse), tuple(unsure))


def _became(mine: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Say which findings, as the audits printed them, are there now and were not before."""
    now, then = mine.get("recall_verdict"), before.get("recall_verdict")
    if now == "lower" and then != "lower":
        return [f"fewer cases found than of the rest: shown now, {_plain(then)} with the champion"]
    return []


def _plain(verdict: Any) -> str:
    return str(verdict).replace("_", " ")


def _rounding(group: Mapping[str, Any], audit: Mapping[str, Any]) -> float:
    """How far two printed rates of a group can be apart for no other reason than rounding."""
    cases = group.get("cases")
    if not audit.get("suppressed"):
        return 0.0
    return BASE / cases if isinstance(cases, int) and cases > 0 else 1.0


def _gap(group: Mapping[str, Any], capacity: int) -> float | None:
    for at in group.get("at", ()):
        if at.get("capacity") == capacity:
            return value_of(at.get("recall_difference"))
    return None


def _further(now: float | None, then: float | None) -> float | None:
    """How much further from 1 a ratio is, as a log; None where one of them isn't known."""
    if not now or not then:
        return None
    return abs(log(now)) - abs(log(then))


def value_of(estimate: Any) -> float | None:
    """Give the value of an estimate; None where it is hidden, missing or not to be had."""
    if not isinstance(estimate, Mapping):
        return None
    value = estimate.get("value")
    return float(value) if isinstance(value, int | float) else None
