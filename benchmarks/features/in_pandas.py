"""The catalogue in pandas: whole columns, then one group-by sum an index date."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.features.task import ACTIVE, Answer, Tables, Task
from hiu_features import Feature, Which
from hiu_features.primitives import GAPS_KEPT, LEAST_GAPS, LOOKBACK_DAYS
from hiu_features.which import COLUMNS
from hiu_risk.times import DAY, HOUR


def condition(known: pd.DataFrame, which: Which) -> Any:
    """Tell which known events a choice holds."""
    chosen = known["incident"].to_numpy().copy()
    if which.counting == "events":
        chosen[:] = True
    for column in COLUMNS:
        if codes := which.accepts(column):
            chosen &= known[column].isin(codes).to_numpy()
    return chosen


class _Sums:
    """Columns to be added up together; asked for by name, answered after one group-by."""

    def __init__(self, known: pd.DataFrame) -> None:
        self.known, self.age = known, known["age"].to_numpy()
        self.columns: dict[str, Any] = {}
        self.chosen: dict[Which, Any] = {}

    def which(self, which: Which) -> Any:
        if which not in self.chosen:
            self.chosen[which] = condition(self.known, which)
        return self.chosen[which]

    def number(self, which: Which, days: int, before: int = 0) -> str:
        name = f"n{hash((which, days, before))}"
        if name not in self.columns:
            inside = (self.age <= (before + days) * DAY) & (self.age > before * DAY)
            self.columns[name] = (self.which(which) & inside).astype(np.int32)
        return name

    def weight(self, which: Which, half_life: int) -> str:
        name = f"w{hash((which, half_life))}"
        if name not in self.columns:
            inside = self.which(which) & (self.age <= LOOKBACK_DAYS * DAY)
            self.columns[name] = np.where(
                inside, 2.0 ** (-(self.age // HOUR) / (24.0 * half_life)), 0.0
            )
        return name

    def total(self) -> pd.DataFrame:
        wide = pd.DataFrame(self.columns, index=self.known.index)
        return wide.groupby(self.known["person"], sort=False).sum()


def _ratio(above: Any, below: Any) -> Any:
    return above / below.where(below > 0)


def summed(feature: Feature, sums: _Sums) -> Any:
    """Note the sums a feature needs; give the function that makes it of their totals."""
    p: dict[str, Any] = dict(feature.params)
    match feature.primitive:
        case "count":
            name = sums.number(p["which"], p["days"], p["before"])
            return lambda total: total[name]
        case "change":
            now = sums.number(p["which"], p["days"])
            then = sums.number(p["which"], p["days"], p["days"])
            return lambda total: total[now] - total[then]
        case "share":
            part, whole = sums.number(p["which"], p["days"]), sums.number(p["of"], p["days"])
            return lambda total: _ratio(total[part], total[whole])
        case "decayed":
            name = sums.weight(p["which"], p["half_life"])
            return lambda total: total[name]
        case "recent_weight":
            fast, slow = sums.weight(p["which"], p["fast"]), sums.weight(p["which"], p["slow"])
            return lambda total: _ratio(total[fast], total[slow])
    return None


def ordered(feature: Feature, known: pd.DataFrame, sums: _Sums) -> pd.Series:
    """Make a feature that needs its events in order, by person."""
    p: dict[str, Any] = dict(feature.params)
    if feature.primitive == "tenure":
        return known.groupby("person", sort=False)["age"].max() / DAY
    within = p.get("within", p.get("days", 0)) * DAY
    mine = known.loc[sums.which(p["which"]) & (sums.age <= within)].iloc[::-1]  # latest first
    by_person = mine.groupby("person", sort=False)
    match feature.primitive:
        case "days_since":
            nth = mine[(by_person.cumcount() == p["nth"] - 1).to_numpy()]
            return nth.set_index("person")["age"] / DAY
        case "active_periods":
            periods = (mine["age"] - 1) // (p["days"] * DAY)
            return periods.groupby(mine["person"], sort=False).nunique()
        case "different_reasons":
            reasons = mine.loc[mine["reason"] != 0]
            return reasons.groupby("person", sort=False)["reason"].nunique()
        case "peak":
            return _peak(mine, p["days"] * DAY)
    gap = by_person["age"].diff()[(by_person.cumcount() <= GAPS_KEPT).to_numpy()].dropna()
    gaps = gap.groupby(mine.loc[gap.index, "person"], sort=False)
    if feature.primitive == "median_gap":
        return gaps.median() / DAY
    variation = gaps.std(ddof=0) / gaps.mean().replace(0, np.nan)
    return variation.where(gaps.size() >= LEAST_GAPS)


def _peak(mine: pd.DataFrame, span: int) -> pd.Series:
    # Rows are the latest first within each person, people in falling order: one sorted key.
    person, age = mine["person"].to_numpy(np.int64), mine["age"].to_numpy()
    key = -person * 10**10 + age
    first = np.searchsorted(key, key - span, side="right")
    near = np.arange(len(key)) - first + 1
    return pd.Series(near, index=person).groupby(level=0, sort=False).max()


def one_date(
    events: pd.DataFrame, people: pd.DataFrame, date: dict[str, Any], task: Task
) -> pd.DataFrame:
    """Make the rows of one index date."""
    as_of = date["as_of"]
    known = events[
        (events["occurred_at"] < as_of)
        & (events["available_at"] <= as_of)
        & (events["superseded_at"] > as_of)
    ]
    known = known.assign(age=as_of - known["occurred_at"], incident=known["leads_until"] > as_of)
    sums = _Sums(known)
    makers = {f.name: summed(f, sums) for f in task.catalogue}
    total = sums.total()
    youngest = known.groupby("person", sort=False)["age"].min()
    who = youngest.index[youngest.to_numpy() <= ACTIVE]
    total, about = total.loc[who], people.loc[who]
    columns: dict[str, Any] = {}
    for f in task.catalogue:
        if f.primitive == "attribute":
            value = _attribute(f, about, date)
        elif f.primitive == "covered_days":
            value = np.full(len(who), date[f.name])
        elif makers[f.name]:
            value = makers[f.name](total)
        else:
            value = ordered(f, known, sums).reindex(who)
            if f.primitive in ("peak", "active_periods", "different_reasons"):
                value = value.fillna(0)
        columns[f.name] = np.asarray(value, np.float32)
    return pd.DataFrame({"person": who.to_numpy(), "as_of": as_of, **columns})


def _attribute(feature: Feature, about: pd.DataFrame, date: dict[str, Any]) -> Any:
    born, today = about["born_day"], date["local_day"]
    return {
        "age": lambda: ((today - born) // 10_000).where((born > 0) & (today >= born)),
        "sex_female": lambda: (about["sex"] == 1).astype(float).where(about["sex"] > 0),
        "imd_decile": lambda: about["imd_decile"].astype(float).where(about["imd_decile"] > 0),
    }[feature.params["attribute"]]()


def frames(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, Any]]]:
    """Take the tables over."""
    people = tables.people.to_pandas().set_index("person")
    return tables.events.to_pandas(), people, tables.dates.to_pylist()


def run(given: Any, task: Task) -> pd.DataFrame:
    """Do the task."""
    events, people, dates = given
    return pd.concat([one_date(events, people, date, task) for date in dates], ignore_index=True)


def answer(frame: pd.DataFrame) -> Answer:
    """Give the columns as arrays."""
    columns = {c: frame[c].to_numpy() for c in frame.columns if c not in ("person", "as_of")}
    return Answer(frame["person"].to_numpy(), frame["as_of"].to_numpy(), columns)
