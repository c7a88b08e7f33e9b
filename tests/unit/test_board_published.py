"""Counts of a pack: nothing small is printed, and nothing small can be worked out."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiu_risk.suppression import SmallNumbers
from hiu_training.board.decided import show_decisions
from hiu_training.board.happened import Happened, ListOutcome
from hiu_training.board.people import show_people
from hiu_training.board.published import publish, share_of
from hiu_training.board.records import Decision, ListMade

RULE = SmallNumbers()
small_or_not = st.one_of(st.integers(0, 9), st.integers(0, 60))


def fits(shown: int | str, count: int) -> bool:
    """Whether a printed count could stand for this one."""
    if shown == "*":
        return count > 0  # a star is never put where nobody is, unless to protect another
    return RULE.show(count) == shown


@settings(max_examples=150, deadline=None)
@given(st.lists(small_or_not, min_size=2, max_size=4))
def test_no_small_part_can_be_worked_out_from_what_is_printed(parts: list[int]) -> None:
    names = [f"part {i}" for i in range(len(parts))]
    total = sum(parts)
    shown = publish(
        {"all": total, **dict(zip(names, parts, strict=True))}, {"all": tuple(names)}, RULE
    )
    for name, count in zip(names, parts, strict=True):
        if not 1 <= count <= 7:
            continue
        assert shown[name] == "*"
        if shown["all"] == "*":
            continue
        # the worst case: the outsider knows the exact total, and tries every table that fits
        ranges = [
            range(min(total, 67) + 1) if shown[n] == "*" else
            [c for c in range(total + 1) if fits(shown[n], c)]
            for n in names
        ]  # fmt: skip
        place = names.index(name)
        others = [r for i, r in enumerate(ranges) if i != place]
        possible = {total - sum(rest) for rest in product(*others) if 1 <= total - sum(rest) <= 7}
        assert len(possible) >= RULE.candidates


@given(
    st.tuples(*(small_or_not for _ in range(5))), st.integers(1, 3)
)  # fmt: skip
def test_fates_print_no_small_count(fates: tuple[int, ...], lists: int) -> None:
    found, did_not, cannot, not_yet, missed = fates
    outcomes = tuple(ListOutcome(i, 10, "", 0, 0) for i in range(lists))
    happened = Happened(
        outcomes, found + did_not + cannot + not_yet, found, did_not, cannot, not_yet, missed, 12.0
    )
    shown = show_people(happened, RULE)
    for printed in shown.counts.shown.values():
        assert printed == "*" or printed == 0 or (printed >= 10 and printed % 5 == 0)
    assert shown.lead_days == (12.0 if found >= 8 else "*")
    if shown.counts["cases"] == "*" or shown.counts["became_cases"] == "*":
        assert "%" not in shown.found_words


def listed(*people: str, as_of: int = 0) -> ListMade:
    return ListMade(as_of, "p", "m", 50, people, 50, 50, {}, ())


def test_the_latest_decision_about_a_person_counts_once() -> None:
    people = [f"p{i}" for i in range(40)]
    lists = (listed(*people), listed(*people, as_of=1))
    decisions = [Decision(0, "p", p, "deferred", "no_capacity", 10) for p in people]
    decisions += [Decision(1, "p", p, "accepted", "offer_help", 20) for p in people[:20]]
    shown = show_decisions(lists, decisions, RULE)
    assert (shown["listed"], shown["accepted"], shown["deferred"], shown["none"]) == (40, 20, 20, 0)
    assert shown["deferred: no_capacity"] == 20


def test_a_decision_about_somebody_not_listed_counts_nowhere() -> None:
    shown = show_decisions((listed("a"),), [Decision(0, "p", "b", "accepted", "x", 0)], RULE)
    assert shown["accepted"] == 0


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763)],
)
def test_wilsons_interval_is_the_published_one(part, whole, low, high) -> None:
    share = share_of(part, whole, SmallNumbers(enabled=False))
    assert share is not None
    assert (round(share.low, 3), round(share.high, 3)) == (low, high)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_of_rounded_counts_holds_the_exact_one(part: int, rest: int) -> None:
    exact = share_of(part, part + rest, SmallNumbers(enabled=False))
    shown = share_of(RULE.show(part), RULE.show(part + rest), RULE)
    if exact is not None and shown is not None:
        assert shown.low <= exact.value + 1e-9
        assert shown.high >= exact.value - 1e-9
