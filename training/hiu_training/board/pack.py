"""The whole pack: sections in their order, checked before anybody prints them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hiu_risk import NOT_FOR, __version__
from hiu_risk.errors import DataError
from hiu_risk.model.manifest import digest
from hiu_training.board.blocks import Pack, Section, ToDo, plain, texts
from hiu_training.board.brief import brief_section, by_role, gaps
from hiu_training.board.decided import changes_section, decisions_of, decisions_section
from hiu_training.board.documents import (
    card_section,
    dpia_section,
    purpose_section,
    transparency_section,
    tripod_section,
    words_section,
)
from hiu_training.board.fairness import fairness_full_section, fairness_section
from hiu_training.board.feeds import feeds_section
from hiu_training.board.governance import (
    hazards_section,
    incidents_section,
    promotions_section,
)
from hiu_training.board.kept import PrintedTable
from hiu_training.board.people import left_out_of, people_of, people_section
from hiu_training.board.published import CHECKED, Counts
from hiu_training.board.quarter import day_words
from hiu_training.board.records import Material
from hiu_training.board.worth import worth_section

SECTIONS = (
    purpose_section,
    people_section,
    decisions_section,
    changes_section,
    worth_section,
    fairness_section,
    feeds_section,
    promotions_section,
    incidents_section,
    hazards_section,
    dpia_section,
    transparency_section,
    card_section,
    tripod_section,
    fairness_full_section,
    words_section,
)
"""What follows the brief, in order."""


@dataclass(frozen=True)
class Written:
    """A pack ready for the two writers.

    Parameters
    ----------
    data : dict
        What :func:`.blocks.plain` gives, with ``mark``.
    mark : str
        Twelve characters that the page and the PDF share.
    left : dict of str to int
        Places still to be completed, by role.
    todos : tuple of ToDo
        Each of them.
    """

    data: dict[str, Any]
    mark: str
    left: dict[str, int]
    todos: tuple[ToDo, ...]


def write_pack(material: Material, people: Collection[str]) -> Written:
    """Say everything about a quarter.

    Parameters
    ----------
    material : Material
        What is known.
    people : collection of str
        Pseudonyms, none of which may be in the pack.

    Raises
    ------
    DataError
        A pseudonym is in a text that somebody wrote, or the audit shows small numbers.
    """
    check_audits(material)
    others = tuple(section(material) for section in SECTIONS)
    sections = (brief_section(material, others), *others)
    pack = Pack(
        title=f"High Intensity Use: board pack {material.quarter}",
        subtitle=f"{material.quarter.words}, {material.quarter.financial}",
        not_for=NOT_FOR,
        day=(material.day.year, material.day.month, material.day.day),
        facts=_facts(material),
        sections=sections,
    )
    _check_nobody_named(pack, sections, people)
    data = plain(pack)
    mark = digest(data)[:12]
    todos = tuple(gaps(sections))
    return Written({**data, "mark": mark}, mark, by_role(todos), todos)


def tables_of(material: Material) -> list[PrintedTable]:
    """Give the counts of listed people that a pack prints, to keep for the next one."""
    shown: list[Counts] = []
    for before in (False, True):
        if material.lists_before if before else material.lists:
            people = people_of(material, before=before).counts
            shown += [people, decisions_of(material, before=before)]
    if material.lists:
        shown.append(left_out_of(material))
    return [counts.printed(material.day.isoformat()) for counts in shown if material.rule.enabled]


def _facts(material: Material) -> tuple[tuple[str, str], ...]:
    small = material.rule
    return (
        ("Quarter", f"{material.quarter}: {material.quarter.words}"),
        ("Dated", day_words(material.day)),
        ("Model", f"{material.model_name}, {material.known.version}"),
        ("Data", material.store.content_hash[:12]),
        ("Small numbers", f"counts of people from {small.smallest} to {small.largest} are hidden "
         f"(*), others rounded to {small.base}; {CHECKED}"
         if small.enabled else "shown: for the team alone"),
        ("Software", f"hiu-risk {__version__}"),
    )  # fmt: skip


def check_audits(material: Material) -> None:
    """Refuse an audit that shows small numbers where the pack must not."""
    for audit in (material.audit, material.audit_before):
        if audit is not None and not audit.suppressed and material.rule.enabled:
            raise DataError(
                "the audit kept with the model shows small numbers, so it may not leave the team",
                where=f"model {material.known.version}",
                fix="run hiu-risk audit again without --no-suppression",
            )


_TOKEN = re.compile(r"[\w-]+")


def _check_nobody_named(pack: Pack, sections: tuple[Section, ...], people: Collection[str]) -> None:
    """Refuse a pack with somebody's pseudonym in it, in a reason or a field, say."""
    known = people if isinstance(people, set | frozenset) else frozenset(people)
    for section in sections:
        alone = Pack(pack.title, "", "", pack.day, (), (section,))
        for text in texts(alone):
            if not text.startswith("<svg") and any(t in known for t in _TOKEN.findall(text)):
                raise DataError(
                    "a person's pseudonym stands in a text of the pack",
                    where=f"section {section.title}",
                    fix="take it out of the reason, or of the file, that it was written in",
                )
