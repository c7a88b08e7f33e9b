"""The catalogue in Polars: one lazy group-by an index date, run together."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from benchmarks.features.task import ACTIVE, Answer, Tables, Task
from hiu_features import Feature, Which
from hiu_features.primitives import GAPS_KEPT, LEAST_GAPS, LOOKBACK_DAYS
from hiu_features.which import COLUMNS
from hiu_risk.times import DAY, HOUR

AGE = pl.col("age")


def condition(which: Which) -> pl.Expr:
    """Write a choice of events over the columns of a known event."""
    chosen = pl.col("incident") if which.counting == "incidents" else pl.lit(True)
    for column in COLUMNS:
        if codes := which.accepts(column):
            of = pl.col(column)
            chosen = chosen & (of == codes[0] if len(codes) == 1 else of.is_in(list(codes)))
    return chosen


def number(which: Which, days: int, before: int = 0) -> pl.Expr:
    """Count the events of a window."""
    inside = condition(which) & (AGE <= (before + days) * DAY)
    if before:
        inside = inside & (AGE > before * DAY)
    return inside.sum().cast(pl.Int32)


def weight(which: Which, half_life: int) -> pl.Expr:
    """Sum decayed weights; age counts in whole hours."""
    inside = condition(which) & (AGE <= LOOKBACK_DAYS * DAY)
    return pl.col(f"weight{half_life}").filter(inside).sum()


def latest(which: Which, within: int) -> pl.Expr:
    """Give the ages of a choice, the latest first."""
    return AGE.filter(condition(which) & (AGE <= within * DAY)).sort()


def aggregate(feature: Feature) -> pl.Expr:
    """Write a feature over the known events of one person at one as_of."""
    p: dict[str, Any] = dict(feature.params)
    match feature.primitive:
        case "count":
            return number(p["which"], p["days"], p["before"])
        case "change":
            return number(p["which"], p["days"]) - number(p["which"], p["days"], p["days"])
        case "share":
            return number(p["which"], p["days"]) / number(p["of"], p["days"])
        case "decayed":
            return weight(p["which"], p["half_life"])
        case "recent_weight":
            return weight(p["which"], p["fast"]) / weight(p["which"], p["slow"])
        case "days_since" if p["nth"] == 1:
            inside = condition(p["which"]) & (AGE <= p["within"] * DAY)
            return AGE.filter(inside).min() / DAY
        case "days_since":
            return latest(p["which"], p["within"]).get(p["nth"] - 1, null_on_oob=True) / DAY
        case "active_periods":
            inside = condition(p["which"]) & (AGE <= p["within"] * DAY)
            return ((AGE - 1) // (p["days"] * DAY)).filter(inside).n_unique()
        case "different_reasons":
            inside = condition(p["which"]) & (AGE <= p["days"] * DAY) & (pl.col("reason") != 0)
            return pl.col("reason").filter(inside).n_unique()
        case "median_gap":
            gaps = latest(p["which"], p["within"]).head(GAPS_KEPT + 1).diff(null_behavior="drop")
            return gaps.median() / DAY
        case "gap_variation":
            gaps = latest(p["which"], p["within"]).head(GAPS_KEPT + 1).diff(null_behavior="drop")
            enough = (gaps.len() >= LEAST_GAPS) & (gaps.sum() > 0)
            return pl.when(enough).then(gaps.std(ddof=0) / gaps.mean())
        case "tenure":
            return AGE.max() / DAY
    raise NotImplementedError(feature.primitive)


def person_value(feature: Feature) -> pl.Expr:
    """Write a feature of the person."""
    born, today = pl.col("born_day"), pl.col("local_day")
    return {
        "age": pl.when((born > 0) & (today >= born)).then((today - born) // 10_000),
        "sex_female": pl.when(pl.col("sex") > 0).then((pl.col("sex") == 1).cast(pl.Int8)),
        "imd_decile": pl.when(pl.col("imd_decile") > 0).then(pl.col("imd_decile")),
    }[feature.params["attribute"]]


def peaks(known: pl.LazyFrame, feature: Feature) -> pl.LazyFrame:
    """Give the most events of any rolling window, by person."""
    p = feature.params
    inside = condition(p["which"]) & (AGE <= p["within"] * DAY)
    rolling = known.filter(inside).rolling("occurred_at", period=f"{p['days'] * DAY}i", group_by="person")
    return rolling.agg(pl.len().alias("n")).group_by("person").agg(pl.col("n").max().alias(feature.name))


def one_date(events: pl.LazyFrame, people: pl.LazyFrame, date: dict[str, Any], task: Task) -> Any:
    """Write the rows of one index date."""
    as_of = date["as_of"]
    known = events.filter(
        (pl.col("occurred_at") < as_of)
        & (pl.col("available_at") <= as_of)
        & (pl.col("superseded_at") > as_of)
    ).with_columns(
        age=as_of - pl.col("occurred_at"), incident=pl.col("leads_until") > as_of
    )
    half_lives = {v for f in task.catalogue for k, v in f.params.items() if k in ("half_life", "fast", "slow")}
    known = known.with_columns(
        (2.0 ** (-(AGE // HOUR) / (24.0 * h))).alias(f"weight{h}") for h in sorted(half_lives)
    )
    rest = ("attribute", "covered_days", "peak")
    counted = [aggregate(f).alias(f.name) for f in task.catalogue if f.primitive not in rest]
    rows = known.group_by("person").agg(*counted, youngest=AGE.min()).filter(pl.col("youngest") <= ACTIVE)
    rows = rows.join(people, on="person", how="left").with_columns(
        pl.lit(as_of).alias("as_of"), pl.lit(date["local_day"]).alias("local_day")
    )
    columns = []
    for f in task.catalogue:
        if f.primitive == "peak":
            rows = rows.join(peaks(known, f), on="person", how="left")
            value = pl.col(f.name).fill_null(0)
        elif f.primitive == "covered_days":
            value = pl.lit(date[f.name])
        else:
            value = person_value(f) if f.primitive == "attribute" else pl.col(f.name)
        columns.append(value.cast(pl.Float32).alias(f.name))
    return rows.select("person", "as_of", *columns)


def frames(tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:
    """Take the tables over."""
    events, people = pl.from_arrow(tables.events), pl.from_arrow(tables.people)
    assert isinstance(events, pl.DataFrame) and isinstance(people, pl.DataFrame)
    return events.with_columns(pl.col("person").set_sorted()), people, tables.dates.to_pylist()


def run(given: Any, task: Task) -> pl.DataFrame:
    """Do the task."""
    events, people, dates = given
    return pl.concat(
        pl.collect_all([one_date(events.lazy(), people.lazy(), date, task) for date in dates])
    )


def answer(frame: pl.DataFrame) -> Answer:
    """Give the columns as arrays; NaN is missing."""
    columns = {
        name: np.asarray(frame[name].fill_null(float("nan")).to_numpy())
        for name in frame.columns
        if name not in ("person", "as_of")
    }
    return Answer(frame["person"].to_numpy(), frame["as_of"].to_numpy(), columns)
