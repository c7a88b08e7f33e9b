"""Put the model beside everything it must beat, at the same dates and for the same people."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hiu_features import default_catalogue
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import ModelError
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.progress import progress
from hiu_risk.store import Store
from hiu_risk.synth import TruthRows
from hiu_risk.times import from_seconds
from hiu_risk.words import plural
from hiu_training.judging.baselines import (
    COUNTS,
    PlainLightGBM,
    best_half_life,
    check_counts,
    counted,
    fit_plain_lightgbm,
)
from hiu_training.judging.evaluation import Ranker, evaluate
from hiu_training.judging.judged import describe
from hiu_training.judging.verdict import verdict
from hiu_training.judging.whole_lists import Censored, whole_lists
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows, make_rows, make_rows_and_censored
from hiu_training.rows.scored import check_purpose
from hiu_training.rows.split import Split, make_split

log = logging.getLogger(__name__)


def make_rankers(
    bundle: Bundle,
    plain: PlainLightGBM,
    test: Rows,
    protocol: Protocol,
    half_life: str,
) -> dict[str, Ranker]:
    """Rank the test rows by the model and by everything it must beat."""
    model = bundle.log_odds(test.values)
    anchor = bundle.anchor_calibrator.apply(bundle.anchor.log_odds(test.values, test.names))
    p = np.clip(plain.score(test.values), 1e-12, 1 - 1e-12)
    plain_odds = np.log(p / (1 - p))
    rankers = {
        "model": Ranker(model, model),
        "anchor": Ranker(anchor, anchor),
        "plain_lightgbm": Ranker(plain_odds, plain_odds),
    }
    for days in COUNTS:
        rankers[f"count_{days}"] = Ranker(counted(test, protocol.definition, days))
    decayed = counted(test, protocol.definition, f"decayed_{half_life}")
    return {**rankers, "decayed_count": Ranker(decayed)}


def ceiling(
    truth: TruthRows | None,
    histories: Histories,
    test: Rows,
    protocol: Protocol,
    *,
    gone: bool = False,
) -> dict[str, Ranker]:
    """Rank by the truth, where it is known at every test row.

    ``true_intensity`` ranks by the calls a day at the index date; ``true_probability`` by the
    chance of the outcome itself, hidden states and all: no ranking can be better than that.

    The truth of a synthetic region is that of one question; other questions have no ceiling.
    ``gone`` gives people without a truth the chance 0: the truth holds everybody alive and
    here, and a row may be of somebody who was not, without its being known.
    """
    if truth is None:
        return {}
    asked = (protocol.definition, protocol.horizon_days, protocol.target in ("onset", "relapse"))
    if asked != (DEFINITIONS["frecann_adult"], 90, True):
        log.info("Best possible ranking left out: the truth is that of frecann_adult in 90 days")
        return {}
    there = truth.at(histories.people.id[test.person], test.as_ofs[test.origin])
    found = {
        "true_probability": there.probability.astype(np.float64),
        "true_intensity": there.intensity.astype(np.float64),
    }
    if gone:
        found = {name: np.nan_to_num(risk, nan=0.0) for name, risk in found.items()}
    if any(np.isnan(risk).any() for risk in found.values()):
        log.info("Best possible ranking left out: the truth is not known at every judged row")
        return {}
    return {name: Ranker(risk) for name, risk in found.items()}


def judge_rankers(
    test: Rows,
    rankers: Mapping[str, Ranker],
    protocol: Protocol,
    histories: Histories,
    *,
    development: Rows,
    split: Split,
    half_life: str,
    censored: Censored,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Evaluate rankers as the protocol says, and say in words what was found.

    ``notes`` are said beside what else the data did not allow.

    Returns
    -------
    dict
        As :func:`hiu_training.judging.evaluation.evaluate` gives it, with ``capacities``,
        ``resamples``, ``decayed_half_life``, ``learning`` (what was learned from),
        ``whole_lists`` (see :func:`hiu_training.judging.whole_lists.whole_lists`) and the
        ``verdict``.
    """
    if test.positives in (0, len(test)):
        raise ModelError(
            f"one class alone at the test origins: {test.positives} positive of {len(test)} rows",
            where="test origins",
            fix="judge at more origins (origins.test), lengthen horizon_days, or ingest more data",
        )
    learning = _learning(development, split, protocol)
    learning["notes"] += [*notes, *_long_lists(test, protocol)]
    details = describe(histories, test, protocol.definition, protocol.target)
    with progress("Judging", len(rankers) * protocol.resamples) as advance:
        found = evaluate(
            test, rankers, protocol.capacities, resamples=protocol.resamples,
            seed=protocol.seed, progress=advance, details=details,
        )  # fmt: skip
    found |= {"resamples": protocol.resamples}
    return {
        **found,
        "capacities": list(protocol.capacities),
        "decayed_half_life": half_life,
        "learning": learning,
        "judged_dropped": test.dropped,
        "whole_lists": whole_lists(test, rankers, censored, protocol.capacities),
        "verdict": verdict(found),
    }


def _long_lists(test: Rows, protocol: Protocol) -> list[str]:
    """Say which lists are so long that they hold everybody, and so tell nothing."""
    here = np.bincount(test.origin, minlength=len(test.as_ofs))
    here = here[here > 0]
    ks = [k for k in protocol.capacities if isinstance(k, int)]
    long = {k: n for k in ks if (n := int((k >= here).sum()))}
    if not long:
        return []
    told = ", ".join(f"of {k} at {n} of {plural(len(here), 'test date')}" for k, n in long.items())
    return [
        f"lists {told} hold everybody ranked, so that any ranking finds the same: give shorter "
        "capacities"
    ]


FEWEST_ORIGINS = 5
"""Test origins that an evaluation should have where the data allow."""


def _learning(development: Rows, split: Split, protocol: Protocol) -> dict[str, Any]:
    notes = list(split.notes)
    if len(split.test) < FEWEST_ORIGINS and not any("test origin" in note for note in notes):
        asked = protocol.origins.test
        notes.append(
            f"judged at {plural(len(split.test), 'date')}, as the protocol asks for {asked}"
        )
    return {
        "dates": [from_seconds(day).isoformat() for day in split.development.tolist()],
        "rows": len(development),
        "people": len(np.unique(development.person)),
        "positives": development.positives,
        "dropped": development.dropped,
        "embargo_days": split.embargo / 86_400,
        "notes": notes,
    }


@dataclass(frozen=True)
class Judgement:
    """What judging a bundle found.

    Parameters
    ----------
    evaluation : dict
        See :func:`judge_rankers`.
    rows : Rows
        That judged.
    rankers : dict of str to Ranker
        The model and its baselines on them.
    half_life : str
        Of the decayed count.
    """

    evaluation: dict[str, Any]
    rows: Rows
    rankers: dict[str, Ranker]
    half_life: str


def judge_model(
    bundle: Bundle,
    plain: PlainLightGBM,
    test: tuple[Rows, Rows],
    protocol: Protocol,
    histories: Histories,
    *,
    development: Rows,
    split: Split,
    truth: TruthRows | None = None,
) -> Judgement:
    """Judge a model, just trained or read back, beside everything that it must beat.

    ``test`` are the observed and the censored rows of
    :func:`hiu_training.rows.inputs.make_rows_and_censored`.
    """
    observed, others = test
    half_life = best_half_life(development, protocol.definition)
    rankers = make_rankers(bundle, plain, observed, protocol, half_life)
    rankers |= ceiling(truth, histories, observed, protocol)
    theirs = {name: Ranker(np.empty(0)) for name in rankers}
    if len(others):
        theirs = make_rankers(bundle, plain, others, protocol, half_life)
        if "true_probability" in rankers:
            theirs |= ceiling(truth, histories, others, protocol, gone=True)
    found = judge_rankers(
        observed, rankers, protocol, histories, development=development, split=split,
        half_life=half_life, censored=Censored(others, theirs),
        notes=[plain.note] if plain.note else [],
    )  # fmt: skip
    return Judgement(found, observed, rankers, half_life)


def judge_bundle(
    store: Store, bundle: Bundle, protocol: Protocol, *, truth: TruthRows | None = None
) -> Judgement:
    """Judge a bundle again, on this store.

    Raises
    ------
    BundleError
        The features have changed since the bundle was trained.
    ModelError
        Another purpose than the protocol's, or a store made by other rules than the bundle's.
    """
    check_purpose(bundle, protocol)
    check_same_rules(store, bundle)
    catalogue = default_catalogue().select(bundle.feature_names)
    bundle.check_catalogue(catalogue)
    check_counts(catalogue.names, protocol.definition)
    histories = store.histories()
    split = make_split(protocol, histories.feeds, histories.zone)
    check_unseen(split, bundle, histories.zone)
    development = make_rows(histories, split.development, protocol, catalogue)
    test, others = make_rows_and_censored(histories, split.test, protocol, catalogue)
    plain = fit_plain_lightgbm(development, split, catalogue.names, protocol.seed)
    return judge_model(
        bundle, plain, (test, others), protocol, histories, development=development, split=split,
        truth=truth,
    )  # fmt: skip


def check_unseen(split: Split, bundle: Bundle, zone: str) -> None:
    """Refuse to judge a model at dates that it learned from."""
    trained = bundle.manifest.trained_through
    if len(split.test) and int(split.test[0]) < trained:
        first, through = (
            from_seconds(moment).astimezone(ZoneInfo(zone)).date()
            for moment in (int(split.test[0]), trained)
        )
        raise ModelError(
            f"the model learned from dates up to {through}, so that they can't judge it; the "
            f"first test date is {first}",
            where=f"model {bundle.version}",
            fix="choose later dates (origins.last, origins.test), or judge an older model",
        )


def check_same_rules(store: Store, bundle: Bundle) -> None:
    """Refuse a store that was made by other rules than the one the model was trained on."""
    made, rules = bundle.manifest, store.manifest
    theirs = {"zone": rules.zone, "gap_seconds": rules.gap_seconds, **rules.counting}
    ours = {"zone": made.zone, **made.counting}
    differ = sorted(name for name, value in ours.items() if theirs.get(name, value) != value)
    if differ:
        raise ModelError(
            f"the store was made with other rules than the model's: {', '.join(differ)}",
            where=f"model {bundle.version}",
            fix="ingest with the model's rules, or train on this store",
        )
