"""What each contact looks like: when in the day, why, how it ended, and what followed.

All draws of a block happen here, in a fixed order, on plain arrays; writing them as extracts is
the business of :mod:`hiu_risk.synth.extracts`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.codes import REASON
from hiu_risk.synth.dynamics import ILLNESS
from hiu_risk.synth.parameters import PHASES, RegionParameters
from hiu_risk.synth.people import YEAR, Residents
from hiu_risk.synth.process import Contacts
from hiu_risk.synth.uktime import day_number, to_utc
from hiu_risk.times import DAY, HOUR

CALL_OUTCOMES = ("hear_treat", "see_treat", "see_convey_ed", "see_convey_other", "other")
_CONVEYED = 2
_R = {name: code for code, name in enumerate(REASON.names)}
_ADULT = {
    "medical": 0.24, "breathing": 0.15, "chest_pain": 0.15, "pain": 0.13, "falls": 0.07,
    "injury": 0.09, "neurological": 0.07, "mental_health": 0.04, "addiction": 0.03, "other": 0.03,
}  # fmt: skip
_OLDER = {
    "medical": 0.25, "breathing": 0.17, "chest_pain": 0.13, "pain": 0.09, "falls": 0.19,
    "injury": 0.05, "neurological": 0.08, "mental_health": 0.01, "addiction": 0.01, "other": 0.02,
}  # fmt: skip
_WARNING = {
    "mental_health": 0.44, "falls": 0.12, "addiction": 0.13, "self_harm": 0.10, "loneliness": 0.08,
    "housing": 0.05, "social": 0.05, "vulnerable_adult": 0.03,
}  # fmt: skip
_WARNING_OLDER = {
    "falls": 0.48, "mental_health": 0.20, "loneliness": 0.16, "social": 0.06, "addiction": 0.04,
    "vulnerable_adult": 0.06,
}  # fmt: skip
_DISTRESSED = 0.45
"""Share of the contacts of a lastingly distressed person that are for a warning reason."""
_NIGHT_HOURS = np.array([22, 23, 0, 1, 2, 3, 4, 5])
_DAY_WEIGHTS = np.array(
    [3, 4, 5, 6, 6.5, 6.5, 6.3, 6.2, 6, 6, 6, 6.2, 6.2, 6, 5.5, 5.0]
)  # 06:00 to 21:00


@dataclass(frozen=True)
class Incidents:
    """Incidents that began with a call, in order of person and time; times in UTC seconds."""

    person: NDArray[np.int32]
    at: NDArray[np.int64]
    phase: NDArray[np.int8]
    linked: NDArray[np.bool_]
    professional: NDArray[np.bool_]
    reason: NDArray[np.int8]
    outcome: NDArray[np.int8]


@dataclass(frozen=True)
class Attendances:
    """A&E attendances: walk-in, by ambulance and planned returns; times in UTC seconds."""

    person: NDArray[np.int32]
    at: NDArray[np.int64]
    ended: NDArray[np.int64]
    phase: NDArray[np.int8]
    reason: NDArray[np.int8]
    by_ambulance: NDArray[np.bool_]
    left_unseen: NDArray[np.bool_]
    admitted: NDArray[np.bool_]
    category: NDArray[np.int8]


@dataclass(frozen=True)
class Admissions:
    """Admissions; ``method`` is the admission method's code as a position in ``METHODS``."""

    person: NDArray[np.int32]
    at: NDArray[np.int64]
    ended: NDArray[np.int64]
    method: NDArray[np.int8]


METHODS = ("21", "22", "28", "2B", "2C", "11", "12", "13")


def _weights(table: dict[str, float]) -> NDArray[np.float64]:
    edges = np.zeros(len(REASON.names))
    for name, share in table.items():
        edges[_R[name]] = share
    return np.cumsum(edges) / np.sum(edges)


_MIXES = np.stack([_weights(t) for t in (_ADULT, _OLDER, _WARNING, _WARNING_OLDER)])


def _by_phase(table: dict[str, float]) -> NDArray[np.float64]:
    return np.array([table[name] for name in PHASES])


def _pick(
    rng: np.random.Generator, edges: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.int8]:
    """Draw a column of ``edges`` (cumulative shares) for each row."""
    draw = rng.random(len(rows))
    picked = (draw[:, None] >= edges[rows]).sum(axis=1)
    return np.asarray(np.minimum(picked, edges.shape[1] - 1), dtype=np.int8)


def _clock(rng: np.random.Generator, night_share: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds into the local day: at night with the given chance, else by the day's curve."""
    n = len(night_share)
    night = _NIGHT_HOURS[rng.integers(0, len(_NIGHT_HOURS), n)]
    edges = np.cumsum(_DAY_WEIGHTS) / _DAY_WEIGHTS.sum()
    day = 6 + np.searchsorted(edges, rng.random(n), side="right").clip(0, 15)
    hour = np.where(rng.random(n) < night_share, night, day)
    return hour * HOUR + rng.integers(0, HOUR, n)


def _reasons(
    rng: np.random.Generator,
    who: Residents,
    person: NDArray[np.int32],
    phase: NDArray[np.int8],
    parameters: RegionParameters,
) -> NDArray[np.int8]:
    share = _by_phase(parameters.signs.distress)[phase]
    share = np.where(who.distressed[person], np.maximum(share, _DISTRESSED), share)
    warning = rng.random(len(person)) < share
    return _pick(rng, _MIXES, who.older[person] + 2 * warning)


def mark_incidents(
    rng: np.random.Generator, who: Residents, contacts: Contacts, parameters: RegionParameters
) -> tuple[Incidents, Attendances]:
    """Give calls and walk-in attendances their hour, reason and outcome.

    Returns
    -------
    tuple of Incidents, Attendances
        The call incidents, and the walk-in attendances.
    """
    person, phase, n = contacts.person, contacts.phase, len(contacts.person)
    night = _by_phase(parameters.signs.night)[phase]
    wall = (np.floor(contacts.day).astype(np.int64) + day_number(parameters.start)) * DAY
    wall += _clock(rng, night)
    at = to_utc(wall)
    reason = _reasons(rng, who, person, phase, parameters)
    troubled = (phase > 0) & (phase < ILLNESS)
    conveyed = 0.50 + 0.10 * who.older[person] - 0.22 * troubled
    draw = rng.random(n)
    heard = 1 - conveyed - 0.25 - 0.04
    edges = np.stack([heard, heard + 0.25, heard + 0.25 + conveyed], axis=1)
    outcome = (draw[:, None] >= edges).sum(axis=1)
    outcome = np.where((outcome == 3) & (rng.random(n) < 0.3), 4, outcome).astype(np.int8)
    professional = ~contacts.counted & ((who.home[person] == 0) | (who.home[person] == 3))
    professional |= (who.traits.counted[person] == 0) & (rng.random(n) < 0.15)
    order = np.lexsort((at, person))
    calls = order[contacts.is_call[order]]
    incidents = Incidents(
        person[calls], at[calls], phase[calls], contacts.linked[calls], professional[calls],
        reason[calls], outcome[calls],
    )  # fmt: skip
    walks = order[~contacts.is_call[order]]
    unseen = rng.random(n) < _by_phase(parameters.signs.left_unseen)[phase]
    walk_ins = _attend(
        rng, person[walks], at[walks], phase[walks], reason[walks], unseen[walks], False
    )
    return incidents, walk_ins


def _attend(
    rng: np.random.Generator,
    person: NDArray[np.int32],
    at: NDArray[np.int64],
    phase: NDArray[np.int8],
    reason: NDArray[np.int8],
    unseen: NDArray[np.bool_],
    by_ambulance: bool,
) -> Attendances:
    n = len(person)
    hours = np.where(unseen, 0.5 + rng.exponential(1.2, n), 1.0 + rng.gamma(3.0, 1.1, n))
    return Attendances(
        person, at, at + (hours * HOUR).astype(np.int64), phase, reason,
        np.full(n, by_ambulance), unseen, np.zeros(n, np.bool_), np.ones(n, np.int8),
    )  # fmt: skip


def add_attendances(
    rng: np.random.Generator,
    who: Residents,
    incidents: Incidents,
    walk_ins: Attendances,
    end: int,
    parameters: RegionParameters,
) -> Attendances:
    """All A&E attendances: walk-ins, people brought by ambulance, planned returns, in order."""
    brought = np.flatnonzero(incidents.outcome == _CONVEYED)
    journey = (HOUR * (0.6 + rng.gamma(2.0, 0.35, len(brought)))).astype(np.int64)
    person, phase = incidents.person[brought], incidents.phase[brought]
    # Who comes by ambulance leaves unseen half as often.
    unseen = rng.random(len(brought)) < 0.5 * _by_phase(parameters.signs.left_unseen)[phase]
    by_ambulance = _attend(
        rng, person, incidents.at[brought] + journey, phase, incidents.reason[brought], unseen, True
    )
    both = _joined([walk_ins, by_ambulance])
    age = who.age_on(0.0)[both.person]
    admitted = rng.random(len(both.person)) < np.clip(0.06 + 0.004 * age, 0, 0.5) * (
        0.6 + 0.8 * both.by_ambulance
    ) * np.where((both.phase > 0) & (both.phase < ILLNESS), 0.5, 1.0)
    admitted &= ~both.left_unseen
    returns = np.flatnonzero(~both.left_unseen & ~admitted)
    returns = returns[rng.random(len(returns)) < parameters.feeds.follow_ups]
    later = (rng.integers(2, 15, len(returns)) * DAY).astype(np.int64)
    day = (both.at[returns] + later) // DAY * DAY + rng.integers(9, 17, len(returns)) * HOUR
    again = _attend(
        rng, both.person[returns], day, both.phase[returns], both.reason[returns],
        np.zeros(len(returns), np.bool_), False,
    )  # fmt: skip
    category = rng.integers(2, 4, len(returns)).astype(np.int8)
    columns = {**vars(both), "admitted": admitted}
    everything = _joined(
        [Attendances(**columns), Attendances(**{**vars(again), "category": category})]
    )
    day_zero = day_number(parameters.start)
    gone = (day_zero + np.minimum(who.traits.leave, float(end))) * DAY
    kept = everything.at < gone[everything.person]
    order = np.lexsort((everything.at, everything.person))
    order = order[kept[order]]
    return Attendances(**{name: values[order] for name, values in vars(everything).items()})


def _joined(parts: list[Attendances]) -> Attendances:
    names = Attendances.__dataclass_fields__
    return Attendances(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in names})


def add_admissions(
    rng: np.random.Generator,
    who: Residents,
    attendances: Attendances,
    end: int,
    parameters: RegionParameters,
) -> Admissions:
    """Emergency admissions from A&E, transfers after them, births and planned admissions."""
    feeds, day_zero = parameters.feeds, day_number(parameters.start)
    from_ae = np.flatnonzero(attendances.admitted)
    person, at = attendances.person[from_ae], attendances.ended[from_ae]
    n = len(person)
    stay = (rng.lognormal(0.9, 1.0, n) * DAY).astype(np.int64) + HOUR
    draw = rng.random(n)
    method = np.where(draw < feeds.legacy_method, 2, np.where(draw < 0.12, 1, 0))
    moved_on = np.flatnonzero(rng.random(n) < feeds.transfers)
    present = np.minimum(who.traits.leave, float(end)) - np.maximum(who.enter, 0.0)
    rate = feeds.planned_admissions_a_year * np.clip(who.age_on(0.0) / 45, 0.2, 2.0) / YEAR
    planned = np.repeat(
        np.arange(len(present), dtype=np.int32), rng.poisson(rate * np.maximum(present, 0))
    )
    within = (
        np.floor(rng.random(len(planned)) * present[planned]) + np.maximum(who.enter, 0)[planned]
    )
    planned_at = (within.astype(np.int64) + day_zero) * DAY + 8 * HOUR
    planned_method = rng.integers(5, 8, len(planned))
    birth = (who.age_on(0.0)[planned] < 5) & (rng.random(len(planned)) < 0.3)
    planned_method = np.where(birth, 4, planned_method)
    all_person = np.concatenate([person, person[moved_on], planned]).astype(np.int32)
    all_at = np.concatenate([at, at[moved_on] + stay[moved_on], planned_at])
    planned_stay = (rng.exponential(1.0, len(planned)) * DAY).astype(np.int64) + 4 * HOUR
    all_stay = np.concatenate([stay, stay[moved_on], planned_stay])
    all_method = np.concatenate([method, np.full(len(moved_on), 3), planned_method])
    gone = (day_zero + np.minimum(who.traits.leave, float(end))) * DAY
    order = np.lexsort((all_at, all_person))
    order = order[all_at[order] < gone[all_person[order]]]
    return Admissions(
        all_person[order], all_at[order], (all_at + all_stay)[order],
        all_method[order].astype(np.int8),
    )  # fmt: skip
