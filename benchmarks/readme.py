"""What benchmarks share: the machine named, and a README's table written anew."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Name the machine, how busy it is, and the packages that the time depends on."""
    info = Path("/proc/cpuinfo")
    names = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in names if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": {
            name: version(name) for name in ("lightgbm", "numba", "numpy", "scikit-learn")
        },
    }


def named(machine: dict[str, Any]) -> str:
    """Say on what it was measured.

    Examples
    --------
    >>> named({"cores": 2, "processor": "AMD EPYC", "load": 0.4, "python": "3.11.7"})
    '2 cores of AMD EPYC, load 0.4, Python 3.11.7.'
    """
    cores, processor = machine["cores"], machine["processor"]
    return f"{cores} cores of {processor}, load {machine['load']}, Python {machine['python']}."


def write_table(readme: Path, lines: Iterable[str]) -> None:
    """Write the table between its marks."""
    before, rest = readme.read_text(encoding="utf-8").split("<!-- table -->\n")
    table, after = "\n".join(lines), rest.split("<!-- end -->", 1)[1]
    text = f"{before}<!-- table -->\n{table}\n<!-- end -->{after}"
    readme.write_bytes(text.encode("utf-8"))
