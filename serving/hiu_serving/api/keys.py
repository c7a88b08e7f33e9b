"""API keys: shown once, stored as hashes, compared in constant time, one role each.

A key is 256 random bits, so a plain SHA-256 of it can't be searched: the slow hashes that
passwords need would cost every request time and buy nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from hiu_risk.errors import UsageError
from hiu_risk.files import write_json

Role = Literal["score", "worklist"]
"""What a key may do; both may also ask for the status and the description of the API."""

ROLES: tuple[Role, ...] = get_args(Role)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Key:
    """One stored key: who holds it, what it may do, and the hash of its secret.

    Examples
    --------
    >>> Key("ambulance-desk", "score", digest="00" * 32, created_at="2026-01-05").role
    'score'
    """

    name: str
    role: Role
    digest: str
    created_at: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                "a key's name is 1 to 64 letters, digits, dots, dashes and underscores",
                where="API key",
            )
        if self.role not in ROLES:
            raise UsageError(f"a key's role is one of {', '.join(ROLES)}", where="API key")


def digest_of(secret: str) -> str:
    """Give the hex SHA-256 that stands for a key's secret on disk."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def read_keys(path: Path) -> tuple[Key, ...]:
    """Read the stored keys.

    Raises
    ------
    UsageError
        The file is missing or isn't a file of keys.
    """
    fix = "make a key with: hiu-risk serve --new-key NAME --role score --keys FILE"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema_version"] != _SCHEMA_VERSION:
            raise UsageError("keys of another schema version", where=str(path), fix=fix)
        keys = tuple(Key(**key) for key in data["keys"])
    except FileNotFoundError:
        raise UsageError("no file of API keys", where=str(path), fix=fix) from None
    except OSError as error:
        raise UsageError(f"can't read: {error.strerror}", where=str(path), fix=fix) from None
    except (ValueError, KeyError, TypeError):
        raise UsageError("not a file of API keys", where=str(path), fix=fix) from None
    return keys


def add_key(path: Path, name: str, role: Role, created_at: datetime) -> str:
    """Make a key, store its hash and give its secret: the only time anybody sees it.

    Raises
    ------
    UsageError
        The name is taken or not allowed, or the file can't be read or written.
    """
    keys = read_keys(path) if path.exists() else ()
    if any(key.name == name for key in keys):
        raise UsageError(f"a key named {name!r} exists", where=str(path), fix="choose another name")
    secret = f"hiu_{secrets.token_urlsafe(32)}"
    keys = (*keys, Key(name, role, digest_of(secret), created_at.isoformat()))
    write_json(path, {"schema_version": _SCHEMA_VERSION, "keys": [vars(key) for key in keys]})
    path.chmod(0o600)
    return secret


@dataclass
class KeyRing:
    """The stored keys, read again when their file changes: a key withdrawn stops working at once.

    If the file becomes unreadable no key works until it is mended.
    """

    path: Path
    _keys: tuple[Key, ...] = ()
    _stamp: tuple[int, int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, secret: str) -> Key | None:
        """Give the key of a secret, looking at every stored hash however early one fits."""
        digest = digest_of(secret)
        found = None
        for key in self._current():
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def _current(self) -> tuple[Key, ...]:
        with self._lock:
            try:
                status = self.path.stat()
                stamp = (status.st_mtime_ns, status.st_ino)
                if stamp != self._stamp:
                    self._keys, self._stamp = read_keys(self.path), stamp
            except (OSError, UsageError):
                self._keys, self._stamp = (), None
            return self._keys
