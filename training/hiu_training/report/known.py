"""What software knows about a model, gathered once for the card and the TRIPOD+AI table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from hiu_risk.model import Bundle
from hiu_risk.times import from_seconds, index_day
from hiu_training.judging import names

ROUNDED = "Counts are rounded to 5."
"""Said wherever counts of people and rows are written as they may leave the team."""

TARGETS = {
    "onset": "meeting the rule, by somebody who does not meet it and has not met it in the washout",
    "relapse": "meeting the rule again after a time without",
    "persistence": "still meeting the rule at the end of the horizon",
    "weekend": "any call from Friday 18:00 to Monday 08:00",
}


@dataclass(frozen=True)
class Known:
    """Facts about one model; nothing in them is about one person.

    Parameters
    ----------
    bundle : Bundle
        The model.
    evaluation, audit, store : mapping
        The evaluation (see :func:`hiu_training.judging.evaluation.evaluate`), the published audit
        and the store's manifest as plain data; empty where there is none.
    reasons : mapping
        What was measured about the reasons: the evidence ``faithfulness`` and ``stability``.
    """

    bundle: Bundle
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    audit: Mapping[str, Any] = field(default_factory=dict)
    store: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The model's version."""
        return self.bundle.version

    @property
    def definition(self) -> str:
        """The rule in words."""
        return self.bundle.definition.in_words()

    @property
    def entity(self) -> str:
        """Whose incidents are counted."""
        return "addresses" if self.bundle.definition.entity == "address" else "people"

    @property
    def outcome(self) -> str:
        """The outcome in one sentence."""
        made = self.bundle.manifest
        asks = TARGETS.get(made.target, made.target)
        washout = f" (a washout of {made.washout_days} days)" if made.target == "onset" else ""
        overlap = {
            "straddle": "a window that completes the rule may reach back before the index date",
            "disjoint": "only incidents from the index date on count",
        }.get(made.overlap, made.overlap)
        within = f", within {made.horizon_days} days of the index date"
        return (
            f"{made.target.capitalize()}: {asks}{'' if made.target == 'weekend' else within}"
            f"{washout}. Rule: {self.definition}. Here {overlap}."
        )

    @property
    def eligibility(self) -> str:
        """Who may appear on the list, in words."""
        policy = self.bundle.manifest.policy
        active = policy.get("active_within_days", 0)
        parts = [f"an event in the last {active} days"] if active else []
        left_out = [
            words
            for key, words in (
                ("exclude_caseload", "people already on a caseload"),
                ("exclude_extensive_care", "people in extensive care"),
                ("exclude_opted_out", "people who opted out"),
                ("exclude_unregistered", "people not registered in the area"),
            )
            if policy.get(key)
        ]
        asked = f"Asked for: {' and '.join(parts)}. " if parts else ""
        left = f"Left out: {', '.join(left_out)}. " if left_out else ""
        return f"{asked}{left}People known to have died are never eligible."

    @property
    def trained_through(self) -> str:
        """The day from which on nothing was used for learning."""
        return index_day(self.bundle.manifest.trained_through)

    def ranker(self, name: str = "model") -> Mapping[str, Any]:
        """Give the pooled measures of one ranker; empty where it was not judged."""
        found: Mapping[str, Any] = self.evaluation.get("rankers", {}).get(name, {})
        return found

    @property
    def learning(self) -> Mapping[str, Any]:
        """What was learned from: dates, rows, positives, what was dropped, notes."""
        found: Mapping[str, Any] = self.evaluation.get("learning", {})
        return found

    @property
    def population(self) -> Mapping[str, Any]:
        """Who judged: rows, people, positives."""
        found: Mapping[str, Any] = self.evaluation.get("population", {})
        return found

    @property
    def dates(self) -> tuple[str, ...]:
        """The test dates, as days."""
        origins = self.evaluation.get("per_origin", ())
        return tuple(index_day(origin["as_of"]) for origin in origins)

    def local_day(self, moment: int) -> str:
        """Give the day of a moment in UTC seconds, where the store is."""
        zone = ZoneInfo(self.bundle.manifest.zone)
        return from_seconds(moment).astimezone(zone).date().isoformat()


def interval(estimate: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Write a measure with its 95% interval.

    Examples
    --------
    >>> interval({"value": 0.31, "low": 0.24, "high": 0.4})
    '0.310 (0.240 to 0.400)'
    >>> interval(None)
    'not known'
    """
    if not estimate or estimate.get("value") is None:
        return "not known"
    value = f"{estimate['value']:.{digits}f}"
    if estimate.get("low") is None or estimate.get("high") is None:
        return value
    return f"{value} ({estimate['low']:.{digits}f} to {estimate['high']:.{digits}f})".replace(
        "-", "\N{MINUS SIGN}"
    )


def middle_capacity(evaluation: Mapping[str, Any]) -> str:
    """Choose the K that is talked about; see :func:`hiu_training.judging.names.middle_capacity`."""
    return names.middle_capacity(
        evaluation.get("rankers", {}).get("model", {}).get("recall_at", {})
    )
