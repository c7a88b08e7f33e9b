"""Atomic writes: a killed command leaves the old file or the new one, never half of one."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hiu_risk.errors import UsageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it takes the place of ``path``.

    Raises
    ------
    UsageError
        The folder can't be written to.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole", encoding="utf-8")
    >>> target.read_text(encoding="utf-8")
    'whole'
    """
    if _is_device(path):
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole"
            whole.touch()
            yield whole
            with path.open("wb") as stream:
                stream.write(whole.read_bytes())
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(path),
            fix="choose a folder you may write to",
        ) from None
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o640)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    """Tell a device or a pipe: it is written into, never put something in the place of."""
    special = path.exists() and not path.is_file() and not path.is_dir()
    return special or path.absolute().is_relative_to("/dev")


def require_folder(folder: Path) -> None:
    """Refuse a folder that can't be made or written to, before long work for it begins.

    Raises
    ------
    UsageError
        It, or what it would be made in, is no folder or may not be written to.
    """
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise UsageError("not a folder", where=str(there), fix="name a folder with --out")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(
            "can't write: Permission denied",
            where=str(there),
            fix="choose a folder you may write to",
        )


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with plain line feeds, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def json_text(data: Any) -> str:
    """Give data as JSON; keys keep their order, floats their shortest exact form."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Write data as JSON, atomically; see :func:`json_text`."""
    write_text(path, json_text(data))


def sha256_of(path: Path) -> str:
    """Give the hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
