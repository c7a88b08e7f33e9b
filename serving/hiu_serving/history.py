"""What was listed and decided over a stretch of time, for reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from hiu_serving.decisions import DecisionRow
from hiu_serving.state import EntryRow, State, WorklistRow


@dataclass(frozen=True)
class KeptList:
    """A list in force: the latest made for its date and purpose.

    Parameters
    ----------
    as_of : int
        Index date.
    purpose : str
        Definition, target and horizon.
    bundle_id : str
        The model.
    people : tuple of str
        Pseudonyms from the first rank.
    summary : dict
        Everything the list says about itself.
    decisions : tuple of KeptDecision
        The latest about each name, on any list of the same date and purpose.
    """

    as_of: int
    purpose: str
    bundle_id: str
    people: tuple[str, ...]
    summary: dict[str, Any]
    decisions: tuple[KeptDecision, ...]


@dataclass(frozen=True)
class KeptDecision:
    """The latest decision about a person on a list."""

    person: str
    answer: str
    reason: str
    decided_at: int


def lists_between(state: State, start: int, end: int) -> list[KeptList]:
    """Give the lists in force with an index date in ``[start, end)``, in order of time."""
    with state._said_plainly(), Session(state.engine) as session:
        rows = session.execute(
            select(
                WorklistRow.id, WorklistRow.as_of, WorklistRow.purpose, WorklistRow.bundle_id,
                WorklistRow.summary,
            )
            .where(WorklistRow.as_of >= start, WorklistRow.as_of < end)
            .order_by(WorklistRow.as_of, WorklistRow.purpose, WorklistRow.id)
        ).all()  # fmt: skip
        decided = _decisions(session, [row.id for row in rows])
        latest = {(row.as_of, row.purpose): row for row in rows}
        same: dict[tuple[int, str], list[int]] = {}
        for row in rows:
            same.setdefault((row.as_of, row.purpose), []).append(row.id)
        return [
            KeptList(
                as_of=row.as_of,
                purpose=row.purpose,
                bundle_id=row.bundle_id,
                people=_people(session, row.id),
                summary=row.summary,
                decisions=_latest(decided, same[key]),
            )
            for key, row in latest.items()
        ]


def span(state: State) -> tuple[int, int] | None:
    """Give the index dates of the first and the last list; None without a list."""
    with state._said_plainly(), Session(state.engine) as session:
        dates = session.scalars(select(WorklistRow.as_of).order_by(WorklistRow.as_of)).all()
        return (dates[0], dates[-1]) if dates else None


def _people(session: Session, worklist: int) -> tuple[str, ...]:
    query = select(EntryRow.person).where(EntryRow.worklist_id == worklist).order_by(EntryRow.rank)
    return tuple(session.scalars(query))


def _decisions(session: Session, worklists: list[int]) -> dict[int, list[KeptDecision]]:
    found: dict[int, list[KeptDecision]] = {}
    if not inspect(session.connection()).has_table(DecisionRow.__tablename__):
        return found
    query = select(DecisionRow).where(DecisionRow.worklist_id.in_(worklists))
    for row in session.scalars(query.order_by(DecisionRow.id)):
        at = int(datetime.fromisoformat(row.decided_at).timestamp())
        found.setdefault(row.worklist_id, []).append(
            KeptDecision(row.person, row.answer, row.reason, at)
        )
    return found


def _latest(
    decided: dict[int, list[KeptDecision]], worklists: list[int]
) -> tuple[KeptDecision, ...]:
    latest: dict[str, KeptDecision] = {}
    for worklist in worklists:
        for decision in decided.get(worklist, []):
            latest[decision.person] = decision
    return tuple(latest[person] for person in sorted(latest))
