"""What other engines say of themselves, and what their rule and ours give on the same history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.support.ascii_history import Case, parse

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Mistake:
    """One mistake: who published it, a history, our values, and what their rule counts."""

    rule: str
    harm: str
    published: str
    case: Case
    theirs: int
    count: Callable[[list[datetime], datetime], int]

    def counted(self) -> int:
        """Calls of the last 7 days by the mistaken rule."""
        events = [datetime.fromisoformat(event["occurred"]) for event in parse(self.case.table)]
        return self.count(sorted(events), datetime.fromisoformat(self.case.as_of))


def from_the_last_event(events: list[datetime], as_of: datetime) -> int:
    """Count the events of the week that ends with the last one before as_of."""
    last = max(event for event in events if event <= as_of)
    return sum(last - WEEK < event <= last for event in events)


def one_a_second(events: list[datetime], as_of: datetime) -> int:
    """Count the seconds of the last week that hold an event."""
    return len({event for event in events if as_of - WEEK <= event < as_of})


def closed_at_as_of(events: list[datetime], as_of: datetime) -> int:
    """Count the events of the week that holds its end and not its start."""
    return sum(as_of - WEEK < event <= as_of for event in events)


MISTAKES = [
    Mistake(
        "The window hangs on the person's last event instead of the index date",
        "Somebody who stopped calling a year ago still has calls in the last 7 days.",
        "MEDS-Tab, [`get_rolling_window_indicies`](https://github.com/mmcdermott/"
        "MEDS_Tabular_AutoML/blob/014bc86b4917b9f2d8aa5bdbb4264890960a710d/src/"
        "MEDS_tabular_automl/generate_summarized_reps.py): its documentation shows this history "
        'and says "label after all observations returns the window ending at the last event for '
        'the patient".',
        Case(
            "Six events, and an index date almost a year later",
            """
            occurred
            2021-01-02 00:00:00
            2021-01-06 00:00:00
            2021-01-11 00:00:00
            2021-01-16 00:00:00
            2021-01-21 00:00:00
            2021-01-26 00:00:00
            """,
            {"calls_7d": 0, "calls_365d": 6, "days_since_last_call": 340},
            as_of="2022-01-01T00:00",
        ),
        2,
        from_the_last_event,
    ),
    Mistake(
        "Of several events with one timestamp only one is kept",
        "Busy minutes, and data that keep no time of day, lose most of their events.",
        "InfluxDB, [Handle duplicate data points](https://docs.influxdata.com/influxdb/v2/"
        "write-data/best-practices/duplicate-points/): a point is identified by measurement, tags "
        "and timestamp, and a new one overwrites the old one.",
        Case(
            "Three calls, two of them in one second",
            """
            occurred
            2024-02-27 10:00:00
            2024-02-28 10:00:00
            2024-02-28 10:00:00
            """,
            {"calls_7d": 3, "days_since_last_call": 1 + 14 / 24},
        ),
        2,
        one_a_second,
    ),
    Mistake(
        "The window is closed at the index date",
        "What happens at the index date is told to the model, and its label counts it again.",
        "Featuretools 1.31, [`dfs(include_cutoff_time=True)`](https://featuretools.alteryx.com/"
        "en/stable/api_reference.html) by default. An issue of its sister project "
        'says: "Data at cutoff times are currently inclusive in Featuretools and Compose. So, '
        'data leakage occurs" '
        "([compose, issue 132](https://github.com/alteryx/compose/issues/132)).",
        Case(
            "One call the day before, one at the very index date",
            """
            occurred
            2024-02-29 00:00:00
            2024-03-01 00:00:00
            """,
            {"calls_7d": 1, "days_since_last_call": 1},
        ),
        2,
        closed_at_as_of,
    ),
]
