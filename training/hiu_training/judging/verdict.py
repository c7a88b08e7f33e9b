"""Say in words whether a model earns its place, and plainly when it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hiu_risk.words import plural
from hiu_training.judging.bootstrap import FEWEST_RESAMPLES
from hiu_training.judging.names import in_prose

CEILINGS = ("true_probability", "true_intensity")


FEWEST = 20
"""Different people who became cases, without whom nothing is concluded of a model or a group."""


def verdict(found: Mapping[str, Any], *, counted: bool = False) -> str:
    """Compare the model with the best baseline, with any it is worse than, and with counting.

    Parameters
    ----------
    found : mapping
        With ``rankers``, ``differences``, ``population`` and ``resamples``; see
        :func:`hiu_training.judging.rankers.judge_rankers`.
    counted : bool
        Whether to say how many people became cases, where they are few: inside the team alone.
    """
    people = found.get("population", {}).get("positive_people", FEWEST)
    if people < FEWEST:
        few = (
            f"Only {plural(people, 'person', 'people')}"
            if counted
            else f"Fewer than {FEWEST} people"
        )
        return f"{few} became cases at these dates: no verdict can be given."
    resamples = found.get("resamples", FEWEST_RESAMPLES)
    if resamples < FEWEST_RESAMPLES:
        return (
            f"No intervals were asked for (resamples = {resamples}), and without them no verdict "
            "can be given."
        )
    apart = {
        name: difference["average_precision"]
        for name, difference in found.get("differences", {}).items()
        if name not in CEILINGS
    }
    if not apart:
        return "The model was compared with nothing."
    same = [name for name, d in apart.items() if d["low"] == d["high"] == 0]
    said = ["The model ranks as the anchor does."] if same == ["anchor"] else []
    others = {
        name: found["rankers"][name]["average_precision"]["value"] or 0.0
        for name in apart
        if name not in same
    }
    if not others:
        return " ".join([*said, "It is compared with nothing else."])
    best = max(others, key=lambda name: others[name])
    low, high = apart[best]["low"], apart[best]["high"]
    if low is None or high is None:
        too_few = f"Too few people to compare the model with the best baseline, {_name(best)}."
        return " ".join([*said, too_few])
    worse = [name for name in others if (apart[name]["high"] or 0) < 0]
    if low > 0 and not worse:
        said.append(
            f"The model beats the best baseline, {_name(best)}: the interval excludes zero."
        )
    elif worse:
        named = " and ".join(_name(name) for name in worse)
        said.append(f"The model is worse than {named}: the interval excludes zero.")
    else:
        said.append(
            f"The model does not clearly beat the best baseline, {_name(best)}: the interval of "
            "the difference includes zero."
        )
    return " ".join([*said, *_against_counting(apart, others, best)])


def _against_counting(
    apart: Mapping[str, Any], others: Mapping[str, float], told: str
) -> list[str]:
    counts = {name: value for name, value in others.items() if "count" in name}
    if not counts:
        return []
    best = max(counts, key=lambda name: counts[name])
    low = apart[best]["low"]
    if low is None or low > 0:
        return []
    if best == told:
        return ["Ranking by that count would be simpler."]
    return [f"Nor is it shown to beat {_name(best)}: ranking by that would be simpler."]


def _name(name: str) -> str:
    return in_prose(name)
