"""Every sentence reads well for every value, and never names a cause."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_features import default_catalogue
from hiu_features.sentences import NOUNS
from hiu_risk.errors import UsageError

CATALOGUE = default_catalogue()
SPOKEN = [feature.name for feature in CATALOGUE if not feature.protected]
CAUSAL = re.compile(
    r"\b(because|cause[sd]?|due to|leads? to|result of|therefore|explains?|predicts?|risk)\b", re.I
)
NAN = math.nan
values = st.one_of(
    st.integers(0, 40).map(float),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([0.0, 0.004, 0.5, 0.999, 1.0, 1.5, 2.0, 999_999.0, -3.0, NAN]),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SPOKEN), values, values, st.booleans())
def test_reads_well(name, value, before, referenced):
    row = {"calls_28d_before": before, "ae_28d_before": before} | {name: value}
    reference = {name: {"p50": 0.0, "p95": 3.0}} if referenced else None
    text = CATALOGUE.sentence(name, row, reference)
    assert text
    assert text[0] == text[0].upper()
    assert not set("{}") & set(text)
    assert "nan" not in text.lower().split()
    assert "inf" not in text.lower().split()
    assert not CAUSAL.search(text)
    assert "  " not in text
    for one, many in NOUNS.values():
        assert (
            not re.search(rf"(?<![\d,.])1 (?:more |fewer )?{re.escape(many)}\b", text)
            or one == many
        )
        assert not re.search(rf"\b(?:no|[02-9]|\d+[02-9]) {re.escape(one)}(?!s)\b", text)


@pytest.mark.parametrize("feature", [f.name for f in CATALOGUE if f.protected])
def test_protected_attributes_are_never_reasons(feature):
    assert not CATALOGUE[feature].may_be_reason
    with pytest.raises(UsageError, match="protected"):
        CATALOGUE.sentence(feature, {feature: 1.0})


def test_coverage_is_not_a_reason_either():
    assert not CATALOGUE["tenure_days"].may_be_reason


@pytest.mark.parametrize(
    ("name", "row", "text"),
    [
        (
            "calls_28d",
            {"calls_28d": 7, "calls_28d_before": 2},
            "7 calls in the last 28 days, 2 in the 28 days before",
        ),
        (
            "calls_28d",
            {"calls_28d": 1, "calls_28d_before": 0},
            "1 call in the last 28 days, none in the 28 days before",
        ),
        ("calls_28d", {"calls_28d": 0}, "No calls in the last 28 days"),
        ("calls_365d", {"calls_365d": 1_234}, "1,234 calls in the last 365 days"),
        (
            "calls_change_28d",
            {"calls_change_28d": -1},
            "Compared with the 28 days before, 1 fewer call in the last 28 days",
        ),
        ("days_since_last_call", {"days_since_last_call": 0.4}, "Last call less than a day ago"),
        ("days_since_last_call", {"days_since_last_call": 1.9}, "Last call 1 day ago"),
        ("days_since_last_call", {"days_since_last_call": NAN}, "No call in the last two years"),
        (
            "calls_night_share_365d",
            {"calls_night_share_365d": 0.404},
            "40% of the calls in the last year came at night (10pm to 6am)",
        ),
        ("ae_30d", {"ae_30d": 1}, "1 A&E visit in the last 30 days"),
    ],
)  # fmt: skip
def test_wording(name, row, text):
    assert CATALOGUE.sentence(name, row) == text


def test_far_above_others_is_said():
    reference = {"calls_30d": {"p95": 3}}
    assert CATALOGUE.sentence("calls_30d", {"calls_30d": 9}, reference) == (
        "9 calls in the last 30 days (more than for 95 in 100 people)"
    )
    assert CATALOGUE.sentence("calls_30d", {"calls_30d": 3}, reference).endswith("days")
