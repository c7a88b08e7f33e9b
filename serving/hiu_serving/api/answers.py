"""From a checked request to its answer."""

from __future__ import annotations

import numpy as np

from hiu_features.reasons import Reason
from hiu_risk.definitions import Definition
from hiu_risk.errors import UsageError
from hiu_risk.histories import Histories
from hiu_risk.times import from_seconds, to_seconds
from hiu_risk.weekends import check_list_day
from hiu_serving.api.inline import histories_of
from hiu_serving.api.models import (
    AbstainedOut,
    EntryOut,
    FeedOut,
    ModelOut,
    MoveOut,
    PersonOut,
    ReasonOut,
    ReservedOut,
    ScoreRequest,
    ScoreResponse,
    SinceOut,
    WarningOut,
    WorklistResponse,
)
from hiu_serving.api.problems import FieldError, not_valid
from hiu_serving.cautions import Caution, cautions, missing_feeds, stale_feeds
from hiu_serving.freshness import FreshnessLimits, judge
from hiu_serving.learned import lacking
from hiu_serving.scorer import Scorer
from hiu_serving.since import Since
from hiu_serving.wording import SOURCE_NAMES
from hiu_serving.worklist import INSIDE_ONLY, Worklist


def answer(asked: ScoreRequest, scorer: Scorer) -> ScoreResponse:
    """Score everybody in a request.

    Raises
    ------
    Problem
        The request contradicts itself, leaves out a feed that the model learned from, or asks for
        a weekend list on another day.
    """
    manifest = scorer.bundle.manifest
    histories = histories_of(asked, zone=manifest.zone, counting=scorer.counting, gap=scorer.gap)
    as_of = to_seconds(asked.as_of)
    _check_day(manifest.target, as_of, manifest.zone)
    _check_feeds(histories, as_of, scorer)
    for_all = (
        *missing_feeds(histories),
        *stale_feeds(judge(histories.feeds, as_of, FreshnessLimits()), manifest.zone),
    )
    scored = _scored(histories, as_of, scorer)
    people = [
        scored.get(row) or _abstained(histories, row, as_of, scorer)
        for row in range(histories.n_people)
    ]
    people = [
        person.model_copy(update={"warnings": [*map(_warning, for_all), *person.warnings]})
        for person in people
    ]
    return ScoreResponse(as_of=_iso(as_of), model=_model(scorer), people=people)


def _check_day(target: str, as_of: int, zone: str) -> None:
    try:
        check_list_day(target, np.array([as_of], np.int64), zone)
    except UsageError as error:
        raise not_valid([FieldError(where="as_of", rule=error.fix or error.what)]) from None


def _check_feeds(histories: Histories, as_of: int, scorer: Scorer) -> None:
    """Refuse feeds that leave out what the model learned from; without any, nothing was said."""
    if not histories.feeds:
        return
    errors = [
        FieldError(
            where="feeds",
            rule=f"the model learned from {SOURCE_NAMES[source]}: a feed of source {source} that "
            "starts before as_of is required",
        )
        for source in lacking(scorer.learned_from, histories.feeds, as_of)
    ]
    if errors:
        raise not_valid(errors)


def _scored(histories: Histories, as_of: int, scorer: Scorer) -> dict[int, PersonOut]:
    who = scorer.candidates(histories, as_of).mask
    if not who.any():
        return {}
    found = scorer.score(histories, as_of, who)
    contributions, _ = scorer.contributions(found.values, found.score)
    bands, intervals = scorer.bundle.band(found.score), scorer.intervals(found.score)
    answers = {}
    for i, row in enumerate(found.person.tolist()):
        told = found.values[i], contributions[i], scorer.context(histories, row, as_of)
        answers[row] = PersonOut(
            id=str(histories.people.id[row]),
            status="scored",
            abstained_because=None,
            score=float(found.score[i]),
            interval=intervals[i],
            band=str(bands[i]),
            reasons=[_reason(reason) for reason in scorer.reasoner.raising(*told)],
            lowering=[_reason(reason) for reason in scorer.reasoner.lowering(*told)],
            warnings=[_warning(c) for c in cautions(histories, row, as_of, scorer.definition)],
        )
    return answers


def _abstained(histories: Histories, row: int, as_of: int, scorer: Scorer) -> PersonOut:
    why = scorer.why_not(histories, row, as_of)
    return PersonOut(
        id=str(histories.people.id[row]),
        status="abstained",
        abstained_because=why.code,
        score=None,
        interval=None,
        band=None,
        reasons=[],
        lowering=[],
        warnings=[_warning(why)],
    )


def worklist_response(worklist: Worklist) -> WorklistResponse:
    """Give a kept worklist as the API says it."""
    w = worklist
    definition = Definition.from_dict(w.definition)
    return WorklistResponse(
        as_of=_iso(w.as_of),
        model=ModelOut(
            version=w.bundle_id[:12],
            definition_id=definition.id,
            definition=definition.in_words(),
            target=w.target,
            horizon_days=w.horizon_days,
        ),
        capacity=w.capacity,
        n_people=w.n_people,
        n_scored=w.n_scored,
        exclusions=w.exclusions,
        feeds=[
            FeedOut(
                source=feed.source,
                complete_until=_iso(feed.complete_until),
                days_behind=feed.days_behind,
                status=feed.status,
            )
            for feed in w.freshness
        ],
        previous_as_of=None if w.previous_as_of is None else _iso(w.previous_as_of),
        reserved=None
        if w.reserved is None
        else ReservedOut(
            column=w.reserved.column,
            text=w.reserved.text,
            decided_at=_iso(w.reserved.decided_at),
        ),
        entries=[
            EntryOut(
                rank=entry.rank,
                person=entry.person,
                score=entry.score,
                interval=entry.interval,
                band=entry.band,
                change=entry.change,
                previous_rank=entry.previous_rank,
                reasons=[_reason(reason) for reason in entry.reasons],
                lowering=[_reason(reason) for reason in entry.lowering],
                since=None if entry.since is None else _since(entry.since),
                cautions=list(entry.cautions),
            )
            for entry in w.entries
        ],
        least_days_known=w.least_days,
        not_scored=[
            AbstainedOut(
                person=one.person,
                abstained_because=one.code,
                days_known=one.days_known,
                incidents=one.incidents,
            )
            for one in w.abstained
        ],
        inside_only=INSIDE_ONLY,
    )


def _model(scorer: Scorer) -> ModelOut:
    manifest = scorer.bundle.manifest
    return ModelOut(
        version=scorer.version,
        definition_id=scorer.definition.id,
        definition=scorer.definition.in_words(),
        target=manifest.target,
        horizon_days=manifest.horizon_days,
    )


def _reason(reason: Reason) -> ReasonOut:
    return ReasonOut(
        concept=reason.concept, sentence=reason.sentence, contribution=reason.contribution
    )


def _since(since: Since) -> SinceOut:
    return SinceOut(
        as_of=_iso(since.as_of),
        score=since.score,
        text=since.text,
        moves=[
            MoveOut(concept=m.concept, contribution=m.contribution, chance=m.chance)
            for m in since.moves
        ],
    )


def _warning(caution: Caution) -> WarningOut:
    return WarningOut(code=caution.code, text=caution.text)


def _iso(seconds: int) -> str:
    return from_seconds(seconds).isoformat().replace("+00:00", "Z")
