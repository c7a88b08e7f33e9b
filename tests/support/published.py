"""The schemas that scripts rely on, and whether a written file keeps to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json"


def checked(command: str, file: Path) -> Any:
    """Read what ``--json`` wrote, and hold it against the published schema of the command."""
    schema = json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    written = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(written)
    return written
