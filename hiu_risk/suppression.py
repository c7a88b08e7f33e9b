"""Small numbers: what may leave the team, and proof that the rest can't be worked out from it.

A count of 1 to 7 people is printed as ``*``; any other count is rounded to 5; a mean or median
needs at least 8 people. Hiding the small cell is not enough where a total stands beside it, so
:func:`protect` hides further cells until an outsider who knows the printed counts, how they were
rounded and how the table adds up can't narrow a small cell down to fewer than four counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hiu_risk.errors import UsageError
from hiu_risk.reader import STANCES, Reader, maybe_small
from hiu_risk.successive import NOTHING_SAID, EarlierTable, MadeOf, Sum, behind

__all__ = [
    "HIDDEN", "TOGETHER", "EarlierTable", "MadeOf", "Protection", "Shown", "SmallNumbers", "Sum",
    "protect",
]  # fmt: skip

HIDDEN: Literal["*"] = "*"
"""What stands where a number is hidden."""

TOGETHER = 8
"""Earlier tables that are checked together; more of them are checked in groups of so many."""

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
    candidates : int
        How many counts a hidden small cell must still be able to be, for an outsider.
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
    candidates: int = 4
    enabled: bool = True

    def __post_init__(self) -> None:
        width = self.largest - self.smallest + 1
        if not 1 <= self.smallest <= self.largest or min(self.base, self.mean_needs) < 1:
            raise UsageError(
                "small numbers need 1 <= smallest <= largest, base >= 1 and mean_needs >= 1",
                where="small numbers",
            )
        if not 1 <= self.candidates <= width:
            raise UsageError(
                f"candidates must be from 1 to {width}, the number of small counts",
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

    def hides(self, low: float, high: float, count: float) -> bool:
        """Tell whether a range leaves enough counts possible: small ones, if the count is."""
        if count >= self.largest + 0.5:  # few people, many rows
            return high - low + 1 >= self.candidates
        first = max(int(np.ceil(low - 1e-6)), self.smallest)
        last = int(np.floor(min(high + 1e-6, self.largest)))
        return last - first + 1 >= self.candidates


@dataclass(frozen=True)
class Protection:
    """What must not be printed.

    Parameters
    ----------
    hidden : bool array, shape (n_cells,)
        Counts to print as ``*``.
    small : bool array, shape (n_cells,)
        Those hidden because they are small, not to protect another.
    """

    hidden: NDArray[np.bool_]
    small: NDArray[np.bool_]


def protect(
    counts: ArrayLike,
    sums: Sequence[Sum],
    rule: SmallNumbers,
    *,
    small: NDArray[np.bool_] | None = None,
    rounded: NDArray[np.bool_] | None = None,
    printed: NDArray[np.bool_] | None = None,
    worth: ArrayLike = 0.0,
    earlier: Sequence[EarlierTable] = (),
    made_of: MadeOf = NOTHING_SAID,
) -> Protection:
    """Choose what to hide, so that no small cell can be narrowed down by adding up.

    Parameters
    ----------
    counts : array-like, shape (n_cells,)
        Every cell of the table, totals included; whole or expected counts.
    sums : sequence of Sum
        How the cells add up.
    rule : SmallNumbers
        What counts as small.
    small : bool array, shape (n_cells,), optional
        Cells to hide for another reason as well (few *people* behind many rows, say).
    rounded : bool array, shape (n_cells,), optional
        Cells of which an outsider learns the rounded count alone: nothing exact that is worked
        out from them is printed. Default none: every shown cell is taken as known exactly.
    printed : bool array, shape (n_cells,), optional
        False for cells that are not printed at all but could be worked out. Default all.
    worth : array-like, shape (n_cells,), optional
        How much a reader needs each cell: the least worth is hidden first, then the smallest.
    earlier : sequence of EarlierTable, optional
        What was printed before about overlapping people, oldest first: no small cell and no
        small change, of this table or of an earlier one, may be worked out from all of them
        together (:data:`TOGETHER` at a time).
    made_of : MadeOf, optional
        What these counts are made of, for the earlier tables that are made of the same.

    Examples
    --------
    One small cell beside a total is a subtraction away; the next smallest goes too.

    >>> table = [40, 3, 12, 55]
    >>> protect(table, [Sum(3, (0, 1, 2))], SmallNumbers()).hidden.tolist()
    [False, True, True, False]

    With rounded neighbours the subtraction says little.

    >>> rounded = np.array([True, True, True, False])
    >>> table = protect(table, [Sum(3, (0, 1, 2))], SmallNumbers(), rounded=rounded)
    >>> table.hidden.tolist()
    [False, True, False, False]
    """
    values = np.asarray(counts, dtype=np.float64)
    primary = rule.is_small(values)
    if small is not None and rule.enabled:
        primary = primary | small
    vague = np.zeros(len(values), np.bool_) if rounded is None else rounded
    absent = np.zeros(len(values), np.bool_) if printed is None else ~printed
    table = _Table(
        values, tuple(sums), rule, primary, vague, primary | absent, absent,
        np.broadcast_to(np.asarray(worth, np.float64), values.shape),
    )  # fmt: skip
    for before in earlier:
        stays = before.stays_hidden(values, rule)
        table.hidden |= stays
        table.still |= stays
        table.public |= before.known & before.same
    for cell in np.flatnonzero(primary).tolist():
        while not table.is_safe(cell) and table.hide_more(cell):
            pass
    for first in range(0, len(earlier), TOGETHER):
        _guard(table, earlier[first : first + TOGETHER], made_of)
    return Protection(table.hidden, primary)


def _guard(table: _Table, earlier: Sequence[EarlierTable], made_of: MadeOf) -> None:
    """Hide until nothing small comes out of this table and the earlier ones together.

    What would come out even if this table showed nothing is left as it is.
    """

    def reader_of(reports: Sequence[EarlierTable]) -> Reader:
        return Reader(table.sums, reports, table.rule, whole=table.whole, made_of=made_of)

    if not reader_of(earlier).possible(table.bounds()):
        earlier = [e for e in earlier if reader_of([e]).possible(table.bounds())]
    if not earlier:
        return
    starred = [maybe_small(e, table.sums, table.rule, whole=table.whole) for e in earlier]
    done = False
    for stance in STANCES:
        reader = reader_of(earlier)
        if not reader.believe(stance, table.bounds()) and done:
            continue
        done = True
        watched = reader.watch(table.values, table.primary, starred, stance, table.bounds())
        for which in np.flatnonzero(~watched.settled()).tolist():
            while not reader.stays_open(watched, which, table.bounds()):
                if not reader.could_stay_open(watched, which, table.nothing_shown()):
                    break
                if not table.hide_more(int(watched.cell[which])):
                    break


def feasible_range(
    counts: ArrayLike,
    protection: Protection,
    sums: Sequence[Sum],
    rule: SmallNumbers,
    cell: int,
    rounded: NDArray[np.bool_] | None = None,
) -> tuple[float, float]:
    """Work out, as an outsider would, the least and the most that a cell can be.

    Examples
    --------
    >>> both = np.array([True, True, False])
    >>> hidden = Protection(hidden=both, small=np.array([False, True, False]))
    >>> feasible_range([40, 3, 55], hidden, [Sum(2, (0, 1))], SmallNumbers(), cell=1)
    (0.0, 47.0)
    """
    values = np.asarray(counts, dtype=np.float64)
    vague = np.zeros(len(values), np.bool_) if rounded is None else rounded
    table = _Table(
        values, tuple(sums), rule, protection.small, vague, protection.hidden,
        np.zeros(len(values), np.bool_), np.zeros(len(values)),
    )  # fmt: skip
    return table.feasible(cell)


@dataclass
class _Table:
    """A table while cells are being hidden; ``hidden`` changes in place."""

    values: NDArray[np.float64]
    sums: tuple[Sum, ...]
    rule: SmallNumbers
    primary: NDArray[np.bool_]
    vague: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    worth: NDArray[np.float64]

    def __post_init__(self) -> None:
        self.public = np.zeros(len(self.values), np.bool_)
        self.still = np.zeros(len(self.values), np.bool_)  # stars that were stars before
        self._seen = np.column_stack([self.values, self.values])  # counts that fit what is shown
        self.whole = bool((self.values == np.round(self.values)).all())
        self._least_shown = self.rule.largest + (1.0 if self.whole else 0.5)
        self._sums_of: dict[int, list[int]] = {}
        for i, relation in enumerate(self.sums):
            for cell in relation.cells:
                self._sums_of.setdefault(cell, []).append(i)

    def is_safe(self, cell: int) -> bool:
        """Tell whether a small cell can still be enough counts.

        Every solution of a linear programme fits what is shown in all cells at once, and
        hiding more takes none away: most cells are settled by solutions found for others.
        """
        for known in (self._seen[cell], None):
            low, high = self.feasible(cell) if known is None else known
            if self.rule.hides(low, high, self.values[cell]):
                return True
        return False

    def hide_more(self, cell: int) -> bool:
        """Hide one more count: beside the cell if one is shown there, else further off.

        Returns
        -------
        bool
            False when nothing connected is shown any more.
        """
        beside = [self.sums[i] for i in self._sums_of.get(cell, [])]
        return self._hide_cheapest(beside) or self._hide_cheapest(self._connected(cell)[0])

    def _hide_cheapest(self, relations: Sequence[Sum]) -> bool:
        """Hide the cell of least worth; of those a part before a total, a small one, zeros last."""
        totals = {r.total for r in relations}
        shown = {c for r in relations for c in r.cells if not (self.hidden[c] or self.public[c])}
        if not shown:
            return False
        choice = min(
            shown,
            key=lambda c: (self.worth[c], c in totals, self.values[c] <= 0, self.values[c], c),
        )
        self.hidden[choice] = True
        return True

    def _connected(self, cell: int) -> tuple[list[Sum], list[int]]:
        """Gather the relations and the uncertain cells that bear on a cell."""
        reached, waiting, used = {cell}, [cell], set[int]()
        while waiting:
            near = [i for i in self._sums_of.get(waiting.pop(), []) if i not in used]
            used.update(near)
            for c in (c for i in near for c in self.sums[i].cells):
                if (self.hidden[c] or self.vague[c]) and c not in reached:
                    reached.add(c)
                    waiting.append(c)
        return [self.sums[i] for i in sorted(used)], sorted(reached)

    def _known(self, cell: int) -> tuple[float, float]:
        """Give what printing (or hiding) a cell says about it by itself."""
        value = self.values[cell]
        if self.hidden[cell]:
            # a star that isn't a small count stands for a larger one: assume that this shows
            vague = self.primary[cell] or self.absent[cell] or self.still[cell]
            large = not vague and value > 0
            return (self._least_shown if large else 0.0), np.inf
        if not self.vague[cell] or value <= 0:
            return value, value
        return behind(float(self.rule.show(value)), self.rule, whole=self.whole)

    def bounds(self) -> NDArray[np.float64]:
        """Give what is known about each cell by itself, shape (n_cells, 2)."""
        return np.array([self._known(c) for c in range(len(self.values))])

    def nothing_shown(self) -> NDArray[np.float64]:
        """Give what would be known about each cell if all that can be hidden were."""
        known = self.bounds()
        known[~self.public] = 0.0, np.inf
        return known

    def feasible(self, cell: int) -> tuple[float, float]:
        """Work out the least and the most that a cell can be."""
        from scipy.optimize import linprog

        relations, cells = self._connected(cell)
        place = {c: i for i, c in enumerate(cells)}
        left, right = np.zeros((len(relations), len(cells))), np.zeros(len(relations))
        for i, relation in enumerate(relations):
            for c, sign in [*((p, 1.0) for p in relation.parts), (relation.total, -1.0)]:
                if c in place:
                    left[i, place[c]] += sign
                else:
                    right[i] -= sign * self.values[c]
        ends = []
        for sign in (1.0, -1.0):
            aim = np.zeros(len(cells))
            aim[place[cell]] = sign
            found = linprog(
                aim,
                A_eq=left if relations else None,
                b_eq=right if relations else None,
                bounds=[self._known(c) for c in cells],
                method="highs",
            )
            ends.append(float(found.fun) * sign if found.fun is not None else -sign * np.inf)
            if found.x is not None:
                self._seen[cells, 0] = np.minimum(self._seen[cells, 0], found.x)
                self._seen[cells, 1] = np.maximum(self._seen[cells, 1], found.x)
        return max(ends[0], 0.0) + 0.0, ends[1]
