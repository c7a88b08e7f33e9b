"""The sections on decisions about listed people, and on what changed since last quarter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from hiu_risk.suppression import HIDDEN, SmallNumbers
from hiu_risk.words import plural
from hiu_training.audit.result import AuditDocument, Verdict
from hiu_training.audit.wording import NO_VALUE, RECALL_WORDS
from hiu_training.board.again import asked_of
from hiu_training.board.blocks import Block, Bullets, Chart, Column, Facts, Para, Section, Table
from hiu_training.board.charts import Bar, share_chart
from hiu_training.board.feeds import late_lists
from hiu_training.board.people import PeopleShown, people_of, small_note
from hiu_training.board.published import NEW, NOT_SHOWN, Asked, Counts, Share, change_words, publish
from hiu_training.board.records import ANSWERS, Decision, ListMade, Material
from hiu_training.board.words import ANSWERS as ANSWER_WORDS
from hiu_training.board.words import day_at, phrase

_NONE = "none"


def show_decisions(
    lists: Sequence[ListMade],
    decisions: Sequence[Decision],
    rule: SmallNumbers,
    asked: Asked = NEW,
) -> Counts:
    """Count listed people by the latest decision about them, safe to print.

    Names: ``listed``, each answer, ``none``, and ``answer: reason`` for declined and deferred.
    """
    latest: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda d: (d.decided_at, d.as_of)):
        latest[decision.person] = decision
    listed = {person for made in lists for person in made.people}
    found = [latest[person] for person in sorted(listed) if person in latest]
    exact = {"listed": len(listed)}
    exact |= {answer: sum(d.answer == answer for d in found) for answer in ANSWERS}
    exact[_NONE] = len(listed) - len(found)
    sums = {"listed": (*ANSWERS, _NONE)}
    for answer in ("declined", "deferred"):
        reasons = Counter(d.reason for d in found if d.answer == answer)
        named = {f"{answer}: {reason}": n for reason, n in sorted(reasons.items())}
        exact |= named
        if named:
            sums[answer] = tuple(named)
    return publish(exact, sums, rule, asked, falls=(_NONE, "deferred"))


def decisions_of(material: Material, *, before: bool = False) -> Counts:
    """Give the printed counts of decisions about the quarter's lists, or those before."""
    lists, decisions = (
        (material.lists_before, material.decisions_before)
        if before
        else (material.lists, material.decisions)
    )
    asked = asked_of(material, "decisions", [asdict(d) for d in decisions], before=before)
    return show_decisions(lists, decisions, material.rule, asked)


def decisions_section(material: Material) -> Section:
    """Say what people decided about those the software listed, and where models were overridden."""
    shown = decisions_of(material)
    names = (*ANSWERS, _NONE)
    bars = [_bar(shown, name) for name in names]
    says = "Share of listed people by the latest decision about them: " + "; ".join(
        f"{bar.label} {bar.words}" for bar in bars
    )
    rows = [("Listed people", shown.words("listed"))]
    for name in names:
        rows += [(ANSWER_WORDS[name], shown.words(name)), *_reasons(shown, name)]
    blocks: list[Block] = [
        Para("The list is advice. A person decides about every name on it.", "lead"),
        *_nothing(material),
        Chart(share_chart(bars, says=says), says, "Share of listed people, by decision"),
        Table(
            "Listed people by the latest decision about them",
            (Column("Decision", share=4), Column("People", number=True)),
            tuple(rows),
            note=small_note(material.rule),
        ),
        *_overrides(material),
    ]
    return Section("decisions", "Decisions, overrides and their reasons", tuple(blocks))


def _bar(shown: Counts, name: str) -> Bar:
    """Give a share without an interval: decisions are counted, not estimated."""
    share = shown.share(name, "listed")
    label = ANSWER_WORDS[name].split(":")[0]
    if share is None:
        return Bar(label, None, NOT_SHOWN)
    return Bar(label, Share(share.value, share.value, share.value), f"{100 * share.value:.0f}%")


def _reasons(shown: Counts, answer: str) -> list[tuple[str, str]]:
    """Give the reasons for an answer; one row where none of them may be printed."""
    keys = [key for key in shown.shown if key.startswith(f"{answer}: ")]
    if keys and all(shown[key] == HIDDEN for key in keys):
        return [("… reasons: too few of each to print", HIDDEN)]
    return [
        (f"… because: {phrase(key.split(': ', 1)[1], {}).lower()}", shown.words(key))
        for key in keys
    ]


def _nothing(material: Material) -> list[Block]:
    if material.decisions or not material.lists:
        return []
    return [
        Para(
            "No decision about any listed person is recorded. Either nobody decided, or decisions "
            "are kept elsewhere: the board can't see from this record that people, not the "
            "software, decide.",
            "warning",
        )
    ]


def _overrides(material: Material) -> list[Block]:
    inside = [e for e in material.ledger.entries if e.at in material.quarter and e.override]
    told: list[Block] = []
    if not inside:
        return [Para("No model was promoted against a failed check in this quarter.")]
    told.append(
        Para(
            f"{plural(len(inside), 'model')} put in use although a check was not passed.", "notice"
        )
    )
    for entry in inside:
        failed = [g for g in entry.gates if g.get("outcome") != "passed"]
        told.append(
            Facts(
                f"Override of {day_at(entry.at, material.quarter.zone)}",
                (
                    ("Model", entry.version),
                    ("Decided by", entry.who),
                    ("Reason", entry.reason or "none was given"),
                    *((f"Check: {g.get('name', '')}", _gate(g)) for g in failed),
                ),
            )
        )
    return told


def _gate(gate: dict[str, str]) -> str:
    detail = gate.get("detail", "")
    return f"{gate.get('outcome', 'not known')}{': ' + detail if detail else ''}"


def changes_section(material: Material) -> Section:
    """Say what is different from the quarter before."""
    now, before = people_of(material), people_of(material, before=True)
    blocks: list[Block] = []
    if not material.lists_before:
        blocks.append(
            Para(f"No list of this kind is known from {material.quarter.before.words}.", "notice")
        )
    blocks += [_changes(material, now, before), Bullets(tuple(_points(material)))]
    return Section("changes", "What changed since last quarter", tuple(blocks))


def _changes(material: Material, now: PeopleShown, before: PeopleShown) -> Table:
    this, last = decisions_of(material), decisions_of(material, before=True)
    had = bool(material.lists_before)

    def row(label: str, a: Counts, b: Counts, name: str) -> tuple[str, ...]:
        was = b[name] if had else None
        return label, a.words(name), b.words(name) if had else NO_VALUE, change_words(a[name], was)

    lists, lists_before = len(material.lists), len(material.lists_before)
    late, late_before = late_lists(material.lists), late_lists(material.lists_before)
    rows = [
        ("Lists made", f"{lists:,}", f"{lists_before:,}", change_words(lists, lists_before)),
        ("Lists made from a late feed", f"{late:,}", f"{late_before:,}",
         change_words(late, late_before)),
        row("People listed", now.counts, before.counts, "listed"),
        row("… accepted for an offer of help", this, last, "accepted"),
        row("… without a decision", this, last, _NONE),
        ("Share found beforehand", now.found_words, before.found_words, ""),
        ("Models that made the lists", *_models(material), ""),
    ]  # fmt: skip
    quarter = material.quarter
    columns = (
        Column("What", share=2.4), Column(str(quarter), number=True, share=1.5),
        Column(str(quarter.before), number=True, share=1.5), Column("Change", number=True),
    )  # fmt: skip
    return Table("This quarter and the one before", columns, tuple(rows))


def _models(material: Material) -> tuple[str, str]:
    def names(lists: Sequence[ListMade]) -> str:
        return ", ".join(sorted({made.model[:12] for made in lists})) or NO_VALUE

    return names(material.lists), names(material.lists_before)


def _points(material: Material) -> list[str]:
    inside = [e for e in material.ledger.entries if e.at in material.quarter]
    points = [
        f"{plural(len(inside), 'entry', 'entries').capitalize()} in the promotion ledger in this "
        "quarter."
    ]
    capacity, before = (
        {made.capacity for made in lists} for lists in (material.lists, material.lists_before)
    )
    if before and capacity and capacity != before:
        points.append("The number of places on a list changed: see the section on people.")
    points.append(_audit_change(material.audit, material.audit_before))
    return points


def _audit_change(now: AuditDocument | None, before: AuditDocument | None) -> str:
    if now is None:
        return "Fairness: no audit of this model is kept, so no change can be told."
    if before is None:
        return "Fairness: no earlier audit of the same kind is kept to compare with."
    was = _verdicts(before)
    moved = [
        f"{name}: {RECALL_WORDS[was[name]].lower()}, now {RECALL_WORDS[verdict].lower()}"
        for name, verdict in _verdicts(now).items()
        if name in was and was[name] != verdict
    ]
    if not moved:
        return f"Fairness: every group has the finding it had in the audit before ({_of(before)})."
    return f"Fairness, against the audit before ({_of(before)}): {'; '.join(moved)}."


def _of(audit: AuditDocument) -> str:
    return f"model {audit.model.split()[-1]}, lists of {audit.dates[0]} to {audit.dates[-1]}"


def _verdicts(audit: AuditDocument) -> dict[str, Verdict]:
    return {
        f"{grouping.title}, {group.label}": group.recall_verdict
        for grouping in audit.groupings
        for group in grouping.groups
    }
