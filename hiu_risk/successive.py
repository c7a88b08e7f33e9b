"""Two reports about overlapping people, as a reader sees them who subtracts one from the other.

A second report on nearly the same rows gives the count of the few that were added or left by
subtraction. :class:`EarlierTable` holds what was printed before; :class:`Successive` works out
what both together say about a count, and about its change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

_PUSHES = 10
_FAR = 1e7

Stance = Literal["free", "only_added", "only_left"]
"""What a reader believes happened between two reports."""


class Rule(Protocol):
    """What is needed of :class:`hiu_risk.suppression.SmallNumbers`."""

    @property
    def largest(self) -> int:
        """The largest small count."""

    @property
    def base(self) -> int:
        """Other counts are rounded to a multiple of it."""


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
    """

    shown: NDArray[np.float64]
    starred: NDArray[np.bool_]
    same: NDArray[np.bool_]
    one_way: NDArray[np.bool_]
    exact_sums: NDArray[np.bool_]

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

    def stances(self) -> tuple[Stance, ...]:
        """Give what a reader may believe about the people who came and went."""
        if bool((self.same | ~self.one_way).all()):
            return ("free",)
        return ("free", "only_added", "only_left")

    def bounds(self, rule: Rule, *, whole: bool) -> NDArray[np.float64]:
        """Give what the earlier report says about each cell by itself, shape (n_cells, 2)."""
        ends = np.zeros((len(self.shown), 2))
        ends[:, 1] = np.inf
        for cell in np.flatnonzero(self.known).tolist():
            shown = self.shown[cell]
            ends[cell] = behind(shown, rule, whole=whole) if shown > 0 else (0.0, 0.0)
        return ends


class Successive:
    """What a reader of both reports can work out, by linear programmes.

    Parameters
    ----------
    sums : sequence of Sum
        How the cells add up now.
    before : EarlierTable
        The earlier report.
    stance : str
        What the reader believes happened in between.
    rule : SmallNumbers
        How counts are printed.
    whole : bool
        Whether all counts are whole numbers.
    """

    def __init__(
        self, sums: Sequence[Sum], before: EarlierTable, stance: Stance, rule: Rule, *, whole: bool
    ) -> None:
        self._n = n = len(before.shown)
        equal: list[list[tuple[int, float]]] = []
        at_most: list[list[tuple[int, float]]] = []
        for i, relation in enumerate(sums):
            equal.append(_row(relation, 0))
            (equal if before.exact_sums[i] else at_most).append(_row(relation, n))
        equal += [[(c, 1.0), (n + c, -1.0)] for c in np.flatnonzero(before.same).tolist()]
        if stance != "free":
            sign = -1.0 if stance == "only_added" else 1.0
            moved = np.flatnonzero(before.one_way & ~before.same).tolist()
            at_most += [[(c, sign), (n + c, -sign)] for c in moved]
        self._equal, self._at_most = _matrix(equal, 2 * n), _matrix(at_most, 2 * n)
        self._earlier = before.bounds(rule, whole=whole)
        self._counts, self._changes = (np.full((n, 2), np.nan) for _ in range(2))

    def possible(self, now: NDArray[np.float64]) -> bool:
        """Tell whether both reports can be true under the stance."""
        return bool(self._solve(np.zeros(2 * self._n), now).status == 0)

    def explore(
        self, now: NDArray[np.float64], counts: NDArray[np.bool_], changes: NDArray[np.bool_]
    ) -> None:
        """Look for solutions that move many cells at once, so that few are left to ask for.

        Each pushes the counts, or the changes, of half of the cells up and of the others down.
        """
        signs = np.random.default_rng(0)
        for step in range(_PUSHES):
            aim = np.zeros(2 * self._n)
            sign = (
                signs.choice([-1.0, 1.0], self._n) if step > 1 else np.full(self._n, 1.0 - 2 * step)
            )
            aim[: self._n] = np.where(counts | changes, sign, 0.0)
            aim[self._n :] = np.where(changes, -sign, 0.0)
            self._solve(aim, now, most=_FAR)  # a hidden count has no end: stop somewhere

    def count_stays_open(
        self, cell: int, now: NDArray[np.float64], enough: Callable[[float, float], bool]
    ) -> bool:
        """Tell whether the least and the most that a count can be now leave enough open."""
        aim = np.zeros(2 * self._n)
        aim[cell] = 1.0
        return self._stays_open(self._counts, cell, aim, now, enough)

    def change_stays_open(self, cell: int, now: NDArray[np.float64], candidates: int) -> bool:
        """Tell whether a count can have changed by at least so many different numbers."""
        aim = np.zeros(2 * self._n)
        aim[cell], aim[self._n + cell] = 1.0, -1.0

        def enough(low: float, high: float) -> bool:
            return float(np.floor(high + 1e-6) - np.ceil(low - 1e-6)) + 1 >= candidates

        return self._stays_open(self._changes, cell, aim, now, enough)

    def _stays_open(
        self,
        seen: NDArray[np.float64],
        cell: int,
        aim: NDArray[np.float64],
        now: NDArray[np.float64],
        enough: Callable[[float, float], bool],
    ) -> bool:
        """Ask the solutions found so far, then the programmes."""
        if enough(*seen[cell]):
            return True
        solved = [self._solve(sign * aim, now) for sign in (1.0, -1.0)]
        return enough(
            -np.inf if solved[0].fun is None else float(solved[0].fun),
            np.inf if solved[1].fun is None else -float(solved[1].fun),
        )

    def _solve(
        self, aim: NDArray[np.float64], now: NDArray[np.float64], most: float = np.inf
    ) -> Any:
        from scipy import optimize

        solver: Any = optimize.linprog  # its types don't know sparse arrays
        solved = solver(
            aim,
            A_eq=self._equal,
            b_eq=None if self._equal is None else np.zeros(self._equal.shape[0]),
            A_ub=self._at_most,
            b_ub=None if self._at_most is None else np.zeros(self._at_most.shape[0]),
            bounds=np.minimum(np.concatenate([now, self._earlier]), most),
            method="highs",
        )
        if solved.x is not None:
            counts, change = solved.x[: self._n], solved.x[: self._n] - solved.x[self._n :]
            for seen, found in ((self._counts, counts), (self._changes, change)):
                np.fmin(seen[:, 0], found, out=seen[:, 0])
                np.fmax(seen[:, 1], found, out=seen[:, 1])
        return solved


def _matrix(rows: list[list[tuple[int, float]]], width: int) -> Any:
    from scipy import sparse

    if not rows:
        return None
    places = [(r, c, x) for r, row in enumerate(rows) for c, x in row]
    r, c, x = (np.array(column) for column in zip(*places, strict=True))
    return sparse.csr_array((x, (r.astype(int), c.astype(int))), shape=(len(rows), width))


def _row(relation: Sum, shift: int) -> list[tuple[int, float]]:
    parts = [(shift + part, 1.0) for part in relation.parts]
    return [*parts, (shift + relation.total, -1.0)]
