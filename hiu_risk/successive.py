"""What earlier reports printed about overlapping people: what a new one is laid beside.

A second report on nearly the same rows gives the count of the few that were added or left by
subtraction. :class:`EarlierTable` holds what was printed before; :class:`hiu_risk.reader.Reader`
works out what all reports together say about a count, and about its change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Rule(Protocol):
    """What is needed of :class:`hiu_risk.suppression.SmallNumbers`."""

    @property
    def smallest(self) -> int:
        """The smallest small count."""

    @property
    def largest(self) -> int:
        """The largest small count."""

    @property
    def base(self) -> int:
        """Other counts are rounded to a multiple of it."""

    @property
    def candidates(self) -> int:
        """How many counts a hidden small cell must still be able to be."""


@dataclass(frozen=True)
class Sum:
    """A published relation: the cell ``total`` is the sum of the cells ``parts``."""

    total: int
    parts: tuple[int, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """Every cell in the relation, the total last."""
        return (*self.parts, self.total)


def behind(shown: float, rule: Rule, *, whole: bool) -> tuple[float, float]:
    """Give the least and the most that a printed, rounded count can stand for.

    Examples
    --------
    >>> from hiu_risk.suppression import SmallNumbers
    >>> behind(20.0, SmallNumbers(), whole=True), behind(10.0, SmallNumbers(), whole=True)
    ((18.0, 22.0), (8.0, 12.0))
    """
    low, high = shown - rule.base / 2, shown + rule.base / 2
    if whole:  # an outsider who knows that people are counted in ones knows more
        low, high = float(np.ceil(low)), float(np.ceil(high) - 1)
    return max(low, rule.largest + (1.0 if whole else 0.5)), high


@dataclass(frozen=True)
class MadeOf:
    """What the counts of a report are made of; empty where it isn't known.

    Parameters
    ----------
    rows, lists : str
        Reports with equal ones counted the very same rows, or lists.
    dates : frozenset of str
        The dates whose rows were added up, and for what question.
    ranking : str
        What drew the lists of these dates.
    """

    rows: str = ""
    lists: str = ""
    dates: frozenset[str] = frozenset()
    ranking: str = ""


NOTHING_SAID = MadeOf()
"""Where it isn't known what a report's counts are made of."""


@dataclass(frozen=True)
class EarlierTable:
    """What an earlier report printed about the cells of a table.

    Parameters
    ----------
    shown : float array, shape (n_cells,)
        The rounded count; NaN where it was hidden or not part of the report.
    starred : bool array, shape (n_cells,)
        Cells that were hidden.
    same : bool array, shape (n_cells,)
        Cells made of the very same rows: the count is the same.
    one_way : bool array, shape (n_cells,)
        Cells that can only have grown if rows were only added (numbers of people; not of listed
        people, since one more person takes another's place).
    exact_sums : bool array, shape (n_sums,)
        Relations that held there too; of the others the parts made at most the total.
    made_of : MadeOf, optional
        What the counts were made of: ``rows`` and ``dates`` of the cells in ``one_way``,
        ``lists`` and ``ranking`` of the others.
    """

    shown: NDArray[np.float64]
    starred: NDArray[np.bool_]
    same: NDArray[np.bool_]
    one_way: NDArray[np.bool_]
    exact_sums: NDArray[np.bool_]
    made_of: MadeOf = NOTHING_SAID

    @property
    def known(self) -> NDArray[np.bool_]:
        """Cells that were printed."""
        return ~np.isnan(self.shown)

    def stays_hidden(self, values: NDArray[np.float64], rule: Rule) -> NDArray[np.bool_]:
        """Tell which cells were starred and still are nearly small, or the same.

        A star that turns into 10 one report later gives away that it stood for 6 or 7.
        """
        near = values < rule.largest + rule.base + 0.5
        return self.starred & (self.same | (near & (values > 0)))

    def maybe_small_change(self, values: NDArray[np.float64], rule: Rule) -> NDArray[np.bool_]:
        """Tell which printed cells may have changed by a small number."""
        away = np.abs(np.nan_to_num(self.shown, nan=np.inf) - values)
        still_nobody = (self.shown == 0) & (values == 0)
        near = away <= rule.largest + rule.base / 2
        return np.asarray(self.known & ~self.same & ~still_nobody & near, np.bool_)

    def same_as(self, other: EarlierTable) -> NDArray[np.bool_]:
        """Tell which cells are made of the very same rows as those of another earlier report."""
        mine, theirs = self.made_of, other.made_of
        rows, lists = mine.rows == theirs.rows != "", mine.lists == theirs.lists != ""
        return np.where(self.one_way, rows, lists).astype(np.bool_)

    def bounds(self, rule: Rule, *, whole: bool) -> NDArray[np.float64]:
        """Give what the earlier report says about each cell by itself, shape (n_cells, 2)."""
        ends = np.zeros((len(self.shown), 2))
        ends[:, 1] = np.inf
        for cell in np.flatnonzero(self.known).tolist():
            shown = self.shown[cell]
            ends[cell] = behind(shown, rule, whole=whole) if shown > 0 else (0.0, 0.0)
        return ends
