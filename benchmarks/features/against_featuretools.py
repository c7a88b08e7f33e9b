"""Featuretools beside ours, on what both can say, scaled per row.

Featuretools has one time an event: it can't tell when a row became known, which version was
current, or which calls are one incident. So both run on made-up events without any of that, and on
the features both have. One call of it has one window; it is called once a window, and those times
are added up.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.features.agreement import compare
from benchmarks.features.made_up import store_of
from benchmarks.features.task import Answer, Task, task
from hiu_features import Feature, Which
from hiu_risk.store import Store

EVENTS = 50_000
NEEDS = ("featuretools==1.31.0", "pandas>=2.3,<3", "pyarrow", "setuptools<81")
_KINDS = {"count": "count", "days_since": "last", "different_reasons": "different"}
_COLUMNS = ("source", "reason", "outcome", "arrival")


def expressed(feature: Feature) -> dict[str, Any] | None:
    """Say a feature as featuretools can; None where it can't."""
    p: dict[str, Any] = dict(feature.params)
    if feature.primitive == "tenure":
        return {"name": feature.name, "kind": "first", "days": 0, "where": []}
    which: Which | None = p.get("which")
    if feature.primitive not in _KINDS or which is None or p.get("before") or p.get("nth", 1) > 1:
        return None
    if which.counting == "events":  # the same as incidents where no call repeats another
        return None
    chosen = {c: which.accepts(c) for c in (*_COLUMNS, "urgency", "caller_type", "hour_of_week")}
    if any(len(codes) > 1 or (codes and c not in _COLUMNS) for c, codes in chosen.items()):
        return None
    where = [(column, codes[0]) for column, codes in chosen.items() if codes]
    days = p.get("days", p.get("within", 0))
    return {"name": feature.name, "kind": _KINDS[feature.primitive], "days": days, "where": where}


def measure(options: Any, run: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Time both, each in its own process, and compare the values."""
    wanted = both_have(task(options.as_ofs))
    store = store_of(options.folder, min(EVENTS, options.events), plain=True)
    ours = run(
        {
            "measure": "run_contender", "name": "ours", "store": str(store.path),
            "as_ofs": options.as_ofs, "repeats": 20, "compare": True,
            "features": list(wanted.catalogue.names),
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = options.featuretools_python or _environment(folder / "environment")
        theirs, answer = _theirs(python, folder, store, wanted)
    agreement = compare(store.histories(), wanted, answer)
    rows = len(answer.person)
    ours_seconds = statistics.median(ours["clock"])
    return {
        "events": store.manifest.tables["events"].rows,
        "features": len(wanted.catalogue),
        "rows": rows,
        **theirs,
        "us_per_row": 1e6 * theirs["seconds"] / rows,
        "ours_seconds": ours_seconds,
        "ours_us_per_row": 1e6 * ours_seconds / rows,
        "ratio": theirs["seconds"] / ours_seconds,
        "agrees": agreement.agrees and agreement.rows == rows,
        "differing": agreement.differing,
    }


def both_have(whole: Task) -> Task:
    """Keep the features that featuretools can say too."""
    names = [feature.name for feature in whole.catalogue if expressed(feature)]
    return Task(whole.as_ofs, whole.catalogue.select(names))


def _theirs(python: str, folder: Path, store: Store, wanted: Task) -> tuple[dict[str, Any], Answer]:
    from hiu_features import build

    histories = store.histories()
    rows = build(histories, wanted.as_ofs, wanted.catalogue)  # whose rows: the same people for both
    when = pa.timestamp("s")
    tables = {
        "events": {
            "event": np.arange(histories.n_events),
            "person": histories.event_person,
            "occurred_at": pa.array(histories.occurred_at).cast(when),
            **{name: getattr(histories, name) for name in _COLUMNS},
            # An unknown reason is not a reason: neither of them counts it among the different.
            "reason": pa.array(histories.reason, mask=histories.reason == 0),
        },
        "people": {"person": np.arange(histories.n_people, dtype=np.int32)},
        "cutoffs": {"person": rows.person, "time": pa.array(rows.as_of).cast(when)},
    }
    request: dict[str, Any] = {"out": str(folder / "out.parquet")}
    for name, columns in tables.items():
        request[name] = str(folder / f"{name}.parquet")
        pq.write_table(pa.table(columns), request[name])
    request["features"] = [expressed(feature) for feature in wanted.catalogue]
    script = Path(__file__).with_name("with_featuretools.py")
    done = subprocess.run(
        [python, str(script), json.dumps(request)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit("featuretools failed; what it said stands above")
    made = pq.read_table(request["out"])
    columns = {
        name: made.column(name).to_numpy().astype(np.float32) for name in wanted.catalogue.names
    }
    as_of = made.column("time").cast(when).cast(pa.int64()).to_numpy()
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report, Answer(made.column("person").to_numpy(), as_of, columns)


def _environment(folder: Path) -> str:
    """Make a virtual environment with featuretools and the pandas it needs."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDS], check=True)
    return str(python)
