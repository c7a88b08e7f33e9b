"""Judge rankers at the test origins: everybody ranked at each origin, as a service would.

Every number is an expected value over the order of equal scores, with a percentile interval
from a bootstrap that resamples people across all origins. Differences between rankers are taken
on the same resamples.

*Pooled* average precision and AUROC rank the rows of all origins together; pooled precision and
recall at K add up the lists that were made at each origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.progress import Advance
from hiu_training.bootstrap import interval, resample_people
from hiu_training.inputs import Rows
from hiu_training.metrics import LANES, Ranking, RankMeasures, measure
from hiu_training.probabilities import probability_draws

Draws = dict[str, NDArray[np.float64]]
"""Name of a measure to its values: first the sample's own, then the resamples'."""

COMPARED = ("average_precision", "auroc")
MODEL = "model"


@dataclass(frozen=True)
class Ranker:
    """Something that ranks the test rows.

    Parameters
    ----------
    score : float64 array, shape (n,)
        Higher means sooner on the list.
    log_odds : float64 array, optional
        Where the score is a probability, its log-odds: then calibration is judged too.
    """

    score: NDArray[np.float64]
    log_odds: NDArray[np.float64] | None = None


def evaluate(
    rows: Rows,
    rankers: Mapping[str, Ranker],
    capacities: Sequence[int],
    *,
    resamples: int,
    seed: int,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Judge rankers on the same rows.

    Returns
    -------
    dict
        ``rankers``: for each ranker every measure as ``{value, low, high}``, pooled;
        ``per_origin``: the same for each origin; ``differences``: model minus each of the
        others; ``population``: rows, people and positives. Numbers that can't be had are None.
    """
    place_of = np.unique(rows.person, return_inverse=True)[1]
    person: NDArray[np.int32] = place_of.astype(np.int32)
    n_people = int(person.max(initial=-1)) + 1
    found = {
        name: _Accumulator(rows, person, ranker, capacities) for name, ranker in rankers.items()
    }
    weights = np.ones((n_people, 1), np.uint8)
    for accumulator in found.values():
        accumulator.add(weights)
    for first in range(0, resamples, LANES):
        few = min(LANES, resamples - first)
        weights = resample_people(n_people, few, seed, first)
        for accumulator in found.values():
            accumulator.add(weights)
            if progress:
                progress(few)
    draws = {name: accumulator.draws() for name, accumulator in found.items()}
    return {
        "population": _population(rows),
        "rankers": {name: _summary(d["pooled"], capacities) for name, d in draws.items()},
        "differences": _differences({n: d["pooled"] for n, d in draws.items()}, capacities),
        "per_origin": [
            {
                **_population_at(rows, place),
                "rankers": {n: _summary(d[str(place)], capacities) for n, d in draws.items()},
            }
            for place in range(len(rows.as_ofs))
        ],
    }


class _Accumulator:
    """Measures of one ranker, block of resamples after block of resamples."""

    def __init__(
        self, rows: Rows, person: NDArray[np.int32], ranker: Ranker, capacities: Sequence[int]
    ) -> None:
        self.capacities = capacities
        self.pooled = Ranking.of(ranker.score, rows.label, person)
        self.origins = []
        for place in range(len(rows.as_ofs)):
            here = rows.origin == place
            self.origins.append(Ranking.of(ranker.score[here], rows.label[here], person[here]))
        self.person, self.label, self.log_odds = person, rows.label, ranker.log_odds
        self.blocks: list[dict[str, Draws]] = []

    def add(self, weights: NDArray[np.uint8]) -> None:
        """Measure one block of resamples."""
        pooled = measure(self.pooled, [], weights)
        block: dict[str, Draws] = {}
        lists: Draws = {}
        for place, ranking in enumerate(self.origins):
            here = measure(ranking, self.capacities, weights)
            counts = _counts(here, self.capacities)
            for name, values in counts.items():
                lists[name] = lists.get(name, np.zeros(len(values))) + values
            block[str(place)] = _ranked(here) | _at_capacity(counts, self.capacities)
        block["pooled"] = _ranked(pooled) | _at_capacity(lists, self.capacities)
        if self.log_odds is not None:
            block["pooled"] |= probability_draws(self.log_odds, self.label, self.person, weights)
        self.blocks.append(block)

    def draws(self) -> dict[str, Draws]:
        """Give all blocks joined, by ``pooled`` or position of the origin."""
        return {
            where: {
                name: np.concatenate([block[where][name] for block in self.blocks])
                for name in self.blocks[0][where]
            }
            for where in self.blocks[0]
        }


def _ranked(found: RankMeasures) -> Draws:
    return {"average_precision": found.average_precision, "auroc": found.auroc}


def _counts(found: RankMeasures, capacities: Sequence[int]) -> Draws:
    counts = {"positives": found.positives, "rows": found.rows}
    for column, k in enumerate(capacities):
        counts[f"hits {k}"] = found.hits[:, column]
        counts[f"listed {k}"] = np.minimum(found.rows, k)
    return counts


def _at_capacity(counts: Draws, capacities: Sequence[int]) -> Draws:
    draws: Draws = {}
    positives, rows = counts["positives"], counts["rows"]
    with np.errstate(invalid="ignore", divide="ignore"):
        for k in capacities:
            hits, listed = counts[f"hits {k}"], counts[f"listed {k}"]
            draws[f"recall_at {k}"] = np.where(positives > 0, hits / positives, np.nan)
            draws[f"precision_at {k}"] = np.where(listed > 0, hits / listed, np.nan)
            draws[f"lift_at {k}"] = draws[f"precision_at {k}"] / (positives / rows)
    return draws


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _estimate(draws: NDArray[np.float64]) -> dict[str, float | None]:
    low, high = interval(draws[1:])
    return {"value": _number(draws[0]), "low": _number(low), "high": _number(high)}


def _summary(draws: Draws, capacities: Sequence[int]) -> dict[str, Any]:
    summary: dict[str, Any] = {
        name: _estimate(values) for name, values in draws.items() if " " not in name
    }
    for kind in ("recall_at", "precision_at", "lift_at"):
        summary[kind] = {str(k): _estimate(draws[f"{kind} {k}"]) for k in capacities}
    return summary


def _differences(draws: Mapping[str, Draws], capacities: Sequence[int]) -> dict[str, Any]:
    if MODEL not in draws:
        return {}
    mine = draws[MODEL]
    differences = {}
    for name, other in draws.items():
        if name != MODEL:
            shared = [*COMPARED, *(f"{kind} {k}" for kind in _LISTS for k in capacities)]
            apart = {key: mine[key] - other[key] for key in shared}
            differences[name] = _summary(
                apart | {f"lift_at {k}": np.full(2, np.nan) for k in capacities}, capacities
            )
            del differences[name]["lift_at"]
    return differences


_LISTS = ("recall_at", "precision_at")


def _population(rows: Rows) -> dict[str, int]:
    return {
        "rows": len(rows),
        "people": len(np.unique(rows.person)),
        "positives": rows.positives,
        "positive_people": len(np.unique(rows.person[rows.label == 1])),
    }


def _population_at(rows: Rows, place: int) -> dict[str, Any]:
    here = rows.origin == place
    return {
        "as_of": int(rows.as_ofs[place]),
        "rows": int(here.sum()),
        "positives": int(rows.label[here].sum()),
    }
