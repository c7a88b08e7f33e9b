"""What packs printed, kept in the model home: what protects the next pack of the same quarter.

Printed counts and hashes alone, never an exact number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hiu_risk.errors import DataError
from hiu_risk.files import write_json
from hiu_risk.suppression import Shown

Earlier = Mapping[str, tuple["PrintedTable", ...]]
"""Tables by name, the one printed first first."""


class PrintedTable(BaseModel):
    """The counts of one table of a pack, as printed.

    Parameters
    ----------
    name : str
        Which table, of which quarter: packs with tables of the same name can be subtracted.
    made_of, lists : str
        Hashes of all that was counted, and of the lists alone: equal ones mean equal counts.
    shown : dict of str to count
        As printed.
    sums : dict of str to tuple of str
        Total to parts.
    dated : str
        The day of the pack.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    made_of: str
    lists: str
    shown: dict[str, Shown]
    sums: dict[str, tuple[str, ...]]
    dated: str


def hash_of(*parts: object) -> str:
    """Give a hash of what a table is made of.

    Examples
    --------
    >>> hash_of("a", 1) == hash_of("a", 1), hash_of("a", 1) == hash_of("a", 2)
    (True, False)
    """
    text = json.dumps(parts, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def printed_before(home: Path) -> dict[str, tuple[PrintedTable, ...]]:
    """Read every table that a pack of this model home printed.

    Raises
    ------
    DataError
        A kept table can't be read: without it the next pack can't be protected.
    """
    found = []
    for path in sorted((home / "board").glob("*.json")):
        try:
            found.append(PrintedTable.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            raise DataError(
                "what an earlier board pack printed can't be read, so this one can't be protected "
                "from subtraction",
                where=str(path),
                fix="restore the file from a copy, or move it away if the pack was never published",
            ) from None
    tables: dict[str, tuple[PrintedTable, ...]] = {}
    for table in sorted(found, key=lambda t: (t.dated, t.made_of)):
        tables[table.name] = (*tables.get(table.name, ()), table)
    return tables


def keep_printed(home: Path, tables: Iterable[PrintedTable]) -> None:
    """Keep what a pack prints; a table made of the same again is kept once."""
    for table in tables:
        path = home / "board" / f"{hash_of(table.name, table.made_of)[:16]}.json"
        if not path.exists():
            write_json(path, table.model_dump(mode="json"))
