"""From a snapshot to the ranked worklist of one day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError
from hiu_risk.histories import Histories
from hiu_serving.cautions import Caution, cautions
from hiu_serving.changes import since_last
from hiu_serving.everybody import Everybody, InMemory
from hiu_serving.freshness import FreshnessLimits, judge, require_covered, with_newest
from hiu_serving.learned import require_feeds
from hiu_serving.reserving import ColumnOf, Reserved, draw, groups_by
from hiu_serving.scorer import Scored, Scorer
from hiu_serving.worklist import Before, Entry, Worklist, change_of

MOST_CAPACITY = 100_000
Doubts = Callable[[list[int]], Mapping[int, Caution]]
"""Gives what is doubtful about the identity of people at these positions."""


def make_worklist(
    histories: Histories,
    as_of: int,
    scorer: Scorer,
    *,
    capacity: int,
    store_hash: str,
    before: Before | None = None,
    limits: FreshnessLimits | None = None,
    doubts: Doubts | None = None,
    column_of: ColumnOf | None = None,
    everybody: Everybody | None = None,
) -> Worklist:
    """Score everybody who can be scored and list the ``capacity`` highest, with reasons.

    Where the model carries the decision to reserve places by group, the list is drawn so.

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
    doubts : callable, optional
        Gives what is doubtful about some people's identity, by position.
    column_of : callable, optional
        Gives a further column of the store's people, for places reserved by it.
    everybody : Everybody, optional
        Makes the scores and gives the histories of those listed; ``histories`` then need hold no
        events. Default: both come from ``histories``.

    Raises
    ------
    DataError
        The data do not reach the index date, lack a feed that the model learned from, or don't
        tell the groups that places are reserved by.
    ModelError
        The parts of a listed score don't add up to it.
    UsageError
        A capacity below 1 or beyond sense.
    """
    if not 1 <= capacity <= MOST_CAPACITY:
        raise UsageError(f"a capacity is 1 to {MOST_CAPACITY}", where="--capacity")
    limits = limits or FreshnessLimits()
    judged = judge(histories.feeds, as_of, limits)
    require_covered(histories, as_of, scorer.definition, judged, limits)
    require_feeds(scorer.bundle, scorer.catalogue, histories.feeds, as_of, histories.zone)
    reserved = Reserved.of(scorer.bundle)
    group = (
        None
        if reserved is None
        else groups_by(reserved, histories, as_of, column_of, scorer.version)
    )
    everybody = everybody or InMemory(histories, as_of, scorer)
    found = everybody.standing()
    person, score, ids = found.person, found.score, histories.people.id
    order = ranking(score, ids[person])
    top, tied = order[:capacity], tied_out(score, order, capacity)
    if reserved is not None and group is not None:
        by_score = float(score[top].sum())
        top, tied = draw(score, group[person], order, capacity)
        expected = float(score[top].sum())
        reserved = replace(
            reserved, expected=round(expected, 1), expected_by_score=round(by_score, 1)
        )
    positions = person[top].astype(np.int64)
    known = everybody.histories_of(positions)
    entries = entries_of(known, as_of, scorer, score[top], positions, before, doubts)
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
        n_scored=len(score),
        exclusions=dict(found.exclusions),
        look_back_covered=found.look_back_covered,
        freshness=with_newest(judged, histories.feeds, found.seen, as_of),
        previous_as_of=None if before is None else before.as_of,
        left=0 if before is None else len(before.ranks.keys() - listed),
        tied_out=tied,
        entries=entries,
        previous_bundle_id=None if before is None else before.bundle_id,
        least_days=scorer.floor.days,
        abstained=found.too_little.foremost(ids, capacity),
        reserved=reserved,
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


def entries_of(
    listed: Histories,
    as_of: int,
    scorer: Scorer,
    scores: NDArray[np.float64],
    positions: NDArray[np.int64],
    before: Before | None,
    doubts: Doubts | None,
) -> tuple[Entry, ...]:
    """Put the listed people in words.

    Parameters
    ----------
    listed : Histories
        Of exactly these people, in order of rank.
    as_of : int
        UTC seconds.
    scorer : Scorer
        The model.
    scores : float64 array
        Theirs; the reasons must add up to them.
    positions : int64 array
        Where they stand in the store.
    before : Before or None
        The list before.
    doubts : callable or None
        Gives what is doubtful about some people's identity, by position.
    """
    values = scorer.score(listed, as_of, np.ones(len(scores), np.bool_)).values
    contributions, _ = scorer.contributions(values, scores)
    bands, intervals = scorer.bundle.band(scores), scorer.intervals(scores)
    ranks = {} if before is None else before.ranks
    unsure = {} if doubts is None else doubts(positions.tolist())
    now = Scored(np.arange(len(scores), dtype=np.int32), values, scores)
    changed = (
        (None,) * len(scores)
        if before is None
        else since_last(listed, as_of, before.as_of, scorer, now, contributions)
    )
    entries = []
    for place, position in enumerate(positions.tolist()):
        person = str(listed.people.id[place])
        said = [*cautions(listed, place, as_of, scorer.definition)]
        said += [unsure[position]] if position in unsure else []
        context = scorer.context(listed, place, as_of)
        row = values[place], contributions[place]
        entries.append(
            Entry(
                rank=place + 1,
                person=person,
                score=float(scores[place]),
                band=str(bands[place]),
                change=change_of(place + 1, ranks.get(person), first=before is None),
                previous_rank=ranks.get(person),
                reasons=scorer.reasoner.raising(*row, context),
                cautions=tuple(caution.text for caution in said),
                lowering=scorer.reasoner.lowering(*row, context),
                since=changed[place],
                concepts=scorer.reasoner.by_concept(contributions[place]),
                interval=intervals[place],
            )
        )
    return tuple(entries)
