"""Where other engines published a mistake, ours gives what the page says, and theirs too."""

from __future__ import annotations

import pytest

from hiu_features import default_catalogue
from tests.spec.published_mistakes import MISTAKES, Mistake
from tests.support.histories import seconds
from tests.support.reference_features import snapshot, value

EACH = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.rule)


@EACH
def test_our_values_are_those_of_the_page_in_both_engines(mistake: Mistake) -> None:
    case = mistake.case
    assert case.values() == pytest.approx(case.expected, rel=1e-6)
    snap = snapshot(case.histories(), 0, seconds(case.as_of))
    slow = {name: float(value(snap, default_catalogue()[name])) for name in case.expected}
    assert slow == case.values()


@EACH
def test_the_mistaken_rule_counts_what_the_page_says_and_not_what_we_do(mistake: Mistake) -> None:
    assert mistake.counted() == mistake.theirs != mistake.case.expected["calls_7d"]
