"""The sections of a protocol as declarations: each value with its range, its choices, its default.

To add a section, declare it here, name it in ``SECTIONS``, and give
:class:`hiu_training.protocol.Protocol` a field of that name. A protocol file may then hold a
table ``[name]`` (or, where the field is a tuple of it, tables ``[[name]]``); unknown keys and
values out of range are refused with their line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hiu_risk.errors import UsageError

Every = Literal["auto", "month"]


def _days(value: Any) -> Any:
    """Read ``28 days`` as 28; leave the rest to the checks."""
    found = re.fullmatch(r"(\d+) days?", value) if isinstance(value, str) else None
    if found:
        return int(found[1])
    # A bare number doesn't say of what.
    return value if value in ("auto", "month") else None


def _audit_days(value: Any) -> Any:
    return value if value == "protocol" else _days(value)


@dataclass(frozen=True)
class Origins:
    """The index dates of training and judging.

    Parameters
    ----------
    every : int or str
        Days between origins; ``month`` for firsts of the month; ``auto`` for months, or
        finer where the data are short.
    first, last : date or None
        None: as early as the rule's longest window allows, as late as the horizon allows.
    test : int
        How many of the last origins judge the model; fewer where the data are short.
    """

    every: Annotated[
        Annotated[int, Field(ge=1, le=366)] | Every,
        BeforeValidator(_days),
        Field(description='"auto", "month" or such as "28 days"'),
    ] = "auto"
    first: date | None = None
    last: date | None = None
    test: Annotated[int, Field(ge=1, le=100)] = 5


@dataclass(frozen=True)
class AnchorSettings:
    """How the anchor is fitted.

    Parameters
    ----------
    l2 : float
        Strength of the pull of the standardised coefficients towards their prior.
    half_life_days : int
        A training row so many days older than the newest counts half.
    """

    l2: Annotated[float, Field(ge=1e-6, le=1e6)] = 10.0
    half_life_days: Annotated[int, Field(ge=1, le=36_500)] = 1_825


@dataclass(frozen=True)
class BoosterSettings:
    """How the booster is fitted; see LightGBM's parameters for the details.

    Parameters
    ----------
    learning_rate : float
        Shrinkage of each tree.
    max_trees, patience : int
        Most trees, and how many without gain on the later block end the search.
    max_leaves : int
        Leaves of a tree, 2 to 8.
    min_positives_in_leaf : float
        A leaf needs about as many positive rows as this, through its share of the curvature.
    l2 : float
        Penalty on leaf values.
    feature_share : float
        Share of the features that a tree may use.
    """

    learning_rate: Annotated[float, Field(ge=1e-4, le=1)] = 0.1
    max_trees: Annotated[int, Field(ge=0, le=10_000)] = 300
    patience: Annotated[int, Field(ge=1, le=10_000)] = 40
    max_leaves: Annotated[int, Field(ge=2, le=8)] = 8
    min_positives_in_leaf: Annotated[float, Field(ge=0, le=1e6)] = 5.0
    l2: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    feature_share: Annotated[float, Field(ge=0.05, le=1)] = 0.7


@dataclass(frozen=True)
class AuditSettings:
    """What the fairness audit compares, decided before anybody looks.

    Parameters
    ----------
    by : tuple of str
        Grouping columns; empty: sex, age band, ethnic group, deprivation quintile, and site
        where there are several.
    columns : tuple of str
        Further columns of the store's people to group by, for instance ``ethnic_category``.
    reference : dict of str to str
        The group that each grouping is compared with, besides the rest: ``sex = "female"``.
        Where none is named, the largest known group with enough cases.
    pairs : bool
        Also cross every two groupings.
    capacity : int or None
        List length that findings are judged at; None is 75, or the middle of ``capacities``.
    min_cases : int
        Different people who became cases, needed in a group and in the rest.
    margin : float
        A difference of recall below this share doesn't matter.
    resamples : int
        Of the intervals.
    every : int or str
        ``protocol``: the dates that judged the model. Days, such as ``7 days``: every so often
        from the day the model was trained to the last whose outcomes are known.
    """

    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    reference: dict[str, str] = field(default_factory=dict)
    pairs: bool = False
    capacity: Annotated[int, Field(ge=1)] | None = None
    min_cases: Annotated[int, Field(ge=1, le=10_000)] = 20
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    every: Annotated[
        Annotated[int, Field(ge=1, le=366)] | Literal["protocol"],
        BeforeValidator(_audit_days),
        Field(description='"protocol" or such as "7 days"'),
    ] = "protocol"


@dataclass(frozen=True)
class GateSettings:
    """What a model must show before ``hiu-risk promote`` lets it become champion.

    Parameters
    ----------
    baselines : tuple of str
        The rankers it must beat the best of; empty: every baseline that was judged.
    capacity : int, str or None
        The K of recall, also such as ``"1%"``; None is 75, or the middle of ``capacities``.
    min_positive_people : int
        Different people who became cases at the test dates; with fewer nothing is concluded.
    slope_low, slope_high : float
        Bounds of the calibration slope.
    fairness_by : tuple of str
        Groupings of the audit that must have been judged; empty: all of them.
    fairness_tolerance : float
        How much more of its cases a group may miss, against the rest, than with the champion.
    fairness_visible : float
        A group is judged where a drop of this size would show; smaller groups are named.
    calibration_tolerance : float
        How much further from 1 a group's calibration ratio may be than with the champion.
    stability_origins : int
        Test dates with cases enough, needed to judge stability.
    stability_positives : int
        Cases that such a date needs.
    stability_share : float
        At this share of those dates the model must rank at least as well as the best baseline.
    stability_floor : float
        At none of them may its average precision be below this share of that baseline's.
    """

    baselines: tuple[str, ...] = ()
    capacity: Annotated[
        Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^[0-9.]+%$")] | None,
        Field(description='a whole number above zero, or such as "1%"'),
    ] = None
    min_positive_people: Annotated[int, Field(ge=1, le=100_000)] = 20
    slope_low: Annotated[float, Field(gt=0, le=1)] = 0.8
    slope_high: Annotated[float, Field(ge=1, le=100)] = 1.25
    fairness_by: tuple[str, ...] = ()
    fairness_tolerance: Annotated[float, Field(ge=0, le=1)] = 0.05
    fairness_visible: Annotated[float, Field(gt=0, le=1)] = 0.15
    calibration_tolerance: Annotated[float, Field(ge=0, le=10)] = 0.25
    stability_origins: Annotated[int, Field(ge=1, le=100)] = 3
    stability_positives: Annotated[int, Field(ge=1, le=10_000)] = 10
    stability_share: Annotated[float, Field(ge=0, le=1)] = 0.4
    stability_floor: Annotated[float, Field(ge=0, le=1)] = 0.6


@dataclass(frozen=True)
class Period:
    """Days on which people called, or were counted, differently: a pandemic, a strike.

    ``hiu-risk train --sensitivity`` trains once more without the origins whose horizon touches
    it. The model itself learns from them.

    Parameters
    ----------
    name : str
    first, last : date
        Both inclusive, local days.
    """

    name: Annotated[str, Field(min_length=1, max_length=40)]
    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise UsageError("a period ends before it begins", where=f"periods, {self.name}")


SECTIONS: dict[str, type] = {
    "origins": Origins,
    "anchor": AnchorSettings,
    "booster": BoosterSettings,
    "audit": AuditSettings,
    "gates": GateSettings,
    "periods": Period,
}
"""Tables of a protocol file, besides ``[definition]`` and ``[eligibility]``."""

JUDGING_SECTIONS: tuple[str, ...] = ("audit", "gates", "periods")
"""Sections that change how a model is judged or governed, never the model: not in its hash."""
