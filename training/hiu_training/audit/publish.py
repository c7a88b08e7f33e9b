"""From exact numbers to what may be read: the rule for small numbers on every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hiu_risk.suppression import HIDDEN, TOGETHER, SmallNumbers
from hiu_risk.times import from_seconds
from hiu_training.audit.published import made_of, overlapping, published
from hiu_training.audit.publisher import Publisher
from hiu_training.audit.report import AuditReport
from hiu_training.audit.result import MAY_NOT_LEAVE, AuditDocument, Linkage

NOT_PROTECTED = (
    f"More than {TOGETHER} earlier reports: they are checked {TOGETHER} at a time, the oldest "
    "first; repeats of the same rows and lists count once.",
    "Readers who know something else of the people who came and went than that rows were only "
    "added, only left, or stayed the same for each date.",
    "What earlier reports gave away between themselves.",
    "Audits printed elsewhere, or with --no-suppression, or in another model home: they aren't "
    "known here.",
    "Likelihood: of the counts that remain possible, a reader may think some likelier.",
    "Counts of events (linkage, identity): small ones are hidden in each report, but they aren't "
    "checked against other reports.",
    "Prices of mitigation: they are checked against the audit that they stand in, not against "
    "other reports.",
    "Findings: they are judged on exact numbers, so a finding says a little more than its printed "
    "interval; never whether a count is above or below the minimum more finely than it is printed.",
    "An evaluation of the same lists, in its report or in a board pack: its shares come from exact "
    "counts, so with them the totals of everybody can be told more finely than they are printed.",
    "A reader who already knows some of the people and whether they were listed.",
    "Medians, AUROC, average precision, calibration lines, drivers and proxies: they need at least "
    "8 people, most of them 20 who became cases, but aren't checked against other reports.",
)
"""What the rule for small numbers does not do, said on the page."""


@dataclass(frozen=True)
class Context:
    """What was audited, in words.

    Parameters
    ----------
    model, protocol, store : str
        Which model, protocol and data: names or short hashes.
    definition : str
        The definition of a case, in words.
    target : str
        ``onset``, ``relapse`` or ``persistence``.
    horizon_days, washout_days : int
        Of the target.
    zone : str
        The local time zone, for dates.
    rows_hash, lists_hash : str
        Of what decides the rows and the lists: equal hashes, equal counts.
    quarter : str
        Such as ``2026Q3`` where the audit is of one quarter.
    unobserved : tuple of int
        Dates left out because their outcomes aren't known yet, UTC seconds.
    """

    model: str
    definition: str
    target: str = "onset"
    horizon_days: int = 90
    washout_days: int = 365
    protocol: str = ""
    store: str = ""
    zone: str = "Europe/London"
    rows_hash: str = ""
    lists_hash: str = ""
    quarter: str = ""
    unobserved: tuple[int, ...] = ()


def publish(
    report: AuditReport,
    context: Context,
    rule: SmallNumbers | None = None,
    linkage: tuple[Linkage, ...] = (),
    earlier: Iterable[AuditDocument] = (),
) -> AuditDocument:
    """Give the audit as it may be read.

    Parameters
    ----------
    report : AuditReport
        The exact audit.
    context : Context
        What was audited.
    rule : SmallNumbers, optional
        The rule for small numbers; on by default.
    linkage : tuple of Linkage, optional
        Linkage coverage, already suppressed.
    earlier : iterable of AuditDocument, optional
        Audits printed before: what this one says can't be subtracted from theirs.
    """
    rule = rule or SmallNumbers()
    plan = report.plan
    zone = ZoneInfo(context.zone)

    def day(seconds: int) -> str:
        return from_seconds(seconds).astimezone(zone).date().isoformat()

    dates = tuple(day(d) for d in report.dates)
    before = [
        published(document, context.rows_hash, context.lists_hash)
        for document in overlapping(earlier, context.target, dates)
    ]
    publisher = Publisher(
        report, rule, before, made_of=made_of(context, dates, report.plan.reserved)
    )
    everything = publisher.groupings()
    return AuditDocument(
        suppressed=rule.enabled,
        suppression=_rule_in_words(rule),
        model=context.model,
        definition=context.definition,
        target=context.target,
        horizon_days=context.horizon_days,
        washout_days=context.washout_days,
        protocol=context.protocol,
        store=context.store,
        dates=dates,
        unobserved_dates=tuple(day(d) for d in (*report.unobserved_dates, *context.unobserved)),
        unobserved_rows=rule.show(report.unobserved_rows),
        people=rule.show(int(report.people.all[-1])),
        case_people=rule.show(int(report.people.cases[-1])),
        capacities=plan.capacities,
        primary=plan.primary,
        min_cases=plan.min_cases,
        slope_cases=plan.slope_cases,
        margin=plan.margin,
        resamples=plan.resamples,
        seed=plan.seed,
        recall_comparisons=report.recall_family.compared,
        pair_comparisons=report.pair_family.compared,
        calibration_comparisons=report.calibration_family.compared,
        reference_comparisons=report.reference_family.compared,
        overall=publisher.group(len(report.people.all) - 1, "Everybody"),
        groupings=everything[: report.singles],
        pairs=everything[report.singles :],
        linkage=linkage,
        rows_hash=context.rows_hash,
        lists_hash=context.lists_hash,
        earlier_reports=tuple(p.name for p in before if not (p.same_rows and p.same_lists)),
        not_protected=NOT_PROTECTED if rule.enabled else (),
        quarter=context.quarter,
        reserving=publisher.reserving(),
    )


def _rule_in_words(rule: SmallNumbers) -> str:
    if not rule.enabled:
        return MAY_NOT_LEAVE
    return (
        f"Counts of {rule.smallest} to {rule.largest} people are shown as {HIDDEN}; other counts "
        f"are rounded to {rule.base}. Further numbers are shown as {HIDDEN} where a small count "
        "could be worked out from them, also with earlier reports beside them. Rates and their "
        "intervals are worked out from the rounded counts, so intervals are wider than the exact "
        "ones; findings are judged on exact numbers and said only as strongly as the printed "
        "intervals allow."
    )
