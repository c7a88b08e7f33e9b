"""The catalogue as plain DuckDB SQL, written from the declarations."""

from __future__ import annotations

from hiu_features import Catalogue, Feature, Which
from hiu_features.which import COLUMNS
from hiu_risk.codes import SOURCE
from hiu_risk.times import DAY, HOUR


def condition(which: Which) -> str:
    """Say the events of a choice, as a condition on a known event."""
    parts = [] if which.counting == "events" else ["lead"]
    accepted = {column: which.accepts(column) for column in COLUMNS}
    parts += [
        f"{column} in {codes}".replace(",)", ")") for column, codes in accepted.items() if codes
    ]
    return " and ".join(parts)


def _counted(which: Which, days: int, before: int = 0) -> str:
    older = f" and age > {before * DAY}" if before else ""
    return f"count(*) filter ({condition(which)} and age <= {(before + days) * DAY}{older})"


def _units(which: Which, half_life: int) -> str:
    weight = f"round_even(pow(2.0, 30 - (age // {HOUR}) / {24.0 * half_life}), 0)::bigint"
    return f"coalesce(sum({weight}) filter ({condition(which)} and age <= {730 * DAY}), 0)"


def aggregate(feature: Feature) -> str | None:
    """Write a feature that one grouping gives; None for those that need the order of events."""
    p = feature.params
    match feature.primitive:
        case "count":
            return _counted(p["which"], p["days"], p["before"])
        case "change":
            recent = _counted(p["which"], p["days"])
            return f"{recent} - {_counted(p['which'], p['days'], p['days'])}"
        case "share":
            whole = _counted(p["of"], p["days"])
            return f"{_counted(p['which'], p['days'])}::double / nullif({whole}, 0)"
        case "decayed":
            return f"{_units(p['which'], p['half_life'])}::double / {2**30}"
        case "recent_weight":
            below = f"nullif({_units(p['which'], p['slow'])}, 0)"
            return f"{_units(p['which'], p['fast'])}::double / {below}::double"
        case "active_periods":
            inside = f"{condition(p['which'])} and age <= {p['within'] * DAY}"
            return f"count(distinct (age - 1) // {p['days'] * DAY}) filter ({inside})"
        case "different_reasons":
            inside = f"{condition(p['which'])} and reason <> 0 and age <= {p['days'] * DAY}"
            return f"count(distinct reason) filter ({inside})"
        case "tenure":
            return f"max(age) / {float(DAY)}"
    return None


def ordered(feature: Feature) -> str | None:
    """Write a feature over the numbered incidents of one source (``rn`` from the latest)."""
    p = feature.params
    if feature.primitive == "days_since":
        return f"min(age) filter ({condition(p['which'])} and rn = {p['nth']}) / {float(DAY)}"
    if feature.primitive == "peak":
        inside = f"{condition(p['which'])} and age <= {p['within'] * DAY}"
        return f"max(within_30d) filter ({inside})"
    if feature.primitive in ("median_gap", "gap_variation"):
        inside = f"{condition(p['which'])} and rn between 2 and 21 and age <= {p['within'] * DAY}"
        if feature.primitive == "median_gap":
            return f"median(gap) filter ({inside}) / {float(DAY)}"
        n, s, ss = (f"{f} filter ({inside})" for f in ("count(*)", "sum(gap)", "sum(gap * gap)"))
        enough = f"{n} >= 3 and {s} > 0"
        return f"case when {enough} then sqrt(({n} * {ss} - {s} * {s})::double) / {s}::double end"
    return None


def attribute(feature: Feature, first: int, last: int) -> str | None:
    """Write a feature of the person, or of the feeds."""
    if feature.primitive == "covered_days":
        start = f"greatest(d.as_of - {feature.params['days'] * DAY}, {first})"
        return f"greatest(least(d.as_of, {last}) - {start}, 0) / {float(DAY)}"
    if feature.primitive != "attribute":
        return None
    return {
        "age": "(d.local_day - p.born_day) // 10000",
        "sex_female": "case p.sex when 0 then null when 1 then 1 else 0 end",
        "imd_decile": "nullif(p.imd_decile, 0)",
    }[feature.params["attribute"]]


def query(catalogue: Catalogue, first: int, last: int) -> str:
    """Write one query for the whole catalogue, ordered by person and as_of."""
    one, two, three = [], [], []
    for feature in catalogue:
        if text := aggregate(feature):
            one.append(f'{text} as "{feature.name}"')
        elif text := ordered(feature):
            two.append(f'{text} as "{feature.name}"')
        elif text := attribute(feature, first, last):
            three.append(f'{text} as "{feature.name}"')
        else:
            raise NotImplementedError(feature.name)
    tables = {**{c.rsplit('"', 2)[1]: "g" for c in one}, **{c.rsplit('"', 2)[1]: "s" for c in two}}
    extra = {c.rsplit('"', 2)[1]: c.rsplit(" as ", 1)[0] for c in three}
    peaks = {feature.name for feature in catalogue if feature.primitive == "peak"}
    columns = [
        f'({extra[name]})::float as "{name}"'
        if name in extra
        else f'({tables[name]}."{name}")::float as "{name}"'
        if name not in peaks
        else f'coalesce(s."{name}", 0)::float as "{name}"'
        for name in catalogue.names
    ]
    sources = ", ".join(str(SOURCE.code(s)) for s in ("call", "ae", "admission"))
    return f"""
    with known as (
      select e.*, d.as_of, d.as_of - e.occurred_at as age, e.leads_until > d.as_of as lead
      from events e join dates d on e.occurred_at < d.as_of and e.available_at <= d.as_of
        and e.superseded_at > d.as_of
    ),
    g as (
      select person, as_of, {", ".join(one)} from known
      group by person, as_of having min(age) <= {365 * DAY}
    ),
    numbered as (
      select person, as_of, source, lead, age,
        row_number() over same_person as rn,
        age - lag(age) over same_person as gap,
        count(*) over (same_person range between {30 * DAY - 1} preceding and current row)
          as within_30d
      from known where lead and age <= {730 * DAY} and source in ({sources})
      window same_person as (partition by person, as_of, source order by age)
    ),
    s as (select person, as_of, {", ".join(two)} from numbered group by person, as_of)
    select g.person, g.as_of, {", ".join(columns)}
    from g join dates d using (as_of) join people p on p.person = g.person
      left join s on s.person = g.person and s.as_of = g.as_of
    order by g.person, g.as_of
    """
