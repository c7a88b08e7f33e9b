"""What tuning may change in a protocol, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hiu_features import Catalogue
from hiu_training.protocol import Protocol

Setting = int | float | str


@dataclass(frozen=True)
class Knob:
    """A number of the protocol and the range tried.

    Parameters
    ----------
    key : str
        Section and name, such as ``anchor.l2``.
    low, high : float
        Both inclusive; widened to hold what the protocol says.
    whole : bool
        Whether it is a whole number.
    log : bool
        Whether steps multiply instead of adding.
    """

    key: str
    low: float
    high: float
    whole: bool = False
    log: bool = True

    def value(self, protocol: Protocol) -> Any:
        """Give what the protocol says."""
        section, name = self.key.split(".")
        return getattr(getattr(protocol, section), name)

    def distribution(self, protocol: Protocol) -> BaseDistribution:
        """Give the range as Optuna wants it."""
        now = self.value(protocol)
        low, high = min(self.low, now), max(self.high, now)
        if self.whole:
            return optuna.distributions.IntDistribution(int(low), int(high), log=self.log)
        return optuna.distributions.FloatDistribution(low, high, log=self.log and low > 0)


KNOBS = (
    Knob("anchor.l2", 0.3, 300.0),
    Knob("anchor.half_life_days", 90, 3_650, whole=True),
    Knob("booster.learning_rate", 0.02, 0.3),
    Knob("booster.max_leaves", 2, 8, whole=True, log=False),
    Knob("booster.min_positives_in_leaf", 1.0, 40.0),
    Knob("booster.l2", 0.3, 300.0),
    Knob("booster.feature_share", 0.3, 1.0, log=False),
)
"""The numbers that are tried."""

GROUPS = "features"
"""The knob that leaves one group of features out."""

KEPT = ("how_often", "how_recently")
"""Concepts that are never left out: the anchor stands on them."""

ALL = "all"


def distributions(protocol: Protocol, catalogue: Catalogue) -> dict[str, BaseDistribution]:
    """Give every knob with its range, for a protocol and the features that it chose."""
    found = {knob.key: knob.distribution(protocol) for knob in KNOBS}
    concepts = dict.fromkeys(f.concept for f in catalogue if f.concept not in KEPT)
    if concepts:
        found[GROUPS] = CategoricalDistribution([ALL, *(f"without {c}" for c in concepts)])
    return found


def untuned(protocol: Protocol, catalogue: Catalogue) -> dict[str, Setting]:
    """Give what the protocol itself says at every knob."""
    found: dict[str, Setting] = {knob.key: knob.value(protocol) for knob in KNOBS}
    return found | ({GROUPS: ALL} if GROUPS in distributions(protocol, catalogue) else {})


def turned(protocol: Protocol, catalogue: Catalogue, settings: Mapping[str, Any]) -> Protocol:
    """Give the protocol with these settings.

    Examples
    --------
    >>> from hiu_features import default_catalogue
    >>> from hiu_training.protocol import parse_protocol
    >>> turned(parse_protocol(""), default_catalogue(), {"anchor.l2": 2.0}).anchor.l2
    2.0
    """
    changed = protocol
    for key, value in settings.items():
        if key == GROUPS:
            if value != ALL:
                left = value.removeprefix("without ")
                names = tuple(f.name for f in catalogue if f.concept != left)
                changed = replace(changed, features=names)
            continue
        section, name = key.split(".")
        if isinstance(value, float) and value != getattr(getattr(protocol, section), name):
            value = float(f"{value:.3g}")  # more digits say nothing
        changed = replace(changed, **{section: replace(getattr(changed, section), **{name: value})})
    return changed
