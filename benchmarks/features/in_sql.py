"""The catalogue as plain DuckDB SQL: one range join, a filtered aggregate a feature."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.features.task import ACTIVE, Answer, Tables, Task
from hiu_features import Feature, Which
from hiu_features.primitives import GAPS_KEPT, LEAST_GAPS, LOOKBACK_DAYS
from hiu_features.which import COLUMNS
from hiu_risk.times import DAY, HOUR

ORDERED = ("peak", "median_gap", "gap_variation")


def condition(which: Which, incident: str = "incident") -> str:
    """Write a choice of events as SQL over the columns of a known event."""
    parts = [incident] if which.counting == "incidents" else []
    parts.extend(
        f"{column} IN ({', '.join(map(str, codes))})"
        for column in COLUMNS
        if (codes := which.accepts(column))
    )
    return " AND ".join(parts)


def number(which: Which, days: int, before: int = 0) -> str:
    """Count the events of a window."""
    after = f" AND age > {before * DAY}" if before else ""
    inside = f"age <= {(before + days) * DAY}"
    return f"count(*) FILTER ({condition(which)} AND {inside}{after})"


def weight(which: Which, half_life: int) -> str:
    """Sum decayed weights; age counts in whole hours."""
    exponent = f"-(age // {HOUR}) / {24.0 * half_life}"
    inside = f"{condition(which)} AND age <= {LOOKBACK_DAYS * DAY}"
    return f"coalesce(sum(pow(2.0, {exponent})) FILTER ({inside}), 0)"


def needs_order(feature: Feature) -> bool:
    """Tell whether a feature needs its events in order and not just their number."""
    return feature.primitive in ORDERED or feature.params.get("nth", 1) > 1


def aggregate(feature: Feature) -> str:
    """Write a feature as an aggregate over the known events of a person and as_of."""
    p: dict[str, Any] = dict(feature.params)
    match feature.primitive:
        case "count":
            return number(p["which"], p["days"], p["before"])
        case "change":
            days = p["days"]
            return f"{number(p['which'], days)} - {number(p['which'], days, days)}"
        case "share":
            part, whole = number(p["which"], p["days"]), number(p["of"], p["days"])
            return f"{part} / nullif({whole}, 0)::DOUBLE"
        case "decayed":
            return weight(p["which"], p["half_life"])
        case "recent_weight":
            return f"{weight(p['which'], p['fast'])} / nullif({weight(p['which'], p['slow'])}, 0)"
        case "days_since":
            inside = f"{condition(p['which'])} AND age <= {p['within'] * DAY}"
            return f"min(age) FILTER ({inside}) / {DAY}.0"
        case "active_periods":
            inside = f"{condition(p['which'])} AND age <= {p['within'] * DAY}"
            return f"count(DISTINCT (age - 1) // {p['days'] * DAY}) FILTER ({inside})"
        case "different_reasons":
            inside = f"{condition(p['which'])} AND age <= {p['days'] * DAY} AND reason <> 0"
            return f"count(DISTINCT reason) FILTER ({inside})"
        case "tenure":
            return f"max(age) / {DAY}.0"
    raise NotImplementedError(feature.primitive)


def ordered_aggregate(feature: Feature) -> str:
    """Write a feature as an aggregate over events numbered from the latest."""
    p: dict[str, Any] = dict(feature.params)
    inside = f"age <= {p.get('within', LOOKBACK_DAYS) * DAY}"
    gaps = f"FILTER (nth BETWEEN 2 AND {GAPS_KEPT + 1} AND {inside})"
    match feature.primitive:
        case "days_since":
            return f"min(age) FILTER (nth = {p['nth']} AND {inside}) / {DAY}.0"
        case "peak":
            return f"max(near{p['days']}) FILTER ({inside})"
        case "median_gap":
            return f"median(gap) {gaps} / {DAY}.0"
        case "gap_variation":
            return (
                f"CASE WHEN count(*) {gaps} >= {LEAST_GAPS} AND sum(gap) {gaps} > 0 THEN "
                f"stddev_pop(gap) {gaps} / avg(gap) {gaps} END"
            )
    raise NotImplementedError(feature.primitive)


def person_value(feature: Feature) -> str:
    """Write a feature of the person or the date."""
    if feature.primitive == "covered_days":
        return f"d.{feature.name}"
    return {
        "age": "CASE WHEN born_day > 0 AND local_day >= born_day "
        "THEN (local_day - born_day) // 10000 END",
        "sex_female": "CASE WHEN sex > 0 THEN (sex = 1)::INT END",
        "imd_decile": "nullif(p.imd_decile, 0)",
    }[feature.params["attribute"]]


def query(task: Task) -> str:
    """Write the whole task as one statement."""
    features = list(task.catalogue)
    of_person = [f for f in features if f.primitive in ("attribute", "covered_days")]
    ordered = [f for f in features if needs_order(f)]
    counted = [f for f in features if f not in of_person and f not in ordered]
    choices = list(dict.fromkeys(f.params["which"] for f in ordered))
    steps = [
        f"""known AS (
            SELECT e.person, d.k, d.as_of - e.occurred_at AS age,
                e.leads_until > d.as_of AS incident, {", ".join(COLUMNS)}
            FROM events e JOIN dates d ON e.occurred_at < d.as_of AND e.available_at <= d.as_of
                AND e.superseded_at > d.as_of)""",
        f"""counted AS (
            SELECT person, k, {_columns(counted, aggregate)}
            FROM known GROUP BY person, k HAVING min(age) <= {ACTIVE})""",
    ]
    for number_, which in enumerate(choices):
        mine = [f for f in ordered if f.params["which"] == which]
        steps += _ordered_steps(number_, which, mine)
    value = {
        f.name: f"{person_value(f)}::FLOAT AS {f.name}" if f in of_person else _filled(f)
        for f in features
    }
    joins = " ".join(f"LEFT JOIN ordered{i} USING (person, k)" for i in range(len(choices)))
    return f"""WITH {", ".join(steps)}
        SELECT counted.person, d.as_of, {", ".join(value.values())}
        FROM counted {joins} JOIN dates d USING (k) JOIN people p USING (person)"""


def _filled(feature: Feature) -> str:
    # A person without such events has no row to join, and a peak of none is 0.
    value = f"coalesce({feature.name}, 0)" if feature.primitive == "peak" else feature.name
    return f"{value}::FLOAT AS {feature.name}"


def _ordered_steps(number_: int, which: Which, features: list[Feature]) -> list[str]:
    spans = sorted({f.params["days"] for f in features if f.primitive == "peak"})
    near = "".join(
        f""", count(*) OVER (PARTITION BY person, k ORDER BY age
            RANGE BETWEEN {days * DAY - 1} PRECEDING AND CURRENT ROW) AS near{days}"""
        for days in spans
    )
    return [
        f"""numbered{number_} AS (
            SELECT person, k, age, row_number() OVER latest AS nth,
                age - lag(age) OVER latest AS gap{near}
            FROM known WHERE {condition(which)} AND age <= {LOOKBACK_DAYS * DAY}
            WINDOW latest AS (PARTITION BY person, k ORDER BY age))""",
        f"""ordered{number_} AS (
            SELECT person, k, {_columns(features, ordered_aggregate)}
            FROM numbered{number_} GROUP BY person, k)""",
    ]


def _columns(features: list[Feature], write: Any) -> str:
    return ", ".join(f"{write(feature)} AS {feature.name}" for feature in features)


def connection(tables: Tables, threads: int = 2) -> Any:
    """Open DuckDB with the tables in its own memory."""
    import duckdb

    con = duckdb.connect(config={"threads": threads})
    for name in ("events", "people", "dates"):
        given = getattr(tables, name)  # found by name in the statement
        con.register("given", given)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        con.unregister("given")
    return con


def answer(table: Any) -> Answer:
    """Give the columns of an Arrow table as arrays."""
    columns = {
        name: np.asarray(table.column(name).to_numpy())
        for name in table.column_names
        if name not in ("person", "as_of")
    }
    return Answer(table.column("person").to_numpy(), table.column("as_of").to_numpy(), columns)
