"""How near a person is to meeting the rule: the one input of the anchor that knows the rule.

A person's rate of events is taken from a decayed count (or the count of a year), shrunk towards
the average person's. If events then came by chance at that rate, the rule would be met with a
certain probability: that the last ``j`` events, while still inside the rule's window, are joined
by enough new ones, for the ``j`` that makes it most likely. The rate is a gamma distribution, so
the new events are negative binomial. The input is the log-odds of that probability.

It is computed from features of the catalogue, and its contribution is split exactly in two: what
the person's *rate* says goes to the decayed count, what the events *already in the window* add
goes to the count of the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError

MANY = {"call": "calls", "ae": "ae", "admission": "admissions"}
"""Prefix of the features of a source."""

YEAR = 365
_WINDOWS = (7, 28, 30, 90, YEAR)
_ORDINALS = {1: "last", 2: "2nd_last", 3: "3rd_last", 4: "4th_last", 5: "5th_last"}
LONGEST = 1.5
"""With a horizon longer than the rule's window, the rule may be met in several windows that
overlap; they count as one window of up to so many times the rule's."""
SHAPE = 0.5
"""Shape of the rates among people before anything is known of one: many low, a few high."""
_FLOOR, _CEILING = 1e-9, 1 - 1e-6


def rate_feature(source: str, half_life: int) -> str:
    """Name the feature that the rate is taken from; a half-life of 365 is the count of the year."""
    tail = "365d" if half_life == YEAR else f"decayed_{half_life}d"
    return f"{MANY[source]}_{tail}"


@dataclass(frozen=True)
class Crossing:
    """The log-odds that chance at the person's rate meets the rule within the horizon.

    Parameters
    ----------
    source : str
        ``call``, ``ae`` or ``admission``.
    half_life : int
        Days after which an event counts half in the rate; 365 for the plain count of a year.
    clauses : tuple of (int, int)
        Events needed and days of the window, of each clause of the rule about this source.
    horizon_days : int
        How far ahead.
    straddle : bool
        Whether events before the index date count towards the rule.
    rate : float
        Events a day of the average person, towards which rates are shrunk.
    mean : float
        Mean of the log-odds in training.
    coefficient : float
        Log-odds of the model per unit.
    """

    source: str
    half_life: int
    clauses: tuple[tuple[int, int], ...]
    horizon_days: int
    straddle: bool
    rate: float
    mean: float = 0.0
    coefficient: float = 1.0

    def __post_init__(self) -> None:
        numbers = [self.rate, self.mean, self.coefficient]
        if self.source not in MANY or not np.isfinite(numbers).all() or self.rate <= 0:
            raise ModelError("a crossing input that can't be", where="anchor.json")

    @property
    def rate_feature(self) -> str:
        """The feature that the rate is taken from, and whose contribution the rate is."""
        return rate_feature(self.source, self.half_life)

    def window_feature(self, names: Sequence[str]) -> str:
        """Name the count nearest to the rule's window, which stands for the events in it."""
        shortest = min(days for _, days in self.clauses)
        there = [w for w in _WINDOWS if f"{MANY[self.source]}_{w}d" in names]
        if not there or not self.straddle:
            return self.rate_feature
        nearest = min(there, key=lambda days: (abs(days - shortest), days))
        return f"{MANY[self.source]}_{nearest}d"

    def value(
        self, values: NDArray[np.float32], names: Sequence[str], *, alone: bool = False
    ) -> NDArray[np.float64]:
        """Give the log-odds of each row; ``alone`` takes no notice of events in the window."""
        ladder = _Ladder.of(self.source, names)
        exposure = f"{MANY[self.source]}_covered_365d"
        covered = (
            np.nan_to_num(values[:, names.index(exposure)].astype(np.float64), nan=float(YEAR))
            if exposure in names
            else np.full(len(values), float(YEAR))
        )
        out = np.empty(len(values))
        _crossing(
            np.nan_to_num(values[:, names.index(self.rate_feature)].astype(np.float64)),
            np.clip(covered, 1.0, float(YEAR)),
            np.ascontiguousarray(values[:, ladder.columns]),
            ladder.orders,
            ladder.windows,
            np.array(self.clauses, dtype=np.int64),
            (self.half_life, self.horizon_days),
            self.straddle and not alone,
            self.rate,
            out,
        )
        return out

    def term(self, values: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
        """Give each row's contribution to the log-odds."""
        return np.asarray((self.value(values, names) - self.mean) * self.coefficient)

    def to_dict(self) -> dict[str, Any]:
        """Give the input as plain data."""
        return {**asdict(self), "clauses": [list(clause) for clause in self.clauses]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Crossing:
        """Read plain data back."""
        clauses = tuple((int(needed), int(days)) for needed, days in data["clauses"])
        return cls(**{**data, "clauses": clauses})


@dataclass(frozen=True)
class _Ladder:
    """Features that tell how long ago a person's latest events were.

    ``columns`` holds first the days since the nth last, whose n stand in ``orders``, then counts
    of the last days in ``windows``, from short to long.
    """

    columns: list[int]
    orders: NDArray[np.int64]
    windows: NDArray[np.int64]

    @classmethod
    def of(cls, source: str, names: Sequence[str]) -> _Ladder:
        since = {n: f"days_since_{word}_{source}" for n, word in _ORDINALS.items()}
        orders = [n for n, name in since.items() if name in names]
        windows = [w for w in _WINDOWS if f"{MANY[source]}_{w}d" in names]
        columns = [names.index(since[n]) for n in orders]
        columns += [names.index(f"{MANY[source]}_{w}d") for w in windows]
        return cls(columns, np.array(orders, np.int64), np.array(windows, np.int64))


@numba.njit(cache=True, nogil=True)
def chance_of(needed: int, shape: float, days: float, prior_days: float) -> float:
    """Give the chance of ``needed`` events or more in so many days.

    The rate is gamma distributed: ``shape`` events seen in ``prior_days``. Small chances keep
    their relative precision.

    Examples
    --------
    >>> round(chance_of(1, 1.0, 10.0, 30.0), 12)  # 1 - 30 / 40
    0.25
    """
    if needed <= 0:
        return 1.0
    if days <= 0:
        return 0.0
    p = days / (days + prior_days)
    rest = math.log1p(-p) * shape
    if shape * days < prior_days * needed:
        start = math.lgamma(shape + needed) - math.lgamma(shape) - math.lgamma(needed + 1.0)
        term = math.exp(start + needed * math.log(p) + rest)
        total, i = term, needed
        while term > 1e-13 * total and i < needed + 100_000:
            term *= p * (shape + i) / (i + 1.0)
            total += term
            i += 1
        return min(total, 1.0)
    term = math.exp(rest)
    below = term
    for i in range(needed - 1):
        term *= p * (shape + i) / (i + 1.0)
        below += term
    return max(1.0 - below, 0.0)


@numba.njit(cache=True, nogil=True)
def _age_of(  # type: ignore[no-untyped-def]
    nth: int, row, orders, windows
) -> float:
    """Tell how many days ago the nth last event was: exactly, or between what is known."""
    low, low_n, high, high_n = 0.0, 0.0, np.inf, 0.0
    for place in range(len(orders)):
        age = row[place]
        if np.isnan(age):
            if orders[place] <= nth:
                return np.inf
            continue
        if orders[place] == nth:
            return float(age)
        if orders[place] < nth and age >= low:
            low, low_n = age, float(orders[place])
        if orders[place] > nth and age < high:
            high, high_n = age, float(orders[place])
    for place in range(len(windows)):
        count = row[len(orders) + place]
        if np.isnan(count):
            continue
        if count < nth and windows[place] > low:
            low, low_n = float(windows[place]), float(count)
        if count >= nth and windows[place] < high:
            high, high_n = float(windows[place]), float(count)
    if high == np.inf or high <= low or high_n <= low_n:
        return float(high)
    return float(low + (high - low) * min((nth - low_n) / (high_n - low_n), 1.0))


@numba.njit(cache=True, nogil=True)
def _crossing(  # type: ignore[no-untyped-def]
    counts, covered, ladder, orders, windows, clauses, days, straddle, rate, out
):
    half_life, horizon = float(days[0]), float(days[1])
    for i in range(len(out)):
        seen = covered[i]
        if half_life != YEAR:
            # What a steady rate of one a day would have added up to in the days covered.
            seen = half_life / math.log(2.0) * (1.0 - 2.0 ** (-covered[i] / half_life))
        shape, prior_days = SHAPE + counts[i], SHAPE / rate + seen
        none = 1.0
        for c in range(len(clauses)):
            needed, window = clauses[c, 0], float(clauses[c, 1])
            best = chance_of(needed, shape, min(horizon, LONGEST * window), prior_days)
            if straddle:
                for nth in range(1, needed):
                    left = window - _age_of(nth, ladder[i], orders, windows)
                    if left <= 0:
                        break
                    best = max(best, chance_of(needed - nth, shape, min(left, horizon), prior_days))
            none *= 1.0 - min(best, _CEILING)
        p = min(max(1.0 - none, _FLOOR), _CEILING)
        out[i] = math.log(p / (1.0 - p))
