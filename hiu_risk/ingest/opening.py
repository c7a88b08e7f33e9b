"""Opening CSV files: packed or not, as bytes or as text."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from hiu_risk.errors import DataError, UsageError, near_match
from hiu_risk.ingest.mapping import FeedMapping


@contextmanager
def open_bytes(feed: FeedMapping, path: Path) -> Iterator[Any]:
    """Open a CSV file, unpacked where it is packed."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, _open_member(feed, path, archive) as stream:
            yield stream
    elif path.suffix == ".gz":
        with pa.input_stream(str(path), compression="gzip") as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


@contextmanager
def open_text(feed: FeedMapping, path: Path, errors: str = "replace") -> Iterator[io.TextIOWrapper]:
    """Open a CSV file as text; its lines keep the line breaks that they have.

    What is not in the declared encoding is replaced: it may stand in columns that nobody reads.
    """
    with open_bytes(feed, path) as stream:
        yield io.TextIOWrapper(stream, encoding=_signed(feed.encoding), errors=errors, newline="")


def unreadable(error: OSError, where: str) -> DataError:
    """Give the error of a file that the system doesn't let us read, with the system's reason."""
    return DataError(
        f"the file can't be read: {os.strerror(error.errno or 0)}",
        where=where,
        fix="check that it is there and that you may read it",
    )


def _open_member(feed: FeedMapping, path: Path, archive: zipfile.ZipFile) -> IO[bytes]:
    name = _member(feed, path, archive.namelist())
    try:
        return archive.open(name)
    except RuntimeError:  # a password, or a method of packing that Python doesn't know
        raise DataError(
            "the zip file is encrypted, or packed in a way that can't be read",
            where=f"{path}; {feed.where}",
            fix="unpack it, and give the file inside as path",
        ) from None


def _member(feed: FeedMapping, path: Path, names: list[str]) -> str:
    files = [name for name in names if not name.endswith("/")]
    if feed.member in files:
        return feed.member
    if not feed.member and len(files) == 1:
        return files[0]
    raise UsageError(
        "the zip file has no such member" if feed.member else "the zip file has several members",
        where=f"{path}; {feed.where}",
        fix=f"set member: {near_match(feed.member, files)}",
    )


def _signed(encoding: str) -> str:
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
