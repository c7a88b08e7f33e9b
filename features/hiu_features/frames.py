"""Histories from data frames: pandas, Polars, Arrow, or anything that speaks Arrow."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds
from numpy.typing import NDArray

from hiu_risk.codes import ETHNIC_GROUP, SEX
from hiu_risk.errors import DataError, near_match
from hiu_risk.histories import Feed, Histories, People
from hiu_risk.incidents import Event, histories_from_events

_EVENT_COLUMNS = tuple(field.name for field in fields(Event))
_EVENT_TIMES = ("occurred_at", "available_at")
_CODES = {"sex": SEX, "ethnic_group": ETHNIC_GROUP}
_PERSON_COLUMNS = ("person", *(f.name for f in fields(People) if f.name != "id"))


def histories_from_frame(
    events: Any,
    people: Any = None,
    *,
    zone: str = "Europe/London",
    feeds: tuple[Feed, ...] = (),
    gap: int = 0,
) -> Histories:
    """Build histories from a frame of events, and perhaps one of people.

    For a notebook's worth of data: the rows pass through Python. Whole regions belong in a
    store (``hiu-risk ingest``).

    Parameters
    ----------
    events : pandas or Polars data frame, or Arrow table
        Columns ``person``, ``source`` and ``occurred_at``, and any other field of
        :class:`hiu_risk.incidents.Event`. Times are datetimes with a zone, or UTC seconds.
    people : frame, optional
        Column ``person`` and any field of :class:`hiu_risk.histories.People`. Default: those of
        the events, of whom nothing else is known.
    zone : str
        Local time zone.
    feeds : tuple of Feed
        What each source covers; without any, no event means no contact.
    gap : int
        Calls within so many seconds of one another are one incident.

    Raises
    ------
    DataError
        A column that is unknown or lacks, times without a zone, an unknown code.

    Examples
    --------
    >>> events = pa.table({"person": ["a", "a"], "source": ["call", "ae"], "occurred_at": [10, 5]})
    >>> histories_from_frame(events).occurred_at.tolist()
    [5, 10]
    """
    table = _table(events, "events", _EVENT_COLUMNS, ("person", "source", "occurred_at"))
    columns = {
        name: seconds_of(table.column(name), f"events, {name}")
        if name in _EVENT_TIMES
        else [None if value is None else str(value) for value in table.column(name).to_pylist()]
        for name in table.column_names
    }
    rows = [
        Event(**{n: v for n, v in zip(columns, row, strict=True) if v is not None})
        for row in zip(*columns.values(), strict=True)
    ]
    known = None if people is None else _people(people)
    return histories_from_events(rows, known, zone=zone, feeds=feeds, gap=gap)


def _table(frame: Any, what: str, known: tuple[str, ...], needed: tuple[str, ...]) -> pa.Table:
    table = arrow_table(frame, what)
    for name in needed:
        if name not in table.column_names:
            raise DataError(f"the column {name!r} is missing", where=what)
    for name in table.column_names:
        if name not in known:
            raise DataError(
                f"unknown column {name!r}", where=what, fix=f"{near_match(name, known)}, or drop it"
            )
    return table


def arrow_table(frame: Any, what: str) -> pa.Table:
    """Give any data frame as an Arrow table, without a nameless pandas index.

    Examples
    --------
    >>> arrow_table(pa.table({"person": ["a"]}), "rows").column_names
    ['person']
    """
    if isinstance(frame, pa.Table):
        return frame
    try:
        with warnings.catch_warnings():  # pyarrow reads pandas in a way that pandas 3.1 gives up
            warnings.filterwarnings("ignore", "Series.values returning", DeprecationWarning)
            table = pa.table(frame)
    except (TypeError, ValueError, pa.ArrowException):
        raise DataError(
            "not a data frame", where=what, fix="give a pandas or Polars frame, or an Arrow table"
        ) from None
    return table.select([n for n in table.column_names if not n.startswith("__index_level_")])


def seconds_of(column: pa.ChunkedArray, where: str) -> list[int | None]:
    """Whole UTC seconds of a column of times with a zone, or of whole numbers; null is None.

    Examples
    --------
    >>> seconds_of(pa.chunked_array([pa.array([5_000], pa.timestamp("ms", "UTC"))]), "times")
    [5]
    """
    kind = column.type
    if kinds.is_timestamp(kind) and kind.tz is not None:
        units = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
        return [None if v is None else v // units for v in column.cast(pa.int64()).to_pylist()]
    if kinds.is_integer(kind):
        return list(column.to_pylist())
    raise DataError(
        "not times with a zone",
        where=where,
        fix='give the zone, in pandas .dt.tz_localize("Europe/London"), or UTC seconds',
    )


def _people(frame: Any) -> People:
    table = _table(frame, "people", _PERSON_COLUMNS, ("person",))
    unknown = People.unknown(np.array(list(map(str, table.column("person").to_pylist())), np.str_))
    if len(set(unknown.id.tolist())) < len(unknown):
        raise DataError("a person is there twice", where="people, person")
    given = {
        name: _attribute(table.column(name), name, getattr(unknown, name))
        for name in table.column_names
        if name != "person"
    }
    return replace(unknown, **given)


def _attribute(column: pa.ChunkedArray, name: str, missing: NDArray[Any]) -> NDArray[Any]:
    if name in _CODES:
        return _CODES[name].encode(column.to_pylist())
    is_time = missing.dtype == np.int64
    values = seconds_of(column, f"people, {name}") if is_time else column.to_pylist()
    filled = [default if v is None else v for v, default in zip(values, missing, strict=True)]
    return np.array(filled, dtype=np.str_ if name == "site" else missing.dtype)
