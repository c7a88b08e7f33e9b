"""What every contender is asked for, and the tables it is given: prepared once, outside the time.

Contenders get plain integers: UTC seconds (FOREVER for never), category codes, local dates as
year * 10000 + month * 100 + day. Days of coverage come ready with the dates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.features.compared import COMPARED
from benchmarks.features.made_up import END, ZONE
from hiu_features import Catalogue, default_catalogue
from hiu_features.which import COLUMNS
from hiu_risk.histories import UNKNOWN_TIME, Histories
from hiu_risk.local_dates import date_numbers
from hiu_risk.times import DAY, month_starts

ACTIVE = 365 * DAY
"""A person has a row when an event of this many seconds before as_of is known."""

TIMES = ("occurred_at", "available_at", "superseded_at", "leads_until")
EXACT = ("count", "change", "peak", "active_periods", "different_reasons", "attribute")
"""Primitives whose values are whole numbers: compared exactly."""


@dataclass(frozen=True)
class Task:
    """Features of everybody active, at some index dates."""

    as_ofs: tuple[int, ...]
    catalogue: Catalogue


@dataclass(frozen=True)
class Tables:
    """Arrow tables of events (sorted by person, then time), people and index dates."""

    events: pa.Table
    people: pa.Table
    dates: pa.Table


@dataclass(frozen=True)
class Answer:
    """What a contender made: rows in any order, one array a feature; NaN is missing."""

    person: NDArray[Any]
    as_of: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]


def task(n_as_ofs: int, features: Sequence[str] = COMPARED) -> Task:
    """Give the last so many month-ends of the made-up data (one is its last day), and features."""
    return Task(_dates(n_as_ofs), default_catalogue().select(features))


def whole_task(n_as_ofs: int) -> Task:
    """Give the same dates and all features of the catalogue."""
    return Task(_dates(n_as_ofs), default_catalogue())


def _dates(n_as_ofs: int) -> tuple[int, ...]:
    return tuple(month_starts(date(2021, 2, 1), date(2024, 1, 1), ZONE)[-n_as_ofs:])


def tables(histories: Histories, task: Task) -> Tables:
    """Prepare histories for the contenders."""
    h, people = histories, histories.people
    events = {"person": h.event_person, **{name: getattr(h, name) for name in (*TIMES, *COLUMNS)}}
    known = people.born_at != UNKNOWN_TIME
    born = np.where(known, date_numbers(np.where(known, people.born_at, 0), h.zone), 0)
    attributes = {
        "person": np.arange(h.n_people, dtype=np.int32),
        "born_day": born.astype(np.int32),
        "sex": people.sex,
        "imd_decile": people.imd_decile,
    }
    as_ofs = np.array(task.as_ofs)
    dates: dict[str, Any] = {
        "k": np.arange(len(as_ofs), dtype=np.int32),
        "as_of": as_ofs,
        "local_day": date_numbers(as_ofs, h.zone).astype(np.int32),
    }
    for feature in task.catalogue:
        if feature.primitive == "covered_days":
            feed = h.feed(feature.params["source"])
            assert feed is not None
            assert not feed.gaps
            start = np.maximum(as_ofs - feature.params["days"] * DAY, feed.starts_at)
            covered = np.minimum(as_ofs, feed.complete_until) - start
            dates[feature.name] = (covered / DAY).astype(np.float32)
    assert as_ofs.max() <= END
    return Tables(pa.table(events), pa.table(attributes), pa.table(dates))
