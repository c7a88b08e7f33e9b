"""One way from histories to scores, for the nightly list and the API alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_features.build import build
from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.context import Context, peers_of
from hiu_features.reasons import Reasoner
from hiu_risk.counting import Counting
from hiu_risk.definitions import Definition
from hiu_risk.eligibility import EligibilityPolicy, at_risk, eligibility
from hiu_risk.errors import ModelError
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.weekends import check_list_day
from hiu_serving.cautions import Caution
from hiu_serving.coverage import (
    FEEDS_TOO_SHORT,
    TOO_LITTLE_HISTORY,
    Floor,
    context_of,
    days_known,
    feed_days,
)
from hiu_serving.learned import learned_from
from hiu_serving.nobody import one_person
from hiu_serving.wording import exclusion_in_words, lower_first
from hiu_serving.worklist import Interval, purpose_of


@dataclass(frozen=True)
class Candidates:
    """Who can be scored at an index date, and why the others can't.

    Parameters
    ----------
    mask : bool array, shape (n_people,)
    exclusions : dict of str to int
        People left out by reason; with those in ``mask`` they add up to all people.
    look_back_covered : bool
        Whether the data reach back through the whole washout.
    age_unknown : int
        Candidates whose age the definition asks for and nobody recorded.
    abstained : int array
        Positions of those left out because too little is known of them.
    abstained_because : str
        ``too_little_history`` or ``feeds_too_short``.
    """

    mask: NDArray[np.bool_]
    exclusions: dict[str, int]
    look_back_covered: bool
    age_unknown: int
    abstained: NDArray[np.int64]
    abstained_because: str


@dataclass(frozen=True)
class Scored:
    """Scores of some people at one index date.

    Parameters
    ----------
    person : int array, shape (n,)
        Positions in the histories.
    values : float32 array, shape (n, n_features)
        In the order of the bundle's features; NaN is missing.
    score : float64 array, shape (n,)
        Probabilities.
    """

    person: NDArray[np.int32]
    values: NDArray[np.float32]
    score: NDArray[np.float64]


@dataclass(frozen=True)
class Scorer:
    """A bundle and the features it needs, checked against each other.

    Parameters
    ----------
    bundle : Bundle
        The model.
    catalogue : Catalogue
        Its features, in its order.
    floor : Floor
        How much must be known of somebody before they are scored.
    """

    bundle: Bundle
    catalogue: Catalogue
    floor: Floor = field(default_factory=Floor)

    @classmethod
    def of(
        cls, bundle: Bundle, catalogue: Catalogue | None = None, *, floor: Floor | None = None
    ) -> Scorer:
        """Put a bundle together with the features it needs.

        Raises
        ------
        ModelError
            A feature of the bundle isn't in the catalogue, or is declared otherwise there.
        """
        known = catalogue or default_catalogue()
        names = tuple(name for name in bundle.feature_names if name in known.names)
        if not names:
            raise ModelError(
                "none of the model's features is known", where=f"model {bundle.version}"
            )
        chosen = known.select(names)
        bundle.check_catalogue(chosen)
        return cls(bundle, chosen, floor or Floor())

    @cached_property
    def id(self) -> str:
        """The bundle's id."""
        return self.bundle.id

    @cached_property
    def version(self) -> str:
        """The model version people read."""
        return self.id[:12]

    @cached_property
    def definition(self) -> Definition:
        """The rule the model looks ahead for."""
        return self.bundle.definition

    @cached_property
    def policy(self) -> EligibilityPolicy:
        """Who is eligible."""
        return EligibilityPolicy.from_dict(self.bundle.manifest.policy)

    @property
    def purpose(self) -> str:
        """What a list by this model is for: lists of one purpose may be compared."""
        manifest = self.bundle.manifest
        return purpose_of(self.definition.to_dict(), manifest.target, manifest.horizon_days)

    @cached_property
    def counting(self) -> Counting:
        """Which events count, as where the model was trained."""
        known = Counting.__dataclass_fields__
        switches = {k: v for k, v in self.bundle.manifest.counting.items() if k in known}
        return Counting.from_dict(switches, self.definition.entity)

    @cached_property
    def gap(self) -> int:
        """Seconds within which calls without an incident id are one incident."""
        return int(self.bundle.manifest.counting.get("gap_seconds", 0))

    @cached_property
    def learned_from(self) -> tuple[str, ...]:
        """The sources that the model learned from."""
        return learned_from(self.bundle, self.catalogue)

    @cached_property
    def reasoner(self) -> Reasoner:
        """What gives the reasons."""
        return Reasoner(self.catalogue, self.bundle.reference)

    @cached_property
    def peers(self) -> str:
        """With whom a person's values are compared."""
        return peers_of(
            self.bundle.reference,
            self.definition.entity,
            target=self.bundle.manifest.target,
            active=self.policy.active_within_days > 0,
        )

    def context(self, histories: Histories, person: int, as_of: int) -> Context:
        """Say of whom and when the sentences about somebody speak."""
        return context_of(histories, person, as_of, self.peers)

    def why_not(self, histories: Histories, person: int, as_of: int) -> Caution:
        """Say why one person can't be scored."""
        one = histories.take(np.array([person]))
        if one.n_events == 0:
            return Caution(
                "no_history", "No event that counts is known: there is nothing to score."
            )
        counts = self.candidates(one, as_of).exclusions
        code = next(reason for reason, count in counts.items() if count)
        return Caution(code, f"Not scored: {lower_first(exclusion_in_words(code))}.")

    def require_same_rules(self, zone: str, counting: Mapping[str, Any], gap: int) -> None:
        """Refuse data that were prepared otherwise than those the model was trained on.

        Raises
        ------
        ModelError
            Another time zone, other counting switches, or another gap between incidents.
        """
        ours = {"zone": self.bundle.manifest.zone, "gap_seconds": self.gap}
        ours |= self.counting.to_dict()
        theirs = {"zone": zone, "gap_seconds": gap, **counting}
        differ = sorted(name for name, value in ours.items() if theirs.get(name, value) != value)
        if differ:
            raise ModelError(
                f"the store was made with other rules than the model's: {', '.join(differ)}",
                where=f"model {self.version}",
                fix="ingest with the model's rules, or train on this store",
            )

    def candidates(self, histories: Histories, as_of: int) -> Candidates:
        """Tell who can be scored: eligible, and at risk of the bundle's target.

        Raises
        ------
        UsageError
            A weekend list on another day than Thursday or Friday.
        """
        as_ofs, manifest = np.array([as_of], np.int64), self.bundle.manifest
        check_list_day(manifest.target, as_ofs, histories.zone)
        who = eligibility(histories, as_ofs, self.definition, self.policy)
        risk = at_risk(
            histories,
            as_ofs,
            self.definition,
            manifest.target,  # type: ignore[arg-type] # checked by at_risk
            washout_days=manifest.washout_days,
            rows=who.mask,
        )
        mask = risk.mask[:, 0]
        short, why = self._too_little_known(histories, as_of, mask)
        counts = {
            reason: int(count[0]) for reason, count in {**who.exclusions, **risk.exclusions}.items()
        }
        counts |= dict.fromkeys((TOO_LITTLE_HISTORY, FEEDS_TOO_SHORT), 0) | {why: len(short)}
        mask[short] = False
        return Candidates(
            mask, counts, bool(risk.look_back_covered[0]), int(who.age_unknown[0]), short, why
        )

    def _too_little_known(
        self, histories: Histories, as_of: int, mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], str]:
        """Find those of whom too little is known, and whether the feeds alone are why."""
        floor = self.floor
        known = days_known(histories, as_of, self.definition, floor.within)
        covered = feed_days(histories, as_of, self.definition, floor.within)
        why = FEEDS_TOO_SHORT if covered < floor.days else TOO_LITTLE_HISTORY
        return np.flatnonzero(mask & (known < floor.days)), why

    def score(self, histories: Histories, as_of: int, who: NDArray[np.bool_]) -> Scored:
        """Score these people, in the order of the histories."""
        table = build(histories, np.array([as_of], np.int64), self.catalogue, rows=who[:, None])
        threads = 1 if len(table.values) < 1_000 else 0
        scores = self.bundle.score(table.values, threads=threads)
        return Scored(table.person, table.values, scores)

    def intervals(self, scores: NDArray[np.float64]) -> list[Interval | None]:
        """Give the limits of each chance; see :func:`intervals_of`."""
        return intervals_of(self.bundle, scores)

    def contributions(
        self, values: NDArray[np.float32], scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Split log-odds into what each feature adds, and the base; see :class:`Bundle`.

        Every row is checked: its parts must add up to the score it was given.

        Raises
        ------
        ModelError
            They don't: nothing may be told of such a score.
        """
        threads = 1 if len(values) < 1_000 else 0
        parts, base = self.bundle.contributions(values, threads=threads)
        check_sums(parts.sum(axis=1) + base, scores, self.version)
        return parts, base

    def warm_up(self) -> None:
        """Compile and load what the first request would otherwise wait for."""
        histories, as_of = one_person(self.bundle.manifest.zone)
        self.candidates(histories, as_of)
        scored = self.score(histories, as_of, np.array([True]))
        self.contributions(scored.values, scored.score)


def intervals_of(bundle: Bundle, scores: NDArray[np.float64]) -> list[Interval | None]:
    """Give the limits of each chance, for 90%; None where the model knows none.

    They are of people with such a score, not of the single person; see
    :meth:`hiu_risk.model.Bundle.interval`.
    """
    if bundle.calibrator.uncertainty is None:
        return [None] * len(scores)
    low, high = bundle.interval(scores)
    return list(zip(low.tolist(), high.tolist(), strict=True))


TOLERANCE = 1e-6
"""Log-odds by which the parts of a score may miss it."""
_SATURATED = 20.0
"""Log-odds beyond which a probability no longer tells them to that precision."""


def check_sums(sums: NDArray[np.float64], scores: NDArray[np.float64], version: str = "") -> None:
    """Refuse contributions that don't add up to the scores they explain.

    Parameters
    ----------
    sums : float64 array, shape (n,)
        Base and contributions together.
    scores : float64 array, shape (n,)
        Probabilities.
    version : str
        The model, for the message.

    Raises
    ------
    ModelError
        A sum is more than 1e-6 of log-odds away.

    Examples
    --------
    >>> check_sums(np.array([0.0]), np.array([0.5]))
    """
    here = ~(np.abs(sums) > _SATURATED)
    told = np.log(scores[here]) - np.log1p(-scores[here])
    wrong = ~(np.abs(sums[here] - told) <= TOLERANCE)
    if wrong.any():
        raise ModelError(
            f"the parts of {int(wrong.sum()):,} of {len(sums):,} scores do not add up to them",
            where=f"model {version}",
            fix="don't use its reasons; train again, and report this",
        )
