"""How much a model depends on whom and when it learned from.

Each run trains as the protocol says but for one thing, and is judged at the same test dates on
the same people as the model itself, with the same resamples of people.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue
from hiu_risk.errors import ModelError
from hiu_risk.histories import Histories
from hiu_risk.times import DAY, from_seconds, to_seconds
from hiu_risk.words import plural
from hiu_training.judging.evaluation import MODEL, Ranker, evaluate
from hiu_training.learning.learner import learn
from hiu_training.protocol import Protocol
from hiu_training.protocol.settings import Period
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.split import Split, late_blocks
from hiu_training.train import Trained, chosen_catalogue

log = logging.getLogger(__name__)

MEASURES = ("average_precision", "recall_at", "calibration_slope")
"""What is shown of each run, and of its difference from the model."""

AS_TRAINED = "as_trained"


@dataclass(frozen=True)
class Run:
    """One way to train otherwise.

    Parameters
    ----------
    name : str
        ``with_caseload``, or ``without`` and the name of a period.
    what : str
        The same in a sentence.
    rows : Rows
        To learn from.
    split : Split
        Their blocks.
    """

    name: str
    what: str
    rows: Rows
    split: Split


def sensitivity(histories: Histories, trained: Trained, protocol: Protocol) -> dict[str, Any]:
    """Train otherwise, and compare with the model.

    Parameters
    ----------
    histories : Histories
        That the model was trained on.
    trained : Trained
    protocol : Protocol
        Its ``periods`` are left out one at a time.

    Returns
    -------
    dict
        ``as_trained``: rows, positives, dates and measures of the model; ``runs``: the same of
        each run, with ``difference``, run minus model; ``left_out``: runs that could not be made
        and why; ``judged``: population and dates. Measures are ``{value, low, high}``.
    """
    model = Ranker(*[trained.bundle.log_odds(trained.test.values)] * 2)
    directions = chosen_catalogue(protocol).directions
    told: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    mine: dict[str, Any] = {}
    for run in _runs(histories, trained, protocol, left_out):
        log.info("Training %s: %s rows", run.name.replace("_", " "), f"{len(run.rows):,}")
        try:
            learned = learn(run.rows, run.split, protocol, directions)
        except ModelError as error:
            left_out.append({"name": run.name, "why": str(error)})
            continue
        other = replace(
            trained.bundle, anchor=learned.anchor, booster=learned.booster,
            calibrator=learned.calibrator, anchor_calibrator=learned.anchor_calibrator,
        ).log_odds(trained.test.values)  # fmt: skip
        found = evaluate(
            trained.test, {MODEL: Ranker(other, other), AS_TRAINED: model}, protocol.capacities,
            resamples=protocol.resamples, seed=protocol.seed,
        )  # fmt: skip
        mine = found["rankers"][AS_TRAINED]
        told.append(
            {
                "name": run.name,
                "what": run.what,
                **_learned_from(run.rows, run.split),
                "trees": learned.verdict.n_trees,
                "measures": _shown(found["rankers"][MODEL]),
                "difference": _shown(found["differences"][AS_TRAINED]),
            }
        )
    if not mine:
        mine = evaluate(
            trained.test, {MODEL: model}, protocol.capacities,
            resamples=protocol.resamples, seed=protocol.seed,
        )["rankers"][MODEL]  # fmt: skip
    return {
        "judged": {
            "dates": _days(trained.test.as_ofs),
            "rows": len(trained.test),
            "positives": trained.test.positives,
            "resamples": protocol.resamples,
        },
        AS_TRAINED: {
            **_learned_from(trained.development, trained.split),
            "trees": trained.learned.verdict.n_trees,
            "measures": _shown(mine),
        },
        "runs": told,
        "left_out": left_out,
    }


def _runs(
    histories: Histories, trained: Trained, protocol: Protocol, left_out: list[dict[str, str]]
) -> Iterator[Run]:
    catalogue = chosen_catalogue(protocol)
    if len(histories.caseload.person):
        rows = with_caseload(histories, trained.split, protocol, catalogue)
        what = "people on a caseload are learned from too, and what happened to them while on it"
        yield Run("with_caseload", what, rows, trained.split)
    else:
        left_out.append({"name": "with_caseload", "why": "the store has nobody on a caseload"})
    for period in protocol.periods:
        name = f"without {period.name}"
        mask = touched(trained.split.development, period, protocol, histories.zone)
        size = late_blocks(trained.split.development[~mask], trained.split.embargo)
        if not mask.any():
            left_out.append({"name": name, "why": "no training date's horizon touches it"})
        elif size is None:
            left_out.append({"name": name, "why": "too few training dates are left without it"})
        else:
            what = (
                f"without the {plural(int(mask.sum()), 'training date')} whose horizon touches "
                f"{period.first.isoformat()} to {period.last.isoformat()}"
            )
            yield Run(name, what, *_without(trained.development, trained.split, mask, size))


def with_caseload(
    histories: Histories, split: Split, protocol: Protocol, catalogue: Catalogue
) -> Rows:
    """Build the training rows as if nobody were ever helped."""
    policy = replace(protocol.policy, exclude_caseload=False)
    return make_rows(
        histories, split.development, replace(protocol, policy=policy), catalogue,
        caseload_censors=False,
    )  # fmt: skip


def touched(
    as_ofs: NDArray[np.int64], period: Period, protocol: Protocol, zone: str
) -> NDArray[np.bool_]:
    """Mask the index dates whose horizon touches a period."""
    starts, ends = (
        to_seconds(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))
        for day in (period.first, period.last + timedelta(days=1))
    )
    return (as_ofs < ends) & (as_ofs + protocol.horizon_days * DAY > starts)


def _without(rows: Rows, split: Split, mask: NDArray[np.bool_], size: int) -> tuple[Rows, Split]:
    """Leave index dates out; the others move together, and the blocks with them."""
    place = np.cumsum(~mask) - 1
    kept = rows.part(~mask[rows.origin])
    development = split.development[~mask]
    kept = replace(kept, origin=place[kept.origin].astype(np.int16), as_ofs=development)
    n = len(development)
    return kept, replace(
        split, development=development, stopping=(n - 2 * size, n - size), calibration=(n - size, n)
    )


def _learned_from(rows: Rows, split: Split) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "people": len(np.unique(rows.person)),
        "positives": rows.positives,
        "dates": _days(split.development),
    }


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in MEASURES if name in found}


def _days(moments: NDArray[np.int64]) -> list[str]:
    return [from_seconds(moment).isoformat() for moment in moments.tolist()]
