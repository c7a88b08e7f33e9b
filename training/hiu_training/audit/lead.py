"""How many days before they met the rule the people on the list were on it, by group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DAY = 86_400


def lead_times(
    as_of: NDArray[np.int64],
    happened_at: NDArray[np.int64],
    share: Floats,
    person: NDArray[np.int64],
    group: NDArray[np.int64],
    n_groups: int,
    *,
    resamples: int,
    seed: int,
) -> tuple[Floats, Floats, Floats]:
    """Give the median days between list date and meeting the rule, of the cases on the list.

    Parameters
    ----------
    as_of, happened_at : int64 arrays, shape (n,)
        Of the cases: list date, and when the rule was met; UTC seconds.
    share : float array, shape (n,)
        Each one's share of a place on the list.
    person : int64 array, shape (n,)
        Whose row it is; a person's rows are drawn together.
    group : int64 array, shape (n, n_groupings)
        Groups, numbered across groupings.
    n_groups : int
        How many there are.
    resamples, seed : int
        Of the Bayesian bootstrap.

    Returns
    -------
    value, low, high : float arrays, shape (n_groups + 1,)
        The last is everybody; NaN where nobody was found.

    Examples
    --------
    >>> day = 86_400
    >>> value, _, _ = lead_times(
    ...     np.zeros(3, int), np.array([5, 9, 40]) * day, np.ones(3), np.arange(3),
    ...     np.zeros((3, 1), int), 1, resamples=100, seed=1)
    >>> value.tolist()
    [9.0, 9.0]
    """
    ends = np.full((3, n_groups + 1), np.nan)
    on = share > 0
    if not on.any():
        return ends[0], ends[1], ends[2]
    days = (happened_at[on] - as_of[on]) / _DAY
    order = np.argsort(days, kind="stable")
    days, weight, members = days[order], share[on][order], group[on][order]
    _, who = np.unique(person[on][order], return_inverse=True)
    drawn = np.random.default_rng(seed).exponential(size=(resamples, int(who.max()) + 1))
    drawn = drawn[:, who] * weight
    for g in range(n_groups + 1):
        inside = np.ones(len(days), np.bool_) if g == n_groups else (members == g).any(axis=1)
        if not inside.any():
            continue
        medians = _weighted_medians(days[inside], drawn[:, inside])
        [value] = _weighted_medians(days[inside], weight[None, inside])
        low, high = np.quantile(medians, [0.025, 0.975])
        ends[:, g] = value, min(low, value), max(high, value)
    return ends[0], ends[1], ends[2]


def _weighted_medians(rising: Floats, weights: Floats) -> Floats:
    reached = np.cumsum(weights, axis=1)
    half = reached[:, -1:] / 2
    return np.asarray(rising[(reached >= half - 1e-12).argmax(axis=1)])
