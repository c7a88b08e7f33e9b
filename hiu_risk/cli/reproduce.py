"""``hiu-risk reproduce``: train a model again, and prove that it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiu_risk.cli.output import HomeFolder, JsonFile, Result, StoreFolder, say, write_result


class DifferenceResult(Result):
    """Something that was otherwise when the model was trained."""

    what: str
    recorded: str
    now: str


class ReproduceResult(Result):
    """Whether the same bundle came out, or what differs."""

    same: bool
    recorded_id: str
    trained_id: str | None
    differences: list[DifferenceResult]
    files: list[str]
    scores_differ: float | None


def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL", help="An MLflow run, champion, challenger, or a model version."
        ),
    ],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    json_file: JsonFile = None,
) -> None:
    """Train a model again from its own protocol; prove that it is the same, or name what differs.

    Nothing is registered. Exit code 1 if it is not the same.
    """
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_training.reproduce import reproduce as run

    found = run(ModelHome(home), model, Store.open(store))
    result = ReproduceResult(
        same=found.same,
        recorded_id=found.recorded_id,
        trained_id=found.trained_id or None,
        differences=[
            DifferenceResult(what=d.what, recorded=d.recorded, now=d.now) for d in found.differences
        ],
        files=list(found.files),
        scores_differ=found.scores_differ,
    )
    _say(result)
    write_result(json_file, result)
    if not result.same:
        raise typer.Exit(1)


def _say(result: ReproduceResult) -> None:
    for difference in result.differences:
        say(f"{difference.what}: {difference.recorded} then, {difference.now} now")
    if result.same:
        say(f"The same model: {result.recorded_id}")
        return
    if result.trained_id is None:
        say("Not trained: with other data another model would come out. Name the store it had.")
        return
    say(f"Not the same: {result.recorded_id} then, {result.trained_id} now")
    say(f"Files that differ: {', '.join(result.files) or 'none but the manifest'}")
    if result.scores_differ is not None:
        say(f"Scores for made-up rows differ by up to {result.scores_differ:.3g}")
