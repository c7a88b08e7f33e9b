"""The notebook page runs from top to bottom."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "features-notebook.md"


def test_every_cell_of_the_page_runs_in_order() -> None:
    text = PAGE.read_text(encoding="utf-8")
    cells = [(m.start(), m.group(1)) for m in re.finditer(r"```python\n(.*?)```", text, re.DOTALL)]
    assert len(cells) > 8
    names: dict[str, object] = {}
    for start, code in cells:
        if "import polars" in code and find_spec("polars") is None:
            continue
        above = "\n" * (text.count("\n", 0, start) + 1)  # so that an error names the page's line
        exec(compile(above + code, str(PAGE), "exec"), names)  # noqa: S102


def test_a_feature_of_ones_own_takes_five_lines() -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.split("## Add a feature of your own")[1]
    cell = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert cell is not None
    lines = [line for line in cell.group(1).splitlines() if line and "import" not in line]
    assert len(lines) <= 5
