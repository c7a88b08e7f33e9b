"""A list whose scores are made part by part: by many machines, or in the memory of one part.

The parts score everybody, count the others, and say of each feed when its events happened. What
a list needs besides (pseudonyms, groups, the histories of those listed) is read here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_features.parts import EVENTS_PER_PART, Job
from hiu_features.side_by_side import in_order
from hiu_risk.errors import DataError
from hiu_risk.histories import Histories, together
from hiu_risk.store import Store
from hiu_serving.coverage import TooLittleKnown
from hiu_serving.everybody import Standing
from hiu_serving.parts import ScoreWork, score_job
from hiu_serving.scorer import Scorer
from hiu_serving.silence import Seen

_SEEN = b"seen"


@dataclass(frozen=True)
class StandingWork(ScoreWork):
    """Make the :class:`hiu_serving.everybody.Standing` of a part.

    Those of whom too little is known have rows too, without a score. When each feed's
    events happened stands in the schema's metadata: it is no sum, as the manifest's counts are.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, model, index date and floor."""
        return {**super().facts, "kind": "standing"}

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Score these people; count those left out by reason."""
        found = Standing.of(histories, self.as_of, self.scorer)
        scored, few = len(found.person), found.too_little
        without = np.arange(scored + len(few.person)) >= scored
        table = pa.table({
            "person": pa.array(np.concatenate([found.person, few.person.astype(np.int32)])),
            "score": pa.array(np.concatenate([found.score, np.zeros(len(few.days))]), mask=without),
            "days": pa.array(np.concatenate([np.zeros(scored, np.int64), few.days])),
            "incidents": pa.array(np.concatenate([np.zeros(scored, np.int64), few.incidents])),
        })  # fmt: skip
        seen = {source: asdict(events) for source, events in sorted(found.seen.items())}
        return table.replace_schema_metadata({_SEEN: json.dumps(seen)}), found.exclusions


@dataclass(frozen=True)
class InParts:
    """Everybody in a store, for :func:`hiu_serving.score.make_worklist`; events are not held.

    Parameters
    ----------
    store : Store
    as_of : int
        UTC seconds.
    scorer : Scorer
        The model.
    scratch : Path
        What the folder of scores is called while it is needed, with the job's id behind it;
        whoever makes parts must see it.
    do : callable
        Does a job and publishes its folder, as :func:`hiu_features.write.run` does.
    events_per_part : int
        Decides the memory needed.
    """

    store: Store
    as_of: int
    scorer: Scorer
    scratch: Path
    do: Callable[[Job, Path], Mapping[str, Any]]
    events_per_part: int = EVENTS_PER_PART

    @cached_property
    def job(self) -> Job:
        """The scoring of everybody."""
        job = score_job(
            self.store.path, self.scorer.bundle, self.as_of, work=StandingWork,
            least_days=self.scorer.floor.days, events_per_part=self.events_per_part,
        )  # fmt: skip
        if job.store_hash != self.store.content_hash:
            raise DataError(
                "the store was replaced while it was read",
                where=str(self.store.path),
                fix="run the command again",
            )
        return job

    def people(self) -> Histories:
        """Give everybody without their events."""
        people = self.store.people()
        offsets = np.zeros(len(people) + 1, np.int64)
        return replace(self.store.histories(rows=(0, 0)), people=people, offsets=offsets)

    def standing(self) -> Standing:
        """Give everybody's score, or the reason why not."""
        out = self.scratch.with_name(f"{self.scratch.name}-{self.job.id[:12]}")
        try:
            return self._read(out, self.do(self.job, out))
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def _read(self, out: Path, manifest: Mapping[str, Any]) -> Standing:
        tables, seen = [], dict[str, Seen]()
        for part in manifest["parts"]:
            with pq.ParquetFile(out / part["file"]) as file:
                tables.append(file.read())
            for source, events in json.loads(tables[-1].schema.metadata[_SEEN]).items():
                seen[source] = Seen.from_dict(events).plus(seen.get(source))
        table = pa.concat_tables([table.replace_schema_metadata() for table in tables])
        person, days, incidents = (
            table.column(name).to_numpy() for name in ("person", "days", "incidents")
        )
        scored = ~table.column("score").is_null().to_numpy()
        feeds_alone = self.scorer.candidates(self.store.histories(rows=(0, 0)), self.as_of)
        return Standing(
            person[scored],
            table.column("score").drop_null().to_numpy(),
            {reason: manifest["counts"][reason] for reason in feeds_alone.exclusions},
            feeds_alone.look_back_covered,
            TooLittleKnown(
                person[~scored].astype(np.int64), days[~scored], incidents[~scored],
                feeds_alone.abstained_because,
            ),
            seen,
        )  # fmt: skip

    def histories_of(self, people: NDArray[np.int64]) -> Histories:
        """Read the histories of people at these positions, in this order.

        Only parts that hold one of them are read, two at a time.
        """
        order = np.argsort(people)
        firsts = [part.first for part in self.job.parts[1:]]
        by_part = np.split(people[order], np.searchsorted(people[order], firsts))

        def read(mine: NDArray[np.int64]) -> Histories:
            first, stop = int(mine[0]), int(mine[-1]) + 1
            return self.store.histories(rows=(first, stop)).take(mine - first)

        nobody = self.store.histories(rows=(0, 0))
        found = together([nobody, *in_order(read, [mine for mine in by_part if len(mine)])])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return found.take(back)

    def histories_by_name(self, names: Sequence[str]) -> Histories:
        """Read the histories of people with these pseudonyms, in the order of the store."""
        return self.histories_of(np.flatnonzero(np.isin(self.store.people_ids, names)))
