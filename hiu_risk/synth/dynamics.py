"""The hidden machine: phases, what each adds to a person's rates, and how it moves on.

The compiled functions of this module, :mod:`futures` and :mod:`process` are cached together:
after an edit here delete ``__pycache__/*.nb*``, for the cache looks only at the caller's file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import DEFINITIONS
from hiu_risk.kernels import kernel
from hiu_risk.synth.parameters import PHASES

SETTLED, EARLY, LATE, CRISIS, RECOVERY, ILLNESS = range(len(PHASES))
ABSENT = -1
HORIZON_DAYS = 90
BURN_IN_DAYS = 200.0
"""Days simulated before the region starts, so that phases and excitation are under way."""

MONTH, QUARTER = DEFINITIONS["frecann_adult"].clauses
MONTH_NEEDED, MONTH_DAYS = MONTH.needed, float(MONTH.days)
QUARTER_NEEDED, QUARTER_DAYS = QUARTER.needed, float(QUARTER.days)
LONG_AGO = -1e9


class Traits(NamedTuple):
    """What each person brings: arrays with one element a person; rates per day, times in days."""

    enter: NDArray[np.float64]
    leave: NDArray[np.float64]
    adult_from: NDArray[np.float64]
    calls: NDArray[np.float64]
    attendances: NDArray[np.float64]
    escalation: NDArray[np.float64]
    illness: NDArray[np.float64]
    crisis_calls: NDArray[np.float64]
    linked: NDArray[np.float64]
    counted: NDArray[np.float64]
    """Chance that a linked incident counts (0 in a care home, else not made by a professional)."""


@kernel()
def season(rates, day, winter):  # type: ignore[no-untyped-def]
    """Give the seasonal factor of a day."""
    return 1.0 + rates.season_swing * np.cos(2.0 * np.pi * (day - winter) / 365.25)


@kernel()
def call_rate(rates, phase, calls, crisis):  # type: ignore[no-untyped-def]
    """Give the background calls a day of a phase."""
    if phase == EARLY:
        return calls + rates.early_calls
    if phase == LATE:
        return calls + rates.late_calls
    if phase == CRISIS:
        return calls + crisis
    if phase == RECOVERY:
        return calls + rates.recovery_calls
    if phase == ILLNESS:
        return calls + rates.illness_calls
    return calls


@kernel()
def attendance_rate(rates, phase, attendances):  # type: ignore[no-untyped-def]
    """Give the walk-in attendances a day of a phase."""
    if phase in (EARLY, LATE):
        return attendances + rates.warning_attendances
    if phase == CRISIS:
        return attendances + rates.crisis_attendances
    if phase == ILLNESS:
        return attendances + rates.illness_attendances
    return attendances


@kernel()
def leaving_rate(rates, traits, person, phase):  # type: ignore[no-untyped-def]
    """Give the rate a day at which a phase ends."""
    if phase == EARLY:
        return 1.0 / rates.early_days
    if phase == LATE:
        return 1.0 / rates.late_days
    if phase == CRISIS:
        return 1.0 / rates.crisis_days
    if phase == RECOVERY:
        return 1.0 / rates.recovery_days
    if phase == ILLNESS:
        return 1.0 / rates.illness_days
    return traits.escalation[person] + traits.illness[person]


@kernel()
def next_phase(rng, rates, traits, person, phase):  # type: ignore[no-untyped-def]
    """Draw the phase that follows."""
    if phase == SETTLED:
        warned = traits.escalation[person]
        return EARLY if rng.random() * (warned + traits.illness[person]) < warned else ILLNESS
    if phase == EARLY:
        return LATE
    if phase == LATE:
        return CRISIS if rng.random() < rates.crisis_probability else SETTLED
    if phase == CRISIS:
        return RECOVERY
    if phase == RECOVERY:
        return EARLY if rng.random() < rates.relapse_probability else SETTLED
    return SETTLED


@kernel()
def push(recent, day):  # type: ignore[no-untyped-def]
    """Remember a counted incident (newest first) and tell whether it meets the rule."""
    for place in range(len(recent) - 1, 0, -1):
        recent[place] = recent[place - 1]
    recent[0] = day
    monthly = day - recent[MONTH_NEEDED - 1] < MONTH_DAYS
    return monthly or day - recent[QUARTER_NEEDED - 1] < QUARTER_DAYS
