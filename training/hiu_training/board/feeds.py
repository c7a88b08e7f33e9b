"""The section on feeds: how late they were when lists were made, and what was read."""

from __future__ import annotations

from collections.abc import Sequence

from hiu_risk.manifest import FeedRecord
from hiu_risk.times import DAY
from hiu_risk.words import plural
from hiu_training.audit.wording import NO_VALUE
from hiu_training.board.blocks import Block, Chart, Column, Para, Section, Table
from hiu_training.board.charts import Line, lateness_chart
from hiu_training.board.published import publish
from hiu_training.board.records import FeedSeen, ListMade, Material
from hiu_training.board.words import SOURCES, day_at, phrase

NAMED_FROM_DAYS = 3.0
"""Days from which a list names a late feed, unless its maker chose otherwise."""


def late_lists(lists: Sequence[ListMade]) -> int:
    """Count the lists that named a late feed."""
    return sum(any(feed.status != "fresh" for feed in made.feeds) for made in lists)


def feeds_section(material: Material) -> Section:
    """Say how far the data behind the lists could be relied on."""
    late, lists = late_lists(material.lists), len(material.lists)
    if not lists:
        lead = "No list was made, so there is no record of how late feeds were."
    elif late:
        lead = f"{late} of {plural(lists, 'list')} came from at least one late feed."
    else:
        lead = (
            f"Every feed was up to date for {'the list' if lists == 1 else f'all {lists} lists'}."
        )
    blocks: list[Block] = [
        Para(lead, "lead"),
        Para(
            "A list is only as good as the data it is made from: while a feed is late, somebody "
            "whose trouble began lately is missed."
        ),
    ]
    if lists:
        blocks += [_chart(material), _lateness(material)]
    blocks += [_gaps(material), _reading(material)]
    return Section("feeds", "Reliability of the feeds", tuple(blocks), fresh=True)


def _seen(material: Material) -> dict[str, list[tuple[ListMade, FeedSeen]]]:
    seen: dict[str, list[tuple[ListMade, FeedSeen]]] = {}
    for made in material.lists:
        for feed in made.feeds:
            seen.setdefault(feed.source, []).append((made, feed))
    return seen


def _chart(material: Material) -> Block:
    quarter = material.quarter
    lines = [
        Line(
            phrase(source, SOURCES),
            tuple((made.as_of - quarter.start) / DAY for made, _ in seen),
            tuple(feed.days_behind for _, feed in seen),
        )
        for source, seen in _seen(material).items()
    ]
    months = [
        quarter.first_day.replace(month=quarter.first_day.month + place) for place in range(3)
    ]
    ticks = [((month - quarter.first_day).days, f"{month:%B}") for month in months]
    said = "; ".join(f"{line.name} at most {max(line.values):.0f} days" for line in lines)
    says = (
        "How many days later than its declared delay each feed was, at the date of each list: "
        f"{said}. The table below holds the numbers."
    )
    drawn = lateness_chart(lines, ticks=ticks, limit=NAMED_FROM_DAYS, says=says)
    return Chart(drawn, says, "Days late when a list was made")


def _lateness(material: Material) -> Table:
    rows = []
    for source, seen in _seen(material).items():
        days = [feed.days_behind for _, feed in seen]
        worst = max(range(len(days)), key=days.__getitem__)
        on = day_at(seen[worst][0].as_of, material.quarter.zone) if days[worst] > 0 else NO_VALUE
        rows.append(
            (
                phrase(source, SOURCES),
                str(len(seen)),
                str(sum(feed.status == "fresh" for _, feed in seen)),
                str(sum(feed.status != "fresh" for _, feed in seen)),
                f"{days[worst]:.1f}",
                on,
            )
        )
    columns = (
        Column("Feed", share=1.6), Column("Lists", True), Column("In time", True),
        Column("Late", True), Column("Most days late", True), Column("On", share=1.4),
    )  # fmt: skip
    return Table("How late each feed was when lists were made", columns, tuple(rows))


def _gaps(material: Material) -> Block:
    quarter, found = material.quarter, []
    for feed in material.store.feeds:
        for since, to in feed.gaps:
            if since < quarter.end and to > quarter.start:
                first, last = day_at(since, quarter.zone), day_at(to, quarter.zone)
                found.append(f"{feed.name}, {first} to {last}")
    if found:
        return Para(f"Declared gaps in this quarter: {'; '.join(found)}.", "notice")
    return Para(
        "No gap in a feed is declared for this quarter. A gap that nobody declared isn't known.",
        "quiet",
    )


def _reading(material: Material) -> Table:
    rows = []
    for feed in material.store.feeds:
        exact = {
            "read": feed.read,
            "accepted": feed.accepted,
            "rejected": feed.rejected,
            "merged": feed.merged,
        }
        sums = {"read": ("accepted", "rejected", "merged")}
        whole = feed.accepted + feed.rejected + feed.merged == feed.read
        shown = publish(exact, sums if whole else {}, material.rule)
        rows.append((feed.name, *(shown.words(name) for name in exact), _until(feed, material)))
    columns = (
        Column("Feed", share=1.3), Column("Rows read", True), Column("Accepted", True),
        Column("Rejected", True), Column("Merged", True), Column("Complete until", share=1.6),
    )  # fmt: skip
    return Table(
        "What the store read, over all its time",
        columns,
        tuple(rows),
        note="Merged rows repeat another row. Rejected rows break a rule of the data contract; "
        "each is kept with the rule it broke.",
    )


def _until(feed: FeedRecord, material: Material) -> str:
    if feed.complete_until is None:
        return NO_VALUE
    return day_at(feed.complete_until, material.quarter.zone)
