"""The mapping: which of your columns is what, as frozen objects."""

from __future__ import annotations

import re
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hiu_risk.codes import Vocabulary
from hiu_risk.counting import Counting
from hiu_risk.schema import FeedTable

KEY_ENV = "HIU_RISK_PSEUDONYM_KEY"
MAX_REJECTED = 0.1
"""Share of a feed's rows that may be rejected. More than that is a mistake in the mapping or the
extract, and the rows that pass may be wrong too: of British dates read as American ones, those up
to the 12th of a month pass with day and month swapped."""


@dataclass(frozen=True)
class ValueMap:
    """Raw codes to our names: exact first, then prefixes, patterns, our own names, the default."""

    exact: Mapped[str, str]
    prefix: Mapped[str, str] = field(default_factory=dict)
    regex: Mapped[str, str] = field(default_factory=dict)
    default: str | None = None

    def name_of(self, raw: str, vocabulary: Vocabulary) -> tuple[str | None, bool]:
        """Translate a raw text.

        Returns
        -------
        name : str or None
            Our name; None where the code is unknown and there is no default.
        by_default : bool
            The default was taken.

        Examples
        --------
        >>> from hiu_risk.codes import SEX
        >>> ValueMap({"1": "male"}, {"F": "female"}, default="other").name_of("Fem", SEX)
        ('female', False)
        """
        if raw in self.exact:
            return self.exact[raw], False
        for start, name in self.prefix.items():
            if raw.startswith(start):
                return name, False
        for pattern, name in self.regex.items():
            if re.search(pattern, raw):
                return name, False
        if raw in vocabulary.names:
            return raw, False
        return self.default, self.default is not None


@dataclass(frozen=True)
class RowFilter:
    """Keep only rows whose raw column fits."""

    column: str
    starts_with: str = ""
    equals: tuple[str, ...] = ()
    matches: str = ""

    def keeps(self, raw: str) -> bool:
        """Tell whether a row with this text stays."""
        if self.equals:
            return raw in self.equals
        if self.matches:
            return re.search(self.matches, raw) is not None
        return raw.startswith(self.starts_with)


@dataclass(frozen=True)
class FeedMapping:
    """One ``[[feed]]`` of the mapping; see ``docs/how-to/ingest.md`` for each key.

    Times are UTC seconds, ``delay`` is in seconds.
    """

    name: str
    table: FeedTable
    files: tuple[Path, ...]
    columns: Mapped[str, tuple[str, ...]]
    zone: str
    where: str
    member: str = ""
    format: Literal["csv", "parquet", ""] = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    missing: tuple[str, ...] = ()
    allow_empty: bool = False
    max_rejected: float = MAX_REJECTED
    delay: int = 0
    extract_until: int | None = None
    starts_at: int | None = None
    complete_until: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    dates: Mapped[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapped[str, ValueMap] = field(default_factory=dict)
    constants: Mapped[str, str] = field(default_factory=dict)
    filter: RowFilter | None = None
    column_where: Mapped[str, str] = field(default_factory=dict)

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """Every raw column that is read, each once."""
        names = [raw for raws in self.columns.values() for raw in raws]
        return tuple(dict.fromkeys([*names, *([self.filter.column] if self.filter else [])]))


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file."""

    path: Path
    zone: str
    entity: str
    counting: Counting
    feeds: tuple[FeedMapping, ...]
    gap: int = 0
    identity_kind: str = "local_id"
    invalid_identity: str = "unlink"
    min_confidence: float = 0.0
    key_env: str = KEY_ENV
    key_file: Path | None = None
