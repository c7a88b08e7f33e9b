"""``hiu-risk features``: a store into feature files, or one feature in words."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

from hiu_risk.cli.engine import Engine, Master, SparkSettings, Where, spark_asked_for
from hiu_risk.cli.output import JsonFile, Result, StoreFolder, say, write_result
from hiu_risk.errors import UsageError
from hiu_risk.times import month_starts, parse_as_of


class Every(StrEnum):
    """How far index dates lie apart."""

    month = "month"


class FeaturesResult(Result):
    """What ``hiu-risk features --json`` writes."""

    out: str = Field(description="folder of the feature files")
    rows: int = Field(description="rows over all index dates")
    features: list[str] = Field(description="columns after person and as_of")
    as_ofs: list[int] = Field(description="index dates in UTC seconds")
    catalogue_hash: str
    store_hash: str


def features(
    store: StoreFolder = Path("store"),
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Index date, 2025-03-01 or 2025-03-01T06:00:00Z."),
    ] = None,
    every: Annotated[
        Every | None, typer.Option(help="Instead of one date: the first of each month.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="With --every: the first date.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="With --every: the last date.")] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to write, whole or not at all.")
    ] = Path("features-out"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace other feature files there.")
    ] = False,
    engine: Engine = Where.here,
    master: Master = None,
    spark_setting: SparkSettings = None,
    describe: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only tell what this feature is.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Build the features of everybody active in the year before each index date."""
    if describe is not None:
        _say_what_it_is(describe)
        return
    from hiu_features import default_catalogue, warm_up
    from hiu_features.cluster import features_on_spark
    from hiu_features.write import write_features
    from hiu_risk.progress import progress
    from hiu_risk.store import Store

    spark = spark_asked_for(engine, master, spark_setting)
    opened = Store.open(store)
    dates = index_dates(as_of, every, start, end, opened.manifest.zone)
    with progress("Loading the feature kernel (10 s the first time)", 1) as advance:
        warm_up()
        advance(1)
    people = max(opened.manifest.tables["people"].rows, 1)
    with progress("Building features", people, "people") as advance:
        if spark is None:
            manifest = write_features(store, dates, out, replace=replace, progress=advance)
        else:
            with spark() as session:
                manifest = features_on_spark(
                    session, store, dates, out, replace=replace, progress=advance
                )
    result = FeaturesResult(
        out=str(out),
        rows=manifest["rows"],
        features=list(default_catalogue().names),
        as_ofs=dates,
        catalogue_hash=manifest["catalogue_hash"],
        store_hash=manifest["store_hash"],
    )
    say(
        f"{result.rows:,} rows of {len(result.features)} features at {len(dates)} index "
        f"date{'s' if len(dates) != 1 else ''} in {out}"
    )
    write_result(json_file, result)


def index_dates(
    as_of: str | None, every: Every | None, start: str | None, end: str | None, zone: str
) -> list[int]:
    """Give the index dates that the options ask for.

    Raises
    ------
    UsageError
        Neither or both ways of asking, or no month in the span.
    """
    if (as_of is None) == (every is None):
        raise UsageError(
            "say which index dates",
            where="--as-of",
            fix="give --as-of, or --every with --from --to",
        )
    if as_of is not None:
        return [parse_as_of(as_of, zone)]
    if start is None or end is None:
        raise UsageError("--every needs a first and a last date", fix="give --from and --to")
    months = month_starts(_date(start, "--from"), _date(end, "--to"), zone)
    if not months:
        raise UsageError(
            "no first of a month in the span", where="--from, --to", fix="widen the span"
        )
    return months


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("not a date", where=option, fix="write it as 2025-03-01") from None


def _say_what_it_is(name: str) -> None:
    from hiu_features import describe

    for title, text in describe(name).items():
        say(f"{title + ':':<22}{text}")
