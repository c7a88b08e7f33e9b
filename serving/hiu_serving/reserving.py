"""Places that a model's owners decided to reserve by group: how the list is then drawn.

The decision is in the bundle's manifest, with the name of who took it. Here it is carried out, on
every list that the model makes, and said of the whole list: never of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_risk.histories import Histories
from hiu_risk.model import Bundle
from hiu_risk.reserve import ColumnOf, groups_told, reserved_by
from hiu_risk.reserve import reserved as listed_of
from hiu_risk.words import group_in_words

__all__ = ["ColumnOf", "Reserved", "draw", "groups_by"]


@dataclass(frozen=True)
class Reserved:
    """That places on a list are reserved, by what, and who decided it.

    Parameters
    ----------
    column : str
        The characteristic: each of its groups has places of its own.
    who : str
        Who answers for the decision.
    decided_at : int
        UTC seconds.
    of_model : str
        The model that the decision was about; its scores are the same.
    expected : float
        Cases expected among those listed, to one decimal.
    expected_by_score : float
        The same, had the highest scores been listed: the price, in people reached.
    """

    column: str
    who: str
    decided_at: int
    of_model: str
    expected: float = 0.0
    expected_by_score: float = 0.0

    @classmethod
    def of(cls, bundle: Bundle) -> Reserved | None:
        """Read the decision from a bundle; None where no places are reserved."""
        note = bundle.manifest.mitigation
        column = reserved_by(note)
        if note is None or not column:
            return None
        return cls(column, str(note["who"]), int(note["at"]), str(note["of_model"]))

    @property
    def text(self) -> str:
        """What it means, of the whole list."""
        return (
            f"Places on this list are reserved by {group_in_words(self.column)}, so that it "
            "reaches the same part of the cases expected in each group. Within a group the "
            "highest scores are listed. So somebody with a higher score may not be on the list. "
            "No score was changed, and no name is marked."
        )

    @property
    def price(self) -> str:
        """What it costs on this list."""
        return (
            f"{self.expected:.1f} cases expected among those listed; "
            f"{self.expected_by_score:.1f} had the highest scores been listed"
        )


def draw(
    scores: NDArray[np.float64],
    group: NDArray[np.int64],
    order: NDArray[np.int64],
    capacity: int,
) -> tuple[NDArray[np.int64], int]:
    """Draw a list of fixed length with reserved places.

    Parameters
    ----------
    scores : float64 array, shape (n,)
        Of everybody who can be scored.
    group : int64 array, shape (n,)
        Group of each.
    order : int64 array, shape (n,)
        Rows from the highest score to the lowest, equal ones as a list orders them.
    capacity : int
        Places.

    Returns
    -------
    int64 array
        The rows listed, from the highest score to the lowest.
    int
        People not listed whose score equals the last one listed of their group.

    Examples
    --------
    >>> scores, group = np.array([0.9, 0.8, 0.7, 0.2, 0.2]), np.array([0, 0, 0, 1, 1])
    >>> rows, tied = draw(scores, group, np.arange(5), 3)
    >>> rows.tolist(), tied
    ([0, 1, 3], 1)
    """
    listed = listed_of(scores[order], group[order], capacity)
    rows, left = order[listed], order[~listed]
    last = np.full(int(group.max(initial=0)) + 1, np.inf)
    np.minimum.at(last, group[rows], scores[rows])
    return rows, int((scores[left] == last[group[left]]).sum())


def groups_by(
    reserved: Reserved,
    histories: Histories,
    as_of: int,
    column_of: ColumnOf | None,
    version: str,
) -> NDArray[np.int64]:
    """Give everybody's group, as a number.

    Raises
    ------
    DataError
        The store doesn't tell the groups: no such column, or not two groups in it.
    """
    labels = groups_told(
        reserved.column, histories, as_of, column_of, version=version, of_model=reserved.of_model
    )
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
