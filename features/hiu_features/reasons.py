"""From contributions to sentences: what raises this person's score, by concept.

Contributions of correlated features are summed by concept first, so that one thing told by six
columns isn't hidden behind another told by one. Age, sex and deprivation move the score but are
never a reason. A sentence says what the history holds, not why anything happened.

A reason compares the person with other people and with nobody's ideal; what the data don't cover
isn't compared.

Some inputs have no plain words: "recent calls add up to 0.5 when a call 7 days ago counts half".
A decayed count is told by the plain count whose window holds most of its weight; a concept that
only such inputs raise, without a plain one to tell it, is left to the next concept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features.catalogue import Catalogue
from hiu_features.context import ANYWHERE, Context
from hiu_features.feature import CONCEPTS, Feature
from hiu_features.reach import HALF_LIVES
from hiu_features.sentences import covered
from hiu_features.which import Which

MOST_REASONS = 3
SMALLEST = 0.05
"""Log-odds below which a concept isn't worth a sentence: it moves the odds by about 5% or less."""

NO_PLAIN_WORDS = frozenset({"decayed", "recent_weight", "gap_variation"})


@dataclass(frozen=True)
class Reason:
    """One concept that moves a score, told by its strongest feature.

    Parameters
    ----------
    concept : str
        Group of features.
    feature : str
        The feature whose sentence is given.
    sentence : str
        In plain English, with the person's own values.
    contribution : float
        Log-odds that the concept adds, without its protected features; below 0 it lowers.
    """

    concept: str
    feature: str
    sentence: str
    contribution: float


OTHER = "other"
"""What moves a score and is never a reason: age, sex, deprivation, how much the data cover."""


def concept_title(concept: str, entity: str = "person") -> str:
    """Give the title of a concept, for a person or an address.

    Examples
    --------
    >>> concept_title("ae"), concept_title("about_the_person", "address")
    ('A&E visits', 'About the address')
    """
    if concept == OTHER:
        return "What is never given as a reason"
    return CONCEPTS.get(concept, concept).replace("the person", f"the {entity}")


@dataclass(frozen=True)
class Reasoner:
    """Gives reasons for rows of one catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Features in the order of the rows.
    reference : mapping
        Quantiles of each feature among the people trained on.
    """

    catalogue: Catalogue
    reference: Mapping[str, Mapping[str, Any]]

    def by_concept(self, contributions: NDArray[np.float64]) -> dict[str, Any]:
        """Sum contributions by concept; what is never a reason goes under ``other``.

        Parameters
        ----------
        contributions : float64 array, shape (n_features,) or (n, n_features)
            One person's row, which gives numbers, or several, which give arrays of shape (n,).
        """
        others = [i for i, feature in enumerate(self.catalogue) if not feature.may_be_reason]
        groups = {**self._groups, OTHER: others}
        totals = {concept: total_of(contributions, places) for concept, places in groups.items()}
        return totals if contributions.ndim > 1 else {k: float(v) for k, v in totals.items()}

    @cached_property
    def _groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for place, feature in enumerate(self.catalogue):
            if feature.may_be_reason:
                groups.setdefault(feature.concept, []).append(place)
        return groups

    @cached_property
    def _told_by(self) -> list[tuple[int, ...]]:
        """For each feature, the places of those that may tell it: mostly its own alone."""
        return [
            self._plain_counts(feature) if feature.primitive in NO_PLAIN_WORDS else (place,)
            for place, feature in enumerate(self.catalogue)
        ]

    def _plain_counts(self, feature: Feature) -> tuple[int, ...]:
        """Find the plain counts of the same events whose windows hold most of the weight.

        Of calls and A&E visits together, those of calls and those of A&E visits.
        """
        if "half_life" not in feature.params:
            return ()
        which: Which = feature.params["which"]
        least = HALF_LIVES * feature.params["half_life"]
        shortest: dict[tuple[str, ...], tuple[int, int]] = {}
        for place, other in enumerate(self.catalogue):
            if other.primitive != "count" or other.params["before"]:
                continue
            days, counted = other.params["days"], other.params["which"]
            alike = replace(which, source=counted.source) == counted
            if alike and set(counted.source) <= set(which.source) and days >= least:
                found = shortest.get(counted.source, (days, place))
                shortest[counted.source] = min(found, (days, place))
        if which.source in shortest:
            return (shortest[which.source][1],)
        return tuple(place for _, place in shortest.values())

    def raising(
        self,
        values: NDArray[np.float32],
        contributions: NDArray[np.float64],
        context: Context = ANYWHERE,
    ) -> tuple[Reason, ...]:
        """Give the concepts that raise a person's score most, at most three.

        Parameters
        ----------
        values, contributions : arrays, shape (n_features,)
            One person's row.
        context : Context, optional
            Of whom and when the sentences speak.
        """
        return self._strongest(values, contributions, context, sign=1.0)

    def lowering(
        self,
        values: NDArray[np.float32],
        contributions: NDArray[np.float64],
        context: Context = ANYWHERE,
    ) -> tuple[Reason, ...]:
        """Give the concepts that lower a person's score most, at most three."""
        return self._strongest(values, contributions, context, sign=-1.0)

    def _strongest(
        self,
        values: NDArray[np.float32],
        contributions: NDArray[np.float64],
        context: Context,
        sign: float,
    ) -> tuple[Reason, ...]:
        row, parts = values.tolist(), (sign * contributions).tolist()
        named = dict(zip(self.catalogue.names, row, strict=True))
        totals = [
            (-sum(parts[place] for place in places), concept)
            for concept, places in self._groups.items()
        ]
        told: list[Reason] = []
        for less, concept in sorted(total for total in totals if -total[0] >= SMALLEST):
            teller = self._teller(self._groups[concept], parts, row, context, needs_some=sign > 0)
            if teller is not None and len(told) < MOST_REASONS:
                name = self.catalogue.names[teller]
                words = self.catalogue.sentence(name, named, self.reference, context)
                told.append(Reason(concept, name, words, -sign * less))
        return tuple(told)

    def _teller(
        self,
        places: list[int],
        parts: list[float],
        row: list[float],
        context: Context,
        *,
        needs_some: bool,
    ) -> int | None:
        """Give the feature that tells a concept: that of its strongest part with plain words.

        "No calls in the last 28 days" may tell what lowers a score in another's place, not what
        raises it. A sentence that sounds like the opposite of what its value did tells nothing,
        nor does a value that is missing because the data do not cover it.
        """
        for place in sorted(places, key=lambda place: (-parts[place], place)):
            if parts[place] <= 0:
                break
            tellers = self._told_by[place]
            if tellers == (place,):
                feature, value = self.catalogue.features[place], row[place]
                if covered(feature, value, context) and _fits(feature, value, raises=needs_some):
                    return place
                continue
            # The one with most to say; a missing value says nothing.
            best = max(((row[i], -i) for i in tellers if row[i] >= 0), default=None)
            if best is not None and (best[0] > 0 or not needs_some):
                return -best[1]
        return None


LONGEST_AGO = 180
"""Days after which "the fifth last call was then" doesn't say why a score is high."""


def _fits(feature: Feature, value: float, *, raises: bool) -> bool:
    """Tell whether a sentence sounds like what it did: raised a score, or lowered it.

    Growth doesn't sound like a lower score, nor short gaps; no growth, no second call to make a
    gap, and a fifth last call of long ago don't sound like a higher one.
    """
    if feature.primitive == "change":
        return (value > 0) == raises
    if feature.primitive == "median_gap":
        return math.isfinite(value) == raises
    if feature.primitive == "days_since" and feature.params["nth"] > 1 and raises:
        return value <= LONGEST_AGO
    return True


def total_of(parts: NDArray[np.float64], places: Iterable[int]) -> NDArray[np.float64]:
    """Add some columns up in their order, so that a row's bits don't depend on those beside it.

    Examples
    --------
    >>> total_of(np.array([[1.0, 2.0, 4.0]]), [0, 2]).tolist()
    [5.0]
    """
    total = np.zeros(parts.shape[:-1])
    for place in places:
        total = total + parts[..., place]
    return total
