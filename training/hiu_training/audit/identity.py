"""Who can't be linked to their events: as far as the rows without a person say anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.manifest import Linkage as Counted
from hiu_risk.store import Store
from hiu_risk.suppression import SmallNumbers, Sum, protect
from hiu_training.audit.coarse import Span, proportion
from hiu_training.audit.groups import groupings_from
from hiu_training.audit.linkage import linkage_of
from hiu_training.audit.result import Estimate, Identity, IdentityGroup, IdentityGrouping, Number

SURE = ("nhs_number",)
"""Methods of identification that leave no doubt."""

UNSURE_MEANS = (
    "linked events whose person was found by something weaker than the NHS number (name and date "
    "of birth, a local number, an address) or by an unknown method; a wrong link gives one "
    "person's calls to another"
)

NOT_KNOWN = (
    "Events without a person carry no sex, age, ethnic group or deprivation, so nobody can tell "
    "from these data which groups they belong to.",
    "People of whom no event could ever be linked are not in the audit at all: neither found nor "
    "missed.",
    "A group whose events are linked less often looks as if it called less, and is scored lower; "
    "the audit can't see that, because the outcome is counted from the same linked events.",
)


@dataclass(frozen=True)
class PersonEvents:
    """Linked events of each person.

    Parameters
    ----------
    events, unsure : int64 arrays, shape (n_people,)
        All, and those identified by a weaker method; each event once.
    """

    events: NDArray[np.int64]
    unsure: NDArray[np.int64]


def identity_of(
    store: Store, groups: Mapping[str, NDArray[np.str_]], rule: SmallNumbers
) -> Identity:
    """Give what can be said about identity by group.

    Parameters
    ----------
    store : Store
        The data.
    groups : dict of str to str array, shape (n_people,)
        Of everybody in the store; age by the last list date.
    rule : SmallNumbers
        The rule for small numbers.
    """
    counted = _person_events(store)
    return Identity(
        by_site=linkage_of(_by_site(store), rule),
        unsure_means=UNSURE_MEANS,
        groupings=_groupings(counted, groups, rule) if counted.events.any() else (),
        not_known=NOT_KNOWN,
    )


def _by_site(store: Store) -> Iterable[Counted]:
    """Count linked and unlinked events by site, where rows say which."""
    linked, unlinked = (_sites(store, name) for name in ("events", "unlinked"))
    names = sorted({*linked, *unlinked} - {""})
    if len(names) < 2:
        return []
    return [
        Counted(
            source="all",
            outcome=name,
            events=linked.get(name, 0) + unlinked.get(name, 0),
            linked=linked.get(name, 0),
        )
        for name in names
    ]


def _sites(store: Store, table: str) -> dict[str, int]:
    if store.manifest.tables[table].rows == 0:
        return {}
    read = pq.read_table(store.file(table), columns=["site", "superseded_at"])
    current = read.filter(read.column("superseded_at").is_null())
    counts = current.column("site").value_counts().to_pylist()
    return {str(item["values"] or ""): int(item["counts"]) for item in counts}


def _person_events(store: Store) -> PersonEvents:
    n = store.manifest.tables["people"].rows
    read = pq.read_table(
        store.file("events"), columns=["person", "identity_method", "superseded_at"]
    )
    read = read.filter(read.column("superseded_at").is_null())
    person = read.column("person").to_numpy()
    method = read.column("identity_method").combine_chunks()
    names = method.dictionary.to_pylist()
    codes = method.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    sure = np.isin(codes, [i for i, name in enumerate(names) if name in SURE])
    return PersonEvents(
        np.bincount(person, minlength=n).astype(np.int64),
        np.bincount(person[~sure], minlength=n).astype(np.int64),
    )


def _groupings(
    counted: PersonEvents, groups: Mapping[str, NDArray[np.str_]], rule: SmallNumbers
) -> tuple[IdentityGrouping, ...]:
    there = counted.events > 0
    columns = {name: np.asarray(values)[there] for name, values in groups.items()}
    events, unsure = counted.events[there], counted.unsure[there]
    found = []
    for grouping in groupings_from(columns, int(there.sum())):
        n = len(grouping.labels)
        of = grouping.codes
        people = np.bincount(of, minlength=n)
        with_unsure = np.bincount(of[unsure > 0], minlength=n)
        all_events = np.bincount(of, weights=events, minlength=n).astype(np.float64)
        weak = np.bincount(of, weights=unsure, minlength=n).astype(np.float64)
        hidden = _hidden(people, with_unsure, all_events, weak, rule)
        found.append(
            IdentityGrouping(
                name=grouping.name,
                title=grouping.title,
                groups=tuple(
                    IdentityGroup(
                        label=label,
                        people=rule.show(int(people[i]), hidden=bool(hidden[0, i])),
                        events=rule.show(int(all_events[i]), hidden=bool(hidden[1, i])),
                        unsure=_share(weak[i], all_events[i], bool(hidden[1:, i].any()), rule,
                                      max(all_events[i] / max(people[i], 1), 1.0)),
                    )
                    for i, label in enumerate(grouping.labels)
                ),
            )
        )  # fmt: skip
    return tuple(found)


def _hidden(
    people: NDArray[np.int64],
    with_unsure: NDArray[np.int64],
    events: NDArray[np.float64],
    weak: NDArray[np.float64],
    rule: SmallNumbers,
) -> NDArray[np.bool_]:
    """Decide what to hide of people, events and weakly linked events, shape (3, n_groups)."""
    n = len(people)
    rows = [people.astype(np.float64), events, weak, events - weak]
    cells = np.concatenate([np.append(row, row.sum()) for row in rows])
    at = np.arange(len(cells)).reshape(4, n + 1)
    sums = [Sum(int(at[r, -1]), tuple(at[r, :-1].tolist())) for r in range(4)]
    sums += [Sum(int(at[1, c]), (int(at[2, c]), int(at[3, c]))) for c in range(n + 1)]
    few = np.zeros(at.shape, np.bool_)
    few[:3, :n] = rule.is_small(people)
    few[2, :n] |= rule.is_small(with_unsure)
    printed = np.ones(at.shape, np.bool_)
    printed[3] = False
    safe = protect(
        cells, sums, rule, small=few.ravel(), rounded=np.ones(len(cells), np.bool_),
        printed=printed.ravel(),
    )  # fmt: skip
    return np.asarray(safe.hidden.reshape(4, n + 1)[:3, :n], np.bool_)


def _share(
    part: float, whole: float, hidden: bool, rule: SmallNumbers, per_person: float
) -> Number:
    if hidden:
        return "*"
    if whole == 0:
        return None
    base = rule.base if rule.enabled else 1
    shown = [rule.show(x) for x in (part, whole)]
    if not all(isinstance(x, int) for x in shown):
        return "*"
    top, bottom = (Span.of(int(x), base) for x in shown)
    value, low, high = proportion(top, bottom, per_person)
    return Estimate(value=round(value, 2), low=round(low, 2), high=round(high, 2))
