"""What was measured about the reasons, for the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiu_risk.words import plural

LEAST_PEOPLE = 8
"""Shares of fewer people than this are not told."""


def lines(measured: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Give name and value of each line; empty where nothing was measured.

    Parameters
    ----------
    measured : mapping
        The evidence ``faithfulness`` and ``stability``.

    Examples
    --------
    >>> share = {"value": 0.98, "low": 0.95, "high": 1.0}
    >>> found = {"people": 40, "capacity": 75, "origins": 5, "falls": share}
    >>> lines({"faithfulness": found})[0][1]
    '98% (95% to 100%) of top reasons on lists of 75 at 5 test dates'
    """
    told = []
    faithful, steady = measured.get("faithfulness") or {}, measured.get("stability") or {}
    if faithful.get("people", 0) >= LEAST_PEOPLE:
        dates = plural(faithful["origins"], "test date")
        lists = f"lists of {faithful['capacity']} at {dates}"
        told = [
            ("Without the events behind the top reason the score falls",
             f"{_share(faithful['falls'])} of top reasons on {lists}"),
            ("Without as many other events of the same person", _share(
                faithful.get("falls_at_random"))),
            ("The reason's events weigh more than the others", _share(faithful.get("falls_more"))),
        ]  # fmt: skip
    if steady.get("people", 0) >= LEAST_PEOPLE:
        for kind, how in (("seeds", "other seeds"), ("resamples", "people drawn again")):
            found = steady.get(kind, {})
            name = f"{steady['refits']} refits, {how}"
            told.append((f"{name}: same first reason", _share(found.get("same_top"))))
            told.append((f"{name}: of the top three, kept", _share(found.get("kept"))))
    return [(name, value) for name, value in told if value]


def _share(found: Mapping[str, float | None] | None) -> str:
    if not found or found.get("value") is None:
        return ""
    value, low, high = (found[key] for key in ("value", "low", "high"))
    return f"{value:.0%} ({low:.0%} to {high:.0%})"
