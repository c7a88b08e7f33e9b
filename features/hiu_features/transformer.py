"""Features as a scikit-learn transformer, for pipelines and cross-validation.

Import it by its own name: ``hiu_features`` itself does not need scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from hiu_features.build import Engine
from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.frames import arrow_table, histories_from_frame, seconds_of
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Histories
from hiu_risk.store import Store

COLUMNS = ("person", "as_of")
_PEOPLE_AT_ONCE = 1_000


class HistoryFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc] # untyped bases
    """Turn rows of (person, as_of) into the features of that person as known at that moment.

    One row in, one row out, in order, so that it works in a pipeline and under
    cross-validation: the histories are a parameter, the rows to learn from are ``X``. Nothing is
    learned from ``X``; a row's features are those of :func:`hiu_features.build`, to the bit.

    Parameters
    ----------
    histories : Histories, Store, path of a store, or frame of events
        Where the events are; see :func:`hiu_features.frames.histories_from_frame` for frames.
        Clones share it.
    catalogue : Catalogue or list of str, optional
        The features, or names of the default catalogue's. Default: all of those.

    Attributes
    ----------
    histories_ : Histories
        The histories, read.
    catalogue_ : Catalogue
        The features.
    n_features_in_ : int
        2.
    feature_names_in_ : array of str
        Only where ``X`` was a frame.

    Examples
    --------
    >>> events = pa.table({"person": ["a"], "source": ["call"], "occurred_at": [86_400]})
    >>> X = pa.table({"person": ["a", "a"], "as_of": [86_400, 172_800]}).to_pandas()
    >>> HistoryFeatures(events, catalogue=["calls_7d"]).fit_transform(X).tolist()
    [[0.0], [1.0]]
    """

    def __init__(self, histories: Any = None, *, catalogue: Any = None) -> None:
        self.histories = histories
        self.catalogue = catalogue

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 # scikit-learn's own name
        """Read the histories and check the rows; nothing is learned.

        Parameters
        ----------
        X : frame or array, shape (n, 2)
            ``person`` (identifier, or position in the histories) and ``as_of`` (datetime with
            zone, or UTC seconds).
        y : ignored
        """
        histories, catalogue = _read(self.histories), _catalogue(self.catalogue)
        self._rows(X, histories, reset=True)
        self.histories_, self.catalogue_ = histories, catalogue
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """Build the features of each row, shape (n, n_features); NaN is missing."""
        check_is_fitted(self)
        person, as_of = self._rows(X, self.histories_, reset=False)
        values = np.empty((len(person), len(self.catalogue_)), np.float32)
        engine = Engine(self.catalogue_)
        for rows in _blocks(person):
            who, row_of = np.unique(person[rows], return_inverse=True)
            when, column_of = np.unique(as_of[rows], return_inverse=True)
            wanted = np.zeros((len(who), len(when)), np.bool_)
            wanted[row_of, column_of] = True
            table = engine.build(self.histories_.take(who), when, rows=wanted)
            place = np.cumsum(wanted).reshape(wanted.shape) - 1
            values[rows] = table.values[place[row_of, column_of]]
        return values

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features, in order."""
        check_is_fitted(self)
        return np.array(self.catalogue_.names, dtype=object)

    def _rows(
        self,
        X: Any,  # noqa: N803
        histories: Histories,
        *,
        reset: bool,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the position of each row's person, and its as_of in UTC seconds."""
        if hasattr(X, "__arrow_c_stream__"):
            validate_data(self, X, skip_check_array=True, reset=reset)
            return _from_frame(arrow_table(X, "X"), histories)
        array = check_array(X, dtype=np.float64, estimator=self, input_name="X")
        validate_data(self, array, skip_check_array=True, reset=reset)
        if array.shape[1] != len(COLUMNS) or bool((array % 1 != 0).any()):
            raise ValueError(
                "X has two columns of whole numbers: the person's position in the histories, and "
                f"as_of in UTC seconds; found {array.shape[1]} columns"
            )
        return _positions(array[:, 0].astype(np.int64), histories), array[:, 1].astype(np.int64)

    def __sklearn_clone__(self) -> HistoryFeatures:
        # Histories never change: clones of a cross-validation share them instead of copying.
        return type(self)(self.histories, catalogue=self.catalogue)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _read(histories: Any) -> Histories:
    if histories is None:
        raise UsageError(
            "no histories to look into",
            where="HistoryFeatures",
            fix="give histories=, a store or a frame of events",
        )
    if isinstance(histories, Histories):
        return histories
    if isinstance(histories, str | Path):
        histories = Store.open(histories)
    return (
        histories.histories() if isinstance(histories, Store) else histories_from_frame(histories)
    )


def _catalogue(catalogue: Any) -> Catalogue:
    if isinstance(catalogue, Catalogue):
        return catalogue
    known = default_catalogue()
    return known if catalogue is None else known.select(catalogue)


def _from_frame(
    table: pa.Table, histories: Histories
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if missing := sorted(set(COLUMNS) - set(table.column_names)):
        raise DataError(f"the column {missing[0]!r} is missing", where="X")
    moments = seconds_of(table.column("as_of"), "X, as_of")
    person = table.column("person")
    if person.null_count or None in moments:
        raise DataError("a row without a person or a moment", where="X")
    names = np.array(person.to_pylist())
    return _positions(names, histories), np.array(moments, np.int64)


def _positions(person: NDArray[Any], histories: Histories) -> NDArray[np.int64]:
    ids = histories.people.id
    if np.issubdtype(person.dtype, np.integer):
        place, found = person.astype(np.int64), (person >= 0) & (person < len(ids))
    else:
        names = person.astype(np.str_)
        order = np.argsort(ids)
        where = np.minimum(np.searchsorted(ids, names, sorter=order), max(len(ids) - 1, 0))
        place = order[where] if len(ids) else np.zeros(len(names), np.int64)
        found = ids[place] == names if len(ids) else np.zeros(len(names), np.bool_)
    if not found.all():
        raise DataError(
            "a person who is not in the histories",
            where=f"X, row {int(np.flatnonzero(~found)[0])}",
            fix="give people who are there",
        )
    return place


def _blocks(person: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    # Rows of some people at a time: a person by date table of all could be huge.
    if len(person) == 0:
        return
    order = np.argsort(person, kind="stable")
    _, first = np.unique(person[order], return_index=True)
    yield from np.split(order, first[_PEOPLE_AT_ONCE::_PEOPLE_AT_ONCE])
