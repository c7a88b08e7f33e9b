"""What happened in a quarter, as plain records: whoever keeps them hands them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hiu_risk.definitions import Definition
from hiu_risk.eligibility import EligibilityPolicy, Target
from hiu_risk.outcomes import Overlap

if TYPE_CHECKING:
    from datetime import date

    from hiu_risk.manifest import Manifest
    from hiu_risk.model.ledger_entry import Entry
    from hiu_risk.suppression import SmallNumbers
    from hiu_training.audit.result import AuditDocument
    from hiu_training.board.fields import Filled
    from hiu_training.board.happened import Happened
    from hiu_training.board.kept import Earlier
    from hiu_training.board.quarter import Quarter
    from hiu_training.report.known import Known

Answer = Literal["accepted", "declined", "deferred"]
ANSWERS: tuple[Answer, ...] = ("accepted", "declined", "deferred")
"""What a reviewer may decide about a listed person."""


@dataclass(frozen=True)
class FeedSeen:
    """How late a feed was when a list was made."""

    source: str
    days_behind: float
    status: str


@dataclass(frozen=True)
class ListMade:
    """One list that was in force on its date.

    Parameters
    ----------
    as_of : int
        Index date, UTC seconds.
    purpose : str
        Lists of one purpose (definition, target and horizon) may be compared.
    model : str
        The bundle's id.
    capacity : int
        Names asked for.
    people : tuple of str
        Pseudonyms, from the first rank.
    n_people, n_scored : int
        In the store; scored.
    exclusions : dict
        Reason to people left out.
    feeds : tuple of FeedSeen
        How late each feed was.
    """

    as_of: int
    purpose: str
    model: str
    capacity: int
    people: tuple[str, ...]
    n_people: int
    n_scored: int
    exclusions: Mapping[str, int]
    feeds: tuple[FeedSeen, ...]


@dataclass(frozen=True)
class Decision:
    """What a reviewer decided about a listed person; free text never comes in here."""

    as_of: int
    purpose: str
    person: str
    answer: Answer
    reason: str
    decided_at: int


@dataclass(frozen=True)
class Rule:
    """How it is told whether a listed person became a case: from the model that made the list."""

    definition: Definition
    target: Target
    horizon_days: int
    washout_days: int
    overlap: Overlap
    policy: EligibilityPolicy


@dataclass(frozen=True)
class LedgerState:
    """The promotion ledger as read, and what its check found.

    Parameters
    ----------
    entries : tuple of Entry
        Every row, oldest first.
    problems : tuple of str
        What the check of the chain found; empty when it holds.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """Everything a pack is made of; nothing is looked up later.

    Parameters
    ----------
    quarter : Quarter
        Which quarter.
    day : date
        The day the pack is dated.
    lists, lists_before : tuple of ListMade
        Those in force, of one purpose, in this quarter and the one before.
    other_lists : int
        Lists of this quarter with another purpose, which the pack leaves out.
    happened, happened_before : Happened
        What became of the people on them.
    decisions, decisions_before : tuple of Decision
        The latest about each name on those lists.
    definition : str
        The rule that the lists look ahead for, in words.
    target : str
        What of it: ``onset``, for instance.
    horizon_days : int
        How far they look ahead.
    model_name : str
        What was asked for: ``champion``, or a version.
    known : Known
        The model, its evaluation and audit, and the store's manifest.
    audit, audit_before : AuditDocument, optional
        The audit kept with the model, and the one before it, of whatever model.
    ledger : LedgerState
        The promotion ledger.
    store : Manifest
        The store.
    filled : dict of str to Filled
        What people wrote, by file.
    rule : SmallNumbers
        What may be printed.
    printed : dict of str to tuple of PrintedTable
        What packs of this model home printed before, by table.
    """

    quarter: Quarter
    day: date
    lists: tuple[ListMade, ...]
    lists_before: tuple[ListMade, ...]
    other_lists: int
    happened: Happened
    happened_before: Happened
    decisions: tuple[Decision, ...]
    decisions_before: tuple[Decision, ...]
    definition: str
    target: str
    horizon_days: int
    model_name: str
    known: Known
    audit: AuditDocument | None
    audit_before: AuditDocument | None
    ledger: LedgerState
    store: Manifest
    filled: Mapping[str, Filled]
    rule: SmallNumbers
    printed: Earlier = field(default_factory=dict)
