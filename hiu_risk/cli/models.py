"""``hiu-risk models``: which models there are, and whether their records still agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiu_risk.cli.governance import (
    GateResult,
    LedgerRowResult,
    Who,
    gate_results,
    row_result,
    say_row,
)
from hiu_risk.cli.output import HomeFolder, JsonFile, ModelName, Result, complain, say, write_result
from hiu_risk.words import plural

if TYPE_CHECKING:
    from hiu_training.registry.overview import ModelRow

HEAD_HELP = "A hash of the ledger that you noted elsewhere: some row must have it."


class ModelResult(Result):
    """One model of the home."""

    version: str
    aliases: list[str]
    target: str | None
    horizon_days: int | None
    trained_at: str | None
    trained_through: str | None
    average_precision: float | None
    gates: list[GateResult]
    decided: bool = True
    last_action: str | None
    trouble: str | None


class ModelsResult(Result):
    """Every model of a home, and every row of its ledger."""

    models: list[ModelResult]
    ledger: list[LedgerRowResult]


class VerifyResult(Result):
    """What doesn't agree, and what was put right."""

    problems: list[str]
    repaired: list[str]
    rows: int
    head: str
    not_shown: str


class NoteResult(Result):
    """The ledger's row of an incident."""

    ledger_row: LedgerRowResult


RESULTS: dict[str, type[Result]] = {"verify": VerifyResult, "note": NoteResult}
"""What the subcommands write."""

models = typer.Typer(invoke_without_command=True)


@models.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    home: HomeFolder = Path("mlruns"),
    json_file: JsonFile = None,
) -> None:
    """List the models with alias, date, average precision and gates."""
    if context.invoked_subcommand is not None:
        return
    from hiu_risk.model import ModelHome
    from hiu_risk.model.ledger import Ledger
    from hiu_training.registry.overview import overview

    rows = overview(ModelHome(home))
    result = ModelsResult(
        models=[_model(row) for row in rows],
        ledger=[row_result(entry) for entry in Ledger(home).entries()],
    )
    _say(result)
    write_result(json_file, result)


@models.command()
def verify(
    context: typer.Context,
    home: HomeFolder = Path("mlruns"),
    repair: Annotated[
        bool, typer.Option("--repair", help="Bring up what a killed command left behind.")
    ] = False,
    head: Annotated[str | None, typer.Option(metavar="HASH", help=HEAD_HELP)] = None,
    json_file: JsonFile = None,
) -> None:
    """Check the ledger's chain, the aliases, the bundles, the evidence and MLflow.

    Exit code 1 if something doesn't agree.
    """
    from hiu_risk.model import ModelHome
    from hiu_risk.model.ledger import Ledger
    from hiu_training.registry.checks import NOT_SHOWN
    from hiu_training.registry.checks import repair as put_right
    from hiu_training.registry.checks import verify as run

    found = ModelHome(_home(context, home))
    repaired = put_right(found, head) if repair else []
    problems = run(found, head)
    entries = [] if problems else Ledger(found).entries()
    result = VerifyResult(
        problems=problems,
        repaired=repaired,
        rows=len(entries),
        head=entries[-1].hash if entries else "",
        not_shown=NOT_SHOWN,
    )
    for words in result.repaired:
        say(f"Put right: {words}")
    for words in result.problems:
        complain(f"Problem: {words}")
    if not result.problems:
        say(f"All agree: {plural(result.rows, 'row')}, newest hash {result.head or 'none'}")
    say(result.not_shown)
    write_result(json_file, result)
    if result.problems:
        raise typer.Exit(1)


@models.command()
def note(
    context: typer.Context,
    who: Who,
    text: Annotated[str, typer.Option(help="What happened, in a sentence or two.")],
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    json_file: JsonFile = None,
) -> None:
    """Write an incident about a model into the ledger, for the board pack."""
    from hiu_risk.model import ModelHome
    from hiu_risk.times import now, to_seconds
    from hiu_training.registry.promotion import note as run

    entry = run(
        ModelHome(_home(context, home)), who=who, text=text, at=to_seconds(now()), model=model
    )
    result = NoteResult(ledger_row=row_result(entry))
    say(f"Noted about model {entry.version}")
    say_row(result.ledger_row)
    write_result(json_file, result)


def _home(context: typer.Context, home: Path) -> Path:
    """Take --home from before the subcommand where it isn't given after it."""
    above = context.parent
    source = context.get_parameter_source("home")
    if above is not None and source is not None and source.name == "DEFAULT":
        return Path(above.params.get("home", home))
    return home


def _model(row: ModelRow) -> ModelResult:
    return ModelResult(
        version=row.version,
        aliases=list(row.aliases),
        target=row.target,
        horizon_days=row.horizon_days,
        trained_at=row.trained_at,
        trained_through=row.trained_through,
        average_precision=row.average_precision,
        gates=gate_results(row.gates),
        decided=row.decided,
        last_action=row.last_action,
        trouble=row.trouble,
    )


def _wanted(model: ModelResult) -> str:
    if model.target is None:
        return "-"
    return "weekend" if model.target == "weekend" else f"{model.target}, {model.horizon_days} days"


def _say(result: ModelsResult) -> None:
    if not result.models:
        say("No models yet: run hiu-risk train")
        return
    say(f"{'model':14}{'alias':22}{'trained':12}{'looks for':22}{'average precision':>18}  gates")
    for model in result.models:
        passed = sum(gate.outcome == "passed" for gate in model.gates)
        gates = f"{passed} of {len(model.gates)} passed" if model.gates else "-"
        if model.gates and not model.decided:
            gates += " (not put to a decision)"
        score = "-" if model.average_precision is None else f"{model.average_precision:.3f}"
        wanted = _wanted(model)
        say(
            f"{model.version:14}{', '.join(model.aliases) or '-':22}"
            f"{(model.trained_at or '-')[:10]:12}{wanted:22}{score:>18}  {model.trouble or gates}"
        )
    for row in result.ledger:
        if row.evidence.get("gates_of_another_protocol"):
            say(f"Row {row.sequence}: {row.version} by gates of another protocol: {row.reason}")
    rows = plural(len(result.ledger), "row")
    say(f"{rows} in the ledger; hiu-risk models verify checks it")
