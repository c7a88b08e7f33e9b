"""From differences to words: what a board may conclude, and what it may not.

Every comparison is of a group with the rest, planned beforehand; calling one a disparity allows
for how many there are: intervals are stretched until all of them together hold in 96 of 100
resamples (the largest studentised difference, each side of an interval by its own length).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Verdict = Literal[
    "lower",
    "higher",
    "perhaps_lower",
    "perhaps_higher",
    "close",
    "no_difference_shown",
    "insufficient_evidence",
    "not_compared",
]

Z95 = 1.959964
_Z_POWER_80 = 0.841621
_TOGETHER = 0.96  # simulated: 0.95 calls equals apart in 6 of 100 audits, 0.96 in 2


@dataclass(frozen=True)
class Finding:
    """What one comparison came to.

    Parameters
    ----------
    verdict : str
        ``lower`` and ``higher`` hold after allowing for the number of comparisons; ``perhaps_``
        ones only on their own; ``close`` means that the whole interval is within the margin;
        ``insufficient_evidence`` is never a pass.
    low, high : float
        Simultaneous 95% interval of the difference; not a number where nothing was compared.
    """

    verdict: Verdict
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Family:
    """The comparisons judged together, and how far out the largest may be by chance."""

    findings: tuple[Finding, ...]
    compared: int
    critical: float


def judge(
    estimate: Floats,
    draws: Floats,
    low: Floats,
    high: Floats,
    *,
    enough: NDArray[np.bool_],
    comparable: NDArray[np.bool_],
    margin: float,
) -> Family:
    """Judge a family of differences together.

    Parameters
    ----------
    estimate, low, high : float arrays, shape (n,)
        Differences of group and rest, each with its own 95% interval.
    draws : float array, shape (n_resamples, n)
        The same differences resampled.
    enough : bool array, shape (n,)
        Whether both sides have the planned minimum of cases.
    comparable : bool array, shape (n,)
        False where the grouping has nothing to compare with.
    margin : float
        A difference below this doesn't matter; decided beforehand.
    """
    used = enough & comparable & np.isfinite(estimate)
    below = np.where(used, np.fmax(np.where(used, estimate, 0.0) - low, 0.0), 0.0) / Z95
    above = np.where(used, np.fmax(high - np.where(used, estimate, 0.0), 0.0), 0.0) / Z95
    used &= (below > 0) & (above > 0)
    critical = Z95
    if used.any():
        away = draws[:, used] - estimate[used]
        away = np.where(away > 0, away / above[used], -away / below[used])
        critical = max(float(np.quantile(away.max(axis=1), _TOGETHER)), Z95)
    findings = []
    for j in range(len(estimate)):
        if not comparable[j]:
            findings.append(Finding("not_compared"))
        elif not used[j]:
            findings.append(Finding("insufficient_evidence"))
        else:
            wide = (
                float(estimate[j] - critical * below[j]),
                float(estimate[j] + critical * above[j]),
            )
            findings.append(Finding(_verdict(wide, (low[j], high[j]), margin), *wide))
    return Family(tuple(findings), int(used.sum()), critical)


def _verdict(wide: tuple[float, float], own: tuple[float, float], margin: float) -> Verdict:
    if wide[1] < 0:
        return "lower"
    if wide[0] > 0:
        return "higher"
    if own[1] < 0:
        return "perhaps_lower"
    if own[0] > 0:
        return "perhaps_higher"
    return "close" if -margin < own[0] and own[1] < margin else "no_difference_shown"


def cases_needed(recall: float, difference: float, ratio: float = 0.0) -> int:
    """Tell how many cases a group needs before a difference of recall can be seen.

    Seen means found in 8 of 10 audits, by a single two-sided comparison at 5%.

    Parameters
    ----------
    recall : float
        Recall to be expected.
    difference : float
        The difference to be seen, as a share: 0.05 is five points.
    ratio : float
        Cases in the group for each case in the rest; 0 means that the rest is far larger.

    Examples
    --------
    >>> cases_needed(0.4, 0.05)
    754
    """
    z = Z95 + _Z_POWER_80
    return int(np.ceil(z**2 * recall * (1 - recall) * (1 + ratio) / difference**2))


def smallest_seen(spread: float, critical: float = Z95) -> float:
    """Give the smallest true difference that 8 of 10 audits of this size would have shown.

    ``critical`` is the family's, so that the number of comparisons is allowed for.

    Examples
    --------
    >>> round(smallest_seen(0.05), 2)
    0.14
    """
    return (critical + _Z_POWER_80) * spread
