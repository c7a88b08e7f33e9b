"""What the model must beat: rankings that need no model, and LightGBM as most would use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import Definition
from hiu_risk.errors import ModelError
from hiu_risk.model.crossing import MANY
from hiu_training.judging.metrics import Ranking, measure
from hiu_training.learning.booster import BINNING, in_place
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split

COUNTS = ("30d", "90d", "365d")
UNTRIED = 100
"""Trees of plain LightGBM where no later block can choose how many."""

HALF_LIVES = ("7d", "30d", "90d", "180d")


def counted(rows: Rows, definition: Definition, what: str) -> NDArray[np.float64]:
    """Add one count up over the sources that the definition counts; missing counts as none.

    ``what`` is ``30d`` or ``decayed_30d``.
    """
    total = np.zeros(len(rows))
    for name in _counts(definition, what):
        total += np.nan_to_num(rows.column(name).astype(np.float64))
    return total


def check_counts(names: Sequence[str], definition: Definition) -> None:
    """Check that all features that the baselines count by are among these.

    Raises
    ------
    ModelError
        The protocol left some of them out: a model is judged beside real counts.
    """
    every = (*COUNTS, *(f"decayed_{half_life}" for half_life in HALF_LIVES))
    missing = [name for what in every for name in _counts(definition, what) if name not in names]
    if missing:
        raise ModelError(
            f"the protocol leaves out {', '.join(missing)}, which the baselines count by",
            where="features",
            fix="name them among the features, or leave the key features out",
        )


def _counts(definition: Definition, what: str) -> list[str]:
    return [f"{MANY[source]}_{what}" for source in definition.sources]


def best_half_life(rows: Rows, definition: Definition) -> str:
    """Choose the half-life whose decayed count ranks the training rows best."""
    precision = {
        half_life: measure(
            Ranking.of(counted(rows, definition, f"decayed_{half_life}"), rows.label), []
        ).average_precision[0]
        for half_life in HALF_LIVES
    }
    return max(HALF_LIVES, key=lambda half_life: float(np.nan_to_num(precision[half_life])))


@dataclass(frozen=True)
class PlainLightGBM:
    """LightGBM as most would use it: all features, 31 leaves, early stopping on a later block.

    Parameters
    ----------
    model : lightgbm.Booster
    note : str
        What the data did not allow; empty where they allowed everything.
    """

    model: Any
    note: str = ""

    def score(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give probabilities."""
        return np.asarray(self.model.predict(values), dtype=np.float64)


def fit_plain_lightgbm(rows: Rows, split: Split, names: Sequence[str], seed: int) -> PlainLightGBM:
    """Choose the number of trees on the early-stopping block, then train on all the rows.

    Where that block tells nothing there are :data:`UNTRIED` trees, and the note says so.
    """
    import lightgbm

    parameters = {
        "objective": "binary",
        "learning_rate": 0.05,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed,
        "verbosity": -1,
    }
    first, last = split.stopping
    known = rows.origin < split.learned_before(first)
    block = (rows.origin >= first) & (rows.origin < last)
    n_trees, note = UNTRIED, _silent(rows.label[known], rows.label[block])
    if not note:
        with BINNING:
            data = lightgbm.Dataset(
                in_place(rows.values, known), rows.label[known], feature_name=list(names),
                params=parameters,
            ).construct()  # fmt: skip
        later = data.create_valid(in_place(rows.values, block), rows.label[block])
        stop = lightgbm.early_stopping(30, verbose=False)
        found = lightgbm.train(parameters, data, 300, valid_sets=[later], callbacks=[stop])
        n_trees = max(int(found.best_iteration), 1)
    whole = lightgbm.Dataset(rows.values, rows.label, feature_name=list(names))
    return PlainLightGBM(lightgbm.train(parameters, whole, n_trees), note)


def _silent(known: NDArray[np.int8], block: NDArray[np.int8]) -> str:
    """Say why the early-stopping block can't choose the number of trees; empty where it can."""
    if known.any() and block.any():
        return ""
    where = "in" if known.any() else "to learn from before"
    return (
        f"plain LightGBM, a baseline, has {UNTRIED} trees, a number that nothing chose: there is "
        f"no positive row {where} the early-stopping block"
    )
