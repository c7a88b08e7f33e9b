"""The calling process, compiled: hidden phases, self-excitation, a caseload, and the truth.

Time is in local days since the region starts; index dates and deaths are whole days. A person
is a small hidden machine (``PHASES``) that sets the background of a self-exciting process.
Because machine and excitation are all there is to know, the chance that somebody goes on to
meet the monthly rule is a property of the state, estimated here by drawing futures from it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.synth.parameters import PHASES, Rates

SETTLED, EARLY, LATE, CRISIS, RECOVERY = range(len(PHASES))
ABSENT = -1
HORIZON_DAYS = 90
BURN_IN_DAYS = 200.0
"""Days simulated before the region starts, so that phases and excitation are under way."""

_MONTH, _QUARTER = DEFINITIONS["frecann_adult"].clauses
_MONTH_NEEDED, _MONTH_DAYS = _MONTH.needed, float(_MONTH.days)
_QUARTER_NEEDED, _QUARTER_DAYS = _QUARTER.needed, float(_QUARTER.days)
_LONG_AGO = -1e9
_PILOT, _FULL, _START_DRAWS = 32, 320, 48


class Traits(NamedTuple):
    """What each person brings: arrays with one element a person; rates per day, times in days."""

    enter: NDArray[np.float64]
    leave: NDArray[np.float64]
    adult_from: NDArray[np.float64]
    calls: NDArray[np.float64]
    attendances: NDArray[np.float64]
    escalation: NDArray[np.float64]
    crisis_calls: NDArray[np.float64]
    linked: NDArray[np.float64]
    counted: NDArray[np.float64]
    """Chance that a linked incident counts (0 in a care home, else not made by a professional)."""


class Contacts(NamedTuple):
    """Incidents that start with a call, and walk-in attendances, in order of person and time."""

    person: NDArray[np.int32]
    day: NDArray[np.float64]
    phase: NDArray[np.int8]
    is_call: NDArray[np.bool_]
    linked: NDArray[np.bool_]
    counted: NDArray[np.bool_]


class Spans(NamedTuple):
    """Warnings (``middle`` is when the crisis began, NaN if none did) or caseload spells."""

    person: NDArray[np.int32]
    start: NDArray[np.float64]
    middle: NDArray[np.float64]
    end: NDArray[np.float64]


class Truth(NamedTuple):
    """The state of every person at every index day, shape (n_people, n_index_days)."""

    phase: NDArray[np.int8]
    on_caseload: NDArray[np.bool_]
    intensity: NDArray[np.float32]
    expected: NDArray[np.float32]
    probability: NDArray[np.float32]


@numba.njit(cache=True)
def _season(rates, day, winter):  # type: ignore[no-untyped-def]
    return 1.0 + rates.season_swing * np.cos(2.0 * np.pi * (day - winter) / 365.25)


@numba.njit(cache=True)
def _call_rate(rates, phase, calls, crisis):  # type: ignore[no-untyped-def]
    if phase == EARLY:
        return calls + rates.early_calls
    if phase == LATE:
        return calls + rates.late_calls
    if phase == CRISIS:
        return calls + crisis
    if phase == RECOVERY:
        return calls + rates.recovery_calls
    return calls


@numba.njit(cache=True)
def _attendance_rate(rates, phase, attendances):  # type: ignore[no-untyped-def]
    if phase in (EARLY, LATE):
        return attendances + rates.warning_attendances
    if phase == CRISIS:
        return attendances + rates.crisis_attendances
    return attendances


@numba.njit(cache=True)
def _leaving_rate(rates, phase, escalation):  # type: ignore[no-untyped-def]
    if phase == EARLY:
        return 1.0 / rates.early_days
    if phase == LATE:
        return 1.0 / rates.late_days
    if phase == CRISIS:
        return 1.0 / rates.crisis_days
    if phase == RECOVERY:
        return 1.0 / rates.recovery_days
    return escalation


@numba.njit(cache=True)
def _next_phase(rng, rates, phase):  # type: ignore[no-untyped-def]
    if phase == SETTLED:
        return EARLY
    if phase == EARLY:
        return LATE
    if phase == LATE:
        return CRISIS if rng.random() < rates.crisis_probability else SETTLED
    if phase == CRISIS:
        return RECOVERY
    return EARLY if rng.random() < rates.relapse_probability else SETTLED


@numba.njit(cache=True)
def _push(recent, day):  # type: ignore[no-untyped-def]
    """Remember a counted incident (newest first) and tell whether it meets the rule."""
    for place in range(len(recent) - 1, 0, -1):
        recent[place] = recent[place - 1]
    recent[0] = day
    monthly = day - recent[_MONTH_NEEDED - 1] < _MONTH_DAYS
    return monthly or day - recent[_QUARTER_NEEDED - 1] < _QUARTER_DAYS


@numba.njit(cache=True)
def _goes_on_to_meet(  # type: ignore[no-untyped-def]
    rng, rates, traits, person, day, phase, change, excitation, effect_until, recent, winter
):
    """Draw one future of ``HORIZON_DAYS`` and tell whether a counted incident meets the rule."""
    memory = recent.copy()
    end = day + HORIZON_DAYS
    swing, decay = 1.0 + rates.season_swing, 1.0 / rates.excitation_days
    counts = traits.linked[person] * traits.counted[person]
    calls, crisis = traits.calls[person], traits.crisis_calls[person]
    while day < end:
        effect = 1.0 + rates.caseload_effect if day < effect_until else 1.0
        stop = min(end, change)
        if day < effect_until < stop:
            stop = effect_until
        background = _call_rate(rates, phase, calls, crisis)
        bound = effect * (background * swing + excitation)
        wait = rng.exponential() / bound
        if day + wait >= stop:
            excitation *= np.exp(-decay * (stop - day))
            day = stop
            if stop == change and stop < end:
                phase = _next_phase(rng, rates, phase)
                leaving = _leaving_rate(rates, phase, traits.escalation[person])
                change = day + rng.exponential() / leaving
            continue
        day += wait
        excitation *= np.exp(-decay * wait)
        intensity = effect * (background * _season(rates, day, winter) + excitation)
        if rng.random() * bound < intensity:
            excitation += rates.excitation_mean * decay
            if rng.random() < counts and _push(memory, day):
                return True
    return False


@numba.njit(cache=True)
def _share_that_meets(  # type: ignore[no-untyped-def]
    rng, rates, traits, person, day, phase, excitation, effect_until, recent, winter, draws
):
    leaving, met = _leaving_rate(rates, phase, traits.escalation[person]), 0
    for _ in range(draws):
        change = day + rng.exponential() / leaving
        met += _goes_on_to_meet(
            rng, rates, traits, person, day, phase, change, excitation, effect_until, recent, winter
        )
    return met / draws


@numba.njit(cache=True)
def _chance_of_chain(mean):  # type: ignore[no-untyped-def]
    """Chance that one incident starts a self-excited chain long enough (Borel distribution)."""
    shorter = 0.0
    for size in range(1, _MONTH_NEEDED):
        factorial = 1.0
        for k in range(2, size + 1):
            factorial *= k
        shorter += np.exp(-mean * size) * (mean * size) ** (size - 1) / factorial
    return 1.0 - shorter


@numba.njit(cache=True)
def _chance_of_coincidence(rate):  # type: ignore[no-untyped-def]
    """Chance that a Poisson process alone puts the monthly count into one window (Alm, 1983)."""
    mean = rate * _MONTH_DAYS
    term, below = np.exp(-mean), 0.0
    for k in range(_MONTH_NEEDED):
        below += term
        if k < _MONTH_NEEDED - 1:
            term *= mean / (k + 1)
    starts = (1.0 - mean / _MONTH_NEEDED) * rate * (HORIZON_DAYS - _MONTH_DAYS) * term
    return max(0.0, 1.0 - below * np.exp(-max(0.0, starts)))


@numba.njit(cache=True)
def _share_if_warning_starts(rng, rates, traits, person, day, winter):  # type: ignore[no-untyped-def]
    """Chance to meet the rule for a settled person with no recent calls whose warning begins."""
    recent = np.full(_QUARTER_NEEDED, _LONG_AGO)
    starts = 1.0 - np.exp(-HORIZON_DAYS * traits.escalation[person])
    met = 0
    for _ in range(_START_DRAWS):
        change = day - np.log(1.0 - starts * rng.random()) / traits.escalation[person]
        met += _goes_on_to_meet(
            rng, rates, traits, person, day, SETTLED, change, 0.0, day, recent, winter
        )
    return met / _START_DRAWS


@numba.njit(cache=True)
def _probability(  # type: ignore[no-untyped-def]
    rng, rates, traits, person, day, phase, excitation, effect_until, recent, winter, if_warned
):
    """Chance that a counted incident within the horizon completes the rule, from this state.

    Settled people without recent calls get the chance of a warning times what follows from it,
    and those of a chain and of a coincidence of calls; everybody else is drawn, more often where the first draws show
    that it can happen.
    """
    if day < traits.adult_from[person] or traits.counted[person] == 0.0:
        return 0.0
    starts = 1.0 - np.exp(-HORIZON_DAYS * traits.escalation[person])
    expected = HORIZON_DAYS * traits.calls[person]
    noticed = traits.linked[person] * traits.counted[person]
    chain = _chance_of_chain(rates.excitation_mean) * noticed**_MONTH_NEEDED
    scan = _chance_of_coincidence(traits.calls[person] * noticed)
    floor = starts * if_warned + expected * chain + scan
    last_month, last_quarter = 0, 0
    for then in recent:
        last_month += day - then < _MONTH_DAYS
        last_quarter += day - then < _QUARTER_DAYS
    if phase == SETTLED and last_month + expected < 1.5 and last_quarter + expected < 4.0:
        return floor
    share = _share_that_meets(
        rng, rates, traits, person, day, phase, excitation, effect_until, recent, winter, _PILOT
    )
    if share == 0.0:
        return floor
    more = _share_that_meets(
        rng, rates, traits, person, day, phase, excitation, effect_until, recent, winter, _FULL
    )
    return (share * _PILOT + more * _FULL) / (_PILOT + _FULL)


@numba.njit(cache=True)
def _expected_incidents(  # type: ignore[no-untyped-def]
    rates, traits, person, day, phase, excitation, effect_until, winter
):
    """Mean number of call incidents over the horizon, by daily steps of the mean's equations."""
    chance = np.zeros(5)
    chance[phase] = 1.0
    total, decay = 0.0, 1.0 / rates.excitation_days
    for step in range(HORIZON_DAYS):
        at = day + step
        background = 0.0
        for state in range(5):
            rate = _call_rate(rates, state, traits.calls[person], traits.crisis_calls[person])
            background += chance[state] * rate
        effect = 1.0 + rates.caseload_effect if at < effect_until else 1.0
        intensity = effect * (background * _season(rates, at + 0.5, winter) + excitation)
        total += intensity
        excitation += (rates.excitation_mean * intensity - excitation) * decay
        begin = chance[SETTLED] * traits.escalation[person]
        onward = chance[EARLY] / rates.early_days
        ended = chance[LATE] / rates.late_days
        eased = chance[CRISIS] / rates.crisis_days
        recovered = chance[RECOVERY] / rates.recovery_days
        back = recovered * rates.relapse_probability
        worse = ended * rates.crisis_probability
        chance[SETTLED] += ended - worse + recovered - back - begin
        chance[EARLY] += begin + back - onward
        chance[LATE] += onward - ended
        chance[CRISIS] += worse - eased
        chance[RECOVERY] += eased - recovered
    return total


@numba.njit(cache=True, nogil=True)
def simulate(  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915
    rng, truth_rng, rates, traits, index_days, end, winter
):
    """Simulate people one after the other; see :func:`run` for what comes back."""
    n, m = len(traits.enter), len(index_days)
    room = 64 + 16 * n
    who, when = np.empty(room, np.int32), np.empty(room, np.float64)
    flags = np.empty((room, 4), np.int8)
    phases = np.full((n, m), ABSENT, np.int8)
    enrolled = np.zeros((n, m), np.bool_)
    values = np.zeros((n, m, 3), np.float32)
    spans = [(0, 0.0, 0.0, 0.0) for _ in range(0)]
    spells = [(0, 0.0, 0.0, 0.0) for _ in range(0)]
    decay, swing, used = 1.0 / rates.excitation_days, 1.0 + rates.season_swing, 0
    for person in range(n):
        last = min(end, traits.leave[person])
        day = max(-BURN_IN_DAYS, traits.enter[person])
        phase, excitation = SETTLED, 0.0
        change = day + rng.exponential() / traits.escalation[person]
        recent = np.full(_QUARTER_NEEDED, _LONG_AGO)
        warned, broke = np.nan, np.nan
        spell_start, spell_end, free_from = np.inf, np.inf, -np.inf
        next_index = 0
        while next_index < m and index_days[next_index] < day:
            next_index += 1
        if_warned = -1.0
        while day < last:
            on = spell_start <= day < spell_end
            effect = 1.0 + rates.caseload_effect if on else 1.0
            stop = min(last, change)
            if on:
                stop = min(stop, spell_end)
            elif spell_start > day:
                stop = min(stop, spell_start)
            if next_index < m:
                stop = min(stop, index_days[next_index])
            call_rate = _call_rate(rates, phase, traits.calls[person], traits.crisis_calls[person])
            walk_in = _attendance_rate(rates, phase, traits.attendances[person])
            bound = effect * ((call_rate + walk_in) * swing + excitation)
            wait = rng.exponential() / bound
            if day + wait < stop:
                day += wait
                excitation *= np.exp(-decay * wait)
                season = _season(rates, day, winter)
                calling = effect * (call_rate * season + excitation)
                draw = rng.random() * bound
                if draw >= calling + effect * walk_in * season:
                    continue
                is_call = draw < calling
                linked = rng.random() < traits.linked[person]
                counted = rng.random() < traits.counted[person]
                if is_call:
                    excitation += rates.excitation_mean * decay
                    meets = linked and counted and _push(recent, day)
                    if meets and day >= max(free_from, traits.adult_from[person]):
                        # Somebody passed over now is looked at again after two months.
                        free_from = day + 60.0
                        if rng.random() < rates.enrolment_probability:
                            later = 7.0 + rng.exponential() * (rates.enrolment_wait_days - 7.0)
                            spell_start = np.floor(day + later)
                            length = rates.spell_days * (0.5 + rng.random())
                            spell_end = spell_start + np.floor(length)
                            free_from = spell_end
                            spells.append((person, spell_start, np.nan, spell_end))
                if day >= 0.0:
                    if used == room:
                        room *= 2
                        grown_who, grown_when = np.empty(room, np.int32), np.empty(room, np.float64)
                        grown_flags = np.empty((room, 4), np.int8)
                        grown_who[:used], grown_when[:used] = who, when
                        grown_flags[:used] = flags
                        who, when, flags = grown_who, grown_when, grown_flags
                    who[used], when[used] = person, day
                    flags[used, 0], flags[used, 1] = phase, is_call
                    flags[used, 2], flags[used, 3] = linked, counted
                    used += 1
                continue
            excitation *= np.exp(-decay * (stop - day))
            day = stop
            if next_index < m and stop == index_days[next_index]:
                on = spell_start <= day < spell_end
                until = spell_end if on else day
                effect = 1.0 + rates.caseload_effect if on else 1.0
                if if_warned < 0.0:
                    if_warned = _share_if_warning_starts(
                        truth_rng, rates, traits, person, day, winter
                    )
                phases[person, next_index], enrolled[person, next_index] = phase, on
                season = _season(rates, day, winter)
                values[person, next_index, 0] = effect * (call_rate * season + excitation)
                values[person, next_index, 1] = _expected_incidents(
                    rates, traits, person, day, phase, excitation, until, winter
                )
                values[person, next_index, 2] = _probability(
                    truth_rng, rates, traits, person, day, phase, excitation, until, recent,
                    winter, if_warned,
                )  # fmt: skip
                next_index += 1
            if stop == change:
                before, phase = phase, _next_phase(rng, rates, phase)
                if phase == EARLY:
                    warned, broke = day, np.nan
                elif phase == CRISIS:
                    broke = day
                elif before in (LATE, CRISIS):
                    spans.append((person, warned, broke, day))
                change = day + rng.exponential() / _leaving_rate(
                    rates, phase, traits.escalation[person]
                )
        if phase in (EARLY, LATE, CRISIS):
            spans.append((person, warned, broke, day))
    return who[:used], when[:used], flags[:used], phases, enrolled, values, spans, spells


def _spans(rows: list[tuple[int, float, float, float]]) -> Spans:
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Spans(table[:, 0].astype(np.int32), table[:, 1], table[:, 2], table[:, 3])


def run(
    rng: np.random.Generator,
    truth_rng: np.random.Generator,
    rates: Rates,
    traits: Traits,
    index_days: NDArray[np.float64],
    end: float,
    winter: float,
) -> tuple[Contacts, Truth, Spans, Spans]:
    """Simulate everybody from before the region starts to its end.

    Parameters
    ----------
    rng, truth_rng : numpy.random.Generator
        What happens, and what might have: two streams, so that drawing futures changes nothing.
    rates : Rates
        The process.
    traits : Traits
        The people.
    index_days : float64 array
        Days at whose start the truth is told, ascending.
    end : float
        Day at which the region ends.
    winter : float
        A day at which calls peak.

    Returns
    -------
    tuple of Contacts, Truth, Spans, Spans
        What happened; the truth at the index days; the warnings; the caseload spells.
    """
    who, when, flags, phases, enrolled, values, spans, spells = simulate(
        rng, truth_rng, rates, traits, index_days, end, winter
    )
    contacts = Contacts(
        who, when, flags[:, 0], flags[:, 1] == 1, flags[:, 2] == 1, flags[:, 3] == 1
    )
    truth = Truth(phases, enrolled, values[:, :, 0], values[:, :, 1], values[:, :, 2])
    return contacts, truth, _spans(list(spans)), _spans(list(spells))
