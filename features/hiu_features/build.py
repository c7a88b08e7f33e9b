"""Build features: many people or one, many index dates or one, always the same function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiu_features._kernel.calendar import date_numbers
from hiu_features._kernel.coverage import coverage
from hiu_features._kernel.plan import Plan, compile_plan
from hiu_features._kernel.rows import active, row_labels, row_starts
from hiu_features._kernel.walk import Attributes, Dates, Events, fill
from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.table import FeatureTable
from hiu_features.which import COLUMNS
from hiu_risk.codes import SOURCE
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.times import DAY, EARLIEST, LATEST, utc_offsets

ACTIVE_DAYS = 365
"""By default a person has a row when an event of this many days before as_of is known."""

Advance = Callable[[float], None]


class Engine:
    """A catalogue made ready: build with it as often as needed.

    Parameters
    ----------
    catalogue : Catalogue, optional
        Default: :func:`default_catalogue`.
    threads : int, optional
        How many threads share the work; changes no bit. Default: the processors, at most 2.
    block_rows : int, optional
        About how many rows a thread takes at a time; changes no bit.

    Examples
    --------
    >>> Engine().catalogue.names[0]
    'calls_7d'
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        *,
        threads: int | None = None,
        block_rows: int = 20_000,
    ) -> None:
        self.catalogue = catalogue or default_catalogue()
        self.threads = threads or min(2, os.cpu_count() or 1)
        self.block_rows = block_rows
        if self.threads < 1 or block_rows < 1:
            raise UsageError("threads and block_rows must be at least 1", where="features")
        self._plan: Plan = compile_plan(self.catalogue)

    def build(
        self,
        histories: Histories,
        as_ofs: ArrayLike,
        *,
        rows: NDArray[np.bool_] | None = None,
        progress: Advance | None = None,
    ) -> FeatureTable:
        """Build the rows of these histories; see :func:`build`."""
        dates = _dates(self._plan, histories, as_ofs)
        events, n_people = _events(histories), histories.n_people
        if rows is None:
            rows = active(events, dates.as_ofs, ACTIVE_DAYS * DAY, 0, n_people)
        elif rows.shape != (n_people, len(dates.as_ofs)) or rows.dtype != np.bool_:
            raise UsageError(
                "rows must be a bool array of one row a person and one column an as_of",
                where="features, rows",
            )
        rows = _frozen(np.ascontiguousarray(rows))
        starts = row_starts(rows)
        people = _attributes(histories, starts[1:] > starts[:-1])
        n = int(starts[-1])
        values = np.empty((n, len(self.catalogue)), np.float32)
        person, as_of = np.empty(n, np.int32), np.empty(n, np.int64)
        row_labels(rows, dates.as_ofs, person, as_of)

        def work(block: tuple[int, int]) -> bool:
            return bool(fill(events, people, dates, self._plan, rows, starts, *block, values))

        if not all(self._run(work, starts, progress)):
            raise DataError(
                "a category code that is not in its vocabulary",
                where="histories",
                fix="encode categories with hiu_risk.codes",
            )
        return FeatureTable(person, as_of, values, self.catalogue.names)

    def _run(
        self, work: Callable[[tuple[int, int]], bool], starts: Any, progress: Advance | None
    ) -> Iterator[bool]:
        blocks = _blocks(starts, self.block_rows)
        if self.threads == 1 or len(blocks) == 1:
            results: Iterator[bool] = map(work, blocks)
            yield from _counted(results, blocks, starts, progress)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            yield from _counted(pool.map(work, blocks), blocks, starts, progress)


def _counted(
    results: Iterator[bool],
    blocks: list[tuple[int, int]],
    starts: Any,
    progress: Advance | None,
) -> Iterator[bool]:
    for (first, last), result in zip(blocks, results, strict=True):
        if progress:
            progress(float(starts[last] - starts[first]))
        yield result


def _blocks(starts: NDArray[np.int64], block_rows: int) -> list[tuple[int, int]]:
    """Part the people into blocks of about equally many rows."""
    n_people, n_rows = len(starts) - 1, int(starts[-1])
    if n_rows <= block_rows:
        return [(0, n_people)]
    marks = np.arange(block_rows, n_rows, block_rows)
    cuts = [0, *np.unique(np.searchsorted(starts, marks, side="left")).tolist(), n_people]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _dates(plan: Plan, histories: Histories, as_ofs: ArrayLike) -> Dates:
    moments = _whole(as_ofs)
    in_order = moments.ndim == 1 and len(moments) > 0
    if not in_order or (len(moments) > 1 and bool((np.diff(moments) <= 0).any())):
        raise UsageError(
            "index dates must be a list of UTC seconds in rising order, each once",
            where="features, as_ofs",
        )
    if not EARLIEST <= int(moments[0]) <= int(moments[-1]) <= LATEST:
        raise UsageError("an index date outside 1970 to 2100", where="features, as_ofs")
    local = _local_days(moments, np.ones(len(moments), np.bool_), histories.zone)
    spells = _covered_spells(histories.feeds)
    return Dates(moments, local, *coverage(plan, spells, bool(histories.feeds), moments))


@lru_cache(maxsize=64)
def _covered_spells(feeds: tuple[Feed, ...]) -> NDArray[np.int64]:
    """Give the spells each feed covers: the time from start to end without the gaps."""
    spells = []
    for feed in feeds:
        source, at = SOURCE.code(feed.source), feed.starts_at
        for start, end in (*sorted(feed.gaps), (feed.complete_until, feed.complete_until)):
            until = min(start, feed.complete_until)
            if until > at:
                spells.append((source, at, until))
            at = max(at, end)
    return np.array(spells, np.int64).reshape(len(spells), 3)


def _events(histories: Histories) -> Events:
    h = histories
    return Events(
        _whole(h.offsets), _whole(h.occurred_at), _whole(h.available_at),
        _whole(h.superseded_at), _whole(h.leads_until), _bytes(h.reason),
        tuple(_bytes(getattr(h, name)) for name in COLUMNS),
    )  # fmt: skip


def _attributes(histories: Histories, has_rows: NDArray[np.bool_]) -> Attributes:
    people = histories.people
    born_days = _local_days(_whole(people.born_at), has_rows, histories.zone)
    return Attributes(born_days, _bytes(people.sex), _bytes(people.imd_decile))


def _local_days(
    moments: NDArray[np.int64], wanted: NDArray[np.bool_], zone: str
) -> NDArray[np.int64]:
    changes, offsets = utc_offsets(zone)
    return _frozen(date_numbers(moments, wanted, changes, offsets))


def _whole(array: ArrayLike) -> NDArray[np.int64]:
    return _frozen(np.ascontiguousarray(array, dtype=np.int64))


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise DataError(
            "category codes must be whole numbers from 0 to 255",
            where="histories",
            fix="encode categories with hiu_risk.codes",
        )
    return _frozen(np.ascontiguousarray(array))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Give a read-only view: arrays read from files are, and the kernel knows one type alone."""
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


@lru_cache(maxsize=8)
def _engine(catalogue: Catalogue) -> Engine:
    return Engine(catalogue)


def build(
    histories: Histories,
    as_ofs: ArrayLike,
    catalogue: Catalogue | None = None,
    *,
    rows: NDArray[np.bool_] | None = None,
    progress: Advance | None = None,
) -> FeatureTable:
    """Build features from histories as they were known at each index date.

    Parameters
    ----------
    histories : Histories
        Many people or one.
    as_ofs : int64 array, shape (n_as_ofs,)
        Index dates in UTC seconds, rising, each once, from 1970 to 2100.
    catalogue : Catalogue, optional
        Default: :func:`hiu_features.default_catalogue`.
    rows : bool array, shape (n_people, n_as_ofs), optional
        Which rows to make. Default: those with a known event that counts in the 365 days before
        as_of.
    progress : callable, optional
        Called with the number of rows just made.

    Returns
    -------
    FeatureTable
        Rows ordered by person, then as_of. A value depends on that person's events known at that
        as_of and on nothing else, to the bit.

    Raises
    ------
    UsageError
        Index dates out of order or range, rows of another shape.
    DataError
        A category code outside its vocabulary.
    """
    engine = _engine(catalogue or default_catalogue())
    return engine.build(histories, as_ofs, rows=rows, progress=progress)


def warm_up() -> None:
    """Load or compile the kernel, so that no request waits for it: 10 s once, then cached."""
    from hiu_risk.histories import People

    none, never = np.empty(0, np.int64), np.empty(0, np.uint8)
    codes: dict[str, Any] = dict.fromkeys(COLUMNS, never)
    empty = Histories(
        people=People.unknown(np.array([""])),
        offsets=np.zeros(2, np.int64),
        occurred_at=none, available_at=none, superseded_at=none, leads_until=none,
        **codes,
    )  # fmt: skip
    build(empty, [0])
    build(empty, [0], rows=np.ones((1, 1), np.bool_))
