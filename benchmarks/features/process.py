"""One measurement in a process of its own: ``python -m benchmarks.features.process REQUEST``.

The request and the report are JSON. Values are compared after the time and the peak memory are
taken, so that comparing costs neither.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features.agreement import Agreement, compare, compare_with_reference
from benchmarks.features.compared import COMPARED
from benchmarks.features.contenders import contender
from benchmarks.features.task import task, whole_task
from hiu_features import warm_up
from hiu_risk.store import Store

EVENT_COLUMNS = (
    "person", "occurred_at", "available_at", "superseded_at", "leads_until", "counted",
)  # fmt: skip
LONG_ENOUGH, MOST_REPEATS = 3.0, 5  # seconds, times


def peak_mib() -> float:
    """Give the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Do some work; give the result, seconds by the clock, and seconds of processor time."""
    spent, started = time.process_time(), time.perf_counter()
    result = work()
    return result, time.perf_counter() - started, time.process_time() - spent


def run_contender(request: dict[str, Any]) -> dict[str, Any]:
    """Run a contender as often as asked, then compare its values."""
    chosen, wanted = (
        contender(request["name"]),
        task(request["as_ofs"], request.get("features", COMPARED)),
    )
    histories = Store.open(Path(request["store"])).histories()
    given = chosen.prepare(histories, wanted)
    if request["name"] == "ours":
        warm_up()
    before, clock, processor, made = peak_mib(), [], [], None
    # A quick contender goes again, so that its median is as sure as a slow one's.
    while len(clock) < request["repeats"] or (
        sum(clock) < LONG_ENOUGH and len(clock) < MOST_REPEATS
    ):
        made = None  # never two results at once
        made, seconds, spent = timed(partial(chosen.run, given, wanted))
        clock.append(seconds)
        processor.append(spent)
    report = {
        "clock": clock,
        "processor": processor,
        "loaded_mib": before,
        "peak_mib": peak_mib(),
    }
    if not request["compare"]:
        return report
    del given
    answer = chosen.answer(made)
    if request["name"] == "ours":
        agreement = compare_with_reference(histories, wanted, answer)
    else:
        agreement = compare(histories, wanted, answer)
    return report | facts(agreement, len(answer.person), len(answer.columns))


def facts(agreement: Agreement, rows: int, columns: int) -> dict[str, Any]:
    """Say what was compared."""
    return {
        "rows": rows,
        "columns": columns,
        "agrees": agreement.agrees,
        "rows_compared": agreement.rows,
        "differing": agreement.differing,
    }


def scan(request: dict[str, Any]) -> dict[str, Any]:
    """Merely read the columns that the features need: Parquet to Arrow arrays, kept by nobody.

    Row group after row group, as no way could that must hold to some memory, on all cores.
    """
    import pyarrow.parquet as pq

    from hiu_features.reads import reads_of

    store, needs = Store.open(Path(request["store"])), reads_of(whole_task(1).catalogue)
    wanted = {
        "events": [*EVENT_COLUMNS, *sorted(needs.events)],
        "people": ["person_id", *sorted(needs.people)],
    }

    def read() -> int:
        rows = 0
        for table, columns in wanted.items():
            with pq.ParquetFile(store.file(table)) as file:
                for number in range(file.num_row_groups):
                    rows += file.read_row_group(number, columns).num_rows
        return rows

    done = [timed(read) for _ in range(request["repeats"])]
    return {"clock": [d[1] for d in done], "processor": [d[2] for d in done], "rows": done[0][0]}


def streamed(request: dict[str, Any]) -> dict[str, Any]:
    """Build part after part from the store, keeping nothing but a sum."""
    from hiu_features.stream import stream_features

    wanted, store = whole_task(request["as_ofs"]), Path(request["store"])
    warm_up()
    Store.open(store).histories(rows=(0, 0))  # what reading imports is start-up, not streaming

    def work() -> tuple[int, float]:
        rows, total = 0, 0.0
        for made in stream_features(store, wanted.as_ofs):
            rows, total = rows + len(made), total + float(np.nansum(made.values[:, 0]))
        return rows, total

    done = [timed(work) for _ in range(request["repeats"])]
    return {
        "clock": [d[1] for d in done],
        "processor": [d[2] for d in done],
        "rows": done[0][0][0],
        "peak_mib": peak_mib(),
    }


def daily(request: dict[str, Any]) -> dict[str, Any]:
    """Make one day's features of a whole store: Parquet in, Parquet out."""
    import tempfile

    from hiu_features.write import write_features

    warm_up()
    with tempfile.TemporaryDirectory(dir=Path(request["store"]).parent) as folder:
        done = [
            timed(
                lambda n=n: write_features(request["store"], task(1).as_ofs, Path(folder, str(n)))
            )
            for n in range(request["repeats"])
        ]
        size = sum(p.stat().st_size for p in Path(folder, "0").rglob("*.parquet"))
    return {
        "clock": [d[1] for d in done],
        "processor": [d[2] for d in done],
        "rows": done[0][0]["rows"],
        "mib_written": size / 2**20,
        "peak_mib": peak_mib(),
    }


def whole(request: dict[str, Any]) -> dict[str, Any]:
    """Build the whole catalogue from histories in memory."""
    from hiu_features import Engine

    wanted, engine = whole_task(request["as_ofs"]), Engine()
    histories = Store.open(Path(request["store"])).histories()
    warm_up()
    done = []
    for _ in range(request["repeats"]):
        rows, seconds, spent = timed(lambda: len(engine.build(histories, wanted.as_ofs)))
        done.append((rows, seconds, spent))
    return {
        "clock": [d[1] for d in done],
        "processor": [d[2] for d in done],
        "rows": done[0][0],
        "columns": len(wanted.catalogue),
        "peak_mib": peak_mib(),
    }


def one_person(request: dict[str, Any]) -> dict[str, Any]:
    """Build the features of one person with so many events, again and again."""
    from benchmarks.features.made_up import one_history
    from hiu_features import Engine

    histories, as_ofs, engine = one_history(request["events"]), task(1).as_ofs, Engine()
    at = np.array(as_ofs)
    for _ in range(100):
        engine.build(histories, at)
    clock = []
    for _ in range(request["repeats"]):
        started = time.perf_counter()
        engine.build(histories, at)
        clock.append(time.perf_counter() - started)
    return {"clock": clock, "events": histories.n_events}


def start_up(_request: dict[str, Any]) -> dict[str, Any]:
    """Make the compiled code ready; whether it is cached already is the caller's business."""
    _, seconds, spent = timed(warm_up)
    return {"clock": [seconds], "processor": [spent]}


MEASURES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    f.__name__: f for f in (run_contender, scan, streamed, daily, whole, one_person, start_up)
}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(MEASURES[asked["measure"]](asked)))
