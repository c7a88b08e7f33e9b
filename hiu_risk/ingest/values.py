"""Raw columns into values: texts, times, codes, numbers, flags, pseudonyms. All by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hiu_risk.codes import Vocabulary
from hiu_risk.ingest.local_times import to_utc
from hiu_risk.ingest.mapping import ValueMap
from hiu_risk.times import DAY

UNKNOWN_CODE = 255
_MICRO = 1_000_000
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "t"), 1),
    **dict.fromkeys(("false", "0", "no", "n", "f"), 0),
}
_OFFSET = r":\d\d(\.\d+)?\s*(Z|[+-]\d\d(:?\d\d)?)$"


def texts(raw: pa.Array, missing: Sequence[str] = ()) -> pa.Array:
    """Give a raw column as trimmed texts; blanks and ``missing`` become null.

    Examples
    --------
    >>> texts(pa.array([" a ", "", "NULL"]), ["NULL"]).to_pylist()
    ['a', None, None]
    """
    if not pa.types.is_string(raw.type):
        raw = pc.cast(raw, pa.string())
    trimmed = pc.utf8_trim_whitespace(raw)
    blank = pc.is_in(trimmed, value_set=pa.array(["", *missing], pa.string()))
    return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed)


def joined(parts: Sequence[pa.Array], separator: str, *, all_needed: bool) -> pa.Array:
    """Join texts row by row; a missing part makes it null, or (not all needed) counts as blank.

    Examples
    --------
    >>> parts = [pa.array(["a", None]), pa.array([None, None], pa.string())]
    >>> joined(parts, "|", all_needed=False).to_pylist()
    ['a|', None]
    """
    if len(parts) == 1:
        return parts[0]
    handling = "emit_null" if all_needed else "replace"
    text = pc.binary_join_element_wise(
        *parts, separator, null_handling=handling, null_replacement=""
    )
    if all_needed:
        return text
    empty = pc.is_null(parts[0])
    for part in parts[1:]:
        empty = pc.and_(empty, pc.is_null(part))
    return pc.if_else(empty, pa.scalar(None, pa.string()), text)


def by_distinct(
    column: pa.Array, value_of: Callable[[str], Any], dtype: Any, null: Any
) -> NDArray[Any]:
    """Apply a Python function to each *distinct* text, and spread the results over the rows."""
    encoded = column.dictionary_encode()
    values = np.array([value_of(text) for text in encoded.dictionary.to_pylist()], dtype=dtype)
    index = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    spread: NDArray[Any] = np.append(values, np.array([null], dtype=dtype))[index]
    return spread


def codes(
    column: pa.Array, vocabulary: Vocabulary, values: ValueMap
) -> tuple[NDArray[np.uint8], int]:
    """Translate texts to codes.

    Returns
    -------
    codes : uint8 array
        0 for blank, ``UNKNOWN_CODE`` for a code without a translation.
    by_default : int
        Rows whose code became the mapping's default.

    Examples
    --------
    >>> from hiu_risk.codes import SEX
    >>> column = pa.array(["1", None, "?"])
    >>> codes(column, SEX, ValueMap({"1": "male"}))[0].tolist()
    [2, 0, 255]
    """
    defaulted: set[str] = set()

    def code(raw: str) -> int:
        name, by_default = values.name_of(raw, vocabulary)
        if by_default:
            defaulted.add(raw)
        return UNKNOWN_CODE if name is None else vocabulary.code(name)

    found = by_distinct(column, code, np.uint8, 0)
    if not defaulted:
        return found, 0
    which = pc.is_in(column, value_set=pa.array(sorted(defaulted), pa.string()))
    return found, int(pc.sum(which).as_py() or 0)


def numbers(column: pa.Array) -> NDArray[np.float64]:
    """Read numbers: NaN for blank, infinite for what is not a number.

    Examples
    --------
    >>> numbers(pa.array(["0.5", None, "x"])).tolist()
    [0.5, nan, inf]
    """

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            return float("inf")
        return value if np.isfinite(value) else float("inf")

    return by_distinct(column, number, np.float64, np.nan)


def flags(column: pa.Array) -> NDArray[np.uint8]:
    """Read yes and no: 1 and 0, 0 for blank, ``UNKNOWN_CODE`` for what is neither."""
    return by_distinct(column, lambda text: _FLAGS.get(text.lower(), UNKNOWN_CODE), np.uint8, 0)


@dataclass(frozen=True)
class Times:
    """Parsed times.

    Parameters
    ----------
    seconds : int64 array
        UTC; meaningless where not ``given`` or ``unparsable``.
    given, unparsable : bool array
        Not blank; not blank but fits no format.
    day_starts : int64 array
        UTC seconds of the start of the day where only a date was given, else ``seconds``.
    twice, never : int
        Clock readings that occur twice, or never.
    """

    seconds: NDArray[np.int64]
    given: NDArray[np.bool_]
    unparsable: NDArray[np.bool_]
    day_starts: NDArray[np.int64]
    twice: int
    never: int


def parse_times(
    con: duckdb.DuckDBPyConnection,
    raw: pa.Array,
    formats: Sequence[str],
    zone: str,
    *,
    round_up: bool = False,
    day_ends: bool = False,
) -> Times:
    """Read times, local to ``zone`` unless they say otherwise.

    Parameters
    ----------
    con : DuckDB connection
        It reads the formats.
    raw : Array
        Texts (null where blank), or timestamps or dates of a Parquet file.
    formats : sequence of str
        strptime formats, tried in turn; none means ISO 8601.
    round_up : bool
        Fractions of a second go up instead of down.
    day_ends : bool
        A date without a time means the end of that day.
    """
    given = ~_mask(raw.is_null())
    micros, fits, day_only, aware = _readings(con, raw, formats)
    clock = -(-micros // _MICRO) if round_up else micros // _MICRO
    utc = to_utc(clock, zone)
    seconds = np.where(aware, clock, utc.seconds)
    starts = seconds
    if day_ends and day_only.any():
        seconds = np.where(day_only, to_utc(clock + DAY, zone).seconds, seconds)
    counted = given & fits & ~aware
    return Times(
        seconds,
        given,
        given & ~fits,
        starts,
        int((utc.twice & counted).sum()),
        int((utc.never & counted).sum()),
    )


_Readings = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]


def _readings(con: duckdb.DuckDBPyConnection, raw: pa.Array, formats: Sequence[str]) -> _Readings:
    n = len(raw)
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        return _typed_readings(raw)
    if not formats:
        return _iso_readings(con, raw)
    micros, fits = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    day_only, aware = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for form in formats:
        read = _asked(con, raw, "epoch_us(try_strptime(x, ?))", form)
        here = ~fits & ~_mask(read.is_null())
        micros[here] = _filled(read)[here]
        fits |= here
        day_only[here] = not any(sign in form for sign in ("%H", "%I", "%c", "%X", "%T"))
        aware[here] = "%z" in form
    return micros, fits, day_only, aware


def _typed_readings(raw: pa.Array) -> _Readings:
    zone = raw.type.tz if pa.types.is_timestamp(raw.type) else None
    micros = pc.cast(raw, pa.timestamp("us", zone), safe=False).cast(pa.int64())
    n, day_only = len(raw), zone is None and pa.types.is_date(raw.type)
    return _filled(micros), ~_mask(raw.is_null()), np.full(n, day_only), np.full(n, bool(zone))


def _iso_readings(con: duckdb.DuckDBPyConnection, raw: pa.Array) -> _Readings:
    is_date = "length(x) >= 10 AND x[1] BETWEEN '0' AND '9' AND x[5] = '-'"
    read = _asked(con, raw, f"CASE WHEN {is_date} THEN epoch_us(TRY_CAST(x AS TIMESTAMP)) END")
    aware = _mask(pc.match_substring_regex(raw, _OFFSET))
    if aware.any():
        zoned = _asked(
            con, raw, f"CASE WHEN {is_date} THEN epoch_us(TRY_CAST(x AS TIMESTAMPTZ)) END"
        )
        read = pc.if_else(pa.array(aware), zoned, read)
    day_only = _mask(pc.equal(pc.utf8_length(raw), 10))
    return _filled(read), ~_mask(read.is_null()), day_only, aware


def _asked(con: duckdb.DuckDBPyConnection, raw: pa.Array, expression: str, *more: str) -> pa.Array:
    con.register("asked", pa.table({"x": raw}))
    try:
        query = f"SELECT {expression} AS y FROM asked"  # noqa: S608
        answer: pa.Table = con.sql(query, params=list(more)).to_arrow_table()
        return answer.column("y").combine_chunks()
    finally:
        con.unregister("asked")


def _filled(array: pa.Array) -> NDArray[np.int64]:
    return np.asarray(array.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)


def _mask(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
