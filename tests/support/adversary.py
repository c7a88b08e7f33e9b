"""A reader of two reports who adds, subtracts and solves for what isn't printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from hiu_risk.suppression import Sum


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
        )
        assert solved.success
        found.append(round(float(solved.x @ aim)))
    return found[0], found[1]
