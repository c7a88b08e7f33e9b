"""Which concepts move scores differently by group, and how well the inputs tell a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hiu_features.feature import CONCEPTS
from hiu_risk.model import Bundle
from hiu_risk.suppression import HIDDEN, SmallNumbers
from hiu_training.audit.discrimination import discrimination_of
from hiu_training.audit.groups import Grouping, groupings_from
from hiu_training.audit.last_date import LastDate
from hiu_training.audit.result import (
    Driver,
    DriverGroup,
    DriverGrouping,
    Estimate,
    Number,
    Proxy,
)

Floats = NDArray[np.float64]

LEAST_PEOPLE = 50
"""Fewer people than this in a group, or outside it, and nothing is said of it."""

ITSELF = {
    "sex": ("sex_female",),
    "age_band": ("age",),
    "imd_quintile": ("imd_decile",),
    "imd_decile": ("imd_decile",),
}
"""Inputs that are a grouping's characteristic, or made from it."""

_Z95 = 1.959964
_PROXY_ROWS = 20_000
_FOLDS = 5


def drivers_of(
    date: LastDate, bundle: Bundle, by: Sequence[str], rule: SmallNumbers
) -> tuple[DriverGrouping, ...]:
    """Compare what each concept adds to the log-odds in a group with the rest of its grouping.

    Parameters
    ----------
    date : LastDate
        One list date: one row a person, so that rows are independent.
    bundle : Bundle
        The model.
    by : sequence of str
        The groupings.
    rule : SmallNumbers
        Means of too few people are hidden; so are those of the others where a hidden mean could
        be worked out from them.
    """
    names, parts, base = _concepts(date, bundle)
    total = parts.sum(axis=1) + base
    found = []
    for grouping in _groupings(date, by):
        n = len(grouping.labels)
        people = np.bincount(grouping.codes, minlength=n)
        small = rule.is_small(people)
        # rounding to hundredths hides the few where there are thousands: their mean moves the
        # printed ones by less
        told = not small.any() or len(total) >= 2_000
        groups = []
        for g, label in enumerate(grouping.labels):
            inside = grouping.codes == g
            enough = told and min(int(people[g]), len(inside) - int(people[g])) >= LEAST_PEOPLE
            groups.append(
                DriverGroup(
                    label=label,
                    people=rule.show(int(people[g])),
                    score=_gap(total, inside) if enough or not rule.enabled else HIDDEN,
                    drivers=_drivers(names, parts, inside) if enough or not rule.enabled else (),
                )
            )
        found.append(DriverGrouping(name=grouping.name, title=grouping.title, groups=tuple(groups)))
    return tuple(found)


def _drivers(names: list[str], parts: Floats, inside: NDArray[np.bool_]) -> tuple[Driver, ...]:
    """Give the concepts that move the group's scores, the strongest first."""
    found = [
        Driver(
            concept=name,
            title=CONCEPTS.get(name, name.replace("_", " ")),
            difference=_gap(parts[:, place], inside),
        )
        for place, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda driver: -_size(driver.difference)))


def _size(number: Number) -> float:
    return abs(number.value or 0.0) if isinstance(number, Estimate) else 0.0


def _concepts(date: LastDate, bundle: Bundle) -> tuple[list[str], Floats, Floats]:
    """Sum contributions by concept, in the catalogue's order of concepts."""
    of_feature = [feature.concept for feature in date.catalogue.features]
    names = list(dict.fromkeys(of_feature))
    parts = np.zeros((len(date.values), len(names)))
    contributions, base = bundle.contributions(date.values)
    for column, concept in enumerate(of_feature):
        parts[:, names.index(concept)] += contributions[:, column]
    return names, parts, base


def _groupings(date: LastDate, by: Sequence[str]) -> list[Grouping]:
    n = len(date.values)
    there = [name for name in by if name in date.groups]
    found = groupings_from(date.groups, n, wanted=there) if there else ()
    return [grouping for grouping in found if not grouping.note]


def _gap(values: Floats, inside: NDArray[np.bool_]) -> Number:
    """Give the difference of means with its interval (Welch), in hundredths."""
    mine, rest = values[inside], values[~inside]
    if min(len(mine), len(rest)) < 2:
        return None
    gap = float(mine.mean() - rest.mean())
    reach = _Z95 * float(np.sqrt(mine.var(ddof=1) / len(mine) + rest.var(ddof=1) / len(rest)))
    return Estimate(value=round(gap, 2), low=round(gap - reach, 2), high=round(gap + reach, 2))


def proxies_of(
    date: LastDate, by: Sequence[str], rule: SmallNumbers, *, seed: int
) -> tuple[Proxy, ...]:
    """Measure how well the model's inputs tell each group from the rest.

    A ridge regression on the inputs (ranks, so that outliers don't matter) predicts the group
    for people it hasn't seen, in five folds; one row a person. The inputs that are the
    characteristic itself are left out, and named. It is a linear look: a cleverer one could
    tell the group better, not worse.
    """
    chosen = np.arange(len(date.values))
    if len(chosen) > _PROXY_ROWS:
        chosen = np.random.default_rng(seed).permutation(chosen)[:_PROXY_ROWS]
        chosen.sort()
    ranked = _ranked(date.values[chosen])
    names = list(date.catalogue.names)
    found = []
    for grouping in _groupings(date, by):
        direct = [name for name in ITSELF.get(grouping.name, ()) if name in names]
        kept = [i for i, name in enumerate(names) if name not in direct]
        codes = grouping.codes[chosen]
        people = np.bincount(grouping.codes, minlength=len(grouping.labels))
        members = codes[:, None] == np.arange(len(grouping.labels))
        predicted = _predicted(ranked[:, kept], members, seed)
        for g, label in enumerate(grouping.labels):
            inside = members[:, g].astype(np.int8)
            if min(inside.sum(), len(inside) - inside.sum()) < LEAST_PEOPLE:
                continue
            told = discrimination_of(predicted[:, g], inside, np.arange(len(inside)))
            found.append(
                Proxy(
                    grouping=grouping.name,
                    title=grouping.title,
                    label=label,
                    people=rule.show(int(people[g])),
                    without_itself=_rounded(told.auroc) if told else None,
                    direct_inputs=tuple(direct),
                    strongest_concept=_strongest(ranked, inside, date, kept),
                )
            )
    return tuple(found)


def _ranked(values: NDArray[np.float32]) -> Floats:
    """Turn each input into its rank from -1 to 1; a missing value is in the middle."""
    ranked = np.zeros(values.shape)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        if known.any():
            distinct, place = np.unique(values[known, column], return_inverse=True)
            counts = np.bincount(place, minlength=len(distinct))
            middle = (np.cumsum(counts) - counts / 2) / counts.sum()
            ranked[known, column] = 2 * middle[place] - 1
    return ranked


def _predicted(inputs: Floats, members: NDArray[np.bool_], seed: int) -> Floats:
    """Predict every group of a grouping for people not learned from, shape (n, n_groups)."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict

    if len(inputs) < 2 * _FOLDS:
        return np.zeros(members.shape)
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(Ridge(alpha=1.0), inputs, members.astype(np.float64), cv=folds)
    return np.asarray(found, np.float64).reshape(members.shape)


def _strongest(
    ranked: Floats, inside: NDArray[np.int8], date: LastDate, kept: Sequence[int]
) -> str:
    """Name the concept of the input that tells the group best by itself."""
    spread = ranked[:, kept].std(axis=0)
    away = np.abs((ranked[:, kept] * (inside - inside.mean())[:, None]).mean(axis=0))
    best = int(np.argmax(np.where(spread > 0, away / np.maximum(spread, 1e-12), 0.0)))
    concept = date.catalogue.features[kept[best]].concept
    return CONCEPTS.get(concept, concept.replace("_", " "))


def _rounded(triple: tuple[float, float, float]) -> Estimate:
    value, low, high = (round(x, 2) for x in triple)
    return Estimate(value=value, low=low, high=high)
