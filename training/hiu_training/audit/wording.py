"""Numbers and verdicts as a board member reads them."""

from __future__ import annotations

from hiu_risk.suppression import HIDDEN
from hiu_risk.words import group_in_words
from hiu_training.audit.result import Estimate, Number, Verdict

RECALL_WORDS: dict[Verdict, str] = {
    "lower": "Missed more often",
    "higher": "Missed less often",
    "perhaps_lower": "Perhaps missed more often",
    "perhaps_higher": "Perhaps missed less often",
    "close": "Close to the rest",
    "no_difference_shown": "No difference shown",
    "insufficient_evidence": "Insufficient evidence",
    "not_compared": "Not compared",
}
CALIBRATION_WORDS: dict[Verdict, str] = {
    "lower": "Risk overstated",
    "higher": "Risk understated",
    "perhaps_lower": "Perhaps overstated",
    "perhaps_higher": "Perhaps understated",
    "close": "Close to the rest",
    "no_difference_shown": "No difference shown",
    "insufficient_evidence": "Insufficient evidence",
    "not_compared": "Not compared",
}
_OUTCOMES = {
    "unknown": "not recorded",
    "hear_treat": "advised by phone",
    "see_treat": "treated where they were",
    "see_convey_ed": "taken to A&E",
    "see_convey_other": "taken elsewhere",
    "left_unseen": "left before being seen",
    "streamed": "sent on to another service",
    "admitted": "admitted to hospital",
}
_EVENTS = {"call": "calls", "ae": "A&E attendances", "admission": "admissions"}
NO_VALUE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def per_cent(share: float, *, digits: int = 0) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> per_cent(0.294), per_cent(0.00231, digits=2)
    ('29%', '0.23%')
    """
    return f"{100 * share:.{digits}f}%"


def rate(number: Number, *, digits: int = 0) -> str:
    """Write a rate with its interval.

    Examples
    --------
    >>> rate(Estimate(value=0.3, low=0.2, high=0.41))
    '30% (20 to 41)'
    >>> rate(Estimate(value=None, low=0.0, high=0.2)), rate("*"), rate(None) == NO_VALUE
    ('up to 20%', '*', True)

    From nothing to everything says nothing:

    >>> rate(Estimate(value=None, low=0.0, high=1.0))
    '*'
    """
    if number is None or isinstance(number, str):
        return number or NO_VALUE
    if number.value is None and number.low <= 0 and number.high >= 1:
        return HIDDEN
    low, high = f"{100 * number.low:.{digits}f}", f"{100 * number.high:.{digits}f}"
    if number.value is None:
        return f"up to {high}%" if number.low <= 0 else f"{low}% or more"
    return f"{per_cent(number.value, digits=digits)} ({low} to {high})"


def small_rate(number: Number) -> str:
    """Write a rate below a few per cent, with as many digits as it needs."""
    if isinstance(number, Estimate) and number.high < 0.1:
        return rate(number, digits=2 if number.high < 0.01 else 1)
    return rate(number)


def points(number: Number, *, digits: int = 0) -> str:
    """Write a difference of rates in percentage points.

    Examples
    --------
    >>> points(Estimate(value=-0.12, low=-0.2, high=0.04)).replace(MINUS, "-")
    '-12 (-20 to +4)'
    """
    if number is None or isinstance(number, str):
        return number or NO_VALUE
    ends = (number.value or 0.0, number.low, number.high)
    value, low, high = (_signed(x, digits) for x in ends)
    return f"{value} ({low} to {high})"


def change(number: Number) -> str:
    """Write a change in points; where it is of few cases, only between which ends it lies.

    Examples
    --------
    >>> change(Estimate(value=None, low=-0.05, high=0.03)).replace(MINUS, "-")
    'fewer than 8 cases (-5 to +3)'
    """
    if isinstance(number, Estimate) and number.value is None:
        return f"fewer than 8 cases ({_signed(number.low)} to {_signed(number.high)})"
    return points(number)


def _signed(share: float, digits: int = 0) -> str:
    text = f"{abs(100 * share):.{digits}f}"
    if not float(text):
        return "0"
    return f"{MINUS if share < 0 else '+'}{text}"


def ratio(number: Number) -> str:
    """Write a ratio with its interval.

    Examples
    --------
    >>> ratio(Estimate(value=1.1, low=0.9, high=1.31))
    '1.10 (0.90 to 1.31)'
    """
    if number is None or isinstance(number, str):
        return number or NO_VALUE
    if number.value is None:
        return "*"
    return f"{number.value:.2f} ({number.low:.2f} to {number.high:.2f})"


def negative(number: Number) -> Number:
    """Turn a difference round: recall lower by 12 points is missed more by 12 points."""
    if number is None or isinstance(number, str):
        return number
    value = None if number.value is None else -number.value
    return Estimate(value=value, low=-number.high, high=-number.low)


def count(number: int | str) -> str:
    """Write a count with thousands apart.

    Examples
    --------
    >>> count(12340), count("*")
    ('12,340', '*')
    """
    return f"{number:,}" if isinstance(number, int) else number


def outcome(code: str) -> str:
    """Say how an event ended, for somebody who doesn't know the codes.

    Examples
    --------
    >>> outcome("see_convey_ed"), outcome("died")
    ('taken to A&E', 'died')
    """
    return _OUTCOMES.get(code, code.replace("_", " "))


def event(source: str) -> str:
    """Name a source's events in the plural.

    Examples
    --------
    >>> event("ae"), event("call")
    ('A&E attendances', 'calls')
    """
    return _EVENTS.get(source, f"{source.replace('_', ' ')} events")


def drawing(reserved: str) -> str:
    """Say how lists were drawn: by score, or with places reserved by a column.

    Examples
    --------
    >>> drawing(""), drawing("sex")
    ('by score', 'reserved by sex')
    """
    return f"reserved by {group_in_words(reserved)}" if reserved else "by score"


def listing(names: list[str]) -> str:
    """Join names as in a sentence.

    Examples
    --------
    >>> listing(["East", "West", "North"])
    'East, West and North'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
