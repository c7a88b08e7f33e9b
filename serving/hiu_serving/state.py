"""What serving remembers: every worklist ever made, in ``<home>/state.db`` (SQLite).

A worklist is never changed once written: making the list of a day again with another model
adds a second list of that day, and the latest one is the one in force. Making the very list that
is in force again adds nothing; making an earlier one again adds it once more, so that a wrong list
of a day is put right by making the right one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Engine,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    create_engine,
    event,
    select,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

from hiu_risk.errors import DataError, UsageError
from hiu_serving.worklist import Before, Worklist

SCHEMA_VERSION = 3
"""Of the database: 2 keeps what lowers a score, the concepts and what changed with each entry; 3
the interval of each chance, and whether places are reserved."""


class Base(DeclarativeBase):
    """Base of the tables."""


class WorklistRow(Base):
    """One worklist: what it was made from, and what it said about itself."""

    __tablename__ = "worklists"
    __table_args__ = (
        UniqueConstraint("content_hash"),
        Index("ix_worklists_purpose_as_of", "purpose", "as_of"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[str] = mapped_column(String(32))
    as_of: Mapped[int] = mapped_column(BigInteger)
    purpose: Mapped[str] = mapped_column(String(64))
    bundle_id: Mapped[str] = mapped_column(String(64))
    content_hash: Mapped[str] = mapped_column(String(64))
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)
    entries: Mapped[list[EntryRow]] = relationship(
        back_populates="worklist", order_by="EntryRow.rank", cascade="all, delete-orphan"
    )


class EntryRow(Base):
    """One name on a worklist."""

    __tablename__ = "worklist_entries"
    __table_args__ = (UniqueConstraint("worklist_id", "person"),)

    worklist_id: Mapped[int] = mapped_column(ForeignKey("worklists.id"), primary_key=True)
    rank: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(String(128))
    score: Mapped[float]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    worklist: Mapped[WorklistRow] = relationship(back_populates="entries")


@dataclass(frozen=True)
class State:
    """The database of one model home.

    Examples
    --------
    >>> import tempfile
    >>> State.open(tempfile.mkdtemp()).before(0, purpose="any") is None
    True
    """

    engine: Engine
    path: Path

    @classmethod
    def open(cls, home: str | Path) -> State:
        """Open the database of a model home; the first time it is made.

        Raises
        ------
        UsageError
            The folder can't be written to.
        DataError
            The file there isn't a database.
        """
        path = Path(home) / "state.db"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"can't make the folder: {error.strerror}",
                where=str(path.parent),
                fix="choose a model home you may write to",
            ) from None
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        event.listen(engine, "connect", _keep_foreign_keys)
        state = cls(engine, path)
        with state._said_plainly():
            _prepare(engine, path)
        path.chmod(0o640)
        return state

    @classmethod
    def open_existing(cls, home: str | Path) -> State | None:
        """Open the database if there is one; never make it."""
        return cls.open(home) if (Path(home) / "state.db").is_file() else None

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def add(self, worklist: Worklist, made_at: datetime) -> int:
        """Keep a worklist, which is then in force, and give its number.

        If it is in force already, it keeps its number.
        """
        content = asdict(worklist)
        entries = content.pop("entries")
        text = json.dumps([content, entries], sort_keys=True, allow_nan=False)
        content_hash = _hash(text)
        with self._said_plainly(), Session(self.engine) as session, session.begin():
            in_force = session.scalar(_latest(worklist.as_of))
            if in_force is not None and _text(in_force) == text:
                return in_force.id
            earlier = select(WorklistRow.id).where(WorklistRow.content_hash == content_hash)
            if in_force is not None and session.scalar(earlier) is not None:
                # No two rows have one hash: that of a list made again is of what it replaces, too.
                content_hash = _hash(f"{text}\nagain, after {in_force.id}")
            row = WorklistRow(
                made_at=made_at.isoformat(),
                as_of=worklist.as_of,
                purpose=worklist.purpose,
                bundle_id=worklist.bundle_id,
                content_hash=content_hash,
                summary=content,
                entries=[
                    EntryRow(rank=e["rank"], person=e["person"], score=e["score"], content=e)
                    for e in entries
                ],
            )
            session.add(row)
            session.flush()
            return row.id

    def latest(self, as_of: int | None = None) -> Worklist | None:
        """Give the latest list of this index date, or of the latest one there is."""
        with self._said_plainly(), Session(self.engine) as session:
            row = session.scalar(_latest(as_of))
            return None if row is None else _worklist(row)

    def before(self, as_of: int, purpose: str) -> Before | None:
        """Give the list before this date, or None.

        It is the latest of those with the same purpose (definition, target and horizon) whose
        index date is earlier.
        """
        query = (
            select(WorklistRow.id, WorklistRow.as_of, WorklistRow.bundle_id)
            .where(WorklistRow.purpose == purpose, WorklistRow.as_of < as_of)
            .order_by(WorklistRow.as_of.desc(), WorklistRow.id.desc())
            .limit(1)
        )
        with self._said_plainly(), Session(self.engine) as session:
            found = session.execute(query).one_or_none()
            if found is None:
                return None
            ranks = session.execute(
                select(EntryRow.person, EntryRow.rank).where(EntryRow.worklist_id == found.id)
            )
            ranked = {row.person: row.rank for row in ranks}
            return Before(found.as_of, ranked, found.bundle_id)

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise DataError(
                f"the database of worklists can't be used ({type(error.orig).__name__})",
                where=str(self.path),
                fix="check that it is a SQLite file you may write to, and that the disk isn't full",
            ) from None


def _latest(as_of: int | None = None) -> Select[WorklistRow]:
    """Look for the latest list of this index date, or of the latest one there is."""
    query = (
        select(WorklistRow)
        .options(selectinload(WorklistRow.entries))
        .order_by(WorklistRow.as_of.desc(), WorklistRow.id.desc())
        .limit(1)
    )
    return query if as_of is None else query.where(WorklistRow.as_of == as_of)


def _text(row: WorklistRow) -> str:
    kept = [row.summary, [entry.content for entry in row.entries]]
    return json.dumps(kept, sort_keys=True, allow_nan=False)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _worklist(row: WorklistRow) -> Worklist:
    return Worklist.from_dict({**row.summary, "entries": [entry.content for entry in row.entries]})


def _prepare(engine: Engine, path: Path) -> None:
    """Make the tables of a new file, and bring those of an earlier version up to date.

    Versions 1 (which SQLite says as 0) and 2 have the same tables: their lists say less, and are
    read as they are. Nothing kept is rewritten. Two processes may come here at once: both find or
    make the same.
    """
    with engine.connect() as connection:
        found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if found > SCHEMA_VERSION:
        raise DataError(
            f"the database of worklists has schema version {found}, this program knows "
            f"{SCHEMA_VERSION}",
            where=str(path),
            fix="upgrade hiu-risk",
        )
    Base.metadata.create_all(engine)
    if found < SCHEMA_VERSION:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _keep_foreign_keys(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
