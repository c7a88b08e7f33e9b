"""What in an MLflow that several model homes share belongs to which of them.

MLflow has no folders: runs and versions of every home lie side by side. Each carries the random
id of its home, which the home keeps in ``home.json``.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from hiu_risk.errors import ModelError
from hiu_risk.files import write_json
from hiu_risk.model import ModelHome
from hiu_risk.model.ledger import Ledger

HOME_TAG = "model_home"
"""Tag of a run and of a registered version: the id of the home it belongs to."""


def home_id(home: Path) -> str:
    """Give the id of a home; empty where it has none yet.

    Raises
    ------
    ModelError
        ``home.json`` isn't such a file.
    """
    path = home / "home.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["id"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            "the id of the model home can't be read",
            where=str(path),
            fix="restore the file from a copy: it tells which versions in MLflow are this home's",
        ) from None


def make_home_id(home: Path) -> str:
    """Give the id of a home; the first time makes one."""
    with Ledger(home).locked():  # two at once make one
        if not home_id(home):
            write_json(home / "home.json", {"id": secrets.token_hex(8)})
        return home_id(home)


def is_own(home: Path, tags: Mapping[str, str], bundle_id: str) -> bool:
    """Whether a run or a version belongs to a home.

    In the home's own MLflow all do. In a shared one: those with the home's id, and, from before
    there were ids, those of a bundle that is kept here.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return True
    if HOME_TAG in tags:
        return tags[HOME_TAG] == home_id(home)
    return bool(bundle_id) and bundle_id[:12] in ModelHome(home).ids()
