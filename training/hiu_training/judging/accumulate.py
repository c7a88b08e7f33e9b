"""One ranker's measures, block of resamples after block of resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.kernels import kernel
from hiu_training.judging.judged import Cases, Details
from hiu_training.judging.metrics import Ranking, RankMeasures, influences, measure
from hiu_training.judging.probabilities import Probabilities
from hiu_training.rows.inputs import Rows

Floats = NDArray[np.float64]
Weights = NDArray[np.uint8]
Draws = dict[str, Floats]
"""Name of a measure to its values: first the sample's own, then the resamples'."""

BINS = 10
"""Most groups in the calibration curve."""

CASES_IN_BIN = 10
"""Positive rows that a group of the calibration curve should have."""


FOUND = "found_at"
"""Cases on some list before their onset: what lead times rest on."""


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

    score: Floats
    log_odds: Floats | None = None


@dataclass(frozen=True)
class Setting:
    """What all rankers are judged on.

    Parameters
    ----------
    rows : Rows
    person : int32 array, shape (n,)
        Position of each row's person among the weights.
    n_people : int
    details : Details
        ``cases`` with persons as positions among the weights.
    sizes : dict of str to list of int
        For each K by name, the length of the list at each origin.
    thresholds : float64 array
        Of net benefit.
    """

    rows: Rows
    person: NDArray[np.int32]
    n_people: int
    details: Details
    sizes: Mapping[str, Sequence[int]]
    thresholds: Floats

    def here(self, place: int) -> NDArray[np.bool_]:
        """Mask of an origin's rows."""
        return np.asarray(self.rows.origin == place)

    @property
    def n_origins(self) -> int:
        """How many origins judge."""
        return len(self.rows.as_ofs)


class Accumulator:
    """Measures of one ranker; see :meth:`draws`."""

    def __init__(self, setting: Setting, ranker: Ranker, in_groups: bool = False) -> None:
        rows, person = setting.rows, setting.person
        self.setting, self.ranker = setting, ranker
        self.pooled = Ranking.of(ranker.score, rows.label, person)
        self.origins, runs = [], np.empty(len(rows), np.int64)
        for place in range(setting.n_origins):
            ranking = self.pooled.part(setting.here(place))
            runs[ranking.order] = ranking.runs()
            self.origins.append(ranking)
        self.probabilities = None
        self.bins = self.cuts = np.empty(0, np.int64)
        if ranker.log_odds is not None:
            self.probabilities = Probabilities(
                ranker.log_odds, rows.label, person, setting.n_people
            )
            self.bins, self.cuts = self._marks(ranker.log_odds)
        self.cases = _entries(setting.details.cases, rows, runs)
        self.in_groups = in_groups
        self.groups = self._groups(runs) if in_groups else {}
        self.blocks: list[dict[str, Draws]] = []

    def _marks(self, log_odds: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Place the ends of the calibration groups and of each threshold in the ranking.

        Groups of about as many expected cases: of rare events, groups of as many rows would put
        nearly all cases into one.
        """
        ranked, ends = log_odds[self.pooled.order], self.pooled.run_ends()
        expected = np.cumsum(1 / (1 + np.exp(-np.clip(ranked, -35, 35))))
        n = int(np.clip(self.setting.rows.positives // CASES_IN_BIN, 2, BINS))
        wanted = np.searchsorted(expected, expected[-1] * np.arange(1, n) / n) + 1
        wanted = np.append(wanted, len(ranked))
        bins = np.unique(ends[np.searchsorted(ends, wanted).clip(max=len(ends) - 1)])
        odds = np.log(self.setting.thresholds / (1 - self.setting.thresholds))
        return bins, np.searchsorted(-ranked, -odds, side="right")

    def _groups(self, runs: NDArray[np.int64]) -> dict[str, _Group]:
        rows, person = self.setting.rows, self.setting.person
        found = {}
        for dimension, grouping in self.setting.details.groups.items():
            for code in np.unique(grouping.code).tolist():
                name, mask = grouping.names[code], grouping.code == code
                hits = np.flatnonzero(mask & (rows.label == 1))
                found[f"{dimension}/{name}"] = _Group(
                    self.pooled.part(mask), person[hits],
                    rows.origin[hits].astype(np.int64), runs[hits],
                )  # fmt: skip
        return found

    def add(self, weights: Weights) -> None:
        """Measure one block of resamples."""
        setting = self.setting
        sizes = setting.sizes
        marks = np.concatenate([self.bins, self.cuts])
        pooled = measure(self.pooled, [], weights, marks)
        block: dict[str, Draws] = {}
        lists: Draws = {}
        n = weights.shape[1]
        cut_run = np.empty((setting.n_origins, len(sizes), n), np.int64)
        cut_share = np.empty((setting.n_origins, len(sizes), n))
        for place, ranking in enumerate(self.origins):
            capacities = [size[place] for size in sizes.values()]
            here = measure(ranking, capacities, weights)
            cut_run[place], cut_share[place] = here.cut_run.T, here.cut_share.T
            counts = _counts(here, dict(zip(sizes, capacities, strict=True)))
            for name, values in counts.items():
                lists[name] = lists.get(name, np.zeros(n)) + values
            block[str(place)] = _ranked(here) | _at_capacity(counts, sizes)
        block["pooled"] = _ranked(pooled) | _at_capacity(lists, sizes)
        block["pooled"] |= self._before_onset(weights, cut_run, cut_share)
        if self.probabilities is not None:
            block["pooled"] |= self.probabilities.draws(weights)
            block["curves"] = self._curves(pooled)
        for name, group in self.groups.items():
            block[name] = group.draws(weights, cut_run, cut_share, sizes)
        self.blocks.append(block)

    def _before_onset(
        self, weights: Weights, cut_run: NDArray[np.int64], cut_share: Floats
    ) -> Draws:
        if self.cases is None:
            return {}
        c = self.cases
        found, lead, calls = _first_listed(
            c.person, c.offsets, c.origin, c.run, c.lead_days, c.calls, weights, cut_run, cut_share
        )
        draws = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for column, k in enumerate(self.setting.sizes):
                some = np.where(found[column] > 1e-9, found[column], np.nan)
                draws[f"{FOUND} {k}"] = found[column]
                draws[f"lead_days_at {k}"] = lead[column] / some
                draws[f"calls_before_onset_at {k}"] = calls[column] / some
        return draws

    def _curves(self, pooled: RankMeasures) -> Draws:
        rows, hits = pooled.marked_rows, pooled.marked_hits
        n = len(self.bins)
        within, inside = np.diff(rows[:, :n], prepend=0), np.diff(hits[:, :n], prepend=0)
        draws = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            for i in range(n):
                draws[f"bin {i}"] = inside[:, i] / within[:, i]
            for i, threshold in enumerate(self.setting.thresholds):
                true, listed = hits[:, n + i], rows[:, n + i]
                harm = (listed - true) * threshold / (1 - threshold)
                draws[f"net {i}"] = (true - harm) / pooled.rows
        return draws

    def draws(self, n: int) -> dict[str, Draws]:
        """Give the first ``n``: ``pooled``, ``curves``, position of the origin, or group."""
        return {
            where: {
                name: np.concatenate([block[where][name] for block in self.blocks])[:n]
                for name in self.blocks[0][where]
            }
            for where in self.blocks[0]
        }

    def influences(self, where: str = "pooled") -> dict[str, Floats]:
        """Give each person's influence on what ranks the rows of an origin or group."""
        ranking = self.pooled
        if where != "pooled":
            ranking = self.groups[where].ranking if "/" in where else self.origins[int(where)]
        return influences(ranking, self.setting.n_people)


@dataclass(frozen=True)
class _Group:
    """A group's ranking, and where its positive rows stand in the list of their origin."""

    ranking: Ranking
    person: NDArray[np.int32]
    origin: NDArray[np.int64]
    run: NDArray[np.int64]

    def draws(
        self, weights: Weights, cut_run: NDArray[np.int64], cut_share: Floats,
        sizes: Mapping[str, Sequence[int]],
    ) -> Draws:  # fmt: skip
        measured = measure(self.ranking, [], weights)
        hits = _listed(self.person, self.origin, self.run, weights, cut_run, cut_share)
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = {
                f"recall_at {k}": hits[column] / measured.positives
                for column, k in enumerate(sizes)
            }
        return _ranked(measured) | recall


@dataclass(frozen=True)
class _Entries:
    person: NDArray[np.int32]
    offsets: NDArray[np.int64]
    origin: NDArray[np.int64]
    run: NDArray[np.int64]
    lead_days: Floats
    calls: Floats


def _entries(cases: Cases | None, rows: Rows, runs: NDArray[np.int64]) -> _Entries | None:
    if cases is None:
        return None
    return _Entries(
        cases.person, cases.offsets, rows.origin[cases.row].astype(np.int64), runs[cases.row],
        cases.lead_days, cases.calls,
    )  # fmt: skip


def _ranked(found: RankMeasures) -> Draws:
    return {"average_precision": found.average_precision, "auroc": found.auroc}


def _counts(found: RankMeasures, sizes: Mapping[str, int]) -> Draws:
    counts = {"positives": found.positives, "rows": found.rows}
    for column, (name, k) in enumerate(sizes.items()):
        counts[f"hits {name}"] = found.hits[:, column]
        counts[f"listed {name}"] = np.minimum(found.rows, k)
    return counts


def _at_capacity(counts: Draws, names: Mapping[str, Sequence[int]]) -> Draws:
    draws: Draws = {}
    positives, rows = counts["positives"], counts["rows"]
    with np.errstate(invalid="ignore", divide="ignore"):
        for k in names:
            hits, listed = counts[f"hits {k}"], counts[f"listed {k}"]
            draws[f"recall_at {k}"] = np.where(positives > 0, hits / positives, np.nan)
            draws[f"precision_at {k}"] = np.where(listed > 0, hits / listed, np.nan)
            draws[f"lift_at {k}"] = draws[f"precision_at {k}"] / (positives / rows)
    return draws


@kernel(nogil=True)
def _first_listed(person, offsets, origin, run, lead_days, calls, weights, cut_run, cut_share):  # type: ignore[no-untyped-def]
    """Add up, over cases, the chance to be listed before onset, and lead and calls where it is."""
    n_k, n = cut_run.shape[1], cut_run.shape[2]
    found, lead, called = np.zeros((n_k, n)), np.zeros((n_k, n)), np.zeros((n_k, n))
    unlisted = np.empty(n)
    for case in range(len(person)):
        weight = weights[person[case]]
        for k in range(n_k):
            for lane in range(n):
                unlisted[lane] = weight[lane]
            for entry in range(offsets[case], offsets[case + 1]):
                at, mine = origin[entry], run[entry]
                days, more = lead_days[entry], calls[entry]
                for lane in range(n):
                    cut = cut_run[at, k, lane]
                    share = cut_share[at, k, lane] if mine == cut else 0.0
                    now = unlisted[lane] * (1.0 if mine < cut else share)
                    found[k, lane] += now
                    lead[k, lane] += now * days
                    called[k, lane] += now * more
                    unlisted[lane] -= now
    return found, lead, called


@kernel(nogil=True)
def chances_first(offsets, origin, run, cut_run, cut_share):  # type: ignore[no-untyped-def]
    """Give each entry's chance to be its case's first listing, by K: shape (n_k, n_entries)."""
    first = np.zeros((cut_run.shape[1], len(origin)))
    for k in range(cut_run.shape[1]):
        for case in range(len(offsets) - 1):
            unlisted = 1.0
            for entry in range(offsets[case], offsets[case + 1]):
                at, mine = origin[entry], run[entry]
                share = cut_share[at, k] if mine == cut_run[at, k] else 0.0
                first[k, entry] = unlisted * (1.0 if mine < cut_run[at, k] else share)
                unlisted -= first[k, entry]
    return first


@kernel(nogil=True)
def _listed(person, origin, run, weights, cut_run, cut_share):  # type: ignore[no-untyped-def]
    """Add up the chances of rows to be on the list of their origin."""
    n_k, n = cut_run.shape[1], cut_run.shape[2]
    hits = np.zeros((n_k, n))
    for row in range(len(person)):
        weight, at, mine = weights[person[row]], origin[row], run[row]
        for k in range(n_k):
            for lane in range(n):
                cut = cut_run[at, k, lane]
                share = cut_share[at, k, lane] if mine == cut else 0.0
                hits[k, lane] += weight[lane] * (1.0 if mine < cut else share)
    return hits
