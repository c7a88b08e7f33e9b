"""A bundle's scores at given dates, with what happened and who the people are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue, build, default_catalogue
from hiu_risk.eligibility import at_risk, eligibility
from hiu_risk.errors import ModelError
from hiu_risk.groups import groups_of
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.outcomes import outcomes
from hiu_risk.progress import progress
from hiu_risk.store import Store
from hiu_risk.times import FOREVER
from hiu_risk.weekends import check_list_day
from hiu_training.protocol import Protocol
from hiu_training.rows.inputs import Rows, make_rows
from hiu_training.rows.second_outcome import Second, second_outcome
from hiu_training.rows.split import make_split

Columns = Mapping[str, NDArray[np.str_]]


@dataclass(frozen=True)
class ScoredRows:
    """Scored people at the dates whose horizon was observed, by person, then date.

    Parameters
    ----------
    person : int32 array, shape (n,)
        Positions in the store's people.
    person_id : str array, shape (n,)
        Pseudonyms.
    as_of : int64 array, shape (n,)
        Index dates, UTC seconds.
    score : float64 array, shape (n,)
        Probabilities.
    label : int8 array, shape (n,)
        1 where the target happened.
    groups : dict of str to str array, shape (n,)
        ``sex``, ``age_band``, ``ethnic_group``, ``imd_quintile`` and, where there are several,
        ``site``; and any column asked for.
    happened_at : int64 array, shape (n,)
        When the target happened, UTC seconds; ``FOREVER`` where it did not.
    unobserved : tuple of int
        Dates asked for whose horizon isn't observed yet.
    """

    person: NDArray[np.int32]
    person_id: NDArray[np.str_]
    as_of: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int8]
    groups: Columns
    happened_at: NDArray[np.int64] | None = None
    unobserved: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scored:
    """What an audit looks at.

    Parameters
    ----------
    rows : ScoredRows
        Everybody whose outcome is known.
    second : ScoredRows or None
        The same dates by the second outcome, with those whom the first one can't judge (they
        died, moved); label -1 where this outcome isn't known either. None where the data hold
        no such outcome.
    second_title : str
        What it is, in words.
    """

    rows: ScoredRows
    second: ScoredRows | None = None
    second_title: str = ""


def scored_rows(store: Store, bundle: Bundle, protocol: Protocol) -> ScoredRows:
    """Score everybody eligible and at risk at the protocol's test origins.

    Raises
    ------
    BundleError
        The features are not the bundle's.
    ModelError
        The protocol asks for another target than the bundle's.
    """
    histories = store.histories()
    dates = make_split(protocol, histories.feeds, histories.zone).test
    return scored_at(histories, bundle, protocol, dates).rows


def scored_at(
    histories: Histories,
    bundle: Bundle,
    protocol: Protocol,
    dates: NDArray[np.int64],
    columns: Columns | None = None,
) -> Scored:
    """Score everybody eligible and at risk at these dates, one date at a time.

    Parameters
    ----------
    histories : Histories
        Of a store.
    bundle : Bundle
        The model.
    protocol : Protocol
        Its protocol.
    dates : int64 array
        Index dates, UTC seconds.
    columns : dict of str to str array, shape (n_people,), optional
        Further groupings.

    Raises
    ------
    BundleError, ModelError
        As :func:`scored_rows`.
    """
    check_purpose(bundle, protocol)
    check_list_day(protocol.target, dates, histories.zone)
    catalogue = catalogue_of(bundle)
    second = second_outcome(histories, protocol)
    kept, others = _Gathered(), _Gathered()
    with progress("Scoring list dates", total=len(dates)) as advance:
        for as_of in dates.tolist():
            _score_date(histories, bundle, protocol, catalogue, second, as_of, (kept, others))
            advance(1)
    people, more = histories.people, columns or {}
    rows = kept.rows(people.id, more)
    if second is None:
        return Scored(rows)
    return Scored(rows, others.rows(people.id, more), second.title)


def catalogue_of(bundle: Bundle) -> Catalogue:
    """Give the bundle's part of this version's catalogue.

    Raises
    ------
    BundleError
        They aren't the features it was trained on.
    """
    known = set(default_catalogue().names)
    if set(bundle.feature_names) - known:
        bundle.check_catalogue(default_catalogue())  # says which are missing
    catalogue = default_catalogue().select(bundle.feature_names)
    bundle.check_catalogue(catalogue)
    return catalogue


@dataclass
class _Gathered:
    """Arrays of one date after the other."""

    parts: list[tuple[NDArray[np.int32], int, NDArray[np.float64], NDArray[np.int8]]] = field(
        default_factory=list
    )
    happened: list[NDArray[np.int64]] = field(default_factory=list)
    groups: list[dict[str, NDArray[np.str_]]] = field(default_factory=list)
    unobserved: list[int] = field(default_factory=list)

    def rows(self, ids: NDArray[np.str_], columns: Columns) -> ScoredRows:
        """Join the dates, by person, then date."""
        if not self.parts:
            empty = np.empty(0, np.int32)
            return ScoredRows(
                empty, ids[:0], np.empty(0, np.int64), np.empty(0), np.empty(0, np.int8), {},
                unobserved=tuple(self.unobserved),
            )  # fmt: skip
        person = np.concatenate([part[0] for part in self.parts])
        as_of = np.concatenate([np.full(len(p), at, np.int64) for p, at, _, _ in self.parts])
        order = np.lexsort((as_of, person))
        person = person[order]
        groups = {
            name: np.concatenate([part[name] for part in self.groups])[order]
            for name in self.groups[0]
        }
        return ScoredRows(
            person=person,
            person_id=ids[person],
            as_of=as_of[order],
            score=np.concatenate([part[2] for part in self.parts])[order],
            label=np.concatenate([part[3] for part in self.parts])[order],
            groups=groups | {name: np.asarray(values)[person] for name, values in columns.items()},
            happened_at=np.concatenate(self.happened)[order],
            unobserved=tuple(self.unobserved),
        )


def _score_date(
    histories: Histories,
    bundle: Bundle,
    protocol: Protocol,
    catalogue: Catalogue,
    second: Second | None,
    as_of: int,
    into: tuple[_Gathered, _Gathered],
) -> None:
    """Score one date, so that only one date's features are held at a time."""
    dates = np.array([as_of], np.int64)
    eligible = eligibility(histories, dates, protocol.definition, protocol.policy)
    risk = at_risk(
        histories, dates, protocol.definition, protocol.target,
        washout_days=protocol.washout_days, rows=eligible.mask,
    )  # fmt: skip
    found = outcomes(
        histories, dates, protocol.definition, protocol.horizon_days, protocol.target,
        protocol.overlap, rows=risk.mask,
    )  # fmt: skip
    known = found.label[:, 0] >= 0
    if not risk.mask.any():
        return
    if not known.any():
        for gathered in into:
            gathered.unobserved.append(as_of)
        return
    table = build(histories, dates, catalogue, rows=known[:, None] if second is None else risk.mask)
    score = bundle.score(table.values)
    groups = groups_of(histories, table.person, as_of)
    judged = known[table.person]
    kept, others = into
    person = table.person[judged]
    kept.parts.append((person, as_of, score[judged], found.label[person, 0]))
    kept.happened.append(found.happened_at[person, 0])
    kept.groups.append({name: values[judged] for name, values in groups.items()})
    if second is not None:
        others.parts.append((table.person, as_of, score, second.labels(table.person, as_of)))
        others.happened.append(np.full(len(table.person), FOREVER, np.int64))
        others.groups.append(groups)


def judged_rows(histories: Histories, bundle: Bundle, protocol: Protocol) -> Rows:
    """Build the rows of the test origins with the bundle's features."""
    split = make_split(protocol, histories.feeds, histories.zone)
    return make_rows(histories, split.test, protocol, catalogue_of(bundle))


def check_purpose(bundle: Bundle, protocol: Protocol) -> None:
    """Refuse to judge a model by a protocol of another purpose."""
    made = bundle.manifest
    pairs = {
        "definition": (dict(made.definition), protocol.definition.to_dict()),
        "target": (made.target, protocol.target),
        "horizon_days": (made.horizon_days, protocol.horizon_days),
        "overlap": (made.overlap, protocol.overlap),
    }
    for name, (models, protocols) in pairs.items():
        if models != protocols:
            raise ModelError(
                f"the protocol's {name} is not the model's",
                where=f"model {bundle.version}",
                fix="name the protocol that the model was trained with, or train again",
            )
