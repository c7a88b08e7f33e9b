"""How long a synthetic region takes, and how much memory: ``python -m benchmarks.synth``.

The first line also pays for compiling, unless it is cached.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from hiu_risk.synth import write_region


def main(sizes: list[int]) -> None:
    print(f"{'people':>10} {'rows':>12} {'MB':>8} {'seconds':>8} {'peak MB':>8}")
    for people in sizes:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            made = write_region(Path(folder) / "region", people=people, seed=1)
            took = time.perf_counter() - started
            size = sum(file.stat().st_size for file in (Path(folder) / "region").iterdir())
        rows = sum(feed["rows"] for feed in made["feeds"].values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{people:>10,} {rows:>12,} {size / 1e6:>8.0f} {took:>8.1f} {peak:>8.0f}")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [20_000, 50_000])
