"""How each list of an audit is drawn: by score, or with places reserved by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError, near_match
from hiu_risk.reserve import reserved_share
from hiu_training.audit.intervals import Draws, Population, resample
from hiu_training.audit.listing import listed_share
from hiu_training.audit.reserved_lists import resample_reserved

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class List(NamedTuple):
    """One kind of list, drawn at every date.

    Parameters
    ----------
    capacity : int
        Its length.
    reserved : str
        The column that its places are reserved by; empty where it is drawn by score.
    """

    capacity: int
    reserved: str = ""


def groups_of_places(columns: Mapping[str, NDArray[Any]], lists: tuple[List, ...]) -> Ints | None:
    """Give each row the number of its group that has places; None where all are drawn by score.

    Raises
    ------
    UsageError
        The rows have no such column.
    """
    for column in {each.reserved for each in lists} - {""}:
        if column not in columns:
            raise UsageError(
                f"places are reserved by {column!r}, which the rows don't have",
                where="reserved places",
                fix=near_match(column, columns),
            )
        return np.unique(columns[column], return_inverse=True)[1].astype(np.int64)
    return None


def shares_of(
    score: Floats, as_of: NDArray[Any], lists: tuple[List, ...], reserve: Ints | None
) -> Floats:
    """Give each row's share of a place on each kind of list, ties in random order."""
    return np.column_stack(
        [
            listed_share(score, as_of, each.capacity)
            if reserve is None or not each.reserved
            else _reserved(score, as_of, each.capacity, reserve)
            for each in lists
        ]
    )


def _reserved(score: Floats, as_of: NDArray[Any], capacity: int, reserve: Ints) -> Floats:
    share = np.empty(len(score))
    for date in np.unique(as_of):
        rows = np.flatnonzero(as_of == date)
        share[rows] = reserved_share(score[rows], reserve[rows], capacity)
    return share


def draws_of(
    population: Population,
    lists: tuple[List, ...],
    reserve: Ints | None,
    *,
    resamples: int,
    seed: int,
) -> Draws:
    """Draw the sums of every group under random weights of the persons, each list as it is."""
    lengths = tuple(sorted({each.capacity for each in lists}))
    draws = resample(population, lengths, resamples=resamples, seed=seed)
    if reserve is None:
        return draws
    place = [lengths.index(each.capacity) for each in lists]
    listed, found = draws.listed[:, :, place], draws.found[:, :, place]
    for k, each in enumerate(lists):
        if each.reserved:
            listed[:, :, k], found[:, :, k] = resample_reserved(
                population, reserve, each.capacity, resamples=resamples, seed=seed
            )
    return replace(draws, listed=listed, found=found)
