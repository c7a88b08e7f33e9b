"""What is measured for each group, by fairlearn's MetricFrame.

Rows that agree in group, label and share of a place are added up first, and the frame gets
them with their number as a weight: the values are the same, a million rows take no longer
than a few hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATES = ("recall", "precision", "selection_rate")
COLUMNS = (*RATES, "listed", "found")


@dataclass(frozen=True)
class Measures:
    """Measures of each group of one grouping; the last entry is everybody.

    Parameters
    ----------
    rows, cases, expected : float arrays, shape (n_groups + 1,)
        Rows judged, cases among them, and the number of cases the scores add up to.
    recall, precision, selection_rate, listed, found : float arrays, shape (n_groups + 1, n_k)
        At each capacity: the share of cases listed, of listed rows that are cases, of rows
        listed; rows listed and cases listed (expected numbers where scores tie).
    """

    rows: Floats
    cases: Floats
    expected: Floats
    recall: Floats
    precision: Floats
    selection_rate: Floats
    listed: Floats
    found: Floats


def _rows(y_true: Any, y_pred: Any, *, weight: Any) -> float:
    return float(np.sum(weight))


def _cases(y_true: Any, y_pred: Any, *, weight: Any) -> float:
    return float(np.sum(weight * y_true))


def _total(y_true: Any, y_pred: Any, *, amount: Any) -> float:
    return float(np.sum(amount))


def _listed(y_true: Any, y_pred: Any, *, weight: Any, share: Any) -> float:
    return float(np.sum(weight * share))


def _found(y_true: Any, y_pred: Any, *, weight: Any, share: Any) -> float:
    return float(np.sum(weight * share * y_true))


def _ratio(
    y_true: Any,
    y_pred: Any,
    *,
    weight: Any,
    share: Any,
    above: Callable[..., float],
    below: Callable[..., float],
) -> float:
    """Divide one sum by another; nothing over nothing is not a number."""
    whole = below(y_true, y_pred, weight=weight, share=share)
    part = above(y_true, y_pred, weight=weight, share=share)
    return part / whole if whole > 0 else float("nan")


def _of_label(y_true: Any, y_pred: Any, *, weight: Any, share: Any) -> float:
    return _cases(y_true, y_pred, weight=weight)


def _of_rows(y_true: Any, y_pred: Any, *, weight: Any, share: Any) -> float:
    return _rows(y_true, y_pred, weight=weight)


recall_at_capacity = partial(_ratio, above=_found, below=_of_label)
precision_at_capacity = partial(_ratio, above=_found, below=_listed)
selection_rate_at_capacity = partial(_ratio, above=_listed, below=_of_rows)

_AT_CAPACITY: dict[str, Callable[..., float]] = {
    "recall": recall_at_capacity,
    "precision": precision_at_capacity,
    "selection_rate": selection_rate_at_capacity,
    "listed": _listed,
    "found": _found,
}


def measure(
    codes: NDArray[np.int64], n_groups: int, label: NDArray[np.int8], score: Floats, share: Floats
) -> Measures:
    """Measure every group of one grouping.

    Parameters
    ----------
    codes : int64 array, shape (n,)
        Group of each row, from 0.
    n_groups : int
        How many groups there are.
    label : int8 array, shape (n,)
        1 a case, 0 not.
    score : float array, shape (n,)
        Predicted probabilities.
    share : float array, shape (n, n_capacities)
        Each row's share of a place on the list at each capacity.

    Examples
    --------
    >>> m = measure(np.array([0, 0, 1]), 2, np.array([1, 0, 1], np.int8),
    ...             np.array([0.9, 0.1, 0.5]), np.array([[1.0], [0.0], [0.0]]))
    >>> m.recall[:, 0].tolist(), m.cases.tolist()
    ([1.0, 0.0, 0.5], [1.0, 1.0, 2.0])
    """
    from fairlearn.metrics import MetricFrame

    pattern, of_row = _patterns(label, share)
    kind, kinds = pd.factorize(codes * len(pattern) + of_row)
    weight = added_up(kind, np.ones(len(kind)))
    amount = added_up(kind, score)
    of_kind = pattern[kinds % len(pattern)]
    weigh = {"weight": weight}
    metrics: dict[str, Callable[..., float]] = {"rows": _rows, "cases": _cases, "expected": _total}
    given: dict[str, dict[str, Floats]] = {
        "rows": weigh, "cases": weigh, "expected": {"amount": amount}
    }  # fmt: skip
    for k in range(share.shape[1]):
        for name, metric in _AT_CAPACITY.items():
            metrics[f"{name} {k}"] = metric
            given[f"{name} {k}"] = {**weigh, "share": of_kind[:, k + 1]}
    frame = MetricFrame(
        metrics=metrics,
        y_true=of_kind[:, 0],
        y_pred=amount / weight,
        sensitive_features=(kinds // len(pattern)).astype(np.int64),
        sample_params=given,
    )
    by_group = frame.by_group.reindex(range(n_groups))

    def column(name: str) -> Floats:
        values = np.append(by_group[name].to_numpy(np.float64), float(frame.overall[name]))
        empty = np.nan if name.split()[0] in RATES else 0.0  # a group with no row judged
        return np.where(np.isnan(values), empty, values)

    at = {
        name: np.column_stack([column(f"{name} {k}") for k in range(share.shape[1])])
        for name in COLUMNS
    }
    return Measures(column("rows"), column("cases"), column("expected"), **at)


def added_up(codes: NDArray[Any], amounts: Floats) -> Floats:
    """Add the amounts up by code.

    Examples
    --------
    >>> added_up(np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0])).tolist()
    [4.0, 2.0]
    """
    return np.bincount(codes, weights=amounts).astype(np.float64)


def _patterns(label: NDArray[np.int8], share: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Find the different (label, shares) rows; nearly all rows are off every list."""
    off = np.zeros((2, share.shape[1] + 1))
    off[1, 0] = 1.0
    which = label.astype(np.int64)
    listed = np.flatnonzero(share.any(axis=1))
    on, inverse = np.unique(
        np.column_stack([label[listed], share[listed]]), axis=0, return_inverse=True
    )
    which[listed] = 2 + inverse.ravel()
    return np.concatenate([off, on]), which


def distinct_people(
    person: NDArray[np.int64], group: NDArray[np.int64], n_groups: int
) -> NDArray[np.int64]:
    """Count the different persons in each group; the last entry is everybody.

    Parameters
    ----------
    person : int64 array, shape (n,)
        Persons of the rows in question.
    group : int64 array, shape (n, n_groupings)
        Their groups, numbered across groupings.

    Examples
    --------
    >>> distinct_people(np.array([7, 7, 8]), np.array([[0], [0], [1]]), 2).tolist()
    [1, 1, 2]
    """
    counts = np.zeros(n_groups + 1, np.int64)
    counts[-1] = len(pd.unique(person))
    for column in group.T:
        pairs = pd.unique(person * n_groups + column)
        counts[:-1] += np.bincount(pairs % n_groups, minlength=n_groups)
    return counts
