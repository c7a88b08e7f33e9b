"""What a worklist is: the people most worth a call, and everything needed to read it fairly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hiu_features.reasons import Reason
from hiu_risk.definitions import Definition
from hiu_serving.coverage import Abstained
from hiu_serving.freshness import FeedFreshness
from hiu_serving.reserving import Reserved
from hiu_serving.since import Since

Change = Literal["new", "up", "down", "same", "first_list"]
"""A person's place against the list before; ``first_list`` when there is none."""

Interval = tuple[float, float]
"""The limits between which, for 90%, the chance of people with such a score lies."""

INSIDE_ONLY = (
    "For the High Intensity Use team only. It lists people by pseudonym and prints small numbers: "
    "it may not leave the team."
)
TIE_RULE = "Equal scores are ordered by pseudonym, which says nothing about need."


@dataclass(frozen=True)
class Entry:
    """One name on the list.

    Parameters
    ----------
    rank : int
        From 1.
    person : str
        The pseudonym.
    score : float
        Probability, by the model, of meeting the definition within the horizon.
    band : str
        ``very_high``, ``high``, ``raised`` or ``usual``.
    change : str
        Against the list before.
    previous_rank : int or None
        Rank on the list before.
    reasons : tuple of Reason
        At most three, the strongest first.
    cautions : tuple of str
        What isn't known about this person.
    lowering : tuple of Reason
        What lowers the score, at most three.
    since : Since or None
        What changed since the last list; None when there is none.
    concepts : dict of str to float
        Log-odds that each concept adds; ``other`` is what is never a reason.
    interval : tuple of float, or None
        Between which the chance of people with such a score lies, for 90%; None where the model
        doesn't know.
    """

    rank: int
    person: str
    score: float
    band: str
    change: Change
    previous_rank: int | None
    reasons: tuple[Reason, ...]
    cautions: tuple[str, ...]
    lowering: tuple[Reason, ...] = ()
    since: Since | None = None
    concepts: Mapping[str, float] = field(default_factory=dict)
    interval: Interval | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """Build an entry from plain data; lists of earlier versions say less."""
        since, interval = data.get("since"), data.get("interval")
        return cls(
            **{
                **data,
                "reasons": tuple(Reason(**reason) for reason in data["reasons"]),
                "cautions": tuple(data["cautions"]),
                "lowering": tuple(Reason(**reason) for reason in data.get("lowering", ())),
                "since": None if since is None else Since.from_dict(since),
                "interval": None if interval is None else (interval[0], interval[1]),
            }
        )


@dataclass(frozen=True)
class Worklist:
    """The ranked list of one index date, with what it was made from.

    Parameters
    ----------
    as_of : int
        Index date, UTC seconds.
    zone : str
        Local time zone of the data.
    definition : dict
        The rule, as :meth:`Definition.to_dict` gives it.
    target : str
        ``onset``, ``relapse`` or ``persistence``.
    horizon_days : int
        How far ahead the score looks.
    capacity : int
        How many names were asked for.
    bundle_id, store_hash : str
        The model and the data.
    n_people, n_scored : int
        People in the store; people who were scored.
    exclusions : dict
        Reason to number of people; with ``n_scored`` they add up to ``n_people``.
    look_back_covered : bool
        Whether the data reach back through the whole look-back of the target.
    freshness : tuple of FeedFreshness
        How far each feed reaches.
    previous_as_of : int or None
        Index date of the list before.
    left : int
        People of the list before who are not on this one.
    tied_out : int
        People who were not listed although their score equals the last one listed (of their
        group, where places are reserved).
    entries : tuple of Entry
        In order of rank.
    previous_bundle_id : str or None
        The model that made the list before.
    least_days : int
        So many days must be known of somebody before they are scored.
    abstained : tuple of Abstained
        Of whom too little is known, those with most incidents first, at most as many as listed;
        the exclusions count all.
    reserved : Reserved or None
        That places are reserved by group; None where the highest scores are listed.
    """

    as_of: int
    zone: str
    definition: dict[str, Any]
    target: str
    horizon_days: int
    capacity: int
    bundle_id: str
    store_hash: str
    n_people: int
    n_scored: int
    exclusions: dict[str, int]
    look_back_covered: bool
    freshness: tuple[FeedFreshness, ...]
    previous_as_of: int | None
    left: int
    tied_out: int
    entries: tuple[Entry, ...]
    previous_bundle_id: str | None = None
    least_days: int = 0
    abstained: tuple[Abstained, ...] = ()
    reserved: Reserved | None = None

    @property
    def purpose(self) -> str:
        """What the list is for: lists of one purpose may be compared."""
        return purpose_of(self.definition, self.target, self.horizon_days)

    @property
    def rule(self) -> str:
        """The definition in words."""
        return Definition.from_dict(self.definition).in_words()

    @property
    def has_ties(self) -> bool:
        """Whether equal scores had to be ordered, or cut."""
        return self.tied_out > 0 or len({entry.score for entry in self.entries}) < len(self.entries)

    @property
    def stale(self) -> tuple[FeedFreshness, ...]:
        """The feeds that stop too early."""
        return tuple(feed for feed in self.freshness if feed.status != "fresh")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Worklist:
        """Build a worklist from plain data, as ``dataclasses.asdict`` gives it."""
        reserved = data.get("reserved")
        return cls(
            **{
                **data,
                "freshness": tuple(FeedFreshness(**feed) for feed in data["freshness"]),
                "entries": tuple(Entry.from_dict(entry) for entry in data["entries"]),
                "abstained": tuple(Abstained(**one) for one in data.get("abstained", ())),
                "reserved": None if reserved is None else Reserved(**reserved),
            }
        )


@dataclass(frozen=True)
class Before:
    """The list before: its index date, everybody's rank on it, and the model."""

    as_of: int
    ranks: Mapping[str, int]
    bundle_id: str = ""


def purpose_of(definition: Mapping[str, Any], target: str, horizon_days: int) -> str:
    """Name what a list is for: definition, target and horizon, whatever the model.

    Examples
    --------
    >>> purpose_of({"id": "las"}, "onset", 90)
    'las-onset-90d-d5248544'
    """
    text = json.dumps(definition, sort_keys=True)
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{definition['id'][:32]}-{target}-{horizon_days}d-{mark}"


def change_of(rank: int, previous_rank: int | None, *, first: bool) -> Change:
    """Say how a place moved; a smaller rank is further up.

    Examples
    --------
    >>> change_of(2, 5, first=False), change_of(1, None, first=False)
    ('up', 'new')
    """
    if first:
        return "first_list"
    if previous_rank is None:
        return "new"
    if rank == previous_rank:
        return "same"
    return "up" if rank < previous_rank else "down"
