"""What rankers, measures and groups are called for people."""

from __future__ import annotations

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
