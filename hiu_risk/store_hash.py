"""The hash of a store's content: of whatever decides rows, features or labels, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hiu_risk.histories import Feed, joined
from hiu_risk.manifest import FeedRecord, TableFile

DECIDING = ("zone", "entity", "counting", "min_confidence", "gap_seconds")
"""Fields of the manifest that decide beside the tables and what the feeds cover."""


def coverage(records: Iterable[FeedRecord]) -> tuple[Feed, ...]:
    """Give the coverage of each source: all its feeds must be complete for it to be complete."""
    found: dict[str, Feed] = {}
    for record in records:
        if not record.source or record.starts_at is None or record.complete_until is None:
            continue
        feed = Feed(
            record.source, record.starts_at, record.complete_until, record.delay,
            joined(record.gaps),
        )  # fmt: skip
        if other := found.get(record.source):
            feed = Feed(
                record.source,
                max(feed.starts_at, other.starts_at),
                min(feed.complete_until, other.complete_until),
                max(feed.delay, other.delay),
                joined([*feed.gaps, *other.gaps]),
            )
        found[record.source] = feed
    return tuple(found.values())


def content_hash(tables: Mapping[str, TableFile], feeds: Sequence[FeedRecord], **facts: Any) -> str:
    """Give the SHA-256 over the tables, what the feeds cover, and the manifest's deciding fields.

    Two stores with one hash give the same rows, features and labels. What was only counted on
    the way (rows read, rejected or merged) and what feeds are called is left out.

    Parameters
    ----------
    tables : dict of TableFile
        With the hash of each file.
    feeds : sequence of FeedRecord
        What each feed delivered.
    facts
        The other fields of the manifest; those in ``DECIDING`` are needed.
    """
    told = {
        "tables": {name: table.sha256 for name, table in tables.items()},
        "coverage": sorted((asdict(feed) for feed in coverage(feeds)), key=lambda f: f["source"]),
        **{name: facts[name] for name in DECIDING},
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
