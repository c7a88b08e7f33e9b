"""The catalogue in Polars: one lazy group-by an index date, run together.

Every aggregate is a sum, an or, a least or a greatest of a column worked out before: aggregates of
filtered expressions took three times as long.
"""

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
ORDERED = ("peak", "median_gap", "gap_variation")


def condition(which: Which) -> pl.Expr:
    """Write a choice of events over the columns of a known event."""
    chosen = pl.col("incident") if which.counting == "incidents" else pl.lit(value=True)
    for column in COLUMNS:
        if codes := which.accepts(column):
            of = pl.col(column)
            chosen = chosen & (of == codes[0] if len(codes) == 1 else of.is_in(list(codes)))
    return chosen


class _Aggregates:
    """Columns of known events, and what to add up, by name: each only once."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.columns: dict[str, pl.Expr] = {}
        self.sums: dict[str, pl.Expr] = {}

    def _new(self, key: Any, column: pl.Expr, total: Any) -> pl.Expr:
        if key not in self.names:
            name = self.names[key] = f"a{len(self.names)}"
            self.columns[name], self.sums[name] = column.alias(name), total(pl.col(name))
        return pl.col(self.names[key])

    def number(self, which: Which, days: int, before: int = 0) -> pl.Expr:
        """Count the events of a window."""
        inside = condition(which) & ((before + days) * DAY >= AGE)
        if before:
            inside = inside & (before * DAY < AGE)
        total = self._new((which, days, before), inside, pl.Expr.sum)
        return total.cast(pl.Int32)

    def weight(self, which: Which, half_life: int) -> pl.Expr:
        """Sum decayed weights; age counts in whole hours."""
        inside = condition(which) & (AGE <= LOOKBACK_DAYS * DAY)
        power = 2.0 ** (-(AGE // HOUR) / (24.0 * half_life))
        return self._new(
            (which, half_life), pl.when(inside).then(power).otherwise(0.0), pl.Expr.sum
        )

    def least(self, which: Which, within: int) -> pl.Expr:
        """Take the age of the latest event."""
        inside = condition(which) & (within * DAY >= AGE)
        return self._new((which, "least"), pl.when(inside).then(AGE), pl.Expr.min)

    def nth(self, which: Which, nth: int, within: int) -> pl.Expr:
        """Take the age of the nth latest event."""
        inside = condition(which) & (within * DAY >= AGE)
        return self._new(
            (which, nth, "nth"),
            pl.when(inside).then(AGE),
            lambda age: age.drop_nulls().sort().slice(nth - 1, 1).first(),
        )

    def different(self, which: Which, days: int, number: pl.Expr) -> pl.Expr:
        """Count the different values of a small number."""
        inside = condition(which) & (days * DAY >= AGE) & (number < 60)
        bit = pl.lit(2, pl.Int64).pow(number)
        name = self._new((which, days, str(number)), pl.when(inside).then(bit).otherwise(0),
                         pl.Expr.bitwise_or)  # fmt: skip
        return name.bitwise_count_ones()


def value(f: Feature, known: _Aggregates) -> pl.Expr:
    """Write a feature over the aggregates of one person at one as_of."""
    p: dict[str, Any] = dict(f.params)
    match f.primitive:
        case "count":
            return known.number(p["which"], p["days"], p["before"])
        case "change":
            before = known.number(p["which"], p["days"], p["days"])
            return known.number(p["which"], p["days"]) - before
        case "share":
            return known.number(p["which"], p["days"]) / known.number(p["of"], p["days"])
        case "decayed":
            return known.weight(p["which"], p["half_life"])
        case "recent_weight":
            return known.weight(p["which"], p["fast"]) / known.weight(p["which"], p["slow"])
        case "days_since" if p["nth"] > 1:
            return known.nth(p["which"], p["nth"], p["within"]) / DAY
        case "days_since":
            return known.least(p["which"], p["within"]) / DAY
        case "active_periods":
            return known.different(p["which"], p["within"], (AGE - 1) // (p["days"] * DAY))
        case "different_reasons":
            reason = pl.col("reason")
            named = pl.when(reason > 0).then(reason).otherwise(60).cast(pl.Int64)
            return known.different(p["which"], p["days"], named)
        case "tenure":
            return pl.col("oldest") / DAY
    raise NotImplementedError(f.primitive)


def ordered(f: Feature) -> pl.Expr:
    """Write a feature over the lists of ages, the latest first."""
    p: dict[str, Any] = dict(f.params)
    gaps = pl.col("year").list.diff(null_behavior="drop")
    match f.primitive:
        case "days_since":
            return pl.col("latest").list.get(p["nth"] - 1, null_on_oob=True) / DAY
        case "median_gap":
            return gaps.list.median() / DAY
        case "gap_variation":
            enough = (gaps.list.len() >= LEAST_GAPS) & (gaps.list.sum() > 0)
            return pl.when(enough).then(gaps.list.std(ddof=0) / gaps.list.mean())
        case "peak":
            return pl.col("peak").fill_null(0)
    raise NotImplementedError(f.primitive)


def needs_order(f: Feature) -> bool:
    """Tell whether a feature needs its events in order and not just their number."""
    if f.primitive in ORDERED:
        return True
    return f.params.get("nth", 1) > 1 and f.params["which"].source == ("call",)


def sequences(known: pl.LazyFrame, features: list[Feature]) -> pl.LazyFrame:
    """Give the latest ages and the fullest window by person, for the one choice that needs them."""
    (which,) = {f.params["which"] for f in features}
    (days,) = {f.params["days"] for f in features if f.primitive == "peak"}
    mine = known.filter(condition(which) & (AGE <= LOOKBACK_DAYS * DAY))
    kept = max(GAPS_KEPT + 1, *(f.params.get("nth", 1) for f in features))
    year = mine.filter(AGE <= 365 * DAY)
    lists = mine.group_by("person").agg(AGE.tail(kept).reverse().alias("latest"))
    lists = lists.with_columns(
        year=pl.col("latest")
        .list.head(GAPS_KEPT + 1)
        .list.eval(pl.element().filter(pl.element() <= 365 * DAY))
    )
    rolling = year.rolling("occurred_at", period=f"{days * DAY}i", group_by="person")
    peaks = rolling.agg(pl.len().alias("n")).group_by("person").agg(pl.col("n").max().alias("peak"))
    return lists.join(peaks, on="person", how="left")


def person_value(f: Feature) -> pl.Expr:
    """Write a feature of the person."""
    born, today = pl.col("born_day"), pl.col("local_day")
    return {
        "age": pl.when((born > 0) & (today >= born)).then((today - born) // 10_000),
        "sex_female": pl.when(pl.col("sex") > 0).then((pl.col("sex") == 1).cast(pl.Int8)),
        "imd_decile": pl.when(pl.col("imd_decile") > 0).then(pl.col("imd_decile")),
    }[f.params["attribute"]]


def one_date(
    events: pl.LazyFrame, people: pl.LazyFrame, date: dict[str, Any], task: Task
) -> pl.LazyFrame:
    """Write the rows of one index date."""
    as_of = date["as_of"]
    known = events.filter(
        (pl.col("occurred_at") < as_of)
        & (pl.col("available_at") <= as_of)
        & (pl.col("superseded_at") > as_of)
    ).with_columns(age=as_of - pl.col("occurred_at"), incident=pl.col("leads_until") > as_of)
    aggregates, columns = _Aggregates(), []
    for f in task.catalogue:
        if f.primitive == "covered_days":
            expression = pl.lit(date[f.name])
        elif f.primitive == "attribute":
            expression = person_value(f)
        else:
            expression = ordered(f) if needs_order(f) else value(f, aggregates)
        columns.append(expression.cast(pl.Float32).alias(f.name))
    youngest, oldest = AGE.min().alias("youngest"), AGE.max().alias("oldest")
    wide = known.select("person", "age", *aggregates.columns.values())
    rows = wide.group_by("person").agg(youngest, oldest, *aggregates.sums.values())
    rows = rows.filter(pl.col("youngest") <= ACTIVE).join(people, on="person", how="left")
    if needing := [f for f in task.catalogue if needs_order(f)]:
        rows = rows.join(sequences(known, needing), on="person", how="left")
    as_of_column, today = pl.lit(as_of).alias("as_of"), pl.lit(date["local_day"]).alias("local_day")
    return rows.with_columns(today).select("person", as_of_column, *columns)


def frames(tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:
    """Take the tables over."""
    events, people = pl.from_arrow(tables.events), pl.from_arrow(tables.people)
    assert isinstance(events, pl.DataFrame)
    assert isinstance(people, pl.DataFrame)
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
