"""What may come of a state: the true chance to meet the rule, and the true mean of incidents.

Phase and excitation are all there is to know, so a chance is a property of the state: drawn
where something is under way, put together from parts where a person is settled.
"""

from __future__ import annotations

import numpy as np

from hiu_risk.kernels import kernel
from hiu_risk.synth.dynamics import (
    CRISIS,
    EARLY,
    HORIZON_DAYS,
    ILLNESS,
    LATE,
    LONG_AGO,
    MONTH_DAYS,
    MONTH_NEEDED,
    QUARTER_NEEDED,
    RECOVERY,
    SETTLED,
    call_rate,
    leaving_rate,
    next_phase,
    push,
    season,
)

_DRAWS, _START_DRAWS = 256, 48


@kernel()
def goes_on_to_meet(  # type: ignore[no-untyped-def]
    rng, rates, traits, person, day, end, phase, excitation, effect_until, recent, winter
):
    """Draw one future from ``day`` to ``end``; tell whether a counted incident meets the rule."""
    memory = recent.copy()
    swing, decay = 1.0 + rates.season_swing, 1.0 / rates.excitation_days
    counts = traits.linked[person] * traits.counted[person]
    calls, crisis = traits.calls[person], traits.crisis_calls[person]
    change = day + rng.exponential() / leaving_rate(rates, traits, person, phase)
    while day < end:
        effect = 1.0 + rates.caseload_effect if day < effect_until else 1.0
        stop = min(end, change)
        if day < effect_until < stop:
            stop = effect_until
        background = call_rate(rates, phase, calls, crisis)
        bound = effect * (background * swing + excitation)
        wait = rng.exponential() / bound
        if day + wait >= stop:
            excitation *= np.exp(-decay * (stop - day))
            day = stop
            if stop == change and stop < end:
                phase = next_phase(rng, rates, traits, person, phase)
                change = day + rng.exponential() / leaving_rate(rates, traits, person, phase)
            continue
        day += wait
        excitation *= np.exp(-decay * wait)
        intensity = effect * (background * season(rates, day, winter) + excitation)
        if rng.random() * bound < intensity:
            excitation += rates.excitation_mean * decay
            if rng.random() < counts and push(memory, day):
                return True
    return False


@kernel()
def share_if_begins(rng, rates, traits, person, day, phase, winter):  # type: ignore[no-untyped-def]
    """Chance to meet the rule for a person without recent calls whose ``phase`` begins in time."""
    recent = np.full(QUARTER_NEEDED, LONG_AGO)
    met, end = 0, day + HORIZON_DAYS
    for _ in range(_START_DRAWS):
        start = day + HORIZON_DAYS * rng.random()
        met += goes_on_to_meet(
            rng, rates, traits, person, start, end, phase, 0.0, day, recent, winter
        )
    return met / _START_DRAWS


@kernel(nogil=True)
def chances_of_coincidence(rng, rates, grid, days):  # type: ignore[no-untyped-def]
    """Chance that settled people meet the rule within the horizon, all the same.

    Follows one endless settled life for each rate of counted incidents a day in ``grid`` and
    looks in every ten days: how many incidents there were in the last month (the column), and,
    where the rule was not met for a year, whether the horizon will meet it.
    """
    found = np.zeros((len(grid), MONTH_NEEDED))
    decay = 1.0 / rates.excitation_days
    for row in range(len(grid)):
        seen, met = np.full(MONTH_NEEDED, 1e-9), np.zeros(MONTH_NEEDED)
        waiting = np.zeros(16, np.int64)
        dues = np.zeros(16)
        recent = np.full(QUARTER_NEEDED, LONG_AGO)
        # Counted incidents excite as all do: the background is what leaves the grid's mean rate.
        background = grid[row] * (1.0 - rates.excitation_mean)
        day, excitation, last_met, look, held = 0.0, 0.0, LONG_AGO, 0.0, 0
        while day < days:
            bound = background + excitation
            wait = rng.exponential() / bound
            nxt = day + wait
            while look <= nxt:
                while held > 0 and dues[0] <= look:
                    held -= 1
                    for k in range(held):
                        dues[k], waiting[k] = dues[k + 1], waiting[k + 1]
                if look - last_met > 365.0 and held < 16:
                    count = 0
                    for then in recent:
                        count += look - then < MONTH_DAYS
                    count = min(count, MONTH_NEEDED - 1)
                    seen[count] += 1.0
                    dues[held], waiting[held] = look + HORIZON_DAYS, count
                    held += 1
                look += 10.0
            day = nxt
            excitation *= np.exp(-decay * wait)
            if rng.random() * bound < background + excitation:
                excitation += rates.excitation_mean * decay
                if push(recent, day):
                    last_met = day
                    for k in range(held):
                        met[waiting[k]] += dues[k] > day
                    held = 0
        found[row] = met / seen
    return found


@kernel()
def _coincidence(table, grid, rate, last_month):  # type: ignore[no-untyped-def]
    """Read the table between its rates."""
    # Such chances rise like a power of the rate: straight lines on log scales.
    column = np.log(np.maximum(table[:, min(last_month, table.shape[1] - 1)], 1e-8))
    return np.exp(np.interp(np.log(max(rate, grid[0])), np.log(grid), column))


@kernel()
def probability(  # type: ignore[no-untyped-def]
    rng,
    rates,
    traits,
    person,
    day,
    phase,
    excitation,
    effect_until,
    recent,
    winter,
    if_warned,
    if_ill,
    table,
    grid,
):
    """Chance that a counted incident within the horizon completes the rule, from this state.

    Settled people have the chance that a warning or an illness begins, times what follows from
    it, and that of a coincidence of calls; everybody else is drawn.
    """
    if day < traits.adult_from[person] or traits.counted[person] == 0.0:
        return 0.0
    if phase == SETTLED:
        last_month = 0
        for then in recent:
            last_month += day - then < MONTH_DAYS
        counted = traits.calls[person] / (1.0 - rates.excitation_mean)
        counted *= traits.linked[person] * traits.counted[person]
        starts = 1.0 - np.exp(-HORIZON_DAYS * traits.escalation[person])
        chance = _coincidence(table, grid, counted, last_month)
        falls_ill = 1.0 - np.exp(-HORIZON_DAYS * traits.illness[person])
        return 1.0 - (1.0 - starts * if_warned) * (1.0 - falls_ill * if_ill) * (1.0 - chance)
    met = 0
    for _ in range(_DRAWS):
        met += goes_on_to_meet(
            rng,
            rates,
            traits,
            person,
            day,
            day + HORIZON_DAYS,
            phase,
            excitation,
            effect_until,
            recent,
            winter,
        )
    return met / _DRAWS


@kernel()
def expected_incidents(  # type: ignore[no-untyped-def]
    rates, traits, person, day, phase, excitation, effect_until, seasons
):
    """Mean number of call incidents over the horizon, by daily steps of the mean's equations."""
    chance = np.zeros(6)
    chance[phase] = 1.0
    total, decay = 0.0, 1.0 / rates.excitation_days
    for step in range(HORIZON_DAYS):
        at = day + step
        background = 0.0
        for state in range(6):
            rate = call_rate(rates, state, traits.calls[person], traits.crisis_calls[person])
            background += chance[state] * rate
        effect = 1.0 + rates.caseload_effect if at < effect_until else 1.0
        intensity = effect * (background * seasons[int(at)] + excitation)
        total += intensity
        excitation += (rates.excitation_mean * intensity - excitation) * decay
        begin = chance[SETTLED] * traits.escalation[person]
        onward = chance[EARLY] / rates.early_days
        ended = chance[LATE] / rates.late_days
        eased = chance[CRISIS] / rates.crisis_days
        recovered = chance[RECOVERY] / rates.recovery_days
        ill = chance[SETTLED] * traits.illness[person]
        well = chance[ILLNESS] / rates.illness_days
        back = recovered * rates.relapse_probability
        worse = ended * rates.crisis_probability
        chance[SETTLED] += ended - worse + recovered - back - begin + well - ill
        chance[ILLNESS] += ill - well
        chance[EARLY] += begin + back - onward
        chance[LATE] += onward - ended
        chance[CRISIS] += worse - eased
        chance[RECOVERY] += eased - recovered
    return total
