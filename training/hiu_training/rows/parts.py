"""Training rows of a whole store part by part, on one machine or on Spark.

The work is done with :func:`hiu_features.write.run` or :func:`hiu_features.cluster.run_on_spark`;
which rows there are and what their labels are, :func:`hiu_training.rows.inputs.make_rows` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hiu_features import Catalogue, FeatureTable
from hiu_features.publishing import read_manifest
from hiu_risk.errors import UsageError
from hiu_risk.histories import Histories
from hiu_risk.store import EVERYTHING, Reads
from hiu_risk.times import FOREVER
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows, make_rows

_FIRST = ("person", "as_of")
_LAST = ("label", "happened_at")


@dataclass(frozen=True)
class RowsWork:
    """The rows of eligible people at risk, their labels and features.

    Parameters
    ----------
    as_ofs : tuple of int
        Origins, UTC seconds, rising.
    protocol : Protocol
        What is looked ahead for, and for whom.
    catalogue : Catalogue
        The features.
    """

    as_ofs: tuple[int, ...]
    protocol: Protocol
    catalogue: Catalogue

    @property
    def facts(self) -> Mapping[str, Any]:
        """Kind, origins, columns, and the hashes of protocol and catalogue."""
        return {
            "kind": "training_rows",
            "protocol_hash": self.protocol.hash,
            "catalogue_hash": self.catalogue.hash,
            "as_ofs": list(self.as_ofs),
            "features": list(self.catalogue.names),
        }

    @property
    def reads(self) -> Reads:
        """Who is eligible and what happened depend on all that is known."""
        return EVERYTHING

    def __call__(self, histories: Histories) -> tuple[pa.Table, Mapping[str, int]]:
        """Make the rows of these people; count those dropped by reason."""
        rows = make_rows(histories, np.array(self.as_ofs), self.protocol, self.catalogue)
        as_of = rows.as_ofs[rows.origin]
        table = FeatureTable(rows.person, as_of, rows.values, rows.names).to_arrow()
        never = rows.happened_at == FOREVER
        when = pa.array(np.where(never, 0, rows.happened_at) * 1_000, mask=never)
        table = table.append_column("label", pa.array(rows.label))
        table = table.append_column("happened_at", when.cast(pa.timestamp("ms", "UTC")))
        counts = {
            f"{why}.{reason}": number
            for why, reasons in rows.dropped.items()
            for reason, number in reasons.items()
        }
        return table, counts


def read_rows(folder: Path) -> Rows:
    """Read training rows back as :func:`hiu_training.rows.inputs.make_rows` gave them.

    Raises
    ------
    UsageError
        The folder holds something else.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest["kind"] != "training_rows":
        raise UsageError("no training rows here", where=str(folder), fix="make them first")
    table = pq.read_table(folder)
    names = tuple(name for name in table.column_names if name not in (*_FIRST, *_LAST))
    values = np.empty((len(table), len(names)), np.float32)
    for place, name in enumerate(names):
        values[:, place] = table.column(name).to_numpy()
    happened = table.column("happened_at").cast(pa.int64())
    seconds = happened.fill_null(0).to_numpy() // 1_000
    dropped: dict[str, dict[str, int]] = {}
    for name, number in manifest["counts"].items():
        why, reason = name.split(".", 1)
        dropped.setdefault(why, {})[reason] = number
    as_ofs = np.array(manifest["as_ofs"], np.int64)
    as_of = table.column("as_of").cast(pa.int64()).to_numpy() // 1_000
    return Rows(
        person=table.column("person").to_numpy(),
        origin=np.searchsorted(as_ofs, as_of).astype(np.int16),
        label=table.column("label").to_numpy(),
        happened_at=np.where(happened.is_null().to_numpy(), FOREVER, seconds),
        values=values,
        names=names,
        as_ofs=as_ofs,
        dropped=dropped,
    )
