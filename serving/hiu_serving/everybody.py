"""Everybody at an index date, scored or counted: what a list is drawn from.

Held in memory here; :mod:`hiu_serving.in_parts` has it made part by part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hiu_risk.histories import Histories
from hiu_serving.coverage import TooLittleKnown
from hiu_serving.scorer import Scorer
from hiu_serving.silence import Seen, seen_of


@dataclass(frozen=True)
class Standing:
    """Who was scored at an index date, and why the others were not.

    Parameters
    ----------
    person : int32 array, shape (n,)
        Positions in the store's people of those who were scored, rising.
    score : float64 array, shape (n,)
        Probabilities.
    exclusions : dict of str to int
        People left out, by reason.
    look_back_covered : bool
        Whether the data reach back through the whole washout.
    too_little : TooLittleKnown
        Those left out because too little is known of them.
    seen : dict of str to Seen
        When the known events of each feed happened.
    """

    person: NDArray[np.int32]
    score: NDArray[np.float64]
    exclusions: Mapping[str, int]
    look_back_covered: bool
    too_little: TooLittleKnown
    seen: Mapping[str, Seen]

    @classmethod
    def of(cls, histories: Histories, as_of: int, scorer: Scorer) -> Self:
        """Score everybody in these histories who can be scored."""
        candidates = scorer.candidates(histories, as_of)
        scored = scorer.score(histories, as_of, candidates.mask)
        return cls(
            scored.person,
            scored.score,
            candidates.exclusions,
            candidates.look_back_covered,
            TooLittleKnown.of(
                histories, as_of, scorer.definition, scorer.floor, candidates.abstained,
                candidates.abstained_because,
            ),
            seen_of(histories, as_of),
        )  # fmt: skip


class Everybody(Protocol):
    """Where a list gets scores and histories from."""

    def standing(self) -> Standing:
        """Give everybody's score, or the reason why not."""

    def histories_of(self, people: NDArray[np.int64]) -> Histories:
        """Give the histories of people at these positions, in this order."""


@dataclass(frozen=True)
class InMemory:
    """Everybody's histories, read already.

    Parameters
    ----------
    histories : Histories
    as_of : int
        UTC seconds.
    scorer : Scorer
    """

    histories: Histories
    as_of: int
    scorer: Scorer

    def standing(self) -> Standing:
        """Give everybody's score, or the reason why not."""
        return Standing.of(self.histories, self.as_of, self.scorer)

    def histories_of(self, people: NDArray[np.int64]) -> Histories:
        """Give the histories of people at these positions, in this order."""
        return self.histories.take(people)
