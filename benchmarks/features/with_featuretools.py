"""Featuretools on its own Python: reads a request, writes values as Parquet, prints its time.

It stands alone (no project import), because featuretools needs an older pandas than the project.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

warnings.simplefilter("ignore")

import featuretools as ft  # noqa: E402
import pandas as pd  # noqa: E402
from featuretools.primitives import And, Count, NumUnique, TimeSinceFirst, TimeSinceLast  # noqa: E402


def entities(events: pd.DataFrame, people: pd.DataFrame) -> ft.EntitySet:
    found = ft.EntitySet("region")
    found.add_dataframe(dataframe_name="people", dataframe=people, index="person")
    found.add_dataframe(
        dataframe_name="events",
        dataframe=events,
        index="event",
        time_index="occurred_at",
        logical_types=dict.fromkeys(("source", "reason", "outcome", "arrival"), "Categorical"),
    )
    found.add_relationship("people", "person", "events", "person")
    return found


def definition(found: ft.EntitySet, asked: dict) -> ft.Feature:
    """Write a feature: a primitive over the events that carry some categories."""
    base = {"count": "event", "different": "reason"}.get(asked["kind"], "occurred_at")
    where = None
    for column, code in asked["where"]:
        test = ft.Feature(found["events"].ww[column]) == code
        where = test if where is None else ft.Feature([where, test], primitive=And)
    primitive = {
        "count": Count, "different": NumUnique, "last": TimeSinceLast, "first": TimeSinceFirst
    }[asked["kind"]]  # fmt: skip
    if asked["kind"] in ("last", "first"):
        primitive = primitive(unit="days")
    return ft.Feature(
        ft.Feature(found["events"].ww[base]),
        parent_dataframe_name="people", primitive=primitive, where=where,
    ).rename(asked["name"])  # fmt: skip


def main(request: dict) -> dict:
    events = pd.read_parquet(request["events"])
    people = pd.read_parquet(request["people"])
    cutoffs = pd.read_parquet(request["cutoffs"])
    found = entities(events, people)
    windows = sorted({f["days"] for f in request["features"]})
    plans = {
        d: [definition(found, f) for f in request["features"] if f["days"] == d] for d in windows
    }
    started, made = time.perf_counter(), []
    for days, features in plans.items():
        made.append(
            ft.calculate_feature_matrix(
                features,
                found,
                cutoff_time=cutoffs,
                cutoff_time_in_index=True,
                include_cutoff_time=False,
                verbose=False,
                training_window=f"{days} days" if days else None,
            )
        )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = pd.concat(made, axis=1).reset_index()
    for feature in request["features"]:
        column = table[feature["name"]].astype("float64")
        # It gives no number where there is no such event; ours gives 0 different reasons.
        table[feature["name"]] = column.fillna(0) if feature["kind"] == "different" else column
    table.to_parquet(request["out"])
    return {
        "seconds": seconds, "peak_mib": peak,
        "featuretools": ft.__version__, "pandas": pd.__version__,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
