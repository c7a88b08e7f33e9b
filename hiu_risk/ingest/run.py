"""The whole ingest: read, check, resolve, write, publish."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hiu_risk.codes import OUTCOME, SOURCE
from hiu_risk.errors import DataError
from hiu_risk.ingest import resolve, tables
from hiu_risk.ingest.checks import RejectLog, too_many_rejected
from hiu_risk.ingest.convert import Converter
from hiu_risk.ingest.mapping import FeedMapping, Mapping
from hiu_risk.ingest.mapping_file import read_mapping
from hiu_risk.ingest.pseudonym import key_check, read_key
from hiu_risk.ingest.publish import Staging, keep_rejects, publish, staging
from hiu_risk.ingest.readers import RawBatch, ReadCounts, read_batches
from hiu_risk.manifest import FeedRecord, Linkage, Manifest
from hiu_risk.progress import progress
from hiu_risk.schema import FEED_TABLES
from hiu_risk.store import read_manifest

log = logging.getLogger(__name__)
_PLAIN_TABLES = ("people", "addresses", "caseload")


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did.

    Parameters
    ----------
    manifest : Manifest
        Of the store as it is now.
    rejects : Path
        Folder of the reject files.
    key_changed : bool
        The store before was made under another key: its pseudonyms are gone.
    """

    manifest: Manifest
    rejects: Path
    key_changed: bool


def run_ingest(
    mapping_file: Path, store: Path, *, key: bytes | None = None, latest: int | None = None
) -> IngestReport:
    """Read the mapped extracts into a store.

    Parameters
    ----------
    mapping_file : Path
        The mapping; see ``docs/how-to/ingest.md``.
    store : Path
        The store's folder; made where there is none, replaced in one step at the end.
    key : bytes or None
        Pseudonym key; None reads it from where the mapping says.
    latest : int or None
        UTC seconds; later events are rejected in feeds without ``extract_until``.

    Raises
    ------
    UsageError
        The mapping, a file it names or the key is missing or wrong.
    DataError
        A feed is empty or unreadable, more of its rows are rejected than the mapping allows, or
        another ingest is running.
    """
    mapping = read_mapping(mapping_file)
    key = key or read_key(mapping, store)
    with staging(store) as place:
        before = read_manifest(store)
        with resolve.connect(place.scratch) as con:
            done = _read_feeds(con, mapping, key, place, latest)
            _resolve(con, mapping, place)
            records = [_record(con, feed) for feed in done]
            _write_rejects(con, done, place)
            _check_share(done, records, place)
            rows = _write_tables(con, mapping, place)
            facts: dict[str, Any] = {
                "zone": mapping.zone,
                "entity": mapping.entity,
                "counting": mapping.counting.to_dict(),
                "min_confidence": mapping.min_confidence,
                "gap_seconds": mapping.gap,
                "key_check": key_check(key),
                "uncounted": rows.pop("uncounted"),
                "feeds": records,
                "linkage": _linkage(con),
            }
        manifest = publish(place, rows, **facts)
    changed = before is not None and before.key_check != manifest.key_check
    return IngestReport(manifest, store / manifest.folder / "rejects", changed)


@dataclass(frozen=True)
class _Done:
    feed: FeedMapping
    number: int
    converter: Converter
    counts: ReadCounts

    @property
    def misshapen(self) -> int:
        return sum(self.counts.misshapen.values())


def _read_feeds(
    con: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    key: bytes,
    place: Staging,
    latest: int | None,
) -> list[_Done]:
    done = []
    for number, feed in enumerate(mapping.feeds):
        converter = Converter(mapping, feed, number, key, con, latest)
        counts = ReadCounts()
        size = sum(path.stat().st_size for path in feed.files)
        with progress(f"Reading {feed.name}", max(size, 1)) as advance:
            batches = read_batches(feed, counts, advance)
            _stage(converter, batches, place.scratch / f"{feed.table.name}-{number}.parquet")
        converter.tally.notes["lines_within_values"] += counts.lines_within_values
        done.append(_Done(feed, number, converter, counts))
        _check_feed(done[-1])
    for name in FEED_TABLES:  # tables that no feed fills still have their columns
        if not list(place.scratch.glob(f"{name}-*.parquet")):
            empty = replace(
                mapping.feeds[0], table=FEED_TABLES[name], columns={}, constants={}, filter=None,
                values={}, dates={},
            )  # fmt: skip
            _stage(
                Converter(mapping, empty, -1, key, con),
                iter(()),
                place.scratch / f"{name}-.parquet",
            )
    return done


def _stage(converter: Converter, batches: Iterator[RawBatch], file: Path) -> None:
    nothing = {name: pa.array([], pa.string()) for name in converter.feed.raw_columns}
    schema = converter.convert(RawBatch(0, 0, nothing, 0)).schema
    with pq.ParquetWriter(file, schema) as writer:
        for batch in batches:
            writer.write_table(converter.convert(batch).cast(schema))


def _check_feed(done: _Done) -> None:
    feed, tally = done.feed, done.converter.tally
    for name, bad in tally.unparsable.items():
        if bad and bad == tally.filled[name]:
            raise DataError(
                f"no row's {name} can be read as a time",
                where=feed.column_where.get(name, feed.where),
                fix="give its format under [feed.dates], such as '%d/%m/%Y %H:%M:%S'",
            )
    read = tally.read + done.misshapen
    if not read and not feed.allow_empty:
        left = f", {tally.filtered} were filtered out" if tally.filtered else ""
        raise DataError(
            f"the feed {feed.name} has no rows{left}",
            where=feed.where,
            fix="export it again, or set allow_empty = true where that is right",
        )
    rejected = sum(tally.rejects.values()) + done.misshapen
    if read and rejected == read:
        rules = tally.rejects + Counter({"wrong_number_of_fields": done.misshapen})
        first = ", ".join(f"{rule} {count}" for rule, count in rules.most_common(3) if count)
        raise DataError(
            f"every row of the feed {feed.name} was rejected: {first}",
            where=feed.where,
            fix="check the columns, value maps and date formats in the mapping",
        )


def _resolve(con: duckdb.DuckDBPyConnection, mapping: Mapping, place: Staging) -> None:
    log.debug("resolving versions of %d feeds", len(mapping.feeds))
    files = {name: sorted(place.scratch.glob(f"{name}-*.parquet")) for name in FEED_TABLES}
    sources = [name for name, table in FEED_TABLES.items() if table.source]
    resolve.load(con, "event_rows", [file for name in sources for file in files[name]])
    resolve.make_versions(con)
    keys = {"people": "person_id", "addresses": "address_id", "caseload": "content"}
    for name in _PLAIN_TABLES:
        resolve.load(con, f"{name}_rows", files[name])
        resolve.keep_first(con, f"{name}_rows", name, keys[name])
    resolve.make_persons(con)


def _write_tables(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, place: Staging
) -> dict[str, int]:
    uncounted = 0

    def counting_the_uncounted() -> Iterator[pa.Table]:
        nonlocal uncounted
        for block in tables.events(con, mapping.counting, mapping.gap, mapping.zone):
            uncounted += block.num_rows - (block.column("counted").to_numpy()).sum()
            yield block

    rows = {
        "events": place.write_table("events", counting_the_uncounted()),
        "unlinked": place.write_table("unlinked", tables.unlinked(con, mapping.zone)),
        "people": place.write_table("people", tables.people(con)),
        "addresses": place.write_table("addresses", tables.addresses(con)),
        "caseload": place.write_table("caseload", tables.caseload(con)),
    }
    return {**rows, "uncounted": int(uncounted)}


def _record(con: duckdb.DuckDBPyConnection, done: _Done) -> FeedRecord:
    feed, tally = done.feed, done.converter.tally

    def count(query: str) -> int:
        found = con.execute(query, [done.number]).fetchone()
        return int(found[0]) if found else 0

    merged = count("SELECT count(*) FROM merged WHERE feed = ?")
    conflicting = count("SELECT count(*) FROM conflicting WHERE feed = ?")
    rejects = tally.rejects + Counter(
        {"wrong_number_of_fields": done.misshapen, "conflicting_duplicate": conflicting}
    )
    kept = "versions" if feed.table.source else feed.table.name
    accepted = count(f"SELECT count(*) FROM {kept} WHERE feed = ?")  # noqa: S608
    read, rejected = tally.read + done.misshapen, sum(rejects.values())
    if accepted + rejected + merged != read:
        raise AssertionError(f"rows of the feed {feed.name} got lost")
    record = FeedRecord(
        name=feed.name, table=feed.table.name, source=feed.table.source, delay=feed.delay,
        read=read, filtered=tally.filtered, accepted=accepted, rejected=rejected, merged=merged,
        rejects=dict(sorted(rejects.items())),
        notes={name: n for name, n in sorted(tally.notes.items()) if n},
    )  # fmt: skip
    if not feed.table.source:
        return record
    spans = con.execute(
        "SELECT min(occurred_at), max(occurred_at), count(*) FILTER (WHERE corrects), "
        "count(*) FILTER (WHERE person_id IS NULL) FROM versions WHERE feed = ?",
        [done.number],
    ).fetchone()
    first, last, corrected, unlinked = spans or (None, None, 0, 0)
    complete = next(
        (moment for moment in (feed.complete_until, feed.extract_until) if moment is not None),
        None if last is None else last + 1,
    )
    return record.model_copy(
        update={
            "starts_at": first if feed.starts_at is None else feed.starts_at,
            "complete_until": complete,
            "gaps": list(feed.gaps),
            "available_at": "column" if "available_at" in feed.columns else "occurred_at + delay",
            "corrected": corrected,
            "unlinked": unlinked,
        }
    )


def _write_rejects(con: duckdb.DuckDBPyConnection, done: list[_Done], place: Staging) -> None:
    folder = place.data / "rejects"
    folder.mkdir()
    for one in done:
        log_: RejectLog = one.converter.log
        for number in range(len(one.feed.files)):
            found = con.execute(
                "SELECT row FROM conflicting WHERE feed = ? AND file = ? ORDER BY row",
                [one.number, number],
            ).fetchnumpy()
            column = "event_id" if one.feed.table.source else one.feed.table.columns[0].name
            label = " + ".join(one.feed.columns.get(column, (column,)))
            log_.add(number, np.asarray(found["row"]), "conflicting_duplicate", label)
        log_.write(folder / f"{one.feed.name}.csv", one.feed, one.counts)


def _check_share(done: list[_Done], records: list[FeedRecord], place: Staging) -> None:
    over = [
        (one.feed, record)
        for one, record in zip(done, records, strict=True)
        if record.rejected > one.feed.max_rejected * record.read
    ]
    if over:
        raise too_many_rejected(over, keep_rejects(place))


def _linkage(con: duckdb.DuckDBPyConnection) -> list[Linkage]:
    found = con.execute(
        "SELECT source, outcome, count(*), count(person_id) FROM versions "
        "WHERE superseded_at IS NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [
        Linkage(
            source=SOURCE.names[source], outcome=OUTCOME.names[outcome], events=n, linked=linked
        )
        for source, outcome, n, linked in found
    ]
