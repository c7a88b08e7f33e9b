"""The gate that looks at groups: nobody may be worse off than with the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import NormalDist
from typing import Any, Literal

from hiu_training.protocol.settings import GateSettings

ALIKE, ALIKE_CALIBRATION = 0.75, 0.5
"""How far chance puts two models' audits of the same people apart, over the standard error of one
audit: simulated for models whose scores correlate 0.8, for recall and for calibration."""

ALONE = NormalDist().inv_cdf(0.9)
"""Standard errors from which on a difference shows by itself."""

INTERVAL = 2 * NormalDist().inv_cdf(0.975)
"""How many standard errors wide the printed intervals are."""

BY_CHANCE = 0.05
"""A model that is no worse may fail this often, by chance, over all groups together."""

Outcome = Literal["passed", "failed", "insufficient evidence"]


def judge_fairness(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], champion: str, settings: GateSettings
) -> tuple[Outcome, str]:
    """Tell whether any group would be worse off than with the champion.

    A group is worse off when it falls behind the rest of its cases found by more than the
    tolerance, compared with what it does under the champion, or when its scores are further
    off; and when chance makes that much in any group no oftener than once in twenty promotions.
    What chance makes once in ten in that one group is insufficient evidence. So is a grouping
    without a group large enough for a drop of the visible size to show, and one that only one of
    the two was audited by, a group judged for the champion alone, and a calibration ratio that
    isn't known: who looks at less shows less.

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
    for audit, whose in ((mine, "model"), (theirs, "champion")):
        if not _as_served(audit):
            return "insufficient evidence", (
                f"the {whose}'s places are reserved by group, but its audit judged lists drawn by "
                "score: run hiu-risk audit again"
            )
    other = [name for name in _SAME if mine.get(name) != theirs.get(name)]
    if other:
        return "insufficient evidence", (
            f"the two audits differ in {', '.join(other)}: audit both on the same store"
        )
    audits = (mine, theirs)
    asked = settings.fairness_by or tuple(
        dict.fromkeys(g["name"] for audit in audits for g in audit.get("groupings", ()))
    )
    pairs = list(_pairs(mine, theirs))
    judged = [pair for pair in pairs if pair.visible <= settings.fairness_visible]
    sure = NormalDist().inv_cdf(1 - BY_CHANCE / (2 * max(len(pairs), 1)))
    found = [(pair, pair.compared(settings, sure)) for pair in pairs]
    worse = [f"{pair.name}: {words}" for pair, one in found for words in one.worse]
    if worse:
        return "failed", "; ".join(worse)
    unjudged = [name for name in asked if name not in {pair.grouping for pair in judged}]
    if unjudged or not asked:
        return "insufficient evidence", (
            f"no group had cases enough in: {', '.join(unjudged) or 'any grouping'}"
        )
    unsure = [f"{pair.name}: {words}" for pair, one in found for words in one.unsure]
    unsure += _lost(mine, theirs, asked)
    if unsure:
        return "insufficient evidence", "; ".join(unsure)
    left_out = sum(1 for _ in _groups(mine)) - len(judged)
    small = f"; {left_out} groups are too small to judge" if left_out else ""
    seen = max(pair.visible for pair in judged)
    return "passed", (
        f"no group of {len(judged)} is worse off than before, and a drop of {seen:.2f} would have "
        f"shown{small}"
    )


_SAME = ("store", "dates", "rows_hash", "primary", "definition", "target", "horizon_days")
"""What two audits must share to be compared."""


def _as_served(audit: Mapping[str, Any]) -> bool:
    """Tell whether an audit judged the lists that the model makes: older ones didn't."""
    return "(reserve:" not in audit.get("chosen_mitigation", "") or bool(audit.get("reserving"))


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


@dataclass(frozen=True)
class _Pair:
    """A group under the model and under the champion, both judged in their audits."""

    grouping: str
    name: str
    mine: Mapping[str, Any]
    then: Mapping[str, Any]
    primary: int

    @property
    def spread(self) -> float:
        """Standard error of how much further behind the rest the group is than before."""
        widths = [_width(_difference(group, self.primary)) for group in (self.mine, self.then)]
        return ALIKE * sqrt(sum(width**2 for width in widths) / 2) / INTERVAL

    @property
    def visible(self) -> float:
        """The smallest drop that would show by itself."""
        return ALONE * self.spread

    def compared(self, settings: GateSettings, sure: float) -> _Compared:
        """Tell what became worse; ``sure`` standard errors are sure among all groups."""
        worse, unsure = [], []
        now, then = (_gap(group, self.primary) or 0.0 for group in (self.mine, self.then))
        # To lose a lead over the rest is not to be worse off than the rest.
        drop = max(-now, 0.0) - max(-then, 0.0)
        words = f"cases found {now:+.2f} against the rest, {then:+.2f} with the champion"
        is_new = self.mine.get("recall_verdict") == "lower" != self.then.get("recall_verdict")
        if is_new:
            words += f" (shown now, {_plain(self.then.get('recall_verdict'))} before)"
        beyond = drop > settings.fairness_tolerance + 1e-9
        if beyond and (is_new or drop > sure * self.spread):
            worse.append(words)
        elif is_new or (beyond and (drop > self.visible or self.visible == float("inf"))):
            unsure.append(f"{words}: more audited dates would tell")
        ratios = [group.get("calibration_ratio") for group in (self.mine, self.then)]
        values = [value_of(ratio) for ratio in ratios]
        further = _further(*values)
        if further is None:
            unsure.append("its calibration ratio is not known")
        elif further > log(1 + settings.calibration_tolerance) + 1e-9:
            words = f"calibration ratio {values[0]:.2f}, {values[1]:.2f} with the champion"
            spread = ALIKE_CALIBRATION * max(_log_width(ratio) for ratio in ratios) / INTERVAL
            if further > sure * spread:
                worse.append(words)
            elif further > ALONE * spread or spread == float("inf"):
                unsure.append(f"{words}: more audited dates would tell")
        return _Compared(tuple(worse), tuple(unsure))


def _pairs(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[_Pair]:
    """Give the groups that can be compared."""
    before = {(g["name"], group["label"]): group for g, group in _groups(theirs)}
    for grouping, group in _groups(mine):
        then = before.get((grouping["name"], group["label"]))
        if then is None or not (_can_be_compared(group, mine) and _can_be_compared(then, theirs)):
            continue
        name = f"{grouping['title']}, {group['label']}"
        yield _Pair(grouping["name"], name, group, then, mine["primary"])


def _plain(verdict: Any) -> str:
    return str(verdict).replace("_", " ")


def _width(estimate: Any) -> float:
    """How wide the interval of an estimate is; endless where it has none."""
    if not isinstance(estimate, Mapping) or None in (estimate.get("low"), estimate.get("high")):
        return float("inf")
    return float(estimate["high"] - estimate["low"])


def _log_width(ratio: Any) -> float:
    """How wide the interval of a ratio is on the log scale; a lower end of 0 is cut at 0.01."""
    if _width(ratio) == float("inf"):
        return float("inf")
    return log(max(ratio["high"], 0.01)) - log(max(ratio["low"], 0.01))


def _difference(group: Mapping[str, Any], capacity: int) -> Any:
    for at in group.get("at", ()):
        if at.get("capacity") == capacity:
            return at.get("recall_difference")
    return None


def _gap(group: Mapping[str, Any], capacity: int) -> float | None:
    return value_of(_difference(group, capacity))


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
