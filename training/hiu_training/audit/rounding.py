"""How far the rounding of counts alone may move the shares of an audit."""

from __future__ import annotations

from math import ceil

from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.coarse import Span
from hiu_training.audit.result import AtCapacity, AuditDocument, Estimate, GroupResult


def rounding_in_words(document: AuditDocument) -> str:
    """Say how far shares found or missed may be off by the rounding of counts; else nothing.

    Whoever reads them beside an evaluation, which counts exactly, would think that one is wrong.
    """
    if not document.suppressed:
        return ""
    everybody = points_of(_at_primary(document, document.overall), document.overall)
    groups = [
        points
        for grouping in document.groupings
        for group in grouping.groups
        if (points := points_of(_at_primary(document, group), group)) is not None
    ]
    said = [
        f"{whose} by up to {_points(most)}"
        for whose, most in (
            ("everybody's", everybody), ("a group's", max(groups, default=0)),
        )
        if most
    ]  # fmt: skip
    base = SmallNumbers().base
    if not said:
        return f"Shares here are worked out from counts rounded to {base}."
    return (
        f"Shares here come from counts rounded to {base}, which may move {' and '.join(said)}; "
        "the intervals allow for it. An evaluation of the same lists counts exactly, so its "
        "shares may differ by as much."
    )


def points_of(at: AtCapacity, group: GroupResult) -> int | None:
    """Give how many points the printed share found may be off, for any counts that round so.

    None where the share isn't printed.
    """
    share = at.recall.value if isinstance(at.recall, Estimate) else None
    if share is None or not isinstance(at.found, int) or not isinstance(group.cases, int):
        return None
    found, cases = (Span.of(count, SmallNumbers().base) for count in (at.found, group.cases))
    least = found.low / max(cases.high, 1)
    most = min(found.high / max(cases.low, 1), 1.0)
    return ceil(100 * max(share - least, most - share) - 1e-9)


def _at_primary(document: AuditDocument, group: GroupResult) -> AtCapacity:
    return next(at for at in group.at if at.capacity == document.primary)


def _points(n: int) -> str:
    return "1 point" if n == 1 else f"{n} points"
