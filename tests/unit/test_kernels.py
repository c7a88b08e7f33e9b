"""Machine code on disk is never older than any of what was compiled into it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

OUTER = """
from hiu_risk import tables
from hiu_risk.kernels import kernel
from hiu_risk.limits import LIMIT
from hiu_risk.middle import through
@kernel()
def by_number(x): return x < LIMIT
@kernel()
def by_two_calls(x): return through(x)
@kernel()
def by_module(x): return tables.first() + x
"""
PARTS = {
    "outer.py": OUTER,
    "limits.py": "LIMIT = 3\n",
    "middle.py": "from hiu_risk.kernels import kernel\nfrom hiu_risk.inner import sign\n"
    "@kernel()\ndef through(x): return sign(x)\n",
    "inner.py": "from hiu_risk.kernels import kernel\n@kernel()\ndef sign(x): return -x\n",
    "tables.py": "from hiu_risk.kernels import kernel\nTABLE = (1, 2)\n"
    "@kernel()\ndef first(): return TABLE[0]\n",
}
CHANGES = {
    "visibility.py": ("available_at <= as_of", "available_at < as_of"),
    "limits.py": ("3", "2"),
    "inner.py": ("-x", "x"),
    "tables.py": ("(1, 2)", "(7, 2)"),
}
RUN = """
import json
import numpy as np
from hiu_risk import eligibility, outer
called = [
    (eligibility._fill_active, [np.array([0, 1]), *(np.array([i]) for i in (1, 5, 9)), 5, 9]),
    (outer.by_number, [2]), (outer.by_two_calls, [2]), (outer.by_module, [2]),
]
active = np.zeros(1, np.bool_)
called[0][1].append(active)
answers = [active if compiled(*given) is None else compiled(*given) for compiled, given in called]
kept = [sum(compiled.stats.cache_hits.values()) for compiled, _ in called]
print(json.dumps([[int(np.sum(answer)) for answer in answers], kept]))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, with some kernels more."""
    copy = tmp_path / "hiu_risk"
    shutil.copytree(str(files("hiu_risk")), copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in PARTS.items():
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def run(package: Path) -> Any:
    """Call the kernels in a process of their own; give answers, and what came from disk."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=package.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_code_is_kept_until_anything_compiled_into_it_changes(package: Path) -> None:
    before = [1, 1, -2, 3]
    assert run(package) == [before, [0, 0, 0, 0]]
    assert run(package) == [before, [1, 1, 1, 1]]
    for name, (old, new) in CHANGES.items():
        text = (package / name).read_text(encoding="utf-8")
        assert old in text
        (package / name).write_text(text.replace(old, new), encoding="utf-8")
    assert run(package) == [[0, 0, 2, 9], [0, 0, 0, 0]]


def test_nothing_is_compiled_and_kept_in_another_way() -> None:
    packages = ("hiu_risk", "hiu_features", "hiu_training", "hiu_serving")
    sources = [path for name in packages for path in Path(str(files(name))).rglob("*.py")]
    assert len(sources) > 100
    found = {path.name for path in sources if "jit(" in path.read_text(encoding="utf-8")}
    assert found == {"kernels.py"}
