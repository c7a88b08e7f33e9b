"""The model card: what the model is, how it did, what it is for, and what it is not for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hiu_risk import NOT_FOR
from hiu_training.report import reasons
from hiu_training.report import tripod_answers as answers
from hiu_training.report.known import Known, interval, middle_capacity
from hiu_training.report.whole import in_words

NOT_USED_FOR = (
    "Downgrading, delaying or refusing an answer to a live 999 call, or care of any kind.",
    "Warning letters, charges, sanctions, or reports to the police or a landlord.",
    "Deciding about a person without a person: every entry needs a recorded human decision.",
    "Telling anybody that they are, or will be, a burden: the score is about contact with a "
    "service, not about need or worth.",
    "Diagnosis, triage, or judging why somebody calls.",
    "People whom the model was not made for: other ages, entities, services, or another rule.",
    "Another area or another feed without judging it there first.",
    "Measuring staff, or claiming that the service works: that needs a comparison group.",
)
"""What the model should not be used for."""


@dataclass(frozen=True)
class CardFact:
    """One line of the card.

    Parameters
    ----------
    section : str
        ``The model``, ``Use``, ``Data``, ``Performance``, ``Reasons``, ``Fairness`` or
        ``Limits``.
    name : str
        What is told.
    value : str
        The fact; empty where a person must write it.
    to_complete : str
        ``To be completed by ROLE: what``; empty where nothing is left to a person.
    """

    section: str
    name: str
    value: str
    to_complete: str = ""


def facts(known: Known) -> list[CardFact]:
    """Give the card of a model, line by line."""
    return [
        *_model(known), *_use(known), *_data(known), *_performance(known), *_reasons(known),
        *_fairness(known), *_limits(known),
    ]  # fmt: skip


def _model(known: Known) -> list[CardFact]:
    made = known.bundle.manifest
    here = "The model"
    return [
        CardFact(here, "Version", known.version),
        CardFact(here, "What it predicts", known.outcome),
        CardFact(here, "Kind", answers.model_type(known)),
        CardFact(here, "Output", answers.output(known)),
        CardFact(here, "Made from", f"data {made.data_hash[:12]}, protocol "
                 f"{made.protocol_hash[:12]}, code {made.code_version}"),
        CardFact(here, "Nothing used from", f"{known.trained_through} on"),
        CardFact(here, "Owner", "", "To be completed by the High Intensity Use lead: who answers "
                 "for the model, and how to reach them."),
    ]  # fmt: skip


def _use(known: Known) -> list[CardFact]:
    here = "Use"
    return [
        CardFact(here, "For", answers.purpose(known)),
        CardFact(here, "Users", answers.users(known), "To be completed by the clinical safety "
                 "officer: training that users get."),
        CardFact(here, "On the list may be", known.eligibility),
        *(CardFact(here, "Not for", text) for text in NOT_USED_FOR),
    ]  # fmt: skip


def _data(known: Known) -> list[CardFact]:
    here = "Data"
    told = (
        ("Sources", answers.sources(known)),
        ("Dates", answers.dates(known)),
        ("How it was divided", answers.split(known)),
        ("Numbers", answers.sample_size(known)),
        ("Missing data", answers.missing(known)),
        ("People on a caseload", answers.treatments(known)),
    )
    return [CardFact(here, name, value) for name, value in told if value]


def _performance(known: Known) -> list[CardFact]:
    here, found = "Performance", known.ranker()
    if not found:
        return [
            CardFact(here, "Evaluation", "", "To be completed by the data scientist: run "
                     "hiu-risk evaluate.")
        ]  # fmt: skip
    k = middle_capacity(known.evaluation)
    told = [
        CardFact(here, "Verdict", str(known.evaluation.get("verdict", ""))),
        CardFact(here, "Average precision", interval(found.get("average_precision"))),
        CardFact(here, "AUROC", interval(found.get("auroc"))),
    ]
    for kind, name in (
        ("recall_at", "Share of cases found by lists of"),
        ("precision_at", "Share of the listed who became cases, lists of"),
        ("number_needed_at", "People to review for one case, lists of"),
        ("lead_days_at", "Days from first listing to the event, lists of"),
    ):
        estimate = found.get(kind, {}).get(k)
        if estimate:
            digits = 1 if kind in ("number_needed_at", "lead_days_at") else 3
            told.append(CardFact(here, f"{name} {k}", interval(estimate, digits)))
    everybody = in_words(known.evaluation, k)
    if everybody:
        told.append(CardFact(here, f"Lists of {k} of everybody at risk", everybody))
    slope, offset = found.get("calibration_slope"), found.get("calibration_intercept")
    if slope:
        told.append(CardFact(here, "Calibration slope (1 is right)", interval(slope, 2)))
        told.append(CardFact(here, "Calibration intercept (0 is right)", interval(offset, 2)))
    return told


def _reasons(known: Known) -> list[CardFact]:
    told = reasons.lines(known.reasons)
    if told:
        return [CardFact("Reasons", name, value) for name, value in told]
    said = (
        "measured on too few people to be told"
        if known.reasons.get("faithfulness")
        else "not measured: run hiu-risk explain --faithfulness"
    )
    return [CardFact("Reasons", "Faithfulness", said)]


def _fairness(known: Known) -> list[CardFact]:
    here = "Fairness"
    if not known.audit:
        return [
            CardFact(here, "Audit", "", "To be completed by the data scientist: run hiu-risk "
                     "audit; none is kept with this model.")
        ]  # fmt: skip
    told = [
        CardFact(here, "Groups compared", ", ".join(
            str(g.get("title", "")) for g in known.audit.get("groupings", ()))),
        CardFact(here, "Missed more often than the rest", _missed(known.audit)),
        CardFact(here, "Caution", str(known.audit.get("label_caution", ""))),
    ]  # fmt: skip
    return [fact for fact in told if fact.value]


def _missed(audit: Any) -> str:
    groups = [
        f"{group.get('label', '')} ({grouping.get('title', '')})"
        for grouping in audit.get("groupings", ())
        for group in grouping.get("groups", ())
        if group.get("recall_verdict") == "lower"
    ]
    return ", ".join(groups) or "no group was shown to be; read the audit for what it could show"


def _limits(known: Known) -> list[CardFact]:
    return [
        CardFact("Limits", "Known limits", answers.limitations(known)),
        CardFact("Limits", "Always", NOT_FOR),
        CardFact("Limits", "Local limits", "", "To be completed by the High Intensity Use lead: "
                 "what users here should know."),
    ]  # fmt: skip


def to_data(known: Known) -> dict[str, Any]:
    """Give the card as plain data."""
    return {"model": known.version, "facts": [asdict(fact) for fact in facts(known)]}


def to_markdown(lines: Sequence[CardFact], version: str) -> str:
    """Write the card as Markdown.

    Examples
    --------
    >>> print(to_markdown([CardFact("Use", "For", "a list")], "0123456789ab"))
    # Model card: 0123456789ab
    <BLANKLINE>
    ## Use
    <BLANKLINE>
    - **For:** a list
    <BLANKLINE>
    """
    text = [f"# Model card: {version}", ""]
    section = ""
    for fact in lines:
        if fact.section != section:
            text += ([""] if section else []) + [f"## {fact.section}", ""]
            section = fact.section
        left = f"_{fact.to_complete}_" if fact.to_complete else ""
        text.append(f"- **{fact.name}:** {' '.join(part for part in (fact.value, left) if part)}")
    return "\n".join(text) + "\n"
