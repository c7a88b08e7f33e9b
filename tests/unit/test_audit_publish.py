"""What leaves the audit: no small number, nothing that gives one away, one whole page."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from hiu_risk.suppression import Protection, SmallNumbers, feasible_range
from hiu_training.audit.coarse import Span, proportion
from hiu_training.audit.linkage import linkage_of
from hiu_training.audit.onepage import summary
from hiu_training.audit.page import render_page
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, all_pairs, audit
from hiu_training.audit.result import MAY_NOT_LEAVE, AuditDocument, Estimate, Linkage
from hiu_training.audit.rounding import points_of, rounding_in_words
from hiu_training.audit.second import audit_second, publish_second
from hiu_training.audit.table import count_table
from hiu_training.audit.wording import NO_VALUE
from tests.support.audit import World, random_rows

CONTEXT = Context("champion 1a2b3c", "at least 5 calls in 30 days", protocol="onset.toml")
OFF = SmallNumbers(enabled=False)


@pytest.fixture(scope="module")
def report():
    """An audit with a thin group, a group found too seldom to print, and pairs."""
    world = World((0.42, 0.5, 0.08), (0.4, 1.6, 1.5), people=1_500, dates=2)
    rows = world.draw(3, others=1)
    plan = Plan(
        capacities=(30, 60), primary=60, resamples=200, pairs=all_pairs(["group", "other0"])
    )  # fmt: skip
    return audit(rows, plan)


@pytest.fixture(scope="module")
def document(report):
    return publish(report, CONTEXT)


def groups_of(document):
    return [g for grouping in (*document.groupings, *document.pairs) for g in grouping.groups]


def test_no_small_count_is_published(report, document):
    table = count_table(report, SmallNumbers())
    everybody = len(report.people.all) - 1
    assert table.small.any()
    for g, group in enumerate(groups_of(document)):
        for name in ("rows", "cases"):
            exact = table.values[table.at[name, g, 0]]
            shown = getattr(group, name)
            assert shown == "*" or (exact >= 7.5 and shown % 5 == 0) or exact == shown == 0
        for at in group.at:
            k = report.plan.capacities.index(at.capacity)
            for name in ("found", "listed"):
                exact, shown = table.values[table.at[name, g, k]], getattr(at, name)
                assert shown == "*" or (exact >= 7.5 and shown % 5 == 0) or exact == shown == 0
            if table.is_hidden("cases", g):
                assert at.recall == at.false_negative_rate == at.recall_difference == "*"
            if table.is_hidden("found", g, k):
                assert at.recall_difference == "*"
                assert not isinstance(at.recall, Estimate) or at.recall.value is None
    assert not table.is_hidden("cases", everybody)


def test_a_hidden_number_found_still_says_at_most_how_many(report, document):
    missed = [
        at.false_negative_rate
        for group in groups_of(document)
        for at in group.at
        if at.found == "*" and group.cases != "*" and isinstance(at.recall, Estimate)
    ]
    assert missed
    assert all(m.value is None and m.high == 1.0 for m in missed)


def test_every_rate_comes_from_rounded_counts_and_is_wider_than_the_exact_one(report, document):
    place, checked = 0, 0
    for grouping in document.groupings:
        assert grouping.from_rounded
        for group in grouping.groups:
            for k, at in enumerate(group.at):
                if not isinstance(at.recall, Estimate) or at.recall.value is None:
                    continue
                assert at.recall.value == round(min(at.found / group.cases, 1), 2)
                assert at.recall.low <= report.recall.low[place, k] + 0.03
                assert at.recall.high >= report.recall.high[place, k] - 0.03
                checked += 1
            place += 1
    assert checked > 5


@pytest.mark.parametrize("seed", [1, 2])
def test_shares_are_no_further_from_the_exact_ones_than_is_said(seed):
    rows = World((0.42, 0.5, 0.08), (0.4, 1.2, 1.5), people=900, dates=2).draw(seed, others=2)
    report = audit(rows, Plan(capacities=(60,), primary=60, resamples=100))
    document = publish(report, CONTEXT)
    exact, said = report.measures.recall[:, 0], []
    groups = [x for g in document.groupings for x in g.groups]
    for place, group in enumerate((*groups, document.overall)):
        points, at = points_of(group.at[0], group), group.at[0]
        if points is None:
            assert at.found == "*" or group.cases in ("*", 0)
            continue
        assert abs(at.recall.value - exact[place]) <= points / 100
        half = 2.5 * (at.found > 0)
        assert at.recall.low <= (at.found - half) / (group.cases + 2.5) + 0.005
        assert at.recall.high >= min((at.found + half) / (group.cases - 2.5), 1) - 0.005
        said.append(points)
    words = rounding_in_words(document)
    assert f"everybody's by up to {said[-1]} points" in words
    assert f"a group's by up to {max(said[:-1])} points" in words
    assert render_page(document).count(words.replace("'", "&#39;")) == 2  # headline and tables
    assert summary(document).rounding == words
    open_ = publish(report, CONTEXT, OFF)
    assert rounding_in_words(open_) == summary(open_).rounding == ""
    assert "rounded to 5" not in render_page(open_)


def test_people_between_two_list_lengths_are_not_worked_out(report):
    table = count_table(report, SmallNumbers())
    between = {key: i for key, i in table.at.items() if key[0] == "found_between"}
    assert between
    small = [i for i in between.values() if table.small[i]]
    assert small
    for i in small:
        low, high = feasible_range(
            table.values, Protection(table.hidden, table.small), table.sums, SmallNumbers(), i,
            np.ones(len(table.values), np.bool_),
        )  # fmt: skip
        assert min(high, 7) - max(low, 1) + 1 >= SmallNumbers().candidates


def test_published_numbers_depend_on_the_small_count_only_through_its_star(report):
    """Two worlds that differ in one hidden cell print the same numbers about it."""
    table = count_table(report, SmallNumbers())
    cell = next(key for key, i in table.at.items() if key[0] == "found" and table.small[i])
    _, g, k = cell
    before = publish(report, CONTEXT)
    found = report.measures.found.copy()
    found[g, k] = 7 if round(found[g, k]) != 7 else 6
    other = dataclasses.replace(
        report, measures=dataclasses.replace(report.measures, found=found)
    )  # fmt: skip
    after = publish(other, CONTEXT)
    first, second = groups_of(before)[g].at, groups_of(after)[g].at
    place = [at.capacity for at in first].index(report.plan.capacities[k])
    assert first[place].recall == second[place].recall
    assert first[place].found == second[place].found == "*"


def alone(rows, which, name="one"):
    """Divide the rows into a few people and the rest."""
    column = np.where(np.isin(rows.person, which), name, "rest")
    return dataclasses.replace(rows, groups={"column": column})


def test_the_score_of_a_group_of_one_cant_be_worked_out():
    """Nobody of it is a case: a printed 0 over the exact sum of scores would give the sum away."""
    rows = random_rows(1)
    healthy = [p for p in np.unique(rows.person) if not rows.label[rows.person == p].any()]
    rows = alone(rows, healthy[:1])
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    printed = []
    for score in (0.03, 0.9):
        column = np.where(rows.person == healthy[0], score, rows.score)
        report = audit(dataclasses.replace(rows, score=column), plan)
        one = publish(report, CONTEXT).groupings[0].groups[0]
        assert (one.label, one.cases, one.rows) == ("One", 0, "*")
        printed.append((one.expected, one.observed_expected, one.calibration_ratio))
    assert printed == [("*", "*", "*")] * 2


def test_observed_over_expected_is_that_of_the_printed_numbers(document):
    checked = 0
    for group in (*groups_of(document), document.overall):
        if isinstance(group.observed_expected, Estimate):
            exact = group.cases / group.expected
            assert group.observed_expected.value == pytest.approx(exact, abs=0.006)
            checked += 1
    assert checked > 3


@pytest.mark.parametrize(("people", "judged"), [(17, False), (18, True), (20, True), (22, True)])
def test_the_minimum_of_cases_is_asked_of_the_printed_count(people, judged):
    """18 to 22 are all printed as 20: no finding may tell which."""
    rows = random_rows(1, dates=1)
    cases = np.unique(rows.person[rows.label == 1])
    report = audit(alone(rows, cases[:people]), Plan((20,), 20, resamples=100))
    for family in (report.recall_family, report.reference_family):
        found = {f.verdict for f in family.findings} - {"not_compared"}
        assert ("insufficient_evidence" not in found) == judged
    exact = audit(alone(rows, cases[:people]), Plan((20,), 20, resamples=100), OFF)
    unjudged = {f.verdict for f in exact.recall_family.findings} == {"insufficient_evidence"}
    assert unjudged == (people < 20)


@pytest.mark.parametrize("seed", range(6))
def test_no_finding_is_stronger_than_the_numbers_printed_beside_it(seed):
    world = World((0.3, 0.3, 0.3, 0.1), (0.9, 1.5, 1.5, 1.6), people=1_400, dates=1)
    report = audit(world.draw(seed, others=2), Plan((112,), 112, resamples=100, margin=0.2))
    for grouping in publish(report, CONTEXT).groupings:
        for group in grouping.groups:
            for verdict, own, wide, middle in (
                (group.recall_verdict, group.at[0].recall_difference,
                 group.recall_difference_simultaneous, 0.0),
                (group.reference_verdict, group.reference_difference,
                 group.reference_difference_simultaneous, 0.0),
                (group.calibration_verdict, group.calibration_ratio, None, 1.0),
            ):  # fmt: skip
                if not isinstance(own, Estimate):
                    continue
                strong = wide if isinstance(wide, Estimate) else own
                if verdict == "lower":
                    assert strong.high < middle
                if verdict == "higher":
                    assert strong.low > middle
                if verdict == "perhaps_lower":
                    assert own.high < middle
                if verdict == "perhaps_higher":
                    assert own.low > middle
                if verdict == "close":
                    assert own.low > -0.2
                    assert own.high < 0.2


def test_a_group_of_whom_too_few_are_found_to_print_is_still_missed_more_often():
    rows = World((0.42, 0.5, 0.08), (1.5, 1.6, 1.5), people=3_000, dates=1).draw(3)
    mine = rows.groups["group"] == "g0"
    top = np.flatnonzero(mine & (rows.label == 1))[:3]
    score = np.where(mine, rows.score * 1e-3, rows.score)
    score[top] = 0.9999
    plan = Plan((240,), 240, resamples=200)
    [grouping] = publish(audit(dataclasses.replace(rows, score=score), plan), CONTEXT).groupings
    assert grouping.groups[0].at[0].found == "*"
    assert grouping.groups[0].recall_verdict == "lower"


@pytest.mark.parametrize("second", [False, True])
def test_a_hidden_difference_is_never_no_difference(document, second):
    rows = World((0.45, 0.45, 0.1), (0.0, 0.0, 0.0), people=4_000, dates=1).draw(1)
    mine = rows.groups["group"] == "g2"
    top = np.flatnonzero(mine & (rows.label == 1))[:5]
    score = np.where(mine, rows.score * 1e-3, rows.score)
    score[top] = 0.9999
    plan = Plan((200,), 200, resamples=100, reference={"group": "g0"})
    rows = dataclasses.replace(rows, score=score)
    if second:
        told = publish_second(audit_second(rows, plan), "x", document, SmallNumbers())
        found = [(g.found, g.difference, g.verdict) for g in told.groupings[0].groups]
    else:
        groups = publish(audit(rows, plan), CONTEXT).groupings[0].groups
        found = [(g.at[0].found, g.at[0].recall_difference, g.recall_verdict) for g in groups]
        assert groups[2].reference_verdict in ("lower", "perhaps_lower", "insufficient_evidence")
    assert found[2] == ("*", "*", "insufficient_evidence")


def test_with_too_few_reached_nothing_is_said_of_the_second_outcome(document):
    rows = World((0.5, 0.5), (0.0, 0.0), people=4_000, dates=1).draw(1)
    few, many = (
        publish_second(audit_second(rows, Plan((k,), k, resamples=100)), "x", document,
                       SmallNumbers())
        for k in (20, 800)
    )  # fmt: skip
    assert "Too few reached to compare" in few.note
    assert few.comparisons == 0
    assert {g.verdict for g in few.groupings[0].groups} == {"insufficient_evidence"}
    assert "Too few" not in many.note
    assert "insufficient_evidence" not in {g.verdict for g in many.groupings[0].groups}


def test_linkage_is_said_in_words(document):
    coverage = Linkage(source="call", outcome="see_convey_ed", events=100, linked=90, coverage=0.9)
    page = render_page(document.model_copy(update={"linkage": (coverage,)}))
    assert "Taken to A&amp;E" in page
    assert "see convey" not in page


def test_without_suppression_everything_is_exact_and_says_so(report):
    document = publish(report, CONTEXT, OFF)
    assert "*" not in document.model_dump_json()
    assert document.suppression == MAY_NOT_LEAVE
    shown = [at.recall.value for g in document.groupings for x in g.groups for at in x.at[:1]]
    n = report.starts[report.singles]
    np.testing.assert_allclose(shown, report.recall.value[:n, 0], atol=1e-6)
    assert MAY_NOT_LEAVE in render_page(document)
    assert MAY_NOT_LEAVE not in render_page(publish(report, CONTEXT))


def test_without_suppression_a_group_without_a_case_has_no_share():
    rows = random_rows(1)
    nobody = np.where(rows.label == 1, "cases", np.where(rows.person % 2 == 0, "none", "cases"))
    groups = {"site": nobody}
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    document = publish(audit(dataclasses.replace(rows, groups=groups), plan, OFF), CONTEXT, OFF)
    none = next(g for g in document.groupings[0].groups if g.cases == 0)
    assert none.at[0].recall is none.at[0].false_negative_rate is None
    assert none.at[0].recall_difference is none.recall_difference_simultaneous is None
    assert none.recall_verdict == "insufficient_evidence"
    line = next(x for x in summary(document).lines if x.label == none.label)
    assert (line.missed, line.difference) == (NO_VALUE, NO_VALUE)


def test_the_document_survives_a_round_trip(document):
    assert AuditDocument.model_validate_json(document.model_dump_json()) == document


def test_missed_is_what_recall_leaves(document):
    for group in groups_of(document):
        for at in group.at:
            if isinstance(at.recall, Estimate) and at.recall.value is not None:
                assert at.false_negative_rate.value == pytest.approx(1 - at.recall.value)
                assert at.false_negative_rate.low == pytest.approx(1 - at.recall.high)


def test_the_page_is_whole_and_needs_nothing_else(document):
    page = render_page(document)
    assert page.count("<svg") == 2 * len(document.groupings) == page.count("</svg>")
    assert not re.search(r"<script|(?:src|href)=\"(?!#|data:)", page)
    assert "Who is missed?" in page
    assert "Missed more often" in page
    assert "This is not a pass." in page
    assert document.label_caution.replace("'", "&#39;") in page
    assert document.not_for in page
    assert document.definition in page
    for group in groups_of(document):
        assert group.label in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_page_without_a_single_judged_group_says_so_first(document):
    thin = document.model_copy(update={"recall_comparisons": 0})
    assert "Nothing can be concluded about any group" in render_page(thin)
    assert "Nothing can be concluded" not in render_page(document)


def test_the_page_is_the_same_every_time(document):
    assert render_page(document) == render_page(document)


def test_labels_from_the_data_are_escaped():
    rows = random_rows(1)
    column = np.where(rows.person % 2 == 0, "<b>bold</b>", "plain")
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    page = render_page(
        publish(audit(dataclasses.replace(rows, groups={"site": column}), plan), CONTEXT)
    )
    assert "<b>" not in page


def test_a_grouping_with_one_value_is_shown_with_its_note():
    rows = random_rows(1)
    groups = {"sex": np.full(len(rows.person), "female"), "area": rows.groups["area"]}
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    page = render_page(publish(audit(dataclasses.replace(rows, groups=groups), plan), CONTEXT))
    assert "Only one value (Female)" in page


def test_intervals_from_rounded_counts_hold_those_of_every_count_behind_them():
    wide = proportion(Span.of(10, 5), Span.of(40, 5), 1.0)
    for found in range(8, 13):
        for cases in range(38, 43):
            exact = proportion(
                Span(found, found, found), Span(cases, cases, cases), 1.0
            )  # fmt: skip
            assert wide[1] <= exact[1]
            assert exact[2] <= wide[2]


@dataclasses.dataclass(frozen=True)
class Record:
    source: str
    outcome: str
    events: int
    linked: int


def test_linkage_hides_few_unlinked_events():
    few, many, none = linkage_of(
        [
            Record("call", "hear_treat", 100, 97),
            Record("call", "see_treat", 203, 101),
            Record("ae", "left_unseen", 0, 0),
        ],
        SmallNumbers(),
    )
    assert few.coverage == "*"
    assert many == Linkage(
        source="call", outcome="see_treat", events=205, linked=100, coverage=0.49
    )
    assert none.coverage is None


def test_the_same_rows_again_print_the_same(report):
    context = dataclasses.replace(CONTEXT, rows_hash="a", lists_hash="a")
    first = publish(report, context)
    assert publish(report, context, earlier=[first]) == first


def test_pairs_show_no_counts_beside_an_overlapping_report(report, document):
    later = dataclasses.replace(CONTEXT, rows_hash="other", lists_hash="other")
    again = publish(report, later, earlier=[document])
    assert again.earlier_reports
    for grouping in again.pairs:
        for group in grouping.groups:
            assert group.rows == group.cases == group.at[0].found == "*"
    shown = [g.rows for grouping in again.groupings for g in grouping.groups]
    assert any(isinstance(rows, int) for rows in shown)
