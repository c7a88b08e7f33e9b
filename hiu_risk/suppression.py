"""Small numbers: what may leave the team, and proof that the rest can't be worked out from it.

A count of 1 to 7 people is printed as ``*``; any other count is rounded to 5; a mean or median
needs at least 8 people. Hiding the small cell is not enough where a total stands beside it, so
:func:`protect` hides further cells until an outsider who knew every printed cell *exactly*
(more than rounding gives away) could still not say anything narrower about a small cell than
"1 to 7".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiu_risk.errors import UsageError

HIDDEN: Literal["*"] = "*"
"""What stands where a number is hidden."""

Shown = int | Literal["*"]


@dataclass(frozen=True)
class SmallNumbers:
    """The rule for small numbers.

    Parameters
    ----------
    smallest, largest : int
        Counts from ``smallest`` to ``largest`` are hidden; 0 is shown.
    base : int
        Other counts are rounded to a multiple of it.
    mean_needs : int
        The fewest people a mean or median may be made of.
    enabled : bool
        False shows everything: for the eyes of the team alone.

    Examples
    --------
    >>> rule = SmallNumbers()
    >>> [rule.show(count) for count in (0, 1, 7, 8, 12, 13)]
    [0, '*', '*', 10, 10, 15]
    >>> rule.show_mean(3.25, n=7), rule.show_mean(3.25, n=8)
    ('*', 3.25)
    """

    smallest: int = 1
    largest: int = 7
    base: int = 5
    mean_needs: int = 8
    enabled: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.largest or self.base < 1 or self.mean_needs < 1:
            raise UsageError(
                "small numbers need 1 <= smallest <= largest, base >= 1 and mean_needs >= 1",
                where="small numbers",
            )

    def is_small(self, counts: ArrayLike) -> NDArray[np.bool_]:
        """Tell which counts (whole or expected) are above 0 and round to ``largest`` or less."""
        values = np.asarray(counts, dtype=np.float64)
        if not self.enabled:
            return np.zeros(values.shape, dtype=np.bool_)
        return (values > 1e-9) & (values < self.largest + 0.5)

    def show(self, count: float, *, hidden: bool = False) -> Shown:
        """Give a count as it may be printed; ``hidden`` is :func:`protect`'s verdict on it."""
        if not self.enabled:
            return round(count)
        if hidden or bool(self.is_small(count)):
            return HIDDEN
        return int(self.base * np.floor(count / self.base + 0.5))

    def show_mean(self, value: float, n: int) -> float | Literal["*"]:
        """Give a mean or median of ``n`` people as it may be printed."""
        return HIDDEN if self.enabled and n < self.mean_needs else value


@dataclass(frozen=True)
class Sum:
    """A published relation: the cell ``total`` is the sum of the cells ``parts``."""

    total: int
    parts: tuple[int, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """Every cell in the relation, the total last."""
        return (*self.parts, self.total)


def protect(
    counts: ArrayLike,
    sums: Sequence[Sum],
    rule: SmallNumbers,
    *,
    small: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Choose the cells to hide, so that no small cell can be narrowed down by adding up.

    Parameters
    ----------
    counts : array-like, shape (n,)
        Every cell of the table, totals included; whole or expected counts.
    sums : sequence of Sum
        How the cells add up.
    rule : SmallNumbers
        What counts as small.
    small : bool array, shape (n,), optional
        Cells to hide for another reason as well (few *people* behind many rows, say).

    Returns
    -------
    bool array, shape (n,)
        True where the cell must be printed as ``*``.

    Examples
    --------
    One small cell beside a total is a subtraction away; the next smallest goes too.

    >>> table = [40, 3, 12, 55]
    >>> protect(table, [Sum(3, (0, 1, 2))], SmallNumbers()).tolist()
    [False, True, True, False]
    """
    values = np.asarray(counts, dtype=np.float64)
    primary = rule.is_small(values)
    if small is not None and rule.enabled:
        primary = primary | small
    hidden = primary.copy()
    if not rule.enabled or not primary.any():
        return hidden
    _hide_companions(values, hidden, sums)
    waiting = [int(cell) for cell in np.flatnonzero(primary)]
    while waiting:
        cell = waiting[-1]
        low, high = feasible_range(values, hidden, sums, cell)
        if low <= rule.smallest + 1e-6 and high >= rule.largest - 1e-6:
            waiting.pop()
            continue
        if not _hide_one_more(values, hidden, sums, cell):
            waiting.pop()  # everything connected is hidden: nothing is printed to narrow it with
    return hidden


def _hide_companions(
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    sums: Sequence[Sum],
) -> None:
    """Hide a second cell wherever a relation has exactly one hidden cell."""
    changed = True
    while changed:
        changed = False
        for relation in sums:
            cells = relation.cells
            if sum(bool(hidden[c]) for c in cells) == 1:
                changed |= _hide_cheapest(values, hidden, relation)


def _hide_cheapest(
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    relation: Sum,
) -> bool:
    """Hide the smallest part that is shown (zeros last, the total last of all)."""
    parts = [c for c in relation.parts if not hidden[c]]
    parts.sort(key=lambda c: (values[c] <= 0, values[c], c))
    total = relation.total
    choice = parts or ([total] if not hidden[total] else [])
    if choice:
        hidden[choice[0]] = True
    return bool(choice)


def _hide_one_more(
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    sums: Sequence[Sum],
    cell: int,
) -> bool:
    """Hide one more cell, in the relation nearest to ``cell`` that still shows one."""
    reached, frontier, used = {cell}, {cell}, set[int]()
    while frontier:
        near = [i for i, s in enumerate(sums) if i not in used and not frontier.isdisjoint(s.cells)]
        used.update(near)
        near.sort(key=lambda i: sum(not hidden[c] for c in sums[i].cells))
        if any(_hide_cheapest(values, hidden, sums[i]) for i in near):
            return True
        frontier = {c for i in near for c in sums[i].cells} - reached
        reached |= frontier
    return False


def feasible_range(
    counts: ArrayLike, hidden: NDArray[np.bool_], sums: Sequence[Sum], cell: int
) -> tuple[float, float]:
    """Work out, as an outsider would, the least and the most that a hidden cell can be.

    The outsider knows every shown cell exactly, how the cells add up, and that no count is
    negative.

    Examples
    --------
    >>> import numpy as np
    >>> feasible_range([40, 3, 55], np.array([True, True, False]), [Sum(2, (0, 1))], cell=1)
    (0.0, 55.0)
    """
    from scipy.optimize import linprog

    values = np.asarray(counts, dtype=np.float64)
    if not hidden[cell]:
        return float(values[cell]), float(values[cell])
    relations, unknown = _connected(hidden, sums, cell)
    position = {c: i for i, c in enumerate(unknown)}
    left = np.zeros((len(relations), len(unknown)))
    right = np.zeros(len(relations))
    for row, relation in enumerate(relations):
        for c, sign in [*((p, 1.0) for p in relation.parts), (relation.total, -1.0)]:
            if hidden[c]:
                left[row, position[c]] += sign
            else:
                right[row] -= sign * values[c]
    ends = []
    for sign in (1.0, -1.0):
        aim = np.zeros(len(unknown))
        aim[position[cell]] = sign
        equal: dict[str, Any] = {"A_eq": left, "b_eq": right} if relations else {}
        found = linprog(aim, **equal, bounds=(0, None), method="highs")
        ends.append(float(found.fun) * sign if found.fun is not None else sign * -np.inf)
    return max(ends[0], 0.0) + 0.0, ends[1]


def _connected(
    hidden: NDArray[np.bool_], sums: Sequence[Sum], cell: int
) -> tuple[list[Sum], list[int]]:
    """Gather the relations and hidden cells that bear on a cell."""
    unknown, relations, left = {cell}, list[Sum](), list(sums)
    grown = True
    while grown:
        grown = False
        rest = []
        for relation in left:
            inside = {c for c in relation.cells if hidden[c]}
            if inside.isdisjoint(unknown):
                rest.append(relation)
            else:
                relations.append(relation)
                unknown |= inside
                grown = True
        left = rest
    return relations, sorted(unknown)
