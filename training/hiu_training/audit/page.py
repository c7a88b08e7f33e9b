"""The audit as one self-contained page: who is missed comes first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hiu_risk.files import write_text
from hiu_risk.pages import render
from hiu_risk.words import looked_for
from hiu_training.audit import page_more as more
from hiu_training.audit import wording as say
from hiu_training.audit.onepage import (
    at_primary,
    boxes,
    conclusion,
    headline,
    lists_in_words,
    reserving_lines,
)
from hiu_training.audit.plots import Mark, interval_chart
from hiu_training.audit.result import (
    MAY_NOT_LEAVE,
    AuditDocument,
    Estimate,
    GroupingResult,
    GroupResult,
    Verdict,
)
from hiu_training.audit.rounding import rounding_in_words

_RATIO_TICKS = {0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4"}


def write_page(document: AuditDocument, folder: Path) -> Path:
    """Write ``audit.html``: a whole page takes the place of an older one, or nothing does."""
    page = folder / "audit.html"
    write_text(page, render_page(document))
    return page


def render_page(document: AuditDocument) -> str:
    """Render the page from the published numbers, and nothing else."""
    groupings = [_view(document, g) for g in document.groupings]
    return render(
        "hiu_training",
        "audit.html",
        title="Who is missed?",
        subtitle=f"Fairness of the list of {document.primary}, model {document.model}",
        audit=document,
        may_not_leave=MAY_NOT_LEAVE,
        headline=headline(document),
        conclusion=conclusion(document),
        rounding=rounding_in_words(document),
        more=_more(document),
        boxes=boxes(document),
        reserving=reserving_lines(document),
        lists=lists_in_words(document),
        groupings=groupings,
        pairs=[_table(document, g) for g in document.pairs],
        facts=_facts(document),
        linkage=[
            {
                "source": _begin(say.event(item.source)),
                "outcome": _begin(say.outcome(item.outcome)),
                "events": say.count(item.events),
                "linked": say.count(item.linked),
                "coverage": say.per_cent(item.coverage)
                if isinstance(item.coverage, float)
                else item.coverage or say.NO_VALUE,
            }
            for item in document.linkage
        ],
        margin=round(100 * document.margin),
        needed=document.overall.cases_needed,
    )


def _more(document: AuditDocument) -> dict[str, object]:
    """Give the sections that not every audit has."""
    return {
        "reference": more.reference_tables(document),
        "ranking": more.ranking_tables(document),
        "second": more.second_views(document),
        "identity": more.identity_tables(document),
        "drivers": more.driver_tables(document),
        "proxies": more.proxy_table(document),
        "prices": more.price_table(document),
        "options": more.option_tables(document),
        "cautions": _cautions(document),
        "trend": more.trend_view(document),
        "mixed": len({point.reserved for point in document.trend}) > 1,
    }


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]


def _cautions(document: AuditDocument) -> list[str]:
    options = document.mitigation.options if document.mitigation else ()
    return list(dict.fromkeys(option.caution for option in options if option.caution))


def _facts(document: AuditDocument) -> list[tuple[str, str]]:
    dates = document.dates
    unobserved = say.listing(list(document.unobserved_dates))
    facts = [
        ("Definition of a case", document.definition),
        ("Target", f"{looked_for(document.target, document.horizon_days)}; "
                   f"washout {document.washout_days} days"),
        ("List dates", f"{len(dates)}: {say.listing(list(dates))}"),
        ("People", f"{say.count(document.people)} eligible, "
                   f"{say.count(document.overall.rows)} person-dates judged"),
        ("Cases", f"{say.count(document.overall.cases)}, of "
                  f"{say.count(document.case_people)} different people"),
        ("Model", document.model),
        ("Protocol", document.protocol),
        ("Data", document.store),
        ("Small numbers", document.suppression),
    ]  # fmt: skip
    if unobserved:
        facts.insert(3, ("Left out", f"{unobserved}: outcomes not yet observed"))
    return [(name, text) for name, text in facts if text]


@dataclass(frozen=True)
class _View:
    """What the template shows of one grouping."""

    title: str
    note: str
    from_rounded: bool
    missed_chart: Markup
    calibration_chart: Markup
    rows: list[dict[str, str]]
    lists: list[dict[str, object]]
    calibration: list[dict[str, str]]


def _view(document: AuditDocument, grouping: GroupingResult) -> _View:
    return _View(
        title=grouping.title,
        note=grouping.note,
        from_rounded=grouping.from_rounded,
        missed_chart=_missed_chart(document, grouping),
        calibration_chart=_calibration_chart(grouping),
        rows=_table(document, grouping)["rows"],
        lists=[_lists(document, group) for group in (*grouping.groups, document.overall)],
        calibration=[_calibration(group) for group in (*grouping.groups, document.overall)],
    )


def _table(document: AuditDocument, grouping: GroupingResult) -> dict[str, list[dict[str, str]]]:
    rows = []
    for group in (*grouping.groups, document.overall):
        at = at_primary(document, group)
        seen = group.smallest_difference_seen
        rows.append(
            {
                "label": group.label,
                "cases": say.count(group.cases),
                "found": say.count(at.found),
                "missed": say.rate(at.false_negative_rate),
                "difference": say.points(say.negative(at.recall_difference)),
                "simultaneous": say.points(say.negative(group.recall_difference_simultaneous)),
                "verdict": group.recall_verdict,
                "words": say.RECALL_WORDS[group.recall_verdict],
                "seen": f"{round(100 * seen)}" if isinstance(seen, float) else seen or "",
            }
        )
    return {"title": [{"title": grouping.title, "note": grouping.note}], "rows": rows}


def _lists(document: AuditDocument, group: GroupResult) -> dict[str, object]:
    at = at_primary(document, group)
    return {
        "label": group.label,
        "rows": say.count(group.rows),
        "recalls": [say.rate(each.recall) for each in group.at],
        "listed": say.count(at.listed),
        "selection_rate": say.small_rate(at.selection_rate),
        "precision": say.rate(at.precision),
    }


def _calibration(group: GroupResult) -> dict[str, str]:
    return {
        "label": group.label,
        "observed": say.count(group.cases),
        "expected": say.count(group.expected),
        "ratio": say.ratio(group.observed_expected),
        "to_rest": say.ratio(group.calibration_ratio),
        "slope": say.ratio(group.calibration_slope),
        "intercept": say.ratio(group.calibration_intercept),
        "verdict": group.calibration_verdict,
        "words": say.CALIBRATION_WORDS[group.calibration_verdict],
    }


def _missed_chart(document: AuditDocument, grouping: GroupingResult) -> Markup:
    overall = at_primary(document, document.overall).false_negative_rate
    reference = overall.value if isinstance(overall, Estimate) else None
    marks = [
        Mark(group.label, (missed := at_primary(document, group).false_negative_rate),
             say.rate(missed), group.recall_verdict)
        for group in grouping.groups
    ]  # fmt: skip
    svg = interval_chart(
        marks,
        title=f"Share of cases missed by a list of {document.primary}, by "
        f"{grouping.title.lower()}, with 95% intervals; the table holds the same numbers",
        reference=reference,
        reference_text="" if reference is None else f"everybody {say.per_cent(reference)}",
        span=(0.0, 1.0),
        ticks=more.MISSED_TICKS,
    )
    return Markup(svg)  # noqa: S704  (made here, labels escaped by the SVG writer)


def _calibration_chart(grouping: GroupingResult) -> Markup:
    marks = [
        Mark(group.label, group.observed_expected, say.ratio(group.observed_expected),
             _swapped(group.calibration_verdict))
        for group in grouping.groups
    ]  # fmt: skip
    svg = interval_chart(
        marks,
        title=f"Observed over expected cases, by {grouping.title.lower()}, with 95% intervals; "
        "the table holds the same numbers",
        reference=1.0,
        reference_text="as predicted",
        span=(0.2, 5.0),
        ticks=_RATIO_TICKS,
        logarithmic=True,
    )
    return Markup(svg)  # noqa: S704  (made here, labels escaped by the SVG writer)


def _swapped(verdict: Verdict) -> Verdict:
    """Colour understated risk as the harm: more cases than predicted."""
    swap: dict[Verdict, Verdict] = {
        "higher": "lower", "perhaps_higher": "perhaps_lower",
        "lower": "higher", "perhaps_lower": "perhaps_higher",
    }  # fmt: skip
    return swap.get(verdict, verdict)
