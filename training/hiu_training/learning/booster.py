"""Fit the booster: LightGBM that starts from the anchor, and counts only for what it proved.

On the later blocks we compare, person by person, the log loss of anchor plus trees with that of
the anchor alone. The gain divided by its standard error, z, decides the number of trees and how
much they count: 1 - 2/z^2, or nothing where that is below 0 (the positive part of a James-Stein
estimate, twice as doubtful because the best of many numbers of trees is looked at). A gain that
chance could have made is shrunk away; a sure one is kept whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiu_risk.model import Booster
from hiu_training.learning.calibration import fit_offset, row_losses
from hiu_training.protocol.settings import BoosterSettings

STRIDE = 10
"""The gain is looked at after every so many trees."""

SOME_ROWS = 65_536
"""Rows of a later block that are looked at together, which bounds the memory for copies."""

BINNING = Lock()
"""Held while LightGBM bins rows: trainings run side by side, and its sample of the rows, in double
precision, would be most of their memory."""

DOUBT = 2.0
"""z must exceed the square root of this before trees count at all."""

_RANGES = re.compile(r"^(feature_infos=)(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """Trees trained before a block, and the block that judges them.

    Parameters
    ----------
    raw : float64 array, shape (n,)
        Anchor log-odds of the block's rows.
    stages : float64 array, shape (n_stages, n)
        What the first 0, 10, 20, ... trees add.
    label : float64 array, shape (n,)
    person : int32 array, shape (n,)
    n_trees : int
        All trees that were tried: training may end before the last stage is full.
    """

    raw: NDArray[np.float64]
    stages: NDArray[np.float64]
    label: NDArray[np.float64]
    person: NDArray[np.int32]
    n_trees: int


@dataclass(frozen=True)
class Verdict:
    """How many trees, and how much they count.

    Parameters
    ----------
    n_trees : int
        Number of trees.
    weight : float
        0 to 1: what every leaf is multiplied by.
    gain, z : float
        Log loss saved on the later blocks, in all, and divided by its standard error.
    """

    n_trees: int
    weight: float
    gain: float
    z: float


NO_TREES = Verdict(0, 0.0, 0.0, 0.0)


def in_place(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    """Give the masked rows without copying one: a view of each stretch of them.

    LightGBM takes the list as it takes one array, to the bit. Rows stand by person and date, so
    that what was known at a date is one stretch a person.

    Examples
    --------
    >>> values = np.arange(5, dtype=np.float32).reshape(5, 1)
    >>> found = in_place(values, np.array([True, True, False, False, True]))
    >>> [rows.ravel().tolist() for rows in found]
    [[0.0, 1.0], [4.0]]
    """
    edges = np.flatnonzero(np.diff(mask.view(np.int8), prepend=0, append=0))
    return [values[start:stop] for start, stop in edges.reshape(-1, 2).tolist()]


def grow(
    values: NDArray[np.float32],
    label: NDArray[np.int8],
    anchor: NDArray[np.float64],
    names: Sequence[str],
    directions: Sequence[int],
    settings: BoosterSettings,
    n_trees: int,
    seed: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    stop_on: tuple[NDArray[np.bool_], NDArray[np.int8], NDArray[np.float64]] | None = None,
) -> Any:
    """Train trees that start from the anchor's log-odds, on rows that are not copied.

    ``mask`` chooses rows of ``values``, to which ``label`` and ``anchor`` belong; all without it.
    ``stop_on`` (mask, labels, anchor of a later block) ends the training ``patience`` trees after
    the best.
    """
    import lightgbm

    rate = float(label.mean())
    parameters = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.max_leaves,
        "min_data_in_leaf": 20,
        "min_sum_hessian_in_leaf": max(settings.min_positives_in_leaf * (1 - rate), 1e-3),
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_share,
        "max_bin": 63,
        "monotone_constraints": list(directions),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,  # whole trainings run side by side instead: see the learner
        "seed": seed,
        "verbosity": -1,
    }
    with BINNING:
        data = lightgbm.Dataset(
            values if mask is None else in_place(values, mask),
            label, init_score=anchor, feature_name=list(names), params=parameters,
        ).construct()  # fmt: skip
    watch: dict[str, Any] = {}
    if stop_on is not None:
        block, truth, start = stop_on
        start = start + fit_offset(start, truth.astype(np.float64))
        later = data.create_valid(in_place(values, block), truth, init_score=start)
        watch = {
            "valid_sets": [later],
            "callbacks": [lightgbm.early_stopping(settings.patience, verbose=False)],
        }
    return lightgbm.train(parameters, data, n_trees, **watch)


def trial(
    model: Any,
    values: NDArray[np.float32],
    block: NDArray[np.bool_],
    raw: NDArray[np.float64],
    label: NDArray[np.int8],
    person: NDArray[np.int32],
) -> Trial:
    """Record what the trees would add to each row of a later block, stage by stage.

    ``block`` chooses rows of ``values``, to which all that follows belongs.
    """
    total = model.current_iteration()
    starts = range(0, total, STRIDE)
    stages, place = np.zeros((1 + len(starts), len(raw))), np.flatnonzero(block)
    for first in range(0, len(place), SOME_ROWS):
        some = slice(first, first + SOME_ROWS)
        later = values[place[some]]
        for stage, start in enumerate(starts):
            added = model.predict(
                later, raw_score=True, start_iteration=start,
                num_iteration=min(STRIDE, total - start), num_threads=1,
            )  # fmt: skip
            stages[stage + 1, some] = stages[stage, some] + added
    return Trial(raw, stages, label.astype(np.float64), person, total)


def judge(trials: Sequence[Trial]) -> Verdict:
    """Decide the number of trees and their weight from all blocks together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> raw, label = np.zeros(400), np.tile([0.0, 1.0], 200)
    >>> lucky = np.stack([np.zeros(400), rng.normal(size=400)])
    >>> judge([Trial(raw, lucky, label, np.arange(400, dtype=np.int32), 10)]).weight
    0.0
    """
    usable = [t for t in trials if 0 < t.label.sum() < len(t.label)]
    n_stages = min((len(t.stages) for t in usable), default=0)
    if n_stages < 2:
        return NO_TREES
    # A person of several blocks is one witness: what happened to them may be told in each.
    people, place = np.unique(np.concatenate([t.person for t in usable]), return_inverse=True)
    without = [row_losses(t.raw, t.label) for t in usable]
    gains, variances = np.zeros(n_stages), np.zeros(n_stages)
    for stage in range(1, n_stages):
        saved = [
            before - row_losses(t.raw + t.stages[stage], t.label)
            for before, t in zip(without, usable, strict=True)
        ]
        per_person = np.bincount(place, np.concatenate(saved), minlength=len(people))
        gains[stage] = per_person.sum()
        variances[stage] = ((per_person - per_person.mean()) ** 2).sum()
    if gains.max() <= 0:
        return NO_TREES
    best = int(gains.argmax())
    z = float(gains[best] / np.sqrt(max(variances[best], 1e-12)))
    weight = 1 - DOUBT / z**2
    if weight <= 0:
        return Verdict(0, 0.0, float(gains[best]), z)
    n_trees = min(best * STRIDE, *(t.n_trees for t in usable))
    return Verdict(n_trees, weight, float(gains[best]), z)


def shrunk(model: Any, weight: float) -> Booster:
    """Multiply every leaf by the weight and give the booster as text."""
    structure = model.dump_model()["tree_info"]
    for tree, info in enumerate(structure):
        for leaf in range(info["num_leaves"]):
            model.set_leaf_output(tree, leaf, weight * model.get_leaf_output(tree, leaf))
    return Booster(without_ranges(model.model_to_string()))


def without_ranges(text: str) -> str:
    """Leave out the least and the largest value of each feature: they are single people's.

    LightGBM writes them as ``feature_infos`` and never looks at them again; it reads ``none`` of
    a feature without a range.

    Examples
    --------
    >>> without_ranges("feature_infos=[0:41] [1:9]")
    'feature_infos=none none'
    """
    return _RANGES.sub(
        lambda line: line[1] + " ".join("none" for _ in line[2].split()), text, count=1
    )
