"""The gates of a promotion: evidence in, outcomes out; nothing is read or written here.

A gate is *passed*, *failed*, or there is *insufficient evidence* to judge it, which is never a
pass: a model for which nothing could be shown has shown nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hiu_risk.words import plural
from hiu_training.protocol.settings import GateSettings
from hiu_training.registry.fairness_gate import Outcome, judge_fairness, value_of

CEILINGS = ("true_probability", "true_intensity")
"""Known in a synthetic region alone: the best possible, not a rival."""

MIN_RESAMPLES = 200
"""With fewer, the ends of an interval are a matter of luck."""


@dataclass(frozen=True)
class GateEvidence:
    """All that the gates look at.

    Parameters
    ----------
    evaluation : dict
        The model's evaluation, with ``made`` (see :mod:`hiu_training.registry.provenance`); may be
        empty.
    audit, champion_audit : dict
        The published audits of the model and of the champion; may be empty.
    champion : str
        Version of the champion; empty where there is none.
    bundle_id, data_hash, protocol_hash, code_version : str
        Of the model's bundle.
    scores_differ : float or None
        The largest difference between the scores that the model gave when it was trained and
        those of its bundle read from disk; None where none were kept.
    evaluation_changed : bool
        Whether MLflow remembers another evaluation of this model than the one that is kept.
    """

    evaluation: Mapping[str, Any] = field(default_factory=dict)
    audit: Mapping[str, Any] = field(default_factory=dict)
    champion_audit: Mapping[str, Any] = field(default_factory=dict)
    champion: str = ""
    bundle_id: str = ""
    data_hash: str = ""
    protocol_hash: str = ""
    code_version: str = ""
    scores_differ: float | None = None
    evaluation_changed: bool = False


@dataclass(frozen=True)
class Gate:
    """One gate and how it came out.

    Parameters
    ----------
    name : str
        What the gate is about.
    outcome : str
        ``passed``, ``failed`` or ``insufficient evidence``.
    detail : str
        Why, in words and numbers.
    """

    name: str
    outcome: Outcome
    detail: str

    @property
    def passed(self) -> bool:
        """Whether it was passed: insufficient evidence is not."""
        return self.outcome == "passed"


def judge_gates(evidence: GateEvidence, settings: GateSettings) -> tuple[Gate, ...]:
    """Judge every gate.

    Examples
    --------
    >>> gates = judge_gates(GateEvidence(), GateSettings())
    >>> {gate.outcome for gate in gates}
    {'insufficient evidence'}
    """
    gates: dict[str, Callable[[GateEvidence, GateSettings], tuple[Outcome, str]]] = {
        "average precision": _average_precision,
        "recall at K": _recall,
        "calibration slope": _calibration,
        "fairness": _fairness,
        "stability": _stability,
        "hashes": _hashes,
        "reload": _reload,
    }
    return tuple(Gate(name, *judge(evidence, settings)) for name, judge in gates.items())


def middle_capacity(evaluation: Mapping[str, Any]) -> int | None:
    """Choose the K that is judged by: 75 where it was measured, else the middle one."""
    measured = evaluation.get("rankers", {}).get("model", {}).get("recall_at", {})
    whole = sorted(int(k) for k in measured if k.isdigit())
    if not whole:
        return None
    return 75 if 75 in whole else whole[len(whole) // 2]


# Against the baselines


def _average_precision(evidence: GateEvidence, settings: GateSettings) -> tuple[Outcome, str]:
    return _beats(evidence.evaluation, settings, lambda measures: measures.get("average_precision"))


def _recall(evidence: GateEvidence, settings: GateSettings) -> tuple[Outcome, str]:
    k = settings.capacity or middle_capacity(evidence.evaluation)

    def measure(measures: Mapping[str, Any]) -> Any:
        return measures.get("recall_at", {}).get(str(k))

    outcome, detail = _beats(evidence.evaluation, settings, measure)
    return outcome, f"at {k}: {detail}" if k else detail


def _beats(
    evaluation: Mapping[str, Any],
    settings: GateSettings,
    measure: Callable[[Mapping[str, Any]], Any],
) -> tuple[Outcome, str]:
    """Whether the model beats the baseline that is best by this measure."""
    few = _too_few(evaluation, settings) or _too_few_resamples(evaluation)
    if few:
        return "insufficient evidence", few
    rankers = evaluation["rankers"]
    rivals = {name: measure(rankers.get(name, {})) for name in _rivals(evaluation, settings)}
    unknown = [name for name, estimate in rivals.items() if value_of(estimate) is None]
    if unknown or not rivals:
        return "insufficient evidence", f"not measured for {', '.join(unknown) or 'any baseline'}"
    best = max(rivals, key=lambda name: rivals[name]["value"])
    mine = measure(rankers["model"])
    apart = measure(evaluation.get("differences", {}).get(best, {}))
    if value_of(mine) is None or value_of(apart) is None or apart.get("low") is None:
        return "insufficient evidence", f"no interval of the difference from {best}"
    words = (
        f"{mine['value']:.3f} against {rivals[best]['value']:.3f} of {best}, difference "
        f"{_said(apart)}"
    )
    if mine["value"] == rivals[best]["value"] == 1:
        return "insufficient evidence", f"{words}: nobody is left to be missed"
    if apart["low"] > 0:
        return "passed", words
    return "failed", f"{words}: the interval is not above zero"


def _rivals(evaluation: Mapping[str, Any], settings: GateSettings) -> list[str]:
    """Name the baselines; the anchor isn't one where the model is nothing but its anchor."""
    if settings.baselines:
        return list(settings.baselines)
    same = evaluation.get("differences", {}).get("anchor", {}).get("average_precision") or {}
    left_out = {"model", *CEILINGS}
    if same.get("low") == same.get("high") == same.get("value") == 0:
        left_out.add("anchor")
    return [name for name in evaluation["rankers"] if name not in left_out]


def _too_few(evaluation: Mapping[str, Any], settings: GateSettings) -> str:
    if "model" not in evaluation.get("rankers", {}):
        return "the model was not evaluated"
    found = evaluation.get("population", {}).get("positive_people") or 0
    if found < settings.min_positive_people:
        # How many they were is a small number, and the board reads this.
        return f"fewer than {settings.min_positive_people} people became cases at the test dates"
    return ""


def _too_few_resamples(evaluation: Mapping[str, Any]) -> str:
    taken = evaluation.get("resamples") or 0
    if taken < MIN_RESAMPLES:
        return f"its intervals are of {taken} resamples; {MIN_RESAMPLES} are needed"
    return ""


# Calibration, stability


def _calibration(evidence: GateEvidence, settings: GateSettings) -> tuple[Outcome, str]:
    few = _too_few(evidence.evaluation, settings) or _too_few_resamples(evidence.evaluation)
    if few:
        return "insufficient evidence", few
    slope = evidence.evaluation["rankers"]["model"].get("calibration_slope")
    if value_of(slope) is None:
        return "insufficient evidence", "the slope was not measured"
    words = f"{_said(slope)}, to be from {settings.slope_low:g} to {settings.slope_high:g}"
    low, high = slope.get("low"), slope.get("high")
    if low is None or high is None:
        return "insufficient evidence", f"{words}: it has no interval"
    if low < settings.slope_low and high > settings.slope_high:
        return "insufficient evidence", f"{words}: the interval reaches past both"
    inside = settings.slope_low <= slope["value"] <= settings.slope_high
    return ("passed" if inside else "failed"), words


def _stability(evidence: GateEvidence, settings: GateSettings) -> tuple[Outcome, str]:
    """Compare with the baseline that is best over all dates, date by date."""
    evaluation = evidence.evaluation
    few = _too_few(evaluation, settings)
    if few:
        return "insufficient evidence", few
    values = {
        name: value_of(evaluation["rankers"].get(name, {}).get("average_precision"))
        for name in _rivals(evaluation, settings)
    }
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return "insufficient evidence", "no baseline was measured"
    best = max(known, key=lambda name: known[name])
    ratios = list(_ratios(evaluation, best, settings.stability_positives))
    if len(ratios) < settings.stability_origins:
        return "insufficient evidence", (
            f"{plural(len(ratios), 'test date')} with {settings.stability_positives} cases or "
            f"more; {settings.stability_origins} are needed"
        )
    level = sum(ratio >= 1 for ratio in ratios)
    words = (
        f"at least as good as {best} at {level} of {plural(len(ratios), 'date')}, at worst "
        f"{min(ratios):.2f} of it"
    )
    steady = level >= settings.stability_share * len(ratios)
    inside = steady and min(ratios) >= settings.stability_floor
    return ("passed" if inside else "failed"), words


def _ratios(evaluation: Mapping[str, Any], best: str, positives: int) -> Iterator[float]:
    """Give the model's average precision over the baseline's at dates with cases enough."""
    for origin in evaluation.get("per_origin", ()):
        at = origin.get("rankers", {})
        mine, theirs = (
            value_of(at.get(name, {}).get("average_precision")) for name in ("model", best)
        )
        if (origin.get("positives") or 0) >= positives and mine is not None and theirs:
            yield mine / theirs


def _fairness(evidence: GateEvidence, settings: GateSettings) -> tuple[Outcome, str]:
    return judge_fairness(evidence.audit, evidence.champion_audit, evidence.champion, settings)


# What it was made from

_HASH = re.compile("[0-9a-f-]{64,}")


def _hashes(evidence: GateEvidence, _settings: GateSettings) -> tuple[Outcome, str]:
    recorded = {
        "data_hash": _HASH.fullmatch(evidence.data_hash),
        "protocol_hash": _HASH.fullmatch(evidence.protocol_hash),
        "code_version": re.search(r"\+[0-9a-f]{12,}$", evidence.code_version),
    }
    missing = [name for name, found in recorded.items() if not found]
    if missing:
        return "insufficient evidence", f"not recorded: {', '.join(missing)}"
    made = evidence.evaluation.get("made", {})
    if not made:
        return "insufficient evidence", "the evaluation doesn't say what it is about"
    for name in ("bundle_id", *recorded):
        if made.get(name) != getattr(evidence, name):
            return "failed", f"the evaluation is of another {name}"
    if evidence.evaluation_changed:
        return "failed", "MLflow remembers another evaluation of this model than the one kept"
    return "passed", (
        f"data {evidence.data_hash[:12]}, protocol {evidence.protocol_hash[:12]}, "
        f"code {evidence.code_version}"
    )


def _reload(evidence: GateEvidence, _settings: GateSettings) -> tuple[Outcome, str]:
    if evidence.scores_differ is None:
        return "insufficient evidence", "no scores were kept when the model was trained"
    if evidence.scores_differ == 0:
        return "passed", "read from disk, the model gives the scores that it gave in training"
    return "failed", f"read from disk, its scores differ by up to {evidence.scores_differ:.3g}"


def _said(estimate: Mapping[str, Any]) -> str:
    if estimate.get("low") is None or estimate.get("high") is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
