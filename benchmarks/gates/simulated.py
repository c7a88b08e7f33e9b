"""Two models' audits of one simulated region, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit

DATES = 5
GROUPINGS: dict[str, tuple[float, ...]] = {
    "sex": (0.5, 0.5),
    "age_band": (0.3, 0.35, 0.2, 0.15),
    "ethnic_group": (0.78, 0.1, 0.06, 0.03, 0.03),
    "imd_quintile": (0.35, 0.25, 0.18, 0.12, 0.1),
}
"""The groupings that an audit takes by default, and what share of people is in each group."""

PLANTED = ("age_band", 2)
"""The group that a planted model is worse for: a fifth of the people."""

CONTEXT = Context("model", "at least 5 calls in 30 days", store="0123456789ab")


@dataclass(frozen=True)
class Rows:
    """Scored rows of one model."""

    person: NDArray[np.int64]
    as_of: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int8]
    groups: dict[str, NDArray[np.str_]]


@dataclass(frozen=True)
class Region:
    """People, half of whose cases a list of 1% finds; scores are calibrated chances.

    Parameters
    ----------
    cases : int
        Different people who become cases, each at one to three of five dates.
    alike : float
        Correlation of the noise in the two models' scores, within cases and within others.
    seed : int
    """

    cases: int
    alike: float
    seed: int

    @property
    def people(self) -> int:
        """Fifty for each case."""
        return self.cases * 50

    @property
    def capacity(self) -> int:
        """A list of 1%."""
        return self.people // 100

    def audits(self, worse_by: float = 0.0) -> tuple[Any, Any]:
        """Give the champion's published audit and the other model's.

        ``worse_by`` is how much less of the planted group's cases the other model finds, in
        truth; of everybody else it finds as many as the champion.
        """
        rng = np.random.default_rng(self.seed)
        n = self.people
        codes = {name: rng.choice(len(p), n, p=p) for name, p in GROUPINGS.items()}
        label = np.zeros((n, DATES), np.int8)
        who = rng.choice(n, self.cases, replace=False)
        for person, first, length in zip(
            who, rng.integers(0, DATES, self.cases), rng.integers(1, 4, self.cases), strict=True
        ):
            label[person, first : first + length] = 1
        share = float(label.mean())
        cut, shift = _found_half(share)
        noise = [_correlated(rng, n) for _ in range(2)]
        other = self.alike * noise[0] + np.sqrt(1 - self.alike**2) * noise[1]
        shifts = np.full(n, shift)
        name, group = PLANTED
        shifts[codes[name] == group] = cut - norm.isf(norm.sf(cut - shift) - worse_by)
        groups = {k: np.array([f"{k} {i}" for i in range(9)])[c] for k, c in codes.items()}
        return (
            _published(noise[0] + shift * label, label, shift, share, groups, self.capacity),
            _published(other + shifts[:, None] * label, label, shift, share, groups, self.capacity),
        )


def _found_half(share: float) -> tuple[float, float]:
    """Give the cut-off and the shift of cases at which a list of 1% holds half of the cases."""
    listed_others = (0.01 - 0.5 * share) / (1 - share)
    cut = float(norm.isf(max(listed_others, 1e-4)))
    shift = brentq(lambda s: norm.sf(cut - s) - 0.5, 0, 10)
    return cut, float(shift)


def _correlated(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Noise of each person and date; a person's own part stays from date to date."""
    own, each = rng.normal(size=(n, 1)), rng.normal(size=(n, DATES))
    return np.asarray(np.sqrt(0.8) * own + np.sqrt(0.2) * each)


def _published(
    x: NDArray[np.float64], label: NDArray[np.int8], shift: float, share: float,
    groups: dict[str, NDArray[np.str_]], capacity: int,
) -> Any:  # fmt: skip
    n = len(x)
    log_odds = np.log(share / (1 - share)) + shift * x - shift**2 / 2
    person = np.repeat(np.arange(n), DATES)
    rows = Rows(
        person, np.tile(np.arange(DATES) * 30 * 86_400, n), 1 / (1 + np.exp(-log_odds.ravel())),
        label.ravel(), {name: values[person] for name, values in groups.items()},
    )  # fmt: skip
    plan = Plan(capacities=(capacity,), primary=capacity, resamples=200, ranking=False)
    return publish(audit(rows, plan), CONTEXT).model_dump(mode="json")
