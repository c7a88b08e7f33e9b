"""The primitives a feature can be made of: parameters, meaning, missing-value rule.

Each has one short compiled function of the same name in :mod:`hiu_features._kernel.primitives`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hiu_features.which import Which
from hiu_risk.errors import UsageError, near_match

LOOKBACK_DAYS = 730
"""How far back the order of events is followed; older events count only for tenure."""

MAX_DAYS = 3_650
GAPS_KEPT = 20
"""Rhythm looks at this many of the latest gaps."""
LEAST_GAPS = 3
WEIGHT_BITS = 30
"""Decay weights are whole multiples of 2**-30, so that sums do not depend on their order."""

ATTRIBUTES = ("age", "sex_female", "imd_decile")

_NOT_COVERED = "missing when the feed covers none of the window"


@dataclass(frozen=True)
class Primitive:
    """One way to turn a person's known events into a number.

    Parameters
    ----------
    name : str
        What a declaration calls it.
    meaning : str
        The rule, with parameter names in capitals.
    missing : str
        When the value is missing.
    params : mapping of str to str
        Parameter name to kind: ``which``, ``days``, ``offset``, ``ordinal``, ``source``,
        ``attribute``.
    optional : mapping of str to object
        Defaults of parameters that may be left out.
    """

    name: str
    meaning: str
    missing: str
    params: Mapping[str, str]
    optional: Mapping[str, Any] = field(default_factory=dict)

    def complete(self, params: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Check parameters and fill in the defaults, in the declared order."""
        for key in params:
            if key not in self.params:
                raise UsageError(
                    f"{self.name} has no parameter {key!r}",
                    where=where,
                    fix=near_match(key, self.params),
                )
        done = {}
        for key, kind in self.params.items():
            if key not in params and key not in self.optional:
                raise UsageError(f"{self.name} needs the parameter {key!r}", where=where)
            value = params.get(key, self.optional.get(key))
            _check(kind, value, f"{where}, {key}")
            done[key] = value
        return done


def _check(kind: str, value: Any, where: str) -> None:
    if kind == "which":
        if not isinstance(value, Which):
            raise UsageError("not a choice of events", where=where, fix="give a Which(...)")
    elif kind == "source":
        if value not in ("call", "ae", "admission"):
            raise UsageError("not a source", where=where, fix="one of call, ae, admission")
    elif kind == "attribute":
        if value not in ATTRIBUTES:
            raise UsageError(
                "not an attribute of a person",
                where=where,
                fix=near_match(str(value), ATTRIBUTES),
            )
    else:
        low, high = {"days": (1, MAX_DAYS), "offset": (0, MAX_DAYS), "ordinal": (1, 1_000)}[kind]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not low <= value <= high:
            raise UsageError(
                "a window or number out of range",
                where=where,
                fix=f"give a whole number from {low} to {high}",
            )


_SEQUENCE = {"within": LOOKBACK_DAYS}
_YEAR = {"within": 365}

PRIMITIVES: Mapping[str, Primitive] = {
    p.name: p
    for p in (
        Primitive(
            "count",
            "number of WHICH in the DAYS days ending BEFORE days before as_of",
            _NOT_COVERED,
            {"which": "which", "days": "days", "before": "offset"},
            {"before": 0},
        ),
        Primitive(
            "change",
            "number of WHICH in the last DAYS days less the number in the DAYS days before them",
            "missing when the feed covers none of either window",
            {"which": "which", "days": "days"},
        ),
        Primitive(
            "share",
            "of OF in the last DAYS days, the part that is also WHICH",
            "missing when there are no OF in the window",
            {"which": "which", "of": "which", "days": "days"},
        ),
        Primitive(
            "decayed",
            "WHICH of the last 730 days, each weighing 2^(-age / HALF_LIFE days); age in whole "
            "hours, weights rounded to 2^-30",
            _NOT_COVERED,
            {"which": "which", "half_life": "days"},
        ),
        Primitive(
            "recent_weight",
            "decayed WHICH at half-life FAST divided by decayed WHICH at half-life SLOW",
            "missing when there are no WHICH in the last 730 days that weigh anything",
            {"which": "which", "fast": "days", "slow": "days"},
        ),
        Primitive(
            "days_since",
            "days from the NTH last of WHICH to as_of, looking back WITHIN days",
            "missing when there are fewer than NTH",
            {"which": "which", "nth": "ordinal", "within": "days"},
            _SEQUENCE,
        ),
        Primitive(
            "peak",
            "most WHICH within any DAYS days (rolling) of the last WITHIN days",
            _NOT_COVERED,
            {"which": "which", "days": "days", "within": "days"},
            _YEAR,
        ),
        Primitive(
            "active_periods",
            "of the periods of DAYS days counted back from as_of over the last WITHIN days, how "
            "many hold any of WHICH",
            _NOT_COVERED,
            {"which": "which", "days": "days", "within": "days"},
            _YEAR,
        ),
        Primitive(
            "median_gap",
            "median days between successive WHICH of the last WITHIN days, latest 20 gaps",
            "missing when there are fewer than 2 of WHICH",
            {"which": "which", "within": "days"},
            _YEAR,
        ),
        Primitive(
            "gap_variation",
            "standard deviation of the latest 20 gaps between successive WHICH of the last WITHIN "
            "days, divided by their mean: 0 is clockwork, 1 is chance, more is bursts",
            "missing when there are fewer than 3 gaps, or all gaps are zero",
            {"which": "which", "within": "days"},
            _YEAR,
        ),
        Primitive(
            "different_reasons",
            "number of different known reasons among WHICH of the last DAYS days",
            _NOT_COVERED,
            {"which": "which", "days": "days"},
        ),
        Primitive(
            "attribute",
            "the person's ATTRIBUTE at as_of: age in whole years on the local date, sex_female 1 "
            "or 0, imd_decile 1 (most deprived) to 10",
            "missing when not known",
            {"attribute": "attribute"},
        ),
        Primitive(
            "tenure",
            "days from the person's first known event that counts to as_of, however long ago",
            "missing when no event that counts is known",
            {},
        ),
        Primitive(
            "covered_days",
            "days of the last DAYS days that the feed of SOURCE covers, gaps taken off",
            "missing when no feeds are declared; 0 when others are but not this one",
            {"source": "source", "days": "days"},
        ),
    )
}
"""The primitives by name."""


def primitive_named(name: str, where: str) -> Primitive:
    """Look a primitive up; an unknown name is a UsageError naming the near match."""
    try:
        return PRIMITIVES[name]
    except (KeyError, TypeError):
        raise UsageError(
            f"unknown primitive {name!r}", where=where, fix=near_match(str(name), PRIMITIVES)
        ) from None
