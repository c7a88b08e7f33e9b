"""``hiu-risk synth``: make a synthetic region, because patients' data can't be shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hiu_risk.cli.output import JsonFile, Result, say, write_result


class SynthResult(Result):
    """What ``hiu-risk synth --json`` writes."""

    out: str
    people: int
    seed: int
    months: int
    incidents: int
    crises: int
    rows: dict[str, int]
    """Rows by extract, planted bad rows included."""
    caseload_effect: dict[str, float]
    mapping: str


def synth(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make; must be new or empty.")],
    people: Annotated[int, typer.Option(help="How many people the service knows.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    months: Annotated[int, typer.Option(help="How many months the feeds cover.")] = 36,
    json_file: JsonFile = None,
) -> None:
    """Make a synthetic region: raw extracts, their mapping, and the truth beside them."""
    from hiu_risk.synth import write_region

    made: dict[str, Any] = write_region(out, people=people, seed=seed, months=months)
    result = SynthResult(
        out=str(out),
        people=people,
        seed=seed,
        months=months,
        incidents=made["incidents"],
        crises=made["crises"],
        rows={name: feed["rows"] for name, feed in made["feeds"].items()},
        caseload_effect=made["caseload_effect"],
        mapping=str(out / "mapping.toml"),
    )
    say(f"A synthetic region of {people:,} people over {months} months in {out}")
    for name, rows in result.rows.items():
        say(f"  {name + '.csv':<16} {rows:>12,} rows")
    say(f"  {result.incidents:,} call incidents; {result.crises:,} crises began")
    say("The truth is in truth.json and truth*.parquet. Nobody in it is real.")
    say(f"Next: hiu-risk ingest --mapping {result.mapping} --store store")
    write_result(json_file, result)
