"""Across rows and feeds: repeated rows, corrections, persons, and the order of the store.

The bulk runs in DuckDB, which spills to the scratch folder when memory is short. The rule for
versions is the one that :func:`hiu_risk.incidents.resolve_versions` states in plain Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

BATCH = 1 << 18
_NO_CONTENT = ("feed", "file", "row", "available_at", "derived")
_SOURCE_NAME_ORDER = "CASE source WHEN 3 THEN 0 WHEN 2 THEN 1 ELSE 2 END"
_ORDER = f"occurred_at, {_SOURCE_NAME_ORDER}, event_id, available_at, superseded_at NULLS LAST"


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that spills to the scratch folder."""
    con = duckdb.connect()
    con.execute("SET temp_directory = ?", [str(scratch / "spill")])
    con.execute("SET enable_progress_bar = false")
    return con


def load(con: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    """Offer converted rows as a view, with a hash of what each row says."""
    con.read_parquet([str(file) for file in files]).create_view(f"{name}_converted")
    names = [row[0] for row in con.execute(f"DESCRIBE {name}_converted").fetchall()]
    told = ", chr(31), ".join(
        f'coalesce("{column}"::VARCHAR, chr(30))' for column in names if column not in _NO_CONTENT
    )
    con.execute(
        f"CREATE VIEW {name} AS SELECT *, md5(concat({told})) AS content "  # noqa: S608
        f"FROM {name}_converted"
    )


def make_versions(con: duckdb.DuckDBPyConnection) -> None:
    """Turn the view ``event_rows`` into ``versions``, ``merged`` and ``conflicting``.

    Only events with several rows are compared; they are few.
    """
    con.execute(
        """
        CREATE VIEW named AS
        SELECT * REPLACE (coalesce(event_id, 'row-' || left(content, 20)
            || CASE WHEN person_id IS NULL
                    THEN '-' || feed || '-' || file || '-' || row ELSE '' END) AS event_id)
        FROM event_rows
        """
    )
    con.execute(
        """
        CREATE TABLE repeated AS
        SELECT source, event_id FROM named GROUP BY ALL HAVING count(*) > 1
        """
    )
    con.execute(
        """
        CREATE TABLE judged AS
        WITH moments AS (
            SELECT *,
                row_number() OVER moment AS nth,
                first_value(content) OVER moment AS first_content
            FROM named SEMI JOIN repeated USING (source, event_id)
            WINDOW moment AS (
                PARTITION BY source, event_id, CASE WHEN derived THEN NULL ELSE available_at END
                ORDER BY feed, file, row
            )
        )
        SELECT * EXCLUDE (nth, first_content),
            CASE
                WHEN nth > 1 AND content = first_content THEN 'merged'
                WHEN nth > 1 THEN 'conflicting'
                WHEN content = lag(content) OVER event THEN 'merged'
                ELSE 'version'
            END AS verdict
        FROM moments
        WINDOW event AS (
            PARTITION BY source, event_id, nth > 1 ORDER BY available_at, feed, file, row
        )
        """
    )
    con.execute(
        """
        CREATE TABLE versions AS
        SELECT * EXCLUDE (verdict, content, derived),
            greatest(lead(available_at) OVER event, lead(occurred_at) OVER event + 1)
                AS superseded_at,
            row_number() OVER event > 1 AS corrects
        FROM judged WHERE verdict = 'version'
        WINDOW event AS (PARTITION BY source, event_id ORDER BY available_at, feed, file, row)
        UNION ALL BY NAME
        SELECT * EXCLUDE (content, derived), NULL::BIGINT AS superseded_at, false AS corrects
        FROM named ANTI JOIN repeated USING (source, event_id)
        """
    )
    _split_off(con, "judged")


def keep_first(con: duckdb.DuckDBPyConnection, table: str, kept: str, key: str) -> None:
    """Keep one row a key; the others are merged where they say the same, else conflicting."""
    con.execute(
        f"""
        CREATE TABLE judged_rows AS
        SELECT *, CASE
            WHEN row_number() OVER same = 1 THEN 'version'
            WHEN content = first_value(content) OVER same THEN 'merged'
            ELSE 'conflicting' END AS verdict
        FROM {table} WINDOW same AS (PARTITION BY {key} ORDER BY feed, file, row)
        """  # noqa: S608
    )
    con.execute(
        f"CREATE TABLE {kept} AS SELECT * EXCLUDE (verdict, content) "  # noqa: S608
        "FROM judged_rows WHERE verdict = 'version'"
    )
    _split_off(con, "judged_rows")


def _split_off(con: duckdb.DuckDBPyConnection, judged: str) -> None:
    for verdict in ("merged", "conflicting"):
        con.execute(f"CREATE TABLE IF NOT EXISTS {verdict} (feed INT, file INT, row BIGINT)")
        con.execute(
            f"INSERT INTO {verdict} SELECT feed, file, row FROM {judged} WHERE verdict = ?",  # noqa: S608
            [verdict],
        )
    con.execute(f"DROP TABLE {judged}")


def make_persons(con: duckdb.DuckDBPyConnection) -> None:
    """Give a number to everybody who appears anywhere, by pseudonym: table ``persons``."""
    con.execute(
        """
        CREATE TABLE persons AS
        SELECT person_id, (row_number() OVER (ORDER BY person_id) - 1)::INT AS person FROM (
            SELECT person_id FROM versions WHERE person_id IS NOT NULL
            UNION SELECT person_id FROM people
            UNION SELECT person_id FROM caseload
        )
        """
    )


_WITH_ADDRESS = """
    SELECT v.* REPLACE (
        CASE WHEN v.address_type = 0 THEN coalesce(a.address_type, 0)
             ELSE v.address_type END::UTINYINT AS address_type
    )
    FROM versions v LEFT JOIN addresses a USING (address_id)
"""


def stream(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.Table]:
    """Give the rows of a query, some at a time."""
    reader: pa.RecordBatchReader = con.sql(query).to_arrow_reader(BATCH)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def linked_events(con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Give the linked versions in the store's order, in blocks of whole persons."""
    query = f"""
        SELECT person, e.* EXCLUDE (person_id, file, row, corrects)
        FROM ({_WITH_ADDRESS}) e JOIN persons USING (person_id)
        ORDER BY person, {_ORDER}
        """  # noqa: S608
    held: list[pa.Table] = []
    for table in stream(con, query):
        person = table.column("person").to_numpy()
        if not len(person):
            continue
        cut = int(np.searchsorted(person, person[-1]))
        if cut:
            yield pa.concat_tables([*held, table.slice(0, cut)])
            held = []
        held.append(table.slice(cut))
    if held:
        yield pa.concat_tables(held)


def unlinked_events(con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """Give the versions without a usable identity, in order of time."""
    query = f"""
        SELECT e.* EXCLUDE (person_id, file, row, corrects) FROM ({_WITH_ADDRESS}) e
        WHERE person_id IS NULL ORDER BY {_ORDER}, feed
        """  # noqa: S608
    return stream(con, query)
