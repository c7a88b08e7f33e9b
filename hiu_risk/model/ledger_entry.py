"""One row of the promotion ledger, and what a sequence of them says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from hiu_risk.errors import DataError
from hiu_risk.model.ledger_database import START, LedgerRow
from hiu_risk.model.manifest import digest

Action = Literal["first", "promote", "rollback", "mitigation", "incident"]
CROWNING = ("first", "promote", "rollback")
"""The actions that change the champion."""


@dataclass(frozen=True)
class Entry:
    """One row of the ledger.

    Parameters
    ----------
    sequence : int
        From 1, without gaps.
    at : int
        UTC seconds.
    action : str
        ``first`` (training's own first champion), ``promote``, ``rollback``, ``mitigation``
        (of unfairness), ``incident`` (something to remember).
    version : str
        The model: after a rollback, the one gone back to.
    who, reason : str
        Who answers for it and why, in their words.
    alias : str
        Which alias it is about.
    previous_version : str
        The champion before; empty if there was none.
    override : bool
        True: promoted although a gate was not passed.
    gates : list of dict
        ``name``, ``outcome`` (passed, failed, insufficient evidence) and ``detail`` of each.
    evidence : dict
        Hashes of what was decided on, MLflow's run.
    previous_hash, hash : str
        That of the row before; the SHA-256 of all of the above.
    """

    sequence: int
    at: int
    action: Action
    version: str
    who: str
    reason: str = ""
    alias: str = "champion"
    previous_version: str = ""
    override: bool = False
    gates: list[dict[str, str]] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)
    previous_hash: str = START
    hash: str = ""

    @property
    def other_gates(self) -> bool:
        """Whether it was decided by gates that are not those of the model's own protocol."""
        return bool(self.evidence.get("gates_of_another_protocol"))

    def content(self) -> dict[str, Any]:
        """Give everything but the row's own hash."""
        return {name: value for name, value in asdict(self).items() if name != "hash"}


def standing(entries: Sequence[Entry]) -> list[str]:
    """Give the champions not rolled back, oldest first: the last one is the champion.

    Going back twice goes back two steps, not forward again.

    Examples
    --------
    >>> def row(action, version):
    ...     return Entry(1, 0, action, version, "A. Reader")
    >>> steps = [row("first", "a"), row("promote", "b"), row("promote", "c")]
    >>> standing(steps), standing([*steps, row("rollback", "b")])
    (['a', 'b', 'c'], ['a', 'b'])
    """
    stack: list[str] = []
    for entry in entries:
        if entry.action not in CROWNING or entry.alias != "champion":
            continue
        if not stack and entry.previous_version:  # champion before there was a ledger
            stack.append(entry.previous_version)
        if entry.action == "rollback" and entry.version in stack:
            while stack[-1] != entry.version:
                stack.pop()
        elif stack[-1:] != [entry.version]:
            stack.append(entry.version)
    return stack


def to_row(entry: Entry) -> LedgerRow:
    """Give the database's row of an entry."""
    return LedgerRow(
        sequence=entry.sequence,
        content=json.dumps(entry.content(), sort_keys=True, ensure_ascii=False),
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )


def to_entry(row: LedgerRow, path: Path) -> Entry:
    """Read an entry back from the database's row.

    Raises
    ------
    DataError
        It isn't one.
    """
    try:
        return Entry(**json.loads(row.content), hash=row.hash)
    except (ValueError, TypeError):
        raise DataError(
            f"row {row.sequence} of the ledger can't be read",
            where=str(path),
            fix="run hiu-risk models verify, and restore the ledger from a copy",
        ) from None


def problems_of(
    rows: Sequence[LedgerRow], head: Mapping[str, Any] | None, newest: str | None = None
) -> list[str]:
    """Work every hash out again, and compare the chain with the head kept outside it.

    Parameters
    ----------
    rows : sequence of LedgerRow
        By sequence.
    head : dict or None
        What ``ledger.head`` says; None where there is no such file.
    newest : str, optional
        The newest hash as somebody noted it: believed instead of the head.
    """
    problems: list[str] = []
    before = START
    for place, row in enumerate(rows, start=1):
        if row.sequence != place:
            return [*problems, f"row {place} is missing"]
        if row.previous_hash != before:
            problems.append(f"row {place} doesn't follow the row before it")
        if _hash_of(row) != row.hash:
            problems.append(f"row {place} was changed after it was written")
        before = row.hash
    return problems + _problems_of_head(head, [row.hash for row in rows], newest)


def _hash_of(row: LedgerRow) -> str:
    try:
        content = json.loads(row.content)
        same = (content["sequence"], content["previous_hash"]) == (row.sequence, row.previous_hash)
        return digest(content) if same else ""
    except (ValueError, TypeError, KeyError):
        return ""


def _problems_of_head(
    head: Mapping[str, Any] | None, hashes: Sequence[str], newest: str | None
) -> list[str]:
    """Compare the chain with the newest hash kept outside it, which may be one row behind."""
    if newest is not None:
        right = bool(hashes) and len(newest) >= 12 and hashes[-1].startswith(newest)
        return [] if right else ["the newest row is not the one you noted"]
    if head is None:  # it is written before the first row
        return ["ledger.head is gone: rows may have been cut off"] if hashes else []
    sequence, known = head.get("sequence"), head.get("hash")
    if not isinstance(sequence, int) or not isinstance(known, str) or sequence < 0:
        return ["ledger.head can't be read: rows may have been cut off"]
    if sequence == 0 and known != START:
        return ["ledger.head can't be read: rows may have been cut off"]
    if sequence > len(hashes):
        return [f"the ledger's end was cut off: it has {len(hashes)} rows, but had {sequence}"]
    if (START, *hashes)[sequence] != known:
        return [f"row {sequence} is not the one that ledger.head knows: the chain was rewritten"]
    # A command killed after its row was written leaves the head one row behind.
    if sequence < len(hashes) - 1:
        return [f"ledger.head is an old one: it knows {sequence} rows of {len(hashes)}"]
    return []
