"""Baselines: what they could not learn is said."""

from __future__ import annotations

import numpy as np
import pytest

from hiu_training.judging.baselines import UNTRIED, fit_plain_lightgbm
from hiu_training.rows.inputs import Rows
from hiu_training.rows.split import Split

WEEK = 7 * 86_400


def _rows() -> Rows:
    rng = np.random.default_rng(1)
    origin = np.repeat(np.arange(12), 200).astype(np.int16)
    values = rng.normal(size=(len(origin), 2)).astype(np.float32)
    label = (values[:, 0] + rng.normal(size=len(origin)) > 2).astype(np.int8)
    return Rows(
        np.arange(len(origin), dtype=np.int32), origin, label, np.zeros(len(origin), np.int64),
        values, ("a", "b"), np.arange(12, dtype=np.int64) * WEEK, {},
    )  # fmt: skip


SPLIT = Split(_rows().as_ofs, np.array([12 * WEEK]), (6, 9), (9, 12), WEEK, 7)


@pytest.mark.parametrize(
    ("silent", "said"),
    [
        (None, ""),
        ((6, 9), "no positive row in the early-stopping block"),
        ((0, 6), "no positive row to learn from before the early-stopping block"),
    ],
)
def test_a_number_of_trees_that_nothing_chose_is_said(
    silent: tuple[int, int] | None, said: str
) -> None:
    rows = _rows()
    if silent:
        rows.label[(rows.origin >= silent[0]) & (rows.origin < silent[1])] = 0
    plain = fit_plain_lightgbm(rows, SPLIT, rows.names, seed=1)
    assert said in plain.note
    assert bool(plain.note) == bool(silent)
    assert (plain.model.num_trees() == UNTRIED) == bool(silent)
