"""Every count of the page as one table, so that hiding is decided for all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hiu_risk.successive import NOTHING_SAID
from hiu_risk.suppression import EarlierTable, MadeOf, Shown, SmallNumbers, Sum, protect
from hiu_training.audit.drawing import List
from hiu_training.audit.published import EVERYBODY, Published, merged
from hiu_training.audit.report import AuditReport

Key = tuple[str, int, int]
"""Quantity, group (across groupings; the last is everybody), position of the capacity."""

_NOW = "as in this report"
_ONCE = ("rows", "cases")
_WORTH = {"listed": 0.0, "rows": 1.0, "found": 2.0, "cases": 3.0}
"""Quantities that are printed, and how much a reader needs them."""
_PER_LIST = ("found", "missed", "listed", "listed_not_case")


@dataclass(frozen=True)
class CountTable:
    """The counts, and which of them may be shown.

    Parameters
    ----------
    rule : SmallNumbers
        The rule in force.
    at : dict of Key to int
        Position of each count.
    values : float array, shape (n_cells,)
        The exact counts.
    hidden, small : bool array, shape (n_cells,)
        Hidden at all; hidden for being small.
    sums : tuple of Sum
        How the counts add up.
    """

    rule: SmallNumbers
    at: dict[Key, int]
    values: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    small: NDArray[np.bool_]
    sums: tuple[Sum, ...]

    def shown(self, name: str, group: int, k: int = 0) -> Shown:
        """Give a count as it may be printed."""
        i = self.at[name, group, k]
        return self.rule.show(self.values[i], hidden=bool(self.hidden[i]))

    def is_small(self, name: str, group: int, k: int = 0) -> bool:
        """Tell whether a count is hidden for being small."""
        return bool(self.small[self.at[name, group, k]])

    def is_hidden(self, name: str, group: int, k: int = 0) -> bool:
        """Tell whether a count is hidden."""
        return bool(self.hidden[self.at[name, group, k]])


def capacities_of(report: AuditReport, group: int) -> list[int]:
    """Give the capacities a group is published at: pairs at the primary one alone."""
    everybody = len(report.people.all) - 1
    if report.starts[report.singles] <= group < everybody:
        return [report.plan.capacities.index(report.plan.primary)]
    lists = report.plan.lists if group == everybody else report.plan.capacities
    return list(range(len(lists)))


def _nested(report: AuditReport, group: int) -> list[int]:
    """Give the lists that hold each other, shortest first: those drawn by score."""
    lists = report.plan.lists
    by_score = [k for k in capacities_of(report, group) if not lists[k].reserved]
    return sorted(by_score, key=lambda k: lists[k].capacity)


def count_table(
    report: AuditReport,
    rule: SmallNumbers,
    earlier: Sequence[Published] = (),
    made_of: MadeOf = NOTHING_SAID,
) -> CountTable:
    """Lay out every count of a report and decide what to hide.

    Of every shown count an outsider learns the rounded one alone: no rate is printed that is
    worked out from exact counts. Lists of different length hold each other, so the people in
    between are cells of their own.
    """
    m, people = report.measures, report.people
    at: dict[Key, int] = {}
    values: list[float] = []
    few: list[bool] = []
    sums: list[Sum] = []

    def add(key: Key, value: float, behind: int) -> None:
        at[key] = len(values)
        values.append(float(value))
        few.append(bool(rule.is_small(behind)))

    for g in range(len(people.all)):
        add(("rows", g, 0), m.rows[g], people.all[g])
        add(("cases", g, 0), m.cases[g], people.cases[g])
        for k in capacities_of(report, g):
            found, listed = m.found[g, k], m.listed[g, k]
            add(("found", g, k), found, people.found[g, k])
            add(("missed", g, k), m.cases[g] - found, people.missed[g, k])
            add(("listed", g, k), listed, people.listed[g, k])
            add(("listed_not_case", g, k), listed - found, people.listed_not_case[g, k])
            for total, other in (("cases", "missed"), ("listed", "listed_not_case")):
                whole = at[total, g, k] if (total, g, k) in at else at[total, g, 0]
                sums.append(Sum(whole, (at["found", g, k], at[other, g, k])))
        for shorter, longer in pairwise(_nested(report, g)):
            for name, counts, behind in (
                ("found", m.found, people.found), ("listed", m.listed, people.listed)
            ):  # fmt: skip
                more = counts[g, longer] - counts[g, shorter]
                key = (f"{name}_between", g, longer)
                add(key, more, max(int(behind[g, longer] - behind[g, shorter]), round(more)))
                sums.append(Sum(at[name, g, longer], (at[name, g, shorter], at[key])))
    groups_from = len(sums)
    crossed = _left_out(report, at, earlier)
    if crossed.any():
        sums = [relation for relation in sums if not crossed[relation.total]]
        groups_from = len(sums)
    for total_group, parts, ks in _relations(report):
        if crossed[at["rows", parts[0], 0]]:
            continue
        keys = [(name, 0) for name in _ONCE] + [(name, k) for name in _PER_LIST for k in ks]
        sums += [
            Sum(at[name, total_group, k], tuple(at[name, g, k] for g in parts)) for name, k in keys
        ]
    counts = np.array(values)
    small = (rule.is_small(counts) | np.array(few)) if rule.enabled else np.zeros(len(few), bool)
    safe = protect(
        np.where(crossed, 0.0, counts), sums, rule,
        small=small & ~crossed,
        rounded=np.ones(len(counts), np.bool_),
        printed=np.array([name in _WORTH for name, _, _ in at]),
        worth=np.array([_worth(report, key) for key in at]),
        earlier=[
            _before(report, before, at, sums, groups_from)
            for before in merged(earlier)
            if rule.enabled
        ],
        made_of=made_of,
    )  # fmt: skip
    hidden = safe.hidden | crossed if rule.enabled else safe.hidden
    return CountTable(rule, at, counts, hidden, safe.small | (small & crossed), tuple(sums))


def _left_out(
    report: AuditReport, at: dict[Key, int], earlier: Sequence[Published]
) -> NDArray[np.bool_]:
    """Tell which counts aren't shown at all: pairs, where an earlier report shares dates.

    Checking thousands of cells against another report would take longer than all else.
    """
    everybody = len(report.people.all) - 1
    overlaps = any(
        not (before.same_rows and before.same_lists and before.reserved == report.plan.reserved)
        for before in earlier
    )
    first = report.starts[report.singles]
    return np.array([overlaps and first <= g < everybody for _, g, _ in at], np.bool_)


def _before(
    report: AuditReport,
    before: Published,
    at: dict[Key, int],
    sums: Sequence[Sum],
    groups_from: int,
) -> EarlierTable:
    """Lay what an earlier report printed out over this report's cells."""
    names = _names(report)
    shown, starred = np.full(len(at), np.nan), np.zeros(len(at), np.bool_)
    drawn_so = np.zeros(len(at), np.bool_)
    for (name, g, k), i in at.items():
        drawn = List(0) if name in _ONCE else report.plan.lists[k]
        value, drawn_so[i] = before.seen((*names[g], name), drawn)
        starred[i] = value == "*"
        if isinstance(value, int):
            shown[i] = value
    of_rows = np.array([name in _ONCE for name, _, _ in at])
    labels_now: dict[str, set[str]] = {}
    for grouping, label in names:
        labels_now.setdefault(grouping, set()).add(label)
    where = {i: names[key[1]][0] for key, i in at.items()}
    exact = [
        i < groups_from
        or before.labels.get(where[relation.parts[0]]) == labels_now[where[relation.parts[0]]]
        for i, relation in enumerate(sums)
    ]
    return EarlierTable(
        shown, starred,
        same=np.where(of_rows, before.same_rows, before.same_lists & drawn_so).astype(np.bool_),
        one_way=of_rows,
        exact_sums=np.array(exact, np.bool_),
        made_of=replace(
            before.made_of,
            rows=_NOW if before.same_rows else before.made_of.rows,
            lists=_NOW if before.same_lists else before.made_of.lists,
        ),
    )  # fmt: skip


def _names(report: AuditReport) -> list[tuple[str, str]]:
    """Name each group by its grouping and its label; everybody last."""
    named = [(g.name, label) for g in report.groupings for label in g.labels]
    return [*named, EVERYBODY]


def _worth(report: AuditReport, key: Key) -> float:
    """Hide pairs before singles, other capacities before the primary one, everybody last."""
    name, group, k = key
    everybody = len(report.people.all) - 1
    if group == everybody:
        return 100.0
    single = group < report.starts[report.singles]
    primary = report.plan.lists[k].capacity == report.plan.primary
    return _WORTH.get(name, 0.0) + 20.0 * single + 0.5 * primary


def _relations(report: AuditReport) -> list[tuple[int, list[int], list[int]]]:
    """Say how groups add up: to everybody, and those of a pair to both parents' groups."""
    names = [g.name for g in report.groupings]
    everybody = len(report.people.all) - 1
    found = []
    for i, grouping in enumerate(report.groupings):
        members = list(range(report.starts[i], report.starts[i + 1]))
        ks = capacities_of(report, members[0])
        found.append((everybody, members, ks))
        parents = grouping.name.split(" x ") if grouping.parts else []
        for side, parent in enumerate(parents):
            start = report.starts[names.index(parent)]
            for label in range(len(report.groupings[names.index(parent)].labels)):
                inside = [
                    g for g, p in zip(members, grouping.parts, strict=True) if p[side] == label
                ]
                found.append((start + label, inside, ks))
    return found
