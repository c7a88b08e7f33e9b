"""What a service would count in the raw extracts of a synthetic region, in plain SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

INCIDENTS = """
    with final as (
        select * from read_csv(?, all_varchar = true)
        where call_id not like 'BAD%'
        qualify row_number() over (partition by call_id order by available_at desc) = 1
    )
    select nhs_number, epoch(min(call_connected_at::timestamp)) / 86400.0 as day
    from final
    where nhs_number is not null and identity_confidence::double >= 0.5
      and caller_type <> 'PROFESSIONAL' and address_type not in ('CARE HOME', 'COMMUNAL')
    group by nhs_number, incident_id
    order by nhs_number, day
"""


def counted_incidents(region: Path) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Person and local day of every incident that counts, in order of person and time."""
    rows = duckdb.execute(INCIDENTS, [str(region / "calls.csv")]).fetchnumpy()
    return np.asarray(rows["nhs_number"], dtype=str), np.asarray(rows["day"], dtype=np.float64)


def scale(region: Path, start: float, months: int = 36) -> dict[str, float]:
    """The published figures over windows of 60 days: callers, frequent ones, their incidents."""
    person, day = counted_incidents(region)
    callers = frequent = incidents = theirs = 0
    for first in range(0, months * 30 - 30, 60):
        inside = (day >= start + first) & (day < start + first + 60)
        who, when = person[inside], day[inside]
        fifth = (who[4:] == who[:-4]) & (when[4:] - when[:-4] < 30)
        many = np.unique(who[4:][fifth])
        callers += len(np.unique(who))
        frequent += len(many)
        incidents += len(who)
        theirs += int(np.isin(who, many).sum())
    return {
        "callers": callers,
        "frequent": frequent,
        "share_of_callers": frequent / callers,
        "share_of_incidents": theirs / incidents,
        "incidents_each": theirs / frequent,
    }
