"""What changed since the last list: the chance, the concept that moved it, the events between.

The person is scored again as they stood at the last list's index date, from what was known then
and by the model in use now. So a change is the person's, never that of a model that was replaced
meanwhile, and somebody new to the list is compared with their own past.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features.reasons import OTHER, concept_title
from hiu_features.which import NIGHT_HOURS
from hiu_risk.codes import SOURCE
from hiu_risk.histories import Histories
from hiu_serving.scorer import Scored, Scorer
from hiu_serving.since import Move, Since
from hiu_serving.wording import in_100, lower_first, since_in_words

SMALLEST = 0.01
"""A point in 100: a smaller move isn't worth words."""
MOST_MOVES = 2
"""So many concepts are named: what raised a chance a lot, and what took most of it again."""
_NOUNS = {
    "call": ("call", "calls"),
    "ae": ("A&E visit", "A&E visits"),
    "admission": ("emergency admission", "emergency admissions"),
}


def since_last(
    histories: Histories, as_of: int, then: int, scorer: Scorer, now: Scored, parts: NDArray[Any]
) -> tuple[Since, ...]:
    """Tell what changed about some people between two index dates.

    Parameters
    ----------
    histories : Histories
        Of exactly these people, in the order of their rows.
    as_of, then : int
        The two index dates, UTC seconds.
    scorer : Scorer
        The model.
    now : Scored
        These people at ``as_of``.
    parts : float64 array, shape (n_people, n_features)
        Contributions at ``as_of``.
    """
    h = histories
    known = (h.occurred_at < then) & (h.available_at <= then) & (then < h.superseded_at)
    had_history = np.bincount(h.event_person[known], minlength=h.n_people) > 0
    before = scorer.score(histories, then, had_history)
    parts_before, _ = scorer.contributions(before.values, before.score)
    rows = {person: row for row, person in enumerate(before.person.tolist())}
    day = since_in_words(then, as_of, histories.zone)
    told = []
    for place in range(len(now.score)):
        events = _events_between(histories, place, then, as_of, day)
        score, row = float(now.score[place]), rows.get(place)
        if row is None:
            chance = (
                f"No event that counts was known then; the chance is now {in_100(score)} in 100"
            )
            told.append(Since(then, None, events, chance, ()))
            continue
        was = float(before.score[row])
        moves = _moves(scorer, was, score, parts[place] - parts_before[row])
        entity = scorer.definition.entity
        told.append(Since(then, was, events, _chance(was, score, moves, entity), moves))
    return tuple(told)


def _moves(scorer: Scorer, was: float, now: float, parts: NDArray[np.float64]) -> tuple[Move, ...]:
    """Share the change of the chance out among the concepts, along the straight way between."""
    total = float(parts.sum())
    slope = (now - was) / total if abs(total) > 1e-9 else now * (1 - now)
    moved = scorer.reasoner.by_concept(parts)
    return tuple(
        Move(concept, part, slope * part)
        for concept, part in sorted(moved.items(), key=lambda item: (-abs(item[1]), item[0]))
        if part != 0
    )


def _chance(was: float, now: float, moves: tuple[Move, ...], entity: str) -> str:
    if in_100(was) == in_100(now):
        said = f"Chance about the same: {in_100(now)} in 100"
    else:
        way = "up" if now > was else "down"
        said = f"Chance {way} from {in_100(was)} to {in_100(now)} in 100"
    strong = [m for m in moves if m.concept != OTHER and abs(m.chance) >= SMALLEST][:MOST_MOVES]
    why = [
        f"{lower_first(concept_title(move.concept, entity))}: {_points(move.chance)}"
        for move in strong
    ]
    named = sum(move.chance for move in strong)
    rest = now - was - named
    if rest * named < 0 and abs(rest) >= SMALLEST / 2:
        # What was named is more than all that changed.
        why.append(f"everything else: {_points(rest)}")
    return "; ".join([said, *([", ".join(why)] if why else [])])


def _points(chance: float) -> str:
    number = round(100 * chance)
    sign = "\N{MINUS SIGN}" if number < 0 else "+"
    return f"{sign}{abs(number)} point{'' if abs(number) == 1 else 's'}"


def _events_between(histories: Histories, person: int, then: int, as_of: int, day: str) -> str:
    h, span = histories, slice(*histories.offsets[person : person + 2].tolist())
    occurred, available, ends = h.occurred_at[span], h.available_at[span], h.leads_until[span]
    counts = (occurred < as_of) & (available <= as_of) & (as_of < ends)
    source = h.source[span]
    new = counts & (occurred >= then)
    said = _said(source[new], h.hour_of_week[span][new], day)
    # Earlier ones that only became known since, unless another version of them was known.
    counted_then = (occurred < then) & (available <= then) & (then < ends)
    seen = set(zip(source[counted_then].tolist(), occurred[counted_then].tolist(), strict=True))
    earlier = counts & (occurred < then)
    late = [
        code
        for code, moment in zip(source[earlier].tolist(), occurred[earlier].tolist(), strict=True)
        if (code, moment) not in seen
    ]
    if not late:
        return said
    return f"{said}; {_counted(np.array(late))} from before became known"


def _said(source: NDArray[np.uint8], hours: NDArray[np.uint8], day: str) -> str:
    if len(source) == 0:
        return f"No calls, A&E visits or admissions since {day}"
    calls = source == SOURCE.code("call")
    at_night = int(np.isin(hours[calls] % 24, NIGHT_HOURS).sum())
    said = f"{_counted(source)} since {day}"
    if not at_night:
        return said
    n = int(calls.sum())
    alone = bool(calls.all())
    which = {1: "", 2: "both "}.get(n, f"all {n} ") if at_night == n else f"{at_night} "
    if alone:
        return f"{said}, {which}at night"
    noun = "call" if (n if at_night == n else at_night) == 1 else "calls"
    return f"{said}; {which or 'the '}{noun} at night"


def _counted(source: NDArray[Any]) -> str:
    found = []
    for name, (one, many) in _NOUNS.items():
        n = int((source == SOURCE.code(name)).sum())
        if n:
            found.append(f"{n:,} {one if n == 1 else many}")
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
