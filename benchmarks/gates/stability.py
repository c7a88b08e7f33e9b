"""Average precisions of a model and its best baseline, date by date, from a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

OTHERS = 4_000
LEVEL = 0.2
"""Average precision of the baseline."""


@dataclass(frozen=True)
class Dates:
    """Test dates with so many cases each; the two rankers' noise correlates by ``alike``."""

    cases: int
    alike: float

    def draw(self, gains: Sequence[float], draws: int, seed: int = 0) -> NDArray[np.float64]:
        """Give model over baseline, shape (draws, dates), where the truth is ``gains``."""
        rng = np.random.default_rng(seed)
        shifts = np.linspace(0.5, 4.0, 15)
        levels = [np.mean([self._pair(rng, s, s)[0] for _ in range(40)]) for s in shifts]

        def shift(level: float) -> float:
            return float(np.interp(level, levels, shifts))

        base, mine = shift(LEVEL), {gain: shift(LEVEL * gain) for gain in set(gains)}
        ratios = np.empty((draws, len(gains)))
        for one in ratios:
            for date, gain in enumerate(gains):
                theirs, ours = self._pair(rng, base, mine[gain])
                one[date] = ours / theirs
        return ratios

    def _pair(self, rng: np.random.Generator, base: float, mine: float) -> tuple[float, float]:
        label = np.repeat([1.0, 0.0], [self.cases, OTHERS])
        noise = rng.normal(size=(2, len(label)))
        other = self.alike * noise[0] + np.sqrt(1 - self.alike**2) * noise[1]
        return (
            float(average_precision_score(label, noise[0] + base * label)),
            float(average_precision_score(label, other + mine * label)),
        )
