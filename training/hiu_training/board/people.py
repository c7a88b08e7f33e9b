"""The section on people: who was listed, found and missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hiu_risk.suppression import SmallNumbers
from hiu_risk.words import plural
from hiu_training.audit.wording import NO_VALUE
from hiu_training.board.again import asked_of
from hiu_training.board.blocks import Block, Chart, Column, Para, Section, Table
from hiu_training.board.charts import Bar, share_chart
from hiu_training.board.happened import Happened
from hiu_training.board.published import (
    NEW,
    Asked,
    Counts,
    change_words,
    publish,
    share_words,
)
from hiu_training.board.quarter import Quarter, day_of
from hiu_training.board.records import ListMade, Material
from hiu_training.board.words import EXCLUSIONS, OUTCOME, UNOBSERVED, day_at, phrase

PARTS = ("became_cases", "did_not", "cannot_tell", "not_yet")
_ROWS = (
    ("listed", "People on at least one list"),
    ("became_cases", "… found: {outcome} within the time looked ahead"),
    ("did_not", "… did not, and every time looked ahead is over"),
    ("cannot_tell", "… can't be told: died, moved, taken on, or no longer in the data"),
    ("not_yet", "… not yet observed"),
    ("cases", "People who {outcome} after the date of a list"),
    ("missed", "… of them missed: on no list beforehand"),
)


@dataclass(frozen=True)
class PeopleShown:
    """The printed counts of one quarter's lists.

    Parameters
    ----------
    counts : Counts
        ``listed`` and its parts, ``cases`` and ``missed``.
    observed : int
        Lists whose time looked ahead is over and observed.
    lists : int
        Lists in all.
    lead_days : float, "*" or None
        Median days between the first list and meeting the definition.
    """

    counts: Counts
    observed: int
    lists: int
    lead_days: float | str | None

    @property
    def found_words(self) -> str:
        """Share found with its interval, or why it can't be said."""
        if not self.lists:
            return "no list"
        if not self.observed:
            return "not yet observed"
        if self.counts["cases"] == 0:
            return "nobody became a case"
        return share_words(self.counts.share("became_cases", "cases"))


def show_people(happened: Happened, rule: SmallNumbers, asked: Asked = NEW) -> PeopleShown:
    """Make the counts of a quarter safe to print, beside what was printed of it before."""
    exact = {"listed": happened.listed, **{name: getattr(happened, name) for name in PARTS}}
    exact |= {"cases": happened.cases, "missed": happened.missed}
    sums = {"listed": PARTS, "cases": ("became_cases", "missed")}
    lead = happened.lead_days
    return PeopleShown(
        counts=publish(exact, sums, rule, asked, falls=("not_yet",)),
        observed=happened.observed,
        lists=len(happened.lists),
        lead_days=None if lead is None else rule.show_mean(lead, happened.became_cases),
    )


def people_of(material: Material, *, before: bool = False) -> PeopleShown:
    """Give the printed counts of the quarter's lists, or of those of the quarter before."""
    happened = material.happened_before if before else material.happened
    judged = [(each.as_of, each.unobserved) for each in happened.lists]
    asked = asked_of(material, "people", judged, before=before)
    return show_people(happened, material.rule, asked)


def people_section(material: Material) -> Section:
    """Say who was listed, found and missed."""
    now, before = people_of(material), people_of(material, before=True)
    blocks: list[Block] = [Para(_lead(material, now), "lead"), *_observed(material, now)]
    blocks += [_chart(material, now, before), _table(material, now, before)]
    if isinstance(now.lead_days, float):
        blocks.append(
            Para(
                f"Half of the people found had first been listed {now.lead_days:.0f} days or more "
                "before they met the definition: that is the time there was to offer help."
            )
        )
    blocks.append(
        Para(
            "A person on several lists counts once. Found means listed beforehand; it doesn't mean "
            "that the offer of help came, or that it worked: that needs a comparison group. "
            "Somebody whom the service took on in time can't be told any more, so good work makes "
            "fewer people found. Shares are worked out from the printed counts; the interval says "
            "where the true share may lie (95%), rounding included.",
            "quiet",
        )
    )
    blocks += [_months(material), _left_out(material)]
    return Section("people", "Who was listed, found and missed", tuple(blocks), fresh=True)


def _lead(material: Material, now: PeopleShown) -> str:
    if not material.lists:
        return f"No list was made from {material.quarter.words}."
    capacities = sorted({made.capacity for made in material.lists})
    sizes = " or ".join(str(k) for k in capacities)
    return (
        f"From {material.quarter.words}, {plural(len(material.lists), 'list')} of up to {sizes} "
        f"{'was' if len(material.lists) == 1 else 'were'} made, with "
        f"{_people(now.counts, 'listed')} on them."
    )


def _people(counts: Counts, name: str) -> str:
    shown = counts[name]
    if not isinstance(shown, int):
        return "a number of people too small to print"
    return f"about {shown:,} different people" if shown else "nobody"


def _observed(material: Material, now: PeopleShown) -> list[Block]:
    waiting = [each for each in material.happened.lists if each.unobserved]
    if not waiting:
        return []
    reasons = Counter(each.unobserved for each in waiting)
    said = "; ".join(
        f"{plural(n, 'list')} {phrase(reason, UNOBSERVED).lower()}" for reason, n in reasons.items()
    )
    text = f"What happened is not known for {len(waiting)} of {now.lists} lists: {said}."
    if "end_of_data" in reasons:
        last = max(each.as_of for each in waiting if each.unobserved == "end_of_data")
        end = day_at(last + material.horizon_days * 86_400, material.quarter.zone)
        text += (
            f" Each list looks {material.horizon_days} days ahead, so the last of these is over on "
            f"{end}. Until then a person not found is not a person missed."
        )
    return [Para(text, "notice")]


def _chart(material: Material, now: PeopleShown, before: PeopleShown) -> Block:
    bars = [
        Bar(str(quarter), shown.counts.share("became_cases", "cases"), shown.found_words)
        for quarter, shown in ((material.quarter, now), (material.quarter.before, before))
    ]
    says = (
        "Share of people found beforehand, of those who "
        f"{phrase(material.target, OUTCOME).lower()}: "
        + "; ".join(f"{bar.label} {bar.words}" for bar in bars)
        + ". The table below holds the counts."
    )
    title = f"Found beforehand, of those who {phrase(material.target, OUTCOME).lower()}"
    return Chart(share_chart(bars, says=says), says, title)


def _table(material: Material, now: PeopleShown, before: PeopleShown) -> Table:
    outcome = phrase(material.target, OUTCOME).lower()
    rows = [
        ("Lists made", str(now.lists), str(before.lists), change_words(now.lists, before.lists)),
        ("… whose outcome is observed", str(now.observed), str(before.observed), ""),
    ]
    for name, label in _ROWS:
        rows.append(
            (
                label.format(outcome=outcome),
                now.counts.words(name),
                before.counts.words(name) if before.lists else NO_VALUE,
                change_words(now.counts[name], before.counts[name] if before.lists else None),
            )
        )
    rows.append(("Share found, of those who did", now.found_words, before.found_words, ""))
    return Table(
        "Listed, found and missed, each person once",
        (
            Column("What", share=3.4),
            Column(str(material.quarter), number=True, share=1.4),
            Column(str(material.quarter.before), number=True, share=1.4),
            Column("Change", number=True, share=1.2),
        ),
        tuple(rows),
        note=small_note(material.rule),
    )


def small_note(rule: SmallNumbers) -> str:
    """Say what the rule for small numbers did to a table."""
    if not rule.enabled:
        return ""
    return (
        f"* is a count of {rule.smallest} to {rule.largest}, or one that would give such a count "
        f"away; other counts of people are rounded to {rule.base}."
    )


def _months(material: Material) -> Table:
    rows = []
    quarter: Quarter = material.quarter
    for month in range(3):
        first = quarter.first_day.replace(month=quarter.first_day.month + month)
        inside = [
            (made, done)
            for made, done in zip(material.lists, material.happened.lists, strict=True)
            if day_of(made.as_of, quarter.zone).month == first.month
        ]
        models = sorted({made.model[:12] for made, _ in inside})
        rows.append(
            (
                f"{first:%B %Y}",
                str(len(inside)),
                _range([made.capacity for made, _ in inside]),
                _range([len(made.people) for made, _ in inside]),
                str(sum(not done.unobserved for _, done in inside)),
                ", ".join(models) or NO_VALUE,
            )
        )
    columns = (
        Column("Month", share=1.4), Column("Lists made", True), Column("Places on each", True),
        Column("Names on each", True), Column("Outcome observed", True),
        Column("Made by model", share=2),
    )  # fmt: skip
    return Table("The lists by month", columns, tuple(rows))


def _range(numbers: Sequence[int]) -> str:
    if not numbers:
        return NO_VALUE
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def left_out_of(material: Material) -> Counts:
    """Give the printed counts of who could be on the last list, and who was left out."""
    last = material.lists[-1]
    excluded = {name: count for name, count in last.exclusions.items() if count}
    exact = {"all": last.n_people, "scored": last.n_scored, **excluded}
    asked = asked_of(material, f"left out of {last.as_of}", [asdict(last)])
    return publish(exact, {"all": ("scored", *excluded)}, material.rule, asked)


def _left_out(material: Material) -> Block:
    if not material.lists:
        return Para("There is no list to say who was left out of.", "quiet")
    last: ListMade = material.lists[-1]
    shown = left_out_of(material)
    rows = [
        ("In the data", shown.words("all")),
        ("… ranked by the model", shown.words("scored")),
        *(
            (f"… left out: {phrase(name, EXCLUSIONS).lower()}", shown.words(name))
            for name in shown.sums["all"][1:]
        ),
    ]
    day = day_at(last.as_of, material.quarter.zone)
    return Table(
        f"Who could be on the last list, {day}",
        (Column("People", share=4), Column("Count", number=True)),
        tuple(rows),
        note="Each person counts under the first reason that applies.",
    )
