"""Audits of overlapping people or dates, as a reader sees them who lays them side by side."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hiu_risk.suppression import SmallNumbers
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.audit.table import count_table
from tests.support.adversary import both, together
from tests.support.audit import World

CONTEXT = Context("champion 1a2b3c", "at least 5 calls in 30 days", protocol="onset.toml")


@pytest.mark.parametrize("how", ["added", "left"])
def test_two_audits_of_nearly_the_same_people_cant_be_subtracted(how):
    """A quarter later a few people are more (or fewer): nobody learns how many in any group."""
    world = World((0.42, 0.5, 0.08), (0.4, 1.6, 1.5), people=700, dates=1)
    rows = world.draw(5, others=1)
    few = np.isin(rows.person, np.arange(0, 700, 70))
    fewer = dataclasses.replace(
        rows,
        **{name: getattr(rows, name)[~few] for name in ("person", "as_of", "score", "label")},
        groups={name: column[~few] for name, column in rows.groups.items()},
    )
    plan = Plan(capacities=(60,), primary=60, resamples=100)
    first, second = (fewer, rows) if how == "added" else (rows, fewer)
    reports = [audit(each, plan) for each in (first, second)]
    context = dataclasses.replace(CONTEXT, rows_hash="first", lists_hash="first")
    kept = publish(reports[0], context)
    later = dataclasses.replace(CONTEXT, rows_hash="second", lists_hash="second")
    document = publish(reports[1], later, earlier=[kept])
    assert document.earlier_reports
    table = count_table(reports[1], SmallNumbers())
    exact = [count_table(report, SmallNumbers()).values for report in reports]
    printed = tuple(
        np.array([_printed(d, key, reports[1]) for key in table.at]) for d in (kept, document)
    )
    of_rows = np.array([name in ("rows", "cases") for name, _, _ in table.at])
    checked = 0
    for (name, _, _), cell in table.at.items():
        change = exact[1][cell] - exact[0][cell]
        if name not in ("rows", "cases", "found", "listed") or not 0 < abs(change) <= 7:
            continue
        for stance in ("moved", how):
            aim = np.zeros(2 * len(of_rows))
            aim[len(of_rows) + cell], aim[cell] = 1, -1
            low, high = both(printed, table.sums, stance, aim, one_way=of_rows)
            assert low <= round(change) <= high
            assert high - low + 1 >= SmallNumbers().candidates
        checked += 1
    assert checked >= 5


def test_audits_of_two_dates_and_of_both_together_cant_be_solved():
    """A star of the first date isn't what both together have more than the second."""
    world = World((0.3, 0.3, 0.3, 0.1), (0.4, 1.6, 1.5, 0.8), people=260, dates=2)
    rows = world.draw(5, others=1)
    plan = Plan(capacities=(20,), primary=20, resamples=100)
    reports, documents = [], []
    for name, dates in (("first", [0]), ("second", [1]), ("both", [0, 1])):
        some = np.isin(rows.as_of, np.unique(rows.as_of)[dates])
        part = dataclasses.replace(
            rows,
            **{x: getattr(rows, x)[some] for x in ("person", "as_of", "score", "label")},
            groups={x: column[some] for x, column in rows.groups.items()},
        )
        reports.append(audit(part, plan))
        context = dataclasses.replace(CONTEXT, rows_hash=name, lists_hash=name)
        documents.append(publish(reports[-1], context, earlier=documents))
    assert len(documents[2].earlier_reports) == 2
    tables = [count_table(report, SmallNumbers()) for report in reports]
    exact, sums = [table.values for table in tables], tables[0].sums
    at = tables[0].at
    assert all(table.at == at for table in tables)
    assert np.array_equal(exact[0] + exact[1], exact[2])
    shown = [
        np.array([_printed(d, key, r) for key in at])
        for d, r in zip(documents, reports, strict=True)
    ]
    adds_up = [({(0, c): 1, (1, c): 1, (2, c): -1}, 0, 0) for c in range(len(at))]
    checked = 0
    for place in range(3):
        for (name, _, _), cell in at.items():
            if name in ("rows", "cases", "listed", "found") and 1 <= exact[place][cell] <= 7:
                low, high = together(shown, sums, adds_up, {(place, cell): 1})
                assert low <= exact[place][cell] <= high
                assert min(high, 7) - max(low, 1) + 1 >= SmallNumbers().candidates
                checked += 1
    assert checked >= 10


def _printed(document, key, report):
    """What a document prints of a cell: NaN for a star, or where it prints nothing."""
    name, g, k = key
    groupings = (*document.groupings, *document.pairs)
    groups = [group for grouping in groupings for group in grouping.groups]
    group = [*groups, document.overall][g]
    if name in ("rows", "cases"):
        value = getattr(group, name)
    elif name in ("found", "listed"):
        value = getattr(group.at[k], name)
    else:
        return np.nan
    return np.nan if value == "*" else float(value)
