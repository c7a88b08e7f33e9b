"""The first section: the quarter in brief, with what is still to be written and by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hiu_risk.words import plural
from hiu_training.audit.onepage import summary
from hiu_training.audit.wording import NO_VALUE
from hiu_training.board.blocks import (
    Block,
    Bullets,
    Column,
    Facts,
    Para,
    Section,
    Table,
    Text,
    Tiles,
    ToDo,
)
from hiu_training.board.decided import decisions_of
from hiu_training.board.feeds import late_lists
from hiu_training.board.governance import chain_says, of_this_quarter
from hiu_training.board.people import PeopleShown, people_of
from hiu_training.board.records import Material


def brief_section(material: Material, others: Sequence[Section]) -> Section:
    """Say the quarter on one page; ``others`` are searched for what is still to be written."""
    now, before = people_of(material), people_of(material, before=True)
    decided = decisions_of(material)
    tiles = (
        (str(now.lists), f"{'list' if now.lists == 1 else 'lists'} made in {material.quarter}"),
        (now.counts.words("listed"), "people listed"),
        (decided.words("none"), "of them without a recorded decision"),
        _found_tile(now),
    )
    blocks: list[Block] = [Tiles(tiles), Bullets(tuple(_points(material)))]
    if not now.observed and before.observed:
        blocks.append(
            Para(
                f"For the quarter before, now over: {before.found_words} were found beforehand. "
                "See the section on people."
            )
        )
    blocks.append(Facts("In the service's own words", _own_words(material)))
    so_far = Section("brief", "", tuple(blocks))
    blocks.append(_left((so_far, *others)))
    return Section("brief", "The quarter in brief", tuple(blocks), fresh=True)


def _found_tile(shown: PeopleShown) -> tuple[str, str]:
    share = shown.counts.share("became_cases", "cases") if shown.observed else None
    if share is None:
        return NO_VALUE, f"found beforehand, of those who became cases: {shown.found_words}"
    interval = f"{100 * share.low:.0f} to {100 * share.high:.0f}"
    return f"{100 * share.value:.0f}%", f"({interval}) found beforehand, of those who became cases"


def _points(material: Material) -> list[Text]:
    late = late_lists(material.lists)
    overrides = sum(e.override for e in material.ledger.entries if e.at in material.quarter)
    fairness = (
        summary(material.audit).conclusion
        if material.audit is not None
        else "no audit is kept with this model. That is not a pass."
    )
    verdict = material.known.evaluation.get("verdict") or (
        "no evaluation is kept, so nobody can say whether it finds more than a simple count."
    )
    points: list[Text] = [
        f"Worth: {verdict}",
        f"Fairness: {fairness}",
        f"Feeds: {plural(late, 'list')} made from a late feed.",
        f"Promotions against a failed check: {overrides or 'none'}.",
        chain_says(material).text,
    ]
    if material.day <= material.quarter.last_day:
        points.insert(0, "The quarter is not over: these are figures so far.")
    if material.store.entity == "address":
        points.insert(0, "Addresses are listed here, not people: read “people” as “addresses”.")
    if material.other_lists:
        points.append(
            f"{plural(material.other_lists, 'list')} of another kind (another definition, target "
            "or time looked ahead) are not in this pack."
        )
    return points


def _own_words(material: Material) -> tuple[tuple[str, Text], ...]:
    keys = ("summary", "response_to_misses", "response_to_fairness", "changes", "asks")
    return of_this_quarter(material).facts(*keys)


def gaps(sections: Iterable[Section]) -> list[ToDo]:
    """Gather everything in these sections that is still to be written."""
    found: list[ToDo] = []
    for section in sections:
        for block in section.blocks:
            match block:
                case Para(text=ToDo() as todo):
                    found.append(todo)
                case Bullets(items):
                    found += [item for item in items if isinstance(item, ToDo)]
                case Facts(rows=rows):
                    found += [value for _, value in rows if isinstance(value, ToDo)]
                case Table(rows=cells):
                    found += [cell for row in cells for cell in row if isinstance(cell, ToDo)]
                case _:
                    pass
    return found


def by_role(todos: Iterable[ToDo]) -> dict[str, int]:
    """Count what is still to be written, by who must write it, the busiest first.

    Examples
    --------
    >>> by_role([ToDo("the lead"), ToDo("the lead: what users should know"), ToDo("the board")])
    {'the lead': 2, 'the board': 1}
    """
    counts = Counter(todo.role.split(":")[0] for todo in todos)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _left(sections: Sequence[Section]) -> Block:
    counts = by_role(gaps(sections))
    if not counts:
        return Para("Nothing is left to be completed.")
    rows = tuple((role[:1].upper() + role[1:], str(n)) for role, n in counts.items())
    return Table(
        "Still to be completed",
        (Column("By", share=3), Column("Places in this pack", True)),
        rows,
        note="Nothing was made up in their stead: each place says who is to write it.",
    )
