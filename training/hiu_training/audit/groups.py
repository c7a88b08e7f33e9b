"""Groupings: the columns that people are compared by, as codes, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hiu_risk.errors import DataError, UsageError, near_match

MAX_GROUPS = 40
NOT_RECORDED = "not recorded"

TITLES = {
    "sex": "Sex",
    "age_band": "Age band",
    "ethnic_group": "Ethnic group",
    "imd_quintile": "Deprivation quintile",
    "deprivation_quintile": "Deprivation quintile",
    "site": "Site",
}

LABELS = {
    "declined": "Declined to say",
    "not_known": "Not known",
    "unknown": "Not known",
}


@dataclass(frozen=True)
class Grouping:
    """One way to divide the rows into groups.

    Parameters
    ----------
    name : str
        The column, or two columns joined by `` x ``.
    labels : tuple of str
        The groups, in the order they are shown.
    codes : int64 array, shape (n_rows,)
        Each row's position in ``labels``.
    note : str
        Why the groups can't be compared; empty when they can.
    parts : tuple of (int, int)
        For crossed groupings: each group's labels in the two, by position.
    values : tuple of str
        The groups as the data name them; empty for crossed groupings.
    """

    name: str
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    note: str = ""
    parts: tuple[tuple[int, int], ...] = ()
    values: tuple[str, ...] = ()

    @property
    def absent(self) -> frozenset[int]:
        """Positions of the groups of people whose value isn't known."""
        return frozenset(i for i, value in enumerate(self.values) if _is_absent(value))

    @property
    def title(self) -> str:
        """The name as a heading."""
        return " and ".join(
            TITLES.get(part, part.replace("_", " ").capitalize()) for part in self.name.split(" x ")
        )


def shown_label(label: str, column: str = "") -> str:
    """Give a group's label as a reader sees it.

    Examples
    --------
    >>> shown_label("declined"), shown_label("not_known"), shown_label("65 to 79")
    ('Declined to say', 'Not known', '65 to 79')
    >>> shown_label("1", "imd_quintile")
    '1, most deprived'
    """
    if TITLES.get(column) == "Deprivation quintile" and label in ("1", "5"):
        return f"{label}, {'most' if label == '1' else 'least'} deprived"
    plain = label.replace("_", " ")
    return LABELS.get(label, plain[:1].upper() + plain[1:])


def groupings_from(
    columns: Mapping[str, NDArray[Any]],
    n_rows: int,
    *,
    wanted: Sequence[str] | None = None,
    max_groups: int = MAX_GROUPS,
) -> tuple[Grouping, ...]:
    """Build the groupings to audit.

    Parameters
    ----------
    columns : mapping of str to array, each of shape (n_rows,)
        A label for every row; an empty one, None or NaN reads "not recorded".
    n_rows : int
        How many rows there are.
    wanted : sequence of str, optional
        The columns to use, in order; default all.
    max_groups : int
        More groups than this are refused: none of them could be judged.

    Raises
    ------
    UsageError
        A wanted column isn't there, or no column at all is.
    DataError
        A column of the wrong length, or with too many groups.

    Examples
    --------
    >>> [sex] = groupings_from({"sex": np.array(["female", "", "male"])}, 3)
    >>> sex.labels, sex.codes.tolist()
    (('Female', 'Male', 'Not recorded'), [0, 2, 1])
    """
    if not columns:
        raise UsageError(
            "there is no grouping column to audit by",
            where="grouping columns",
            fix="give the store people with sex, age, ethnic category or deprivation",
        )
    names = list(columns) if wanted is None else list(dict.fromkeys(wanted))
    for name in names:
        if name not in columns:
            raise UsageError(
                f"there is no grouping column {name!r}",
                where="grouping columns",
                fix=near_match(name, columns),
            )
    return tuple(_grouping(name, columns[name], n_rows, max_groups) for name in names)


def _grouping(name: str, column: NDArray[Any], n_rows: int, max_groups: int) -> Grouping:
    if len(column) != n_rows:
        raise DataError(
            f"the grouping column has {len(column)} values for {n_rows} rows",
            where=name,
            fix="give one value per row",
        )
    first_codes, values = pd.factorize(column, use_na_sentinel=False)
    texts = [_text(v) or NOT_RECORDED for v in values.tolist()]
    distinct, merged = np.unique(texts, return_inverse=True)
    codes = merged[first_codes]
    named = [str(value) for value in distinct]
    if len(named) > max_groups:
        raise DataError(
            f"the grouping column has {len(named)} different values; "
            f"at most {max_groups} can be compared",
            where=name,
            fix="put them into fewer groups, or leave the column out with --by",
        )
    order = sorted(range(len(named)), key=lambda i: (_is_absent(named[i]), _natural(named[i])))
    place = np.empty(len(named), np.int64)
    place[order] = np.arange(len(named))
    labels = tuple(shown_label(named[i], name) for i in order)
    values_in_order = tuple(named[i] for i in order)
    return Grouping(name, labels, place[codes], _note(labels, named), values=values_in_order)


def position_of(grouping: Grouping, group: str) -> int:
    """Find a group by its value or by its label.

    Raises
    ------
    UsageError
        There is no such group; the near one is suggested.

    Examples
    --------
    >>> [sex] = groupings_from({"sex": np.array(["female", "male"])}, 2)
    >>> position_of(sex, "Male"), position_of(sex, "female")
    (1, 0)
    """
    wanted = group.strip().lower()
    for names in (grouping.values, grouping.labels):
        for i, name in enumerate(names):
            if name.lower() == wanted:
                return i
    raise UsageError(
        f"there is no group {group!r} in {grouping.name}",
        where="reference",
        fix=near_match(group, grouping.values or grouping.labels),
    )


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _is_absent(label: str) -> int:
    return {"declined": 1, "not_known": 2, "unknown": 2, NOT_RECORDED: 3}.get(label, 0)


def _natural(label: str) -> tuple[int, float, str]:
    """Sort ``under 18`` before ``18 to 34``, and that before ``100 and over``."""
    under = label.lower().startswith(("<", "under "))
    digits = label.lower().removeprefix("under ").lstrip("< ")
    number = "".join(c for i, c in enumerate(digits) if digits[: i + 1].isdigit())
    return (0, float(number) - 0.5 * under, label) if number else (1, 0.0, label)


def _note(labels: tuple[str, ...], named: list[str]) -> str:
    if named == [NOT_RECORDED]:
        return "Not recorded for anybody: the groups can't be compared."
    if len(labels) == 1:
        return f"Only one value ({labels[0]}): there is nothing to compare it with."
    return ""


def crossed(first: Grouping, second: Grouping) -> Grouping:
    """Cross two groupings: one group for each pair of labels that occurs.

    Examples
    --------
    >>> a = Grouping("sex", ("Female", "Male"), np.array([0, 0, 1]))
    >>> b = Grouping("site", ("East", "West"), np.array([0, 1, 1]))
    >>> crossed(a, b).labels
    ('Female, East', 'Female, West', 'Male, West')
    """
    joint = first.codes * len(second.labels) + second.codes
    present, codes = np.unique(joint, return_inverse=True)
    parts = tuple(divmod(p, len(second.labels)) for p in present.tolist())
    labels = tuple(f"{first.labels[a]}, {second.labels[b]}" for a, b in parts)
    return Grouping(
        f"{first.name} x {second.name}",
        labels,
        codes.ravel().astype(np.int64),
        first.note or second.note,
        parts,
    )
