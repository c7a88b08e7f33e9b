"""One batch of raw rows into canonical rows; what breaks a rule goes to the reject log."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hiu_risk.codes import IDENTITY_METHOD, SOURCE
from hiu_risk.ingest import values
from hiu_risk.ingest.checks import RejectLog, Tally, Verdict
from hiu_risk.ingest.mapping import FeedMapping, Mapping, ValueMap
from hiu_risk.ingest.pseudonym import is_nhs_number, normalised, pseudonym
from hiu_risk.ingest.readers import RawBatch
from hiu_risk.schema import Column

_PLAIN = ValueMap({})
_INVALID = "!"


@dataclass
class Converter:
    """Converts the batches of one feed, and keeps its counts and its reject log.

    ``latest`` (UTC seconds) is when the extract must have been made, where the mapping is silent.
    """

    mapping: Mapping
    feed: FeedMapping
    number: int
    key: bytes
    con: duckdb.DuckDBPyConnection
    latest: int | None = None
    tally: Tally = field(default_factory=Tally)
    log: RejectLog = field(default_factory=RejectLog)

    def convert(self, raw: RawBatch) -> pa.Table:
        """Give the rows of a batch that pass every check of their own.

        Besides the canonical columns a row carries ``feed``, ``file`` and ``row``.
        """
        rows = np.arange(raw.first_row, raw.first_row + raw.rows)
        columns, rows = self._filter(raw.columns, rows)
        self.tally.read += len(rows)
        batch = _Batch(self, columns, len(rows))
        table = batch.table(raw.file, rows)
        for broken, rule, column in batch.verdict.broken:
            self.log.add(raw.file, rows[broken], rule, column)
            self.tally.rejects[rule] += len(broken)
        return table

    def _filter(
        self, columns: dict[str, pa.Array], rows: NDArray[np.int64]
    ) -> tuple[dict[str, pa.Array], NDArray[np.int64]]:
        wanted = self.feed.filter
        if wanted is None:
            return columns, rows
        text = values.texts(columns[wanted.column])
        keep = values.by_distinct(text, wanted.keeps, np.bool_, wanted.keeps(""))
        self.tally.filtered += int((~keep).sum())
        return {name: array.filter(pa.array(keep)) for name, array in columns.items()}, rows[keep]


class _Batch:
    def __init__(self, converter: Converter, columns: dict[str, pa.Array], rows: int) -> None:
        self.c, self.feed, self.columns, self.rows = converter, converter.feed, columns, rows
        self.verdict = Verdict(rows)
        self.made: dict[str, pa.Array] = {}
        self.times: dict[str, values.Times] = {}

    def table(self, file: int, rows: NDArray[np.int64]) -> pa.Table:
        read = {
            "time": self._time, "code": self._code, "number": self._number, "flag": self._flag,
            "identifier": self._identifier, "text": self._text,
        }  # fmt: skip
        for column in self.feed.table.columns:
            read[column.kind](column)
        self._check_order()
        if self.feed.table.source:
            self._finish_event()
        if self.feed.table.name == "people":
            self._finish_person()
        self.made |= {
            "feed": pa.array(np.full(self.rows, self.c.number, np.int16)),
            "file": pa.array(np.full(self.rows, file, np.int32)),
            "row": pa.array(rows),
        }
        return pa.table(self.made).filter(pa.array(self.verdict.stands))

    # One method a kind of column.

    def _raw(self, column: Column) -> list[pa.Array] | None:
        name = column.name
        if name in self.feed.columns:
            return [self.columns[raw] for raw in self.feed.columns[name]]
        if name in self.feed.constants:
            return [pa.array([self.feed.constants[name]] * self.rows, pa.string())]
        return None

    def _texts(self, column: Column, separator: str = "|", *, all_needed: bool = False) -> pa.Array:
        raw = self._raw(column)
        if raw is None:
            return pa.nulls(self.rows, pa.string())
        parts = [values.texts(part, self.feed.missing) for part in raw]
        return values.joined(parts, separator, all_needed=all_needed)

    def _label(self, name: str) -> str:
        return " + ".join(self.feed.columns.get(name, (name,)))

    def _need(self, column: Column, missing: NDArray[np.bool_]) -> None:
        if column.required:
            self.verdict.reject(missing, "missing", self._label(column.name))

    def _text(self, column: Column) -> None:
        self.made[column.name] = self._texts(column)
        self._need(column, _nulls(self.made[column.name]))

    def _time(self, column: Column) -> None:
        name, ends = column.name, column.day_means == "end"
        raw = self._raw(column)
        if raw is not None and len(raw) == 1 and not pa.types.is_string(raw[0].type):
            text = raw[0]
        else:
            text = self._texts(column, " ")
        found = values.parse_times(
            self.c.con, text, self.feed.dates.get(name, ()),
            "UTC" if name == "born_at" else self.feed.zone,
            round_up=ends, day_ends=ends,
        )  # fmt: skip
        self.times[name] = found
        self._need(column, ~found.given)
        self.verdict.reject(found.unparsable, "unparsable_time", self._label(name))
        self.c.tally.unparsable[name] += int(found.unparsable.sum())
        self.c.tally.filled[name] += int(found.given.sum())
        outside = (found.seconds < column.low) | (found.seconds > column.high)
        self.verdict.reject(outside & found.given, "outside_time_range", self._label(name))
        self.c.tally.notes["times_that_occur_twice"] += found.twice
        self.c.tally.notes["times_moved_forward"] += found.never
        self.made[name] = pa.array(found.seconds, mask=~found.given)

    def _code(self, column: Column) -> None:
        assert column.vocabulary is not None  # noqa: S101
        map_ = self.feed.values.get(column.name, _PLAIN)
        found, by_default = values.codes(self._texts(column), column.vocabulary, map_)
        self.verdict.reject(found == values.UNKNOWN_CODE, "unknown_code", self._label(column.name))
        self.c.tally.notes[f"{column.name}_by_default"] += by_default
        self.made[column.name] = pa.array(found)

    def _number(self, column: Column) -> None:
        found = values.numbers(self._texts(column))
        self.verdict.reject(np.isinf(found), "not_a_number", self._label(column.name))
        outside = (found < column.low) | (found > column.high)
        if column.name == "imd_decile":
            outside |= np.isfinite(found) & (found != np.floor(found))
        self.verdict.reject(outside, "outside_range", self._label(column.name))
        self.made[column.name] = pa.array(found, mask=np.isnan(found))

    def _flag(self, column: Column) -> None:
        found = values.flags(self._texts(column))
        self.verdict.reject(found == values.UNKNOWN_CODE, "not_a_flag", self._label(column.name))
        self.made[column.name] = pa.array(found == 1)

    def _identifier(self, column: Column) -> None:
        text = self._texts(column, all_needed=True)
        is_address = column.name == "address_id" or self.c.mapping.entity == "address"
        kind = "address" if is_address else self.c.mapping.identity_kind
        about = "address" if is_address else "person"

        def pseudonym_of(identifier: str) -> str | None:
            plain = normalised(identifier, kind)
            if kind == "nhs_number" and not is_nhs_number(plain):
                return _INVALID
            return pseudonym(self.c.key, plain, about)

        found = values.by_distinct(text, pseudonym_of, np.object_, None)
        invalid = found == _INVALID
        if invalid.any():
            self.c.tally.notes["invalid_nhs_numbers"] += int(invalid.sum())
            if column.required or self.c.mapping.invalid_identity == "reject":
                self.verdict.reject(invalid, "invalid_nhs_number", self._label(column.name))
            found[invalid] = None
        self.made[column.name] = pa.array(found, pa.string())
        self._need(column, _nulls(text))

    # What concerns several columns.

    def _check_order(self) -> None:
        for column in self.feed.table.columns:
            if not column.not_before or not self.times[column.name].given.any():
                continue
            end, start = self.times[column.name], self.times[column.not_before]
            rule = (
                "known_before_it_occurred" if column.name == "available_at" else "before_its_start"
            )
            early = (end.seconds < start.seconds) & end.given & start.given
            self.verdict.reject(early, rule, self._label(column.name))
        extract = self.c.latest if self.feed.extract_until is None else self.feed.extract_until
        if extract is None or not self.feed.table.source:
            return
        for name in ("occurred_at", "available_at"):
            found = self.times[name]
            late = (found.day_starts > extract) & found.given
            self.verdict.reject(late, "after_extract", self._label(name))

    def _finish_event(self) -> None:
        occurred, available = self.times["occurred_at"], self.times["available_at"]
        known = np.where(available.given, available.seconds, occurred.seconds + self.feed.delay)
        if self.feed.extract_until is not None:
            # A row that arrived on the day of the extract was there when it was made.
            capped = np.minimum(available.seconds, self.feed.extract_until)
            known = np.where(available.given, capped, known)
        self.made["available_at"] = pa.array(known)
        self.made["derived"] = pa.array(~available.given)
        if "available_at" in self.feed.columns:
            self.c.tally.notes["available_at_from_delay"] += int((~available.given).sum())
        code = SOURCE.code(self.feed.table.source)
        self.made["source"] = pa.array(np.full(self.rows, code, np.uint8))
        for name in ("reason", "outcome", "urgency", "caller_type", "arrival", "kind"):
            self.made.setdefault(name, pa.array(np.zeros(self.rows, np.uint8)))
        self.made.setdefault("incident_id", pa.nulls(self.rows, pa.string()))
        self._decide_identity()

    def _decide_identity(self) -> None:
        entity, least = self.c.mapping.entity, self.c.mapping.min_confidence
        person = self.made["person_id"]
        blank = _nulls(person)
        if entity == "address" and "address_id" not in self.feed.columns:
            self.made["address_id"] = person
        method = np.array(self.made["identity_method"])
        if self._raw(self.feed.table.column("identity_method")) is None:
            usual = "address" if entity == "address" else self.c.mapping.identity_kind
            method = np.where(blank, IDENTITY_METHOD.code("none"), IDENTITY_METHOD.code(usual))
            self.made["identity_method"] = pa.array(method.astype(np.uint8))
        unsure = method == IDENTITY_METHOD.code("none")
        if entity == "person":
            unsure |= method == IDENTITY_METHOD.code("address")
        if least > 0 and self._raw(self.feed.table.column("identity_confidence")) is not None:
            confidence = self.made["identity_confidence"].fill_null(0.0).to_numpy()
            low = (confidence < least) & ~blank
            self.c.tally.notes["below_min_confidence"] += int(low.sum())
            unsure |= low
        self.made["person_id"] = _without(person, unsure)

    def _finish_person(self) -> None:
        for known, moment in (("move_known_at", "registered_to"), ("death_known_at", "died_at")):
            told, happened = self.times[known], self.times[moment]
            later = np.where(told.given, told.seconds, happened.seconds + self.feed.delay)
            self.made[known] = pa.array(later, mask=~happened.given)


def _nulls(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _without(array: pa.Array, mask: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(mask), pa.scalar(None, array.type), array)
