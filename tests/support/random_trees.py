"""Models in LightGBM's text format with any structure, and rows that try their edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LIMITS = (0.0, -0.0, 0.5, 2.0, 7.000000000000001, 0.1, -0.1, -3.0, np.inf, -np.inf, 1e-36, -1e-36,
          1e-35, float(np.float32(1e-35)), float(np.float32(0.1)), 1e300, -1e300)  # fmt: skip
EDGES = (np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, -1e-35, 2e-35, 1e-45, np.inf, -np.inf, 3.4e38,
         -3.4e38, 0.1, -0.1, 0.5, 1.0, 2.0, 7.0, -3.0)  # fmt: skip


def random_model(rng: np.random.Generator, n_features: int, n_trees: int, most_leaves: int) -> str:
    """A model whose trees split anywhere, on anything, with every way to treat what is missing."""
    names = " ".join(f"f{number}" for number in range(n_features))
    head = [
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
        f"max_feature_idx={n_features - 1}", "objective=binary sigmoid:1",
        f"feature_names={names}", f"feature_infos={' '.join(['[-9:9]'] * n_features)}", "",
    ]  # fmt: skip
    trees = [
        f"Tree={number}\n{_random_tree(rng, n_features, most_leaves)}\n"
        for number in range(n_trees)
    ]
    return "\n".join([*head, *trees]) + "\nend of trees\n"


def _random_tree(rng: np.random.Generator, n_features: int, most_leaves: int) -> str:
    n_leaves = int(rng.integers(1, most_leaves + 1))
    counts, parents = [int(rng.integers(n_leaves, 10_000))], [None]
    left: list[int] = []
    right: list[int] = []
    split_counts: list[int] = []
    for split in range(n_leaves - 1):
        leaf = int(rng.choice([number for number, count in enumerate(counts) if count > 1]))
        parent = parents[leaf]
        if parent is not None:
            side = left if left[parent] == ~leaf else right
            side[parent] = split
        split_counts.append(counts[leaf])
        to_left = int(rng.integers(1, counts[leaf]))
        counts.append(counts[leaf] - to_left)
        counts[leaf] = to_left
        parents[leaf] = split  # type: ignore[call-overload]
        parents.append(split)  # type: ignore[arg-type]
        left.append(~leaf)
        right.append(~(len(counts) - 1))
    # Few different columns, so that a path often meets one twice.
    few = rng.integers(0, n_features, 4)
    n = len(left)
    fields = {
        "num_leaves": [n_leaves],
        "num_cat": [0],
        "split_feature": rng.choice(few, n),
        "split_gain": [1] * n,
        "threshold": [repr(float(limit)) for limit in rng.choice(LIMITS, n)],
        "decision_type": rng.choice([0, 2, 4, 6, 8, 10], n),
        "left_child": left,
        "right_child": right,
        "leaf_value": [repr(float(value)) for value in rng.normal(size=n_leaves)],
        "leaf_weight": counts,
        "leaf_count": counts,
        "internal_value": [0] * n,
        "internal_weight": split_counts,
        "internal_count": split_counts,
        "is_linear": [0],
        "shrinkage": [0.1],
    }
    return "".join(f"{name}={' '.join(map(str, v))}\n" for name, v in fields.items())


def random_rows(rng: np.random.Generator, n: int, n_features: int) -> NDArray[np.float32]:
    """Rows of edges and of ordinary numbers."""
    rows = rng.normal(0, 4, (n, n_features)).astype(np.float32)
    edges = rng.choice(np.array(EDGES, np.float32), rows.shape)
    step = rng.choice(np.array([-np.inf, np.inf], np.float32), rows.shape)
    edges = np.where(rng.random(rows.shape) < 0.2, np.nextafter(edges, step), edges)
    return np.ascontiguousarray(np.where(rng.random(rows.shape) < 0.7, edges, rows))
