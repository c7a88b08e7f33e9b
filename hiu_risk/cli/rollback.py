"""``hiu-risk rollback``: back to the champion before, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiu_risk.cli.governance import LedgerRowResult, Who, row_result, say_row
from hiu_risk.cli.output import HomeFolder, JsonFile, Result, complain, say, write_result


class RollbackResult(Result):
    """Which model is champion again, and the ledger's row."""

    version: str
    previous_version: str
    ledger_row: LedgerRowResult
    notes: list[str]


def rollback(
    who: Who,
    reason: Annotated[str, typer.Option(help="Why.")],
    home: HomeFolder = Path("mlruns"),
    to: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="An earlier champion. Default: the one before."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make the champion before the present one champion again.

    A running server takes it up by itself; MLflow need not be there.
    """
    from hiu_risk.model import ModelHome
    from hiu_risk.times import now, to_seconds
    from hiu_training.registry.promotion import rollback as run

    decision = run(ModelHome(home), who=who, reason=reason, at=to_seconds(now()), to=to)
    assert decision.entry is not None  # noqa: S101 - a rollback is done or refused
    result = RollbackResult(
        version=decision.version,
        previous_version=decision.previous_version,
        ledger_row=row_result(decision.entry),
        notes=list(decision.notes),
    )
    say(f"Model {result.version} is champion again, after {result.previous_version}")
    say_row(result.ledger_row)
    for words in result.notes:
        complain(f"Note: {words}")
    write_result(json_file, result)
