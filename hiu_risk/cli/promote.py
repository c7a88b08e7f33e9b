"""``hiu-risk promote``: a model becomes champion if it passes the gates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hiu_risk.cli.governance import (
    GateResult,
    LedgerRowResult,
    Who,
    gate_results,
    row_result,
    say_gates,
    say_row,
)
from hiu_risk.cli.output import HomeFolder, JsonFile, Result, complain, say, write_result


class PromoteResult(Result):
    """How a model came through the gates, and the ledger's row if it became champion."""

    promoted: bool
    version: str
    previous_version: str
    gates: list[GateResult]
    ledger_row: LedgerRowResult | None
    notes: list[str]


def promote(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="challenger, or a model version.")],
    who: Who,
    home: HomeFolder = Path("mlruns"),
    gates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take the gates from this protocol, not from the model's own; needs --reason.",
        ),
    ] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Promote although a gate is not passed.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; needed for an override and for other gates.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make a model champion, if it passes every gate; it is written into the ledger.

    A running server takes it up by itself.
    """
    from hiu_risk.model import ModelHome
    from hiu_risk.times import now, to_seconds
    from hiu_training.protocol import load_protocol
    from hiu_training.registry.promotion import promote as run

    decision = run(
        ModelHome(home),
        model,
        who=who,
        at=to_seconds(now()),
        settings=None if gates is None else load_protocol(gates).gates,
        override=override,
        reason=reason or "",
    )
    result = PromoteResult(
        promoted=decision.entry is not None,
        version=decision.version,
        previous_version=decision.previous_version,
        gates=gate_results(decision.gates),
        ledger_row=None if decision.entry is None else row_result(decision.entry),
        notes=list(decision.notes),
    )
    say(f"Gates of model {result.version}:")
    say_gates(result.gates)
    write_result(json_file, result)
    if result.ledger_row is None:
        left = sum(gate.outcome != "passed" for gate in result.gates)
        complain(
            f"Not promoted: {left} of {len(result.gates)} gates not passed; the champion is "
            f"still {result.previous_version or 'nobody'}. What to do: gather the evidence, or "
            "answer for it with --override --reason TEXT."
        )
        raise typer.Exit(1)
    before = f", after {result.previous_version}" if result.previous_version else ""
    forced = " by override" if result.ledger_row.override else ""
    say(f"Model {result.version} is now champion{forced}{before}")
    say_row(result.ledger_row)
    for words in result.notes:
        complain(f"Note: {words}")
