"""Numbers with their nouns, and what is looked for, in words."""

from __future__ import annotations

_GROUPS = {
    "age_band": "age",
    "imd_quintile": "deprivation",
}


def plural(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> plural(1, "list"), plural(2, "list"), plural(0, "entry", "entries")
    ('1 list', '2 lists', 'no entries')
    """
    noun = one if n == 1 else many or f"{one}s"
    return f"{n:,} {noun}" if n else f"no {noun}"


def looked_for(target: str, horizon_days: int) -> str:
    """Say what a model looks for, and until when.

    Examples
    --------
    >>> looked_for("onset", 90), looked_for("weekend", 5)
    ('onset within 90 days', 'any incident of the weekend, until Monday 08:00')
    """
    if target == "weekend":
        return "any incident of the weekend, until Monday 08:00"
    return f"{target} within {horizon_days} days"


def group_in_words(column: str) -> str:
    """Say by what people are grouped.

    Examples
    --------
    >>> group_in_words("imd_quintile"), group_in_words("ethnic_group")
    ('deprivation', 'ethnic group')
    """
    return _GROUPS.get(column, column.replace("_", " "))
