"""The rows of one list date with all the model's inputs: for what needs more than scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_features import Catalogue, build
from hiu_risk.eligibility import at_risk, eligibility
from hiu_risk.groups import groups_of
from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_training.protocol import Protocol
from hiu_training.rows.scored import catalogue_of

MOST_ROWS = 100_000
"""More people than this are sampled, evenly."""


@dataclass(frozen=True)
class LastDate:
    """Everybody eligible and at risk at one list date: one row a person.

    Parameters
    ----------
    as_of : int
        UTC seconds.
    values : float32 array, shape (n, n_features)
        The model's inputs.
    catalogue : Catalogue
        What they are.
    groups : dict of str to str array, shape (n,)
        Grouping columns.
    sampled : bool
        Whether some people were left out.
    """

    as_of: int
    values: NDArray[np.float32]
    catalogue: Catalogue
    groups: Mapping[str, NDArray[np.str_]]
    sampled: bool


def last_date(
    histories: Histories,
    bundle: Bundle,
    protocol: Protocol,
    as_of: int,
    columns: Mapping[str, NDArray[np.str_]] | None = None,
) -> LastDate:
    """Build the rows of a list date; no outcome is needed."""
    dates = np.array([as_of], np.int64)
    eligible = eligibility(histories, dates, protocol.definition, protocol.policy)
    mask = at_risk(
        histories, dates, protocol.definition, protocol.target,
        washout_days=protocol.washout_days, rows=eligible.mask,
    ).mask  # fmt: skip
    everybody = np.flatnonzero(mask[:, 0])
    stride = -(-len(everybody) // MOST_ROWS)
    if stride > 1:
        mask = np.zeros_like(mask)
        mask[everybody[::stride]] = True
    catalogue = catalogue_of(bundle)
    table = build(histories, dates, catalogue, rows=mask)
    groups: dict[str, NDArray[np.str_]] = dict(groups_of(histories, table.person, as_of))
    groups |= {name: np.asarray(v)[table.person] for name, v in (columns or {}).items()}
    return LastDate(as_of, table.values, catalogue, groups, stride > 1)
