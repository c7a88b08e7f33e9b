"""A reader of reports who adds, subtracts and solves for what isn't printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from hiu_risk.suppression import Sum

_OPTIONS = {"presolve": False}
"""With it HiGHS takes a worse solution for the best now and then."""


def both(
    shown: tuple[NDArray[np.float64], NDArray[np.float64]],
    sums: Sequence[Sum],
    stance: str,
    aim: NDArray[np.float64],
    *,
    one_way: NDArray[np.bool_] | None = None,
) -> tuple[int, int]:
    """Least and most of a sum of cells of two printed tables, by an integer programme.

    ``shown`` holds the counts as printed, NaN for a star or a cell that isn't printed. ``stance``
    is what the reader knows of the cells in ``one_way``: people were only ``added``, only
    ``left``, or ``moved`` both ways.
    """
    n = len(shown[0])
    flat = np.concatenate(shown)
    low = np.where(np.isnan(flat), 0, np.where(flat > 0, np.maximum(flat - 2, 8), 0))
    high = np.where(np.isnan(flat), 10_000, np.where(flat > 0, flat + 2, 0))
    rows: list[NDArray[np.float64]] = []
    ends: list[tuple[float, float]] = []
    for relation in sums:
        for shift in (0, n):
            row = np.zeros(2 * n)
            row[[shift + c for c in relation.parts]] = 1
            row[shift + relation.total] -= 1
            rows.append(row)
            ends.append((0.0, 0.0))
    if stance != "moved":
        for cell in range(n) if one_way is None else np.flatnonzero(one_way).tolist():
            row = np.zeros(2 * n)
            row[n + cell], row[cell] = 1, -1
            rows.append(row)
            ends.append((0.0, np.inf) if stance == "added" else (-np.inf, 0.0))
    limits = LinearConstraint(sparse.csr_array(np.array(rows)), *np.array(ends).T)
    found = []
    for sign in (1, -1):
        solved = milp(
            sign * aim,
            integrality=np.ones(2 * n, np.int64),
            bounds=Bounds(low, high),
            constraints=limits,
            options=_OPTIONS,
        )
        assert solved.success
        found.append(round(float(solved.x @ aim)))
    return found[0], found[1]


def together(
    shown: Sequence[NDArray[np.float64]],
    sums: Sequence[Sum],
    facts: Sequence[tuple[dict[tuple[int, int], int], float, float]],
    aim: dict[tuple[int, int], int],
) -> tuple[int, int]:
    """Least and most of a sum of cells of any number of printed tables, in whole numbers.

    ``shown`` holds what each report printed, NaN for a star. Each fact says that a sum of
    counts, named by report and cell, lies between two numbers. ``aim`` is a sum of that kind.
    """
    n = len(shown[0])
    flat = np.concatenate(shown)
    low = np.where(np.isnan(flat), 0, np.where(flat > 0, np.maximum(flat - 2, 8), 0))
    high = np.where(np.isnan(flat), 10_000, np.where(flat > 0, flat + 2, 0))
    adds_up = [
        ({**{(k, part): 1 for part in relation.parts}, (k, relation.total): -1}, 0.0, 0.0)
        for relation in sums
        for k in range(len(shown))
    ]
    known = [*adds_up, *facts]
    rows = np.zeros((len(known) + 1, len(flat)))
    for i, counts in enumerate([*(counts for counts, _, _ in known), aim]):
        for (report, cell), times in counts.items():
            rows[i, report * n + cell] += times
    ends = np.array([(least, most) for _, least, most in known])
    found = []
    for sign in (1, -1):
        solved = milp(
            sign * rows[-1],
            integrality=np.ones(len(flat), np.int64),
            bounds=Bounds(low, high),
            constraints=LinearConstraint(sparse.csr_array(rows[:-1]), *ends.T),
            options=_OPTIONS,
        )
        assert solved.success
        found.append(round(float(solved.x @ rows[-1])))
    return found[0], found[1]
