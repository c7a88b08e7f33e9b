"""The sections on promotions, incidents and hazards."""

from __future__ import annotations

from hiu_risk.model.ledger_entry import Entry
from hiu_risk.words import plural
from hiu_training.audit.wording import NO_VALUE
from hiu_training.board.blocks import Block, Column, Facts, Para, Section, Table, Text, ToDo
from hiu_training.board.fields import Filled
from hiu_training.board.quarter import day_words
from hiu_training.board.records import Material
from hiu_training.board.topics import QUARTER, SAFETY
from hiu_training.board.words import ACTIONS, day_at, phrase


def promotions_section(material: Material) -> Section:
    """Give this quarter's rows of the ledger, and what the check of its chain found."""
    ledger, quarter = material.ledger, material.quarter
    inside = [entry for entry in ledger.entries if entry.at in quarter]
    blocks: list[Block] = [chain_says(material)]
    if inside:
        columns = (
            Column("Day", share=1.2), Column("What", share=1.2), Column("Model", share=1.8),
            Column("Before", share=1.8), Column("By", share=1.2), Column("Reason", share=2),
            Column("Checks", share=2),
        )  # fmt: skip
        rows = tuple(_row(entry, material) for entry in inside)
        blocks.append(Table("The ledger in this quarter", columns, rows))
    else:
        blocks.append(Para("No model was promoted, rolled back or otherwise noted this quarter."))
    used = sorted({made.model[:12] for made in material.lists})
    known = {entry.version for entry in ledger.entries}
    strangers = [version for version in used if version not in known]
    if strangers and ledger.entries:
        blocks.append(
            Para(
                "Lists were made by models that the ledger doesn't know: " + ", ".join(strangers),
                "warning",
            )
        )
    return Section("promotions", "Promotions, and whether their record holds", tuple(blocks))


def chain_says(material: Material) -> Para:
    """Say in one sentence whether the ledger holds."""
    ledger = material.ledger
    if ledger.problems:
        return Para(
            f"The ledger's check FAILED: {'; '.join(ledger.problems)}. Its record of promotions "
            "can't be relied on until somebody explains this.",
            "warning",
        )
    if not ledger.entries:
        return Para("There is no promotion ledger yet: nobody can trace how this model came into "
                    "use.", "warning")  # fmt: skip
    last = ledger.entries[-1]
    return Para(
        f"The ledger was checked: each of its {plural(len(ledger.entries), 'row')} still has the "
        f"hash it was written with and follows the row before. Row {last.sequence} has the hash "
        f"{last.hash[:12]}: write it into quarter.toml for the next pack. {_noted_before(material)}"
    )


def _noted_before(material: Material) -> str:
    if "last_ledger_hash" in material.filled["quarter.toml"].values:
        return "The hash that the pack before printed is still among its rows."
    return "No hash of an earlier pack was given, so a ledger rewritten as a whole would pass."


def _row(entry: Entry, material: Material) -> tuple[str, ...]:
    gates = "; ".join(f"{g.get('name', '')}: {g.get('outcome', '')}" for g in entry.gates)
    override = "OVERRIDE. " if entry.override else ""
    override += "GATES OF ANOTHER PROTOCOL. " if entry.other_gates else ""
    return (
        day_at(entry.at, material.quarter.zone),
        phrase(entry.action, ACTIONS),
        entry.version,
        entry.previous_version or NO_VALUE,
        entry.who,
        entry.reason or NO_VALUE,
        f"{override}{gates or 'none recorded'}",
    )


def of_this_quarter(material: Material) -> Filled:
    """Give what was written about the quarter; nothing where it was written about another."""
    filled = material.filled[QUARTER.file]
    if filled.values.get("quarter", "").strip().upper() == str(material.quarter):
        return filled
    return Filled(filled.topic, {}, ())


def incidents_section(material: Material) -> Section:
    """Give the incidents that people recorded, and never say "none" for them."""
    filled, quarter = material.filled["incidents.toml"], material.quarter
    first, last = day_words(quarter.first_day), day_words(quarter.last_day)
    entries = [filled.entry(number) for number in range(len(filled.entries))]
    inside = [entry for entry in entries if in_quarter(entry["happened_on"], material)]
    confirmed = of_this_quarter(material)["incidents_confirmed_by"]
    blocks: list[Block] = []
    if isinstance(confirmed, ToDo):
        blocks.append(
            Para(ToDo(f"{SAFETY}: whether the list of incidents is complete", confirmed.where))
        )
    elif not inside:
        blocks.append(Para(f"No incident from {first} to {last}: confirmed by {confirmed}."))
    else:
        blocks.append(Para(f"The list is complete: confirmed by {confirmed}."))
    if inside:
        rows = tuple(
            tuple(entry[key] for key in ("happened_on", "what", "effect", "action", "reported_to",
                                         "status"))
            for entry in inside
        )  # fmt: skip
        columns = (
            Column("Day", share=1.2), Column("What happened", share=2.4),
            Column("Effect on people", share=2), Column("What was done", share=2),
            Column("Reported to", share=1.3), Column("Status"),
        )  # fmt: skip
        blocks.append(Table("Incidents in this quarter", columns, rows))
    still = [e for e in entries if e not in inside and _open(e["status"])]
    if still:
        blocks.append(_still_open(still))
    noted = [e for e in material.ledger.entries if e.action == "incident" and e.at in quarter]
    if noted:
        blocks.append(_noted(noted, quarter.zone))
    return Section("incidents", "Incidents", tuple(blocks))


def _still_open(entries: list[dict[str, Text]]) -> Table:
    rows = tuple((e["happened_on"], e["what"], e["action"], e["status"]) for e in entries)
    columns = (Column("Day"), Column("What happened", share=2.4),
               Column("What was done", share=2), Column("Status"))  # fmt: skip
    return Table("Of other quarters, not closed", columns, rows)


def _noted(entries: list[Entry], zone: str) -> Table:
    rows = tuple((day_at(e.at, zone), e.version, e.who, e.reason) for e in entries)
    columns = (Column("Day"), Column("Model"), Column("By"), Column("What", share=3))
    return Table("Incidents noted in the ledger", columns, rows)


def in_quarter(day: Text, material: Material) -> bool:
    """Tell whether a written day lies in the quarter; one still to be written may."""
    if isinstance(day, ToDo):
        return True
    quarter = material.quarter
    months = {(quarter.first_day.month + place) for place in range(3)}
    _, month, year = day.split(" ")
    return int(year) == quarter.year and any(
        month == f"{quarter.first_day.replace(month=m):%B}" for m in months
    )


def _open(status: Text) -> bool:
    return isinstance(status, ToDo) or status.strip().lower() != "closed"


def hazards_section(material: Material) -> Section:
    """Give the hazard log as people left it."""
    filled = material.filled["hazard-log.toml"]
    accepted = filled["accepted_by"]
    blocks: list[Block] = []
    if isinstance(accepted, ToDo):
        blocks.append(
            Para(
                "This hazard log has not been accepted. Hazards that nobody changed are the "
                "software's suggestions, not a clinical safety assessment.",
                "warning",
            )
        )
    blocks.append(Facts("Acceptance", filled.facts()))
    for number in range(len(filled.entries)):
        entry = filled.entry(number)
        blocks.append(
            Facts(
                f"Hazard {_name(entry)}",
                (
                    ("Causes", entry["causes"]),
                    ("Effect", entry["effect"]),
                    ("Existing controls", entry["existing_controls"]),
                    ("Initial severity by likelihood", _grade(entry, "initial")),
                    ("New controls", entry["new_controls"]),
                    ("Residual severity by likelihood", _grade(entry, "residual")),
                    ("Owner", entry["owner"]),
                    ("Status", entry["status"]),
                ),
            )
        )
    if not filled.entries:
        blocks.append(Para(ToDo(f"{SAFETY}: no hazard is listed", filled.topic.file)))
    return Section("hazards", "The hazard log", tuple(blocks), fresh=True)


def _name(entry: dict[str, Text]) -> str:
    said = [entry[key] for key in ("id", "description")]
    return ": ".join(part.text if isinstance(part, ToDo) else part for part in said)


def _grade(entry: dict[str, Text], when: str) -> Text:
    severity, likelihood = entry[f"{when}_severity"], entry[f"{when}_likelihood"]
    if isinstance(severity, ToDo) or isinstance(likelihood, ToDo):
        return severity if isinstance(severity, ToDo) else likelihood
    return f"{severity} by {likelihood} = {int(severity) * int(likelihood)}"
