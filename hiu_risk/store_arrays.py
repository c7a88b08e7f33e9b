"""From the columns of a store to arrays: each value is read once and written once.

Done chunk by chunk into the array that is kept, by functions that let other threads run
meanwhile: parts of a store are read beside each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hiu_risk.codes import Vocabulary

_MICROSECONDS = 1_000_000


def times(column: pa.ChunkedArray, missing: int) -> NDArray[np.int64]:
    """Whole UTC seconds of a column of timestamps; null becomes ``missing``.

    Examples
    --------
    >>> times(pa.chunked_array([[5_000_000, None]]).cast(pa.timestamp("us", "UTC")), -1).tolist()
    [5, -1]
    """
    seconds = np.empty(len(column), np.int64)
    start = 0
    for chunk in column.chunks:
        place = seconds[start : start + len(chunk)]
        start += len(chunk)
        if chunk.null_count < len(chunk):
            np.floor_divide(_values(chunk, np.int64), _MICROSECONDS, out=place)
        if chunk.null_count:
            place[chunk.is_null().to_numpy(zero_copy_only=False)] = missing
    return seconds


def codes(column: pa.ChunkedArray, vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """Codes of a dictionary column of names; null becomes 0.

    Examples
    --------
    >>> from hiu_risk.codes import SEX
    >>> codes(pa.chunked_array([pa.array(["male", None]).dictionary_encode()]), SEX).tolist()
    [2, 0]
    """
    found = np.empty(len(column), np.uint8)
    start = 0
    for chunk in column.chunks:
        names = vocabulary.encode(chunk.dictionary.to_pylist())
        index = chunk.indices.fill_null(len(names)) if chunk.null_count else chunk.indices
        place = found[start : start + len(chunk)]
        start += len(chunk)
        # "clip" checks nothing, so it writes straight into the place; Arrow checked the indices.
        np.take(np.append(names, np.uint8(0)), _values(index, np.int32), out=place, mode="clip")
    return found


def _values(array: pa.Array, kind: type[np.generic]) -> NDArray[Any]:
    """Give the values behind an Arrow array without a copy; behind nulls stands anything."""
    values = array.buffers()[1]
    if values is None:
        return np.empty(0, kind)
    return np.frombuffer(values, kind)[array.offset : array.offset + len(array)]
