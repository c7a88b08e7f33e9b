"""Scored rows simulated from a known truth, for the tests of the audit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm


@dataclass(frozen=True)
class SimulatedRows:
    """What ``hiu_training.audit.report.Rows`` asks for."""

    person: NDArray[np.int64]
    as_of: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int8]
    groups: dict[str, NDArray[np.str_]]


@dataclass(frozen=True)
class World:
    """A population whose recall at capacity is known in closed form.

    A person is a case on every date or on none. Scores are normal, higher for cases by a shift
    that differs by group, and a person's scores on different dates are correlated.
    """

    shares: tuple[float, ...]
    shifts: tuple[float, ...]
    people: int = 4_000
    dates: int = 2
    case_share: float = 0.1
    listed_share: float = 0.08
    correlation: float = 0.8

    @property
    def capacity(self) -> int:
        return round(self.people * self.listed_share)

    @property
    def true_recall(self) -> NDArray[np.float64]:
        shares, shifts = np.array(self.shares), np.array(self.shifts)

        def excess(t: float) -> float:
            cases = float(np.sum(shares * norm.sf(t - shifts)))
            return (1 - self.case_share) * norm.sf(t) + self.case_share * cases - self.listed_share

        return norm.sf(brentq(excess, -10, 10) - shifts)

    @property
    def true_differences(self) -> NDArray[np.float64]:
        """Recall of each group less recall of everybody else's cases."""
        shares, recall = np.array(self.shares), self.true_recall
        rest = (np.sum(shares * recall) - shares * recall) / (1 - shares)
        return recall - rest

    def draw(self, seed: int, others: int = 0) -> SimulatedRows:
        """Draw a sample; ``others`` adds groupings of three groups that make no difference."""
        rng = np.random.default_rng(seed)
        n = self.people
        group = rng.choice(len(self.shares), n, p=self.shares)
        case = rng.random(n) < self.case_share
        own = rng.normal(size=(n, 1))
        noise = rng.normal(size=(n, self.dates))
        latent = np.sqrt(self.correlation) * own + np.sqrt(1 - self.correlation) * noise
        latent += (case * np.array(self.shifts)[group])[:, None]
        person = np.repeat(np.arange(n), self.dates)
        groups = {"group": np.array([f"g{i}" for i in range(len(self.shares))])[group][person]}
        for i in range(others):
            groups[f"other{i}"] = rng.choice(np.array(["x", "y", "z"]), n)[person]
        return SimulatedRows(
            person=person,
            as_of=np.tile(np.arange(self.dates) * 30 * 86_400, n),
            score=norm.cdf(latent.ravel()),
            label=np.repeat(case, self.dates).astype(np.int8),
            groups=groups,
        )


def random_rows(
    seed: int,
    *,
    people: int = 300,
    dates: int = 3,
    levels: int = 40,
    unobserved: float = 0.0,
) -> SimulatedRows:
    """Give rows with many ties, several groupings and, if asked, unobserved labels."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), dates)
    score = (rng.integers(1, levels, len(person)) / levels).astype(np.float64)
    label = (rng.random(len(person)) < score * 0.4).astype(np.int8)
    label[rng.random(len(person)) < unobserved] = -1
    sex = rng.choice(np.array(["female", "male"]), people)
    area = rng.choice(np.array(["east", "north", "west"]), people, p=[0.7, 0.25, 0.05])
    return SimulatedRows(
        person=person * 7,
        as_of=np.tile(np.arange(dates) * 86_400, people),
        score=score,
        label=label,
        groups={"sex": sex[person], "area": area[person]},
    )
