"""What may not come out of several reports: small counts, stars printed before, small changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hiu_risk.successive import EarlierTable, Rule, Sum

_SMALL, _MANY, _STAR, _CHANGE = range(4)
"""A small count; few people behind many rows; a star of an earlier report, which may stand for a
small count; a change between two reports."""

_TOLERANCE = 1e-6
_ROUNDS = 3
"""How often bounds are passed on along the sums, before a programme is asked."""

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass
class Watched:
    """Numbers that a reader may not narrow down, and what solutions showed of them so far.

    Parameters
    ----------
    rule : SmallNumbers
        What is small, and how many counts must stay possible.
    n : int
        Cells of a report.
    cell, report, less : int array, shape (n_watched,)
        Which count of which report (0 is the new one); less that of another, or -1.
    kind : int array, shape (n_watched,)
        What must stay open.
    """

    rule: Rule
    n: int
    cell: _Ints
    report: _Ints
    less: _Ints
    kind: _Ints
    low: _Floats = field(init=False)
    high: _Floats = field(init=False)

    def __post_init__(self) -> None:
        self.low, self.high = np.full(len(self.cell), np.inf), np.full(len(self.cell), -np.inf)

    def saw(self, solution: _Floats) -> None:
        """Take a solution into account."""
        value = self._in(solution)
        np.minimum(self.low, value, out=self.low)
        np.maximum(self.high, value, out=self.high)

    def _in(self, solution: _Floats) -> _Floats:
        value: _Floats = solution[self.report * self.n + self.cell]
        value -= np.where(self.less < 0, 0.0, solution[self.less * self.n + self.cell])
        return value

    def settled(self) -> NDArray[np.bool_]:
        """Tell which are open by the solutions seen so far."""
        everything = np.arange(len(self.cell))
        return self._possible(everything, self.low, self.high) >= self.rule.candidates

    def enough(self, which: int, extremes: Sequence[_Floats]) -> bool:
        """Tell whether a number's least and most leave enough open; what isn't told doesn't."""
        if len(extremes) < 2:
            return False
        low, high = (self._in(solution)[which : which + 1] for solution in extremes)
        if self.kind[which] == _STAR and low[0] > self.rule.largest + _TOLERANCE:
            return True  # it was hidden to protect another count
        if self.kind[which] == _CHANGE and max(-low[0], high[0]) < _TOLERANCE:
            return True  # nobody came and nobody left: nothing small is told
        return bool(self._possible(np.array([which]), low, high)[0] >= self.rule.candidates)

    def _possible(self, which: _Ints, low: _Floats, high: _Floats) -> _Ints:
        """Count the whole numbers in a range: small ones alone, where the count is small."""
        kind = self.kind[which]
        small = (kind == _SMALL) | (kind == _STAR)
        first = np.ceil(low - _TOLERANCE)
        last = np.floor(high + _TOLERANCE)
        first = np.where(small, np.maximum(first, self.rule.smallest), first)
        last = np.where(small, np.minimum(last, self.rule.largest), last)
        return np.where(np.isfinite(low), last - first + 1, 0.0).astype(np.int64)

    def aim(self, which: _Ints, signs: _Floats | None = None) -> _Floats:
        """Add up numbers to push: each as it is, or with the sign of its report and cell."""
        reports = int(max(self.report.max(initial=0), self.less.max(initial=0))) + 1
        aim = np.zeros((reports if signs is None else len(signs), self.n))
        report, cell, less = self.report[which], self.cell[which], self.less[which]
        sign = np.ones(len(which)) if signs is None else signs[report, cell]
        np.add.at(aim, (report, cell), sign)
        apart = less >= 0
        np.add.at(aim, (less[apart], cell[apart]), -sign[apart])
        return aim.ravel()


def watch(
    values: _Floats,
    small: NDArray[np.bool_],
    starred: Sequence[NDArray[np.bool_]],
    earlier: Sequence[EarlierTable],
    rule: Rule,
    equal: Iterable[tuple[int, int, NDArray[np.bool_]]],
) -> Watched:
    """List what must stay open.

    Parameters
    ----------
    values : float array, shape (n_cells,)
        The new report's exact counts.
    small : bool array, shape (n_cells,)
        Those hidden for being small.
    starred : sequence of bool array
        Of each earlier report, the counts it hid that may be small.
    earlier : sequence of EarlierTable
        The earlier reports.
    rule : SmallNumbers
        What is small.
    equal : iterable of (report, report, bool array)
        Of every two reports, the cells whose counts are the same: they have no change, and are
        watched once.
    """
    found: list[tuple[_Ints, int, int, _Ints]] = []

    def add(cells: NDArray[np.bool_], report: int, less: int, kind: NDArray[np.int64]) -> None:
        at = np.flatnonzero(cells)
        found.append((at, report, less, np.broadcast_to(kind, len(cells))[at]))

    many = values >= rule.largest + 0.5
    add(small, 0, -1, np.where(many, _MANY, _SMALL))
    again = [np.zeros(len(values), np.bool_) for _ in range(len(earlier) + 1)]
    for a, b, same in equal:
        one = earlier[a - 1]
        again[max(a, b) if b else a] |= same
        if b:
            changed = _near(one.shown, earlier[b - 1].shown, rule) & ~same
        else:
            changed = one.maybe_small_change(values, rule) & ~same
        add(changed, b, a, np.full(len(values), _CHANGE))
    for k, cells in enumerate(starred, start=1):
        add(cells & ~again[k], k, -1, np.full(len(values), _STAR))
    return Watched(
        rule, len(values),
        np.concatenate([at for at, _, _, _ in found]),
        np.concatenate([np.full(len(at), report) for at, report, _, _ in found]),
        np.concatenate([np.full(len(at), less) for at, _, less, _ in found]),
        np.concatenate([kind for _, _, _, kind in found]),
    )  # fmt: skip


def watched_stars(cells: _Ints, rule: Rule, n: int) -> Watched:
    """Watch hidden counts of one earlier report."""
    report, less, kind = (np.full(len(cells), x) for x in (1, -1, _STAR))
    return Watched(rule, n, cells, report, less, kind)


def _near(one: _Floats, other: _Floats, rule: Rule) -> NDArray[np.bool_]:
    """Tell which two printed counts may be a small number apart."""
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) < rule.largest + rule.base
    return np.asarray(near & ~((one == 0) & (other == 0)), np.bool_)


def near_small(before: EarlierTable, sums: Sequence[Sum], rule: Rule) -> NDArray[np.bool_]:
    """Rule out by simple bounds which counts that an earlier report hid can't be small."""
    ends = before.bounds(rule, whole=False)
    low, high = ends[:, 0].copy(), ends[:, 1].copy()
    bears = np.zeros(len(low), np.bool_)
    for _ in range(_ROUNDS):
        for i, relation in enumerate(sums):
            bears[list(relation.cells)] = True
            for part in relation.parts:
                high[part] = min(high[part], high[relation.total])
                if before.exact_sums[i]:
                    others = sum(high[other] for other in relation.parts if other != part)
                    low[part] = max(low[part], low[relation.total] - others)
            low[relation.total] = max(low[relation.total], low[list(relation.parts)].sum())
    return ~before.known & bears & (low <= rule.largest) & (high >= rule.smallest)
