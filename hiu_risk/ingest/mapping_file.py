"""Reading the mapping's TOML file, so that every mistake is told with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping as Mapped
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hiu_risk.counting import Counting
from hiu_risk.errors import UsageError, near_match
from hiu_risk.ingest.mapping import KEY_ENV, MAX_REJECTED, FeedMapping, Mapping, RowFilter, ValueMap
from hiu_risk.ingest.opening import unreadable
from hiu_risk.schema import FEED_TABLES
from hiu_risk.times import to_seconds
from hiu_risk.toml_lines import TomlFile, read_toml

FEED_KEYS = (
    "name", "table", "path", "member", "format", "encoding", "delimiter", "zone", "missing",
    "allow_empty", "max_rejected", "delay_hours", "extract_until", "starts_at", "complete_until",
    "gaps", "columns", "dates", "values", "constants", "filter",
)  # fmt: skip
_FORMATS = ("csv", "parquet")


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises
    ------
    UsageError
        It is missing or not TOML, or a key is unknown, absent or of the wrong type; the message
        names the line.
    """
    toml = read_toml(path)
    toml.check_keys(toml.data, ("store", "identity", "counting", "incidents", "feed"))
    store = _table(toml, "store")
    toml.check_keys(store, ("zone", "entity"), "store")
    entity = _choice(toml, store, "entity", ("person", "address"), "person", "store")
    identity = _table(toml, "identity")
    toml.check_keys(
        identity, ("kind", "invalid", "min_confidence", "key_env", "key_file"), "identity"
    )
    incidents = _table(toml, "incidents")
    toml.check_keys(incidents, ("gap_minutes",), "incidents")
    zone = _zone(toml, store, "Europe/London", "store")
    feeds = toml.data.get("feed")
    if not isinstance(feeds, list) or not feeds:
        raise UsageError("no [[feed]] in the mapping", where=str(path), fix="add one for each file")
    found = tuple(_Reader(toml, feed, i, zone).feed() for i, feed in enumerate(feeds))
    names = [feed.name for feed in found]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UsageError(f"two feeds are named {name!r}", where=toml.where("feed", i, "name"))
    counting = _table(toml, "counting")
    toml.check_keys(counting, Counting.__dataclass_fields__, "counting")
    key_file = _text(toml, identity, "key_file", "", "identity")
    return Mapping(
        path=path,
        zone=zone,
        entity=entity,
        counting=Counting.from_dict(counting, entity),
        feeds=found,
        gap=int(_number(toml, incidents, "gap_minutes", 0.0, "incidents") * 60),
        identity_kind=_choice(
            toml, identity, "kind", ("nhs_number", "local_id"), "local_id", "identity"
        ),
        invalid_identity=_choice(
            toml, identity, "invalid", ("unlink", "reject"), "unlink", "identity"
        ),
        min_confidence=_number(toml, identity, "min_confidence", 0.0, "identity", high=1),
        key_env=_text(toml, identity, "key_env", KEY_ENV, "identity"),
        key_file=path.parent / key_file if key_file else None,
    )


class _Reader:
    """Reads one feed; holds the file and the feed's place in it for the messages."""

    def __init__(self, toml: TomlFile, data: Any, index: int, zone: str) -> None:
        self.toml, self.index, self.zone = toml, index, zone
        if not isinstance(data, dict):
            raise UsageError("a feed is a table", where=toml.where("feed", index))
        self.data: dict[str, Any] = data
        toml.check_keys(data, FEED_KEYS, "feed", index)
        for key in ("table", "path", "columns"):
            if key not in data:
                raise UsageError(f"the feed has no {key}", where=toml.where("feed", index))
        name = _choice(toml, data, "table", tuple(FEED_TABLES), "", "feed", index)
        self.table = FEED_TABLES[name]

    def where(self, *key: str) -> str:
        return self.toml.where("feed", self.index, *key)

    def feed(self) -> FeedMapping:
        columns = self._columns()
        constants = {
            name: str(value)
            for name, value in self._section("constants", lambda n: self.table.column(n)).items()
        }
        values = self._values()
        self._check_constants(constants, values)
        for column in self.table.columns:
            if column.required and column.name not in columns:
                raise UsageError(
                    f"the table {self.table.name} needs {column.name}", where=self.where("columns")
                )
        zone = _zone(self.toml, self.data, self.zone, "feed", self.index)
        name = _text(self.toml, self.data, "name", self.table.name, "feed", self.index)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
            raise UsageError("a feed's name is letters, digits, - and _", where=self.where("name"))
        return FeedMapping(
            name=name,
            table=self.table,
            files=self._files(),
            columns=columns,
            zone=zone,
            where=self.where(),
            member=self._text("member", ""),
            format=self._format(),
            encoding=self._encoding(),
            delimiter=self._delimiter(),
            missing=_texts(self.data.get("missing", []), self.where("missing"), none=True),
            allow_empty=bool(self.data.get("allow_empty", False)),
            max_rejected=self._max_rejected(),
            delay=int(_number(self.toml, self.data, "delay_hours", 0.0, "feed", self.index) * 3600),
            extract_until=self._moment("extract_until", zone),
            starts_at=self._moment("starts_at", zone),
            complete_until=self._moment("complete_until", zone),
            gaps=self._gaps(zone),
            dates={
                name: _texts(value, self.where("dates", name))
                for name, value in self._section("dates", self._time_column).items()
            },
            values=values,
            constants=constants,
            filter=self._filter(),
            column_where={name: self.where("columns", name) for name in columns},
        )

    def _text(self, key: str, default: str) -> str:
        return _text(self.toml, self.data, key, default, "feed", self.index)

    def _max_rejected(self) -> float:
        return _number(
            self.toml, self.data, "max_rejected", MAX_REJECTED, "feed", self.index, high=1
        )

    def _format(self) -> Any:
        if "format" not in self.data:
            return ""
        return _choice(self.toml, self.data, "format", _FORMATS, "", "feed", self.index)

    def _encoding(self) -> str:
        encoding = self._text("encoding", "utf-8")
        try:
            "".encode(encoding)
        except LookupError:
            raise UsageError(
                f"unknown encoding {encoding!r}",
                where=self.where("encoding"),
                fix="use utf-8, cp1252 or latin-1",
            ) from None
        return encoding

    def _delimiter(self) -> str:
        delimiter = self._text("delimiter", ",")
        if len(delimiter) != 1:
            raise UsageError("a delimiter is one character", where=self.where("delimiter"))
        return delimiter

    def _files(self) -> tuple[Path, ...]:
        found: list[Path] = []
        for text in _texts(self.data["path"], self.where("path")):
            path = self.toml.path.parent / text
            matching = sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
            try:
                there = bool(matching) and all(file.is_file() for file in matching)
            except OSError as error:  # of a folder that we may not look into
                raise unreadable(error, f"{path}; {self.where('path')}") from None
            if not there:
                near = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
                raise UsageError(
                    "no such file",
                    where=f"{path}; {self.where('path')}",
                    fix=near_match(path.name, near) if near else "check the path",
                )
            found += matching
        return tuple(found)

    def _section(self, key: str, check: Any) -> dict[str, Any]:
        section = self.data.get(key, {})
        if not isinstance(section, dict):
            raise UsageError(f"{key} is a table", where=self.where(key))
        for name in section:
            try:
                check(name)
            except UsageError as error:
                raise UsageError(error.what, where=self.where(key, name), fix=error.fix) from None
        return section

    def _time_column(self, name: str) -> None:
        if self.table.column(name).kind != "time":
            raise UsageError(f"{name} is not a time")

    def _code_column(self, name: str) -> None:
        if self.table.column(name).vocabulary is None:
            raise UsageError(f"{name} is not a code: it takes no value map")

    def _columns(self) -> dict[str, tuple[str, ...]]:
        section = self._section("columns", self.table.column)
        columns = {name: _texts(raw, self.where("columns", name)) for name, raw in section.items()}
        for name, raws in columns.items():
            if len(raws) > 1 and self.table.column(name).kind in ("code", "number", "flag"):
                raise UsageError("only one column here", where=self.where("columns", name))
        return columns

    def _values(self) -> dict[str, ValueMap]:
        found = {}
        for name, section in self._section("values", self._code_column).items():
            if not isinstance(section, dict):
                raise UsageError("a value map is a table", where=self.where("values", name))
            self.toml.check_keys(
                section, ("exact", "prefix", "regex", "default"), "feed", self.index, "values", name
            )
            parts = {part: section.get(part, {}) for part in ("exact", "prefix", "regex")}
            default = section.get("default")
            targets = [t for part in parts.values() for t in part.values()]
            self._check_names(name, [*targets, *([default] if default is not None else [])])
            for pattern in parts["regex"]:
                try:
                    re.compile(pattern)
                except re.error:
                    raise UsageError(
                        "not a regular expression", where=self.where("values", name, "regex")
                    ) from None
            found[name] = ValueMap(**parts, default=default)
        return found

    def _check_names(self, column: str, names: list[str]) -> None:
        vocabulary = self.table.column(column).vocabulary
        if vocabulary is None:
            return
        for name in names:
            if name not in vocabulary.names:
                raise UsageError(
                    f"{name!r} is not a name of {vocabulary.title}",
                    where=self.where("values", column),
                    fix=near_match(str(name), vocabulary.names),
                )

    def _check_constants(self, constants: dict[str, str], values: dict[str, ValueMap]) -> None:
        for name, value in constants.items():
            if name not in values:
                self._check_names(name, [value])

    def _filter(self) -> RowFilter | None:
        section = self.data.get("filter")
        if section is None:
            return None
        known = ("column", "starts_with", "equals", "matches")
        self.toml.check_keys(section, known, "feed", self.index, "filter")
        if "column" not in section or len(section) != 2:
            raise UsageError(
                "a filter has a column and one of starts_with, equals, matches",
                where=self.where("filter"),
            )
        texts = dict(section)
        if "equals" in texts:
            texts["equals"] = _texts(texts["equals"], self.where("filter", "equals"))
        return RowFilter(**texts)

    def _moment(self, key: str, zone: str) -> int | None:
        value = self.data.get(key)
        return None if value is None else self._read_moment(value, key, zone)

    def _gaps(self, zone: str) -> tuple[tuple[int, int], ...]:
        spans = self.data.get("gaps", [])
        pairs = isinstance(spans, list) and all(isinstance(s, list) and len(s) == 2 for s in spans)
        gaps = [[self._read_moment(t, "gaps", zone) for t in s] for s in spans] if pairs else []
        if not pairs or any(since >= to for since, to in gaps):
            raise UsageError(
                "gaps are pairs of dates, the earlier first",
                where=self.where("gaps"),
                fix='write gaps = [["2024-01-31", "2024-02-10"]]',
            )
        return tuple((since, to) for since, to in sorted(gaps))

    def _read_moment(self, value: Any, key: str, zone: str) -> int:
        try:
            moment = value if isinstance(value, date) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise UsageError(
                "not a date", where=self.where(key), fix="write it as 2024-07-01T00:00"
            ) from None
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day, tzinfo=ZoneInfo(zone))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return to_seconds(moment)


def _table(toml: TomlFile, name: str) -> dict[str, Any]:
    section = toml.data.get(name, {})
    if not isinstance(section, dict):
        raise UsageError(f"{name} is a table", where=toml.where(name))
    return section


def _text(toml: TomlFile, section: Mapped[str, Any], key: str, default: str, *at: str | int) -> str:
    value = section.get(key, default)
    if not isinstance(value, str):
        raise UsageError(f"{key} is a text", where=toml.where(*at, key))
    return value


def _texts(value: Any, where: str, *, none: bool = False) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) for v in values) or not (values or none):
        raise UsageError("expected a text or a list of texts", where=where)
    return tuple(values)


def _choice(
    toml: TomlFile, section: Mapped[str, Any], key: str, known: tuple[str, ...], default: str,
    *at: str | int,
) -> str:  # fmt: skip
    value = _text(toml, section, key, default, *at)
    if value not in known:
        raise UsageError(
            f"{key} can't be {value!r}", where=toml.where(*at, key), fix=near_match(value, known)
        )
    return value


def _number(
    toml: TomlFile, section: Mapped[str, Any], key: str, default: float, *at: str | int,
    high: float = 1e6,
) -> float:  # fmt: skip
    value = section.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise UsageError(f"{key} is a number from 0 to {high:g}", where=toml.where(*at, key))
    return float(value)


def _zone(toml: TomlFile, section: Mapped[str, Any], default: str, *at: str | int) -> str:
    name = _text(toml, section, "zone", default, *at)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"no time zone {name!r}", where=toml.where(*at, "zone"), fix="such as Europe/London"
        ) from None
    return name
