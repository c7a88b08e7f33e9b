"""What people decided about listed names: one row a decision, added and never changed.

A decision is about one person on the lists of one index date. Deciding again adds a row, and the
latest row is the one in force. Reasons come from a short list, so that they can be counted; a
free note stays in the database of the team.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hiu_risk.errors import DataError, UsageError, near_match
from hiu_serving.state import Base, EntryRow, State, WorklistRow

Answer = Literal["accepted", "declined", "deferred"]
REASONS: dict[Answer, tuple[str, ...]] = {
    "accepted": ("offer_help", "refer_elsewhere"),
    "declined": (
        "already_supported",
        "wrong_person",
        "moved_or_died",
        "said_no",
        "need_met",
        "not_suitable",
        "other",
    ),
    "deferred": ("no_capacity", "not_reached", "more_information_needed", "in_hospital", "other"),
}
"""The reasons that may be given for each answer."""

COLUMNS = ("person", "decision", "reason", "reviewer", "note")
"""Columns of a file of decisions; the note may be left out."""

LONGEST_NAME, LONGEST_NOTE = 100, 1_000


class DecisionRow(Base):
    """One decision about one listed person."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    worklist_id: Mapped[int] = mapped_column(ForeignKey("worklists.id"), index=True)
    person: Mapped[str] = mapped_column(String(128))
    answer: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(32))
    reviewer: Mapped[str] = mapped_column(String(LONGEST_NAME))
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    decided_at: Mapped[str] = mapped_column(String(32))


@dataclass(frozen=True)
class Decision:
    """What somebody decided about a listed person.

    Parameters
    ----------
    person : str
        The pseudonym.
    answer : str
        ``accepted``, ``declined`` or ``deferred``.
    reason : str
        One of :data:`REASONS` of that answer.
    reviewer : str
        Who decided.
    note : str
        Anything else; it never leaves the database.

    Examples
    --------
    >>> Decision("p1", "declined", "said_no", "A. Reviewer").note
    ''
    """

    person: str
    answer: Answer
    reason: str
    reviewer: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.answer not in REASONS:
            raise UsageError(
                "no such decision", where="decision", fix=near_match(self.answer, REASONS)
            )
        if self.reason not in REASONS[self.answer]:
            raise UsageError(
                f"not a reason to have {self.answer}",
                where="reason",
                fix=near_match(self.reason, REASONS[self.answer]),
            )
        if not self.reviewer.strip() or len(self.reviewer) > LONGEST_NAME:
            raise UsageError(
                f"a reviewer's name has 1 to {LONGEST_NAME} characters", where="reviewer"
            )
        if len(self.note) > LONGEST_NOTE:
            raise UsageError(f"a note has at most {LONGEST_NOTE:,} characters", where="note")


def record(state: State, as_of: int, decisions: Iterable[Decision], decided_at: datetime) -> int:
    """Keep decisions about the lists of an index date: all of them, or none.

    A pseudonym may be written in capitals where that means one person on a list. Where a date has
    lists of several purposes, a decision counts for each that the person is on.

    Returns
    -------
    int
        How many were added.

    Raises
    ------
    DataError
        There is no list of that date, or somebody isn't on it.
    """
    given = list(decisions)
    DecisionRow.metadata.create_all(state.engine)
    with state._said_plainly(), Session(state.engine) as session, session.begin():
        lists = _lists_of(session, as_of)
        for place, decision in enumerate(given, start=1):
            on = [
                (worklist, person)
                for worklist, people in lists.items()
                if (person := _as_listed(decision.person, people)) is not None
            ]
            if not on:
                raise DataError(
                    "that person is not on the list of that date",
                    where=f"decision {place}",
                    fix="copy the pseudonym from the list",
                )
            session.add_all(
                _row(replace(decision, person=person), worklist, decided_at)
                for worklist, person in on
            )
    return len(given)


def _as_listed(person: str, people: set[str]) -> str | None:
    if person in people:
        return person
    alike = [one for one in people if one.casefold() == person.casefold()]
    return alike[0] if len(alike) == 1 else None


def _row(decision: Decision, worklist: int, decided_at: datetime) -> DecisionRow:
    return DecisionRow(
        worklist_id=worklist,
        person=decision.person,
        answer=decision.answer,
        reason=decision.reason,
        reviewer=decision.reviewer.strip(),
        note=decision.note,
        decided_at=decided_at.isoformat(),
    )


def zone_of_lists(state: State) -> str:
    """Give the local zone of the latest list; UTC without one."""
    query = select(WorklistRow.summary).order_by(WorklistRow.id.desc()).limit(1)
    with state._said_plainly(), Session(state.engine) as session:
        summary = session.scalar(query)
        return str(summary["zone"]) if summary else "UTC"


def standing(state: State, as_of: int) -> tuple[int, dict[str, int]]:
    """Tell how many people are on the lists of a date, and how many got each answer.

    An answer given when an earlier list of that date was in force counts for who is still listed.
    """
    with state._said_plainly(), Session(state.engine) as session:
        listed = set().union(*_lists_of(session, as_of).values())
        query = (
            select(DecisionRow.person, DecisionRow.answer)
            .join(WorklistRow, WorklistRow.id == DecisionRow.worklist_id)
            .where(WorklistRow.as_of == as_of)
            .order_by(DecisionRow.id)
        )
        latest = {row.person: row.answer for row in session.execute(query) if row.person in listed}
    counts = Counter(latest.values())
    return len(listed), {answer: counts[answer] for answer in REASONS}


def _lists_of(session: Session, as_of: int) -> dict[int, set[str]]:
    """Give the lists in force on a date, the latest of each purpose, with who is on them."""
    query = (
        select(WorklistRow.id, WorklistRow.purpose)
        .where(WorklistRow.as_of == as_of)
        .order_by(WorklistRow.id)
    )
    latest = {row.purpose: row.id for row in session.execute(query)}
    if not latest:
        raise DataError(
            "no list of that date is kept", where="--as-of", fix="see the date on the list"
        )
    return {
        worklist: set(
            session.scalars(select(EntryRow.person).where(EntryRow.worklist_id == worklist))
        )
        for worklist in latest.values()
    }


def read_file(path: Path) -> list[Decision]:
    """Read a CSV file of decisions with the columns :data:`COLUMNS`.

    Raises
    ------
    DataError
        It can't be read, a column is missing, a row isn't a decision, or two rows contradict each
        other: with their lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"can't read the file: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise DataError("not UTF-8 text", where=str(path), fix="save it as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = set(COLUMNS[:-1]) - set(reader.fieldnames or ())
    if missing and ";" in text.partition("\n")[0]:
        raise DataError(
            "the delimiter is a semicolon",
            where=str(path),
            fix="save it with commas between the columns (in a spreadsheet: CSV, comma delimited)",
        )
    if missing:
        raise DataError(
            f"columns are missing: {', '.join(sorted(missing))}",
            where=str(path),
            fix=f"the first line names them: {','.join(COLUMNS)}",
        )
    found: list[Decision] = []
    first: dict[str, tuple[int, Decision]] = {}
    for row in reader:
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        try:
            answer: Answer = cells["decision"]  # type: ignore[assignment]  # checked inside
            decision = Decision(
                cells["person"], answer, cells["reason"], cells["reviewer"], cells["note"]
            )
        except UsageError as error:
            raise DataError(
                error.what,
                where=f"{path.name} line {reader.line_num}, {error.where}",
                fix=error.fix,
            ) from None
        line, before = first.setdefault(decision.person.casefold(), (reader.line_num, decision))
        if (before.answer, before.reason) != (decision.answer, decision.reason):
            raise DataError(
                "two rows decide differently about one person",
                where=f"{path.name} lines {line} and {reader.line_num}",
                fix="leave out the one that doesn't hold",
            )
        found.append(decision)
    return found
