"""Words for people: bands, sources, targets, exclusions, groups, chances and days."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

from hiu_risk.times import from_seconds

BAND_NAMES = {"very_high": "Very high", "high": "High", "raised": "Raised", "usual": "Usual"}
SOURCE_NAMES = {"call": "999 calls", "ae": "A&E attendances", "admission": "Emergency admissions"}

_TARGETS = {
    "onset": "onset: people who do not meet the definition now and have not met it lately",
    "relapse": "relapse: people who met the definition earlier and then stopped",
    "persistence": "persistence: people who meet the definition now",
    "weekend": "weekend: everybody eligible, by the chance of an incident before Monday 08:00",
}
_EXCLUSIONS = {
    "died": "Known to have died",
    "not_registered": "Not registered with the area",
    "inactive": "No event that counts is known in the time the policy asks for",
    "outside_ages": "Outside the ages of the definition",
    "age_unknown": "Age not known",
    "opted_out": "Opted out",
    "extensive_care": "In the Extensive Care service",
    "on_caseload": "Already supported: on a caseload",
    "meets_now": "Meets the definition now",
    "met_in_washout": "Met the definition in the look-back before",
    "never_met": "Never met the definition",
    "met_recently": "Met the definition too recently",
    "does_not_meet_now": "Does not meet the definition now",
    "too_little_history": "Too little history to be scored",
    "feeds_too_short": "Feeds that cover too little to score anybody",
}


def in_100(score: float) -> str:
    """Say a probability as so many in 100.

    Examples
    --------
    >>> in_100(0.347), in_100(0.004), in_100(0.9999)
    ('35', 'under 1', 'over 99')
    """
    if score < 0.01:
        return "under 1"
    return "over 99" if score > 0.99 else f"{100 * score:.0f}"


def likely(low: float, high: float) -> str:
    """Say between which numbers in 100 a chance lies, rounded outwards.

    Examples
    --------
    >>> likely(0.206, 0.512), likely(0.002, 0.013), likely(0.97, 0.995)
    ('20 to 52', 'up to 2', '97 or more')
    """
    least, most = math.floor(100 * low), math.ceil(100 * high)
    if least < 1:
        return f"up to {most}"
    return f"{least} or more" if most > 99 else f"{least} to {most}"


def day_in_words(seconds: int, zone: str) -> str:
    """Say a moment as a day, the way a person says it.

    Examples
    --------
    >>> day_in_words(0, "Europe/London")
    '1 January 1970'
    """
    local = from_seconds(seconds).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %Y}"


def since_in_words(then: int, as_of: int, zone: str) -> str:
    """Say a day before an index date as a person says it: a weekday where it is within a week.

    Examples
    --------
    >>> week = 7 * 86_400
    >>> since_in_words(week, week + 3 * 86_400, "UTC"), since_in_words(0, week, "UTC")
    ('Thursday', '1 January')
    """
    now = from_seconds(as_of).astimezone(ZoneInfo(zone))
    day = from_seconds(then).astimezone(ZoneInfo(zone))
    if (now.date() - day.date()).days < 7:
        return f"{day:%A}"
    return f"{day.day} {day:%B}" + ("" if (now - day).days < 300 else f" {day.year}")


def local_iso(seconds: int, zone: str) -> str:
    """Say a moment exactly: a plain date where it is a local midnight.

    Examples
    --------
    >>> local_iso(1_717_196_400, "Europe/London"), local_iso(1_717_196_401, "Europe/London")
    ('2024-06-01', '2024-06-01T00:00:01+01:00')
    """
    local = from_seconds(seconds).astimezone(ZoneInfo(zone))
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return local.date().isoformat() if midnight else local.isoformat()


def target_in_words(target: str) -> str:
    """Say what the score is the chance of."""
    return _TARGETS.get(target, target)


def looks_ahead(target: str, horizon_days: int) -> str:
    """Say how far ahead the score looks.

    Examples
    --------
    >>> looks_ahead("onset", 90), looks_ahead("weekend", 5)
    ('90 days', 'the weekend: Friday 18:00 to Monday 08:00')
    """
    if target == "weekend":
        return "the weekend: Friday 18:00 to Monday 08:00"
    return f"{horizon_days} days"


def exclusion_in_words(reason: str) -> str:
    """Say why somebody is not scored.

    Examples
    --------
    >>> exclusion_in_words("on_caseload")
    'Already supported: on a caseload'
    """
    return _EXCLUSIONS.get(reason, reason.replace("_", " ").capitalize())


def lower_first(text: str) -> str:
    """Let a sentence go on: its first letter becomes small, initials stay.

    Examples
    --------
    >>> lower_first("In the Extensive Care service"), lower_first("A&E visits")
    ('in the Extensive Care service', 'A&E visits')
    """
    return text if text[1:2] in "&" or text[:2].isupper() else text[:1].lower() + text[1:]
