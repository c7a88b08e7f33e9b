"""The fairness audit: on one page, and in full, from its published numbers alone."""

from __future__ import annotations

from hiu_risk.words import looked_for
from hiu_training.audit import wording as say
from hiu_training.audit.onepage import at_primary, lists_in_words, summary
from hiu_training.audit.plots import Mark, interval_chart
from hiu_training.audit.result import AuditDocument, Estimate, GroupingResult, GroupResult
from hiu_training.audit.rounding import rounding_in_words
from hiu_training.board.blocks import (
    Block,
    Bullets,
    Chart,
    Column,
    Facts,
    Grid,
    Heading,
    Para,
    Section,
    Table,
    ToDo,
)
from hiu_training.board.fairness_more import more_blocks
from hiu_training.board.records import Material

_TICKS = {0.0: "0%", 0.25: "25%", 0.5: "50%", 0.75: "75%", 1.0: "100%"}
_KEY = (
    "Lines are 95% intervals. ◆ missed more often; ◇ perhaps; ● no difference shown; "
    "○ insufficient evidence; ■ missed less often; * hidden: a small number."
)


def fairness_section(material: Material) -> Section:
    """Put the audit on one page."""
    audit = material.audit
    if audit is None:
        return Section("fairness", "Fairness on one page", tuple(_no_audit(material)), fresh=True)
    page = summary(audit)
    boxes = Table(
        "What was found",
        (
            Column("Finding", share=2),
            Column("Groups", share=1.8),
            Column("What it means", share=2.1),
        ),
        tuple((box.heading, ". ".join(box.names), box.meaning) for box in page.boxes),
    )
    blocks: tuple[Block, ...] = (
        Para(page.headline, "lead"),
        *_rounding(page.rounding),
        Para(page.conclusion),
        boxes,
        Heading(f"Share of cases missed by a list of {audit.primary}"),
        Grid(tuple((g.title, _chart(audit, g)) for g in audit.groupings)),
        Para(_KEY, "quiet"),
        Bullets(tuple(page.notes)),
        Para(f"{page.caution} {page.about}. Numbers: “Fairness in full”.",
             "quiet"),
    )  # fmt: skip
    return Section("fairness", "Fairness on one page", blocks, fresh=True)


def _rounding(words: str) -> list[Block]:
    return [Para(words, "quiet")] if words else []


def _no_audit(material: Material) -> list[Block]:
    return [
        Para(
            f"No fairness audit is kept with model {material.known.version}. Nobody can say from "
            "this pack whether some groups are missed more often than others. That is not a pass.",
            "warning",
        ),
        Para(ToDo("the data scientist: run hiu-risk audit")),
    ]


def _chart(audit: AuditDocument, grouping: GroupingResult) -> Chart:
    overall = at_primary(audit, audit.overall).false_negative_rate
    reference = overall.value if isinstance(overall, Estimate) else None
    marks = [
        Mark(group.label, (missed := at_primary(audit, group).false_negative_rate),
             say.rate(missed), group.recall_verdict)
        for group in grouping.groups
    ]  # fmt: skip
    values = "; ".join(f"{mark.label} {mark.text}" for mark in marks)
    says = (
        f"Share of cases missed by a list of {audit.primary}, by {grouping.title.lower()}, with "
        f"95% intervals: {values}"
    )
    svg = interval_chart(
        marks,
        title=says,
        reference=reference,
        reference_text="" if reference is None else f"everybody {say.per_cent(reference)}",
        span=(0.0, 1.0),
        ticks=_TICKS,
    )
    return Chart(svg, says)


def fairness_full_section(material: Material) -> Section:
    """Give the audit in full."""
    audit = material.audit
    title = "Fairness in full"
    if audit is None:
        return Section("fairness-full", title, tuple(_no_audit(material)))
    blocks: list[Block] = [
        Para(
            "A case is one person on one list date who then met the definition; somebody who did "
            "so after several list dates counts each time. Differences are in percentage points "
            "against everybody else."
        ),
        *_rounding(rounding_in_words(audit)),
        Facts("How it was done", _about(audit)),
    ]
    for grouping in audit.groupings:
        blocks += _grouping(audit, grouping)
    for pair in audit.pairs:
        blocks += [_missed(audit, pair), *_note(pair)]
    blocks += more_blocks(audit)
    return Section("fairness-full", title, tuple(blocks), fresh=True)


def _about(audit: AuditDocument) -> tuple[tuple[str, str], ...]:
    facts = [
        ("Model", audit.model),
        ("Definition of a case", audit.definition),
        ("Looked ahead", looked_for(audit.target, audit.horizon_days)),
        ("List dates", say.listing(list(audit.dates))),
        ("People", f"{say.count(audit.people)} eligible"),
        ("Cases", f"{say.count(audit.overall.cases)}, of {say.count(audit.case_people)} people"),
        ("Fewest cases for a finding", f"{audit.min_cases} people"),
        ("Comparisons allowed for", str(audit.recall_comparisons or "")),
        ("Intervals", f"95%, from {audit.resamples:,} resamples of people"),
        ("Small numbers", audit.suppression),
    ]
    if audit.unobserved_dates:
        facts.insert(4, ("Not yet observed", say.listing(list(audit.unobserved_dates))))
    return tuple((name, text) for name, text in facts if text)


def _grouping(audit: AuditDocument, grouping: GroupingResult) -> list[Block]:
    return [
        Heading(grouping.title),
        _missed(audit, grouping),
        *_note(grouping),
        _listed(audit, grouping),
        _calibration(audit, grouping),
    ]


def _note(grouping: GroupingResult) -> list[Block]:
    notes = [grouping.note] if grouping.note else []
    if grouping.from_rounded:
        notes.append(
            "Rates and intervals are worked out from the rounded counts, and the intervals are "
            "wider than the exact ones. Findings were judged on the exact numbers, and are said "
            "only as strongly as these intervals allow."
        )
    return [Para(" ".join(notes), "quiet")] if notes else []


def _everybody(audit: AuditDocument, grouping: GroupingResult) -> tuple[GroupResult, ...]:
    return (*grouping.groups, audit.overall)


def _missed(audit: AuditDocument, grouping: GroupingResult) -> Table:
    rows = []
    for group in _everybody(audit, grouping):
        at, last = at_primary(audit, group), group is audit.overall
        rows.append(
            (
                group.label,
                say.count(group.cases),
                say.count(at.found),
                say.rate(at.false_negative_rate),
                "" if last else say.points(say.negative(at.recall_difference)),
                "" if last else say.points(say.negative(group.recall_difference_simultaneous)),
                "" if last else say.RECALL_WORDS[group.recall_verdict],
            )
        )
    columns = (
        Column("Group", share=1.6), Column("Cases", True, 0.8), Column("Found", True, 0.8),
        Column("Missed", True, 1.6), Column("Missed more (+) or less than the rest", True, 1.6),
        Column("… allowing for all comparisons", True, 1.6), Column("Finding", share=2.1),
    )  # fmt: skip
    return Table(f"{grouping.title}: cases missed by a list of {audit.primary}", columns,
                 tuple(rows))  # fmt: skip


def _listed(audit: AuditDocument, grouping: GroupingResult) -> Table:
    rows = []
    for group in _everybody(audit, grouping):
        at = at_primary(audit, group)
        rows.append(
            (
                group.label,
                say.count(group.rows),
                *(say.rate(each.recall) for each in group.at),
                say.small_rate(at.selection_rate),
                say.rate(at.precision),
            )
        )
    columns = (
        Column("Group", share=1.5),
        Column("Person-dates", True),
        *(Column(f"Found by a list of {k}", True, 1.4) for k in lists_in_words(audit)),
        Column("Share listed", True, 1.9),
        Column("Listed who became cases", True, 1.4),
    )
    return Table(f"{grouping.title}: who is listed, and how often rightly", columns, tuple(rows))


def _calibration(audit: AuditDocument, grouping: GroupingResult) -> Table:
    rows = []
    for group in _everybody(audit, grouping):
        last = group is audit.overall
        rows.append(
            (
                group.label,
                say.count(group.cases),
                say.count(group.expected),
                say.ratio(group.observed_expected),
                "" if last else say.ratio(group.calibration_ratio),
                "" if last else say.CALIBRATION_WORDS[group.calibration_verdict],
            )
        )
    columns = (
        Column("Group", share=1.5), Column("Observed", True), Column("Expected", True),
        Column("Observed / expected", True, 1.7), Column("… against the rest", True, 1.7),
        Column("Finding", share=1.6),
    )  # fmt: skip
    return Table(f"{grouping.title}: does a score mean the same?", columns, tuple(rows))
