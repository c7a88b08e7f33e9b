"""What only a person can say: text files in a folder, made empty on the first run.

Every topic is one TOML file. A field left empty prints as "to be completed by ROLE"; nothing is
made up in its place, and a file that is there is never written to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from hiu_risk.errors import DataError, UsageError, near_match
from hiu_risk.files import write_text
from hiu_risk.model.signing import about_nobody
from hiu_risk.toml_lines import TomlFile, read_toml
from hiu_training.board.blocks import Text, ToDo
from hiu_training.board.quarter import day_words

LONGEST = 4_000
"""Characters that one field may hold: the pack is read in a meeting."""

Kind = Literal["text", "day", "grade"]


@dataclass(frozen=True)
class Field:
    """One thing that a person writes.

    Parameters
    ----------
    key : str
        Its key in the file.
    label : str
        What it is called in the pack.
    role : str
        Who writes it, as in "to be completed by ...".
    help : str
        What belongs there: a comment in the file.
    kind : str
        ``text``; ``day``, a date; ``grade``, a whole number from 1 to 5.
    optional : bool
        True where leaving it empty is an answer.
    start : str
        What a new file already holds.
    """

    key: str
    label: str
    role: str
    help: str = ""
    kind: Kind = "text"
    optional: bool = False
    start: str = ""


@dataclass(frozen=True)
class Rows:
    """A list of entries in a topic, such as hazards; each is a ``[[key]]`` table.

    Parameters
    ----------
    key : str
        Name of the tables.
    fields : tuple of Field
        Of each entry.
    start : tuple of dict
        Entries that a new file already holds.
    """

    key: str
    fields: tuple[Field, ...]
    start: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Topic:
    """One file.

    Parameters
    ----------
    file : str
        Its name.
    about : str
        The comment at its top.
    fields : tuple of Field
        Its fields.
    rows : Rows, optional
        Its list.
    """

    file: str
    about: str
    fields: tuple[Field, ...] = ()
    rows: Rows | None = None


@dataclass(frozen=True)
class Filled:
    """A topic as somebody filled it in.

    Parameters
    ----------
    topic : Topic
    values : dict
        Key to what was written, for the fields that were filled in.
    entries : tuple of dict
        The same for each entry of the list.
    """

    topic: Topic
    values: Mapping[str, str]
    entries: tuple[Mapping[str, str], ...]

    def __getitem__(self, key: str) -> Text:
        field = next(f for f in self.topic.fields if f.key == key)
        return self._text(field, self.values, key)

    def facts(self, *keys: str) -> tuple[tuple[str, Text], ...]:
        """Give label and text of the fields of these keys; of all without any."""
        chosen = [f for f in self.topic.fields if not keys or f.key in keys]
        return tuple((f.label, self._text(f, self.values, f.key)) for f in chosen)

    def entry(self, number: int) -> dict[str, Text]:
        """Give the texts of one entry of the list, by key."""
        rows = self.topic.rows
        if rows is None:
            return {}
        return {
            f.key: self._text(f, self.entries[number], f"{rows.key} {number + 1}, {f.key}")
            for f in rows.fields
        }

    def gaps(self) -> Iterator[ToDo]:
        """Give what is still to be written."""
        yield from (text for _, text in self.facts() if isinstance(text, ToDo))
        for number in range(len(self.entries)):
            yield from (t for t in self.entry(number).values() if isinstance(t, ToDo))

    def _text(self, field: Field, values: Mapping[str, str], where: str) -> Text:
        if written := values.get(field.key):
            return written
        return "Not given" if field.optional else ToDo(field.role, f"{self.topic.file}, {where}")


def make_missing(folder: Path, topics: tuple[Topic, ...]) -> list[Path]:
    """Write an empty file for each topic that has none; gives those made.

    Raises
    ------
    UsageError
        The folder can't be written to.
    """
    made = []
    for topic in topics:
        path = folder / topic.file
        if not path.exists():
            write_text(path, template(topic))
            made.append(path)
    return made


def read_topic(folder: Path, topic: Topic) -> Filled:
    """Read one topic; a file that isn't there is as :func:`make_missing` would make it.

    Raises
    ------
    DataError
        Not TOML, an unknown key, a value of another kind, a text too long: with the line.
    """
    path = folder / topic.file
    if not path.exists():
        start = {field.key: field.start for field in topic.fields if field.start}
        return Filled(topic, start, topic.rows.start if topic.rows else ())
    try:
        file = read_toml(path)
        rows = topic.rows
        known = {f.key: f for f in topic.fields}
        listed = rows.key if rows else None
        file.check_keys(file.data, [*known, *([listed] if listed else [])])
    except UsageError as error:
        raise DataError(error.what, where=error.where or str(path), fix=error.fix) from None
    values = _values(file, file.data, known)
    entries = _entries(file, rows) if rows else ()
    return Filled(topic, values, entries)


def _entries(file: TomlFile, rows: Rows) -> tuple[dict[str, str], ...]:
    tables = file.data.get(rows.key, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise DataError(
            f"{rows.key} is not a list of entries",
            where=file.where(rows.key),
            fix=f"begin each entry with a line [[{rows.key}]]",
        )
    known = {f.key: f for f in rows.fields}
    entries = []
    for number, table in enumerate(tables):
        for key in table:
            if key not in known:
                raise DataError(
                    f"unknown key {key!r}",
                    where=file.where(rows.key, number, key),
                    fix=near_match(key, known),
                )
        entries.append(_values(file, table, known, rows.key, number))
    return tuple(entries)


def _values(
    file: TomlFile, table: Mapping[str, Any], known: Mapping[str, Field], *at: str | int
) -> dict[str, str]:
    found = {}
    for key, field in known.items():
        if key in table and (text := _value(table[key], field, file.where(*at, key))):
            found[key] = text
    return found


def _value(value: Any, field: Field, where: str) -> str:
    if isinstance(value, str) and not value.strip():
        return ""
    if field.kind == "day":
        return day_words(_day(value, where))
    if field.kind == "grade":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
            raise DataError("not a grade", where=where, fix="write a whole number from 1 to 5")
        return str(value)
    if not isinstance(value, str):
        raise DataError("not a text", where=where, fix='write it between quotes: "..."')
    text = " ".join(value.split())
    if len(text) > LONGEST:
        raise DataError(
            f"longer than {LONGEST:,} characters", where=where, fix="say it more shortly"
        )
    if not text.isprintable():
        raise DataError("control characters in the text", where=where, fix="type it again")
    try:
        return about_nobody(text, where, "say it without naming anybody: boards read it")
    except UsageError as error:
        raise DataError(error.what, where=where, fix=error.fix) from None


def _day(value: Any, where: str) -> date:
    try:
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError("not a date", where=where, fix="write it as 2026-07-31") from None


def template(topic: Topic) -> str:
    """Write the file of a topic with nothing filled in.

    Examples
    --------
    >>> field = Field("owner", "Owner", "the lead", "Who answers for it.")
    >>> print(template(Topic("a.toml", "About it.", (field,))))
    # About it.
    # Leave a text empty ("") until it can be answered: the pack then says who is to complete it.
    <BLANKLINE>
    # Owner (the lead). Who answers for it.
    owner = ""
    <BLANKLINE>
    """
    lines = [f"# {line}" for line in topic.about.splitlines()]
    lines += [
        '# Leave a text empty ("") until it can be answered: the pack then says who is to '
        "complete it.",
        "",
    ]
    for field in topic.fields:
        lines += [_comment(field), f"{field.key} = {_quoted(field.start)}", ""]
    if topic.rows:
        lines += _rows_template(topic.rows)
    return "\n".join(lines).rstrip("\n") + "\n"


def _rows_template(rows: Rows) -> list[str]:
    lines = [f"# One [[{rows.key}]] for each. In every one:"]
    lines += [_comment(field, f"#   {field.key}: ") for field in rows.fields]
    if not rows.start:
        lines += ["#", f"# [[{rows.key}]]", *(f'# {field.key} = ""' for field in rows.fields)]
    for entry in rows.start:
        lines += ["", f"[[{rows.key}]]"]
        lines += [f"{field.key} = {_quoted(entry.get(field.key, ''))}" for field in rows.fields]
    return lines


def _comment(field: Field, before: str = "# ") -> str:
    kinds = {"text": "", "day": " A date: 2026-07-31.", "grade": " A whole number, 1 to 5."}
    optional = " May stay empty." if field.optional else ""
    said = f" {field.help}" if field.help else ""
    return f"{before}{field.label} ({field.role}).{said}{kinds[field.kind]}{optional}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
