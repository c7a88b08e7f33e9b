"""The calling process, compiled: hidden phases, self-excitation, a caseload, and the truth.

Time is in local days since the region starts; index dates and deaths are whole days. A person
is a small hidden machine (``PHASES``) that sets the background of a self-exciting process.
Because machine and excitation are all there is to know, the chance that somebody goes on to
meet the monthly rule is a property of the state, estimated here by drawing futures from it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel
from hiu_risk.synth.dynamics import (
    ABSENT,
    BURN_IN_DAYS,
    CRISIS,
    EARLY,
    HORIZON_DAYS,
    ILLNESS,
    LATE,
    LONG_AGO,
    QUARTER_NEEDED,
    SETTLED,
    Traits,
    attendance_rate,
    call_rate,
    leaving_rate,
    next_phase,
    push,
    season,
)
from hiu_risk.synth.futures import (
    chances_of_coincidence,
    expected_incidents,
    probability,
    share_if_begins,
)
from hiu_risk.synth.parameters import Rates


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


@kernel(nogil=True)
def simulate(  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915
    rng, truth_rng, rates, traits, index_days, end, winter, seasons, table, grid
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
        change = day + rng.exponential() / leaving_rate(rates, traits, person, phase)
        recent = np.full(QUARTER_NEEDED, LONG_AGO)
        warned, broke = np.nan, np.nan
        spell_start, spell_end, free_from = np.inf, np.inf, -np.inf
        next_index = 0
        while next_index < m and index_days[next_index] < day:
            next_index += 1
        if_warned, if_ill = -1.0, -1.0
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
            calling_rate = call_rate(
                rates, phase, traits.calls[person], traits.crisis_calls[person]
            )
            walk_in = attendance_rate(rates, phase, traits.attendances[person])
            bound = effect * ((calling_rate + walk_in) * swing + excitation)
            wait = rng.exponential() / bound
            if day + wait < stop:
                day += wait
                excitation *= np.exp(-decay * wait)
                swung = season(rates, day, winter)
                calling = effect * (calling_rate * swung + excitation)
                draw = rng.random() * bound
                if draw >= calling + effect * walk_in * swung:
                    continue
                is_call = draw < calling
                linked = rng.random() < traits.linked[person]
                counted = rng.random() < traits.counted[person]
                if is_call:
                    excitation += rates.excitation_mean * decay
                    meets = linked and counted and push(recent, day)
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
                    if_warned = share_if_begins(
                        truth_rng, rates, traits, person, day, EARLY, winter
                    )
                    if_ill = share_if_begins(truth_rng, rates, traits, person, day, ILLNESS, winter)
                phases[person, next_index], enrolled[person, next_index] = phase, on
                swung = season(rates, day, winter)
                values[person, next_index, 0] = effect * (calling_rate * swung + excitation)
                values[person, next_index, 1] = expected_incidents(
                    rates, traits, person, day, phase, excitation, until, seasons
                )
                values[person, next_index, 2] = probability(
                    truth_rng, rates, traits, person, day, phase, excitation, until, recent,
                    winter, if_warned, if_ill, table, grid,
                )  # fmt: skip
                next_index += 1
            if stop == change:
                before, phase = phase, next_phase(rng, rates, traits, person, phase)
                if phase == EARLY:
                    warned, broke = day, np.nan
                elif phase == CRISIS:
                    broke = day
                elif before in (LATE, CRISIS):
                    spans.append((person, warned, broke, day))
                change = day + rng.exponential() / leaving_rate(rates, traits, person, phase)
        if phase in (EARLY, LATE, CRISIS):
            spans.append((person, warned, broke, day))
    return who[:used], when[:used], flags[:used], phases, enrolled, values, spans, spells


def _spans(rows: list[tuple[int, float, float, float]]) -> Spans:
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Spans(table[:, 0].astype(np.int32), table[:, 1], table[:, 2], table[:, 3])


_GRID = np.geomspace(0.002, 0.09, 12)
"""Rates of counted incidents a day at which coincidences are measured."""


@cache
def coincidences(rates: Rates) -> NDArray[np.float64]:
    """How likely settled people are to meet the rule, by ``_GRID`` and incidents last month."""
    table: NDArray[np.float64] = chances_of_coincidence(
        np.random.default_rng(0), rates, _GRID, 15_000_000.0
    )
    return table


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
    days = np.arange(end + HORIZON_DAYS + 1)
    seasons = 1.0 + rates.season_swing * np.cos(2 * np.pi * (days + 0.5 - winter) / 365.25)
    who, when, flags, phases, enrolled, values, spans, spells = simulate(
        rng, truth_rng, rates, traits, index_days, end, winter, seasons, coincidences(rates), _GRID
    )
    contacts = Contacts(
        who, when, flags[:, 0], flags[:, 1] == 1, flags[:, 2] == 1, flags[:, 3] == 1
    )
    truth = Truth(phases, enrolled, values[:, :, 0], values[:, :, 1], values[:, :, 2])
    return contacts, truth, _spans(list(spans)), _spans(list(spells))
