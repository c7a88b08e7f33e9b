"""The sections that describe the model: purpose, data protection, transparency, card, TRIPOD+AI."""

from __future__ import annotations

from itertools import groupby

from hiu_risk import NOT_FOR
from hiu_risk.words import plural
from hiu_training.board.blocks import (
    Block,
    Bullets,
    Column,
    Facts,
    Para,
    Section,
    Table,
    Text,
    ToDo,
)
from hiu_training.board.fields import Filled
from hiu_training.board.records import Material
from hiu_training.board.words import SOURCES, TARGETS, phrase
from hiu_training.report import card, tripod
from hiu_training.report import tripod_answers as answers

_CARD_KEYS = {("The model", "Owner"): "owner", ("Use", "Users"): "users",
              ("Limits", "Local limits"): "local_limits"}  # fmt: skip
_BEFORE = "To be completed by "


def purpose_section(material: Material) -> Section:
    """Say what the model is for and not for, to a reader new to it."""
    known = material.known
    who = phrase(material.target, TARGETS)
    blocks: tuple[Block, ...] = (
        Para(
            "Some people call 999 or come to A&E very often. A High Intensity Use service rings "
            "them, finds out why, and brings help. The model ranks people by the chance that they "
            "are about to need that service, so that somebody can ring before the crisis.",
        ),
        Facts(
            "What it does",
            (
                ("Looks for", f"{who[:1].upper()}{who[1:]}"),
                ("The rule looked ahead for", material.definition),
                ("How far ahead", f"{material.horizon_days} days"),
                (
                    "Looks at",
                    "How often and how recently a person called or came, when in the day, "
                    "the reasons recorded, how contacts ended, age, sex and area",
                ),
                ("Gives", "A list of a fixed length, with a chance and up to three reasons each"),
                ("Who decides", "A person, about every name on the list"),
                ("Who may be on it", known.eligibility),
            ),
        ),
        Para(NOT_FOR, "notice"),
        Para("It is not for:"),
        Bullets(card.NOT_USED_FOR),
        Para(
            "What it can't see: people who need help and don't call; events that couldn't be "
            "linked to a person; why somebody calls. Contact with a service is not need."
        ),
        Facts("Who answers for it", material.filled["roles.toml"].facts()),
    )
    return Section("purpose", "What the model is for, and not for", blocks, fresh=True)


def dpia_section(material: Material) -> Section:
    """Give the data protection facts: what software knows, and what people wrote."""
    store, zone = material.store, material.store.zone
    linked = sum(feed.unlinked for feed in store.feeds)
    switches = "; ".join(
        f"{name.replace('_', ' ')} {'counted' if on else 'not counted'}"
        for name, on in sorted(store.counting.items())
    )
    sources = [phrase(s, SOURCES) for s in sorted({f.source for f in store.feeds if f.source})]
    facts: tuple[tuple[str, Text], ...] = (
        ("Whose data", "People who had contact with the services in the extracts; "
         f"a row is one {store.entity}"),
        ("Which data", f"{', '.join(sources)}; date of birth, sex, ethnic group, deprivation of "
         "the area, registration, death, caseload. Special category data: health and ethnic group"),
        ("Identifiers", "Replaced on the way in by a keyed hash (HMAC-SHA256). The store, the "
         "model and this pack hold no NHS number, name or address"),
        ("Least identity confidence", f"{store.min_confidence:g}; events below it are not linked "
         f"({'none' if not linked else 'some'} were left unlinked)"),
        ("Counting switches", switches or "none"),
        ("Automated decisions", "None made by the software: it ranks, a person decides"),
        ("Protected characteristics", "Used to audit fairness. Age and sex may be inputs; they are "
         "never given as a reason"),
        ("Where it runs", "On the organisation's own machines; nothing is sent elsewhere"),
        ("Time zone of the data", zone),
        ("Data version", store.content_hash[:12]),
    )  # fmt: skip
    filled = material.filled["dpia.toml"]
    blocks = (
        Facts("What the software knows", facts),
        Facts("What the organisation answers", filled.facts()),
    )
    return Section("dpia", "Data protection facts", blocks, fresh=True)


def transparency_section(material: Material) -> Section:
    """Give the Algorithmic Transparency Recording Standard record."""
    known, filled = material.known, material.filled["transparency-record.toml"]
    made = known.bundle.manifest
    lists = plural(len(material.lists), "list")
    blocks = (
        Para(
            "In the order of the Algorithmic Transparency Recording Standard. Compare with the "
            "current template before publishing.",
            "quiet",
        ),
        Facts("Tier 1: summary", filled.facts("name", "description", "website", "contact")),
        Facts(
            "Tier 2: owner and responsibility",
            filled.facts("organisation", "team", "owner", "supplier"),
        ),
        Facts(
            "Tier 2: description and rationale",
            (
                ("Detailed description", f"{known.outcome} {answers.model_type(known)}"),
                ("Scope", f"{answers.purpose(known)} {NOT_FOR}"),
                *filled.facts("benefit", "previous_process", "alternatives"),
            ),
        ),
        Facts(
            "Tier 2: place in decisions",
            (
                *filled.facts("integration"),
                ("Human review", "Every listed person needs a recorded decision by a reviewer; the "
                 "counts are in the section on decisions"),
                ("How often it is used", f"{lists} in {material.quarter}"),
                *filled.facts("training", "appeals"),
            ),
        ),
        Facts(
            "Tier 2: the tool, the model and the data",
            (
                *filled.facts("phase"),
                ("Architecture", "Extracts to a local store, inputs known at the index date, "
                 "model, list; embedded, no outside service"),
                ("Model version", known.version),
                ("Task", known.outcome),
                ("Input", f"{len(made.feature_names)} numbers about a person's own history"),
                ("Output", answers.output(known)),
                ("Performance", answers.performance(known)
                 or ToDo("the data scientist: no evaluation is kept with this model")),
                ("Maintenance", "Retrained by protocol; promotion passes checks recorded in the "
                 "ledger"),
                ("Data used to develop it", answers.sources(known) + " " + answers.dates(known)),
                ("Missing data", answers.missing(known)),
                ("Sensitive attributes", "Age, sex, ethnic group and deprivation: for the audit; "
                 "see the model card for inputs"),
                *filled.facts("agreements"),
            ),
        ),
        Facts(
            "Tier 2: impact assessments, risks and mitigations",
            (
                *filled.facts("impact_assessments", "risks"),
                ("Hazards", "See the hazard log in this pack"),
            ),
        ),
    )  # fmt: skip
    return Section("transparency", "Transparency record (ATRS)", blocks, fresh=True)


def card_section(material: Material) -> Section:
    """Give the model card."""
    filled = material.filled["model-card.toml"]
    blocks = []
    for section, lines in groupby(card.facts(material.known), key=lambda fact: fact.section):
        rows: list[tuple[str, Text]] = []
        for fact in lines:
            if fact.value:
                rows.append((fact.name, fact.value))
            if fact.to_complete:
                key = _CARD_KEYS.get((section, fact.name))
                rows.append(_asked(fact.name, fact.to_complete, filled, key))
        blocks.append(Facts(section, tuple(rows)))
    return Section("model-card", "Model card", tuple(blocks), fresh=True)


def _asked(name: str, asks: str, filled: Filled, key: str | None) -> tuple[str, Text]:
    """Give what a person wrote, or who is asked to."""
    if key is None:
        return name, ToDo(asks.removeprefix(_BEFORE))
    return filled.facts(key)[0][0], filled[key]


def tripod_section(material: Material) -> Section:
    """Give the TRIPOD+AI table."""
    filled = material.filled["tripod.toml"]
    keys = {field.key for field in filled.topic.fields}
    rows: list[tuple[Text, ...]] = []
    for item in tripod.rows(material.known):
        key = f"item_{item.item}"
        names = (f"{item.item} {item.topic}", item.asks)
        if item.known:
            rows.append((*names, item.known))
        if item.to_complete and key in keys:
            written = filled[key]
            rows.append((*names, written) if not item.known else (f"{item.item} …", "", written))
        elif item.to_complete:
            rows.append((*names, ToDo(item.to_complete.removeprefix(_BEFORE))))
    columns = (Column("Item", share=1.1), Column("Asks", share=1.8), Column("Answer", share=3.4))
    blocks = (
        Para(
            "TRIPOD+AI (2024) lists what a report of a prediction model should tell. The items are "
            "in our own words.",
            "quiet",
        ),
        Table("TRIPOD+AI", columns, tuple(rows)),
    )
    return Section("tripod", "TRIPOD+AI table", blocks, fresh=True)


def words_section(material: Material) -> Section:
    """Explain the words that a lay reader meets."""
    del material
    facts = (
        ("High Intensity User", "Somebody who calls 999 or comes to A&E so often that a "
         "definition counts them as one. The definition used is in the section on purpose"),
        ("List", "The people with the highest chances on one date; its length is fixed by how many "
         "the service can ring"),
        ("Case", "A person who went on to meet the definition within the time looked ahead"),
        ("Found, missed", "A case who was on a list beforehand; one who was not"),
        ("Interval", "Where the true value may well lie (95%): a wide one means few people"),
        ("Insufficient evidence", "Too few people to tell. It is not a pass"),
        ("Calibration", "Whether of 100 people with a chance of 20 in 100, about 20 become cases"),
        ("Champion", "The model in use"),
        ("Ledger", "The record of which model was put in use by whom and why; rows can't be "
         "changed without its check showing it"),
        ("Feed", "A regular delivery of data: calls, attendances, admissions"),
        ("*", "A small number, hidden so that nobody can be recognised"),
    )  # fmt: skip
    return Section("words", "Words used here", (Facts("Words", facts),))
