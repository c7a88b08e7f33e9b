"""Every sentence of the whole catalogue reads well for every value, and never names a cause."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_features import default_catalogue
from hiu_features.context import Context
from hiu_features.feature import CONCEPTS
from hiu_features.reasons import NO_PLAIN_WORDS, concept_title
from hiu_features.sentences import NOUNS
from hiu_risk.errors import UsageError
from tests.support.readability import grade

CATALOGUE = default_catalogue()
SPOKEN = [feature.name for feature in CATALOGUE if not feature.protected]
REASONS = [
    feature.name
    for feature in CATALOGUE
    if feature.may_be_reason and feature.primitive not in NO_PLAIN_WORDS
]
CAUSAL = re.compile(
    r"\b(because|cause[sd]?|due to|leads? to|result of|therefore|explains?|predicts?|risk)\b", re.I
)
BLAME = re.compile(
    r"\b(fail(s|ed)?|refus(es|ed)|misus|abus|needless|unnecessary|inappropriate|fault|blame"
    r"|attention|demand(s|ed)|disease|disorder|illness|addict(s|ed)?|patholog)",
    re.I,
)
ABOUT_PEOPLE = re.compile(r"\b(he|she|they|his|her|the person (?:calls?|rings?|came))\b", re.I)
NAN = math.nan
MONDAY = 1_704_672_000  # 2024-01-08T00:00Z
values = st.one_of(
    st.integers(0, 40).map(float),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([0.0, 0.004, 0.5, 0.999, 1.0, 1.5, 2.0, 999_999.0, -3.0, NAN]),
)
quantiles = st.lists(
    st.one_of(st.integers(0, 60).map(float), st.floats(0, 1_000, width=32), st.none()),
    min_size=7,
    max_size=7,
).map(lambda numbers: sorted(numbers, key=lambda n: (n is None, n or 0)))
contexts = st.builds(
    Context,
    as_of=st.one_of(st.none(), st.integers(86_400 * 4_000, 86_400 * 40_000)),
    zone=st.sampled_from(["Europe/London", "UTC"]),
    peers=st.sampled_from(["active callers", "active addresses", "active people"]),
    known=st.one_of(
        st.none(),
        st.integers(0, 800).map(lambda days: {"call": ((float(days), 1.0),), "ae": ()}),
    ),
)


EXTREME = (
    0.0, -0.0, 1e-30, 0.5, 0.999, 1.0, 1.5, 2.0, 6.99, 7.0, 13.99, 60.9, 364.9, 731.0, 1e6, 3.4e38,
    -1.0, -3.4e38, NAN, math.inf, -math.inf,
)  # fmt: skip


@pytest.mark.parametrize("name", SPOKEN)
def test_every_template_takes_every_extreme_value(name):
    known = {"call": ((40.0, 0.0),), "ae": (), "admission": ((900.0, 0.0),)}
    for value in EXTREME:
        for context in (Context(), Context(MONDAY, known=known)):
            reads_well(name, value, value, value, [0, 0, 1, 2, 3, 5, 9], 1.0, context)
    assert CATALOGUE.sentence(name, {}) == CATALOGUE[name].sentence_missing


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(SPOKEN), values, values, values, quantiles, st.floats(0, 1), contexts)
def test_every_sentence_reads_well(name, value, before, others, numbers, known, context):
    reads_well(name, value, before, others, numbers, known, context)


def reads_well(name, value, before, others, numbers, known, context):
    row = dict.fromkeys(CATALOGUE.names, others) | {
        "calls_28d_before": before, "ae_28d_before": before, name: value,
    }  # fmt: skip
    named = zip(("p5", "p25", "p50", "p75", "p90", "p95", "p99"), numbers, strict=True)
    text = CATALOGUE.sentence(name, row, {name: {**dict(named), "known": known}}, context)
    assert text
    assert text[0] == text[0].upper()
    assert not set("{}") & set(text)
    assert not {"nan", "inf", "-inf", "none;", "none,"} & set(text.lower().split())
    assert not CAUSAL.search(text)
    assert not BLAME.search(text)
    assert not ABOUT_PEOPLE.search(text)
    assert "  " not in text
    assert not re.search(r"(?<!\w)-\d", text)
    assert text.count(";") <= 1
    for one, many in NOUNS.values():
        assert not re.search(rf"(?<![\d,.])1 (?:more |fewer )?{re.escape(many)}\b", text)
        assert not re.search(rf"\b(?:no|[02-9]|\d+[02-9]) {re.escape(one)}(?!s)\b", text)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([f.name for f in CATALOGUE if f.primitive == "count" and f.may_be_reason]),
    st.lists(st.integers(0, 12), min_size=1, max_size=400),
    st.integers(0, 15),
)
def test_what_is_said_of_others_is_true_of_them(name, others, value):
    """The words are read back, and the people they speak of are counted."""
    percentiles = (5, 25, 50, 75, 90, 95, 99)
    reference = {
        f"p{q}": float(np.percentile(others, q, method="inverted_cdf")) for q in percentiles
    }
    text = CATALOGUE.sentence(name, {name: value}, {name: reference})
    said = re.search(r"; (?:(\d+) of 100|(half) of) active callers had (.+)$", text)
    if said is None:
        return
    percent = 50 if said[2] else int(said[1])
    if "none" in said[3]:
        share = np.mean(np.array(others) == 0)
        assert value >= 0
    else:
        number, direction = re.match(r"([\d,]+) or (fewer|more)", said[3]).groups()
        limit = int(number.replace(",", ""))
        fewer = direction == "fewer"
        share = np.mean(np.array(others) <= limit if fewer else np.array(others) >= limit)
        assert limit <= value if fewer else limit > value
    assert 100 * share >= percent - 1e-9


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["calls_night_share_365d", "days_since_last_call"]),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200),
    st.floats(0, 1, width=32),
)
def test_what_is_said_of_shares_and_days_is_true_too(name, others, value):
    """Days are made of shares of a year; figures are read back as they are printed."""
    scale = 365 if name == "days_since_last_call" else 1
    others, value = np.array(others, np.float64) * scale, value * scale
    reference = {
        f"p{q}": float(np.percentile(others, q, method="inverted_cdf")) for q in (5, 25, 50, 75, 90)
    }
    text = CATALOGUE.sentence(name, {name: value}, {name: reference})
    said = re.search(r"; for (?:(\d+) of 100|half of) active callers it was (.+)$", text)
    if said is None:
        return
    percent, words = int(said[1] or 50), said[2]
    if "ago" in words or "lately" in words:
        share = np.mean(others > value) if words == "longer ago" else np.mean(others < value)
    elif words == "none":
        share = np.mean(100 * others <= 1e-6)
    else:
        limit, direction = re.match(r"(\d+)% or (less|more)", words).groups()
        shown = round(100 * value)
        assert int(limit) < shown if direction == "less" else int(limit) > shown
        less = direction == "less"
        share = np.mean(
            100 * others <= int(limit) + 1e-6 if less else 100 * others > int(limit) - 1
        )
    assert 100 * share >= percent - 1e-9


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
        (
            "calls_night_share_365d",
            {"calls_night_share_365d": 0.4, "calls_365d": 5},
            "2 of the 5 calls in the last year came at night (10pm to 6am)",
        ),
        (
            "calls_weekend_share_365d",
            {"calls_weekend_share_365d": 1.0, "calls_365d": 1},
            "The only call in the last year came at a weekend",
        ),
        (
            "calls_mental_health_share_365d",
            {"calls_mental_health_share_365d": 1.0, "calls_365d": 2},
            "Recorded as about mental health: both calls in the last year",
        ),
        ("ae_30d", {"ae_30d": 1}, "1 A&E visit in the last 30 days"),
    ],
)  # fmt: skip
def test_wording(name, row, text):
    assert CATALOGUE.sentence(name, row) == text


REFERENCE = {"p5": 0.0, "p25": 0.0, "p50": 0.0, "p75": 1.0, "p90": 1.0, "p95": 2.0}
RARE = {"p50": 0.0, "p99": 0.0}


@pytest.mark.parametrize(
    ("name", "value", "reference", "ending"),
    [
        ("calls_28d", 7, REFERENCE, "; 95 of 100 active callers had 2 or fewer"),
        ("calls_28d", 2, REFERENCE, "; 90 of 100 active callers had 1 or fewer"),
        ("calls_28d", 1, REFERENCE, "; half of active callers had none"),
        ("calls_28d", 1, {"p50": 1.0, "p90": 1.0}, "; 90 of 100 active callers had 1 or fewer"),
        ("calls_28d", 0, REFERENCE, "; half of active callers had none too"),
        ("calls_365d", 1, {"p25": 2.0, "p50": 3.0}, "; 75 of 100 active callers had 2 or more"),
        ("calls_self_harm_365d", 1, RARE, "; 99 of 100 active callers had none"),
        ("calls_self_harm_365d", 0, RARE, "; 99 of 100 active callers had none too"),
        ("calls_28d", 3, {"p95": 1.6}, "; 95 of 100 active callers had 2 or fewer"),
        ("calls_28d", 1, {"p95": 3.0}, "in the last 28 days"),
        ("days_since_last_call", 2.5, {"p5": 4.0}, "95 of 100 active callers it was longer ago"),
        ("days_since_5th_last_call", 2.5, {"p5": 4.0, "known": 0.3}, "was 2 days ago"),
        ("calls_change_28d", 6, {"p95": 1.0}, "6 more calls in the last 28 days"),
        ("ae_low_urgency_share_365d", 0.5, {"p90": 0.2}, "active callers it was 20% or less"),
    ],
)  # fmt: skip
def test_the_comparison_is_fair(name, value, reference, ending):
    assert CATALOGUE.sentence(name, {name: value}, {name: reference}).endswith(ending)


def test_a_share_of_two_is_not_compared():
    row = {"calls_night_share_365d": 0.5, "calls_365d": 2}
    text = CATALOGUE.sentence(
        "calls_night_share_365d", row, {"calls_night_share_365d": {"p90": 0.2}}
    )
    assert text == "1 of the 2 calls in the last year came at night (10pm to 6am)"


CODED = ("reason", "outcome", "urgency", "caller_type", "arrival")


@pytest.mark.parametrize("name", REASONS)
def test_what_was_not_recorded_is_not_said_to_be_otherwise(name):
    """A blank reason or caller counts as no match: the sentence speaks of records alone."""
    which = CATALOGUE[name].params.get("which")
    if which is not None and any(getattr(which, column) for column in CODED):
        row = {name: 0.0, "calls_365d": 5.0, "ae_365d": 5.0}
        assert "recorded as" in CATALOGUE.sentence(name, row).lower()


def test_nothing_is_only_said_of_a_window_that_is_known():
    """Feeds a little late are borne with; 70 days of 730 are not."""

    def said(days: float, name: str, value: float) -> str:
        context = Context(MONDAY, known={"call": ((days + 1, 1.0),)})
        return CATALOGUE.sentence(name, {name: value}, {name: {"p50": 3.0}}, context)

    none = "No call in the last two years"
    assert said(660, "days_since_last_call", NAN) == f"{none} (only 660 days known)"
    assert said(728, "days_since_last_call", NAN) == none
    assert said(340, "calls_365d", 0.0) == "No calls in the last 365 days (only 340 days known)"
    assert "half of active callers" in said(340, "calls_365d", 1.0)
    assert "half of active callers" in said(363, "calls_365d", 0.0)


def test_a_window_the_data_do_not_cover_is_not_compared():
    def said(days: float, name: str = "calls_365d", value: float = 2) -> str:
        context = Context(MONDAY, known={"call": ((days, 1.0),), "ae": (), "admission": ()})
        return CATALOGUE.sentence(name, {name: value}, {name: {"p50": 3.0, "p5": 1.0}}, context)

    assert said(400) == "2 calls in the last 365 days; half of active callers had 3 or more"
    assert said(61) == "2 calls in the last 365 days (only 60 days known)"
    assert said(2) == "2 calls in the last 365 days (only 1 day known)"
    assert said(61, "calls_28d").endswith("; half of active callers had 3 or more")
    assert (
        said(61, "days_since_last_call", NAN)
        == "No call in the last two years (only 60 days known)"
    )
    assert said(61, "days_since_last_ae", NAN) == "Not known: the data do not cover that time"


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.5, "yesterday"), (1.5, "on Saturday"), (5.5, "on Tuesday"), (6.5, "7 days ago"),
        (13.9, "13 days ago"), (25, "3 weeks ago"), (64, "2 months ago"), (400, "over a year ago"),
    ],
)  # fmt: skip
def test_dates_are_said_as_people_say_them(days, words):
    context = Context(MONDAY, "Europe/London")
    row = {"days_since_last_call": days}
    assert CATALOGUE.sentence("days_since_last_call", row, None, context) == f"Last call {words}"


def test_the_day_is_the_local_one():
    # 23:30 UTC on a Saturday in July is Sunday in London.
    sunday_night = Context(1_720_483_200, "Europe/London")  # Tuesday 2024-07-09T00:00Z
    assert sunday_night.ago(2 + 0.5 / 24) == "on Sunday"
    assert Context(1_720_483_200, "UTC").ago(2 + 0.5 / 24) == "on Saturday"


def test_a_sentence_suits_people_and_addresses():
    for name in SPOKEN:
        for value in (0.0, 1.0, 5.0, NAN):
            assert "the person call" not in CATALOGUE.sentence(name, {name: value})
    for concept in CONCEPTS:
        assert "person" not in concept_title(concept, "address")


def test_the_reading_age_is_twelve():
    """Flesch-Kincaid grade 7 is what pupils of twelve read; hardly any sentence is harder."""
    reference = dict.fromkeys(CATALOGUE.names, REFERENCE)
    said = {
        (name, value): CATALOGUE.sentence(
            name, dict.fromkeys(CATALOGUE.names, 5.0) | {name: value}, reference, Context(MONDAY)
        )
        for name in REASONS
        for value in ((0.0, 0.4, 1.0) if "share" in name else (0.0, 1.0, 7.0, NAN))
    }
    grades = {key: grade(text) for key, text in said.items()}
    # The formula is meant for passages: four words hold too little to be measured.
    hard = {said[key] for key, found in grades.items() if found > 11 and len(said[key]) > 40}
    assert np.mean(list(grades.values())) <= 7
    assert np.mean([found > 8 for found in grades.values()]) <= 0.1
    assert not hard
