"""What else an audit found: other outcomes, linkage, drivers, proxies, prices, earlier audits."""

from __future__ import annotations

from hiu_training.audit import wording as say
from hiu_training.audit.result import AuditDocument, Estimate, Hidden, Number, TrendPoint
from hiu_training.board.blocks import Block, Chart, Column, Heading, Para, Table
from hiu_training.board.charts import Bar, share_chart
from hiu_training.board.published import Share


def more_blocks(audit: AuditDocument) -> list[Block]:
    """Give the parts of an audit that not every audit has."""
    return [
        *_second(audit), *_linkage(audit), *_identity(audit), *_drivers(audit), *_proxies(audit),
        *_mitigation(audit), *_trend(audit),
    ]  # fmt: skip


def _second(audit: AuditDocument) -> list[Block]:
    second = audit.second_outcome
    if second is None:
        return []
    columns = (
        Column("Group", share=1.6), Column("Cases", True), Column("Found", True),
        Column("Missed", True, 1.6), Column("Missed more (+) or less than the rest", True, 1.8),
        Column("Finding", share=1.6),
    )  # fmt: skip
    blocks: list[Block] = [Heading(f"By another outcome: {second.title}"), Para(second.note)]
    for grouping in second.groupings:
        rows = tuple(
            (
                group.label, say.count(group.cases), say.count(group.found),
                say.rate(group.missed), say.points(say.negative(group.difference)),
                say.RECALL_WORDS[group.verdict],
            )
            for group in (*grouping.groups, second.overall)
        )  # fmt: skip
        caption = f"{grouping.title}: {second.title}"
        blocks.append(Table(caption, columns, rows, grouping.note))
    return blocks


def _linkage(audit: AuditDocument) -> list[Block]:
    if not audit.linkage:
        return []
    rows = tuple(
        (
            f"{say.event(item.source)}, {say.outcome(item.outcome)}", say.count(item.events),
            say.count(item.linked), _share(item.coverage),
        )
        for item in audit.linkage
    )  # fmt: skip
    columns = (Column("Events", share=2.4), Column("Count", True),
               Column("Linked to a person", True), Column("Share", True))  # fmt: skip
    return [
        Heading("Who can't be linked can't be helped"),
        Table("Events linked to a person", columns, rows),
    ]


def _share(value: float | Hidden | None) -> str:
    return say.per_cent(value) if isinstance(value, float) else value or say.NO_VALUE


def _identity(audit: AuditDocument) -> list[Block]:
    if audit.identity is None:
        return []
    columns = (Column("Group", share=2), Column("People", True), Column("Events", True),
               Column("Unsure identity", True, 1.4))  # fmt: skip
    blocks: list[Block] = [Para(f"Unsure: {audit.identity.unsure_means}.", "quiet")]
    for grouping in audit.identity.groupings:
        rows = tuple(
            (g.label, say.count(g.people), say.count(g.events), say.small_rate(g.unsure))
            for g in grouping.groups
        )
        blocks.append(Table(f"{grouping.title}: how sure identity is", columns, rows))
    if audit.identity.not_known:
        blocks.append(Para(" ".join(audit.identity.not_known), "quiet"))
    return blocks


def _drivers(audit: AuditDocument) -> list[Block]:
    if not audit.drivers:
        return []
    columns = (Column("Group", share=1.4), Column("What moves its scores more than the rest's",
               share=2.4), Column("Difference in log-odds", True, 1.4))  # fmt: skip
    blocks: list[Block] = [Heading("What moves scores differently")]
    for grouping in audit.drivers:
        rows = tuple(
            (group.label, driver.title, _plain(driver.difference))
            for group in grouping.groups
            for driver in group.drivers[:3]
        )
        if rows:
            blocks.append(Table(f"{grouping.title}: what moves scores", columns, rows))
    return blocks


def _plain(number: Number) -> str:
    if number is None or isinstance(number, str):
        return number or say.NO_VALUE
    value = "" if number.value is None else f"{number.value:.2f} "
    return f"{value}({number.low:.2f} to {number.high:.2f})".replace("-", say.MINUS)


def _proxies(audit: AuditDocument) -> list[Block]:
    if not audit.proxies:
        return []
    columns = (Column("Group", share=2), Column("People", True),
               Column("How well the inputs tell it (0.5 not at all, 1 always)", True, 1.8),
               Column("Strongest part", share=1.6))  # fmt: skip
    rows = tuple(
        (
            f"{proxy.title}: {proxy.label}", say.count(proxy.people),
            say.ratio(proxy.without_itself), proxy.strongest_concept,
        )
        for proxy in audit.proxies
    )  # fmt: skip
    return [
        Heading("Could the inputs stand in for a protected characteristic?"),
        Table("Proxies", columns, rows),
    ]


def _mitigation(audit: AuditDocument) -> list[Block]:
    priced = audit.mitigation
    chosen = (
        f"Chosen: {audit.chosen_mitigation}." if audit.chosen_mitigation else "None is applied."
    )
    if priced is None:
        return []
    columns = (Column("Option", share=2.4), Column("Cases found", True),
               Column("Change in share found, points", True, 1.5),
               Column("Widest gap before, points", True), Column("Widest gap after, points", True),
               Column("Uses the characteristic", share=1.1))  # fmt: skip
    rows = tuple(
        (
            f"{option.title}{': ' + option.grouping_title if option.grouping_title else ''}",
            say.count(option.found), say.points(option.found_change),
            _points(option.widest_gap_before), _points(option.widest_gap_after),
            "yes" if option.uses_characteristic else "no",
        )
        for option in (priced.baseline, *priced.options)
    )  # fmt: skip
    cautions = sorted({option.caution for option in priced.options if option.caution})
    return [
        Heading("What evening out would cost"),
        Para(chosen),
        Table("Options, and their price", columns, rows, " ".join(cautions)),
    ]


def _points(value: float | Hidden | None) -> str:
    return f"{100 * value:.0f}" if isinstance(value, float) else value or say.NO_VALUE


def _trend(audit: AuditDocument) -> list[Block]:
    if not audit.trend:
        return []
    columns = (Column("Group", share=1.8), Column("Quarter", share=1.3), Column("Model", share=1.3),
               Column("Lists drawn", share=1.1),
               Column("Missed", True, 1.4), Column("Against the rest, points", True, 1.5),
               Column("Finding", share=1.5))  # fmt: skip
    rows = tuple(
        (
            f"{point.title}: {point.label}" if point.grouping else point.label, point.quarter,
            point.model, say.drawing(point.reserved),
            say.rate(point.group_missed if point.grouping else point.missed),
            say.points(say.negative(point.difference)) if point.grouping else "",
            say.RECALL_WORDS[point.verdict] if point.grouping else "",
        )
        for point in audit.trend
    )  # fmt: skip
    return [
        Heading("This audit and earlier ones"),
        _trend_chart(audit),
        Table("Share of cases missed, over audits", columns, rows),
    ]


def _trend_chart(audit: AuditDocument) -> Chart:
    bars = [
        Bar(_when(point), _as_share(point.missed), say.rate(point.missed))
        for point in audit.trend
        if not point.grouping
    ]
    says = f"Share of cases missed by a list of {audit.primary}, audit by audit: " + "; ".join(
        f"{bar.label} {bar.words}" for bar in bars
    )
    return Chart(share_chart(bars, says=says), says, "Share of cases missed, everybody")


def _when(point: TrendPoint) -> str:
    drawn = ", reserved" if point.reserved else ""
    return f"{point.quarter}, {point.model[:6]}{drawn}"


def _as_share(number: Number) -> Share | None:
    if not isinstance(number, Estimate) or number.value is None:
        return None
    return Share(number.value, number.low, number.high)
