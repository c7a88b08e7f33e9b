"""The evaluation as one self-contained page: what was found, charts, and a table behind each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hiu_risk.pages import render
from hiu_risk.words import looked_for, plural
from hiu_training.judging.names import DIMENSIONS, capacity_name, ranker_name
from hiu_training.judging.verdict import FEWEST
from hiu_training.report import charts, tables, whole
from hiu_training.report.known import ROUNDED, Known, middle_capacity
from hiu_training.report.tables import Table, cell, count
from hiu_training.svg import inline_svg


@dataclass(frozen=True)
class Part:
    """A chart with what it shows in words, and its tables.

    Parameters
    ----------
    title : str
    says : str
        How to read it.
    chart : Markup or None
        An SVG element.
    tables : tuple of Table
    open : bool
        Whether the tables are shown from the start.
    """

    title: str
    says: str
    chart: Markup | None
    tables: tuple[Table, ...]
    open: bool = False


def render_page(known: Known) -> str:
    """Render the evaluation page of a model."""
    evaluation = known.evaluation
    k = middle_capacity(evaluation)
    manifest = known.bundle.manifest
    return render(
        "hiu_training",
        "evaluation.html",
        title="Does the model earn its place?",
        subtitle=f"Model {known.version}: {looked_for(manifest.target, manifest.horizon_days)}",
        verdict=evaluation["verdict"],
        boxes=_boxes(evaluation, k),
        rankers=tables.rankers(evaluation),
        ceiling="true_probability" in evaluation["rankers"],
        lists=tables.lists(evaluation),
        not_ranked=tables.not_ranked(evaluation),
        whole=whole.model_and_count(evaluation),
        not_shown=whole.not_shown(evaluation),
        ties=tables.ties(evaluation),
        others=[tables.measure_at(evaluation, kind) for kind in tables.MEASURES_AT
                if evaluation["rankers"]["model"].get(kind)] + whole.every_ranker(evaluation),
        parts=_parts(evaluation, k),
        groups=_groups(evaluation, k),
        notes=list(known.learning.get("notes", ())),
        facts=_facts(known),
    )  # fmt: skip


def _boxes(evaluation: Mapping[str, Any], k: str) -> list[dict[str, str]]:
    """Give the few numbers that a board asks for."""
    model = evaluation["rankers"]["model"]
    best = charts.best_count(evaluation)
    told = []
    if best:
        apart = evaluation["differences"][best]["average_precision"]
        low = apart["low"]
        few = evaluation["population"]["positive_people"] < FEWEST
        told.append({
            "heading": f"Against the best count ({ranker_name(best)})",
            "value": cell(apart, 3, sign=True),
            "says": "average precision, model minus count; "
            + (f"fewer than {FEWEST} people became cases, so nothing is concluded" if few
               else "without an interval nothing is concluded" if low is None
               else "the interval excludes zero" if low > 0
               else "the interval does not exclude zero in the model's favour"),
        })  # fmt: skip
    for kind, heading, digits, says in (
        ("recall_at", f"Cases on a list of {capacity_name(k)}", 2, "share of all cases (recall)"),
        ("number_needed_at", "People to review for one case", 1, f"on lists of {capacity_name(k)}"),
        ("lead_days_at", "Days of lead", 0, "from first listing to the event, on average"),
    ):
        e = model.get(kind, {}).get(k)
        if e:
            told.append({"heading": heading, "value": cell(e, digits), "says": says})
    slope = model.get("calibration_slope")
    if slope:
        told.append({"heading": "Calibration slope", "value": cell(slope, 2),
                     "says": "1 is right; below 1 the chances are too extreme"})  # fmt: skip
    return told


def _parts(evaluation: Mapping[str, Any], k: str) -> list[Part]:
    built: list[Part] = []

    def part(title: str, says: str, draw: Callable[[], str] | None, *found: Table | None) -> None:
        chart = _chart(draw(), title) if draw else None
        built.append(Part(title, says, chart, tuple(t for t in found if t)))

    part("Precision and recall",
         "From the top of the ranking down: how many of those listed are cases, against how many "
         "of all cases are listed. Further up and to the right is better.",
         lambda: charts.precision_recall(evaluation), _curve_table(evaluation))  # fmt: skip
    part("Lift by length of the list",
         "How many times as many cases a list of K finds as a list drawn by lot would. Bars are "
         "95% intervals of the model.",
         lambda: charts.by_capacity(evaluation),
         tables.measure_at(evaluation, "lift_at"))  # fmt: skip
    if any(k in told for told in evaluation["curves"]["lead_days"].values()):
        part("How long before",
             f"The share of all cases that was on a list of {capacity_name(k)} at least so many "
             "days before the event. Height at the left is the share ever listed; a line that "
             "stays high to the right leaves time to help. Here a case is one event of one "
             "person, on the list of any test date before it.",
             lambda: charts.lead_time(evaluation, k), tables.lead_time(evaluation, k),
             tables.measure_at(evaluation, "lead_days_at"),
             tables.measure_at(evaluation, "calls_before_onset_at"))  # fmt: skip
    part("Are the chances right?",
         "Each dot is a group of about as many expected cases. On the line, as many had the "
         "event as the scores said; above it, more.",
         lambda: charts.calibration(evaluation), tables.probabilities(evaluation),
         tables.calibration_groups(evaluation))  # fmt: skip
    if evaluation["net_benefit"].get("thresholds"):
        part("Is it worth acting on?",
             "Net benefit: cases listed, less those listed in vain, weighed by the chance from "
             "which on somebody would act. A model is worth using at a chance where its line is "
             "above the others, above acting on nobody, and above acting on everybody. The band "
             "is the model's 95% interval.",
             lambda: charts.net_benefit(evaluation), tables.net_benefit(evaluation))  # fmt: skip
    part("From date to date",
         "Average precision at each test date, with 95% intervals.",
         lambda: charts.stability(evaluation), tables.per_origin(evaluation, k))  # fmt: skip
    return built


def _chart(svg: str, title: str) -> Markup:
    text = inline_svg(svg, f"{title}; the tables below hold the numbers")
    return Markup(text)  # noqa: S704  (made here, labels escaped by the SVG writer)


def _curve_table(evaluation: Mapping[str, Any]) -> Table:
    """Give the precision of each ranker where a tenth, a fifth and so on of the cases is listed."""
    import numpy as np

    names = charts.shown(evaluation)
    rows = []
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0):
        cells = []
        for name in names:
            curve = evaluation["curves"]["precision_recall"][name]
            place = int(np.searchsorted(curve["recall"], share - 1e-9))
            known = place < len(curve["precision"])
            cells.append(f"{curve['precision'][place]:.3f}" if known else tables.NOTHING)
        rows.append((f"{share:.0%}", *cells))
    return Table(
        "Precision where so many of the cases are listed",
        ("Recall", *(ranker_name(n) for n in names)), tuple(rows), words=0,
    )  # fmt: skip


def _groups(evaluation: Mapping[str, Any], k: str) -> list[Part]:
    built = []
    for dimension in evaluation.get("breakdowns", {}):
        rows = tables.group_rows(evaluation, dimension, k)
        title = DIMENSIONS.get(dimension, f"By {dimension}")
        what = f"Recall at {capacity_name(k)}: share of the group's cases listed"
        chart = _chart(charts.groups(rows, what), title) if rows else None
        built.append(Part(title, "", chart, (tables.breakdown(evaluation, dimension, k),)))
    return built


def _facts(known: Known) -> list[tuple[str, str]]:
    evaluation, learned, judged = known.evaluation, known.learning, known.population
    made = known.bundle.manifest
    entity, resamples = known.entity, evaluation.get("resamples", 0)
    told = [
        ("Outcome", known.outcome),
        ("On the list may be", known.eligibility),
        ("Judged at", f"{plural(len(known.dates), 'date')}: {', '.join(known.dates)}"),
        ("Judged on", f"{count(judged['rows'])} rows of {count(judged['people'])} {entity}; "
         f"{count(judged['positives'])} rows positive, of {count(judged['positive_people'])} "
         f"different {entity}"),
        ("Learned from", f"{count(learned['rows'])} rows at "
         f"{plural(len(learned['dates']), 'date')}, {count(learned['positives'])} positive"
         if learned else ""),
        ("Embargo", f"{learned['embargo_days']:g} days between what taught and what judged"
         if learned else ""),
        ("Not ranked", tables.not_ranked(evaluation)),
        ("Left out of judging", "; ".join(
            f"{part.replace('_', ' ')}: " + ", ".join(
                f"{name.replace('_', ' ')} {count(n)}" for name, n in some)
            for part, reasons in evaluation.get("judged_dropped", {}).items()
            if (some := [(name, n) for name, n in reasons.items() if n]))),
        ("Counts", f"{ROUNDED} * is a count of 1 to 7, or one that would give such a count away."),
        ("Intervals", f"95%, from {resamples:,} resamples of {entity}, each with all rows at all "
         "dates" if resamples else "none, as the protocol asks for no resamples"),
        ("Made from", f"data {made.data_hash[:12]}, protocol {made.protocol_hash[:12]}, code "
         f"{made.code_version}"),
    ]  # fmt: skip
    return [(name, text) for name, text in told if text]
