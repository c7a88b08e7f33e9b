"""The model's inputs: the rows of eligible people at risk, with what happened to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue, build
from hiu_risk.eligibility import at_risk, eligibility
from hiu_risk.histories import Histories
from hiu_risk.outcomes import Outcomes, outcomes
from hiu_risk.progress import Advance
from hiu_risk.weekends import check_list_day
from hiu_training.protocol import Protocol


@dataclass(frozen=True)
class Rows:
    """One row per eligible person at risk and origin whose horizon was observed.

    Parameters
    ----------
    person : int32 array, shape (n,)
        Position in the store's people; rows are ordered by person, then origin.
    origin : int16 array, shape (n,)
        Position in ``as_ofs``.
    label : int8 array, shape (n,)
        1 where the target happened in the horizon, 0 where not; -1 in censored rows, which
        :func:`make_rows_and_censored` alone gives.
    happened_at : int64 array, shape (n,)
        When; ``FOREVER`` where it did not.
    values : float32 array, shape (n, n_features)
        In the order of ``names``; NaN where missing.
    names : tuple of str
        Features.
    as_ofs : int64 array
        The origins.
    dropped : dict of str to int
        Rows left out, by reason: ``eligible`` and ``censored`` reasons, over all origins.
    """

    person: NDArray[np.int32]
    origin: NDArray[np.int16]
    label: NDArray[np.int8]
    happened_at: NDArray[np.int64]
    values: NDArray[np.float32]
    names: tuple[str, ...]
    as_ofs: NDArray[np.int64]
    dropped: dict[str, dict[str, int]]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def positives(self) -> int:
        """Number of rows with label 1."""
        return int(np.count_nonzero(self.label == 1))

    def column(self, name: str) -> NDArray[np.float32]:
        """Values of one feature."""
        return self.values[:, self.names.index(name)]

    def part(self, mask: NDArray[np.bool_], names: Sequence[str] | None = None) -> Rows:
        """Give some of the rows, with all or some of their features; origins keep their place."""
        values = self.values[mask]
        if names is not None and tuple(names) != self.names:
            values = np.ascontiguousarray(values[:, [self.names.index(name) for name in names]])
        return replace(
            self,
            person=self.person[mask],
            origin=self.origin[mask],
            label=self.label[mask],
            happened_at=self.happened_at[mask],
            values=values,
            names=self.names if names is None else tuple(names),
        )


def make_rows(
    histories: Histories,
    as_ofs: NDArray[np.int64],
    protocol: Protocol,
    catalogue: Catalogue,
    *,
    progress: Advance | None = None,
    caseload_censors: bool = True,
) -> Rows:
    """Build the rows at these origins; the censored are dropped and counted.

    ``caseload_censors`` is off only to see how much time on a caseload matters.
    """
    found = _find(histories, as_ofs, protocol, caseload_censors=caseload_censors)
    return _build(histories, found, found.outcomes.label >= 0, catalogue, progress)


def make_rows_and_censored(
    histories: Histories, as_ofs: NDArray[np.int64], protocol: Protocol, catalogue: Catalogue
) -> tuple[Rows, Rows]:
    """Build the rows at these origins, and apart from them the censored ones.

    Returns
    -------
    (Rows, Rows)
        What :func:`make_rows` gives, and the people at risk whose outcome was not observed:
        their label is -1. Nothing is learned from these; a list in service holds them.
    """
    found = _find(histories, as_ofs, protocol, caseload_censors=True)
    known = found.outcomes.label >= 0
    return (
        _build(histories, found, known, catalogue),
        _build(histories, found, found.at_risk & ~known, catalogue),
    )


@dataclass(frozen=True)
class _Found:
    """Who is at risk at the origins, and what happened to them."""

    as_ofs: NDArray[np.int64]
    at_risk: NDArray[np.bool_]
    outcomes: Outcomes
    dropped: dict[str, dict[str, int]]


def _find(
    histories: Histories, as_ofs: NDArray[np.int64], protocol: Protocol, *, caseload_censors: bool
) -> _Found:
    check_list_day(protocol.target, as_ofs, histories.zone)
    eligible = eligibility(histories, as_ofs, protocol.definition, protocol.policy)
    risk = at_risk(
        histories, as_ofs, protocol.definition, protocol.target,
        washout_days=protocol.washout_days, rows=eligible.mask,
    )  # fmt: skip
    result = outcomes(
        histories, as_ofs, protocol.definition, protocol.horizon_days, protocol.target,
        protocol.overlap, rows=risk.mask, caseload_censors=caseload_censors,
    )  # fmt: skip
    dropped = {
        "not_eligible": _totals(eligible.exclusions),
        "not_at_risk": _totals(risk.exclusions),
        "censored": _totals(result.censored),
    }
    return _Found(as_ofs, risk.mask, result, dropped)


def _build(
    histories: Histories,
    found: _Found,
    mask: NDArray[np.bool_],
    catalogue: Catalogue,
    progress: Advance | None = None,
) -> Rows:
    table = build(histories, found.as_ofs, catalogue, rows=mask, progress=progress)
    return Rows(
        person=table.person,
        origin=np.searchsorted(found.as_ofs, table.as_of).astype(np.int16),
        label=found.outcomes.label[mask],
        happened_at=found.outcomes.happened_at[mask],
        values=table.values,
        names=tuple(table.names),
        as_ofs=found.as_ofs,
        dropped=found.dropped,
    )


def _totals(counts: dict[str, NDArray[np.int64]]) -> dict[str, int]:
    return dict(Counter({name: int(n.sum()) for name, n in counts.items()}))


def per_origin(rows: Rows) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Each origin and the mask of its rows."""
    for place in range(len(rows.as_ofs)):
        yield int(rows.as_ofs[place]), rows.origin == place
