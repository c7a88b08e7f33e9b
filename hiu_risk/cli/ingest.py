"""``hiu-risk ingest``: local extracts into a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from hiu_risk.cli.output import JsonFile, Result, StoreFolder, say, write_result
from hiu_risk.manifest import FeedRecord, Linkage
from hiu_risk.words import plural

if TYPE_CHECKING:
    from hiu_risk.ingest import IngestReport

NOTES = {
    "times_that_occur_twice": "times in the hour that clocks repeat, read as the first passage",
    "times_moved_forward": "times in the hour that clocks skip, moved forward",
    "available_at_from_delay": "blank available_at, occurred_at + delay stands in",
    "lines_within_values": "lines that a quoted value goes on to, read as part of it",
    "invalid_nhs_numbers": "NHS numbers with a wrong check digit",
    "below_min_confidence": "events linked with too little confidence, left unlinked",
}
"""What each note of a feed means; ``<column>_by_default`` counts unlisted codes."""


class IngestResult(Result):
    """What ``hiu-risk ingest --json`` writes."""

    store: str = Field(description="folder of the store")
    content_hash: str = Field(
        description="SHA-256 over the data files, what they cover, and how they were counted"
    )
    entity: str = Field(description="whose incidents are counted: person or address")
    zone: str
    rows: dict[str, int] = Field(description="rows of each table of the store")
    uncounted: int = Field(description="events in the store that count towards nobody")
    counting: dict[str, bool] = Field(description="which kinds of events count")
    gap_seconds: int
    feeds: list[FeedRecord] = Field(description="accepted + rejected + merged = read, for each")
    linkage: list[Linkage] = Field(description="linked events by source and outcome")
    rejects: str = Field(description="folder of the reject files, one CSV a feed")
    key_changed: bool = Field(description="the store before was made under another key")


def ingest(
    mapping: Annotated[
        Path, typer.Option(metavar="FILE", help="The mapping, a TOML file.", show_default=False)
    ],
    store: StoreFolder = Path("store"),
    json_file: JsonFile = None,
) -> None:
    """Read local extracts into a store, checking every row."""
    from hiu_risk.ingest import run_ingest
    from hiu_risk.times import now, to_seconds

    report = run_ingest(mapping, store, latest=to_seconds(now()))
    result = result_of(report, store)
    for line in summary(result):
        say(line)
    write_result(json_file, result)


def result_of(report: IngestReport, store: Path) -> IngestResult:
    """Give the report as what scripts read."""
    manifest = report.manifest
    return IngestResult(
        store=str(store),
        content_hash=manifest.content_hash,
        entity=manifest.entity,
        zone=manifest.zone,
        rows={name: table.rows for name, table in manifest.tables.items()},
        uncounted=manifest.uncounted,
        counting=manifest.counting,
        gap_seconds=manifest.gap_seconds,
        feeds=manifest.feeds,
        linkage=manifest.linkage,
        rejects=str(report.rejects),
        key_changed=report.key_changed,
    )


def summary(result: IngestResult) -> list[str]:
    """Say the result in lines for people."""
    lines = []
    for feed in result.feeds:
        lines += _feed_lines(feed)
    if any(feed.rejected for feed in result.feeds):
        lines.append(f"Rejected rows (rule, file, line, column): {result.rejects}")
    if result.linkage:
        lines.append(f"Linked to {_entity(result.entity)}, by source and outcome:")
    for row in result.linkage:
        share = row.linked / row.events
        lines.append(
            f"  {row.source:<9} {row.outcome:<16} {row.linked:,} of {row.events:,} ({share:.2%})"
        )
    off = ", ".join(name for name, counts in result.counting.items() if not counts)
    if result.uncounted:
        count = "counts" if result.uncounted == 1 else "count"
        events = plural(result.uncounted, "event")
        lines.append(f"{events} {count} towards nobody (not counted: {off}).")
    if result.key_changed:
        lines.append(
            "The pseudonym key has changed: nobody in this store has the pseudonym they had before."
        )
    rows = ", ".join(f"{name} {count:,}" for name, count in result.rows.items())
    lines.append(f"Store {result.store}: {rows}; hash {result.content_hash[:12]}.")
    return lines


def _entity(entity: str) -> str:
    return "a person" if entity == "person" else "an address"


def _hours(seconds: int) -> str:
    return "1 hour" if seconds == 3600 else f"{seconds / 3600:g} hours"


def _feed_lines(feed: FeedRecord) -> list[str]:
    filtered = f", {feed.filtered:,} filtered out before" if feed.filtered else ""
    lines = [
        f"{feed.name}: {feed.accepted:,} accepted + {feed.rejected:,} rejected"
        f" + {feed.merged:,} merged = {feed.read:,} read{filtered}"
    ]
    if feed.corrected or feed.unlinked:
        lines.append(
            f"  {plural(feed.corrected, 'correction')}, "
            f"{plural(feed.unlinked, 'event')} without a usable identity"
        )
    lines += [f"  rejected: {rule} {count:,}" for rule, count in feed.rejects.items()]
    if feed.available_at == "occurred_at + delay":
        lines.append(
            f"  no time of arrival in the rows: occurred_at + {_hours(feed.delay)} stands in"
        )
    for name, count in feed.notes.items():
        column = name.removesuffix("_by_default")
        lines.append(f"  {NOTES.get(name, f'{column} codes that became the default')}: {count:,}")
    return lines
