"""A reader of several reports who adds, subtracts and solves for what isn't printed.

The counts of every report are the unknowns of one linear programme: what is printed bounds them,
tables add up, and the reader believes something about the people who came and went between
reports. What the programme leaves open, the reader can't know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.successive import NOTHING_SAID, EarlierTable, MadeOf, Rule, Sum
from hiu_risk.watched import Watched, near_small, watch, watched_stars

Stance = Literal["only_added", "only_left", "dates_stay"]
STANCES: tuple[Stance, ...] = ("only_added", "only_left", "dates_stay")
"""What a reader may believe of all reports together: rows were only added, or only left, wherever
what is printed allows it; or a date's rows are the same in every report."""

_PUSHES = 16

_Row = list[tuple[int, float]]
_Floats = NDArray[np.float64]


@dataclass
class _Believed:
    """What the reader takes to be true: sums that are nothing, and sums that are at most nothing.

    ``unknowns`` counts the columns; beyond those of the reports they are parts of reports.
    """

    equal: list[_Row]
    at_most: list[_Row]
    unknowns: int

    def with_(self, more: _Believed) -> _Believed:
        return _Believed(
            self.equal + more.equal,
            self.at_most + more.at_most,
            max(self.unknowns, more.unknowns),
        )


class Reader:
    """What a reader of a new report and of all earlier ones can work out.

    Parameters
    ----------
    sums : sequence of Sum
        How the cells of the new report add up.
    earlier : sequence of EarlierTable
        The earlier reports, oldest first.
    rule : SmallNumbers
        How counts are printed.
    whole : bool
        Whether all counts are whole numbers.
    made_of : MadeOf
        What the new report's counts are made of.
    """

    def __init__(
        self,
        sums: Sequence[Sum],
        earlier: Sequence[EarlierTable],
        rule: Rule,
        *,
        whole: bool,
        made_of: MadeOf,
    ) -> None:
        self._sums, self._earlier, self._rule = sums, list(earlier), rule
        self._n = len(self._earlier[0].shown)
        self._made_of = [made_of, *(e.made_of for e in self._earlier)]
        self._printed = [e.bounds(rule, whole=whole) for e in self._earlier]
        self._believed = self._known()
        self._matrices: tuple[Any, Any] | None = None

    # --- what is known, and what is believed --------------------------------------------------

    def _known(self) -> _Believed:
        """Say how every report adds up, and which counts are the same in two of them."""
        n = self._n
        equal: list[_Row] = []
        at_most: list[_Row] = []
        for i, relation in enumerate(self._sums):
            equal.append(_row(relation, 0))
            for k, before in enumerate(self._earlier, start=1):
                (equal if before.exact_sums[i] else at_most).append(_row(relation, k * n))
        for a, b in self._pairs():
            same = np.flatnonzero(self._same(a, b)).tolist()
            equal += [[(a * n + c, 1.0), (b * n + c, -1.0)] for c in same]
        return _Believed(equal, at_most, n * (len(self._earlier) + 1))

    def _pairs(self) -> list[tuple[int, int]]:
        """Give every two reports, earlier first; those with the new one (0) before the others."""
        reports = range(1, len(self._earlier) + 1)
        return [(k, 0) for k in reports] + [(a, b) for b in reports for a in range(1, b)]

    def _same(self, a: int, b: int) -> NDArray[np.bool_]:
        one = self._earlier[a - 1]
        return one.same if b == 0 else one.same_as(self._earlier[b - 1])

    def possible(self, now: _Floats) -> bool:
        """Tell whether all reports can be true."""
        return self._fits(self._believed, now)

    def believe(self, stance: Stance, now: _Floats) -> bool:
        """Believe as much of a stance as what is printed allows; False where that is nothing."""
        if stance == "dates_stay":
            steps = self._dates_stay(now)
        else:
            steps = self._one_way(now, 1.0 if stance == "only_added" else -1.0)
        known = self._believed
        for step in steps:
            if self._fits(known.with_(step), now):
                self._believed = known = known.with_(step)
        self._matrices = None
        return bool(steps)

    def _one_way(self, now: _Floats, sign: float) -> list[_Believed]:
        """Say of every two reports that counts only grew (or fell), or the other way round."""
        bounds, n, steps = [now, *self._printed], self._n, []
        for a, b in self._pairs():
            theirs = self._earlier[b - 1].one_way if b else True
            cells = np.flatnonzero(self._earlier[a - 1].one_way & theirs & ~self._same(a, b))
            for way in (sign, -sign) if len(cells) else ():
                first, then = (a, b) if way > 0 else (b, a)
                if (bounds[first][cells, 0] <= bounds[then][cells, 1]).all():
                    rows = [[(first * n + c, 1.0), (then * n + c, -1.0)] for c in cells.tolist()]
                    steps.append(_Believed([], rows, 0))
                    break
        return self._together(steps, now)

    def _together(self, steps: list[_Believed], now: _Floats) -> list[_Believed]:
        """Take all steps as one where they are possible together, as they nearly always are."""
        if len(steps) < 2:
            return steps
        everything = _Believed([], [row for step in steps for row in step.at_most], 0)
        return [everything] if self._fits(self._believed.with_(everything), now) else steps

    def _dates_stay(self, now: _Floats) -> list[_Believed]:
        """Make every report's counts those of its dates, for as many reports as that can be."""
        held: list[int] = []
        for k in (0, *range(len(self._earlier), 0, -1)):  # the latest reports are the likeliest
            dates = self._made_of[k].dates
            shares = any(dates & self._made_of[j].dates for j in range(len(self._made_of)) if j - k)
            if shares and self._fits(self._believed.with_(self._parts([*held, k])), now):
                held.append(k)
        return [self._parts(held)] if len(held) > 1 else []

    def _parts(self, held: Sequence[int]) -> _Believed:
        of_rows = self._earlier[0].one_way
        kinds = (
            (of_rows, {k: frozenset((d, "") for d in self._made_of[k].dates) for k in held}),
            (~of_rows, {k: self._lists(k) for k in held}),
        )
        width, equal = self._n * (len(self._earlier) + 1), []
        for cells, dates in kinds:
            blocks: dict[tuple[int, ...], int] = {}
            for label in sorted(set().union(*dates.values())):
                members = tuple(k for k in held if label in dates[k])
                if members not in blocks:
                    blocks[members], width = width, width + self._n
            for k in held:
                mine = [start for members, start in blocks.items() if k in members]
                equal += [
                    [(k * self._n + c, 1.0), *((at + c, -1.0) for at in mine)]
                    for c in (np.flatnonzero(cells).tolist() if mine else ())
                ]
        return _Believed(equal, [], width)

    def _lists(self, k: int) -> frozenset[tuple[str, str]]:
        made = self._made_of[k]
        return frozenset((date, made.ranking) for date in made.dates if made.ranking)

    # --- what may not come out ------------------------------------------------------------------

    def watch(
        self,
        values: _Floats,
        small: NDArray[np.bool_],
        starred: Sequence[NDArray[np.bool_]],
        stance: Stance,
        now: _Floats,
    ) -> Watched:
        """List what must stay open, and settle what a few solutions settle.

        ``starred`` are the counts of each earlier report that may be small for all that it says.
        """
        steady = stance == "dates_stay"
        found = watch(
            values, small, starred, self._earlier, self._rule,
            equal=[
                (a, b, self._same(a, b) | (self._stays(a, b) & steady)) for a, b in self._pairs()
            ],
        )  # fmt: skip
        self.settle(found, now)
        return found

    def settle(self, found: Watched, now: _Floats) -> None:
        """Look for solutions that push all that isn't settled yet up or down, at random."""
        signs = np.random.default_rng(0)
        for _ in range(_PUSHES):
            left = np.flatnonzero(~found.settled())
            if not len(left):
                break
            block = signs.choice([-1.0, 1.0], (len(self._made_of), 1))
            cell = signs.choice([-1.0, 1.0], self._n)
            solved = self._solve(found.aim(left, block * cell), now)
            if solved is not None:
                found.saw(solved)

    def _stays(self, a: int, b: int) -> NDArray[np.bool_]:
        rows = self._made_of[a].dates == self._made_of[b].dates
        lists = rows and self._made_of[a].ranking == self._made_of[b].ranking != ""
        return np.where(self._earlier[0].one_way, rows, lists).astype(np.bool_)

    def stays_open(self, found: Watched, which: int, now: _Floats) -> bool:
        """Tell whether the least and the most that a watched number can be leave enough open."""
        if found.settled()[which]:
            return True
        solutions = self._extremes(found, which, now)
        for solution in solutions:
            found.saw(solution)
        return found.enough(which, solutions)

    def could_stay_open(self, found: Watched, which: int, nothing: _Floats) -> bool:
        """Tell whether it might stay open if the new report showed as little as it can."""
        extremes = self._extremes(found, which, nothing)
        return len(extremes) < 2 or found.enough(which, extremes)

    def _extremes(self, found: Watched, which: int, now: _Floats) -> list[_Floats]:
        aim = found.aim(np.array([which]))
        solved = (self._solve(sign * aim, now) for sign in (1.0, -1.0))
        return [solution for solution in solved if solution is not None]

    # --- linear programmes ------------------------------------------------------------------------

    def _fits(self, believed: _Believed, now: _Floats) -> bool:
        nothing = np.zeros(self._n * len(self._made_of))
        return _solved(nothing, self._matrices_of(believed), self._ends(now, believed)) is not None

    def _solve(self, aim: _Floats, now: _Floats) -> _Floats | None:
        if self._matrices is None:
            self._matrices = self._matrices_of(self._believed)
        return _solved(aim, self._matrices, self._ends(now, self._believed))

    def _ends(self, now: _Floats, believed: _Believed) -> _Floats:
        """Bound every unknown; a hidden count has no end, so stop far from all that is printed."""
        ends = np.concatenate([now, *self._printed])
        finite = ends[np.isfinite(ends)]
        far = 4.0 * float(finite.max(initial=0.0)) + 1e4
        parts = np.tile([0.0, far], (believed.unknowns - len(ends), 1))
        bounds: _Floats = np.minimum(np.concatenate([ends, parts]), far)
        return bounds

    def _matrices_of(self, believed: _Believed) -> tuple[Any, Any]:
        width = believed.unknowns
        return _matrix(believed.equal, width), _matrix(believed.at_most, width)


def maybe_small(
    before: EarlierTable, sums: Sequence[Sum], rule: Rule, *, whole: bool
) -> NDArray[np.bool_]:
    """Tell which counts that an earlier report didn't print may be small, by itself.

    Those that the report alone narrows down, or shows to be large, can't be protected any more.
    """
    reader = Reader(sums, [before], rule, whole=whole, made_of=NOTHING_SAID)
    nothing = np.tile([0.0, np.inf], (len(before.shown), 1))
    cells = np.flatnonzero(near_small(before, sums, rule))
    found = watched_stars(cells, rule, len(nothing))
    reader.settle(found, nothing)
    for which in np.flatnonzero(~found.settled()).tolist():
        reader.stays_open(found, which, nothing)
    result = np.zeros(len(nothing), np.bool_)
    result[cells[found.settled()]] = True
    return result


def _solved(aim: _Floats, matrices: tuple[Any, Any], bounds: _Floats) -> _Floats | None:
    """Solve a programme; None where nothing fits, or the solver can't tell."""
    from scipy import optimize

    solver: Any = optimize.linprog  # its types don't know sparse arrays
    equal, at_most = matrices
    found = solver(
        np.concatenate([aim, np.zeros(len(bounds) - len(aim))]),
        A_eq=equal,
        b_eq=None if equal is None else np.zeros(equal.shape[0]),
        A_ub=at_most,
        b_ub=None if at_most is None else np.zeros(at_most.shape[0]),
        bounds=bounds,
        method="highs",
    )
    return np.asarray(found.x, np.float64) if found.status == 0 else None


def _matrix(rows: Sequence[_Row], width: int) -> Any:
    from scipy import sparse

    if not rows:
        return None
    places = [(r, c, x) for r, row in enumerate(rows) for c, x in row]
    r, c, x = (np.array(column) for column in zip(*places, strict=True))
    return sparse.csr_array((x, (r.astype(int), c.astype(int))), shape=(len(rows), width))


def _row(relation: Sum, shift: int) -> _Row:
    parts = [(shift + part, 1.0) for part in relation.parts]
    return [*parts, (shift + relation.total, -1.0)]
