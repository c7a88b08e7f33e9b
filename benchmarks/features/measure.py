"""Run one contender in this process, write its values, print what it took as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.features import contenders, data


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(name: str, folder: Path, n_as_ofs: int, runs: int) -> None:
    run = getattr(contenders, name)(folder, data.index_dates(n_as_ofs))
    loaded, best = _peak_mib(), float("inf")
    for _ in range(runs):
        result = None  # so that two results are never held
        start = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - start)
    report = {"seconds": best, "loaded_mib": loaded, "peak_mib": _peak_mib()}
    np.savez(folder / f"{name}.npz", **result)
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
