"""The section on what the model is worth: whether it finds more than a simple count of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiu_training.audit.wording import NO_VALUE
from hiu_training.board.blocks import Block, Chart, Column, Para, Section, Table, ToDo
from hiu_training.board.charts import Bar, share_chart
from hiu_training.board.published import Share
from hiu_training.board.records import Material
from hiu_training.judging.names import ranker_name
from hiu_training.report.known import middle_capacity

_NAMES = {
    "model": "This model",
    "anchor": "Its simple part alone",
    "plain_lightgbm": "Trees without the simple part",
    "count_30d": "Count over 30 days",
    "count_90d": "Count over 90 days",
    "count_365d": "Count over a year",
    "decayed_count": "Count, recent ones weigh more",
    "true_probability": "The best possible (made-up data)",
    "true_intensity": "The true call rate (made-up data)",
}
_TITLE = "Does the model earn its place?"


def worth_section(material: Material) -> Section:
    """Show the model beside the simple counts it must beat, at the length of a list."""
    evaluation = material.known.evaluation
    k = middle_capacity(evaluation)
    found = {
        name: (_share(measures, "recall_at", k), _share(measures, "precision_at", k))
        for name, measures in evaluation.get("rankers", {}).items()
    }
    found = {name: both for name, both in found.items() if both[0] is not None}
    if not found:
        return Section(
            "worth",
            _TITLE,
            (
                Para("No evaluation is kept with this model: nobody can say from this pack whether "
                     "it finds more than a simple count of calls.", "warning"),
                Para(ToDo("the data scientist: run hiu-risk evaluate")),
            ),
        )  # fmt: skip
    bars = [
        Bar(_NAMES.get(name) or ranker_name(name), recall, _words(recall))
        for name, (recall, _) in found.items()
    ]
    says = f"Share of cases found by a list of {k}, by way of ranking: " + "; ".join(
        f"{bar.label} {bar.words}" for bar in bars
    )
    table = Table(
        f"Lists of {k}, by way of ranking",
        (Column("Ranked by", share=2.4), Column("Share of cases found", True, 1.4),
         Column("Share of the listed who became cases", True, 1.6)),
        tuple(
            (_NAMES.get(name) or ranker_name(name), _words(recall), _words(precision))
            for name, (recall, precision) in found.items()
        ),
    )  # fmt: skip
    verdict = str(evaluation.get("verdict", "")) or "No verdict is kept."
    blocks: tuple[Block, ...] = (
        Para(f"{verdict[:1].upper()}{verdict[1:]}", "lead"),
        Para(_how(material), "quiet"),
        Chart(share_chart(bars, says=says), says, f"Share of cases found by a list of {k}"),
        table,
    )
    return Section("worth", _TITLE, blocks)


def _how(material: Material) -> str:
    dates = material.known.dates
    when = f" ({dates[0]} to {dates[-1]})" if dates else ""
    return (
        f"Judged on dates later than anything the model learned from{when}: a test of the model, "
        "not a count of what this quarter's lists did. Ranking people by how often they called "
        "lately is what anybody could do without a model; one that finds no more is not worth its "
        f"risks.{_beside_the_audit(material)}"
    )


def _beside_the_audit(material: Material) -> str:
    """Say why the audit of the same lists prints another share."""
    audit = material.audit
    if audit is None or not audit.suppressed:
        return ""
    return (
        " Shares here come from exact counts, as ways of ranking could not be told apart by "
        "rounded ones; in “Fairness on one page” they come from rounded counts, and it says by "
        "how many points they may differ."
    )


def _share(measures: Mapping[str, Any], kind: str, k: str) -> Share | None:
    estimate = measures.get(kind, {}).get(k) or {}
    value, low, high = (estimate.get(key) for key in ("value", "low", "high"))
    if value is None:
        return None
    return Share(value, value if low is None else low, value if high is None else high)


def _words(share: Share | None) -> str:
    return NO_VALUE if share is None else share.words
