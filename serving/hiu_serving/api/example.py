"""Turn a person's history into the request the API takes: for demonstrations and checks."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hiu_risk.codes import EVENT_CATEGORIES, SEX
from hiu_risk.histories import UNKNOWN_TIME, Histories
from hiu_risk.times import from_seconds
from hiu_risk.visibility import is_known, leads

_SENT = ("reason", "outcome", "urgency", "caller_type", "address_type", "arrival", "kind")


def request_for(histories: Histories, row: int, as_of: int, *, label: str = "a") -> dict[str, Any]:
    """Give the body of ``POST /v1/score`` for one person, with what was known at ``as_of``.

    A known call that does not lead is sent as a further call of the incident before it.

    Parameters
    ----------
    histories : Histories
        Where the person is.
    row : int
        Position of the person.
    as_of : int
        UTC seconds.
    label : str
        The reference to send; never an identifier.
    """
    one = histories.take(np.array([row]))
    return {
        "as_of": _text(as_of),
        "feeds": [
            {
                "source": feed.source,
                "starts_at": _text(feed.starts_at),
                "complete_until": _text(feed.complete_until),
                "delay_seconds": feed.delay,
                "gaps": [
                    {"starts_at": _text(since), "ends_at": _text(to)} for since, to in feed.gaps
                ],
            }
            for feed in one.feeds
        ],
        "people": [{"id": label, **_attributes(one), "events": _events(one, as_of)}],
    }


def _text(seconds: int) -> str:
    return from_seconds(int(seconds)).isoformat()


def _attributes(one: Histories) -> dict[str, Any]:
    people = one.people
    sent: dict[str, Any] = {"sex": SEX.names[people.sex[0]]}
    if people.born_at[0] != UNKNOWN_TIME:
        born = datetime.fromtimestamp(int(people.born_at[0]), tz=ZoneInfo(one.zone))
        sent["born_on"] = born.date().isoformat()
    if people.imd_decile[0]:
        sent["imd_decile"] = int(people.imd_decile[0])
    if people.registered_from[0] != UNKNOWN_TIME:
        sent["registered_from"] = _text(people.registered_from[0])
    return sent


def _events(one: Histories, as_of: int) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    incident = ""
    for i in range(one.n_events):
        times = int(one.occurred_at[i]), int(one.available_at[i])
        if not is_known(*times, int(one.superseded_at[i]), as_of):
            continue
        source = EVENT_CATEGORIES["source"].names[one.source[i]]
        if source == "call" and leads(*times, int(one.leads_until[i]), as_of):
            incident = f"incident-{i}"
        sent.append(
            {
                "source": source,
                "occurred_at": _text(times[0]),
                "available_at": _text(times[1]),
                "event_id": f"event-{i}",
                **({"incident_id": incident} if source == "call" else {}),
                **{name: EVENT_CATEGORIES[name].names[getattr(one, name)[i]] for name in _SENT},
            }
        )
    return sent
