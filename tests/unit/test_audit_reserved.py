"""An audit of lists with reserved places: by hand, against plain Python, beside those by score."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import numpy as np
import pytest

from hiu_risk.errors import UsageError
from hiu_risk.reserve import reserved, reserved_places, reserved_share
from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import DAY
from hiu_training.audit.drawing import List, draws_of
from hiu_training.audit.intervals import resample, streams_of
from hiu_training.audit.kept import trend_of
from hiu_training.audit.mitigation import price
from hiu_training.audit.onepage import summary
from hiu_training.audit.options import Option, reserve_option
from hiu_training.audit.page import render_page
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.audit.result import AuditDocument, Estimate
from hiu_training.audit.second import audit_second
from hiu_training.registry.fairness_gate import judge_fairness
from hiu_training.rows.scored import ScoredRows
from tests.support.audit import World, random_rows
from tests.unit.test_audit_measures import as_population, plain_weight

CONTEXT = Context("champion 1a2b3c", "at least 5 calls", rows_hash="rows", lists_hash="lists")
EXACT = SmallNumbers(enabled=False)


def by_hand():
    """Six people on one date: group a has expected cases of 3, group b of 0.3.

    Down to each person the list would hold these shares of its group's expected cases, to the
    person's middle: a 0.15, 0.43, 0.68, 0.90; b 0.33, 0.83. So three places go to the first of a,
    the first of b and the second of a; by score they would all go to a.
    """
    n = 6
    return ScoredRows(
        person=np.arange(n, dtype=np.int32),
        person_id=np.array([f"p{i}" for i in range(n)]),
        as_of=np.zeros(n, np.int64),
        score=np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1]),
        label=np.array([1, 0, 1, 0, 0, 1], np.int8),
        groups={"sex": np.array(["a", "a", "a", "a", "b", "b"])},
        happened_at=np.array([10, 0, 40, 0, 0, 20]) * DAY,
    )


def reserving(rows, **changes):
    """The plan of an audit whose places are reserved."""
    plan = Plan(
        capacities=(1, 3), primary=3, resamples=100, min_cases=1, reserved="sex", by_score=True
    )  # fmt: skip
    return audit(rows, dataclasses.replace(plan, **changes), EXACT)


def test_a_list_with_reserved_places_is_judged_as_it_is_drawn():
    report = reserving(by_hand())
    a, b, everybody = range(3)
    single, served, by_score = range(3)
    m = report.measures
    assert m.listed[[a, b, everybody], served].tolist() == [2, 1, 3]
    assert m.found[[a, b, everybody], served].tolist() == [1, 0, 1]
    assert m.recall[[a, b], served].tolist() == [1 / 2, 0]
    assert m.recall[everybody, served] == pytest.approx(1 / 3)
    assert m.selection_rate[[a, b], served].tolist() == [2 / 4, 1 / 2]
    assert m.precision[[a, b], served].tolist() == [1 / 2, 0]
    assert report.lead_days is not None
    assert report.lead_days.value[[a, everybody]].tolist() == [10, 10]
    assert np.isnan(report.lead_days.value[b])
    # another length is drawn by score; so is the list beside it, which finds one more
    assert m.found[[a, b, everybody], single].tolist() == [1, 0, 1]
    assert m.listed[[a, b, everybody], by_score].tolist() == [3, 0, 3]
    assert m.found[everybody, by_score] == 2
    assert report.reserving is not None
    assert (report.reserving.cases, report.reserving.value) == (-1, pytest.approx(-1 / 3))
    assert report.reserving.low <= -1 / 3 <= report.reserving.high


def test_who_cant_be_judged_takes_a_place_and_counts_for_nothing():
    rows = by_hand()
    label = rows.label.copy()
    label[4] = -1  # the one of b who is listed
    m = reserving(dataclasses.replace(rows, label=label)).measures
    assert m.listed[:, 1].tolist() == [2, 0, 2]
    assert m.rows.tolist() == [4, 1, 5]


def test_the_rows_must_tell_the_groups():
    with pytest.raises(UsageError, match="places are reserved by 'sx'"):
        reserving(by_hand(), reserved="sx")


@pytest.mark.parametrize("scores", [
    [0.9, 0.8, 0.5, 0.5, 0.2, 0.2, 0.2],
    [0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    [0.4, 0.2, 0.4, 0.2, 0.4, 0.2, 0.1],
])  # fmt: skip
@pytest.mark.parametrize("groups", [[0, 0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2, 0]])
def test_a_share_of_a_reserved_place_is_the_average_over_all_orders_of_ties(scores, groups):
    score, group = np.array(scores), np.array(groups, np.int64)
    orders = [np.array(order) for order in permutations(range(7))]
    for capacity in range(1, 8):
        held = np.zeros(7)
        for order in orders:
            held[order[reserved(score[order], group[order], capacity)]] += 1
        share = reserved_share(score, group, capacity)
        np.testing.assert_allclose(share, held / len(orders), atol=1e-12)
        assert share.sum() == pytest.approx(capacity)


@pytest.mark.parametrize("seed", range(5))
def test_without_ties_the_shares_and_the_weighted_rule_are_the_list_itself(seed):
    rng = np.random.default_rng(seed)
    score, group = rng.uniform(1e-4, 0.5, 300), rng.integers(0, 4, 300)
    listed = reserved(score, group, 40)
    assert reserved_share(score, group, 40).tolist() == listed.astype(float).tolist()
    order = np.lexsort((-score, group))
    starts = np.searchsorted(group[order], np.arange(5))
    places = np.empty(4)
    totals = np.bincount(group, weights=score)
    reserved_places(np.ones(300), score[order], starts, totals, 40.0, places)
    assert places.tolist() == np.bincount(group[listed], minlength=4).tolist()


def plain_reserved(population, reserve, capacity, stream):
    """One resample: each place goes where the smallest share of expected cases is reached."""
    n_people = max(population.person) + 1
    weight = [plain_weight(stream, p) for p in range(n_people)]
    places = capacity * sum(weight) / n_people
    listed, found = (np.zeros(population.n_groups + 1) for _ in range(2))
    for date in set(population.as_of.tolist()):
        here = [i for i in range(len(population.person)) if population.as_of[i] == date]
        turns = []
        for g in set(reserve.tolist()):
            mine = [i for i in here if reserve[i] == g]
            expected = {i: weight[population.person[i]] * population.score[i] for i in mine}
            reached = 0.0
            for i in sorted(mine, key=lambda i: (-population.score[i], population.person[i])):
                middle = (reached + expected[i] / 2) / sum(expected.values())
                turns.append((middle, -population.score[i], i, g))
                reached += expected[i]
        of_group, left = dict.fromkeys(reserve.tolist(), 0.0), places
        for _, _, i, g in sorted(turns):
            of_group[g] += min(weight[population.person[i]], max(left, 0.0))
            left -= weight[population.person[i]]
        for g, part in of_group.items():
            mine = [i for i in here if reserve[i] == g]
            for level in sorted({population.score[i] for i in mine}, reverse=True):
                tied = [i for i in mine if population.score[i] == level]
                total = sum(weight[population.person[i]] for i in tied)
                share = min(1.0, max(part, 0.0) / total)
                part -= total
                for i in tied:
                    if population.label[i] >= 0:
                        for at in (*population.group[i], population.n_groups):
                            listed[at] += weight[population.person[i]] * share
                            found[at] += weight[population.person[i]] * share * population.label[i]
    return listed, found


@pytest.mark.parametrize("levels", [4, 40, 10_000])
def test_resampled_lists_are_drawn_anew_with_their_reserved_places(levels):
    rows = random_rows(2, people=120, levels=levels, unobserved=0.1)
    population = as_population(rows)
    reserve = population.group[:, 1] - population.group[:, 1].min()
    lists = (List(15), List(30, "area"), List(30))
    draws = draws_of(population, lists, reserve, resamples=3, seed=9)
    for b, stream in enumerate(streams_of(3, 9).tolist()):
        listed, found = plain_reserved(population, reserve, 30, stream)
        np.testing.assert_allclose(draws.listed[b, :, 1], listed, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(draws.found[b, :, 1], found, rtol=1e-9, atol=1e-9)
    plain = resample(population, (15, 30), resamples=3, seed=9)
    np.testing.assert_array_equal(draws.found[:, :, [0, 2]], plain.found)
    np.testing.assert_array_equal(draws.cases, plain.cases)


def test_without_a_decision_nothing_changes_and_with_one_only_its_own_lists_do():
    rows = random_rows(3, unobserved=0.1)
    plan = Plan(capacities=(10, 40), primary=40, resamples=100)
    before = audit(rows, plan)
    now = audit(rows, dataclasses.replace(plan, reserved="area", by_score=True))
    assert before.reserving is None
    assert not np.array_equal(before.measures.listed[:, 1], now.measures.listed[:, 1])
    for name in ("recall", "precision", "selection_rate", "listed", "found"):
        first, second = getattr(before.measures, name), getattr(now.measures, name)
        np.testing.assert_allclose(first, second[:, [0, 2]], rtol=1e-12)
    for name in ("rows", "cases", "expected"):
        first, second = getattr(before.measures, name), getattr(now.measures, name)
        np.testing.assert_allclose(first, second, rtol=1e-12)
    np.testing.assert_array_equal(before.observed_expected.low, now.observed_expected.low)


def test_an_interval_holds_the_share_found_of_a_large_region():
    """Scores are true chances; the truth is taken from 200,000 people, intervals from 4,000."""

    def drawn(seed, people):
        rng = np.random.default_rng(seed)
        small = rng.random(people) < 0.25
        score = 1 / (1 + np.exp(-rng.normal(np.where(small, -3.0, -2.0), 1.0)))
        return ScoredRows(
            person=np.arange(people, dtype=np.int32),
            person_id=np.zeros(people, "U1"),
            as_of=np.zeros(people, np.int64),
            score=score,
            label=(rng.random(people) < score).astype(np.int8),
            groups={"sex": np.where(small, "few", "many")},
        )

    def judged(seed, people):
        plan = Plan(
            capacities=(people // 20,), primary=people // 20, resamples=200, reserved="sex"
        )  # fmt: skip
        return audit(drawn(seed, people), plan)

    truth = judged(1, 200_000).measures.recall[:, 0]
    held = []
    for seed in range(2, 22):
        recall = judged(seed, 4_000).recall
        held.append((recall.low[:, 0] <= truth) & (truth <= recall.high[:, 0]))
    # 95% intervals: of 20, fewer than 16 would come by chance 3 times in 1,000
    assert (np.sum(held, axis=0) >= 16).all()


# As published


@pytest.fixture(scope="module")
def rows():
    return World((0.5, 0.35, 0.15), (1.6, 1.0, 0.8), people=1_500).draw(3, others=1)


@pytest.fixture(scope="module")
def documents(rows):
    """The audit before the decision, and that of the model with the decision after it."""
    plan = Plan(capacities=(30, 60, 90), primary=60, resamples=200)
    before = publish(audit(rows, plan), CONTEXT)
    decided = dataclasses.replace(plan, reserved="group", by_score=True)
    return before, publish(audit(rows, decided), CONTEXT, earlier=[before])


def test_the_page_says_which_lists_are_drawn_how_and_what_by_score_would_find(documents):
    before, now = documents
    assert before.reserving is None
    assert [at.reserved for at in now.overall.at] == ["", "group", ""]
    assert now.reserving is not None
    at = now.reserving.by_score
    assert (at.capacity, at.reserved) == (60, "")
    said = [
        "Places on the lists of 60 are reserved by group, and they are judged as the model draws "
        "them; lists of 30 and 90 in the tables are drawn by score alone.",
        f"Drawn by score alone, the same lists would have found {at.found} cases and missed",
    ]
    page = " ".join(render_page(now).split())
    for words in said:
        assert words in page
        assert any(words in note for note in summary(now).notes)
    assert "Cases found by a list of 60, places reserved</th>" in page
    assert "Cases found by a list of 30, by score</th>" in page
    assert "reserved" not in render_page(before)
    assert AuditDocument.model_validate(now.model_dump(mode="json")) == now


def test_the_same_lists_show_the_same_or_less_and_others_dont_give_them_away(documents):
    before, now = documents
    assert now.reserving is not None

    def less(then, shown):
        assert shown in (then, "*")

    assert now.earlier_reports == ()
    pairs = [(before.overall, now.overall)]
    for g, h in zip(before.groupings, now.groupings, strict=True):
        pairs += zip(g.groups, h.groups, strict=True)
    for then, group in pairs:
        less(then.rows, group.rows)
        less(then.cases, group.cases)
        for k in (0, 2):
            less(then.at[k].found, group.at[k].found)
            less(then.at[k].listed, group.at[k].listed)
    less(before.overall.at[1].found, now.reserving.by_score.found)
    served = [group.at[1].listed for group in now.groupings[0].groups]
    assert served != [group.at[1].listed for group in before.groupings[0].groups]


def test_a_small_price_is_an_interval_alone(rows):
    plan = Plan(capacities=(60,), primary=60, resamples=100, reserved="other0", by_score=True)
    document = publish(audit(rows, plan), CONTEXT)
    assert document.reserving is not None
    change = document.reserving.found_change
    assert isinstance(change, Estimate)
    assert change.value is None
    assert any("fewer than 8 cases" in note for note in summary(document).notes)


def test_the_second_outcome_is_judged_on_the_same_lists(rows):
    plan = Plan(capacities=(30, 60), primary=60, resamples=100, reserved="group", by_score=True)
    report, second = audit(rows, plan), audit_second(rows, plan)
    np.testing.assert_array_equal(second.measures.found[:, 0], report.measures.found[:, 1])
    assert second.measures.found.shape[1] == 1


def test_the_price_of_reserving_is_what_the_audit_of_such_a_model_says(rows):
    """Before the decision it is an option's price, after it the price of the list as it is."""
    made = ScoredRows(
        rows.person.astype(np.int32), rows.person.astype(str), rows.as_of, rows.score, rows.label,
        rows.groups,
    )  # fmt: skip
    plan = Plan(capacities=(60,), primary=60, resamples=200)
    main = publish(audit(made, plan, EXACT), CONTEXT, EXACT)
    [option] = price(made, [reserve_option(made, "group", 60)], plan, main, EXACT).options
    decided = dataclasses.replace(plan, reserved="group", by_score=True)
    served = publish(audit(made, decided, EXACT), CONTEXT, EXACT)
    assert served.reserving is not None
    assert option.found == served.overall.at[0].found
    missed = served.overall.at[0].false_negative_rate
    assert isinstance(option.missed, Estimate)
    assert isinstance(missed, Estimate)
    assert option.missed.value == missed.value
    # pseudo-cases are drawn for as many lists as there are
    assert (option.missed.low, option.missed.high) == pytest.approx(
        (missed.low, missed.high), abs=0.01
    )
    assert option.found_change == served.reserving.found_change
    # another option is then priced against the list as it is
    by_score = Option("drop:x", "Without x", "", "", "", False, made.score)
    turned = price(made, [by_score], decided, served, EXACT)
    assert "Places reserved by group" in turned.baseline.meaning
    back, there = turned.options[0].found_change, option.found_change
    assert isinstance(back, Estimate)
    assert isinstance(there, Estimate)
    assert back.value == -(there.value or 0)
    assert (back.low, back.high) == (-there.high, -there.low)


def test_the_gate_wants_audits_of_lists_as_they_are_served(documents, settings):
    before, now = (document.model_dump(mode="json") for document in documents)
    outcome, _ = judge_fairness(now, before, "a" * 12, settings)
    assert outcome in ("passed", "failed", "insufficient evidence")
    stale = before | {"chosen_mitigation": "Places reserved by group (reserve:group)"}
    for mine, theirs, whose in ((stale, before, "model's"), (before, stale, "champion's")):
        outcome, words = judge_fairness(mine, theirs, "a" * 12, settings)
        assert outcome == "insufficient evidence"
        assert f"the {whose} places are reserved by group, but its audit judged" in words


@pytest.fixture
def settings():
    from hiu_training.protocol.settings import GateSettings

    return GateSettings()


def test_the_trend_tells_lists_with_reserved_places_from_those_by_score():
    rows = random_rows(1)
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    drawn = (plan, dataclasses.replace(plan, reserved="sex", by_score=True))
    before, now = (
        publish(audit(rows, one), dataclasses.replace(CONTEXT, model=f"champion {name}"))
        for one, name in zip(drawn, ("a" * 12, "b" * 12), strict=True)
    )
    points = [p for p in trend_of(now, [before]) if not p.grouping]
    assert [p.reserved for p in points] == ["", "sex"]
