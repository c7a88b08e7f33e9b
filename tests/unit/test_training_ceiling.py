"""The best possible ranking is shown for the question whose truth is known, and no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.synth import TruthRows
from hiu_training.judging.rankers import ceiling
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.rows.inputs import Rows, make_rows
from tests.support.histories import seconds
from tests.support.trainings import region

DEFAULT = parse_protocol("")


def _rows() -> Rows:
    as_ofs = np.array([seconds("2023-05-01"), seconds("2023-06-01")])
    return make_rows(region(), as_ofs, DEFAULT, default_catalogue().select(["calls_30d"]))


def _truth(rows: Rows) -> TruthRows:
    ids = np.repeat(region().people.id, 2)
    when = np.tile(rows.as_ofs, len(ids) // 2)
    chance = np.linspace(0, 1, len(ids), dtype=np.float32)
    return TruthRows(ids, when, chance, chance, 2 * chance)


def test_the_truth_ranks_the_rows_it_is_of() -> None:
    rows = _rows()
    found = ceiling(_truth(rows), region(), rows, DEFAULT)
    chance, rate = found["true_probability"].score, found["true_intensity"].score
    assert chance.tolist() == sorted(chance.tolist())  # rows come person by person
    assert len(set(chance.tolist())) == len(rows)
    assert rate.tolist() == (2 * chance).tolist()
    assert ceiling(None, region(), rows, DEFAULT) == {}


@pytest.mark.parametrize(
    "other",
    [
        replace(DEFAULT, horizon_days=30),
        replace(DEFAULT, target="weekend", horizon_days=5),
        replace(DEFAULT, target="persistence"),
        replace(DEFAULT, definition=DEFINITIONS["las"]),
        replace(DEFAULT, definition=DEFAULT.definition.with_calendar_windows()),
    ],
)
def test_the_truth_of_one_question_is_no_ceiling_of_another(other: Protocol) -> None:
    rows = _rows()
    assert ceiling(_truth(rows), region(), rows, other) == {}
