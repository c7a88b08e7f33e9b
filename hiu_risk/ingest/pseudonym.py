"""Identifiers into pseudonyms: HMAC-SHA256 under a key that never lies beside the data."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from hiu_risk.errors import UsageError
from hiu_risk.ingest.mapping import Mapping

SHORTEST_KEY = 32
_LENGTH = 32  # hex digits: 128 bits, so that a chance collision is out of reach
_MAKE_ONE = (
    "make one with  python -c 'import secrets; print(secrets.token_hex(32))'  and keep it "
    "where you keep passwords"
)


def pseudonym(key: bytes, identifier: str, about: str = "person") -> str:
    """Give the pseudonym of an identifier: 32 hex digits.

    Parameters
    ----------
    key : bytes
        The secret.
    identifier : str
        Already normalised, see :func:`normalised`.
    about : str
        ``person`` or ``address``: the same text means different things.

    Examples
    --------
    >>> len(pseudonym(b"k" * 32, "9990000018"))
    32
    """
    digest = hmac.digest(key, f"{about}:{identifier}".encode(), "sha256")
    return digest.hex()[:_LENGTH]


def normalised(identifier: str, kind: str) -> str:
    """Write an identifier one way: NHS numbers without spaces, addresses in one case.

    Examples
    --------
    >>> normalised("999 000 0018", "nhs_number"), normalised(" High  St|Upton", "address")
    ('9990000018', 'HIGH ST|UPTON')
    """
    if kind == "nhs_number":
        return "".join(identifier.split()).replace("-", "")
    words = " ".join(identifier.split())
    return words.upper() if kind == "address" else words


def is_nhs_number(text: str) -> bool:
    """Test the check digit of a ten-digit NHS number.

    The first nine digits are weighted 10 to 2; eleven minus the sum modulo eleven is the tenth,
    with 11 written 0, and 10 never issued.

    Examples
    --------
    >>> is_nhs_number("9434765919"), is_nhs_number("9434765918")
    (True, False)
    """
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(
        int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False)
    )
    check = 11 - weighted % 11
    return int(text[9]) == (0 if check == 11 else check)


def key_check(key: bytes) -> str:
    """Give a short mark that tells two keys apart without saying anything about them."""
    return hmac.digest(key, b"hiu-risk key check", "sha256").hex()[:8]


def read_key(mapping: Mapping, store: Path) -> bytes:
    """Read the key from the environment, else from the mapping's key file.

    Raises
    ------
    UsageError
        There is none, it is too short, or its file lies in the store, beside a feed or inside
        a git repository.
    """
    text = os.environ.get(mapping.key_env, "")
    where = f"environment variable {mapping.key_env}"
    if not text and mapping.key_file is not None:
        where = f"key file {mapping.key_file}"
        _check_place(mapping, store, mapping.key_file.resolve())
        try:
            text = mapping.key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise UsageError("can't read the pseudonym key", where=where, fix=_MAKE_ONE) from None
    text = text.strip()
    if not text:
        raise UsageError("there is no pseudonym key", where=where, fix=_MAKE_ONE)
    if len(text) < SHORTEST_KEY:
        raise UsageError(
            f"the pseudonym key is shorter than {SHORTEST_KEY} characters",
            where=where,
            fix=_MAKE_ONE,
        )
    return text.encode()


def _check_place(mapping: Mapping, store: Path, file: Path) -> None:
    beside = {path.resolve().parent for feed in mapping.feeds for path in feed.files}
    in_repository = any((parent / ".git").exists() for parent in file.parents)
    if store.resolve() in file.parents or beside & {*file.parents} or in_repository:
        raise UsageError(
            "the pseudonym key lies in the store, beside the data or in a repository",
            where=str(file),
            fix="move it to a place of its own, or give it in the environment",
        )
