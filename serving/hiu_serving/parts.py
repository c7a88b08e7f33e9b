"""Scores of a whole store part by part, on one machine or on Spark.

The work is done with :func:`hiu_features.write.run` or :func:`hiu_features.cluster.run_on_spark`;
who is scored and what the score is, :class:`hiu_serving.scorer.Scorer` says, as for the worklist.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hiu_features.parts import EVENTS_PER_PART, Job
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.store import EVERYTHING, Reads, Store
from hiu_serving.scorer import Scorer


@dataclass(frozen=True)
class ScoreWork:
    """Score everybody who can be scored at an index date.

    Parameters
    ----------
    files : tuple of (str, str)
        Names and texts of the bundle's files: text travels to the executors, and is checked
        against its hashes there.
    bundle_id : str
        The bundle.
    catalogue_hash : str
        Its features.
    as_of : int
        UTC seconds.
    """

    files: tuple[tuple[str, str], ...]
    bundle_id: str
    catalogue_hash: str
    as_of: int

    @classmethod
    def of(cls, bundle: Bundle, as_of: int) -> ScoreWork:
        """Make the work of a bundle."""
        with tempfile.TemporaryDirectory() as name:
            folder = bundle.save(Path(name) / "bundle")
            texts = [(file.name, file.read_text("utf-8")) for file in sorted(folder.iterdir())]
        return cls(tuple(texts), bundle.id, bundle.manifest.catalogue_hash, as_of)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, model and index date."""
        return {
            "kind": "scores",
            "model": self.bundle_id,
            "catalogue_hash": self.catalogue_hash,
            "as_ofs": [self.as_of],
        }

    @property
    def reads(self) -> Reads:
        """Who is eligible and what happened depend on all that is known."""
        return EVERYTHING

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Score these people; count those left out by reason."""
        scorer = _scorer(self.files)
        candidates = scorer.candidates(histories, self.as_of)
        scored = scorer.score(histories, self.as_of, candidates.mask)
        when = np.full(len(scored.person), self.as_of * 1_000)
        table = pa.table({
            "person": pa.array(scored.person),
            "as_of": pa.array(when).cast(pa.timestamp("ms", "UTC")),
            "score": pa.array(scored.score),
            "band": pa.array(scorer.bundle.band(scored.score), pa.string()).dictionary_encode(),
        })  # fmt: skip
        return table, candidates.exclusions


@lru_cache(maxsize=2)
def _scorer(files: tuple[tuple[str, str], ...]) -> Scorer:
    with tempfile.TemporaryDirectory() as name:
        for file, text in files:
            (Path(name) / file).write_bytes(text.encode("utf-8"))
        return Scorer.of(Bundle.load(Path(name)))


def score_job(
    store: Path | str, bundle: Bundle, as_of: int, *, events_per_part: int = EVENTS_PER_PART
) -> Job:
    """Plan the scoring of a store.

    Raises
    ------
    ModelError
        The store was made with other rules than the model's, or lacks its features.
    """
    rules = Store.open(store).manifest
    Scorer.of(bundle).require_same_rules(rules.zone, rules.counting, rules.gap_seconds)
    return Job.of(store, ScoreWork.of(bundle, as_of), events_per_part=events_per_part)
