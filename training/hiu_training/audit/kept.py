"""Earlier audits, as they were printed: what protects the next one, and the trend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from hiu_risk.files import write_json
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import keep
from hiu_risk.model.manifest import BundleError, digest
from hiu_training.audit.result import AuditDocument, GroupResult, TrendPoint

MOST_POINTS = 8
"""Audits that a trend goes back."""


def kept_audits(home: ModelHome) -> list[AuditDocument]:
    """Read every audit that was printed from this model home, of any model, oldest dates first.

    Raises
    ------
    BundleError
        A kept audit can't be read: without it nothing could be protected from subtraction.
    """
    found = {}
    for path in sorted((home.path / "evidence").glob("*/audit*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            found[digest(data)] = AuditDocument.model_validate(data)
        except (OSError, ValueError, ValidationError):
            raise BundleError(
                "an audit kept as evidence can't be read, so the next one can't be protected "
                "from subtraction",
                where=str(path),
                fix="restore the file from a copy, or move it away if it was never published",
            ) from None
    return sorted(found.values(), key=lambda d: (d.dates[-1], d.dates[0], d.model))


def keep_audit(home: ModelHome, version: str, document: AuditDocument, *, whole: bool) -> str:
    """Keep a printed audit; gives its hash.

    Parameters
    ----------
    home : ModelHome
        Where the model is.
    version : str
        Its version.
    document : AuditDocument
        As printed, with small numbers hidden.
    whole : bool
        Whether it is of all groupings: only then gates and board read it as the model's audit.
    """
    data: dict[str, Any] = document.model_dump(mode="json")
    if whole:
        return keep(home, version, "audit", data)
    sha256 = digest(data)
    folder = home.path / "evidence" / version[:12]
    write_json(folder / f"audit-{sha256[:12]}.json", data)
    return sha256


def trend_of(now: AuditDocument, earlier: Sequence[AuditDocument]) -> tuple[TrendPoint, ...]:
    """Line up the last audits of the same purpose, group by group; the newest is this one.

    Only numbers that were printed already, or are printed now.
    """
    latest: dict[tuple[str, tuple[str, ...]], AuditDocument] = {}
    for document in earlier:
        same = (document.target, document.definition, document.primary)
        if same == (now.target, now.definition, now.primary):
            latest[_model(document), document.dates] = document
    latest.pop((_model(now), now.dates), None)
    audits = [*list(latest.values())[-MOST_POINTS + 1 :], now]
    if len(audits) < 2:
        return ()
    wanted = {
        (g.name, group.label)
        for document in audits
        for g in document.groupings
        for group in g.groups
        if group.recall_verdict not in ("not_compared", "insufficient_evidence")
    }
    points = [_point(document, "", "", document.overall) for document in audits]
    for grouping in now.groupings:
        for group in grouping.groups:
            if (grouping.name, group.label) in wanted:
                points += [
                    _point(document, grouping.name, grouping.title, found)
                    for document in audits
                    for g in document.groupings
                    if g.name == grouping.name
                    for found in g.groups
                    if found.label == group.label
                ]
    return tuple(points)


def _model(document: AuditDocument) -> str:
    return document.model.split()[-1]


def _point(document: AuditDocument, name: str, title: str, group: GroupResult) -> TrendPoint:
    def at(of: GroupResult) -> Any:
        return next(x for x in of.at if x.capacity == document.primary)

    return TrendPoint(
        model=_model(document),
        dates=document.dates,
        quarter=document.quarter or quarter_name(document.dates),
        missed=at(document.overall).false_negative_rate,
        grouping=name,
        title=title,
        label=group.label,
        group_missed=at(group).false_negative_rate,
        difference=at(group).recall_difference,
        verdict=group.recall_verdict,
        reserved=document.reserving.column if document.reserving else "",
    )


def quarter_name(dates: Sequence[str]) -> str:
    """Name the quarters that dates lie in.

    Examples
    --------
    >>> quarter_name(["2024-07-01", "2024-09-01"]), quarter_name(["2024-09-01", "2024-10-01"])
    ('2024Q3', '2024Q3 to 2024Q4')
    """
    names = [f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}" for day in (min(dates), max(dates))]
    return names[0] if names[0] == names[1] else " to ".join(names)
