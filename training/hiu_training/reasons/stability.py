"""Whether reasons would be the same had the model been trained by other dice.

The model is fitted again with other seeds, and again on persons drawn with replacement. For the
people a list would name, the top three reasons of each refit are held against the model's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features import default_catalogue
from hiu_features.reasons import Reasoner
from hiu_risk.errors import ModelError
from hiu_risk.model import Bundle
from hiu_training.learning.learner import learn
from hiu_training.protocol import Protocol
from hiu_training.reasons.faithfulness import mean_of
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split

log = logging.getLogger(__name__)


def stability(
    development: Rows,
    test: Rows,
    split: Split,
    bundle: Bundle,
    protocol: Protocol,
    *,
    refits: int = 3,
    capacity: int = 75,
) -> dict[str, Any]:
    """Refit a model and compare the top three reasons of the listed.

    Parameters
    ----------
    development, test : Rows
        What the model learns from and is judged on.
    split : Split
        Their blocks.
    bundle : Bundle
        The model.
    protocol : Protocol
        How it was trained.
    refits : int
        How often, for seeds and for resamples each.
    capacity : int
        Rows looked at per test origin.

    Returns
    -------
    dict
        For ``seeds`` and ``resamples``: ``same_top`` (share whose first reason stays first),
        ``kept`` (mean share of the top three that stay among them) and ``listed_again`` (share
        that the refit lists too), each with a 95% interval over persons, and ``failed``, how many
        refits found too little to learn from.
    """
    listed = _listed(bundle, test, capacity)
    own = _top_three(bundle, test, listed)
    catalogue = default_catalogue().select(bundle.feature_names)
    result: dict[str, Any] = {"capacity": capacity, "refits": refits, "listed": len(listed)}
    result["people"] = len(np.unique(test.person[listed]))
    for name, tries in (
        ("seeds", _other_seeds(development, protocol, refits)),
        ("resamples", _resampled(development, protocol, refits)),
    ):
        same, kept, again, failed = [], [], [], 0
        for number, (rows, asked) in enumerate(tries, start=1):
            log.info("Refit %d of %d: %s", number, refits, name)
            try:
                learned = learn(rows, split, asked, catalogue.directions)
            except ModelError as error:  # by chance nobody positive was drawn, for instance
                log.warning("This refit failed: %s", error.what)
                failed += 1
                continue
            other = replace(
                bundle, anchor=learned.anchor, booster=learned.booster,
                calibrator=learned.calibrator,
            )  # fmt: skip
            theirs = _top_three(other, test, listed)
            same.append([a[:1] == b[:1] for a, b in zip(own, theirs, strict=True)])
            kept.append([_overlap(a, b) for a, b in zip(own, theirs, strict=True)])
            again.append(np.isin(listed, _listed(other, test, capacity)))
        measured = (("same_top", same), ("kept", kept), ("listed_again", again))
        result[name] = {"failed": failed} | {
            key: _over_refits(found, test.person[listed], protocol.seed) for key, found in measured
        }
    return result


def _over_refits(found: list[Any], person: NDArray[np.int32], seed: int) -> dict[str, float | None]:
    """Give the mean over refits and persons; None where every refit failed."""
    if not found:
        return {"value": None, "low": None, "high": None}
    return mean_of(np.mean(np.array(found, np.float64), axis=0), person.astype(np.int64), seed)


def _other_seeds(rows: Rows, protocol: Protocol, refits: int) -> Iterator[tuple[Rows, Protocol]]:
    for number in range(1, refits + 1):
        yield rows, replace(protocol, seed=protocol.seed + number)


def _resampled(rows: Rows, protocol: Protocol, refits: int) -> Iterator[tuple[Rows, Protocol]]:
    people, place = np.unique(rows.person, return_inverse=True)
    for number in range(refits):
        rng = np.random.default_rng([protocol.seed, number])
        times = np.bincount(rng.integers(len(people), size=len(people)), minlength=len(people))
        yield taken(rows, np.repeat(np.arange(len(rows)), times[place])), protocol


def taken(rows: Rows, index: NDArray[np.int64]) -> Rows:
    """Take rows by position, some of them several times."""
    n = len(rows)
    arrays: dict[str, Any] = {
        field.name: value[index]
        for field in fields(rows)
        if isinstance(value := getattr(rows, field.name), np.ndarray)
        and len(value) == n
        and field.name != "as_ofs"
    }
    return replace(rows, **arrays)


def _listed(bundle: Bundle, rows: Rows, capacity: int) -> NDArray[np.int64]:
    score = bundle.log_odds(rows.values)
    found = [np.empty(0, np.int64)]
    for place in range(len(rows.as_ofs)):
        here = np.flatnonzero(rows.origin == place)
        found.append(here[np.argsort(-score[here], kind="stable")[:capacity]])
    return np.concatenate(found)


def _top_three(bundle: Bundle, rows: Rows, index: NDArray[np.int64]) -> list[tuple[str, ...]]:
    catalogue = default_catalogue().select(bundle.feature_names)
    reasoner = Reasoner(catalogue, bundle.reference)
    values = np.ascontiguousarray(rows.values[index])
    parts, _ = bundle.contributions(values)
    return [
        tuple(reason.concept for reason in reasoner.raising(row, part))
        for row, part in zip(values, parts, strict=True)
    ]


def _overlap(own: Sequence[str], theirs: Sequence[str]) -> float:
    return len(set(own) & set(theirs)) / len(own) if own else float(not theirs)
