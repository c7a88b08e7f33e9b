"""A training protocol: everything that decides what is trained and how it is judged, as data."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from hiu_risk import weekends
from hiu_risk.definitions import Definition, definition_by_id
from hiu_risk.eligibility import EligibilityPolicy, Target
from hiu_risk.errors import UsageError, near_match
from hiu_risk.outcomes import Overlap
from hiu_risk.toml_lines import text_of
from hiu_training.protocol.settings import (
    JUDGING_SECTIONS,
    SECTIONS,
    AnchorSettings,
    AuditSettings,
    BoosterSettings,
    GateSettings,
    Origins,
    Period,
)


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what is trained and how it is judged.

    Parameters
    ----------
    definition : Definition
        The rule looked ahead for.
    target, overlap : str
        See :mod:`hiu_risk.outcomes`.
    horizon_days, washout_days : int
        How far ahead; how long the rule must not have been met.
    policy : EligibilityPolicy
        Who may appear on the list.
    features : tuple of str
        Names from the catalogue; empty means all.
    origins : Origins
        When.
    embargo_days : int or None
        Days between the last training origin and the first of the block it is judged on; None
        is the horizon plus the longest declared reporting delay.
    anchor : AnchorSettings
        The linear part.
    booster : BoosterSettings
        The trees.
    few_positives : str
        What calibration does with fewer than 20 different positives: ``offset`` or ``refuse``.
    capacities : tuple of int or str
        The K of precision and recall; ``1%`` is that share of the people ranked at a date.
    resamples : int
        Bootstrap resamples of people.
    seed : int
        Seed of everything random.
    promote : str
        ``first``: the first model of a home becomes champion; ``never``: none does.
    audit : AuditSettings
        What the fairness audit compares.
    gates : GateSettings
        What a model must show to become champion.
    periods : tuple of Period
        What a sensitivity run leaves out of training, one at a time.
    """

    definition: Definition
    target: Target = "onset"
    overlap: Overlap = "straddle"
    horizon_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    washout_days: Annotated[int, Field(ge=0, le=3_650)] = 365
    policy: EligibilityPolicy = field(default_factory=EligibilityPolicy)
    features: tuple[str, ...] = ()
    origins: Origins = field(default_factory=Origins)
    embargo_days: Annotated[int, Field(ge=0, le=3_650)] | None = None
    anchor: AnchorSettings = field(default_factory=AnchorSettings)
    booster: BoosterSettings = field(default_factory=BoosterSettings)
    few_positives: Literal["offset", "refuse"] = "offset"
    capacities: Annotated[
        tuple[
            Annotated[int, Field(ge=1)]
            | Annotated[str, Field(pattern=r"^([1-9]\d?|0\.\d{0,2}[1-9])%$")],
            ...,
        ],
        Field(min_length=1, description='a list of whole numbers above zero, or such as "1%"'),
    ] = (25, 50, 75, 100, 200, "1%")
    resamples: Annotated[int, Field(ge=0, le=10_000)] = 300
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    promote: Literal["first", "never"] = "first"
    audit: AuditSettings = field(default_factory=AuditSettings)
    gates: GateSettings = field(default_factory=GateSettings)
    periods: tuple[Period, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the protocol as plain data, with every default written out."""
        data: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        data |= {"definition": self.definition.to_dict(), "policy": self.policy.to_dict()}
        return {name: _plain(value) for name, value in data.items()}

    @property
    def hash(self) -> str:
        """Hex SHA-256 of the protocol's meaning: comments and order don't change it."""
        data = {k: v for k, v in self.to_dict().items() if k not in JUDGING_SECTIONS}
        text = json.dumps(data, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _plain(value: Any) -> Any:
    """Write a value, or a section of values, as JSON can."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value.isoformat() if isinstance(value, date) else value


def load_protocol(path: Path) -> Protocol:
    """Read a protocol file.

    Raises
    ------
    UsageError
        No such file, not TOML, an unknown key (named with its line), a value that can't be.
    """
    return parse_protocol(read_protocol_text(path), where=str(path))


def read_protocol_text(path: Path) -> str:
    """Read the text of a protocol file."""
    return text_of(path, "name a protocol file, for instance training/protocols/onset.toml")


def parse_protocol(text: str, *, where: str = "protocol") -> Protocol:
    r"""Build a protocol from the text of its file.

    Examples
    --------
    >>> protocol = parse_protocol('definition = "nhse_hiu"\n[origins]\ntest = 3')
    >>> protocol.definition.sources, protocol.origins.test
    (('ae',), 3)
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not TOML: {error}", where=where, fix="correct that line") from None
    return _Reader(text, where).protocol(data)


@cache
def _values(kind: type) -> Mapping[str, TypeAdapter[Any]]:
    """Give what checks each value of a section."""
    hints = get_type_hints(kind, include_extras=True)
    return {f.name: TypeAdapter(hints[f.name]) for f in fields(kind)}


class _Reader:
    """Turns a parsed protocol file into a Protocol; knows the line of every key."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def protocol(self, data: Mapping[str, Any]) -> Protocol:
        own = {f.name for f in fields(Protocol)} - {"definition", "policy", "features", *SECTIONS}
        self.check_keys(data, own | {*_READ_APART, *SECTIONS}, "")
        values = {k: self.value(Protocol, k, k, v) for k, v in data.items() if k in own}
        values["definition"] = self.definition(data)
        if "eligibility" in data:
            table = self.table(data["eligibility"], "eligibility")
            self.check_keys(table, set(EligibilityPolicy.__dataclass_fields__), "eligibility")
            values["policy"] = EligibilityPolicy.from_dict(table)
        if "features" in data:
            values["features"] = self.features(data["features"])
        if "capacities" in values:
            values["capacities"] = tuple(sorted(set(values["capacities"]), key=_by_size))
        for name, kind in SECTIONS.items():
            if name in data:
                values[name] = self.section(name, kind, data[name])
        if values.get("target") == "weekend":
            self.weekend(values)
        return Protocol(**values)

    def weekend(self, values: dict[str, Any]) -> None:
        """Give a weekend its own horizon, and refuse origins that can't all be Fridays."""
        if values.setdefault("horizon_days", weekends.HORIZON_DAYS) != weekends.HORIZON_DAYS:
            raise self.wrong(
                "horizon_days",
                f"of a weekend must be {weekends.HORIZON_DAYS}, or be left out: its hours are "
                "Friday 18:00 to Monday 08:00",
            )
        every = values.get("origins", Origins()).every
        if every == "month" or (every != "auto" and every % 7):
            raise self.wrong("origins.every", 'of a weekend must be "auto" or weeks, as "28 days"')

    def section(self, name: str, kind: type, data: Any) -> Any:
        """Read a table, or the tables of a section that there may be several of."""
        if get_origin(get_type_hints(Protocol)[name]) is not tuple:
            table = self.table(data, name)
            self.check_keys(table, {f.name for f in fields(kind)}, name)
            return self.made(kind, name, table)
        if not isinstance(data, list):
            raise self.wrong(name, f"must be tables, each headed [[{name}]]")
        for table in data:
            self.check_keys(self.table(table, name), {f.name for f in fields(kind)}, name)
        return tuple(self.made(kind, name, table) for table in data)

    def made(self, kind: type, name: str, table: Mapping[str, Any]) -> Any:
        needed = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING]
        for key in needed:
            if key not in table:
                raise self.wrong(name, f"must have a {key}")
        return kind(**{k: self.value(kind, k, f"{name}.{k}", v) for k, v in table.items()})

    def definition(self, data: Mapping[str, Any]) -> Definition:
        found = data.get("definition", "frecann_adult")
        if isinstance(found, str):
            definition = definition_by_id(found)
        elif isinstance(found, Mapping):
            definition = Definition.from_dict({"origin": "protocol", **found})
        else:
            raise self.wrong("definition", "must be an id or a table")
        windows = data.get("windows", "rolling")
        if windows not in ("rolling", "calendar"):
            raise self.wrong("windows", "must be one of rolling, calendar")
        return definition.with_calendar_windows() if windows == "calendar" else definition

    def check_keys(self, table: Mapping[str, Any], known: set[str], inside: str) -> None:
        for key in table:
            if key not in known:
                place = f"{inside}.{key}" if inside else key
                raise UsageError(
                    f"unknown key {key!r}", where=self.at(place), fix=near_match(key, known)
                )

    def table(self, data: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            raise self.wrong(name, "must be a table")
        return data

    def features(self, value: Any) -> tuple[str, ...]:
        if value == "all":
            return ()
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.wrong("features", 'must be "all" or a list of names')
        return tuple(value)

    def value(self, kind: type, name: str, key: str, value: Any) -> Any:
        """Check one value against its declaration."""
        check = _values(kind)[name]
        try:
            return check.validate_python(_frozen(value), strict=True)
        except ValidationError:
            raise self.wrong(key, f"must be {_wanted(check.json_schema())}") from None

    def wrong(self, key: str, must: str) -> UsageError:
        return UsageError(f"{key} {must}", where=self.at(key))

    def at(self, key: str) -> str:
        line = _line_of(self.text, key)
        return f"{self.where}, line {line}" if line else self.where


_READ_APART = ("definition", "windows", "eligibility", "features")


def _by_size(capacity: int | str) -> tuple[bool, float]:
    """Put lengths of lists in order: numbers, then shares of the people."""
    share = isinstance(capacity, str)
    return share, float(str(capacity).rstrip("%"))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _wanted(schema: Mapping[str, Any]) -> str:
    """Say in words what a value must be, from its JSON schema."""
    if "description" in schema:
        return str(schema["description"])
    if "anyOf" in schema:
        return " or ".join(_wanted(s) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type")
    if kind == "array":
        return f"a list, each {_wanted(schema.get('items', {}))}"
    if schema.get("format") == "date":
        return "a date such as 2025-03-01, without quotes"
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false",
             "string": "a text in quotes", "object": "a table"}  # fmt: skip
    words = names.get(str(kind), "something else")
    if "minimum" in schema and "maximum" in schema:
        return f"{words} from {schema['minimum']:g} to {schema['maximum']:g}"
    return words


def _line_of(text: str, key: str) -> int:
    """Find the line of a dotted key, written in a table, dotted, or as a table's header."""
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([\w.\-\" ]+?)\s*\]+", line)
        if header:
            inside = header[1].replace('"', "").replace(" ", "")
            if inside == key or inside.startswith(key + "."):
                return number
            continue
        name = re.match(r"\s*([\w.\-\"]+)\s*=", line)
        if name:
            full = (f"{inside}." if inside else "") + name[1].replace('"', "")
            if full == key or full.startswith(key + "."):
                return number
    return 0
