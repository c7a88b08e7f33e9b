"""The one family of errors: what is wrong, where, and what to do about it.

A message never carries a person's value: name the column, the file and the line instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HiuRiskError(Exception):
    """Base of every error this project raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence without the final full stop.
    where : str
        The file, column, line or option it was found at; may be empty.
    fix : str
        What the reader can do about it; may be empty.

    Examples
    --------
    >>> print(DataError("the feed has no rows", where="calls.csv", fix="export it again"))
    the feed has no rows (calls.csv). What to do: export it again.
    >>> print(UsageError("unknown key 'sexx'", fix="did you mean 'sex'?"))
    unknown key 'sexx'. What to do: did you mean 'sex'?
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        place = f" ({where})" if where else ""
        remedy = f" What to do: {fix}" if fix else ""
        remedy += "." if fix and not fix.endswith(("?", ".")) else ""
        super().__init__(f"{what}{place}.{remedy}")


class DataError(HiuRiskError):
    """The data did not pass a check."""


class ModelError(HiuRiskError):
    """The model, or what it would be trained on, did not pass a check."""


class UsageError(HiuRiskError):
    """The caller asked for something that can't be: wrong option, key, name or range."""

    exit_code = 2


def near_match(name: str, known: Iterable[str]) -> str:
    """Suggest the known name nearest to a misspelt one.

    Returns
    -------
    str
        ``did you mean 'x'?`` or, where nothing is near, the list of known names.

    Examples
    --------
    >>> near_match("arival_date", ["arrival_date", "sex"])
    "did you mean 'arrival_date'?"
    >>> near_match("zzz", ["b", "a"])
    'known are: a, b'
    """
    names = sorted(known)
    near = nearest(name, names, 1)
    return f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(names)


def nearest(name: str, known: Iterable[str], most: int) -> list[str]:
    """Give the known names near to a misspelt one, the nearest first; maybe none.

    Examples
    --------
    >>> nearest("Calls_30", ["calls_7d", "calls_30d", "sex"], 2)
    ['calls_30d', 'calls_7d']
    >>> nearest("zzz", ["b", "a"], 2)
    []
    """
    written = {n.lower(): n for n in sorted(known, reverse=True)}
    near = get_close_matches(name.lower(), sorted(written), n=most, cutoff=0.6)
    return [written[one] for one in near]
