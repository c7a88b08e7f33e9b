"""The data contract: the tables that feeds fill, and the Parquet files of the store.

One :class:`Column` both checks values (ingest asks it) and describes itself (the published data
contract is generated from it), so that the two can't drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from hiu_risk.codes import ETHNIC_CATEGORY_GROUPS, ETHNIC_GROUP, EVENT_CATEGORIES, SEX, Vocabulary
from hiu_risk.errors import UsageError, near_match
from hiu_risk.times import EARLIEST, LATEST

SCHEMA_VERSION = 1
"""Version of the store's files; a store of a newer version is refused."""

Kind = Literal["identifier", "text", "time", "code", "number", "flag"]

_LIFETIME = -3_786_912_000  # 1849-12-31, so that 1850 begins inside in every zone


@dataclass(frozen=True)
class Column:
    """One canonical column of a feed: what it means and what may stand in it.

    Parameters
    ----------
    name : str
        Canonical name.
    kind : str
        ``identifier`` (becomes a pseudonym), ``text``, ``time``, ``code`` (a name of
        ``vocabulary``), ``number`` or ``flag``.
    meaning : str
        A sentence for the documentation.
    required : bool
        The mapping must give it, and a blank rejects the row.
    vocabulary : Vocabulary or None
        Of a ``code``.
    low, high : float
        Inclusive bounds of a ``number`` or a ``time`` (UTC seconds).
    not_before : str
        The time that this time may not precede.
    day_means : str
        What a date without a time means: the ``start`` or the ``end`` of that day.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    vocabulary: Vocabulary | None = None
    low: float = EARLIEST
    high: float = LATEST
    not_before: str = ""
    day_means: Literal["start", "end"] = "start"

    @property
    def rules(self) -> str:
        """The checks in words."""
        said = ["required"] if self.required else []
        if self.vocabulary is not None:
            said.append("one of " + ", ".join(f"`{name}`" for name in self.vocabulary.names))
        if self.kind == "number":
            said.append(f"from {self.low:g} to {self.high:g}")
        if self.kind == "time":
            first = 1970 if self.low == EARLIEST else 1850
            said.append(f"from {first} to 2100; a date alone means the {self.day_means} of the day")
        if self.not_before:
            said.append(f"not before `{self.not_before}`")
        if self.kind == "flag":
            said.append("true/false, 1/0, yes/no or Y/N")
        return "; ".join(said)


@dataclass(frozen=True)
class FeedTable:
    """A table that feeds fill: its columns, and the source of its events (if it has any).

    Examples
    --------
    >>> FEED_TABLES["ae"].source, FEED_TABLES["ae"].column("arrival").kind
    ('ae', 'code')
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    source: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str, where: str = "") -> Column:
        """Give a column; an unknown name is a UsageError with the near match."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UsageError(
            f"the table {self.name} has no column {name!r}",
            where=where,
            fix=near_match(name, self.names),
        )


def _time(name: str, meaning: str, **more: object) -> Column:
    return Column(name, "time", meaning, **more)  # type: ignore[arg-type]


def _code(name: str, meaning: str) -> Column:
    return Column(name, "code", meaning, vocabulary=EVENT_CATEGORIES[name])


def _day(name: str, meaning: str, day_means: Literal["start", "end"], **more: object) -> Column:
    return Column(name, "time", meaning, low=_LIFETIME, day_means=day_means, **more)  # type: ignore[arg-type]


_PERSON = Column("person_id", "identifier", "Who it is about; becomes a pseudonym.")
_KNOWN_PERSON = Column("person_id", "identifier", _PERSON.meaning, required=True)
_SITE = Column("site", "text", "Organisation or site, for models over several.")
_ADDRESS = Column("address_id", "identifier", "Where it happened; becomes a pseudonym.")

_EVENT_START = (
    Column("event_id", "text", "Identifier of the row's event in its source; else made from all."),
    _PERSON,
    _time("occurred_at", "When it began.", required=True),
    _time("ended_at", "When it ended.", not_before="occurred_at"),
    _time(
        "available_at",
        "When the row became known here.",
        not_before="occurred_at",
        day_means="end",
    ),
)
_EVENT_END = (
    _code("identity_method", "How the person was identified."),
    Column("identity_confidence", "number", "How sure the identification is.", low=0, high=1),
    _ADDRESS,
    _code("address_type", "Kind of address."),
    _SITE,
)

FEED_TABLES = {
    table.name: table
    for table in (
        FeedTable(
            "calls",
            "One row a 999 call.",
            (
                *_EVENT_START,
                Column("incident_id", "text", "What several calls about one event share."),
                _code("reason", "Group of the complaint: a prompt, never a diagnosis."),
                _code("outcome", "How the call ended."),
                _code("urgency", "Response category."),
                _code("caller_type", "Who called."),
                *_EVENT_END,
            ),
            source="call",
        ),
        FeedTable(
            "ae",
            "One row an A&E attendance.",
            (
                *_EVENT_START,
                _code("kind", "First attendance or follow-up."),
                _code("reason", "Group of the chief complaint."),
                _code("outcome", "How the attendance ended."),
                _code("urgency", "Acuity."),
                _code("arrival", "How the person came."),
                *_EVENT_END,
            ),
            source="ae",
        ),
        FeedTable(
            "admissions",
            "One row a hospital admission.",
            (
                *_EVENT_START,
                _code("kind", "Method of admission."),
                _code("reason", "Group of the main reason."),
                _code("outcome", "How the stay ended."),
                _code("urgency", "Acuity."),
                *_EVENT_END,
            ),
            source="admission",
        ),
        FeedTable(
            "people",
            "One row a person, also those without any event.",
            (
                _KNOWN_PERSON,
                _day("born_at", "Date of birth.", "start"),
                Column("sex", "code", "Sex as recorded.", vocabulary=SEX),
                Column(
                    "ethnic_category",
                    "code",
                    "NHS ethnic category; Z (declined) is not 99 (not known).",
                    vocabulary=Vocabulary(
                        "ethnic category", ("99", *(k for k in ETHNIC_CATEGORY_GROUPS if k != "99"))
                    ),
                ),
                Column(
                    "ethnic_group", "code", "Where there is no category.", vocabulary=ETHNIC_GROUP
                ),
                Column("imd_decile", "number", "1 is the most deprived.", low=1, high=10),
                Column("imd_version", "text", "Edition of the deprivation index."),
                _day("registered_from", "Start of registration in the area.", "start"),
                _day("registered_to", "End of it.", "end", not_before="registered_from"),
                _day("move_known_at", "When the move became known here.", "end"),
                _day("died_at", "Date of death.", "end", not_before="born_at"),
                _day("death_known_at", "When the death became known here.", "end"),
                Column("extensive_care", "flag", "In the Extensive Care service."),
                Column("opted_out", "flag", "Opted out."),
                _SITE,
            ),
        ),
        FeedTable(
            "addresses",
            "One row an address; fills the address type of events that lack it.",
            (
                Column("address_id", "identifier", _ADDRESS.meaning, required=True),
                _code("address_type", "Kind of address."),
                Column("imd_decile", "number", "1 is the most deprived.", low=1, high=10),
                _SITE,
            ),
        ),
        FeedTable(
            "caseload",
            "One row a spell of a person on a programme's caseload.",
            (
                _KNOWN_PERSON,
                Column("programme", "text", "Name of the programme."),
                _time("start", "First day.", required=True),
                _time(
                    "end", "Last day; blank while it lasts.", not_before="start", day_means="end"
                ),
            ),
        ),
    )
}
"""The tables a mapping may name."""

_TIME = pa.timestamp("us", "UTC")
_NAME = pa.dictionary(pa.int32(), pa.string())
_EVENT_FIELDS = [
    ("event_id", pa.string()),
    ("incident_id", pa.string()),
    ("source", _NAME),
    ("occurred_at", _TIME),
    ("ended_at", _TIME),
    ("available_at", _TIME),
    ("superseded_at", _TIME),
    ("leads_until", _TIME),
    *((name, _NAME) for name in EVENT_CATEGORIES if name != "source"),
    ("identity_confidence", pa.float32()),
    ("hour_of_week", pa.uint8()),
    ("address_id", pa.string()),
    ("site", pa.string()),
    ("counted", pa.bool_()),
]

STORE_FILES = {
    "events": pa.schema([("person", pa.int32()), *_EVENT_FIELDS]),
    "unlinked": pa.schema(_EVENT_FIELDS),
    "people": pa.schema(
        [
            ("person_id", pa.string()),
            ("born_at", _TIME),
            ("sex", _NAME),
            ("ethnic_category", _NAME),
            ("ethnic_group", _NAME),
            ("imd_decile", pa.uint8()),
            ("imd_version", pa.string()),
            ("registered_from", _TIME),
            ("registered_to", _TIME),
            ("move_known_at", _TIME),
            ("died_at", _TIME),
            ("death_known_at", _TIME),
            ("extensive_care", pa.bool_()),
            ("opted_out", pa.bool_()),
            ("site", pa.string()),
        ]
    ),
    "addresses": pa.schema(
        [
            ("address_id", pa.string()),
            ("address_type", _NAME),
            ("imd_decile", pa.uint8()),
            ("site", pa.string()),
        ]
    ),
    "caseload": pa.schema(
        [("person", pa.int32()), ("programme", pa.string()), ("start", _TIME), ("end", _TIME)]
    ),
}
"""The Parquet files of the store. A null time means never (or, of a birth, unknown)."""


def as_markdown() -> str:
    """Write the data contract as a page.

    Examples
    --------
    >>> as_markdown().splitlines()[0]
    '# The data contract'
    """
    lines = ["# The data contract", "", "What a mapping can fill, table by table.", ""]
    for table in FEED_TABLES.values():
        lines += [f"## {table.name}", "", table.meaning, "", "| column | meaning | rules |"]
        lines += ["|---|---|---|"]
        lines += [f"| `{c.name}` | {c.meaning} | {c.kind}; {c.rules} |" for c in table.columns]
        lines.append("")
    lines += ["## The store", "", f"Parquet files, schema version {SCHEMA_VERSION}.", ""]
    for name, schema in STORE_FILES.items():
        columns = ", ".join(f"`{field.name}` {field.type}" for field in schema)
        lines += [f"- **{name}**: {columns}"]
    return "\n".join(lines).replace(";  |", " |") + "\n"
