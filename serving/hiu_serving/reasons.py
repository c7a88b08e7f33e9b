"""From contributions to sentences: what raises this person's score, by concept.

Contributions of correlated features are summed by concept first, so that one thing told by six
columns isn't hidden behind another told by one. Age, sex and deprivation move the score but are
never a reason. A sentence says what the history holds, not why anything happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features.catalogue import Catalogue
from hiu_features.feature import CONCEPTS

MOST_REASONS = 3
SMALLEST = 0.05
"""Log-odds below which a concept isn't worth a sentence: it moves the odds by about 5% or less."""


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


def concept_title(concept: str) -> str:
    """Give the title of a concept.

    Examples
    --------
    >>> concept_title("ae")
    'A&E visits'
    """
    return CONCEPTS.get(concept, concept)


@dataclass(frozen=True)
class Reasoner:
    """Gives reasons for rows of one catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Features in the order of the rows.
    reference : mapping
        Quantiles of each feature among eligible people in training.
    """

    catalogue: Catalogue
    reference: Mapping[str, Mapping[str, Any]]

    @cached_property
    def _groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for place, feature in enumerate(self.catalogue):
            if feature.may_be_reason:
                groups.setdefault(feature.concept, []).append(place)
        return groups

    def raising(
        self, values: NDArray[np.float32], contributions: NDArray[np.float64]
    ) -> tuple[Reason, ...]:
        """Give the concepts that raise a person's score most, at most three.

        Parameters
        ----------
        values, contributions : arrays, shape (n_features,)
            One person's row.
        """
        return self._strongest(values, contributions, sign=1.0)

    def lowering(
        self, values: NDArray[np.float32], contributions: NDArray[np.float64]
    ) -> tuple[Reason, ...]:
        """Give the concepts that lower a person's score most, at most three."""
        return self._strongest(values, contributions, sign=-1.0)

    def _strongest(
        self, values: NDArray[np.float32], contributions: NDArray[np.float64], sign: float
    ) -> tuple[Reason, ...]:
        row = dict(zip(self.catalogue.names, values.tolist(), strict=True))
        parts = (sign * contributions).tolist()
        found = []
        for concept, places in self._groups.items():
            total = sum(parts[place] for place in places)
            if total >= SMALLEST:
                strongest = max(places, key=lambda place: (parts[place], -place))
                found.append((-total, concept, self.catalogue.names[strongest]))
        found.sort()
        return tuple(
            Reason(concept, name, self.catalogue.sentence(name, row, self.reference), -sign * less)
            for less, concept, name in found[:MOST_REASONS]
        )
