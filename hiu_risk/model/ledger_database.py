"""The ledger's table: one row per decision, which SQLite itself refuses to change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import NullPool

from hiu_risk.errors import DataError, UsageError

START = "0" * 64
"""What the first row has as the hash of the row before it."""

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
TRIGGERS = {
    "ledger_keeps_rows": f"BEFORE DELETE ON ledger {_REFUSE}",
    "ledger_keeps_values": f"BEFORE UPDATE ON ledger {_REFUSE}",
    "ledger_grows_at_its_end": (
        "BEFORE INSERT ON ledger WHEN NEW.sequence IS NOT"  # noqa: S608 - constants alone
        " (SELECT COALESCE(MAX(sequence), 0) + 1 FROM ledger)"
        " OR NEW.previous_hash IS NOT COALESCE("
        f"(SELECT hash FROM ledger ORDER BY sequence DESC LIMIT 1), '{START}')"
        f" {_REFUSE}"
    ),
}
"""Guards against a slip. The third also stops INSERT OR REPLACE, which no DELETE trigger sees."""


class Base(DeclarativeBase):
    """Base of the table."""


class LedgerRow(Base):
    """One row; ``content`` is the JSON that ``hash`` is taken of."""

    __tablename__ = "ledger"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str]
    previous_hash: Mapped[str]
    hash: Mapped[str]


def _guard(_table: Any, connection: Connection, **_: Any) -> None:
    for name, body in TRIGGERS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {body}")


event.listen(LedgerRow.__table__, "after_create", _guard)


@contextmanager
def writing(path: Path, wait_seconds: float) -> Iterator[Session]:
    """Give a session that alone may write, and commits at its end; makes the file if needed.

    Raises
    ------
    UsageError
        The folder can't be written to.
    DataError
        The file isn't a database, is locked for too long, or can't be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o640)
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(path),
            fix="choose a model home you may write to",
        ) from None
    with _said_plainly(path):
        engine = _engine(path, "BEGIN IMMEDIATE", wait_seconds)
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            yield session


@contextmanager
def reading(path: Path, wait_seconds: float) -> Iterator[Session | None]:
    """Give a session to read with; None where there is no ledger yet. Makes no file."""
    if not path.exists() or path.stat().st_size == 0:
        yield None
        return
    with _said_plainly(path), Session(_engine(path, "BEGIN", wait_seconds)) as session:
        yield session


def missing_guards(session: Session) -> list[str]:
    """Name the triggers that are gone or say something else."""
    found = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    written = {row.name: str(row.sql) for row in found}
    return [name for name, body in TRIGGERS.items() if not written.get(name, "").endswith(body)]


def _engine(path: Path, begin: str, wait_seconds: float) -> Engine:
    uri = f"{path.resolve().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=wait_seconds)
        connection.isolation_level = None  # a transaction begins where SQLAlchemy says so
        return connection

    def begin_now(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", begin_now)
    return engine


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        fix = "check that it is a SQLite file you may write to, and that the disk isn't full"
        if "locked" in str(error.orig):
            fix = "wait for the other command that is writing to it, then try again"
        elif "append-only" in str(error.orig):
            fix = "run hiu-risk models verify"
        raise DataError(
            f"the promotion ledger can't be used ({error.orig})", where=str(path), fix=fix
        ) from None
