"""How a change since the last list is kept: plain data, by concept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Move:
    """How one concept moved a score.

    Parameters
    ----------
    concept : str
        Group of features; ``other`` for what is never a reason.
    contribution : float
        Log-odds now less log-odds then.
    chance : float
        Its part of the change of the probability; all parts add up to the whole change.
    """

    concept: str
    contribution: float
    chance: float


@dataclass(frozen=True)
class Since:
    """What changed about one person since the last list.

    Parameters
    ----------
    as_of : int
        Index date of that list.
    score : float or None
        The person's score then, by the model in use now; None when nothing was known of them.
    events : str
        The events in between, in words.
    chance : str
        How the chance moved, and by what, in words.
    moves : tuple of Move
        By concept, the largest first.
    """

    as_of: int
    score: float | None
    events: str
    chance: str
    moves: tuple[Move, ...]

    @property
    def text(self) -> str:
        """All of it in words."""
        return f"{self.events}. {self.chance}."

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Since:
        """Build it from plain data, as ``dataclasses.asdict`` gives it."""
        return cls(**{**data, "moves": tuple(Move(**move) for move in data["moves"])})
