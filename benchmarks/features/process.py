"""One contender in a process of its own: ``python -m benchmarks.features.process REQUEST``.

The request and the report are JSON. The values are compared after the time and the peak memory
are taken, so that comparing costs neither.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.features.agreement import compare
from benchmarks.features.task import task
from benchmarks.features.ways import way
from hiu_features import warm_up
from hiu_risk.store import Store


def peak_mib() -> float:
    """Give the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Do some work; give the result, seconds by the clock, and seconds of processor time."""
    spent, started = time.process_time(), time.perf_counter()
    result = work()
    return result, time.perf_counter() - started, time.process_time() - spent


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Run a contender, then compare its values."""
    chosen = way(request["name"])
    wanted = task(request["as_ofs"])
    histories = Store.open(Path(request["store"])).histories()
    given = chosen.prepare(histories, wanted)
    if request["name"] == "ours":
        warm_up()
    before, clock, processor, made = peak_mib(), [], [], None
    for _ in range(request["repeats"]):
        made = None  # never two results at once
        made, seconds, spent = timed(lambda: chosen.run(given, wanted))
        clock.append(seconds)
        processor.append(spent)
    report = {
        "seconds": clock,
        "processor_seconds": processor,
        "loaded_mib": before,
        "peak_mib": peak_mib(),
    }
    if request["compare"]:
        del given
        answer = chosen.answer(made)
        agreement = compare(histories, wanted, answer)
        report |= {
            "rows": len(answer.person),
            "columns": len(answer.columns),
            "agrees": agreement.agrees and agreement.rows == len(answer.person),
            "differing": agreement.differing,
        }
    return report


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
