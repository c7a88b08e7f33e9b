"""The same question by another outcome: whom the list reached of those who needed care."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.drawing import groups_of_places, shares_of
from hiu_training.audit.published import made_of, overlapping, published_second
from hiu_training.audit.publisher import Publisher
from hiu_training.audit.report import AuditReport, Plan, Rows, audit
from hiu_training.audit.result import (
    AuditDocument,
    GroupResult,
    SecondGroup,
    SecondGrouping,
    SecondOutcome,
)

NOTE = (
    "The model does not look for this outcome, and most of these people never call often: a list "
    "of this length can only hold few of them. What counts here is whether some groups of them "
    "are reached less than others. “Close to the rest” means within a quarter of everybody's "
    "share."
)


TOO_FEW = (
    "Too few reached to compare: fewer than {} different people with this outcome were on a list."
)
"""Said where the lists reached too few people to say whom they reached less."""

CLOSE = 0.25
"""Shares on the list within this part of everybody's are close: it is a few in a hundred."""


def audit_second(rows: Rows, plan: Plan, rule: SmallNumbers | None = None) -> AuditReport:
    """Audit the same dates by the second outcome, at the primary list length alone."""
    shorter = replace(
        plan, capacities=(plan.primary,), pairs=(), ranking=False, by_score=False
    )  # fmt: skip
    case = np.asarray(rows.label) == 1
    share = shares_of(
        np.asarray(rows.score, np.float64), np.asarray(rows.as_of).astype(np.int64),
        shorter.lists, groups_of_places(rows.groups, shorter.lists),
    )  # fmt: skip
    reached = float(share[case].mean()) if case.any() else 1.0
    margin = min(plan.margin, max(CLOSE * reached, 1e-6))
    return audit(rows, replace(shorter, margin=margin), rule)


def publish_second(
    report: AuditReport,
    title: str,
    main: AuditDocument,
    rule: SmallNumbers,
    earlier: Iterable[AuditDocument] = (),
) -> SecondOutcome:
    """Give the second outcome as it may be read.

    Parameters
    ----------
    report : AuditReport
        The exact audit by this outcome.
    title : str
        What the outcome is, in words.
    main : AuditDocument
        The audit that it belongs to.
    rule : SmallNumbers
        The rule for small numbers.
    earlier : iterable of AuditDocument, optional
        Audits printed before.
    """
    found = (
        published_second(document, main.rows_hash, main.lists_hash)
        for document in overlapping(earlier, main.target, main.dates)
    )
    publisher = Publisher(
        report, rule, [before for before in found if before is not None], fine=True,
        made_of=made_of(main, main.dates, report.plan.reserved, title),
    )  # fmt: skip
    reached = rule.show(int(report.people.found[-1, 0]))
    enough = isinstance(reached, int) and reached >= report.plan.min_cases
    too_few = TOO_FEW.format(report.plan.min_cases)
    return SecondOutcome(
        title=title,
        note=NOTE if enough else f"{NOTE} {too_few}",
        comparisons=report.recall_family.compared if enough else 0,
        overall=_short(publisher.group(len(report.people.all) - 1, "Everybody")),
        groupings=tuple(
            SecondGrouping(
                name=g.name,
                title=g.title,
                note=g.note,
                from_rounded=g.from_rounded,
                groups=tuple(_short(group, enough=enough) for group in g.groups),
            )
            for g in publisher.groupings()
        ),
    )


def _short(group: GroupResult, *, enough: bool = True) -> SecondGroup:
    [at] = group.at
    verdict = group.recall_verdict
    if not enough and verdict != "not_compared":
        verdict = "insufficient_evidence"
    return SecondGroup(
        label=group.label,
        cases=group.cases,
        found=at.found,
        missed=at.false_negative_rate,
        difference=at.recall_difference,
        verdict=verdict,
    )
