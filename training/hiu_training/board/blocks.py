"""What a pack is made of: sections of plain blocks, said once and printed by both writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ToDo:
    """Stands where a person must write something.

    Parameters
    ----------
    role : str
        Who.
    where : str
        The file and the key to fill in.

    Examples
    --------
    >>> ToDo("the Caldicott Guardian", "dpia.toml, legal_basis").text
    'To be completed by the Caldicott Guardian'
    """

    role: str
    where: str = ""

    @property
    def text(self) -> str:
        """What is printed."""
        return f"To be completed by {self.role}"


Text = str | ToDo


@dataclass(frozen=True)
class Para:
    """A paragraph; ``lead`` is large, ``quiet`` small, ``warning`` and ``notice`` are boxed."""

    text: Text
    kind: Literal["normal", "lead", "quiet", "warning", "notice"] = "normal"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short points."""

    items: tuple[Text, ...]


@dataclass(frozen=True)
class Facts:
    """Names, and what is known under each."""

    caption: str
    rows: tuple[tuple[str, Text], ...]


@dataclass(frozen=True)
class Column:
    """A column of a table; ``share`` is its part of the width on paper."""

    title: str
    number: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing; the table after it holds the same numbers.

    Parameters
    ----------
    svg : str
        The SVG element.
    says : str
        What it shows, for those who can't see it.
    title : str
        Printed above it; a chart in a grid has the grid's.
    """

    svg: str
    says: str
    title: str = ""


@dataclass(frozen=True)
class Grid:
    """Small charts side by side, each under its title."""

    items: tuple[tuple[str, Chart], ...]


@dataclass(frozen=True)
class Tiles:
    """A few numbers that matter, each with what it counts."""

    items: tuple[tuple[str, str], ...]


Block = Para | Heading | Bullets | Facts | Table | Chart | Grid | Tiles


@dataclass(frozen=True)
class Section:
    """A numbered part of the pack.

    Parameters
    ----------
    id : str
        Its anchor.
    title : str
        Its heading.
    blocks : tuple of Block
        What it says.
    fresh : bool
        Whether it begins on a new sheet of paper.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    fresh: bool = False


@dataclass(frozen=True)
class Pack:
    """A whole pack, ready to print.

    Parameters
    ----------
    title, subtitle : str
        What it is about.
    not_for : str
        The safety notice: on every page.
    day : tuple of int
        Year, month and day it is dated.
    facts : tuple
        What the front page says about the pack itself.
    sections : tuple of Section
        In order.
    """

    title: str
    subtitle: str
    not_for: str
    day: tuple[int, int, int]
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def plain(pack: Pack) -> dict[str, Any]:
    """Give a pack as plain data, for the writers; every block tells its kind.

    Examples
    --------
    >>> section = Section("a", "A", (Para("Said."), Bullets((ToDo("the lead"),))))
    >>> pack = Pack("T", "S", "Not for.", (2026, 10, 5), (), (section,))
    >>> [block["kind"] for block in plain(pack)["sections"][0]["blocks"]]
    ['para', 'bullets']
    >>> plain(pack)["sections"][0]["blocks"][1]["items"]
    [{'text': 'To be completed by the lead', 'todo': True}]
    """
    return {
        "title": pack.title,
        "subtitle": pack.subtitle,
        "not_for": pack.not_for,
        "day": list(pack.day),
        "facts": [list(fact) for fact in pack.facts],
        "sections": [
            {
                "id": s.id,
                "title": s.title,
                "fresh": s.fresh,
                "blocks": [_block(b) for b in s.blocks],
            }
            for s in pack.sections
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Para(text, kind):
            return {"kind": "para", "style": kind, **_text(text)}
        case Heading(text):
            return {"kind": "heading", "text": text}
        case Bullets(items):
            return {"kind": "bullets", "items": [_text(item) for item in items]}
        case Facts(caption, rows):
            facts = [{"name": name, **_text(value)} for name, value in rows]
            return {"kind": "facts", "caption": caption, "rows": facts}
        case Table(caption, columns, rows, note):
            return {
                "kind": "table",
                "caption": caption,
                "columns": [
                    {"title": c.title, "number": c.number, "share": c.share} for c in columns
                ],
                "rows": [[_text(cell) for cell in row] for row in rows],
                "note": note,
            }
        case Chart(svg, says, title):
            return {"kind": "chart", "svg": svg, "says": says, "title": title}
        case Grid(charts):
            return {
                "kind": "grid",
                "items": [{"title": t, "svg": c.svg, "says": c.says} for t, c in charts],
            }
        case Tiles(items):
            return {"kind": "tiles", "items": [list(item) for item in items]}


def _text(text: Text) -> dict[str, Any]:
    if isinstance(text, ToDo):
        return {"text": text.text, "todo": True}
    return {"text": text, "todo": False}


def texts(pack: Pack) -> list[str]:
    """Give every text of a pack, for checks on what it says."""
    found: list[str] = []

    def gather(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for part in value.values():
                gather(part)
        elif isinstance(value, Sequence):
            for part in value:
                gather(part)

    gather(plain(pack))
    return found
