"""What the feeds cover, so that "no calls" differs from "no data"."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hiu_features._kernel.compiled import block, leaf
from hiu_features._kernel.plan import Plan
from hiu_risk.times import DAY

Ints = NDArray[np.int64]


@leaf
def covered_seconds(spells: Ints, source_bits: int, start: int, end: int) -> int:
    """Seconds of [start, end) that the spells of these sources cover, summed over spells.

    A row of ``spells`` is a source code, a start and an end; those of a source never overlap.
    """
    total = 0
    for r in range(len(spells)):
        if (source_bits >> spells[r, 0]) & 1:
            total += max(0, min(end, spells[r, 2]) - max(start, spells[r, 1]))
    return total


@block
def coverage(
    plan: Plan, spells: Ints, declared: bool, as_ofs: Ints
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Give days covered per coverage feature, spans not covered at all, and whether none is."""
    n = len(as_ofs)
    covered = np.full((n, len(plan.coverages)), math.nan, np.float32)
    uncovered = np.zeros((n, len(plan.spans)), np.bool_)
    all_covered = np.ones(n, np.bool_)
    if not declared:
        return covered, uncovered, all_covered
    for k in range(n):
        as_of = as_ofs[k]
        for r in range(len(plan.coverages)):
            _, source, seconds = plan.coverages[r]
            covered[k, r] = covered_seconds(spells, 1 << source, as_of - seconds, as_of) / DAY
        for r in range(len(plan.spans)):
            _, sources, end, start = plan.spans[r]
            if covered_seconds(spells, sources, as_of - start, as_of - end) == 0:
                uncovered[k, r] = True
                all_covered[k] = False
    return covered, uncovered, all_covered
