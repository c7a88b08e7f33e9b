"""Every drawn history gives the values written beside it, in both engines."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_features.primitives import PRIMITIVES
from tests.spec.feature_cases import CASES
from tests.support.histories import seconds
from tests.support.reference_features import snapshot, value

ALL = {case.title: case for cases in CASES.values() for case in cases}


@pytest.mark.parametrize("title", ALL)
def test_values(title):
    case = ALL[title]
    snap = snapshot(case.histories(), 0, seconds(case.as_of))
    slow = {name: float(value(snap, default_catalogue()[name])) for name in case.expected}
    for name, found in case.values().items():
        wanted = case.expected[name]
        for engine, result in (("fast", found), ("slow", slow[name])):
            same = math.isnan(wanted) and math.isnan(result)
            # Decay counts whole hours in weights of 2**-30: equal to about nine digits.
            assert same or math.isclose(result, float(np.float32(wanted)), rel_tol=3e-6), (
                engine, name, result, wanted,
            )  # fmt: skip


def test_every_primitive_has_cases():
    assert set(CASES) == set(PRIMITIVES)


def test_every_feature_has_a_case():
    shown = {name for cases in CASES.values() for case in cases for name in case.expected}
    assert shown == set(default_catalogue().names)
