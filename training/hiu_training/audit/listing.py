"""Who would have been on the list: the share of a place each row holds, ties included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError


def listed_share(
    score: NDArray[np.float64], as_of: NDArray[np.int64], capacity: int
) -> NDArray[np.float64]:
    """Give the chance that each row is among the ``capacity`` highest scores of its as_of.

    Rows above the last listed score have 1; rows tied at it share the places that are left
    equally, as if ties were drawn at random; the others have 0.

    Parameters
    ----------
    score : float array, shape (n,)
        Risk scores; higher is listed first.
    as_of : int64 array, shape (n,)
        Each row's index date: every date has its own list.
    capacity : int
        Places on one list.

    Raises
    ------
    UsageError
        A capacity below 1.
    DataError
        A score that is not a number.

    Examples
    --------
    >>> listed_share(np.array([0.9, 0.5, 0.5, 0.1]), np.zeros(4, np.int64), 2).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    if capacity < 1:
        raise UsageError("a capacity must be at least 1", where="capacity")
    if not np.isfinite(score).all():
        raise DataError("a score is not a number", where="scored rows", fix="score them again")
    share = np.zeros(len(score), np.float64)
    for date in np.unique(as_of):
        rows = np.flatnonzero(as_of == date)
        share[rows] = _share_of_one(score[rows], capacity)
    return share


def _share_of_one(score: NDArray[np.float64], capacity: int) -> NDArray[np.float64]:
    if capacity >= len(score):
        return np.ones(len(score), np.float64)
    last = np.partition(score, len(score) - capacity)[len(score) - capacity]
    above, tied = score > last, score == last
    left = (capacity - int(above.sum())) / int(tied.sum())
    return np.where(above, 1.0, np.where(tied, left, 0.0))


def top_rows(
    score: NDArray[np.float64], as_of: NDArray[np.int64], capacity: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Gather the rows that could be listed in any resample: the top of each date, best first.

    Returns
    -------
    rows : int64 array, shape (m,)
        Row numbers, date by date, in falling order of score.
    tie_ends : int64 array, shape (m,)
        For each, the position just past its last equal score on that date.
    starts : int64 array, shape (n_dates + 1,)
        Where each date's rows start.
    """
    dates = np.unique(as_of)
    # the first m of n random weights of mean 1 add up to at least K with near certainty
    reach = int(capacity + 10 * np.sqrt(capacity) + 50)
    rows, ends, starts = [], [], [0]
    for date in dates:
        members = np.flatnonzero(as_of == date)
        if reach < len(members):
            last = np.partition(score[members], len(members) - reach)[len(members) - reach]
            members = members[score[members] >= last]
        ordered = members[np.argsort(-score[members], kind="stable")]
        rising = -score[ordered]
        ends.append(np.searchsorted(rising, rising, side="right") + starts[-1])
        rows.append(ordered)
        starts.append(starts[-1] + len(ordered))
    return np.concatenate(rows), np.concatenate(ends), np.array(starts, np.int64)
