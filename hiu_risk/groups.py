"""The groups that people belong to: for comparing them, and for places reserved by them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.codes import ETHNIC_GROUP, SEX
from hiu_risk.errors import UsageError, near_match
from hiu_risk.histories import Histories
from hiu_risk.local_dates import ages
from hiu_risk.store import Store

AGE_BANDS = (("under 18", 18), ("18 to 34", 35), ("35 to 49", 50), ("50 to 64", 65),
             ("65 to 79", 80), ("80 and over", 999))  # fmt: skip


def groups_of(
    histories: Histories, person: NDArray[np.int32], as_of: int
) -> dict[str, NDArray[np.str_]]:
    """Give the groups of these people at a date."""
    people = histories.people
    decile = people.imd_decile[person]
    quintile = np.where(decile == 0, "not_known", ((decile.astype(int) + 1) // 2).astype(str))
    groups: dict[str, NDArray[np.str_]] = {
        "sex": np.array(SEX.names)[people.sex[person]],
        "age_band": _age_bands(ages(people.born_at[person], as_of, histories.zone)),
        "ethnic_group": np.array(ETHNIC_GROUP.names)[people.ethnic_group[person]],
        "imd_quintile": quintile,
    }
    if len(np.unique(people.site)) > 1:
        groups["site"] = people.site[person]
    return groups


def _age_bands(age: NDArray[np.float64]) -> NDArray[np.str_]:
    names = np.array([*(name for name, _ in AGE_BANDS), "not_known"])
    limits = np.array([limit for _, limit in AGE_BANDS[:-1]])
    code = np.searchsorted(limits, np.nan_to_num(age), side="right")
    return np.asarray(names[np.where(np.isnan(age), len(AGE_BANDS), code)], np.str_)


def people_columns(store: Store, names: Sequence[str]) -> dict[str, NDArray[np.str_]]:
    """Read further columns of the store's people to group by, as text.

    Raises
    ------
    UsageError
        There is no such column, or it tells people or moments apart instead of grouping them.
    """
    if not names:
        return {}
    schema = pq.read_schema(store.file("people"))
    usable = [f.name for f in schema if f.name != "person_id" and not pa.types.is_timestamp(f.type)]
    for name in names:
        if name not in usable:
            raise UsageError(
                f"the store's people have no column {name!r} to group by",
                where="audit.columns",
                fix=near_match(name, usable),
            )
    table = pq.read_table(store.file("people"), columns=list(names))
    found = {}
    for name in names:
        texts = table.column(name).cast(pa.string()).to_numpy(zero_copy_only=False)
        found[name] = np.array(["" if text is None else str(text) for text in texts], np.str_)
    return found
