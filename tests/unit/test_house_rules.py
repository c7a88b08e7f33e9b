"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    path
    for home in ("hiu_risk", "features", "training", "serving")
    for path in sorted((ROOT / home).rglob("*.py"))
]
TEXT = [
    path
    for pattern in ("*.py", "*.md", "*.html", "*.toml")
    for home in ("hiu_risk", "features", "training", "serving", "docs", "benchmarks")
    for path in sorted((ROOT / home).rglob(pattern))
] + [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "GLOSSARY.md")]

AVOIDED = re.compile(
    r"frequent[ -]?fl[iy]|\babuser|nuisance|time.?waster|bed.?blocker|\bpickle\.|joblib\.load",
    re.IGNORECASE,
)
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("datetime", "today")}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", TEXT, ids=relative)
def test_words_that_hurt_people_and_loaders_that_run_code_stay_out(path):
    assert not AVOIDED.search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_the_clock_is_read_in_one_place(path):
    calls = {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    allowed = CLOCKS if relative(path) == "hiu_risk/times.py" else set()
    assert not (calls & CLOCKS) - allowed


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_a_module_reads_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


def test_one_wheel_holds_four_typed_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(package).name for package in packages} == {
        "hiu_risk", "hiu_features", "hiu_training", "hiu_serving",
    }  # fmt: skip
    assert all((ROOT / package / "py.typed").is_file() for package in packages)


def test_only_the_agreed_names_stand_at_the_top():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."}
    expected = {"hiu_risk", "features", "training", "serving", "tests", "mlruns", "docs"}
    made_by_tools = {"build", "dist", "htmlcov", "hiu-risk-demo"}
    assert expected <= folders
    assert folders - expected - made_by_tools <= {"benchmarks"}
