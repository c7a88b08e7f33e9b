"""Who was listed, found and missed: exact counts, for :mod:`.published` to make safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hiu_risk.eligibility import at_risk, eligibility
from hiu_risk.histories import Histories
from hiu_risk.outcomes import Outcomes, outcomes
from hiu_risk.progress import Advance
from hiu_risk.times import DAY
from hiu_training.board.happened import Happened, ListOutcome
from hiu_training.board.records import ListMade, Rule
from hiu_training.board.same_store import why_another

WHOLE_DATE = ("before_data", "end_of_data", "feed_gap")
"""The reasons for which nobody's outcome of an index date is known."""

MODEL_GONE = "model_gone"
"""The list's model is no longer in the model home, so nobody can tell whom it could have listed."""

OTHER_STORE = "other_store"
"""The list was made from other data, which nothing here can tell about."""

_DATES_AT_ONCE = 4


@dataclass(frozen=True)
class _Judged:
    """One list's rows: everybody's label, when it happened, and who was listed."""

    listed: NDArray[np.int64]
    label: NDArray[np.int8]
    happened_at: NDArray[np.int64]
    unobserved: str


def what_happened(
    histories: Histories,
    lists: Sequence[ListMade],
    rules: Mapping[str, Rule],
    *,
    advance: Advance | None = None,
) -> Happened:
    """Follow everybody who was, or could have been, on these lists to the end of the horizon.

    A list is judged by the rule of the model that made it, among the people who were eligible
    and at risk on its date by what was known then. A list made from other data than the store's
    is not judged.

    Parameters
    ----------
    histories : Histories
        Everybody in the store.
    lists : sequence of ListMade
        Of one purpose, one a date, in order of time.
    rules : dict of str to Rule
        By the id of the model; lists of a model without one stay unjudged.
    advance : callable, optional
        Told the number of lists just followed.
    """
    tally, here = _Tally(histories), frozenset(histories.people.id.tolist())
    results = []

    def untold(made: ListMade) -> str:
        if made.model not in rules:
            return MODEL_GONE
        return OTHER_STORE if why_another(made, here, histories.feeds) else ""

    for (model, why), group in groupby(lists, key=lambda made: (made.model, untold(made))):
        same = list(group)
        if why:
            nobody = np.empty(0, np.int8), np.empty(0, np.int64)
            results += [
                tally.add(made, _Judged(_positions(tally.ids, made.people), *nobody, why))
                for made in same
            ]
            continue
        for first in range(0, len(same), _DATES_AT_ONCE):
            some = same[first : first + _DATES_AT_ONCE]
            for made, judged in zip(some, _judge(histories, some, rules[model]), strict=True):
                results.append(tally.add(made, judged))
            if advance is not None:
                advance(len(some))
    return tally.total(tuple(results))


def _judge(histories: Histories, lists: Sequence[ListMade], rule: Rule) -> list[_Judged]:
    as_ofs = np.array([made.as_of for made in lists], np.int64)
    places = [_positions(histories.people.id, made.people) for made in lists]
    eligible = eligibility(histories, as_ofs, rule.definition, rule.policy)
    rows = at_risk(
        histories, as_ofs, rule.definition, rule.target,
        washout_days=rule.washout_days, rows=eligible.mask,
    ).mask.copy()  # fmt: skip
    for place, who in enumerate(places):
        rows[who, place] = True
    found = outcomes(
        histories, as_ofs, rule.definition, rule.horizon_days, rule.target, rule.overlap, rows=rows
    )
    return [
        _Judged(who, found.label[:, k], found.happened_at[:, k], _why_unobserved(found, k))
        for k, who in enumerate(places)
    ]


def _why_unobserved(found: Outcomes, k: int) -> str:
    reasons = [name for name in WHOLE_DATE if found.censored[name][k]]
    return reasons[0] if reasons else ""


def _positions(ids: NDArray[np.str_], people: Sequence[str]) -> NDArray[np.int64]:
    """Find people by pseudonym; whoever is no longer in the store is left out."""
    wanted = np.array(people, dtype=ids.dtype if not people else np.str_)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), max(len(ids) - 1, 0))
    if not len(ids):
        return np.empty(0, np.int64)
    at = order[place]
    here: NDArray[np.int64] = at[ids[at] == wanted].astype(np.int64)
    return here


class _Tally:
    """Everybody's fate over the lists so far."""

    def __init__(self, histories: Histories) -> None:
        n = histories.n_people
        self.on_a_list, self.case, self.found = (np.zeros(n, np.bool_) for _ in range(3))
        self.waiting, self.cut_short = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.first_found_at = np.full(n, -1, np.int64)
        self.happened_at = np.full(n, -1, np.int64)
        self.gone: set[str] = set()
        self.ids = histories.people.id

    def add(self, made: ListMade, judged: _Judged) -> ListOutcome:
        who, label = judged.listed, judged.label
        self.on_a_list[who] = True
        if len(who) < len(made.people):
            self.gone |= set(made.people) - set(self.ids[who].tolist())
        if judged.unobserved:
            self.waiting[who] = True
            return ListOutcome(made.as_of, len(made.people), judged.unobserved, 0, 0)
        case = label == 1
        found = who[case[who]]
        self.case |= case
        new = found[~self.found[found]]
        self.first_found_at[new], self.happened_at[new] = made.as_of, judged.happened_at[new]
        self.found[found] = True
        self.cut_short[who[label[who] < 0]] = True
        hits = len(found)
        return ListOutcome(made.as_of, len(made.people), "", hits, int(case.sum()) - hits)

    def total(self, lists: tuple[ListOutcome, ...]) -> Happened:
        listed, found = self.on_a_list, self.found
        waiting = listed & ~found & self.waiting
        cut_short = listed & ~found & ~waiting & self.cut_short
        days = (self.happened_at[found] - self.first_found_at[found]) / DAY
        return Happened(
            lists=lists,
            listed=int(listed.sum()) + len(self.gone),
            became_cases=int(found.sum()),
            did_not=int((listed & ~found & ~waiting & ~cut_short).sum()),
            cannot_tell=int(cut_short.sum()) + len(self.gone),
            not_yet=int(waiting.sum()),
            missed=int((self.case & ~found).sum()),
            lead_days=float(np.median(days)) if len(days) else None,
        )
