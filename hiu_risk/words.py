"""Numbers with their nouns, for people."""

from __future__ import annotations


def plural(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> plural(1, "list"), plural(2, "list"), plural(0, "entry", "entries")
    ('1 list', '2 lists', 'no entries')
    """
    noun = one if n == 1 else many or f"{one}s"
    return f"{n:,} {noun}" if n else f"no {noun}"
