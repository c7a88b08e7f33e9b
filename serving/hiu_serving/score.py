"""From a snapshot to the ranked worklist of one day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError
from hiu_risk.histories import Histories
from hiu_serving.cautions import cautions
from hiu_serving.freshness import FreshnessLimits, freshness, require_covered
from hiu_serving.scorer import Scored, Scorer
from hiu_serving.worklist import Before, Entry, Worklist, change_of

MOST_CAPACITY = 100_000


def make_worklist(
    histories: Histories,
    as_of: int,
    scorer: Scorer,
    *,
    capacity: int,
    store_hash: str,
    before: Before | None = None,
    limits: FreshnessLimits | None = None,
) -> Worklist:
    """Score everybody who can be scored and list the ``capacity`` highest, with reasons.

    Parameters
    ----------
    histories : Histories
        Everybody in the store.
    as_of : int
        Index date, UTC seconds; nothing known later is used.
    scorer : Scorer
        The model.
    capacity : int
        Most names on the list.
    store_hash : str
        Content hash of the store.
    before : Before, optional
        The list before, of the same purpose.
    limits : FreshnessLimits, optional
        When a feed is stale.

    Raises
    ------
    DataError
        The data do not reach the index date.
    UsageError
        A capacity below 1 or beyond sense.
    """
    if not 1 <= capacity <= MOST_CAPACITY:
        raise UsageError(f"a capacity is 1 to {MOST_CAPACITY}", where="--capacity")
    limits = limits or FreshnessLimits()
    judged = freshness(histories, as_of, limits)
    require_covered(histories, as_of, scorer.definition, judged, limits)
    candidates = scorer.candidates(histories, as_of)
    scored = scorer.score(histories, as_of, candidates.mask)
    order = ranking(scored.score, histories.people.id[scored.person])
    top = order[:capacity]
    entries = _entries(histories, as_of, scorer, scored, top, before)
    listed = {entry.person for entry in entries}
    manifest = scorer.bundle.manifest
    return Worklist(
        as_of=as_of,
        zone=histories.zone,
        definition=scorer.definition.to_dict(),
        target=manifest.target,
        horizon_days=manifest.horizon_days,
        capacity=capacity,
        bundle_id=scorer.id,
        store_hash=store_hash,
        n_people=histories.n_people,
        n_scored=len(scored.score),
        exclusions=candidates.exclusions,
        look_back_covered=candidates.look_back_covered,
        freshness=judged,
        previous_as_of=None if before is None else before.as_of,
        left=0 if before is None else len(before.ranks.keys() - listed),
        tied_out=tied_out(scored.score, order, capacity),
        entries=entries,
    )


def ranking(scores: NDArray[np.float64], ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """Order rows from the highest score to the lowest; equal scores by pseudonym.

    Examples
    --------
    >>> ranking(np.array([0.2, 0.9, 0.2]), np.array(["b", "c", "a"])).tolist()
    [1, 2, 0]
    """
    return np.lexsort((ids, -scores))


def tied_out(scores: NDArray[np.float64], order: NDArray[np.int64], capacity: int) -> int:
    """Count the rows left out whose score equals the last one listed.

    Examples
    --------
    >>> tied_out(np.array([0.9, 0.2, 0.2]), np.array([0, 1, 2]), capacity=2)
    1
    """
    if not 0 < capacity < len(order):
        return 0
    return int((scores[order[capacity:]] == scores[order[capacity - 1]]).sum())


def _entries(
    histories: Histories,
    as_of: int,
    scorer: Scorer,
    scored: Scored,
    top: NDArray[np.int64],
    before: Before | None,
) -> tuple[Entry, ...]:
    """Put the listed people in words."""
    values = np.ascontiguousarray(scored.values[top])
    contributions, _ = scorer.contributions(values)
    bands = scorer.bundle.band(scored.score[top])
    ranks = {} if before is None else before.ranks
    entries = []
    for place, row in enumerate(top.tolist()):
        position = int(scored.person[row])
        person = str(histories.people.id[position])
        said = cautions(histories, position, as_of, scorer.definition)
        entries.append(
            Entry(
                rank=place + 1,
                person=person,
                score=float(scored.score[row]),
                band=str(bands[place]),
                change=change_of(place + 1, ranks.get(person), first=before is None),
                previous_rank=ranks.get(person),
                reasons=scorer.reasoner.raising(values[place], contributions[place]),
                cautions=tuple(caution.text for caution in said),
            )
        )
    return tuple(entries)
