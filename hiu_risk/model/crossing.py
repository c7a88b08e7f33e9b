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
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import ModelError
from hiu_risk.kernels import kernel

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
        return crossing_values([self], values, names)[1 if alone else 0][:, 0]

    def to_dict(self) -> dict[str, Any]:
        """Give the input as plain data."""
        return {**asdict(self), "clauses": [list(clause) for clause in self.clauses]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Crossing:
        """Read plain data back."""
        clauses = tuple((int(needed), int(days)) for needed, days in data["clauses"])
        return cls(**{**data, "clauses": clauses})


def crossing_values(
    crossings: Sequence[Crossing], values: NDArray[np.float32], names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each crossing's log-odds of each row, and the same without the events in the window.

    Crossings that differ in their half-life alone share the work.

    Returns
    -------
    whole, alone : float64 arrays, shape (n_rows, n_crossings)
    """
    whole = np.empty((len(values), len(crossings)))
    alone = np.empty((len(values), len(crossings)))
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, one in enumerate(crossings):
        kind = (one.source, one.clauses, one.horizon_days, one.straddle, one.rate)
        groups.setdefault(kind, []).append(place)
    for places in groups.values():
        one = crossings[places[0]]
        ladder = _ladder(one.source, tuple(names))
        rates = [names.index(crossings[place].rate_feature) for place in places]
        covered = (
            values[:, ladder.covered]
            if ladder.covered >= 0
            else np.full(len(values), np.nan, np.float32)
        )
        # One memory layout, so that it is compiled once, be it for one row or many.
        found = _crossing(
            np.ascontiguousarray(values[:, rates], np.float32),
            np.array(covered, np.float32),
            np.ascontiguousarray(values[:, ladder.columns], np.float32),
            ladder.orders,
            ladder.windows,
            np.array(one.clauses, dtype=np.int64),
            np.array([float(crossings[place].half_life) for place in places]),
            float(one.horizon_days),
            one.straddle,
            one.rate,
        )
        whole[:, places], alone[:, places] = found
    return whole, alone


@dataclass(frozen=True, eq=False)
class _Ladder:
    """Features that tell how long ago a person's latest events were.

    ``columns`` holds first the days since the nth last, whose n stand in ``orders``, then counts
    of the last days in ``windows``, from short to long; ``covered`` the place of the days that the
    feed covers, or -1.
    """

    columns: NDArray[np.int64]
    orders: NDArray[np.int64]
    windows: NDArray[np.int64]
    covered: int


@lru_cache(maxsize=64)
def _ladder(source: str, names: tuple[str, ...]) -> _Ladder:
    since = {n: f"days_since_{word}_{source}" for n, word in _ORDINALS.items()}
    orders = [n for n, name in since.items() if name in names]
    windows = [w for w in _WINDOWS if f"{MANY[source]}_{w}d" in names]
    columns = [names.index(since[n]) for n in orders]
    columns += [names.index(f"{MANY[source]}_{w}d") for w in windows]
    covered = f"{MANY[source]}_covered_365d"
    return _Ladder(
        np.array(columns, np.int64),
        np.array(orders, np.int64),
        np.array(windows, np.int64),
        names.index(covered) if covered in names else -1,
    )


@kernel(nogil=True)
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


@kernel(nogil=True)
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


@kernel(nogil=True)
def _crossing(  # type: ignore[no-untyped-def]
    counts, covered, ladder, orders, windows, clauses, half_lives, horizon, straddle, rate
):
    whole = np.empty(counts.shape, np.float64)
    alone = np.empty(counts.shape, np.float64)
    most = clauses[:, 0].max()
    longest = float(clauses[:, 1].max())
    ages = np.full(most + 1, np.inf)
    for i in range(len(counts)):
        last = 0  # the events that any window still holds
        if straddle:
            for nth in range(1, most):
                ages[nth] = _age_of(nth, ladder[i], orders, windows)
                if ages[nth] >= longest:
                    break
                last = nth
        days = float(YEAR) if np.isnan(covered[i]) else min(max(covered[i], 1.0), float(YEAR))
        for k in range(len(half_lives)):
            seen = days
            if half_lives[k] != YEAR:
                # What a steady rate of one a day would have added up to in the days covered.
                seen = half_lives[k] / math.log(2.0) * (1.0 - 2.0 ** (-days / half_lives[k]))
            count = 0.0 if np.isnan(counts[i, k]) else float(counts[i, k])
            shape, prior_days = SHAPE + count, SHAPE / rate + seen
            none = none_alone = 1.0
            for c in range(len(clauses)):
                needed, window = clauses[c, 0], float(clauses[c, 1])
                best = chance_of(needed, shape, min(horizon, LONGEST * window), prior_days)
                none_alone *= 1.0 - min(best, _CEILING)
                for nth in range(1, min(needed, last + 1)):
                    left = window - ages[nth]
                    if left <= 0:
                        break
                    more = chance_of(needed - nth, shape, min(left, horizon), prior_days)
                    best = max(best, more)
                none *= 1.0 - min(best, _CEILING)
            whole[i, k], alone[i, k] = _log_odds(1.0 - none), _log_odds(1.0 - none_alone)
    return whole, alone


@kernel(nogil=True)
def _log_odds(p: float) -> float:
    p = min(max(p, _FLOOR), _CEILING)
    return math.log(p / (1.0 - p))
