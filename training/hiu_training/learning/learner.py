"""Learn the whole model: anchor, trees that proved themselves, and the calibrator."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hiu_risk.errors import ModelError
from hiu_risk.model import Anchor, Booster, Calibrator
from hiu_risk.model.calibrator import probability
from hiu_training.learning.anchor import Inputs, blend, crossing_inputs, weigh
from hiu_training.learning.bending import Seen, calibrate
from hiu_training.learning.booster import (
    NO_TREES,
    STRIDE,
    Trial,
    Verdict,
    grow,
    judge,
    shrunk,
    trial,
)
from hiu_training.learning.calibration import MIN_POSITIVES, positive_people, row_losses
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learned:
    """A model and how it came about.

    Parameters
    ----------
    anchor, booster, calibrator
        The model's three parts.
    anchor_calibrator : Calibrator
        What the anchor alone would need, so that it is compared fairly.
    anchor_weights : dict of str to float
        How much of the anchor stands on each set of inputs.
    verdict : Verdict
        How many trees, and how much they count.
    block_scores : float64 array
        Calibrated scores of the calibration block, from which the bands are cut.
    base_rate : float
        Share of positives there.
    """

    anchor: Anchor
    booster: Booster
    calibrator: Calibrator
    anchor_calibrator: Calibrator
    anchor_weights: dict[str, float]
    verdict: Verdict
    block_scores: NDArray[np.float64]
    base_rate: float


@dataclass(frozen=True)
class _Block:
    """A later block as a model saw it that knew only what was known then."""

    mask: NDArray[np.bool_]
    trial: Trial
    foreseen: bool = True


def learn(
    rows: Rows, split: Split, protocol: Protocol, directions: Sequence[int], threads: int = 0
) -> Learned:
    """Learn from the development rows; see :mod:`hiu_training.rows.split` for who may know what.

    Raises
    ------
    ModelError
        No positive row, or one class alone in the calibration block.
    """
    require_both(rows)
    if rows.positives < MIN_POSITIVES:
        log.warning(
            "only %d positive rows in training: expect little of this model", rows.positives
        )
    early = _known(rows, split, split.stopping)
    inputs = Inputs.of(
        rows, protocol.definition,
        crossing_inputs(protocol, rows, early if early.any() else np.ones(len(rows), np.bool_)),
    )  # fmt: skip
    weights, blocks = _later_blocks(inputs, split, protocol, directions)
    verdict = judge([block.trial for block in blocks])
    everything = np.ones(len(rows), np.bool_)
    kinds = inputs.kinds()
    anchor = blend(
        [inputs.fit(everything, kinds[name], protocol.anchor, protocol.seed) for name in weights],
        list(weights.values()),
    )
    raw_anchor = inputs.log_odds(anchor)
    del inputs
    booster = Booster()
    if verdict.n_trees:
        model = grow(
            rows.values, rows.label, raw_anchor, rows.names, directions, protocol.booster,
            verdict.n_trees, protocol.seed,
        )  # fmt: skip
        booster = shrunk(model, verdict.weight)
    raw = raw_anchor + booster.raw(rows.values, threads=threads)
    calibrator, place = _calibrate(blocks, raw, rows.origin, verdict, protocol)
    anchor_calibrator, _ = _calibrate(blocks, raw_anchor, rows.origin, NO_TREES, protocol)
    return Learned(
        anchor, booster, calibrator, anchor_calibrator, weights, verdict,
        probability(calibrator.apply(raw[place])), float(rows.label[place].mean()),
    )  # fmt: skip


def _later_blocks(
    inputs: Inputs, split: Split, protocol: Protocol, directions: Sequence[int]
) -> tuple[dict[str, float], list[_Block]]:
    """Weigh the kinds of anchors and try trees, on both later blocks."""
    spans = (split.stopping, split.calibration)
    # Side by side, each on one thread: on a busy machine LightGBM's own threads wait for each
    # other far longer than they work. The limit for sums of products holds for the whole process,
    # so it is set here: where one fit lifted it under the other, the last digits were luck.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(len(spans)) as pool:
        sights = list(pool.map(partial(_foresee, inputs, split, protocol), spans))
        _say_silent(sights, inputs.rows, spans)
        weights = _weights(sights, inputs)
        ahead = partial(_look_ahead, inputs, weights, protocol, directions)
        # A block with no case before it was foreseen by nobody, and speaks neither for nor
        # against anything; where both are such, their rows at least give the level.
        foreseen = [sight for sight in sights if sight.anchors] or sights
        return weights, list(pool.map(ahead, foreseen))


def require_both(rows: Rows) -> None:
    """Refuse rows to learn from that are all positive, or all negative.

    Raises
    ------
    ModelError
        They are, or there are none.
    """
    positives = rows.positives
    if positives in (0, len(rows)):
        which = "positive" if positives == 0 else "negative"
        raise ModelError(
            f"no {which} case in training, among {len(rows)} rows",
            where="training origins",
            fix="check the definition, lengthen horizon_days, or ingest more data",
        )


@dataclass(frozen=True)
class _Sight:
    """What anchors on each set of inputs foresaw of a block, knowing what was known then."""

    known: NDArray[np.bool_]
    block: NDArray[np.bool_]
    anchors: dict[str, Anchor]
    losses: dict[str, float]


def _known(rows: Rows, split: Split, span: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(rows.origin < split.learned_before(span[0]))


def _foresee(inputs: Inputs, split: Split, protocol: Protocol, span: tuple[int, int]) -> _Sight:
    """Fit an anchor of each kind on what was known at a block's first origin, and judge it."""
    rows = inputs.rows
    known = _known(rows, split, span)
    block = (rows.origin >= span[0]) & (rows.origin < span[1])
    truth = rows.label[block].astype(np.float64)
    if not 0 < rows.label[known].sum() < known.sum() or not block.any():
        return _Sight(known, block, {}, {})  # nothing to learn from yet
    anchors = {
        name: inputs.fit(known, roles, protocol.anchor, protocol.seed)
        for name, roles in inputs.kinds().items()
    }
    losses = {}
    if 0 < truth.sum() < len(truth):
        losses = {
            name: float(row_losses(inputs.log_odds(anchor, block), truth).sum())
            for name, anchor in anchors.items()
        }
    return _Sight(known, block, anchors, losses)


_SILENT = (
    "trees can prove themselves on the calibration block alone",
    "trees can prove themselves on the early-stopping block alone, and its cases alone calibrate "
    "the chances",
    "trees can't prove themselves, so that the model is the anchor alone, and nothing shows "
    "whether its chances lie too far apart",
)


def _say_silent(
    sights: Sequence[_Sight], rows: Rows, spans: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """Warn where a later block can't speak for or against anything, and say what follows."""
    said = [
        f"the {name} block (training dates {first + 1} to {last} of {len(rows.as_ofs)}) {why}"
        for name, sight, (first, last) in zip(
            ("early-stopping", "calibration"), sights, spans, strict=True
        )
        if (why := _silence(sight, rows.label[sight.block]))
    ]
    if said:
        follows = _SILENT[2 if len(said) == 2 else bool(sights[0].losses)]
        log.warning(
            "%s: %s. What to do: more training dates (origins.every, origins.first), a longer "
            "horizon_days, or more data",
            " and ".join(said), follows,
        )  # fmt: skip


def _silence(sight: _Sight, label: NDArray[np.int8]) -> str:
    """Say why a block tells nothing; empty where it does."""
    if sight.losses:
        return ""
    if len(label) == 0:
        return "has no row whose outcome was observed"
    if 0 < label.sum() < len(label):
        return "has no case before it to learn from"
    return f"has no {'negative' if label.any() else 'positive'} row among {len(label):,}"


def _weights(sights: Sequence[_Sight], inputs: Inputs) -> dict[str, float]:
    """Weigh the kinds of anchors by what they lost on all blocks; alike where none can tell."""
    kinds = list(inputs.kinds())
    losses = [sum(sight.losses.get(name, 0.0) for sight in sights) for name in kinds]
    return {name: w for name, w in zip(kinds, weigh(losses), strict=True) if w > 0}


def _look_ahead(
    inputs: Inputs,
    weights: dict[str, float],
    protocol: Protocol,
    directions: Sequence[int],
    sight: _Sight,
) -> _Block:
    """Grow trees on what was known at a block's first origin, and try the result on the block."""
    rows, known, block = inputs.rows, sight.known, sight.block
    truth, person = rows.label[block], rows.person[block]
    outcome = truth.astype(np.float64)
    if not sight.anchors:
        return _Block(block, _no_trees(np.zeros(len(truth)), outcome, person), foreseen=False)
    anchor = blend([sight.anchors[name] for name in weights], list(weights.values()))
    raw = inputs.log_odds(anchor, block)
    most = protocol.booster.max_trees
    if most and 0 < truth.sum() < len(truth):
        model = grow(
            rows.values, rows.label[known], inputs.log_odds(anchor, known), rows.names, directions,
            protocol.booster, most, protocol.seed, mask=known, stop_on=(block, truth, raw),
        )  # fmt: skip
        return _Block(block, trial(model, rows.values, block, raw, truth, person))
    return _Block(block, _no_trees(raw, outcome, person))


def _no_trees(
    raw: NDArray[np.float64], outcome: NDArray[np.float64], person: NDArray[np.int32]
) -> Trial:
    return Trial(raw, np.zeros((1, len(raw))), outcome, person, 0)


def _calibrate(
    blocks: Sequence[_Block],
    raw: NDArray[np.float64],
    origin: NDArray[np.int16],
    verdict: Verdict,
    protocol: Protocol,
) -> tuple[Calibrator, NDArray[np.int64]]:
    """Slope from predictions made ahead of the block; offset from the final model on it.

    The final model has learned from the block too, so its own level there is already right on
    average, while a slope seen from ahead is the honest one.
    """
    seen = [
        Seen(_ahead(one.trial, verdict), one.trial.label, one.trial.person, origin[one.mask])
        for one in blocks
    ]
    last = blocks[-1].trial
    newest = 1 if positive_people(last.label, last.person) >= MIN_POSITIVES else len(blocks)
    place = np.concatenate([np.flatnonzero(block.mask) for block in blocks[-newest:]])
    fitted = calibrate(seen, seen[-newest:], raw[place], protocol.few_positives)
    if not blocks[-1].foreseen:  # nobody can say how far off a chance may be later
        fitted = replace(fitted, uncertainty=None)
    return fitted, place


def _ahead(block: Trial, verdict: Verdict) -> NDArray[np.float64]:
    stage = min(-(-verdict.n_trees // STRIDE), len(block.stages) - 1)
    return np.asarray(block.raw + verdict.weight * block.stages[stage])
