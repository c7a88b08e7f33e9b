"""Rates and intervals worked out from rounded counts alone, so that they give nothing away.

Used for groupings with a small number in them, where an exact rate would let a reader undo the
rounding. Each interval holds for every count that rounds to the printed one: it is wider than
the exact interval, never narrower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Triple = tuple[float, float, float]
"""Value, low, high."""


@dataclass(frozen=True)
class Span:
    """A count as a reader knows it: the value used for rates, and what it may really be."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, shown: int, base: int) -> Span:
        """Undo a rounding to ``base`` as far as a reader can; a printed 0 is exact.

        Examples
        --------
        >>> Span.of(10, 5)
        Span(value=10.0, low=7.5, high=12.5)
        """
        half = base / 2 if shown else 0.0
        return cls(float(shown), shown - half, shown + half)

    def less(self, part: Span) -> Span:
        """Give the span of a whole without a part."""
        return Span(
            max(self.value - part.value, 0.0),
            max(self.low - part.high, 0.0),
            max(self.high - part.low, 0.0),
        )


def proportion(part: Span, whole: Span, rows_per_person: float) -> Triple:
    """Give ``part / whole`` with Jeffreys' 95% interval, widened for what rounding leaves open.

    Parameters
    ----------
    part, whole : Span
        The counts as a reader knows them.
    rows_per_person : float
        Rows of one person count as one observation: divides the sample size.

    Examples
    --------
    >>> value, low, high = proportion(Span.of(10, 5), Span.of(40, 5), 1.0)
    >>> round(value, 2), round(low, 2), round(high, 2)
    (0.25, 0.08, 0.49)
    """
    from scipy.stats import beta

    if whole.value <= 0:
        return np.nan, np.nan, np.nan
    fewest, most = max(whole.low, 1.0), max(whole.high, 1.0)
    at_least = min(part.low, most) / rows_per_person
    at_most = min(part.high, fewest) / rows_per_person
    n_low, n_high = most / rows_per_person, fewest / rows_per_person
    low = beta.ppf(0.025, at_least + 0.5, n_low - at_least + 0.5) if part.low > 0 else 0.0
    high = beta.ppf(0.975, at_most + 0.5, n_high - at_most + 0.5) if at_most < n_high else 1.0
    value = min(part.value / whole.value, 1.0)
    return value, min(float(low), value), max(float(high), value)


def count_ratio(observed: Span, expected: Span, rows_per_person: float) -> Triple:
    """Give observed over expected with a 95% interval for a count, widened for both roundings.

    Examples
    --------
    >>> value, low, high = count_ratio(Span.of(100, 5), Span.of(100, 5), 1.0)
    >>> round(value, 2), round(low, 2), round(high, 2)
    (1.0, 0.78, 1.27)
    """
    from scipy.stats import gamma

    if expected.low <= 0:
        return np.nan, np.nan, np.nan
    low = gamma.ppf(0.025, observed.low / rows_per_person + 0.5) if observed.low > 0 else 0.0
    high = gamma.ppf(0.975, observed.high / rows_per_person + 0.5)
    return (
        observed.value / expected.value,
        float(low) * rows_per_person / expected.high,
        float(high) * rows_per_person / expected.low,
    )


def difference(first: Triple, second: Triple) -> Triple:
    """Subtract two independent estimates; interval by the method of variance recovery (MOVER).

    Examples
    --------
    >>> value, low, high = difference((0.5, 0.4, 0.6), (0.3, 0.2, 0.4))
    >>> round(value, 2), round(low, 2), round(high, 2)
    (0.2, 0.06, 0.34)
    """
    value = first[0] - second[0]
    low = value - np.hypot(first[0] - first[1], second[2] - second[0])
    high = value + np.hypot(first[2] - first[0], second[0] - second[1])
    return value, float(low), float(high)


def quotient(first: Triple, second: Triple) -> Triple:
    """Divide two independent estimates, by MOVER on the logarithm.

    Examples
    --------
    >>> value, low, high = quotient((1.0, 0.8, 1.25), (1.0, 1.0, 1.0))
    >>> round(value, 2), round(low, 2), round(high, 2)
    (1.0, 0.8, 1.25)
    """
    if min(first[0], second[0]) <= 0:
        return np.nan, np.nan, np.nan
    floor = 1e-9
    ends = [tuple(float(np.log(max(x, floor))) for x in triple) for triple in (first, second)]
    value, low, high = difference(
        (ends[0][0], ends[0][1], ends[0][2]), (ends[1][0], ends[1][1], ends[1][2])
    )
    return float(np.exp(value)), float(np.exp(low)), float(np.exp(high))
