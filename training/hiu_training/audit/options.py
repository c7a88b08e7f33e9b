"""Ways to even out who is found: each gives other scores, or another list, for the same people."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.model.calibrator import probability
from hiu_risk.progress import progress
from hiu_training.learning.learner import learn
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.scored import ScoredRows, catalogue_of
from hiu_training.rows.split import make_split

Floats = NDArray[np.float64]
Values = NDArray[np.float32]
Scorer = Callable[[Values], Floats]

DISCRIMINATION = (
    "This selects people by a protected characteristic. Under the Equality Act 2010 that can "
    "itself be unlawful discrimination, unless an exception (such as positive action under "
    "section 158) applies: take legal advice before choosing it."
)
TRAINED_WITH = (
    "Selection doesn't look at the characteristic, but training did: indirect effects remain, and "
    "the public sector equality duty (section 149) still asks for an assessment."
)
LEFT_OUT = (
    "Leaving an input out is not neutral: others can stand in for it (see the proxies), and a "
    "group whose risk it told truly may be found less."
)

_NEGATIVES, _MOST_ROWS = 20, 15_000


def chosen_in_words(note: Mapping[str, Any]) -> str:
    """Say what was chosen for a model.

    Examples
    --------
    >>> chosen_in_words({"name": "drop:protected", "title": "Age, sex and deprivation left out"})
    'Age, sex and deprivation left out (drop:protected)'
    """
    return f"{note['title']} ({note['name']})"


@dataclass(frozen=True)
class Option:
    """One way to even things out.

    Parameters
    ----------
    name, title, meaning, caution : str
        What it is called, in words, what it does, and what the law says.
    grouping : str
        The characteristic it evens out; empty where it is for none in particular.
    uses_characteristic : bool
        Whether somebody's place depends on their group.
    score : float array, shape (n,)
        Scores of the audited rows under it.
    reserved : str
        The column that places are reserved by; empty where the list is drawn by those scores.
    """

    name: str
    title: str
    meaning: str
    caution: str
    grouping: str
    uses_characteristic: bool
    score: Floats
    reserved: str = ""


def reserve_option(rows: ScoredRows, grouping: str, capacity: int) -> Option:
    """Reserve places, so that each group's expected share found is the same."""
    return Option(
        name=f"reserve:{grouping}",
        title="Reserve places",
        meaning=f"The list stays at {capacity}, but holds the same share of each group's expected "
        "cases; within a group the highest scores. Scores stay as they are.",
        caution=DISCRIMINATION,
        grouping=grouping,
        uses_characteristic=True,
        score=rows.score,
        reserved=grouping,
    )


@dataclass(frozen=True)
class Relearning:
    """The rows the model learned from, for the options that learn again.

    Parameters
    ----------
    histories : Histories
        Of the store.
    protocol : Protocol
        The model's.
    bundle : Bundle
        The model.
    rows : Rows
        Rows of the development origins.
    """

    histories: Histories
    protocol: Protocol
    bundle: Bundle
    rows: Rows

    @property
    def catalogue(self) -> Catalogue:
        """The model's inputs."""
        return catalogue_of(self.bundle)

    def without(self, names: Sequence[str]) -> Scorer:
        """Learn again without some inputs; everything else as the protocol says."""
        kept = [i for i, name in enumerate(self.rows.names) if name not in names]
        catalogue = self.catalogue.select([self.rows.names[i] for i in kept])
        rows = replace(
            self.rows,
            values=np.ascontiguousarray(self.rows.values[:, kept]),
            names=tuple(catalogue.names),
        )
        split = make_split(self.protocol, self.histories.feeds, self.histories.zone)
        learned = learn(rows, split, self.protocol, catalogue.directions)

        def score(values: Values) -> Floats:
            part = np.ascontiguousarray(values[:, kept])
            raw = learned.anchor.log_odds(part, rows.names) + learned.booster.raw(part)
            return probability(learned.calibrator.apply(raw))

        return score

    def evened(self, group: NDArray[np.str_], seed: int) -> Scorer:
        """Learn a mixture of logistic regressions with equal true positive rates (fairlearn).

        Exponentiated gradient (Agarwal and others, 2018) on all cases and twenty others for
        each; the list is drawn by the mixture's mean probability, brought back to the level of
        all rows.
        """
        from fairlearn.reductions import ErrorRate, ExponentiatedGradient, TruePositiveRateParity
        from sklearn.linear_model import LogisticRegression

        label = self.rows.label
        chosen = _case_control(label, seed)
        shape = _Shape.of(self.rows.values[chosen])
        inputs = shape.turned(self.rows.values[chosen])
        many = max(int((label[chosen] == 0).sum()), 1) / max(int(label[chosen].sum()), 1)
        learner = ExponentiatedGradient(
            LogisticRegression(C=0.1, max_iter=500),
            TruePositiveRateParity(difference_bound=0.02),
            objective=ErrorRate(costs={"fp": 1.0 / (1 + many), "fn": many / (1 + many)}),
            max_iter=15,
        )
        with warnings.catch_warnings():  # fairlearn's own use of pandas
            warnings.simplefilter("ignore", DeprecationWarning)
            learner.fit(inputs, label[chosen], sensitive_features=group[chosen])
        weights = np.asarray(learner.weights_, np.float64)
        members = [
            (w, model)
            for w, model in zip(weights, learner.predictors_, strict=False)
            if w > 0 and hasattr(model, "predict_proba")
        ]

        def mean(values: Values) -> Floats:
            turned = shape.turned(values)
            total = np.zeros(len(values))
            for w, model in members:
                total += w * model.predict_proba(turned)[:, list(model.classes_).index(1)]
            return np.clip(total, 1e-9, 1 - 1e-9)

        level = _level(mean(self.rows.values), float(label.mean()))

        def score(values: Values) -> Floats:
            p = mean(values)
            return np.asarray(1 / (1 + np.exp(-(np.log(p) - np.log1p(-p) + level))))

        return score


def relearning(histories: Histories, bundle: Bundle, protocol: Protocol) -> Relearning:
    """Build the rows that the model learned from."""
    split = make_split(protocol, histories.feeds, histories.zone)
    rows = make_rows(histories, split.development, protocol, catalogue_of(bundle))
    return Relearning(histories, protocol, bundle, rows)


@dataclass(frozen=True)
class _Shape:
    """How inputs are brought to one scale: logarithms, then mean 0 and spread 1."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, values: Values) -> _Shape:
        logs = _logs(values)
        known = ~np.isnan(logs)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, logs, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (logs - mean) ** 2, 0.0).sum(axis=0) / count)
        return cls(mean, np.where(spread > 0, spread, 1.0))

    def turned(self, values: Values) -> Floats:
        """Give the inputs on that scale; a missing one is at the mean."""
        return np.nan_to_num((_logs(values) - self.mean) / self.spread, nan=0.0)


def _logs(values: Values) -> Floats:
    wide = values.astype(np.float64)
    return np.sign(wide) * np.log1p(np.abs(wide))


def _case_control(label: NDArray[np.int8], seed: int) -> NDArray[np.int64]:
    """Choose all cases and some others, in the order of the rows."""
    cases, others = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    most = min(len(others), _NEGATIVES * len(cases), _MOST_ROWS)
    drawn = np.random.default_rng(seed).choice(others, most, replace=False)
    return np.sort(np.concatenate([cases, drawn]))


def _level(p: Floats, rate: float) -> float:
    """Find the shift of the log-odds that makes the mean probability the rate."""
    from scipy.optimize import brentq

    odds = np.log(p) - np.log1p(-p)
    return float(brentq(lambda b: float((1 / (1 + np.exp(-(odds + b)))).mean()) - rate, -30, 30))


def rescored(
    histories: Histories,
    bundle: Bundle,
    protocol: Protocol,
    rows: ScoredRows,
    scorers: Sequence[Scorer],
) -> list[Floats]:
    """Score the audited rows in other ways, one date at a time."""
    from hiu_features import build

    catalogue = catalogue_of(bundle)
    found = [np.full(len(rows.score), np.nan) for _ in scorers]
    dates = np.unique(rows.as_of)
    with progress("Scoring in other ways", total=len(dates)) as advance:
        for as_of in dates.tolist():
            here = np.flatnonzero(rows.as_of == as_of)
            mask = np.zeros((histories.n_people, 1), np.bool_)
            mask[rows.person[here]] = True
            table = build(histories, np.array([as_of], np.int64), catalogue, rows=mask)
            for scores, scorer in zip(found, scorers, strict=True):
                scores[here] = scorer(table.values)
            advance(1)
    return found
