"""The ways to make the features, each from files to a function that does the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.features import data
from benchmarks.features.sql import query
from hiu_features import Engine, default_catalogue
from hiu_risk.local_dates import date_numbers


def ours(folder: Path, as_ofs: list[int]) -> Callable[[], dict[str, Any]]:
    histories, engine = data.load(folder), Engine()

    def run() -> dict[str, Any]:
        table = engine.build(histories, as_ofs)
        return {"person": table.person, "as_of": table.as_of, "values": table.values,
                "names": np.array(table.names)}

    return run


def duckdb(folder: Path, as_ofs: list[int]) -> Callable[[], dict[str, Any]]:
    import duckdb as engine
    import pyarrow as pa

    con = engine.connect()
    histories = data.load(folder)
    people = histories.people
    days = date_numbers(np.array(as_ofs), histories.zone)
    given = {
        "events": data.scan(folder),
        "people": pa.table({
            "person": np.arange(len(people), dtype=np.int32),
            "born_day": date_numbers(people.born_at, histories.zone),
            "sex": people.sex, "imd_decile": people.imd_decile}),
        "dates": pa.table({"as_of": np.array(as_ofs), "local_day": days}),
    }
    for name, table in given.items():
        con.register("given", table)
        con.execute(f"create table {name} as select * from given")
    names = default_catalogue().names
    text = query(default_catalogue(), data.FIRST, data.LAST)

    def run() -> dict[str, Any]:
        table = con.sql(text).to_arrow_table()
        values = np.column_stack([table[name].to_numpy() for name in names])
        return {"person": table["person"].to_numpy(), "as_of": table["as_of"].to_numpy(),
                "values": values, "names": np.array(names)}

    return run
