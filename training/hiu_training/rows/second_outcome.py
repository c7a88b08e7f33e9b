"""A second outcome that doesn't wait for somebody to call: an emergency admission, or death."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.histories import Histories
from hiu_risk.times import DAY, FOREVER
from hiu_training.protocol import Protocol


@dataclass(frozen=True)
class Second:
    """The second outcome of a store.

    Parameters
    ----------
    title : str
        What it is, in words.
    horizon : int
        Seconds.
    admissions : tuple of int64 arrays, or None
        Person and moment of each emergency admission, sorted; None where they don't count.
    complete_until : int
        Until when admissions are complete.
    died_at, gone_at : int64 arrays, shape (n_people,)
        Death (``FOREVER`` for none, or where deaths aren't recorded); move out of the area.
    """

    title: str
    horizon: int
    admissions: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    complete_until: int
    died_at: NDArray[np.int64]
    gone_at: NDArray[np.int64]

    def labels(self, person: NDArray[np.int32], as_of: int) -> NDArray[np.int8]:
        """Tell for these people what happened in ``[as_of, as_of + horizon)``; -1 not known."""
        end = as_of + self.horizon
        died, gone = self.died_at[person], self.gone_at[person]
        happened = (died >= as_of) & (died < end)
        if self.admissions is not None:
            happened |= self._admitted(person, as_of, np.minimum(end, np.minimum(died, gone)))
        unseen = (gone < end) | (self.complete_until < end)
        return np.where(happened, 1, np.where(unseen, -1, 0)).astype(np.int8)

    def _admitted(
        self, person: NDArray[np.int32], as_of: int, until: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        assert self.admissions is not None  # noqa: S101  (asked by the caller)
        who, when = self.admissions
        inside = (when >= as_of) & (when < as_of + self.horizon)
        who, when = who[inside], when[inside]  # sorted by person, then time
        first = np.searchsorted(who, person, side="left")
        there = first < len(who)
        there[there] = who[first[there]] == person[there]
        there[there] = when[first[there]] < until[there]
        return there


def second_outcome(histories: Histories, protocol: Protocol) -> Second | None:
    """Give the second outcome that the data hold; None if they hold none.

    Admissions don't count where the definition counts them itself: they would be the first
    outcome again.
    """
    people = histories.people
    feed = histories.feed("admission")
    admissions = None
    if feed is not None and "admission" not in protocol.definition.sources:
        admissions = _emergencies(histories)
    deaths = bool((people.died_at < FOREVER).any())
    titles = [
        *(["an emergency admission"] if admissions is not None else []),
        *(["death"] if deaths else []),
    ]
    if not titles:
        return None
    counted = [f for f in histories.feeds if f.source in protocol.definition.sources]
    complete = [f.complete_until for f in counted]
    if admissions is not None and feed is not None:
        complete = [feed.complete_until]
    return Second(
        title=f"{' or '.join(titles)} within {protocol.horizon_days} days",
        horizon=protocol.horizon_days * DAY,
        admissions=admissions,
        complete_until=min(complete),
        died_at=people.died_at,
        gone_at=people.registered_to,
    )


def _emergencies(histories: Histories) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Gather the emergency admissions in their final version, by person, then time."""
    kinds, sources = (EVENT_CATEGORIES[name].names for name in ("kind", "source"))
    urgent = [kinds.index(name) for name in ("emergency", "unknown")]
    chosen = (
        (histories.source == sources.index("admission"))
        & (histories.superseded_at == FOREVER)
        & np.isin(histories.kind, urgent)
    )
    if not chosen.any():
        return None
    return histories.event_person[chosen].astype(np.int64), histories.occurred_at[chosen]
