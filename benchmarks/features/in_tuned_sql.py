"""The catalogue as the fastest DuckDB SQL we could write: counts packed into whole numbers.

Four counts share a BIGINT in lanes of 16 bits, so that one sum adds four features. What depends on
the event alone (its lanes of the last year, its decay weights) is worked out before the join: the
index dates lie on whole hours, so a weight is a power of the event's hour times a power of the
date's. The latest events come as a short list from ``min(age, 21)``; only the peak needs a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.features.in_sql import condition, person_value
from benchmarks.features.task import ACTIVE, Task
from hiu_features import Feature, Which
from hiu_features.primitives import GAPS_KEPT, LEAST_GAPS, LOOKBACK_DAYS
from hiu_features.which import COLUMNS
from hiu_risk.codes import SOURCE
from hiu_risk.times import DAY, HOUR

LANES = 4
LANE = 16
YEAR = 365


@dataclass
class _Packed:
    """Which counts stand in which lanes, and the aggregates and event columns behind them."""

    base: int  # hours since 1970 that decay weights count from
    windows: dict[tuple[int, int], None] = field(default_factory=dict)  # (source, days)
    yearly: dict[Which, None] = field(default_factory=dict)
    single: dict[tuple[Which, int], None] = field(default_factory=dict)
    decays: dict[tuple[Which, int], None] = field(default_factory=dict)  # (which, half-life)
    lists: dict[int, None] = field(default_factory=dict)
    nearest: dict[int, None] = field(default_factory=dict)

    def cell(self, which: Which, days: int) -> str:
        """Give the number of events no older than so many days."""
        if which == Which(which.source) and len(which.source) == 1:
            source = SOURCE.code(which.source[0])
            self.windows[source, days] = None
            place = [d for s, d in self.windows if s == source].index(days)
            return _lane(f"w{source}_{place // LANES}", place)
        if days == YEAR and which.counting == "incidents":
            self.yearly[which] = None
            place = list(self.yearly).index(which)
            return _lane(f"y{place // LANES}", place)
        self.single[which, days] = None
        return f"s{list(self.single).index((which, days))}"

    def decay(self, which: Which, half_life: int) -> str:
        self.decays[which, half_life] = None
        place = list(self.decays).index((which, half_life))
        hours = f"({self.base} - as_of // {HOUR})"
        return f"(d{place} * pow(2.0, {hours} / {24.0 * half_life}))"

    def latest(self, which: Which) -> str:
        source = SOURCE.code(which.source[0])
        self.lists[source] = None
        return f"l{source}"


def _lane(column: str, place: int) -> str:
    return f"(({column} >> {place % LANES * LANE}) & {2**LANE - 1})"


def _value(packed: _Packed, f: Feature) -> str:
    p: dict[str, Any] = dict(f.params)
    match f.primitive:
        case "count":
            start = packed.cell(p["which"], p["before"] + p["days"])
            return f"{start} - {packed.cell(p['which'], p['before'])}" if p["before"] else start
        case "change":
            both, one = packed.cell(p["which"], 2 * p["days"]), packed.cell(p["which"], p["days"])
            return f"2 * {one} - {both}"
        case "share":
            part, whole = packed.cell(p["which"], p["days"]), packed.cell(p["of"], p["days"])
            return f"{part} / nullif({whole}, 0)::DOUBLE"
        case "decayed":
            return packed.decay(p["which"], p["half_life"])
        case "recent_weight":
            fast, slow = packed.decay(p["which"], p["fast"]), packed.decay(p["which"], p["slow"])
            return f"{fast} / nullif({slow}, 0)"
        case "days_since" | "median_gap" | "gap_variation":
            return _sequence(packed, f)
    return _PLAIN.get(f.primitive) or person_value(f)


_PLAIN = {
    "peak": "coalesce(peak, 0)",
    "active_periods": "coalesce(bit_count(months), 0)",
    "different_reasons": "coalesce(bit_count(reasons), 0)",
    "tenure": f"tenure / {DAY}.0",
}


def _sequence(packed: _Packed, f: Feature) -> str:
    p: dict[str, Any] = dict(f.params)
    match f.primitive:
        case "days_since" if p["nth"] > 1 or p["which"].source == ("call",):
            return f"{packed.latest(p['which'])}[{p['nth']}] / {DAY}.0"
        case "days_since":
            source = SOURCE.code(p["which"].source[0])
            packed.nearest[source] = None
            return f"n{source} / {DAY}.0"
        case "median_gap":
            return f"list_median(gaps) / {DAY}.0"
        case "gap_variation":
            spread = "list_stddev_pop(gaps) / list_avg(gaps)"
            return f"CASE WHEN len(gaps) >= {LEAST_GAPS} AND list_sum(gaps) > 0 THEN {spread} END"
    raise NotImplementedError(f.primitive)


def _window_luts(packed: _Packed, source: int) -> list[str]:
    """Write one packed number per four windows of a source, chosen by age."""
    days = [d for s, d in packed.windows if s == source]
    written = []
    for first in range(0, len(days), LANES):
        lanes = days[first : first + LANES]
        cases = []
        for limit in sorted(lanes):
            sum_ = sum(1 << i * LANE for i, d in enumerate(lanes) if d >= limit)
            cases.append(f"WHEN age <= {limit * DAY} THEN {sum_}")
        written.append(f"CASE {' '.join(cases)} ELSE 0 END")
    return written


def query(task: Task) -> str:
    """Write the whole task as one statement."""
    packed = _Packed(min(task.as_ofs) // HOUR)
    for f in task.catalogue:
        _value(packed, f)  # a first pass notes what is needed
    values = [f"({_value(packed, f)})::FLOAT AS {f.name}" for f in task.catalogue]
    return f"""
    WITH prepared AS (
        SELECT person, occurred_at, available_at, superseded_at, leads_until, {", ".join(COLUMNS)},
            {_event_columns(packed)}
        FROM events),
    known AS (
        SELECT person::BIGINT * 64 + d.k AS row_key, d.as_of - occurred_at AS age,
            leads_until > d.as_of AS incident, e.* EXCLUDE (person, occurred_at, available_at,
            superseded_at, leads_until)
        FROM prepared e JOIN dates d ON occurred_at < d.as_of AND available_at <= d.as_of
            AND superseded_at > d.as_of),
    counted AS (
        SELECT row_key, {_aggregates(packed)}
        FROM known GROUP BY row_key HAVING min(age) <= {ACTIVE}),
    gapped AS (
        SELECT *, list_filter(l1, lambda a: a <= {YEAR * DAY}) AS near,
            list_transform(near[2:], lambda a, i: a - near[i]) AS gaps
        FROM counted),
    peaks AS (
        SELECT row_key, max(peak) AS peak FROM (
            SELECT row_key, count(*) OVER (PARTITION BY row_key ORDER BY age
                RANGE BETWEEN {30 * DAY - 1} PRECEDING AND CURRENT ROW) AS peak
            FROM known WHERE incident AND source = 1 AND age <= {YEAR * DAY})
        GROUP BY row_key)
    SELECT (row_key // 64)::INT AS person, d.as_of, {", ".join(values)}
    FROM gapped LEFT JOIN peaks USING (row_key) JOIN dates d ON d.k = row_key % 64
        JOIN people p ON p.person = row_key // 64"""


def _event_columns(packed: _Packed) -> str:
    columns = ["CASE WHEN reason <> 0 THEN 1::BIGINT << reason::BIGINT ELSE 0 END AS reason_bit"]
    yearly = list(packed.yearly)
    for first in range(0, len(yearly), LANES):
        lanes = [
            f"(({condition(w, 'true')})::BIGINT << {i * LANE})"
            for i, w in enumerate(yearly[first : first + LANES])
        ]
        columns.append(f"{' + '.join(lanes)} AS py{first // LANES}")
    for half_life in sorted({h for _, h in packed.decays}):
        hour = f"(occurred_at + {HOUR - 1}) // {HOUR}"
        columns.append(f"pow(2.0, ({hour} - {packed.base}) / {24.0 * half_life}) AS pd{half_life}")
    return ", ".join(columns)


def _aggregates(packed: _Packed) -> str:
    columns = []
    for source in dict.fromkeys(s for s, _ in packed.windows):
        for i, lut in enumerate(_window_luts(packed, source)):
            inside = f"incident AND source = {source} AND age <= {YEAR * DAY}"
            columns.append(f"coalesce(sum({lut}) FILTER ({inside}), 0)::BIGINT AS w{source}_{i}")
    for i in range((len(packed.yearly) + LANES - 1) // LANES):
        inside = f"incident AND age <= {YEAR * DAY}"
        columns.append(f"coalesce(sum(py{i}) FILTER ({inside}), 0)::BIGINT AS y{i}")
    for i, (which, days) in enumerate(packed.single):
        columns.append(f"count(*) FILTER ({condition(which)} AND age <= {days * DAY}) AS s{i}")
    for i, (which, half_life) in enumerate(packed.decays):
        inside = f"{condition(which)} AND age <= {LOOKBACK_DAYS * DAY}"
        columns.append(f"coalesce(sum(pd{half_life}) FILTER ({inside}), 0) AS d{i}")
    for source in packed.nearest:
        inside = f"incident AND source = {source} AND age <= {LOOKBACK_DAYS * DAY}"
        columns.append(f"min(age) FILTER ({inside}) AS n{source}")
    for source in packed.lists:
        inside = f"incident AND source = {source} AND age <= {LOOKBACK_DAYS * DAY}"
        columns.append(f"min(age, {GAPS_KEPT + 1}) FILTER ({inside}) AS l{source}")
    call_year = f"incident AND source = 1 AND age <= {YEAR * DAY}"
    columns += [
        f"bit_or(1::BIGINT << least((age - 1) // {30 * DAY}, 40)) "
        f"FILTER (incident AND source = 1 AND age <= {360 * DAY}) AS months",
        f"bit_or(reason_bit) FILTER ({call_year}) AS reasons",
        "max(age) AS tenure",
    ]
    return ", ".join(columns)
