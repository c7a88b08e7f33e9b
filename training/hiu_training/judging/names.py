"""What rankers, measures and groups are called for people."""

from __future__ import annotations

from collections.abc import Iterable

NAMES = {
    "model": "model",
    "anchor": "anchor alone",
    "plain_lightgbm": "plain LightGBM",
    "count_30d": "count, 30 days",
    "count_90d": "count, 90 days",
    "count_365d": "count, 365 days",
    "decayed_count": "decayed count",
    "true_probability": "true chance",
    "true_intensity": "true call rate",
}

DIMENSIONS = {
    "history": "By whether the rule was ever met before",
    "tenure": "By time since the person was first known",
    "coverage": "By how much of the year before is known of the person",
    "site": "By site",
}


def ranker_name(name: str) -> str:
    """Give the name that people read.

    Examples
    --------
    >>> ranker_name("count_30d"), ranker_name("something_else")
    ('count, 30 days', 'something else')
    """
    return NAMES.get(name, name.replace("_", " "))


def in_prose(name: str) -> str:
    """Name a ranker inside a sentence.

    Examples
    --------
    >>> in_prose("count_30d"), in_prose("anchor"), in_prose("plain_lightgbm")
    ('the 30-day count', 'the anchor alone', 'plain LightGBM')
    """
    if name.startswith("count_"):
        return f"the {name.removeprefix('count_').removesuffix('d')}-day count"
    called = ranker_name(name)
    return called if name == "plain_lightgbm" else f"the {called}"


def capacity_name(k: str) -> str:
    """Name a length of list.

    Examples
    --------
    >>> capacity_name("75"), capacity_name("1%")
    ('75', '1% of people')
    """
    return f"{k} of people" if k.endswith("%") else k


def middle_capacity(ks: Iterable[str]) -> str:
    """Choose the K that is talked about: 75 where it was judged, else the middle whole number.

    Examples
    --------
    >>> middle_capacity(["25", "75", "100", "200"]), middle_capacity(["10", "200", "25", "1%"])
    ('75', '25')
    >>> middle_capacity(["1%"]), middle_capacity([])
    ('1%', '75')
    """
    asked = list(ks)
    whole = sorted((k for k in asked if not k.endswith("%")), key=int)
    if "75" in whole:
        return "75"
    return whole[len(whole) // 2] if whole else (asked[0] if asked else "75")
