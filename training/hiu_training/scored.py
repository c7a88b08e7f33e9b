"""A bundle's scores at the last origins, with what happened and who the people are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiu_features import default_catalogue
from hiu_risk.codes import ETHNIC_GROUP, SEX
from hiu_risk.errors import ModelError
from hiu_risk.histories import Histories
from hiu_risk.local_dates import ages
from hiu_risk.model import Bundle
from hiu_risk.store import Store
from hiu_training.inputs import Rows, make_rows
from hiu_training.protocol import Protocol
from hiu_training.split import make_split

AGE_BANDS = (("under 18", 18), ("18 to 34", 35), ("35 to 49", 50), ("50 to 64", 65),
             ("65 to 79", 80), ("80 and over", 999))  # fmt: skip


@dataclass(frozen=True)
class ScoredRows:
    """Scored people at the test origins whose horizon was observed.

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
        ``site``.
    """

    person: NDArray[np.int32]
    person_id: NDArray[np.str_]
    as_of: NDArray[np.int64]
    score: NDArray[np.float64]
    label: NDArray[np.int8]
    groups: Mapping[str, NDArray[np.str_]]


def scored_rows(store: Store, bundle: Bundle, protocol: Protocol) -> ScoredRows:
    """Score everybody eligible and at risk at the protocol's test origins.

    Raises
    ------
    BundleError
        The features are not the bundle's.
    ModelError
        The protocol asks for another target than the bundle's.
    """
    check_purpose(bundle, protocol)
    histories = store.histories()
    rows = judged_rows(histories, bundle, protocol)
    return ScoredRows(
        person=rows.person,
        person_id=histories.people.id[rows.person],
        as_of=rows.as_ofs[rows.origin],
        score=bundle.score(rows.values),
        label=rows.label,
        groups=_groups(histories, rows),
    )


def judged_rows(histories: Histories, bundle: Bundle, protocol: Protocol) -> Rows:
    """Build the rows of the test origins with the bundle's features."""
    catalogue = default_catalogue().select(bundle.feature_names)
    bundle.check_catalogue(catalogue)
    split = make_split(protocol, histories.feeds, histories.zone)
    return make_rows(histories, split.test, protocol, catalogue)


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


def _groups(histories: Histories, rows: Rows) -> dict[str, NDArray[np.str_]]:
    people, who = histories.people, rows.person
    decile = people.imd_decile[who]
    quintile = np.where(decile == 0, "not_known", ((decile.astype(int) + 1) // 2).astype(str))
    groups = {
        "sex": np.array(SEX.names)[people.sex[who]],
        "age_band": _age_bands(histories, rows),
        "ethnic_group": np.array(ETHNIC_GROUP.names)[people.ethnic_group[who]],
        "imd_quintile": quintile,
    }
    if len(np.unique(people.site)) > 1:
        groups["site"] = people.site[who]
    return groups


def _age_bands(histories: Histories, rows: Rows) -> NDArray[np.str_]:
    names = np.array([*(name for name, _ in AGE_BANDS), "not_known"])
    limits = np.array([limit for _, limit in AGE_BANDS[:-1]])
    bands = np.empty(len(rows), dtype=names.dtype)
    for place, as_of in enumerate(rows.as_ofs.tolist()):
        here = rows.origin == place
        age = ages(histories.people.born_at[rows.person[here]], as_of, histories.zone)
        code = np.searchsorted(limits, np.nan_to_num(age), side="right")
        bands[here] = names[np.where(np.isnan(age), len(AGE_BANDS), code)]
    return bands
