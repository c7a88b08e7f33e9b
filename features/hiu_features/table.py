"""The result of a build: one row per person and as_of, one float32 column a feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_ROWS_IN_CACHE = 256


@dataclass(frozen=True)
class FeatureTable:
    """Values of features, ordered by person, then as_of.

    Parameters
    ----------
    person : int32 array, shape (n,)
        Position of the person in the histories.
    as_of : int64 array, shape (n,)
        Index date in UTC seconds.
    values : float32 array, shape (n, n_features)
        C-contiguous; NaN is missing.
    names : tuple of str
        Feature names, in the order of the columns.
    """

    person: NDArray[np.int32]
    as_of: NDArray[np.int64]
    values: NDArray[np.float32]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.person)

    def column(self, name: str) -> NDArray[np.float32]:
        """Give one feature's values, shape (n,)."""
        return self.values[:, self.names.index(name)]

    def row(self, place: int) -> dict[str, float]:
        """Give one row's values by feature name."""
        return dict(zip(self.names, self.values[place].tolist(), strict=True))

    def to_arrow(self) -> pa.Table:
        """Give an Arrow table: person, as_of (a UTC time), one float column a feature.

        Missing values are null.
        """
        import pyarrow as pa

        columns = {
            "person": pa.array(self.person),
            "as_of": pa.array(self.as_of * 1_000).cast(pa.timestamp("ms", "UTC")),
        }
        for name, values in zip(self.names, _by_column(self.values), strict=True):
            columns[name] = _with_nulls(values)
        return pa.table(columns)

    def to_polars(self) -> pl.DataFrame:
        """Give a Polars frame: the columns of :meth:`to_arrow`; missing values are null.

        Raises
        ------
        UsageError
            Polars is not installed.
        """
        try:
            import polars as pl
        except ModuleNotFoundError:
            raise UsageError(
                "polars is not installed", where="to_polars", fix="pip install polars"
            ) from None
        return pl.DataFrame(self.to_arrow())

    def to_pandas(self) -> pd.DataFrame:
        """Give a pandas frame indexed by person and as_of; missing values are NaN."""
        import pandas as pd

        index = pd.MultiIndex.from_arrays(
            [self.person, pd.to_datetime(self.as_of, unit="s", utc=True)],
            names=["person", "as_of"],
        )
        return pd.DataFrame(self.values, index=index, columns=list(self.names), copy=False)


def _by_column(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn rows into columns, so many rows at a time as stay in the processor's cache."""
    columns = np.empty(values.shape[::-1], values.dtype)
    for start in range(0, len(values), _ROWS_IN_CACHE):
        rows = slice(start, start + _ROWS_IN_CACHE)
        columns[:, rows] = values[rows].T
    return columns


def _with_nulls(values: NDArray[np.float32]) -> pa.Array:
    """Give an Arrow array over the same memory, in which NaN is null."""
    import pyarrow as pa

    missing = np.isnan(values)
    if not missing.any():
        return pa.array(values)
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(pa.float32(), len(values), [valid, pa.py_buffer(values)])
