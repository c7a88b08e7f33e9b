"""Places on a list reserved by group: the same expected share of each group's cases.

Using a protected characteristic to select people can itself be discrimination (Equality Act
2010): a list is drawn so only by a model whose owners decided it, by name and with a reason.
Serving draws its lists by this rule, and the audit of such a model judges lists drawn by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError
from hiu_risk.groups import groups_of
from hiu_risk.histories import Histories
from hiu_risk.kernels import kernel
from hiu_risk.words import group_in_words

ColumnOf = Callable[[str], NDArray[np.str_]]
"""Gives a further column of the store's people, one text a person."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KIND = "reserve:"
_NOT_KNOWN = ("", "unknown", "not_known", "declined")


def reserved_by(note: Mapping[str, Any] | None) -> str:
    """Give the column that a model's places are reserved by; empty where none are.

    Parameters
    ----------
    note : dict or None
        What was decided, as a bundle's manifest has it.

    Examples
    --------
    >>> reserved_by({"name": "reserve:sex"}), reserved_by({"name": "none"}), reserved_by(None)
    ('sex', '', '')
    """
    name = "" if note is None else str(note["name"])
    return name.removeprefix(_KIND) if name.startswith(_KIND) else ""


def groups_told(
    column: str,
    histories: Histories,
    as_of: int,
    column_of: ColumnOf | None,
    *,
    version: str,
    of_model: str,
) -> NDArray[np.str_]:
    """Give the group of everybody in the store by the column that places are reserved by.

    Parameters
    ----------
    column : str
        The characteristic.
    histories : Histories
        Everybody in the store.
    as_of : int
        Index date, UTC seconds.
    column_of : callable, optional
        Gives a further column of the store's people.
    version, of_model : str
        The model, and the one that the decision was about.

    Raises
    ------
    DataError
        The store doesn't tell the groups: no such column, or not two groups in it.
    """
    everybody = np.arange(histories.n_people, dtype=np.int32)
    labels = groups_of(histories, everybody, as_of).get(column)
    if labels is None and column_of is not None:
        try:
            labels = column_of(column)
        except UsageError:
            labels = None
    found = [] if labels is None else np.unique(labels).tolist()
    if labels is None or sum(str(name) not in _NOT_KNOWN for name in found) < 2:
        words = group_in_words(column)
        raise DataError(
            f"places are reserved by {words}, but the store doesn't tell people apart by it",
            where=f"model {version}, column {column} of the store's people",
            fix=f"ingest people with their {words}, or make the list with --model "
            f"{of_model}, as it was before the decision; its scores are the same",
        )
    return labels


def reserved(
    score: NDArray[np.float64], group: NDArray[np.int64], capacity: int
) -> NDArray[np.bool_]:
    """Choose a list of fixed length that holds the same share of each group's expected cases.

    Each group gives its highest scores. Scores are taken as probabilities: no outcome is needed,
    and where a group's scores are wrong, so are its places.

    Parameters
    ----------
    score : float array, shape (n,)
        Probabilities of the people of one list date.
    group : int64 array, shape (n,)
        Group of each, from 0.
    capacity : int
        Places.

    Returns
    -------
    bool array, shape (n,)
        Who is listed: exactly ``capacity`` people, or all if there are fewer.

    Examples
    --------
    >>> score = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    >>> reserved(score, np.array([0, 0, 0, 1, 1]), 3).tolist()
    [True, True, False, True, False]
    """
    if capacity >= len(score):
        return np.ones(len(score), np.bool_)
    chosen = np.lexsort((-score, _reached(score, group)))[:capacity]
    listed = np.zeros(len(score), np.bool_)
    listed[chosen] = True
    return listed


def _reached(score: Floats, group: Ints) -> Floats:
    """Give the share of their group's expected cases that is listed down to each person."""
    order = np.lexsort((np.arange(len(score)), -score, group))
    share = np.empty(len(score))
    for g in np.unique(group):
        mine = order[group[order] == g]
        total = max(float(score[mine].sum()), 1e-300)
        # the share of the group's expected cases listed once this person and those above are
        share[mine] = (np.cumsum(score[mine]) - score[mine] / 2) / total
    return share


def reserved_share(score: Floats, group: Ints, capacity: int) -> Floats:
    """Give the chance that each person is on a list with reserved places, ties in random order.

    Parameters
    ----------
    score, group, capacity
        As of :func:`reserved`.

    Returns
    -------
    float array, shape (n,)
        1 and 0 where no scores tie: the list of :func:`reserved`. People of one group with the
        same score hold the same share of a place.

    Examples
    --------
    >>> score = np.array([0.9, 0.8, 0.7, 0.2, 0.2])
    >>> reserved_share(score, np.array([0, 0, 0, 1, 1]), 3).tolist()
    [1.0, 1.0, 0.0, 0.5, 0.5]
    """
    if capacity >= len(score):
        return np.ones(len(score))
    share = _reached(score, group)
    last = np.lexsort((-score, share))[capacity - 1]
    level = share == share[last]
    before = (share < share[last]) | (level & (score > score[last]))
    tied = level & (score == score[last])
    held = before + tied * ((capacity - int(before.sum())) / int(tied.sum()))
    order = np.lexsort((score, group))
    other = (np.diff(group[order]) != 0) | (np.diff(score[order]) != 0)
    alike = np.empty(len(score), np.int64)
    alike[order] = np.concatenate([[0], np.cumsum(other)])
    return np.asarray((np.bincount(alike, weights=held) / np.bincount(alike))[alike])


@kernel(nogil=True)
def reserved_places(  # pragma: no cover  (compiled)
    weight: Floats, score: Floats, starts: Ints, totals: Floats, capacity: float, places: Floats
) -> None:
    """Say how many places each group has where people count with weights: the same rule.

    Parameters
    ----------
    weight, score : float arrays, shape (n,)
        Of the people who could be listed, group by group, the highest score of each first.
    starts : int64 array, shape (n_groups + 1,)
        Where each group starts.
    totals : float array, shape (n_groups,)
        Weighted sum of all scores of each group.
    capacity : float
        Places, in weights.
    places : float array, shape (n_groups,)
        Filled in: each group's places, in weights.
    """
    n_groups = len(totals)
    at = starts[:n_groups].copy()
    listed = np.zeros(n_groups)
    places[:] = 0.0
    left = capacity
    while left > 0.0:
        best, best_share = -1, np.inf
        for g in range(n_groups):
            i = at[g]
            if i == starts[g + 1]:
                continue
            share = (listed[g] + weight[i] * score[i] / 2) / max(totals[g], 1e-300)
            if share < best_share or (share == best_share and score[i] > score[at[best]]):
                best, best_share = g, share
        if best < 0:
            return
        i = at[best]
        places[best] += min(weight[i], left)
        left -= weight[i]
        listed[best] += weight[i] * score[i]
        at[best] += 1
