"""Whole lists: everybody at risk ranked, as in service, also people whose outcome is unknown.

Whoever dies, moves away or comes onto a caseload within the horizon, before it happened to them,
is *censored*: nobody knows what would have happened. :mod:`hiu_training.judging.evaluation` leaves
them out; a list in service holds them, as nobody can tell them apart beforehand, and they take
places. Here they are ranked with everybody else, by every ranker.

A measure of a whole list is not one number then, but a range: ``worst`` and ``best`` are the
least and the most that it can be over *all* ways in which the unknown outcomes may have turned
out (*worlds*: each censored row a case, or not). Both are reached, so no narrower range is right
without an assumption, and whatever is assumed gives a number within. ``if_none`` is one such
assumption: no censored person would have been a case; they only take places.

*Precision at K*, cases among the listed: worst where nobody censored on the list is a case, best
where all of them are.

*Recall at K*, cases listed among all cases: worst where no censored person on the list is a case
and all outside it are (missed); best where all on it are and nobody outside. The worst is far off
where few are cases and many are censored: it makes each of these a case.

*Average precision*: worst where the lowest ranked of the censored are the cases, best where the
highest ranked are; how many of them, is tried out.

*Differences*: the model minus another ranker **in the same world**, which is narrower than the
difference of two ranges.

Worst and best are found for each measure by itself: the world of the worst recall is not that of
the worst precision. Equal scores stand in no order: in each world a measure is its expected value
over all orders of equal scores, as everywhere in the evaluation, and the range is that of these
values.

There is no interval from resampling people: the range says what the data can't tell however many
people there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_training.judging.evaluation import MODEL, Ranker, sizes_at
from hiu_training.judging.ranges import Range, average_precision_range, listed, recall_range
from hiu_training.rows.inputs import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Censored:
    """People at risk at the test origins whose outcome was not observed.

    Parameters
    ----------
    rows : Rows
        Labels are -1.
    rankers : dict of str to Ranker
        Their scores, by the rankers that rank the others.
    """

    rows: Rows
    rankers: Mapping[str, Ranker]


def whole_lists(
    observed: Rows,
    rankers: Mapping[str, Ranker],
    censored: Censored,
    capacities: Sequence[int | str],
) -> dict[str, Any]:
    """Judge lists of everybody at risk.

    Dates at which nobody's outcome was observed are left out: no list of them can be judged.

    Parameters
    ----------
    observed : Rows
        The test rows.
    rankers : dict of str to Ranker
        Their scores.
    censored : Censored
        The others at risk; a ranker without scores for them is left out.
    capacities : sequence of int or str
        Lengths of lists; ``1%`` is that share of everybody at risk at the origin.

    Returns
    -------
    dict
        ``rows``: everybody ranked, ``censored`` of them, over all dates; ``places_at``: places
        on all lists of K together; ``rankers``: ``average_precision``, ``recall_at`` and
        ``precision_at`` of each as ``{worst, if_none, best}``; ``differences``: model minus each
        of the others, of the two measures at K. None where no outcome was positive.
    """
    n_origins = len(observed.as_ofs)
    judged = np.bincount(observed.origin, minlength=n_origins)[censored.rows.origin] > 0
    origin = np.concatenate([observed.origin, censored.rows.origin[judged]])
    label = np.concatenate([observed.label, np.full(judged.sum(), -1, np.int8)])
    here = np.bincount(origin, minlength=n_origins)
    everybody = _Everybody(origin, label, here, sizes_at(capacities, here))
    names = [name for name in rankers if name in censored.rankers]

    def judge(name: str) -> _Judged:
        scores = rankers[name].score, censored.rankers[name].score[judged]
        return everybody.judge(np.concatenate(scores))

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        found = dict(zip(names, pool.map(judge, names), strict=True))
    model = found.get(MODEL)
    return {
        "rows": len(label),
        "censored": int(judged.sum()),
        "places_at": everybody.places,
        "rankers": {name: everybody.summary(one) for name, one in found.items()},
        "differences": {
            name: everybody.lists(model.minus(one))
            for name, one in found.items()
            if model is not None and name != MODEL
        },
    }


@dataclass(frozen=True)
class _Judged:
    """What one ranker does: expected cases found by K, and each censored row's chance of a place.

    Parameters
    ----------
    hits : float64 array, shape (n_k,)
        Known cases on the lists of K.
    places : float64 array, shape (n_k, n_censored)
        The chance that a censored row is on its list of K.
    average_precision : (float, float) or None
    """

    hits: Floats
    places: Floats
    average_precision: Range | None = None

    def minus(self, other: _Judged) -> _Judged:
        """Give the difference: censored rows count by how much more likely they are listed."""
        return _Judged(self.hits - other.hits, self.places - other.places)


@dataclass(frozen=True)
class _Everybody:
    """All rows at risk: those observed, then the censored (label -1).

    ``here`` counts them by origin; ``sizes`` are the lengths of their lists.
    """

    origin: NDArray[np.int16]
    label: NDArray[np.int8]
    here: NDArray[np.int64]
    sizes: Mapping[str, Sequence[int]]

    @property
    def cases(self) -> int:
        """Known ones."""
        return int(np.count_nonzero(self.label == 1))

    @property
    def places(self) -> dict[str, int]:
        """On all lists of each K together."""
        return {k: int(np.minimum(each, self.here).sum()) for k, each in self.sizes.items()}

    def judge(self, score: Floats) -> _Judged:
        """Rank everybody by these scores."""
        hits, unknown = np.zeros(len(self.sizes)), []
        for place in np.flatnonzero(self.here).tolist():
            here = self.origin == place
            mine, label = score[here], self.label[here]
            sizes = [each[place] for each in self.sizes.values()]
            hits += listed(mine, mine[label == 1], sizes).sum(axis=1)
            unknown.append(listed(mine, mine[label < 0], sizes))
        return _Judged(
            hits, np.concatenate(unknown, axis=1), average_precision_range(score, self.label)
        )

    def summary(self, judged: _Judged) -> dict[str, Any]:
        """Give all measures of a ranker."""
        return {"average_precision": _told(judged.average_precision), **self.lists(judged)}

    def lists(self, judged: _Judged) -> dict[str, Any]:
        """Give the measures of lists of K."""
        told: dict[str, Any] = {"recall_at": {}, "precision_at": {}}
        places = self.places
        for k, hits, unknown in zip(self.sizes, judged.hits, judged.places, strict=True):
            told["recall_at"][k] = _told(recall_range(unknown, float(hits), self.cases))
            least, most = np.minimum(unknown, 0).sum(), np.maximum(unknown, 0).sum()
            told["precision_at"][k] = _told(
                Range(*(float(hits + more) / places[k] for more in (least, 0, most)))
                if places[k]
                else None
            )
        return told


def _told(found: Range | None) -> dict[str, float | None]:
    return dict(found._asdict()) if found else dict.fromkeys(Range._fields)
