"""The store's manifest: what the store holds, where it came from, and its hashes.

It carries no time of writing, so that the same ingest writes the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    pass


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableFile(_Strict):
    """One Parquet file of the store."""

    file: str
    rows: int
    bytes: int
    sha256: str


class FeedRecord(_Strict):
    """What one feed delivered; ``accepted + rejected + merged = read``."""

    name: str
    table: str
    source: str = Field(default="", description="call, ae or admission; empty for the other tables")
    starts_at: int | None = Field(default=None, description="UTC seconds since 1970")
    complete_until: int | None = Field(default=None, description="UTC seconds since 1970")
    gaps: list[tuple[int, int]] = Field(
        default_factory=list, description="declared spans without data, in UTC seconds"
    )
    delay: int = Field(default=0, description="declared seconds between an event and its row")
    available_at: str = Field(default="", description="'column', or 'occurred_at + delay'")
    read: int = Field(description="rows read, without the filtered ones")
    filtered: int = Field(default=0, description="rows left out by the mapping's filter")
    accepted: int
    rejected: int
    merged: int
    corrected: int = Field(default=0, description="accepted rows that replaced an earlier version")
    unlinked: int = Field(default=0, description="accepted events without a usable identity")
    rejects: dict[str, int] = Field(default_factory=dict, description="rejected rows by rule")
    notes: dict[str, int] = Field(
        default_factory=dict, description="what was read in a special way, counted"
    )


class Linkage(_Strict):
    """Of the accepted events of a source and outcome, how many are linked to a person."""

    source: str
    outcome: str
    events: int
    linked: int


class Manifest(_Strict):
    """Everything about a store but its rows."""

    schema_version: int
    content_hash: str
    folder: str
    zone: str
    entity: str
    counting: dict[str, bool]
    min_confidence: float
    gap_seconds: int
    key_check: str = Field(description="tells a changed pseudonym key; says nothing about it")
    uncounted: int = Field(description="events in the store that count towards nobody")
    tables: dict[str, TableFile]
    feeds: list[FeedRecord]
    linkage: list[Linkage]
