"""Which machines do the work: this one, or Spark's; the options of every command that asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hiu_risk.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Where(StrEnum):
    """Which machines do the work."""

    here = "here"
    spark = "spark"


Engine = Annotated[Where, typer.Option(help="This machine, or Spark; the result is the same.")]
Master = Annotated[str | None, typer.Option(metavar="URL", help="With --engine spark: its master.")]
SparkSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--spark-setting", metavar="NAME=VALUE", help="With --engine spark: a setting of Spark's."
    ),
]

OpenSpark = Callable[[], AbstractContextManager["SparkSession"]]


def spark_asked_for(
    engine: Where, master: str | None, settings: list[str] | None
) -> OpenSpark | None:
    """Give what opens a session of Spark; None where this machine does the work.

    Raises
    ------
    UsageError
        A master or setting without Spark, a setting that is none or given twice, or something
        that Spark needs is not installed.
    """
    if engine is Where.here:
        if master or settings:
            raise UsageError("a master or setting, but no Spark", fix="give --engine spark")
        return None
    from hiu_features.cluster import require_spark, spark_session

    chosen = dict(pair.split("=", 1) for pair in settings or [] if "=" in pair)
    if len(chosen) < len(settings or []):
        raise UsageError(
            "not a setting, or one given twice",
            where="--spark-setting",
            fix="write it as spark.executor.memory=4g",
        )
    require_spark()
    return lambda: spark_session(master or "local[*]", chosen)
