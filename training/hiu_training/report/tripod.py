"""TRIPOD+AI (2024) for one model: what software knows, and blanks for what a person must write.

The 52 numbered items are those of Collins and others, BMJ 2024;385:e078378, in our own words.
An item is never filled with a guess: what no file says stays "to be completed by" a role.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import hiu_training.report.tripod_answers as answers
from hiu_training.report.known import Known

LEAD = "the High Intensity Use lead"
DATA = "the data scientist"
CLINICAL = "the clinical safety officer"
GOVERNANCE = "the information governance lead"
SPONSOR = "the sponsor"
CODE = "the maintainer"


class _Item(NamedTuple):
    number: str
    section: str
    topic: str
    asks: str
    applies_to: str
    answer: Callable[[Known], str] | None = None
    role: str = ""
    to_write: str = ""


@dataclass(frozen=True)
class TripodRow:
    """One item of the table.

    Parameters
    ----------
    item : str
        Number as published, for instance ``12c``.
    section, topic : str
        Where it stands.
    asks : str
        What it asks for, in our own words.
    applies_to : str
        ``development``, ``evaluation`` or ``both``.
    known : str
        What software knows; empty where it knows nothing.
    to_complete : str
        ``To be completed by ROLE: what``; empty where nothing is left to a person.
    """

    item: str
    section: str
    topic: str
    asks: str
    applies_to: str
    known: str
    to_complete: str


def rows(known: Known) -> list[TripodRow]:
    """Fill the table for a model.

    Parameters
    ----------
    known : Known
        What is known; the evaluation, the audit and the store's manifest may be missing.
    """
    filled = []
    for item in ITEMS:
        answer = item.answer(known) if item.answer else ""
        left = f"To be completed by {item.role}: {item.to_write}" if item.role else ""
        if not answer and not left:
            left = f"To be completed by {DATA}: not known to the software for this model."
        filled.append(
            TripodRow(
                item.number, item.section, item.topic, item.asks, item.applies_to, answer, left
            )
        )
    return filled


_METHODS, _RESULTS, _OPEN = "Methods", "Results", "Open science"

ITEMS: tuple[_Item, ...] = (
    _Item("1", "Title", "Title",
          "Say that a prediction model is developed or evaluated, for whom and of what.", "both",
          answers.title),
    _Item("2", "Abstract", "Abstract", "A structured summary, by TRIPOD+AI for abstracts.", "both",
          None, DATA, "the summary, once the rest is complete."),
    _Item("3a", "Introduction", "Background",
          "The healthcare setting, why the model is wanted, and the models there are already.",
          "both", answers.context, LEAD, "the local reason for wanting a list."),
    _Item("3b", "Introduction", "Background",
          "Whom the model is for, its purpose in the care pathway, and who uses it.", "both",
          answers.purpose, LEAD, "where in the local pathway the list is used, and by whom."),
    _Item("3c", "Introduction", "Background",
          "Known inequalities between groups in this field.", "both",
          None, LEAD, "what is known locally about who is under-served."),
    _Item("4", "Introduction", "Objectives",
          "What the study is for: development, evaluation or both.", "both", answers.objectives),
    _Item("5a", _METHODS, "Data", "Sources of the data, why these, and whom they represent.",
          "both", answers.sources, DATA, "why these data, and whom they leave out."),
    _Item("5b", _METHODS, "Data", "First and last dates of the data and of follow-up.", "both",
          answers.dates),
    _Item("6a", _METHODS, "Participants", "The setting, and how many centres, where.", "both",
          answers.setting, LEAD, "the services and the area that the data come from."),
    _Item("6b", _METHODS, "Participants", "Who was eligible.", "both", answers.eligible),
    _Item("6c", _METHODS, "Participants", "Treatments received, and how they were handled.", "both",
          answers.treatments),
    _Item("7", _METHODS, "Data preparation",
          "How data were prepared and checked, and whether alike in all groups.", "both",
          answers.preparation, DATA, "whether data quality differs between groups."),
    _Item("8a", _METHODS, "Outcome",
          "The outcome, its horizon, how it is assessed, why it was chosen, and whether it is "
          "assessed alike in all groups.", "both", answers.outcome, LEAD,
          "why this rule was chosen; whether groups differ in calling at equal need."),
    _Item("8b", _METHODS, "Outcome", "Who assessed the outcome, where that takes judgement.",
          "both", answers.assessors),
    _Item("8c", _METHODS, "Outcome", "Whether the assessment was blinded.", "both",
          answers.blinded),
    _Item("9a", _METHODS, "Predictors", "How the first set of predictors was chosen.",
          "development", answers.chosen_predictors),
    _Item("9b", _METHODS, "Predictors", "Every predictor: what it is, how and when measured.",
          "both", answers.predictors),
    _Item("9c", _METHODS, "Predictors", "Who assessed predictors, where that takes judgement.",
          "both", answers.predictor_assessors, DATA,
          "how call handlers code reasons and outcomes locally."),
    _Item("10", _METHODS, "Sample size", "How the size came about, and whether it is enough.",
          "both", answers.sample_size, DATA, "a calculation of the size that was needed."),
    _Item("11", _METHODS, "Missing data", "How missing data were handled, and what was left out.",
          "both", answers.missing),
    _Item("12a", _METHODS, "Analysis", "How the data were divided between learning and judging.",
          "development", answers.split),
    _Item("12b", _METHODS, "Analysis", "How predictors entered: form, scale, transformation.",
          "development", answers.handled),
    _Item("12c", _METHODS, "Analysis",
          "The kind of model and why, every step of building it, tuning, internal validation.",
          "development", answers.model_type),
    _Item("12d", _METHODS, "Analysis", "How differences between clusters (sites) were handled.",
          "both", answers.clusters),
    _Item("12e", _METHODS, "Analysis", "Every measure and plot of performance, and why.", "both",
          answers.measures),
    _Item("12f", _METHODS, "Analysis", "Any updating after evaluation, such as recalibration.",
          "evaluation", answers.updating),
    _Item("12g", _METHODS, "Analysis", "How predictions were calculated in the evaluation.",
          "evaluation", answers.calculated),
    _Item("13", _METHODS, "Class imbalance",
          "Whether imbalance was handled, why, and how probabilities were put right after.",
          "both", answers.imbalance),
    _Item("14", _METHODS, "Fairness", "What was done about fairness, and why.", "both",
          answers.fairness_methods, LEAD, "which groups matter locally, and why."),
    _Item("15", _METHODS, "Model output",
          "What the model gives, and how any thresholds came about.", "development",
          answers.output),
    _Item("16", _METHODS, "Training against evaluation",
          "How the data to learn from and to judge with differ.", "both", answers.differences),
    _Item("17", _METHODS, "Ethical approval", "Who approved the study; consent.", "both",
          None, GOVERNANCE, "approval, legal basis and how people may opt out."),
    _Item("18a", _OPEN, "Funding", "Who paid, and their role.", "both", None, SPONSOR,
          "funding and the funder's role."),
    _Item("18b", _OPEN, "Conflicts of interest", "Interests of all authors.", "both", None,
          SPONSOR, "interests, or that there are none."),
    _Item("18c", _OPEN, "Protocol", "Where the protocol can be read.", "both", answers.protocol),
    _Item("18d", _OPEN, "Registration", "Where the study is registered, or that it is not.",
          "both", None, SPONSOR, "register and number, or that it is not registered."),
    _Item("18e", _OPEN, "Data sharing", "Whether the data can be had.", "both", None, GOVERNANCE,
          "who may have the data, and how."),
    _Item("18f", _OPEN, "Code sharing", "Whether the code can be had.", "both", answers.code,
          CODE, "the address of the source code as used."),
    _Item("19", "Patient and public involvement", "Involvement",
          "How patients and the public took part, or that they did not.", "both", None, LEAD,
          "who was involved, in what, and what it changed."),
    _Item("20a", _RESULTS, "Participants",
          "How many people went through each step, with and without the outcome.", "both",
          answers.flow),
    _Item("20b", _RESULTS, "Participants",
          "Who they are: key predictors, demography, outcomes, missing data, differences between "
          "groups.", "both", answers.characteristics, DATA,
          "a table of the local population by age, sex, ethnic group and deprivation."),
    _Item("20c", _RESULTS, "Participants",
          "How the people judged compare with those learned from.", "evaluation",
          answers.compared),
    _Item("21", _RESULTS, "Model development",
          "People and outcomes in each analysis.", "both", answers.numbers),
    _Item("22", _RESULTS, "Model specification",
          "The whole model, so that others can use and check it; limits on its use.",
          "development", answers.specification),
    _Item("23a", _RESULTS, "Model performance",
          "Performance with intervals, also in key groups.", "both", answers.performance),
    _Item("23b", _RESULTS, "Model performance", "Differences between clusters.", "both",
          answers.cluster_results),
    _Item("24", _RESULTS, "Model updating", "The updated model and how it does.", "evaluation",
          answers.updated),
    _Item("25", "Discussion", "Interpretation",
          "What the results mean, fairness included, beside earlier work.", "both",
          answers.interpretation, LEAD, "what it means for the service."),
    _Item("26", "Discussion", "Limitations",
          "Limits of the study and what they do to bias, uncertainty and use elsewhere.", "both",
          answers.limitations, DATA, "limits of the local data."),
    _Item("27a", "Discussion", "Use in current care",
          "What to do with poor or missing input when the model is used.", "development",
          answers.poor_input),
    _Item("27b", "Discussion", "Use in current care",
          "What users must do and know.", "development", answers.users, CLINICAL,
          "the training that users get."),
    _Item("27c", "Discussion", "Use in current care", "What should be studied next.",
          "development", None, LEAD, "the next steps."),
)  # fmt: skip
"""All items, in order."""
