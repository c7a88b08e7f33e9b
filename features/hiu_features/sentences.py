"""Feature values in plain English: the person's own figures, no cause, no diagnosis.

A template holds fields like ``{value:call}``: the value of the feature itself (``value``) or of
another by name, written as the part after the colon says:

- a noun (``call``, ``visit``, ``admission``, ...): "no calls", "1 call", "7 calls";
- ``more <noun>``: "3 more calls", "2 fewer calls", "the same number of calls";
- ``bare``: "none", "1", "7"; ``number``: "3.2"; ``percent``: "40%"; ``days``: "3 days".
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hiu_risk.errors import UsageError

if TYPE_CHECKING:
    from hiu_features.feature import Feature

NOUNS: Mapping[str, tuple[str, str]] = {
    "call": ("call", "calls"),
    "visit": ("A&E visit", "A&E visits"),
    "admission": ("emergency admission", "emergency admissions"),
    "reason": ("different reason", "different reasons"),
    "month": ("month", "months"),
    "day": ("day", "days"),
    "year": ("year", "years"),
}
_PLAIN_FORMS = ("bare", "number", "percent", "days")


def _whole(value: float) -> str:
    return f"{round(value):,}"


def _counted(value: float, noun: str) -> str:
    one, many = NOUNS[noun]
    if round(value) == 0:
        return f"no {many}"
    return f"{_whole(value)} {one if round(value) == 1 else many}"


def _more(value: float, noun: str) -> str:
    one, many = NOUNS[noun]
    if round(value) == 0:
        return f"the same number of {many}"
    word = "more" if value > 0 else "fewer"
    return f"{_whole(abs(value))} {word} {one if round(abs(value)) == 1 else many}"


def _days(value: float) -> str:
    if value < 1:
        return "less than a day"
    return "1 day" if value < 2 else f"{math.floor(value):,} days"


def _number(value: float) -> str:
    return _whole(value) if abs(value) >= 100 else f"{round(value, 1):g}"


def _format(value: float, form: str) -> str:
    if form.startswith("more "):
        return _more(value, form.removeprefix("more "))
    plain = {
        "bare": lambda: "none" if round(value) == 0 else _whole(value),
        "number": lambda: _number(value),
        "percent": lambda: f"{round(100 * value):,}%",
        "days": lambda: _days(value),
    }
    return plain[form]() if form in plain else _counted(value, form)


def _fields(template: str) -> list[tuple[str, str | None, str]]:
    return [(text, name, form or "") for text, name, form, _ in string.Formatter().parse(template)]


def check_template(feature: Feature) -> None:
    """Check that the sentences of a feature can be filled; else a UsageError."""
    for template in (feature.sentence, feature.compared, feature.sentence_missing):
        try:
            parts = _fields(template)
        except ValueError:
            parts = [("", "", "")]
        for _, name, form in parts:
            noun = form.removeprefix("more ")
            if name is not None and (not name or noun not in (*NOUNS, *_PLAIN_FORMS)):
                raise UsageError(
                    "a sentence with a field that can't be filled",
                    where=f"feature {feature.name!r}",
                    fix="write fields as {value:call}; known forms are "
                    + ", ".join((*NOUNS, *_PLAIN_FORMS)),
                )


def _known(values: Mapping[str, float], name: str) -> bool:
    return name in values and math.isfinite(values[name])


def _fill(template: str, feature: Feature, values: Mapping[str, float]) -> str | None:
    words = []
    for text, name, form in _fields(template):
        words.append(text)
        if name is not None:
            name = feature.name if name == "value" else name
            if not _known(values, name):
                return None
            words.append(_format(float(values[name]), form))
    return "".join(words)


def sentence(
    feature: Feature,
    values: Mapping[str, float],
    reference: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """Put a feature's value in words.

    Parameters
    ----------
    feature : Feature
        Not a protected one: those are never given as reasons.
    values : mapping of str to float
        The person's values by feature name; NaN is missing.
    reference : mapping, optional
        Quantiles by feature name, for instance ``{"calls_28d": {"p50": 0, "p95": 3}}``. A value
        above ``p95`` is said to be more than for 95 in 100 people.

    Raises
    ------
    UsageError
        The feature is protected.

    Examples
    --------
    >>> from hiu_features.catalogue import default_catalogue
    >>> default_catalogue().sentence("calls_28d", {"calls_28d": 7, "calls_28d_before": 2})
    '7 calls in the last 28 days, 2 in the 28 days before'
    """
    if feature.protected:
        raise UsageError(
            f"{feature.name!r} is protected and never given as a reason",
            where="sentence",
            fix="leave it out of the reasons",
        )
    words = _fill(feature.sentence, feature, values)
    if words is None:
        return feature.sentence_missing
    high = (reference or {}).get(feature.name, {}).get("p95")
    if high is not None and float(values[feature.name]) > high:
        words = f"{words} (more than for 95 in 100 people)"
    if feature.compared and (more := _fill(feature.compared, feature, values)) is not None:
        words = f"{words}, {more}"
    return words[0].upper() + words[1:]
