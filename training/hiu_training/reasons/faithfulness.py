"""Whether reasons are true of the model: take away the events behind one, and the score falls.

For the people a list would name, the events that the top reason speaks of are deleted, every
feature is built again and the person scored again. As a check on the check, as many other events
of the same person are deleted at random.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue, Feature, build, default_catalogue
from hiu_features.reach import HALF_LIVES
from hiu_features.reasons import Reason, Reasoner
from hiu_features.which import COLUMNS, Which
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.times import DAY
from hiu_training.rows.inputs import Rows

RESAMPLES = 1_000
_TAIL = 0.025
_EVENTS = (
    "occurred_at", "available_at", "superseded_at", "leads_until", "source", "reason", "outcome",
    "urgency", "caller_type", "address_type", "arrival", "kind", "hour_of_week",
)  # fmt: skip


def faithfulness(
    histories: Histories,
    rows: Rows,
    bundle: Bundle,
    *,
    capacity: int = 75,
    seed: int = 1,
    catalogue: Catalogue | None = None,
) -> dict[str, Any]:
    """Measure on the highest rows of each origin for whom the score falls.

    Parameters
    ----------
    histories : Histories
        Everybody.
    rows : Rows
        Rows that judge the model, at several origins.
    bundle : Bundle
        The model.
    capacity : int
        Rows looked at per origin.
    seed : int
        Of the events deleted for comparison, and of the bootstrap.
    catalogue : Catalogue, optional
        The bundle's features; by default those that the project ships with.

    Returns
    -------
    dict
        ``falls``: share for whom it falls, with a 95% interval over persons; ``falls_at_random``:
        the same for other events; ``falls_more``: share for whom the reason's events weigh more
        than the others. ``nothing_behind`` counts reasons that no event stands behind, such as
        "No emergency admissions": they can't be tested so.
    """
    cases = _listed(histories, rows, bundle, capacity, catalogue)
    tested = [case for case in cases if case.behind.any()]
    rng = np.random.default_rng(seed)
    without = _scored_again(tested, [case.behind for case in tested], bundle, catalogue)
    others = [case.others(rng) for case in tested]
    control = _scored_again(tested, others, bundle, catalogue)
    before = np.array([case.log_odds for case in tested])
    has_others = np.array([mask.any() for mask in others], np.bool_)
    fall, fall_control = before - without, np.where(has_others, before - control, np.nan)
    person = np.array([case.person for case in tested], np.int64)
    return {
        "capacity": capacity,
        "origins": len(rows.as_ofs),
        "listed": len(cases),
        "people": len(set(person.tolist())),
        "tested": len(tested),
        "nothing_behind": len(cases) - len(tested),
        "falls": _share(fall > 0, person, seed),
        "falls_at_random": _share((fall_control > 0)[has_others], person[has_others], seed),
        "falls_more": _share((fall > fall_control)[has_others], person[has_others], seed),
        "median_fall": _median(fall),
        "median_fall_at_random": _median(fall_control[has_others]),
        "by_concept": _by_concept(tested, fall),
    }


@dataclass(frozen=True)
class _Case:
    """One listed person at one origin, the top reason, and the events behind it."""

    person: int
    as_of: int
    log_odds: float
    reason: Reason
    history: Histories
    known: NDArray[np.bool_]
    behind: NDArray[np.bool_]

    def others(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Choose as many known events that do not stand behind the reason, or all there are."""
        free = np.flatnonzero(self.known & ~self.behind)
        n = min(len(free), int((self.behind & self.known).sum()))
        mask = np.zeros(len(self.behind), np.bool_)
        mask[rng.choice(free, n, replace=False)] = True
        return mask


def _listed(
    histories: Histories, rows: Rows, bundle: Bundle, capacity: int, catalogue: Catalogue | None
) -> list[_Case]:
    chosen = (catalogue or default_catalogue()).select(bundle.feature_names)
    reasoner = Reasoner(chosen, bundle.reference)
    log_odds = bundle.log_odds(rows.values)
    cases = []
    for place, as_of in enumerate(rows.as_ofs.tolist()):
        here = np.flatnonzero(rows.origin == place)
        top = here[np.argsort(-log_odds[here], kind="stable")[:capacity]]
        if len(top) == 0:
            continue
        values = np.ascontiguousarray(rows.values[top])
        parts, _ = bundle.contributions(values)
        for i, row in enumerate(top.tolist()):
            reasons = reasoner.raising(values[i], parts[i])
            if not reasons:
                continue
            person = int(rows.person[row])
            one = histories.take(np.array([person]))
            known = known_at(one, as_of)
            behind = events_behind(one, as_of, chosen[reasons[0].feature])
            cases.append(_Case(person, as_of, float(log_odds[row]), reasons[0], one, known, behind))
    return cases


def known_at(histories: Histories, as_of: int) -> NDArray[np.bool_]:
    """Tell which events were known at an index date."""
    h = histories
    return (h.occurred_at < as_of) & (h.available_at <= as_of) & (as_of < h.superseded_at)


def events_behind(history: Histories, as_of: int, feature: Feature) -> NDArray[np.bool_]:
    """Find the events that a feature's sentence speaks of, from its declaration.

    Parameters
    ----------
    history : Histories
        Of one person.
    as_of : int
        Index date, UTC seconds.
    feature : Feature
        What tells the reason.

    Returns
    -------
    bool array, shape (n_events,)
        The rows known then that fit the choice and lie in the window; of an incident also the
        repeated calls. Of "the third last call" the last three.
    """
    which = feature.params.get("which")
    if not isinstance(which, Which):
        return np.zeros(history.n_events, np.bool_)
    fits = known_at(history, as_of)
    for column in COLUMNS:
        accepted = which.accepts(column)
        if accepted:
            fits &= np.isin(getattr(history, column), accepted)
    start, end = _window(feature)
    fits &= history.occurred_at >= as_of - start * DAY
    fits &= history.occurred_at < as_of - end * DAY
    if feature.primitive == "days_since":
        incidents = np.flatnonzero(fits & (as_of < history.leads_until))
        nth = feature.params["nth"]
        if len(incidents) < nth:
            return np.zeros(history.n_events, np.bool_)
        fits &= history.occurred_at >= history.occurred_at[incidents[-nth]]
    return fits


def _window(feature: Feature) -> tuple[int, int]:
    """Give the days before the index date between which the feature's events lie."""
    params = feature.params
    if "before" in params:
        return params["days"] + params["before"], params["before"]
    if "within" in params:
        return params["within"], 0
    if "half_life" in params or "slow" in params:
        return HALF_LIVES * params.get("half_life", params.get("slow")), 0
    return params["days"], 0


def _scored_again(
    cases: list[_Case],
    deleted: list[NDArray[np.bool_]],
    bundle: Bundle,
    catalogue: Catalogue | None,
) -> NDArray[np.float64]:
    chosen = (catalogue or default_catalogue()).select(bundle.feature_names)
    always = np.ones((1, 1), np.bool_)
    values = [
        build(_without(case.history, gone), [case.as_of], chosen, rows=always).values
        for case, gone in zip(cases, deleted, strict=True)
    ]
    if not values:
        return np.empty(0)
    return bundle.log_odds(np.concatenate(values))


def _without(history: Histories, gone: NDArray[np.bool_]) -> Histories:
    kept = ~gone
    columns: dict[str, Any] = {name: getattr(history, name)[kept] for name in _EVENTS}
    return replace(history, offsets=np.array([0, int(kept.sum())], np.int64), **columns)


def _share(
    holds: NDArray[np.bool_], person: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """Share of rows for which it holds, with an interval that resamples persons."""
    return mean_of(holds.astype(np.float64), person, seed)


def mean_of(
    values: NDArray[np.float64], person: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """Give the mean of shares from 0 to 1 and its 95% interval when persons are resampled.

    Examples
    --------
    >>> found = mean_of(np.ones(10), np.arange(10), seed=1)
    >>> found["value"], round(found["low"], 2), found["high"]
    (1.0, 0.69, 1.0)
    """
    if len(values) == 0:
        return {"value": None, "low": None, "high": None}
    people, place = np.unique(person, return_inverse=True)
    n = len(people)
    sums, counts = np.bincount(place, values, n), np.bincount(place, minlength=n)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    low, high = np.quantile((times @ sums) / (times @ counts), [_TAIL, 1 - _TAIL])
    value = float(values.mean())
    # Where all agree, resampling can't see that the next person might not: the exact limit does.
    if value == 1:
        low = _TAIL ** (1 / n)
    elif value == 0:
        high = 1 - _TAIL ** (1 / n)
    return {"value": value, "low": float(low), "high": float(high)}


def _median(falls: NDArray[np.float64]) -> float | None:
    return float(np.median(falls)) if len(falls) else None


def _by_concept(cases: list[_Case], fall: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    counts = Counter(case.reason.concept for case in cases)
    concept = np.array([case.reason.concept for case in cases])
    return {
        name: {"tested": n, "falls": float((fall[concept == name] > 0).mean())}
        for name, n in sorted(counts.items())
    }
