"""What earlier audits printed, so that a later one can't be subtracted from them.

Audits that were printed without suppression are not kept: they may not leave the team.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hiu_risk.successive import NOTHING_SAID
from hiu_risk.suppression import HIDDEN, MadeOf
from hiu_training.audit.drawing import List
from hiu_training.audit.result import (
    AtCapacity,
    AuditDocument,
    Count,
    GroupingResult,
    GroupResult,
    SecondOutcome,
)

if TYPE_CHECKING:
    from hiu_training.audit.publish import Context

EVERYBODY = ("", "Everybody")
"""How the cells of all people together are named."""

Place = tuple[str, str, str, int | List]
"""Grouping, group, quantity, list length (0: none) and, where it isn't by score, how drawn."""


@dataclass(frozen=True)
class Published:
    """The counts that one report printed.

    Parameters
    ----------
    cells : dict of Place to count
        As printed, ``"*"`` where hidden.
    labels : dict of str to set of str
        The groups of each grouping.
    same_rows, same_lists : bool
        Whether it was about the very same rows, and the very same lists.
    name : str
        How it is named on a later page.
    reserved : str
        The column that places on its primary lists are reserved by; empty where none are.
    made_of : MadeOf
        What its counts are made of.
    """

    cells: Mapping[Place, Count]
    labels: Mapping[str, set[str]]
    same_rows: bool
    same_lists: bool
    name: str
    reserved: str = ""
    made_of: MadeOf = NOTHING_SAID

    def seen(self, what: tuple[str, str, str], drawn: List) -> tuple[Count | None, bool]:
        """Give what was printed of lists of a length, and whether they were drawn so.

        Lists drawn otherwise are other lists of the same length: as those of another model.
        """
        place = list_key(drawn)
        if (*what, place) in self.cells:
            return self.cells[*what, place], True
        others = (drawn.capacity, List(drawn.capacity, self.reserved))
        return next((self.cells[*what, x] for x in others if (*what, x) in self.cells), None), False


def list_key(drawn: List) -> int | List:
    """Name a kind of list: by its length alone where it is drawn by score."""
    return drawn if drawn.reserved else drawn.capacity


def overlapping(
    earlier: Iterable[AuditDocument], target: str, dates: Sequence[str]
) -> list[AuditDocument]:
    """Give the earlier audits of a target that share a list date with a new one, or with those.

    Counts of different dates are about different rows: subtracting them tells nothing, unless a
    third report holds both. Each audit is given once, however often it was repeated.
    """
    found = {
        digest_of(document): document
        for document in earlier
        if document.suppressed and document.target == target
    }
    reached, more = set(dates), True
    while more:
        touching = [set(d.dates) for d in found.values() if reached & set(d.dates)]
        more = bool(set().union(*touching) - reached)
        reached = reached.union(*touching)
    return [document for document in found.values() if reached & set(document.dates)]


def digest_of(document: AuditDocument) -> str:
    """Give a hash of what was printed."""
    return hashlib.sha256(document.model_dump_json().encode("utf-8")).hexdigest()


def published(document: AuditDocument, rows_hash: str, lists_hash: str) -> Published:
    """Gather what an audit printed by the outcome that the model looks for."""
    groupings = (*document.groupings, *document.pairs)
    same_lists = document.lists_hash == lists_hash != ""
    cells = _cells(document.overall, groupings)
    if same_lists and document.reserving is not None:
        cells |= _list_cells(EVERYBODY, document.reserving.by_score)
    return Published(
        cells,
        _labels(groupings),
        same_rows=document.rows_hash == rows_hash != "",
        same_lists=same_lists,
        name=_name(document),
        reserved=_reserved(document),
        made_of=made_of(document, document.dates, _reserved(document)),
    )


def _reserved(document: AuditDocument) -> str:
    return "" if document.reserving is None else document.reserving.column


def published_groups(
    overall: GroupResult, groupings: Sequence[GroupingResult], name: str
) -> Published:
    """Gather what was printed of other lists of the same rows."""
    return Published(
        _cells(overall, groupings), _labels(groupings), same_rows=True, same_lists=False, name=name,
        reserved=next((at.reserved for at in overall.at if at.reserved), ""),
    )  # fmt: skip


def _cells(overall: GroupResult, groupings: Sequence[GroupingResult]) -> dict[Place, Count]:
    cells: dict[Place, Count] = {}
    groups = [((g.name, group.label), group) for g in groupings for group in g.groups]
    for place, group in [(EVERYBODY, overall), *groups]:
        cells[(*place, "rows", 0)] = group.rows
        cells[(*place, "cases", 0)] = group.cases
        for at in group.at:
            cells |= _list_cells(place, at)
    return cells


def _list_cells(place: tuple[str, str], at: AtCapacity) -> dict[Place, Count]:
    drawn = list_key(List(at.capacity, at.reserved))
    return {(*place, "listed", drawn): at.listed, (*place, "found", drawn): at.found}


def published_second(document: AuditDocument, rows_hash: str, lists_hash: str) -> Published | None:
    """Gather what an audit printed by the second outcome; None where it printed nothing."""
    second = document.second_outcome
    if second is None:
        return None
    cells = _second_cells(second, List(document.primary, _reserved(document)))
    return Published(
        cells,
        _labels(second.groupings),
        same_rows=document.rows_hash == rows_hash != "",
        same_lists=document.lists_hash == lists_hash != "",
        name=_name(document),
        reserved=_reserved(document),
        made_of=made_of(document, document.dates, _reserved(document), second.title),
    )


def _second_cells(second: SecondOutcome, drawn: List) -> dict[Place, Count]:
    cells: dict[Place, Count] = {}
    groups = [((g.name, x.label), x) for g in second.groupings for x in g.groups]
    for place, group in [(EVERYBODY, second.overall), *groups]:
        cells[(*place, "cases", 0)] = group.cases
        cells[(*place, "found", list_key(drawn))] = group.found
    return cells


def made_of(
    about: AuditDocument | Context, dates: Sequence[str], reserved: str = "", outcome: str = ""
) -> MadeOf:
    """Say what the counts of an audit are made of, so that equal things are known for equal."""
    question = (about.definition, about.target, about.horizon_days, about.washout_days, outcome)
    return MadeOf(
        rows=about.rows_hash,
        lists=f"{about.lists_hash} {reserved}" if about.lists_hash else "",
        dates=frozenset(f"{date}: {question}" for date in dates),
        ranking=f"{about.model.split()[-1]} {reserved}",
    )


def merged(reports: Iterable[Published]) -> list[Published]:
    """Take reports about the very same rows and lists for one, as a reader would."""
    found: dict[Any, Published] = {}
    for place, report in enumerate(reports):
        made = report.made_of
        one = found.get(made) if made.rows and made.lists else None
        if one is None:
            found[made if made.rows and made.lists else place] = report
        elif any(one.labels[x] != report.labels[x] for x in one.labels.keys() & report.labels):
            found[place] = report
        else:
            new = {x: n for x, n in report.cells.items() if one.cells.get(x, HIDDEN) == HIDDEN}
            labels = {**report.labels, **one.labels}
            found[made] = replace(one, cells={**one.cells, **new}, labels=labels)
    return list(found.values())


def _labels(groupings: Sequence[Any]) -> dict[str, set[str]]:
    return {g.name: {group.label for group in g.groups} for g in groupings}


def _name(document: AuditDocument) -> str:
    return f"model {document.model}, {document.dates[0]} to {document.dates[-1]}"


def hash_of(**parts: Any) -> str:
    """Give a short hash of what an audit is about.

    Examples
    --------
    >>> hash_of(store="a", dates=[1]) == hash_of(dates=[1], store="a")
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
