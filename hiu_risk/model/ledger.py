"""The promotion ledger: who made which model champion, when, and on what evidence.

Rows of ``<home>/ledger.db`` are added and never changed: the database refuses UPDATE, DELETE and
rows out of turn, and each row carries the hash of the row before it. Whoever may write the file
can take those guards away, so :meth:`Ledger.verify` works every hash out again. A chain alone
doesn't show that its last rows were cut off: the newest hash is also kept in
``<home>/ledger.head``, which is there before the first row and at most one row behind.

The ledger is the truth about the champion; ``aliases.json`` follows it (:meth:`Ledger.settle`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from hiu_risk.errors import ModelError, UsageError, near_match
from hiu_risk.files import write_json
from hiu_risk.model.home import ModelHome
from hiu_risk.model.ledger_database import START, LedgerRow, missing_guards, reading, writing
from hiu_risk.model.ledger_entry import (
    CROWNING,
    Action,
    Entry,
    problems_of,
    standing,
    to_entry,
    to_row,
)
from hiu_risk.model.manifest import BundleError, digest
from hiu_risk.model.signing import check_reason, check_who

__all__ = ["CROWNING", "WAIT_SECONDS", "Action", "Entry", "Ledger", "standing"]

WAIT_SECONDS = 30.0
"""How long to wait for another command that is writing."""


class Ledger:
    """The ledger of one model home.

    Parameters
    ----------
    home : Path, str or ModelHome
        Its folder; nothing is made there before the first row.
    wait_seconds : float
        How long to wait for another writer.

    Examples
    --------
    >>> import tempfile
    >>> ledger = Ledger(tempfile.mkdtemp())
    >>> entry = ledger.append(at=0, action="incident", version="0" * 12, who="A. Reader")
    >>> [row.sequence for row in ledger.entries()], ledger.verify(), ledger.champion
    ([1], [], '')
    """

    def __init__(self, home: Path | str | ModelHome, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.home = home if isinstance(home, ModelHome) else ModelHome(home)
        self.path = self.home.path / "ledger.db"
        self.head_path = self.home.path / "ledger.head"
        self.wait_seconds = wait_seconds

    def entries(self) -> list[Entry]:
        """Give every row, oldest first; none where there is no ledger yet.

        Raises
        ------
        DataError
            The database can't be read, or a row isn't one of the ledger's.
        """
        with reading(self.path, self.wait_seconds) as session:
            return [to_entry(row, self.path) for row in _rows(session)]

    @property
    def champion(self) -> str:
        """Which version the ledger says is champion; empty if it never said."""
        return "".join(standing(self.entries())[-1:])

    def append(
        self,
        *,
        at: int,
        action: Action,
        version: str,
        who: str,
        reason: str = "",
        alias: str = "champion",
        previous_version: str | None = None,
        override: bool = False,
        gates: Sequence[Mapping[str, str]] = (),
        evidence: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Add a row in one transaction, then let the aliases follow.

        Parameters
        ----------
        previous_version : str, optional
            The champion that the decision was taken against. Where the ledger's is another by
            now, nothing is written.

        Raises
        ------
        UsageError
            No such action; a name or a reason that can't be kept.
        ModelError
            The champion changed in the meantime, the chain is broken, no such bundle.
        DataError
            The database can't be written to.
        """
        _check(action, version)
        who, reason = check_who(who), check_reason(reason)
        if action in CROWNING:
            self.home.folder(version)
        with writing(self.path, self.wait_seconds) as session:
            known = self._whole(session)
            champion = "".join(standing(known)[-1:])
            before = (previous_version or "")[:12]
            if champion and previous_version is not None and before != champion:
                raise ModelError(
                    f"the champion became {champion} while this was being decided",
                    where=str(self.path),
                    fix="look at hiu-risk models, and decide again",
                )
            entry = Entry(
                len(known) + 1, at, action, version[:12], who, reason, alias,
                champion or before, override, [dict(gate) for gate in gates],
                dict(evidence or {}), known[-1].hash if known else START,
            )  # fmt: skip
            entry = replace(entry, hash=digest(entry.content()))
            self._head_follows(known)  # so that whoever is killed leaves it one row behind at most
            session.add(to_row(entry))
        self.settle()
        return entry

    def settle(self, *, head: str | None = None) -> list[str]:
        """Let ``ledger.head`` and ``aliases.json`` follow the ledger; name those put right.

        A command that was killed after its row was written leaves them behind; the next one
        ends its work. Where a row was changed or cut off, nothing is put right.

        Parameters
        ----------
        head : str, optional
            The newest hash as it was noted elsewhere: allows a lost ``ledger.head`` to be
            written again.
        """
        with reading(self.path, self.wait_seconds) as session:
            if session is None:
                return self._set_aside()
        with writing(self.path, self.wait_seconds) as session:
            known = self._whole(session, head)
            done = ["ledger.head"] if known and self._head_follows(known) else []
            aside = self._set_aside()
            champion = "".join(standing(known)[-1:])
            if champion and self.home.aliases().get("champion", "") != champion:
                self.home.set_alias("champion", champion)
                return done + (aside or ["aliases.json"])
            return done + aside

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off every other writer of this home for as long as the block lasts."""
        with writing(self.path, self.wait_seconds):
            yield

    def verify(self, noted: str | None = None) -> list[str]:
        """Check every hash, the database's guards and ``ledger.head``; gives what is wrong.

        An empty list doesn't prove all: whoever may write to the folder can write a whole new
        ledger with its head. Only a hash noted elsewhere shows that.

        Parameters
        ----------
        noted : str, optional
            A hash noted elsewhere, or at least its first 12 characters: some row must have it.
        """
        with reading(self.path, self.wait_seconds) as session:
            rows = _rows(session)
            gone = [] if session is None else missing_guards(session)
        problems = [f"the database's guard {name} is gone" for name in gone]
        problems += problems_of(rows, self._head())
        if noted is not None and not _is_among(noted, rows):
            problems.append("no row has the hash you noted: the ledger was rewritten or cut off")
        return problems

    def _set_aside(self) -> list[str]:
        """Keep an unreadable ``aliases.json`` under another name; says so."""
        try:
            self.home.aliases()
        except BundleError:
            path = self.home.path / "aliases.json"
            aside = path.with_name(f"{path.name}.unreadable")
            number = 1
            while aside.exists():
                number += 1
                aside = path.with_name(f"{path.name}.unreadable-{number}")
            path.rename(aside)
            return [
                f"aliases.json: it could not be read and is kept as {aside.name}; who was "
                "challenger is lost"
            ]
        return []

    def _head_follows(self, known: Sequence[Entry]) -> bool:
        """Write the newest hash into ``ledger.head``; tells whether it was behind."""
        newest = {
            "sequence": known[-1].sequence if known else 0,
            "hash": known[-1].hash if known else START,
        }
        if self._head() == newest:
            return False
        write_json(self.head_path, newest)
        return True

    def _head(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.head_path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return {}

    def _whole(self, session: Session, head: str | None = None) -> list[Entry]:
        """Read the rows, refusing them if one was changed or cut off."""
        rows = _rows(session)
        for problem in problems_of(rows, self._head(), head):
            raise ModelError(
                problem,
                where=str(self.path),
                fix="run hiu-risk models verify, and restore the ledger from a copy",
            )
        return [to_entry(row, self.path) for row in rows]


def _check(action: str, version: str) -> None:
    if action not in get_args(Action):
        raise UsageError(f"no action {action!r}", fix=near_match(action, get_args(Action)))
    if not re.fullmatch(r"[0-9a-f]{12,64}", version):
        raise UsageError("not a model version", where="ledger", fix="see hiu-risk models")


def _is_among(noted: str, rows: Sequence[LedgerRow]) -> bool:
    return len(noted) >= 12 and any(row.hash.startswith(noted) for row in rows)


def _rows(session: Session | None) -> Sequence[LedgerRow]:
    if session is None:
        return []
    return session.scalars(select(LedgerRow).order_by(LedgerRow.sequence)).all()
