"""Further sections of the page: another outcome, ranking, drivers, prices, earlier audits."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hiu_training.audit import wording as say
from hiu_training.audit.plots import Mark, interval_chart
from hiu_training.audit.result import (
    AuditDocument,
    DriverGroup,
    Estimate,
    GroupResult,
    Number,
    PricedOption,
    SecondGroup,
    SecondGrouping,
    TrendPoint,
    Verdict,
)

MISSED_TICKS = {0.0: "0%", 0.25: "25%", 0.5: "50%", 0.75: "75%", 1.0: "100%"}


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, and a class for colour."""

    text: str
    style: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table: caption, column heads, and rows of a head and cells."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    note: str = ""
    everybody: bool = False


@dataclass(frozen=True)
class Pictured:
    """A table with the chart that shows the same."""

    title: str
    chart: Markup
    table: Table


def ranking_tables(document: AuditDocument) -> list[Table]:
    """Lead time, AUROC and average precision by group."""
    return [
        Table(
            f"{grouping.title}: lead time and ranking",
            ("Group", "Days of warning (median)", "AUROC", "Average precision"),
            tuple(
                (
                    group.label,
                    (
                        Cell(_days(group.lead_days)), Cell(_two(group.auroc)),
                        Cell(_two(group.average_precision)),
                    ),
                )
                for group in (*grouping.groups, document.overall)
            ),
            everybody=True,
        )
        for grouping in document.groupings
    ]  # fmt: skip


def reference_tables(document: AuditDocument) -> list[Table]:
    """Each group against the named reference."""
    tables = []
    for grouping in document.groupings:
        if not grouping.reference:
            continue
        rows = tuple(
            (group.label, _against_reference(group))
            for group in grouping.groups
            if group.label != grouping.reference
        )
        heads = (
            "Group", f"Missed more (+) or less ({say.MINUS}) than {grouping.reference}, points",
            "… allowing for all comparisons", "Finding",
        )  # fmt: skip
        tables.append(Table(f"{grouping.title}: against {grouping.reference}", heads, rows))
    return tables


def _against_reference(group: GroupResult) -> tuple[Cell, ...]:
    return (
        Cell(say.points(say.negative(group.reference_difference))),
        Cell(say.points(say.negative(group.reference_difference_simultaneous))),
        Cell(say.RECALL_WORDS[group.reference_verdict], f"v v-{group.reference_verdict}", False),
    )


def second_views(document: AuditDocument) -> list[Pictured]:
    """Whom the list reached by the second outcome."""
    second = document.second_outcome
    if second is None:
        return []
    return [_second_view(document, grouping) for grouping in second.groupings]


def _second_view(document: AuditDocument, grouping: SecondGrouping) -> Pictured:
    assert document.second_outcome is not None  # noqa: S101  (asked by the caller)
    everybody = document.second_outcome.overall
    marks = [
        Mark(group.label, say.negative(group.difference),
             say.points(say.negative(group.difference), digits=1), group.verdict)
        for group in grouping.groups
    ]  # fmt: skip
    reach = _reach(grouping)
    chart = interval_chart(
        marks,
        title="Reached less (right) or more (left) than the rest by "
        f"{document.second_outcome.title}, by {grouping.title.lower()}, in points; the table "
        "holds the same numbers",
        reference=0.0,
        reference_text="as the rest",
        span=(-reach, reach),
        ticks={
            x: f"{100 * x:+g}".replace("-", say.MINUS) if x else "0"
            for x in (-reach, -reach / 2, 0.0, reach / 2, reach)
        },
    )
    rows = tuple(
        (
            group.label,
            (
                Cell(say.count(group.cases)),
                Cell(say.count(group.found)),
                Cell(say.small_rate(_found(group.missed))),
                Cell(_gap(group) if group is not everybody else ""),
                Cell(
                    "" if group is everybody else _reached(group.verdict),
                    f"v v-{group.verdict}",
                    False,
                ),
            ),
        )
        for group in (*grouping.groups, everybody)
    )
    heads = (
        "Group", "Had that outcome", "On the list", "Share on the list",
        f"Reached less (+) or more ({say.MINUS}) than the rest, points", "Finding",
    )  # fmt: skip
    table = Table(
        f"{grouping.title}: {document.second_outcome.title}", heads, rows, grouping.note, True
    )
    return Pictured(grouping.title, Markup(chart), table)  # noqa: S704  (labels escaped there)


def _gap(group: SecondGroup) -> str:
    return say.points(say.negative(group.difference), digits=1)


def _reach(grouping: SecondGrouping) -> float:
    """Choose how far the axis goes: the farthest end of an interval, up to the next round one."""
    gaps = [g.difference for g in grouping.groups if isinstance(g.difference, Estimate)]
    far = max((max(-gap.low, gap.high) for gap in gaps), default=0.01)
    return next((x for x in (0.01, 0.02, 0.04, 0.1, 0.2, 0.4) if x >= far), 1.0)


def _found(missed: Number) -> Number:
    """Turn a share missed into the share found."""
    if missed is None or isinstance(missed, str):
        return missed
    value = None if missed.value is None else round(1 - missed.value, 4)
    return Estimate(value=value, low=round(1 - missed.high, 4), high=round(1 - missed.low, 4))


def _reached(verdict: Verdict) -> str:
    return say.RECALL_WORDS[verdict].replace("Missed more", "Reached less").replace(
        "Missed less", "Reached more"
    ).replace("missed more", "reached less").replace("missed less", "reached more")  # fmt: skip


def identity_tables(document: AuditDocument) -> list[Table]:
    """Linkage by site, and how sure identity is by group."""
    identity = document.identity
    if identity is None:
        return []
    tables = []
    if identity.by_site:
        rows = tuple(
            (
                item.outcome,
                (
                    Cell(say.count(item.events)), Cell(say.count(item.linked)),
                    Cell(_share(item.coverage)),
                ),
            )
            for item in identity.by_site
        )  # fmt: skip
        tables.append(
            Table(
                "Events linked to a person, by site", ("Site", "Events", "Linked", "Coverage"), rows
            )
        )
    for grouping in identity.groupings:
        rows = tuple(
            (
                g.label,
                (Cell(say.count(g.people)), Cell(say.count(g.events)), Cell(say.rate(g.unsure))),
            )
            for g in grouping.groups
        )
        heads = ("Group", "People with events", "Linked events", "Identity unsure")
        tables.append(Table(f"{grouping.title}: how sure identity is", heads, rows))
    return tables


def _share(value: float | str | None) -> str:
    return say.per_cent(value) if isinstance(value, float) else value or say.NO_VALUE


def driver_tables(document: AuditDocument) -> list[Table]:
    """List what moves the scores of a group, strongest first."""
    tables = []
    for grouping in document.drivers:
        rows = tuple(
            (
                group.label,
                (Cell(say.count(group.people)), Cell(_logs(group.score)), *_strongest(group)),
            )
            for group in grouping.groups
        )
        heads = (
            "Group", "People", "Whole score, log-odds", "Moves it most", "Second", "Third",
        )  # fmt: skip
        tables.append(Table(f"{grouping.title}: what moves scores, against the rest", heads, rows))
    return tables


def _strongest(group: DriverGroup) -> tuple[Cell, ...]:
    told = [f"{d.title}: {_logs(d.difference)}" for d in group.drivers[:3]]
    return tuple(Cell(text, number=False) for text in (*told, *[""] * (3 - len(told))))


def proxy_table(document: AuditDocument) -> Table | None:
    """How well the inputs tell a group."""
    if not document.proxies:
        return None
    rows = tuple(
        (
            f"{proxy.title}: {proxy.label}",
            (
                Cell(say.count(proxy.people)), Cell(_two(proxy.without_itself)),
                Cell(proxy.strongest_concept, number=False),
                Cell(", ".join(proxy.direct_inputs) or "none", number=False),
            ),
        )
        for proxy in document.proxies
    )  # fmt: skip
    heads = (
        "Group", "People", "AUROC: 0.50 not at all, 1 always", "Told best by", "Inputs left out",
    )  # fmt: skip
    return Table("How well the model's inputs tell a group from the rest", heads, rows)


def price_table(document: AuditDocument) -> Table | None:
    """Every option and what it costs."""
    if document.mitigation is None:
        return None
    options = (document.mitigation.baseline, *document.mitigation.options)
    heads = (
        "Option", "Cases found", "Missed", "Change of the share found, points",
        "Observed / expected", "Scores in the wrong place, change in points",
        "Widest gap to the rest, points: now", "then",
    )  # fmt: skip
    return Table(
        f"Options for a list of {document.primary}, and their price", heads,
        tuple((_option(option), _price(option)) for option in options),
    )  # fmt: skip


def _option(option: PricedOption) -> str:
    return f"{option.title}: {option.grouping_title.lower()}" if option.grouping else option.title


def _price(option: PricedOption) -> tuple[Cell, ...]:
    change = option.calibration_error_change
    return (
        Cell(say.count(option.found)),
        Cell(say.rate(option.missed)),
        Cell(say.change(option.found_change)),
        Cell(say.ratio(option.observed_expected)),
        Cell(_points(change, signed=True)),
        Cell(_points(option.widest_gap_before)),
        Cell(_points(option.widest_gap_after)),
    )


def _points(value: float | str | None, *, signed: bool = False) -> str:
    if value is None or isinstance(value, str):
        return value or say.NO_VALUE
    text = f"{round(100 * value):+d}" if signed and round(100 * value) else f"{round(100 * value)}"
    return text.replace("-", say.MINUS)


def option_tables(document: AuditDocument) -> list[Table]:
    """List what each option would do for each group."""
    if document.mitigation is None:
        return []
    now = {
        (g.name, group.label): next(
            at.false_negative_rate for at in group.at if at.capacity == document.primary
        )
        for g in document.groupings
        for group in g.groups
    }
    tables = []
    for option in document.mitigation.options:
        rows = tuple(
            (
                group.label,
                (
                    Cell(say.rate(now.get((option.grouping, group.label)))),
                    Cell(say.rate(group.missed)),
                    Cell(say.ratio(group.observed_expected)
                         if group.observed_expected else "as now"),
                ),
            )
            for group in option.groups
        )  # fmt: skip
        if rows:
            heads = ("Group", "Missed now", "Missed then", "Observed / expected then")
            tables.append(Table(_option(option), heads, rows, option.meaning))
    return tables


def trend_view(document: AuditDocument) -> Pictured | None:
    """How the share missed moved over the last audits."""
    everybody = [p for p in document.trend if not p.grouping]
    if not everybody:
        return None
    marks = [
        Mark(_when(p), p.group_missed,
             f"{say.rate(p.group_missed)}{', reserved' if p.reserved else ''}", "close")
        for p in everybody
    ]  # fmt: skip
    chart = interval_chart(
        marks,
        title="Share of all cases missed, audit by audit, with 95% intervals; the table holds the "
        "same numbers",
        reference=None,
        reference_text="",
        span=(0.0, 1.0),
        ticks=MISSED_TICKS,
    )
    rows = tuple(
        (
            f"{p.title}: {p.label}" if p.grouping else p.label,
            (
                Cell(p.quarter, number=False), Cell(p.model, "mono", number=False),
                Cell(say.drawing(p.reserved), number=False),
                Cell(say.rate(p.group_missed)), Cell(say.points(say.negative(p.difference))),
                Cell(say.RECALL_WORDS[p.verdict] if p.grouping else "", f"v v-{p.verdict}", False),
            ),
        )
        for p in document.trend
    )  # fmt: skip
    apart = f"More (+) or less ({say.MINUS}) than the rest"
    heads = ("Group", "Quarter", "Model", "Lists drawn", "Missed", apart, "Finding")
    return Pictured("Trend", Markup(chart), Table("Audit by audit", heads, rows))  # noqa: S704


def _when(point: TrendPoint) -> str:
    return f"{point.quarter.replace(' to ', say.NO_VALUE)} {point.model[:6]}"


def _days(number: Number) -> str:
    if number is None or isinstance(number, str):
        return number or say.NO_VALUE
    return f"{number.value:.0f} ({number.low:.0f} to {number.high:.0f})"


def _two(number: Number) -> str:
    return say.ratio(number)


def _logs(number: Number) -> str:
    if number is None or isinstance(number, str):
        return number or say.NO_VALUE
    value, low, high = (
        f"{x:+.2f}".replace("-", say.MINUS) for x in (number.value or 0.0, number.low, number.high)
    )
    return f"{value} ({low} to {high})"
