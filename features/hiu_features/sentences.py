"""Feature values in plain English: the person's own figures, no cause, no diagnosis.

A template holds fields like ``{value:call}``: the value of the feature itself (``value``) or of
another by name, written as the part after the colon says:

- a noun (``call``, ``visit``, ``admission``, ...): "no calls", "1 call", "7 calls";
- ``more <noun>``: "3 more calls", "2 fewer calls", "the same number of calls";
- ``part <noun>``: "2 of the 5 calls", "all 5 calls", or "40% of the calls" where their number
  isn't known;
- ``ago``: "yesterday", "on Monday", "9 days ago", "3 weeks ago"; ``span``: "4 days", rounded up;
- ``bare``: "none", "1", "7"; ``number``: "3.2"; ``percent``: "40%"; ``days``: "3 days".
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from hiu_features.comparing import comparison
from hiu_features.context import ANYWHERE, NOT_COVERED, Context
from hiu_features.reach import reach, sources
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
_PLAIN_FORMS = ("bare", "number", "percent", "days", "span", "ago")
_PREFIXES = ("more ", "part ")


def _whole(value: float) -> str:
    return f"{max(0, round(value)):,}"


def _counted(value: float, noun: str) -> str:
    one, many = NOUNS[noun]
    if round(value) <= 0:
        return f"no {many}"
    return f"{_whole(value)} {one if round(value) == 1 else many}"


def _more(value: float, noun: str) -> str:
    one, many = NOUNS[noun]
    if round(value) == 0:
        return f"the same number of {many}"
    word = "more" if value > 0 else "fewer"
    return f"{_whole(abs(value))} {word} {one if round(abs(value)) == 1 else many}"


def _part(share: float, whole: float | None, noun: str) -> str:
    one, many = NOUNS[noun]
    if whole is None or not 0 <= share <= 1:
        return f"{_percent(share)} of the {many}"
    n, m = round(share * whole), round(whole)
    if n == m:
        return {1: f"the only {one}", 2: f"both {many}"}.get(m, f"all {_whole(m)} {many}")
    if m == 1:
        return f"none of the {many}"
    return f"{'none' if n == 0 else _whole(n)} of the {_whole(m)} {many}"


def _days(value: float) -> str:
    if value < 1:
        return "less than a day"
    return "1 day" if value < 2 else f"{math.floor(value):,} days"


def _span(value: float) -> str:
    # "Half are so long or shorter" stays true when rounded up.
    whole = max(1, math.ceil(value))
    return "1 day" if whole == 1 else f"{whole:,} days"


def _number(value: float) -> str:
    value = max(0.0, value) + 0.0  # no minus in front of a zero
    return _whole(value) if abs(value) >= 100 else f"{round(value, 1):g}"


def _percent(value: float) -> str:
    return f"{max(0, round(100 * value)):,}%"


def _format(value: float, form: str, context: Context, whole: float | None) -> str:
    if form.startswith("more "):
        return _more(value, form.removeprefix("more "))
    if form.startswith("part "):
        return _part(value, whole, form.removeprefix("part "))
    plain = {
        "bare": lambda: "none" if round(value) <= 0 else _whole(value),
        "number": lambda: _number(value),
        "percent": lambda: _percent(value),
        "days": lambda: _days(value),
        "span": lambda: _span(value),
        "ago": lambda: context.ago(value),
    }
    return plain[form]() if form in plain else _counted(value, form)


@lru_cache(maxsize=4_096)
def _fields(template: str) -> tuple[tuple[str, str | None, str], ...]:
    parsed = string.Formatter().parse(template)
    return tuple((text, name, form or "") for text, name, form, _ in parsed)


def check_template(feature: Feature) -> None:
    """Check that the sentences of a feature can be filled; else a UsageError."""
    for template in (feature.sentence, feature.compared, feature.sentence_missing):
        try:
            parts = _fields(template)
        except ValueError:
            parts = (("", "", ""),)
        for _, name, form in parts:
            noun = form
            for prefix in _PREFIXES:
                noun = noun.removeprefix(prefix)
            known = noun in NOUNS or (noun == form and form in _PLAIN_FORMS)
            if name is not None and (not name or not known):
                raise UsageError(
                    "a sentence with a field that can't be filled",
                    where=f"feature {feature.name!r}",
                    fix="write fields as {value:call}; known forms are "
                    + ", ".join((*NOUNS, *_PLAIN_FORMS)),
                )


def _known(values: Mapping[str, float], name: str) -> bool:
    return name in values and math.isfinite(values[name])


def _fill(
    template: str, feature: Feature, values: Mapping[str, float], context: Context, whole: str
) -> str | None:
    of = float(values[whole]) if _known(values, whole) and values[whole] >= 1 else None
    words = []
    for text, name, form in _fields(template):
        words.append(text)
        if name is not None:
            name = feature.name if name == "value" else name
            if not _known(values, name):
                return None
            words.append(_format(float(values[name]), form, context, of))
    return "".join(words)


def sentence(
    feature: Feature,
    values: Mapping[str, float],
    reference: Mapping[str, Mapping[str, float | None]] | None = None,
    context: Context = ANYWHERE,
    *,
    whole: str = "",
) -> str:
    """Put a feature's value in words.

    Parameters
    ----------
    feature : Feature
        Not a protected one: those are never given as reasons.
    values : mapping of str to float
        The person's values by feature name; NaN is missing.
    reference : mapping, optional
        Quantiles by feature name, for instance ``{"calls_28d": {"p50": 0, "p95": 2}}``: what the
        value is compared with, where the data cover the whole window.
    context : Context, optional
        Of whom and when the sentence speaks, and what the data cover.
    whole : str, optional
        Name of the feature that counts what a share is a part of.

    Raises
    ------
    UsageError
        The feature is protected.

    Examples
    --------
    >>> from hiu_features.catalogue import default_catalogue
    >>> catalogue = default_catalogue()
    >>> catalogue.sentence("calls_28d", {"calls_28d": 7}, {"calls_28d": {"p95": 2}})
    '7 calls in the last 28 days; 95 of 100 active callers had 2 or fewer'
    >>> catalogue.sentence("calls_28d", {"calls_28d": 7, "calls_28d_before": 2})
    '7 calls in the last 28 days, 2 in the 28 days before'
    """
    if feature.protected:
        raise UsageError(
            f"{feature.name!r} is protected and never given as a reason",
            where="sentence",
            fix="leave it out of the reasons",
        )
    told = _known(values, feature.name)
    days = values[feature.name] if told and feature.primitive == "days_since" else reach(feature)
    known = context.known_days(sources(feature), days)
    nothing = not told or values[feature.name] <= 0
    short = known is not None and days is not None and _is_short(known, days, nothing=nothing)
    words = _fill(feature.sentence, feature, values, context, whole)
    if words is None:
        words = feature.sentence_missing if covered(feature, math.nan, context) else NOT_COVERED
    elif not short:
        peers = (reference or {}).get(feature.name, {})
        fair = comparison(feature, float(values[feature.name]), peers, values.get(whole), context)
        more = _fill(feature.compared, feature, values, context, whole) if feature.compared else ""
        words = f"{words}; {fair}" if fair else ", ".join(filter(None, (words, more)))
    if known is not None and short and words != NOT_COVERED:
        words += f" (only {_counted(math.floor(known), 'day')} known)"
    return words[0].upper() + words[1:]


def covered(feature: Feature, value: float, context: Context) -> bool:
    """Tell whether a value says something of the person, not only that the data are not there.

    Examples
    --------
    >>> from hiu_features.catalogue import default_catalogue
    >>> last = default_catalogue()["days_since_last_ae"]
    >>> whole, none = Context(known={"ae": ((900.0, 0.0),)}), Context(known={"ae": ()})
    >>> [covered(last, value, when) for value in (9.0, math.nan) for when in (whole, none)]
    [True, True, True, False]
    """
    if math.isfinite(value):
        return True
    known = context.known_days(sources(feature), reach(feature))
    return feature.sentence_missing != NOT_COVERED and (known is None or known > 0)


def _is_short(known: float, days: float, *, nothing: bool) -> bool:
    """Tell whether too little of a window is known to compare it; feeds are a little late.

    "No calls in the last two years" must hold for two whole years, late rows aside.
    """
    part = 0.0 if nothing else _MISSING_PART
    return days - known > max(_LATE_DAYS, part * days)


_LATE_DAYS = 3.0
_MISSING_PART = 0.1
