"""Places on a list reserved by group: the same expected share of each group's cases.

Using a protected characteristic to select people can itself be discrimination (Equality Act
2010): a list is drawn so only by a model whose owners decided it, by name and with a reason.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
    order = np.lexsort((np.arange(len(score)), -score, group))
    share = np.empty(len(score))
    for g in np.unique(group):
        mine = order[group[order] == g]
        total = max(float(score[mine].sum()), 1e-300)
        # the share of the group's expected cases listed once this person and those above are
        share[mine] = (np.cumsum(score[mine]) - score[mine] / 2) / total
    chosen = np.lexsort((-score, share))[:capacity]
    listed = np.zeros(len(score), np.bool_)
    listed[chosen] = True
    return listed
