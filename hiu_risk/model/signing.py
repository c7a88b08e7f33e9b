"""Who answers for a decision, and why: words that are kept for good, so nobody may be in them."""

from __future__ import annotations

import re

from hiu_risk.errors import UsageError

LONGEST_NAME, LONGEST_REASON = 100, 1_000

_PSEUDONYM = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")


def check_who(who: str) -> str:
    """Give the name of the person who answers for a decision, in one line.

    Examples
    --------
    >>> check_who("  Dr  A. Reader ")
    'Dr A. Reader'
    """
    name = _one_line(who)
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(
            f"a decision needs a name of at most {LONGEST_NAME} characters",
            where="--who",
            fix="name the person who answers for it",
        )
    return about_nobody(name, "--who")


def check_reason(reason: str, *, needed: bool = False, where: str = "--reason") -> str:
    """Give the reason in one line.

    Raises
    ------
    UsageError
        Too long, missing where needed, or holding an NHS number or a person's pseudonym.
    """
    words = _one_line(reason)
    if len(words) > LONGEST_REASON or (needed and not words):
        raise UsageError(
            f"this needs a reason of at most {LONGEST_REASON:,} characters",
            where=where,
            fix="say why in a sentence or two",
        )
    return about_nobody(words, where)


def _one_line(words: str) -> str:
    kept = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(kept.split())


def about_nobody(
    words: str,
    where: str,
    fix: str = "say it without naming anybody: the ledger is kept for good",
) -> str:
    """Refuse words that hold what looks like an NHS number or a person's pseudonym.

    Examples
    --------
    >>> about_nobody("two calls were missed in May", "--reason")
    'two calls were missed in May'
    """
    from hiu_risk.ingest.pseudonym import is_nhs_number

    numbers = (re.sub("[ -]", "", found) for found in _TEN_DIGITS.findall(words))
    if _PSEUDONYM.search(words) or any(map(is_nhs_number, numbers)):
        raise UsageError(
            "the text holds what looks like an NHS number or a person's pseudonym",
            where=where,
            fix=fix,
        )
    return words
