"""The catalogue page and the feature reference say what the declarations and the cases say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_feature_pages_are_fresh():
    path = ROOT / "docs" / "generate_features.py"
    spec = importlib.util.spec_from_file_location("generate_features", path)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    stale = [
        name
        for name, text in generate.pages().items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `python docs/generate_features.py`"
