"""What was found out about a model: one JSON document per kind, in ``<home>/evidence``.

The gates of a promotion, the model card and the board pack read from here, so that what is
decided and what is shown are the same numbers. Nothing in it is about one person.

Making a document again replaces it; the one before stays under its hash, so that what a
promotion was decided on can still be read years later.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hiu_risk.errors import UsageError, near_match
from hiu_risk.files import write_json
from hiu_risk.model.home import ModelHome
from hiu_risk.model.manifest import BundleError, digest

NAMES = ("evaluation", "audit", "faithfulness", "stability", "sensitivity", "mitigation")
"""The kinds of evidence."""


def keep(home: ModelHome, version: str, name: str, data: dict[str, Any]) -> str:
    """Keep a document about a model; gives its hash.

    Parameters
    ----------
    home : ModelHome
        Where the model is.
    version : str
        The model's id, or its first twelve characters.
    name : str
        One of :data:`NAMES`.
    data : dict
        Plain data, without NaN.

    Examples
    --------
    >>> import tempfile
    >>> home = ModelHome(tempfile.mkdtemp())
    >>> first = keep(home, "0123456789ab", "audit", {"people": 400})
    >>> second = keep(home, "0123456789ab", "audit", {"people": 500})
    >>> find(home, "0123456789ab", "audit")
    {'people': 500}
    >>> find(home, "0123456789ab", "audit", sha256=first)
    {'people': 400}
    """
    path = _path(home, version, name)
    sha256 = digest(data)
    write_json(path.with_name(f"{name}-{sha256[:12]}.json"), data)
    write_json(path, data)
    return sha256


def find(
    home: ModelHome, version: str, name: str, *, sha256: str | None = None
) -> dict[str, Any] | None:
    """Read the latest document of a kind, or the one with this hash; None if there is none.

    Raises
    ------
    BundleError
        The file isn't JSON, or isn't the document of that hash.
    """
    path = _path(home, version, name)
    if sha256 is not None:
        path = path.with_name(f"{name}-{sha256[:12]}.json")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict) or (sha256 is not None and digest(data) != sha256):
        raise BundleError(
            f"the {name} evidence can't be read, or was changed after it was written",
            where=str(path),
            fix="make it again",
        )
    return data


def hashes(home: ModelHome, version: str) -> dict[str, str]:
    """Give the hash of each kind of evidence that there is about a model."""
    found = {name: find(home, version, name) for name in NAMES}
    return {name: digest(data) for name, data in found.items() if data is not None}


def _path(home: ModelHome, version: str, name: str) -> Path:
    if name not in NAMES:
        raise UsageError(f"no evidence called {name!r}", fix=near_match(name, NAMES))
    if not re.fullmatch(r"[0-9a-f]{12,64}", version):
        raise UsageError("not a model version", where="evidence", fix="see hiu-risk models")
    return home.path / "evidence" / version[:12] / f"{name}.json"
