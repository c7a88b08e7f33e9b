"""Whether a person's events are surely theirs: said beside the score where they may not be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hiu_risk.store import Store
from hiu_risk.times import DAY
from hiu_serving.cautions import Caution

SURE = 0.8
"""A link with less confidence than this is doubtful."""
SHARE = 0.2
"""Doubt is said where this share of the last year's events, or more, are doubtful links."""
_COLUMNS = ["person", "occurred_at", "available_at", "superseded_at", "identity_confidence"]


def doubtful(store: Store, people: Iterable[int], as_of: int) -> dict[int, Caution]:
    """Find those among some people whose events may belong to others.

    Parameters
    ----------
    store : Store
        Where the events are; those without a confidence say nothing.
    people : iterable of int
        Positions in the store's people.
    as_of : int
        Index date, UTC seconds: the year before it is looked at, as known then.
    """
    wanted = sorted(people)
    if not wanted:
        return {}
    table = pq.read_table(
        store.file("events"),
        columns=_COLUMNS,
        filters=pc.field("person").isin(pa.array(wanted, pa.int32())) & pc.field("counted"),
        partitioning=None,
    )
    times = {
        name: table.column(name).cast(pa.int64()).to_numpy() / 1_000_000
        for name in ("occurred_at", "available_at", "superseded_at")
    }
    confidence = table.column("identity_confidence").to_numpy()
    known = (times["occurred_at"] < as_of) & (times["occurred_at"] >= as_of - 365 * DAY)
    known &= times["available_at"] <= as_of
    known &= np.isnan(times["superseded_at"]) | (as_of < times["superseded_at"])
    known &= ~np.isnan(confidence)
    person = table.column("person").to_numpy()[known]
    unsure = confidence[known] < np.float32(SURE)
    found = {}
    for one in np.unique(person[unsure]).tolist():
        n, m = int(unsure[person == one].sum()), int((person == one).sum())
        if n >= SHARE * m:
            which = "the only rated match" if m == 1 else f"{n} of {m} rated matches"
            were = "was" if n == 1 else "were"
            text = f"Identity not certain: {which} in the last year {were} doubtful."
            found[one] = Caution("identity_doubtful", text)
    return found
