"""One person's score, taken apart: base, concepts, features, and whether they add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hiu_features.reasons import Reason, concept_title
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Histories
from hiu_serving.cautions import Caution, cautions, stale_feeds
from hiu_serving.changes import since_last
from hiu_serving.freshness import FreshnessLimits, freshness
from hiu_serving.scorer import TOLERANCE, Scorer
from hiu_serving.since import Since
from hiu_serving.worklist import Interval


@dataclass(frozen=True)
class Part:
    """What one feature adds to the log-odds.

    ``value`` is None when missing; a ``protected`` feature is never given as a reason.
    """

    feature: str
    value: float | None
    contribution: float
    protected: bool


@dataclass(frozen=True)
class ConceptPart:
    """What one concept adds to the log-odds, and its features, the strongest first."""

    concept: str
    title: str
    contribution: float
    features: tuple[Part, ...]


@dataclass(frozen=True)
class Explanation:
    """A score taken apart.

    Parameters
    ----------
    score, log_odds : float
        As the model gives them.
    base : float
        Log-odds of the average person in training.
    difference : float
        Base and contributions together, less the log-odds: 0 but for rounding.
    not_scored : Caution or None
        Why the person would not be on a list, whatever the score.
    since : Since or None
        What changed since the last list; None when there is none.
    interval : tuple of float or None
        Limits between which, for 90%, the chance of people with such a score lies; see
        :meth:`hiu_risk.model.Bundle.interval`.
    """

    score: float
    band: str
    log_odds: float
    base: float
    difference: float
    concepts: tuple[ConceptPart, ...]
    raising: tuple[Reason, ...]
    lowering: tuple[Reason, ...]
    cautions: tuple[Caution, ...]
    not_scored: Caution | None
    since: Since | None = None
    interval: Interval | None = None

    @property
    def abstained(self) -> bool:
        """Whether the person is not scored: then nothing here may be shown but why."""
        return self.not_scored is not None

    @property
    def adds_up(self) -> bool:
        """Whether base and contributions give the log-odds."""
        return abs(self.difference) <= TOLERANCE


def position_of(histories: Histories, person: str) -> int:
    """Find a person by pseudonym, which may be written in capitals.

    Raises
    ------
    UsageError
        Nobody in the store has it.
    """
    found = np.flatnonzero(histories.people.id == person)
    if len(found) == 0:
        found = np.flatnonzero(np.strings.lower(histories.people.id) == person.lower())
    if len(found) != 1:
        raise UsageError(
            "no such person in the store",
            where="--person",
            fix="give a pseudonym as it stands on a worklist",
        )
    return int(found[0])


def explain(
    histories: Histories,
    person: int,
    as_of: int,
    scorer: Scorer,
    *,
    last: int | None = None,
    doubts: Mapping[int, Caution] | None = None,
) -> Explanation:
    """Take one person's score at an index date apart.

    Parameters
    ----------
    histories : Histories
        Everybody: whether a feed fell silent is told by all its events.
    person : int
        Position of the person.
    as_of : int
        Index date, UTC seconds.
    scorer : Scorer
        The model.
    last : int, optional
        Index date of the last list: what changed since is told.
    doubts : mapping, optional
        What is doubtful about people's identity, by position.

    Raises
    ------
    DataError
        No event that counts was known of the person at the index date.
    ModelError
        The parts do not add up to the score.
    """
    one = histories.take(np.array([person]))
    known = (one.occurred_at < as_of) & (one.available_at <= as_of) & (as_of < one.superseded_at)
    if not known.any():
        raise DataError(
            "no event that counts was known of this person at the index date",
            where="--as-of",
            fix="choose a later date",
        )
    candidate = bool(scorer.candidates(one, as_of).mask[0])
    scored = scorer.score(one, as_of, np.array([True]))
    contributions, base = scorer.contributions(scored.values, scored.score)
    values, parts = scored.values[0], contributions[0]
    log_odds = float(scorer.bundle.log_odds(scored.values, threads=1)[0])
    context = scorer.context(one, 0, as_of)
    unsure = (doubts or {}).get(person)
    return Explanation(
        score=float(scored.score[0]),
        band=str(scorer.bundle.band(scored.score)[0]),
        log_odds=log_odds,
        base=float(base[0]),
        difference=float(parts.sum() + base[0] - log_odds),
        concepts=_concepts(scorer, values, parts),
        raising=scorer.reasoner.raising(values, parts, context),
        lowering=scorer.reasoner.lowering(values, parts, context),
        cautions=(
            *stale_feeds(freshness(histories, as_of, FreshnessLimits()), histories.zone),
            *cautions(one, 0, as_of, scorer.definition),
            *([] if unsure is None else [unsure]),
        ),
        not_scored=None if candidate else scorer.why_not(one, 0, as_of),
        since=None
        if last is None
        else since_last(one, as_of, last, scorer, scored, contributions)[0],
        interval=scorer.intervals(scored.score)[0],
    )


def _concepts(
    scorer: Scorer, values: np.ndarray, contributions: np.ndarray
) -> tuple[ConceptPart, ...]:
    grouped: dict[str, list[Part]] = {}
    for feature, value, part in zip(
        scorer.catalogue, values.tolist(), contributions.tolist(), strict=True
    ):
        shown = None if np.isnan(value) else value
        grouped.setdefault(feature.concept, []).append(
            Part(feature.name, shown, part, not feature.may_be_reason)
        )
    concepts = [
        ConceptPart(
            concept,
            concept_title(concept, scorer.definition.entity),
            sum(part.contribution for part in parts),
            tuple(sorted(parts, key=lambda part: -abs(part.contribution))),
        )
        for concept, parts in grouped.items()
    ]
    return tuple(sorted(concepts, key=lambda concept: -abs(concept.contribution)))
