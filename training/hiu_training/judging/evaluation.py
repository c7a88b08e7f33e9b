"""Judge rankers at the test origins: everybody whose outcome was observed ranked at each.

A list in service holds more people: those who die, move away or come onto a caseload within the
horizon before it happened to them are on it, and can't be told apart beforehand. Here they are
removed from every ranking, as nobody knows what would have happened;
:mod:`hiu_training.judging.whole_lists` ranks them too and says between what values the measures
then lie. "Everybody" below is everybody ranked.

Every number is an expected value over the order of equal scores, with a 95% interval from a
bootstrap that resamples people across all origins (see :mod:`hiu_training.judging.bootstrap`).
Differences between rankers are taken on the same resamples.

*Pooled* average precision and AUROC rank the rows of all origins together; pooled precision and
recall at K add up the lists that were made at each origin.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.progress import Advance
from hiu_training.judging.accumulate import FOUND, Accumulator, Draws, Floats, Ranker, Setting
from hiu_training.judging.bootstrap import (
    FEWEST_RESAMPLES,
    Scale,
    estimate,
    freedom_of,
    none_or_all,
    resample_people,
)
from hiu_training.judging.curves import curves, net_benefit, thresholds_of
from hiu_training.judging.judged import Details
from hiu_training.judging.metrics import LANES, best_and_worst
from hiu_training.judging.verdict import FEWEST
from hiu_training.rows.inputs import Rows

__all__ = ["COMPARED", "MODEL", "Ranker", "evaluate", "list_sizes", "sizes_at"]

COMPARED = ("average_precision", "auroc")
MODEL = "model"
PLAIN = ("model", "anchor", "plain_lightgbm", "true_probability", "true_intensity")
"""Rankers that are no count of calls."""

_SCALES: Mapping[str, Scale] = {
    "average_precision": "share", "auroc": "share", "recall_at": "share", "precision_at": "share",
    "brier": "amount", "log_loss": "amount", "lift_at": "amount", "lead_days_at": "amount",
    "calls_before_onset_at": "amount", "bin": "share",
}  # fmt: skip
_LISTS = ("recall_at", "precision_at")
_WITH_CASES = ("lead_days_at", "calls_before_onset_at")

FEWEST_FOUND = 8
"""Cases on a list that a mean of days or calls needs."""


def evaluate(
    rows: Rows,
    rankers: Mapping[str, Ranker],
    capacities: Sequence[int | str],
    *,
    resamples: int,
    seed: int,
    progress: Advance | None = None,
    details: Details | None = None,
) -> dict[str, Any]:
    """Judge rankers on the same rows.

    Parameters
    ----------
    rows : Rows
        Of the test origins.
    rankers : dict of str to Ranker
        ``model`` is compared with each of the others.
    capacities : sequence of int or str
        Lengths of lists; ``1%`` is that share of the people at each origin.
    resamples, seed : int
        Of the bootstrap.
    progress : callable, optional
        Called with the number of resamples done, for each ranker.
    details : Details, optional
        Adds lead times, calls before onset and breakdowns.

    Returns
    -------
    dict
        ``rankers``: for each ranker every measure as ``{value, low, high}``, pooled;
        ``per_origin``: the same for each origin; ``differences``: model minus each of the
        others; ``breakdowns``: by dimension and group; ``net_benefit`` and ``curves``: what
        plots show; ``population``: rows, people and positives. Numbers that can't be had are
        None.
    """
    sizes = list_sizes(capacities, rows)
    setting = _setting(rows, rankers, sizes, details or Details())
    shown = {MODEL, _best(rankers, rows), "anchor"} & set(rankers)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        made = pool.map(lambda name: Accumulator(setting, rankers[name], name in shown), rankers)
        found = dict(zip(rankers, made, strict=True))
        for weights, done in _samples(setting.n_people, resamples, seed):
            for _ in pool.map(partial(Accumulator.add, weights=weights), found.values()):
                if progress:
                    progress(done)
    draws = {name: accumulator.draws(1 + resamples) for name, accumulator in found.items()}
    judge = _Judge(rows, found, draws, sizes)
    return {
        "population": _population(rows, np.ones(len(rows), np.bool_)),
        "rankers": {name: judge.summary(name, "pooled") for name in draws},
        "differences": judge.differences(),
        "per_origin": judge.per_origin(),
        "breakdowns": judge.breakdowns(),
        "net_benefit": net_benefit(setting, draws),
        "curves": curves(setting, found, draws),
    }


def list_sizes(capacities: Sequence[int | str], rows: Rows) -> dict[str, list[int]]:
    """Give the length of each list at each origin, by its name."""
    return sizes_at(capacities, np.bincount(rows.origin, minlength=len(rows.as_ofs)))


def sizes_at(capacities: Sequence[int | str], here: NDArray[np.integer]) -> dict[str, list[int]]:
    """Give the length of each list at each origin, by its name, for so many people ranked there.

    ``1%`` is one in a hundred of them, rounded, and at least one.

    Examples
    --------
    >>> sizes_at([75, "1%"], np.array([1_000, 20]))
    {'75': [75, 75], '1%': [10, 1]}
    """
    sizes = {}
    for k in capacities:
        if isinstance(k, str):
            share = float(k.removesuffix("%")) / 100
            sizes[k] = [max(1, round(share * n)) for n in here.tolist()]
        else:
            sizes[str(k)] = [int(k)] * len(here)
    return sizes


def _setting(
    rows: Rows, rankers: Mapping[str, Ranker], sizes: Mapping[str, Sequence[int]], details: Details
) -> Setting:
    who, place_of = np.unique(rows.person, return_inverse=True)
    if details.cases is not None:
        person = np.searchsorted(who, details.cases.person).astype(np.int32)
        details = replace(details, cases=replace(details.cases, person=person))
    return Setting(
        rows, place_of.astype(np.int32), len(who), details, sizes, thresholds_of(rows, rankers)
    )


def _best(rankers: Mapping[str, Ranker], rows: Rows) -> str:
    """Name the count of calls that ranks best: what breakdowns put beside the model."""
    from hiu_training.judging.metrics import Ranking, measure

    precision = {
        name: float(measure(Ranking.of(r.score, rows.label), []).average_precision[0])
        for name, r in rankers.items()
        if name not in PLAIN
    }
    return max(precision, key=lambda name: precision[name], default=MODEL)


def _samples(n_people: int, resamples: int, seed: int) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Give weights of the sample and its resamples, in full blocks, and how many are new.

    The sample itself stands where resample -1 would; what the last block has too many is cut off.
    """
    for first in range(-1, max(resamples, 1), LANES):
        weights = resample_people(n_people, LANES, seed, first)
        if first < 0:
            weights[:, 0] = 1
        yield weights, min(first + LANES, resamples) - max(first, 0)


class _Judge:
    """Turns draws into estimates; knows how many people each of them rests on."""

    def __init__(
        self, rows: Rows, found: Mapping[str, Accumulator], draws: Mapping[str, dict[str, Draws]],
        sizes: Mapping[str, Sequence[int]],
    ) -> None:  # fmt: skip
        self.rows, self.found, self.draws, self.sizes = rows, found, draws, sizes
        self.influence = {name: accumulator.influences() for name, accumulator in found.items()}

    def summary(self, name: str, where: str, mask: NDArray[np.bool_] | None = None) -> Any:
        """Give every measure of a ranker, pooled or at an origin or in a group."""
        draws = self.draws[name].get(where, {})
        people = self._positive_people(mask)
        reached = self.influence[name] if where == "pooled" else self.found[name].influences(where)
        summary: dict[str, Any] = {}
        for measure_name, values in draws.items():
            kind, _, k = measure_name.partition(" ")
            if kind == FOUND:
                continue
            freedom = freedom_of(reached[kind]) if kind in reached else people - 1
            told = _estimate(values, _SCALES.get(kind, "plain"), freedom)
            if kind in _WITH_CASES and _few(draws, k):
                told = dict.fromkeys(told)
            if len(values) > FEWEST_RESAMPLES:
                self._widen(told, kind, k, people)
            if k:
                summary.setdefault(kind, {})[k] = told
            else:
                summary[kind] = told
        if "precision_at" in summary:
            summary["number_needed_at"] = {
                k: _turned_over(e) for k, e in summary["precision_at"].items()
            }
            summary["ties_at"] = self._ties(name, where)
        return summary

    def _widen(self, told: dict[str, float | None], kind: str, k: str, people: int) -> None:
        """Give a list that holds no case, or all of them, the interval of so many people."""
        if kind in _LISTS and told["value"] == 0:
            told["high"] = max(told["high"] or 0, none_or_all(people))
        if kind == "recall_at" and told["value"] == 1 and not self._lists_everybody(k):
            told["low"] = min(told["low"] or 1, 1 - none_or_all(people))

    def _lists_everybody(self, k: str) -> bool:
        return all(
            size >= here
            for size, here in zip(self.sizes[k], np.bincount(self.rows.origin), strict=False)
        )

    def _positive_people(self, mask: NDArray[np.bool_] | None) -> int:
        positive = self.rows.label == 1
        return _distinct(self.rows.person[positive if mask is None else positive & mask])

    def _ties(self, name: str, where: str) -> dict[str, Any]:
        """Give what the luckiest and the unluckiest order of equal scores would have found."""
        places = range(len(self.rows.as_ofs)) if where == "pooled" else [int(where)]
        told = {}
        for k, sizes in self.sizes.items():
            rankings = [(self.found[name].origins[place], sizes[place]) for place in places]
            each = [best_and_worst(ranking, size) for ranking, size in rankings]
            positives = sum(int(ranking.label.sum()) for ranking, _ in rankings)
            listed = sum(min(size, len(ranking.label)) for ranking, size in rankings)
            worst, best, by_lot = (sum(one[i] for one in each) for i in range(3))
            told[k] = {
                "recall_worst": worst / positives if positives else None,
                "recall_best": best / positives if positives else None,
                "precision_worst": worst / listed if listed else None,
                "precision_best": best / listed if listed else None,
                "share_by_lot": by_lot / listed if listed else None,
            }
        return told

    def differences(self) -> dict[str, Any]:
        """Give the model minus each of the others, on the same resamples."""
        if MODEL not in self.draws:
            return {}
        people = self._positive_people(None)
        differences: dict[str, Any] = {}
        mine = self.draws[MODEL]["pooled"]
        for name in self.draws:
            if name == MODEL:
                continue
            other = self.draws[name]["pooled"]
            told: dict[str, Any] = {}
            slopes = [kind for kind in ("calibration_slope",) if kind in mine and kind in other]
            for kind in (*COMPARED, *slopes):
                reach = self.influence[MODEL], self.influence[name]
                apart = reach[0][kind] - reach[1][kind] if kind in reach[0] else None
                freedom = people - 1 if apart is None else freedom_of(apart)
                told[kind] = _estimate(mine[kind] - other[kind], "apart", freedom)
            for key in mine:
                kind, _, k = key.partition(" ")
                if kind in (*_LISTS, *_WITH_CASES):
                    apart = mine[key] - other[key]
                    one = _estimate(apart, "apart", people - 1)
                    if kind in _WITH_CASES and (_few(mine, k) or _few(other, k)):
                        one = dict.fromkeys(one)
                    told.setdefault(kind, {})[k] = one
            differences[name] = told
        return differences

    def per_origin(self) -> list[dict[str, Any]]:
        """Judge each origin by itself."""
        told = []
        for place in range(len(self.rows.as_ofs)):
            here = self.rows.origin == place
            told.append(
                {
                    "as_of": int(self.rows.as_ofs[place]),
                    "rows": int(here.sum()),
                    "positives": int(self.rows.label[here].sum()),
                    "list_sizes": {k: sizes[place] for k, sizes in self.sizes.items()},
                    "rankers": {n: self.summary(n, str(place), here) for n in self.draws},
                }
            )
        return told

    def breakdowns(self) -> dict[str, Any]:
        """Judge each group of each dimension by the lists made of everybody."""
        found: dict[str, Any] = {}
        setting = next(iter(self.found.values())).setting
        for dimension, grouping in setting.details.groups.items():
            for code in np.unique(grouping.code).tolist():
                group, mask = grouping.names[code], np.asarray(grouping.code == code)
                population = _population(self.rows, mask)
                enough = population["positive_people"] >= FEWEST
                shown = [n for n, a in self.found.items() if a.in_groups] if enough else []
                found.setdefault(dimension, {})[group] = {
                    "population": population,
                    "enough": enough,
                    "rankers": {n: self.summary(n, f"{dimension}/{group}", mask) for n in shown},
                }
        return found


def _estimate(draws: Floats, scale: Scale, freedom: float) -> dict[str, float | None]:
    low, high = estimate(float(draws[0]), draws[1:], scale, freedom)
    return {"value": _number(draws[0]), "low": _number(low), "high": _number(high)}


def _few(draws: Draws, k: str) -> bool:
    """Tell whether a list of K found too few cases for a mean over them."""
    return bool(draws[f"{FOUND} {k}"][0] < FEWEST_FOUND)


def _turned_over(share: Mapping[str, float | None]) -> dict[str, float | None]:
    """Turn a precision into the number of people to review for one case."""
    value, low, high = (share[name] for name in ("value", "low", "high"))
    return {
        "value": 1 / value if value else None,
        "low": 1 / high if high else None,
        "high": 1 / low if low else None,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _population(rows: Rows, mask: NDArray[np.bool_]) -> dict[str, int]:
    positive = mask & (rows.label == 1)
    return {
        "rows": int(mask.sum()),
        "people": _distinct(rows.person[mask]),
        "positives": int(positive.sum()),
        "positive_people": _distinct(rows.person[positive]),
    }


def _distinct(person: NDArray[np.int32]) -> int:
    seen = np.zeros(int(person.max(initial=-1)) + 1, np.bool_)
    seen[person] = True
    return int(seen.sum())
