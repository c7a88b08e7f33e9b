"""Grouping columns and rows that can't be audited say so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hiu_risk.errors import DataError, UsageError
from hiu_training.audit.groups import groupings_from
from hiu_training.audit.report import Plan, audit
from tests.support.audit import random_rows

PLAN = Plan(capacities=(20,), primary=20, resamples=100)


def with_column(column):
    rows = random_rows(1)
    return dataclasses.replace(rows, groups={"column": column(len(rows.person))})


def test_a_column_that_is_not_there_suggests_the_near_one():
    with pytest.raises(UsageError, match=r"no grouping column 'sexx'.*did you mean 'sex'\?"):
        audit(random_rows(1), dataclasses.replace(PLAN, by=("sexx",)))


def test_a_pair_of_a_column_that_is_not_there_suggests_the_near_one():
    plan = dataclasses.replace(PLAN, pairs=(("sex", "areas"),))
    with pytest.raises(UsageError, match="did you mean 'area'"):
        audit(random_rows(1), plan)


def test_a_pair_of_a_column_left_out_says_so():
    plan = dataclasses.replace(PLAN, by=("sex",), pairs=(("sex", "area"),))
    with pytest.raises(UsageError, match="left out"):
        audit(random_rows(1), plan)


def test_no_column_at_all_is_an_error():
    with pytest.raises(UsageError, match="no grouping column"):
        groupings_from({}, 3)


def test_a_column_of_the_wrong_length_is_an_error():
    with pytest.raises(DataError, match="2 values for 3 rows"):
        groupings_from({"sex": np.array(["a", "b"])}, 3)


def test_five_hundred_categories_are_refused():
    rows = with_column(lambda n: np.array([f"c{i % 500}" for i in range(n)]))
    with pytest.raises(DataError, match="500 different values"):
        audit(rows, PLAN)


def test_one_value_only_is_said_and_not_judged():
    report = audit(with_column(lambda n: np.full(n, "female")), PLAN)
    assert "Only one value (Female)" in report.groupings[0].note
    assert report.recall_family.findings[0].verdict == "not_compared"


@pytest.mark.parametrize("empty", ["", None, float("nan")])
def test_a_column_never_filled_is_said_and_not_judged(empty):
    report = audit(with_column(lambda n: np.array([empty] * n, object)), PLAN)
    assert "Not recorded for anybody" in report.groupings[0].note
    assert report.recall_family.findings[0].verdict == "not_compared"


def test_a_group_of_one_is_insufficient_evidence():
    rows = random_rows(1)
    column = np.where(rows.person == rows.person[0], "one", "rest")
    report = audit(dataclasses.replace(rows, groups={"column": column}), PLAN)
    assert {f.verdict for f in report.recall_family.findings} == {"insufficient_evidence"}


def test_declined_not_known_and_not_recorded_stay_apart_and_last():
    values = np.array(["white", "not_known", "declined", "", "asian"])
    [grouping] = groupings_from({"ethnic_group": values}, 5)
    assert grouping.labels == ("Asian", "White", "Declined to say", "Not known", "Not recorded")


def test_bands_sort_by_number():
    values = np.array(["100 and over", "18 to 34", "5", "65 to 79"])
    [grouping] = groupings_from({"age": values}, 4)
    assert grouping.labels == ("5", "18 to 34", "65 to 79", "100 and over")


def test_a_band_below_an_age_sorts_before_the_band_from_it():
    values = np.array(["18 to 34", "under 18", "35 to 49"])
    [grouping] = groupings_from({"age": values}, 3)
    assert grouping.labels == ("Under 18", "18 to 34", "35 to 49")


def test_no_rows_is_an_error():
    rows = random_rows(1)
    nothing = dataclasses.replace(
        rows,
        **{name: getattr(rows, name)[:0] for name in ("person", "as_of", "score", "label")},
        groups={name: column[:0] for name, column in rows.groups.items()},
    )
    with pytest.raises(DataError, match="no rows to audit"):
        audit(nothing, PLAN)


def test_outcomes_not_yet_observed_are_an_error():
    rows = random_rows(1)
    label = np.full(len(rows.label), -1, np.int8)
    with pytest.raises(DataError, match="not yet observed"):
        audit(dataclasses.replace(rows, label=label), PLAN)


def test_a_date_not_yet_observed_is_left_out_and_said():
    rows = random_rows(1)
    last = rows.as_of == rows.as_of.max()
    label = np.where(last, -1, rows.label).astype(np.int8)
    report = audit(dataclasses.replace(rows, label=label), PLAN)
    assert report.unobserved_dates == (int(rows.as_of.max()),)
    assert len(report.dates) == 2


def test_no_case_at_all_is_an_error():
    rows = random_rows(1)
    with pytest.raises(DataError, match="nobody met the definition"):
        audit(dataclasses.replace(rows, label=np.zeros_like(rows.label)), PLAN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacities": ()},
        {"capacities": (0,), "primary": 0},
        {"capacities": (50,), "primary": 75},
        {"capacities": (75, 50)},
        {"resamples": 10},
        {"min_cases": 0},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        Plan(**wrong)
