"""Small trees read from LightGBM's text, and their exact Shapley values.

A tree of at most seven splits sends a row one way or the other at each split: at most 128
patterns of answers, and rows with the same pattern have the same contributions. So these are
worked out once per pattern, straight from the definition of the Shapley value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

MOST_SPLITS = 7
ZERO = np.float32(1e-35)
"""LightGBM takes whatever is this near to nought as nought."""

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = 0, 1, 2


class NotCoveredError(Exception):
    """The text holds something that the tables don't cover."""


@dataclass(frozen=True)
class Tree:
    """A tree of numerical splits.

    Parameters
    ----------
    feature : int array, shape (n_splits,)
        Column that each split looks at.
    threshold : float64 array, shape (n_splits,)
        Left if the value is at most this.
    decision : int array, shape (n_splits,)
        LightGBM's ``decision_type``: bit 1 is where a missing value goes (set: left), bits 2
        and 3 what counts as missing (0: nothing, and NaN is 0; 1: zero and NaN; 2: NaN).
    left, right : int array, shape (n_splits,)
        Number of the next split, or ``~leaf``. Children come after their parents.
    leaf_value : float64 array, shape (n_splits + 1,)
        What the tree says.
    leaf_count, split_count : float64 array
        Training rows that came by: the weights of the conditional expectations.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    decision: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaf_value: NDArray[np.float64]
    leaf_count: NDArray[np.float64]
    split_count: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = self.n_splits
        if n > MOST_SPLITS:
            raise NotCoveredError(f"a tree of {n} splits")
        if (self.decision & _CATEGORICAL).any() or (self.decision >> 2 > _MISSING_NAN).any():
            raise NotCoveredError("a split that is not numerical")
        sizes = {len(getattr(self, name)) for name in ("threshold", "decision", "left", "right")}
        if sizes != {n} or len(self.leaf_value) != n + 1:
            raise NotCoveredError("a tree with parts missing")
        if n and (len(self.leaf_count) != n + 1 or len(self.split_count) != n):
            raise NotCoveredError("a tree without counts")
        for split in range(n):
            children = (int(self.left[split]), int(self.right[split]))
            if any(not (split < child < n or -n - 1 <= child < 0) for child in children):
                raise NotCoveredError("a tree whose splits are in another order")
            counts = [self._count(child) for child in children]
            if min(counts) <= 0 or sum(counts) != self.split_count[split]:
                raise NotCoveredError("counts that do not add up")

    @property
    def n_splits(self) -> int:
        """Number of splits."""
        return len(self.feature)

    @property
    def features(self) -> NDArray[np.int64]:
        """Give the columns the tree looks at, each once, rising."""
        return np.unique(self.feature)

    @property
    def mean(self) -> float:
        """What the tree says on average over the training rows."""
        if self.n_splits == 0:
            return float(self.leaf_value[0])
        return float((self.leaf_count / self.split_count[0] * self.leaf_value).sum())

    def _count(self, node: int) -> float:
        return float(self.split_count[node] if node >= 0 else self.leaf_count[~node])

    def expectations(self) -> NDArray[np.float64]:
        """Give what the tree says on average when only some features are known.

        Returns
        -------
        float64 array, shape (2 ** n_features, 2 ** n_splits)
            For each set of known features (bit i: the i-th of :attr:`features`) and each
            pattern (bit i: right at split i). At a split on an unknown feature both branches
            count, by their share of the training rows: the path-dependent TreeSHAP.
        """
        features = self.features
        known = np.arange(1 << len(features))[:, None]
        pattern = np.arange(1 << self.n_splits)[None, :]
        at = {~leaf: np.full((1, 1), value) for leaf, value in enumerate(self.leaf_value)}
        for split in reversed(range(self.n_splits)):
            left, right = int(self.left[split]), int(self.right[split])
            share = self._count(left) / self._count(split)
            is_known = known >> np.searchsorted(features, self.feature[split]) & 1 == 1
            goes_right = pattern >> split & 1 == 1
            told = np.where(goes_right, at[right], at[left])
            both = share * at[left] + self._count(right) / self._count(split) * at[right]
            at[split] = np.where(is_known, told, both)
        return np.broadcast_to(at[0] if self.n_splits else at[~0], (known.size, pattern.size))

    def shapley_values(self) -> NDArray[np.float64]:
        """Give each feature's Shapley value, shape (n_features, 2 ** n_splits).

        Examples
        --------
        >>> stump = Tree(
        ...     *map(np.array, ([3], [0.5], [2], [-1], [-2], [0.0, 4.0], [3.0, 1.0], [4.0]))
        ... )
        >>> stump.mean, stump.shapley_values().tolist()
        (1.0, [[-1.0, 3.0]])
        """
        n = len(self.features)
        sets = np.arange(1 << n)
        size = np.bitwise_count(sets).astype(np.int64)
        share = np.array([factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)])
        value = self.expectations()
        parts = np.empty((n, value.shape[1]))
        for i in range(n):
            without = sets[sets >> i & 1 == 0]
            gain = value[without | 1 << i] - value[without]
            parts[i] = (share[size[without]][:, None] * gain).sum(axis=0)
        return parts

    def going_right(self) -> Iterator[tuple[int, np.float32, bool, bool]]:
        """Give each split as a rule about float32 values: column, limit, and two exceptions.

        A value goes right if it is above the limit. The first flag says that NaN goes right,
        the second that zero goes where NaN goes. A float32 is above LightGBM's float64
        threshold exactly when it is above the next float32 at or below it.
        """
        for column, threshold, decision in zip(
            self.feature, self.threshold, self.decision, strict=True
        ):
            missing, default_left = decision >> 2, bool(decision & _DEFAULT_LEFT)
            nan_right = not default_left if missing != _MISSING_NONE else bool(threshold < 0)
            yield int(column), _at_most(threshold), nan_right, bool(missing == _MISSING_ZERO)


def _at_most(threshold: float) -> np.float32:
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    return np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near


def read_trees(text: str) -> tuple[int, tuple[Tree, ...]]:
    """Read the number of features and every tree of a booster's text.

    Raises
    ------
    NotCoveredError
        More than one output, averaged or linear trees, categories, or more than seven splits.
    """
    head, *blocks = text.split("\nend of trees", 1)[0].split("\nTree=")
    common = _fields(head)
    if common.get("num_class") != "1" or common.get("num_tree_per_iteration") != "1":
        raise NotCoveredError("more than one output")
    if "\naverage_output" in head:
        raise NotCoveredError("averaged trees")
    try:
        n_features = int(common["max_feature_idx"]) + 1
        trees = tuple(_tree(_fields(block)) for block in blocks)
    except (KeyError, ValueError):
        raise NotCoveredError("text of another format") from None
    if any(((tree.feature < 0) | (tree.feature >= n_features)).any() for tree in trees):
        raise NotCoveredError("a split on a feature that is not there")
    return n_features, trees


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: Mapping[str, str]) -> Tree:
    if fields.get("is_linear", "0") != "0" or fields.get("num_cat", "0") != "0":
        raise NotCoveredError("a linear tree or one of categories")

    def whole(name: str) -> NDArray[np.int64]:
        return np.array(fields.get(name, "").split(), np.int64)

    def real(name: str) -> NDArray[np.float64]:
        return np.array(fields.get(name, "").split(), np.float64)

    return Tree(
        feature=whole("split_feature"),
        threshold=real("threshold"),
        decision=whole("decision_type"),
        left=whole("left_child"),
        right=whole("right_child"),
        leaf_value=real("leaf_value"),
        leaf_count=real("leaf_count"),
        split_count=real("internal_count"),
    )
