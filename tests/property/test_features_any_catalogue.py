"""Whatever can be declared is computed as the slow reference engine computes it, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiu_features import Catalogue, Feature, Which, build
from hiu_risk.codes import EVENT_CATEGORIES
from tests.support.history_strategies import histories_and_dates
from tests.support.reference_features import reference_rows

days = st.one_of(st.sampled_from([1, 7, 28, 30, 365, 730]), st.integers(1, 1_000))


def names(column):
    return st.lists(st.sampled_from(EVENT_CATEGORIES[column].names), max_size=4, unique=True).map(
        tuple
    )


@st.composite
def choices(draw):
    sources = st.lists(st.sampled_from(["call", "ae", "admission"]), min_size=1, unique=True)
    return Which(
        tuple(draw(sources)),
        reason=draw(st.one_of(st.just(()), names("reason"))),
        outcome=draw(st.one_of(st.just(()), st.just(()), names("outcome"))),
        urgency=draw(st.one_of(st.just(()), st.just(()), names("urgency"))),
        hours=draw(st.sampled_from(["", "", "night", "weekend"])),
        counting=draw(st.sampled_from(["incidents", "incidents", "events"])),
    )


@st.composite
def params(draw, primitive):
    which = draw(choices())
    match primitive:
        case "count":
            return {"which": which, "days": draw(days), "before": draw(st.integers(0, 400))}
        case "change" | "different_reasons":
            return {"which": which, "days": draw(days)}
        case "share":
            whole = replace(which, hours="", reason=())
            return {"which": which, "of": whole, "days": draw(days)}
        case "decayed":
            return {"which": which, "half_life": draw(days)}
        case "recent_weight":
            return {"which": which, "fast": draw(days), "slow": draw(days)}
        case "days_since":
            return {"which": which, "nth": draw(st.integers(1, 6)), "within": draw(days)}
        case "peak" | "active_periods":
            return {"which": which, "days": draw(st.integers(1, 90)), "within": draw(days)}
        case "median_gap" | "gap_variation":
            return {"which": which, "within": draw(days)}
        case "covered_days":
            return {"source": draw(st.sampled_from(["call", "ae"])), "days": draw(days)}
        case _:
            return {}


PRIMITIVES = (
    "count", "change", "share", "decayed", "recent_weight", "days_since", "peak",
    "active_periods", "median_gap", "gap_variation", "different_reasons", "covered_days",
    "tenure",
)  # fmt: skip


@st.composite
def catalogues(draw):
    chosen = draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=8))
    return Catalogue(
        tuple(
            Feature(f"f{place}", name, draw(params(name)), unit="x", sentence="{value:number}")
            for place, name in enumerate(chosen)
        )
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(catalogues(), histories_and_dates(most_events=10))
def test_any_catalogue_agrees_with_the_reference(catalogue, drawn):
    histories, as_ofs = drawn
    everyone = np.ones((histories.n_people, len(as_ofs)), np.bool_)
    table = build(histories, as_ofs, catalogue, rows=everyone)
    expected = reference_rows(histories, as_ofs, catalogue)
    keys = zip(table.person.tolist(), table.as_of.tolist(), strict=True)
    for place, key in enumerate(keys):
        for feature, fast, slow in zip(catalogue, table.values[place], expected[key], strict=True):
            same = np.isnan(fast) and np.isnan(slow)
            assert same or fast.tobytes() == slow.tobytes(), (feature.primitive, fast, slow)
