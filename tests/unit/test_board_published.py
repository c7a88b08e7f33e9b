"""Counts of a pack: nothing small is printed, and nothing small can be worked out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hiu_risk.suppression import HIDDEN, SmallNumbers, Sum
from hiu_training.board.decided import show_decisions
from hiu_training.board.happened import Happened, ListOutcome
from hiu_training.board.people import show_people
from hiu_training.board.published import Asked, publish, share_of
from hiu_training.board.records import Decision, ListMade
from tests.support.adversary import together

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


NAMES = ("became_cases", "did_not", "cannot_tell", "not_yet", "missed", "listed", "cases")


def fates(became: int, did_not: int, cannot: int, not_yet: int, missed: int) -> Happened:
    listed = became + did_not + cannot + not_yet
    return Happened((), listed, became, did_not, cannot, not_yet, missed, None)


def two_packs(first: Happened, second: Happened, *, checked: bool) -> list[dict[str, int | str]]:
    """Print a quarter, and print it again when more is observed."""
    one = show_people(first, RULE, Asked("people", "first", "the lists")).counts
    earlier = (one.printed("2023-07-05"),) if checked else ()
    two = show_people(second, RULE, Asked("people", "second", "the lists", earlier)).counts
    return [dict(one.shown), dict(two.shown)]


def least_open(first: Happened, second: Happened, packs: list[dict[str, int | str]]) -> int:
    """How many numbers the least protected small count or change of two packs can be.

    The reader knows that both are about the same lists, and that nobody's fate is undone.
    """
    shown = [
        np.array([np.nan if pack[n] == "*" else float(pack[n]) for n in NAMES]) for pack in packs
    ]
    sums = [Sum(5, (0, 1, 2, 3)), Sum(6, (0, 4))]
    facts = [({(0, 5): 1, (1, 5): -1}, 0, 0)]
    facts += [({(0, c): -1, (1, c): 1}, 0, np.inf) for c in (0, 1, 2, 4, 6)]
    exact = [[getattr(each, name) for name in NAMES] for each in (first, second)]
    left = [99]
    for cell in (0, 1, 2, 3, 4, 6):
        for k in (0, 1):
            low, high = together(shown, sums, facts, {(k, cell): 1})
            assert low <= exact[k][cell] <= high
            if 1 <= exact[k][cell] <= 7:
                left.append(min(high, 7) - max(low, 1) + 1)
        change = exact[1][cell] - exact[0][cell]
        if 1 <= abs(change) <= 7 and not np.isnan(shown[0][cell]):
            low, high = together(shown, sums, facts, {(1, cell): 1, (0, cell): -1})
            left.append(high - low + 1)
    return min(left)


def test_two_packs_of_a_quarter_could_be_subtracted_if_they_were_not_checked() -> None:
    first, second = fates(17, 23, 3, 9, 21), fates(17, 23, 5, 7, 22)
    assert least_open(first, second, two_packs(first, second, checked=False)) == 2
    assert least_open(first, second, two_packs(first, second, checked=True)) >= RULE.candidates


@settings(max_examples=12, deadline=None)
@given(st.tuples(*(st.integers(0, 30) for _ in range(5))), st.tuples(*(st.integers(0, 5),) * 4))
@example((24, 29, 11, 20, 28), (3, 3, 1, 4))
def test_nobody_can_subtract_two_packs_of_a_quarter(
    before: tuple[int, ...], came: tuple[int, ...]
) -> None:
    became, did_not, cannot, not_yet, missed = before
    a, b, c, d = came
    first = fates(became, did_not, cannot, not_yet + a + b + c, missed)
    second = fates(became + a, did_not + b, cannot + c, not_yet, missed + d)
    assert least_open(first, second, two_packs(first, second, checked=True)) >= RULE.candidates


def test_where_nothing_happened_meanwhile_a_newer_store_hides_nothing_more() -> None:
    waiting = fates(0, 0, 0, 75, 0)
    first = show_people(waiting, RULE, Asked("people", "first", "the lists")).counts
    earlier = (first.printed("a"),)
    second = show_people(waiting, RULE, Asked("people", "second", "the lists", earlier)).counts
    assert second.shown == first.shown
    assert HIDDEN not in second.shown.values()


def test_what_is_made_of_the_same_is_printed_the_same() -> None:
    first, second = fates(17, 23, 3, 9, 21), fates(17, 23, 5, 7, 22)
    one = show_people(first, RULE, Asked("people", "first", "the lists")).counts
    earlier = (one.printed("a"),)
    two = show_people(second, RULE, Asked("people", "second", "the lists", earlier)).counts
    earlier = (*earlier, two.printed("b"))
    for happened, made_of, printed in ((first, "first", one), (second, "second", two)):
        again = show_people(happened, RULE, Asked("people", made_of, "the lists", earlier))
        assert again.counts.shown == printed.shown
