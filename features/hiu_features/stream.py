"""Features of a whole store in memory, part after part: for what need not be written first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.parts import FeatureWork, Part, plan_parts
from hiu_features.side_by_side import in_order
from hiu_features.table import FeatureTable
from hiu_risk.store import Store

EVENTS_PER_TABLE = 262_144
"""A row group of a store; at 12 dates a table of it takes a tenth of a gigabyte."""


def stream_features(
    store: Path | str,
    as_ofs: Iterable[int],
    catalogue: Catalogue | None = None,
    *,
    events_per_table: int = EVENTS_PER_TABLE,
) -> Iterator[FeatureTable]:
    """Give the features of everybody in a store, a table for each range of people.

    While one table is looked at, the next are made. Put together they are what
    :func:`hiu_features.build` makes of the whole store, to the bit.

    Parameters
    ----------
    store : Path
        A store made by ``hiu-risk ingest``.
    as_ofs : iterable of int
        Index dates in UTC seconds, rising.
    catalogue : Catalogue, optional
        Default: :func:`hiu_features.default_catalogue`.
    events_per_table : int
        Decides the memory needed: three tables or so are held at a time.

    Yields
    ------
    FeatureTable
        Its ``person`` counts from the store's first person.
    """
    opened = Store.open(store)
    chosen = catalogue or default_catalogue()
    work = FeatureWork(tuple(int(as_of) for as_of in as_ofs), chosen, threads=1)

    def make(part: Part) -> FeatureTable:
        histories = opened.histories(rows=(part.first, part.stop), reads=work.reads)
        table = work.table(histories)
        return dataclasses.replace(table, person=table.person + part.first)

    yield from in_order(make, plan_parts(opened, events_per_table))
