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
from typing import Any, Self

import numpy as np
import pyarrow as pa

from hiu_features.parts import EVENTS_PER_PART, Job
from hiu_features.reasons import total_of
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.store import EVERYTHING, Reads, Store
from hiu_serving.coverage import Floor
from hiu_serving.scorer import Scored, Scorer


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
    least_days : int
        So many days must be known of somebody.
    """

    files: tuple[tuple[str, str], ...]
    bundle_id: str
    catalogue_hash: str
    as_of: int
    least_days: int = Floor().days

    @classmethod
    def of(cls, bundle: Bundle, as_of: int, *, least_days: int = Floor().days) -> Self:
        """Make the work of a bundle."""
        with tempfile.TemporaryDirectory() as name:
            folder = bundle.save(Path(name) / "bundle")
            texts = [(file.name, file.read_text("utf-8")) for file in sorted(folder.iterdir())]
        return cls(tuple(texts), bundle.id, bundle.manifest.catalogue_hash, as_of, least_days)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, model, index date and floor."""
        return {
            "kind": "scores",
            "model": self.bundle_id,
            "catalogue_hash": self.catalogue_hash,
            "as_ofs": [self.as_of],
            "least_days": self.least_days,
        }

    @property
    def reads(self) -> Reads:
        """Who is eligible and what happened depend on all that is known."""
        return EVERYTHING

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Score these people; count those left out by reason."""
        scorer = self.scorer
        candidates = scorer.candidates(histories, self.as_of)
        scored = scorer.score(histories, self.as_of, candidates.mask)
        return self.table(histories, scorer, scored), candidates.exclusions

    @property
    def scorer(self) -> Scorer:
        """What scores; loaded once in a process."""
        return _scorer(self.files, self.least_days)

    def table(self, histories: Histories, scorer: Scorer, scored: Scored) -> pa.Table:
        """Put the scores in a table."""
        when = np.full(len(scored.person), self.as_of * 1_000)
        return pa.table({
            "person": pa.array(scored.person),
            "as_of": pa.array(when).cast(pa.timestamp("ms", "UTC")),
            "score": pa.array(scored.score),
            **_limits(scorer, scored),
            "band": pa.array(scorer.bundle.band(scored.score), pa.string()).dictionary_encode(),
        })  # fmt: skip


@dataclass(frozen=True)
class ExplainWork(ScoreWork):
    """Take the scores of everybody who can be scored apart.

    Besides the score: the pseudonym, the base, what each feature adds to the log-odds (a column
    of its name) and what each concept does (``concept_...``, with ``concept_other`` for what is
    never a reason). Base and features add up to the log-odds, which is checked for every row.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, model, index date, floor and features."""
        return {**super().facts, "kind": "explanations"}

    def table(self, histories: Histories, scorer: Scorer, scored: Scored) -> pa.Table:
        """Put the scores and their parts in a table."""
        parts, base = scorer.contributions(scored.values, scored.score)
        table = super().table(histories, scorer, scored)
        ids = pa.array(histories.people.id[scored.person], pa.string())
        table = table.add_column(1, "person_id", ids)
        table = table.append_column(
            "log_odds", pa.array(total_of(parts, range(parts.shape[1])) + base)
        )
        table = table.append_column("base", pa.array(base))
        for concept, total in scorer.reasoner.by_concept(parts).items():
            table = table.append_column(f"concept_{concept}", pa.array(total))
        for place, name in enumerate(scorer.catalogue.names):
            table = table.append_column(name, pa.array(np.ascontiguousarray(parts[:, place])))
        return table


def _limits(scorer: Scorer, scored: Scored) -> dict[str, pa.Array]:
    """Give the limits of each chance as columns; null where the model knows none."""
    found = scorer.intervals(scored.score)
    return {
        name: pa.array([None if one is None else one[side] for one in found], pa.float64())
        for side, name in enumerate(("score_low", "score_high"))
    }


@lru_cache(maxsize=2)
def _scorer(files: tuple[tuple[str, str], ...], least_days: int) -> Scorer:
    with tempfile.TemporaryDirectory() as name:
        for file, text in files:
            (Path(name) / file).write_bytes(text.encode("utf-8"))
        return Scorer.of(Bundle.load(Path(name)), floor=Floor(least_days))


def score_job(
    store: Path | str,
    bundle: Bundle,
    as_of: int,
    *,
    least_days: int = Floor().days,
    events_per_part: int = EVENTS_PER_PART,
    work: type[ScoreWork] = ScoreWork,
) -> Job:
    """Plan the scoring of a store, or with :class:`ExplainWork` the explanation of everybody.

    Raises
    ------
    ModelError
        The store was made with other rules than the model's, or lacks its features.
    """
    rules = Store.open(store).manifest
    Scorer.of(bundle).require_same_rules(rules.zone, rules.counting, rules.gap_seconds)
    chosen = work.of(bundle, as_of, least_days=least_days)
    return Job.of(store, chosen, events_per_part=events_per_part)
