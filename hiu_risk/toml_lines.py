"""TOML with line numbers: so that a complaint about a key can say where it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiu_risk.errors import UsageError, near_match

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\" ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_\-.]+)\s*=")


@dataclass(frozen=True)
class TomlFile:
    """A parsed TOML file and the line of each of its keys.

    Parameters
    ----------
    path : Path
        The file.
    data : dict
        Its content.
    lines : dict
        Line of each key by its path, such as ``("feed", 0, "columns", "event_id")``.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[tuple[str | int, ...], int]

    def where(self, *key: str | int) -> str:
        """Say where a key stands: file, line and the key itself."""
        for length in range(len(key), 0, -1):
            if line := self.lines.get(key[:length]):
                return f"{self.path.name} line {line}, {_dotted(key)}"
        return f"{self.path.name}, {_dotted(key)}"

    def check_keys(self, table: Mapping[str, Any], known: Iterable[str], *at: str | int) -> None:
        """Refuse a key that is not known, naming its line and the near match."""
        names = list(known)
        for key in table:
            if key not in names:
                raise UsageError(
                    f"unknown key {key!r}", where=self.where(*at, key), fix=near_match(key, names)
                )


def _dotted(key: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in key if isinstance(part, str))


def read_toml(path: Path) -> TomlFile:
    r"""Read a TOML file.

    Raises
    ------
    UsageError
        The file is missing, or is not TOML.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.toml"
    >>> _ = file.write_text("[store]\nzone = 'UTC'\n", encoding="utf-8")
    >>> read_toml(file).where("store", "zone")
    'a.toml line 2, store.zone'
    """
    text = text_of(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"not valid TOML: {error}", where=str(path), fix="correct that line"
        ) from None
    return TomlFile(path, data, _lines_of(text))


def text_of(path: Path, fix: str = "check the path") -> str:
    """Read a text file, with or without a byte order mark; its lines end in plain line feeds.

    Raises
    ------
    UsageError
        The file can't be read (with ``fix`` as the advice), or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"can't read the file: {error.strerror}", where=str(path), fix=fix
        ) from None
    except UnicodeDecodeError:
        raise UsageError("not UTF-8 text", where=str(path), fix="save it as UTF-8") from None
    return text.replace("\r\n", "\n")


def _lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    # Good enough for messages: headers and simple keys; text inside multi-line strings may
    # be taken for a key, which does no harm.
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    at: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names = [part.strip().strip('"') for part in header[2].split(".")]
            if header[1] == "[[":
                name = ".".join(names)
                counts[name] = counts.get(name, -1) + 1
            at = _numbered(names, counts)
            lines.setdefault(at, number)
        elif key := _KEY.match(line):
            bare = key[1]
            parts = [bare[1:-1]] if bare[0] in "\"'" else bare.split(".")
            lines.setdefault((*at, *parts), number)
            lines.setdefault((*at, parts[0]), number)
    return lines


def _numbered(names: list[str], counts: Mapping[str, int]) -> tuple[str | int, ...]:
    at: list[str | int] = []
    for depth, name in enumerate(names, 1):
        at.append(name)
        place = counts.get(".".join(names[:depth]))
        if place is not None:
            at.append(place)
    return tuple(at)
