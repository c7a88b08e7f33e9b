"""The contenders: how each takes the tables over, does the task, and shows its values.

Only ``run`` is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.features.task import Answer, Tables, Task
from hiu_features import Engine
from hiu_risk.histories import Histories


@dataclass(frozen=True)
class Contender:
    """One way to make the features."""

    name: str
    prepare: Callable[[Histories, Task], Any]
    run: Callable[[Any, Task], Any]
    answer: Callable[[Any], Answer]


def contender(name: str) -> Contender:
    """Give a contender by name, importing only what it needs."""
    return _MAKERS[name]()


def _ours() -> Contender:
    def prepare(histories: Histories, task: Task) -> tuple[Histories, Engine]:
        return histories, Engine(task.catalogue)

    def run(given: Any, task: Task) -> Any:
        histories, engine = given
        return engine.build(histories, task.as_ofs)

    def answer(made: Any) -> Answer:
        columns = {name: made.values[:, i] for i, name in enumerate(made.names)}
        return Answer(made.person, made.as_of, columns)

    return Contender("ours", prepare, run, answer)


def _sql(name: str) -> Callable[[], Contender]:
    def make() -> Contender:
        from benchmarks.features import in_sql, in_tuned_sql

        query = in_sql.query if name == "duckdb" else in_tuned_sql.query

        def prepare(histories: Histories, task: Task) -> Any:
            return in_sql.connection(_tables(histories, task))

        def run(con: Any, task: Task) -> Any:
            return con.sql(query(task)).to_arrow_table()

        return Contender(name, prepare, run, in_sql.answer)

    return make


def _polars() -> Contender:
    from benchmarks.features import in_polars

    return Contender(
        "polars", lambda h, t: in_polars.frames(_tables(h, t)), in_polars.run, in_polars.answer
    )


def _pandas() -> Contender:
    from benchmarks.features import in_pandas

    return Contender(
        "pandas",
        lambda h, t: in_pandas.frames(_tables(h, t)),
        in_pandas.run,
        in_pandas.answer,
    )


def _tables(histories: Histories, task: Task) -> Tables:
    from benchmarks.features.task import tables

    return tables(histories, task)


_MAKERS: dict[str, Callable[[], Contender]] = {
    "ours": _ours,
    "duckdb": _sql("duckdb"),
    "duckdb_tuned": _sql("duckdb_tuned"),
    "polars": _polars,
    "pandas": _pandas,
}
NAMES = tuple(_MAKERS)
"""Contenders that take the task as it is; featuretools has its own, smaller one."""


def most_events(name: str) -> int:
    """Give how many events a contender is tried on: pandas would take minutes on more."""
    return 1_000_000 if name == "pandas" else 10**9
