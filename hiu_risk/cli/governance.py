"""What the commands that govern models share: gates and rows of the ledger as results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hiu_risk.model.ledger import Entry
    from hiu_training.registry.gates import Gate

Who = Annotated[str, typer.Option(metavar="NAME", help="Who answers for this.")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GateResult(_Part):
    """One gate of a promotion and how it came out."""

    name: str
    outcome: Literal["passed", "failed", "insufficient evidence"]
    detail: str


class LedgerRowResult(_Part):
    """One row of the promotion ledger."""

    sequence: int
    at: str
    action: Literal["first", "promote", "rollback", "mitigation", "incident"]
    alias: str
    version: str
    previous_version: str = Field(description="the champion before; empty if there was none")
    who: str
    reason: str
    override: bool = Field(description="promoted although a gate was not passed")
    gates: list[GateResult]
    evidence: dict[str, Any] = Field(description="hashes of what was decided on")
    hash: str
    previous_hash: str


def row_result(entry: Entry) -> LedgerRowResult:
    """Give a row of the ledger as a result."""
    from dataclasses import asdict

    from hiu_risk.times import from_seconds

    return LedgerRowResult.model_validate(
        {**asdict(entry), "at": from_seconds(entry.at).isoformat()}
    )


def gate_results(gates: Iterable[Gate]) -> list[GateResult]:
    """Give gates as results."""
    return [GateResult(name=g.name, outcome=g.outcome, detail=g.detail) for g in gates]


def say_gates(gates: Iterable[GateResult]) -> None:
    """Print each gate on a line."""
    for gate in gates:
        say(f"  {gate.outcome:<22}{gate.name}: {gate.detail}")


def say_row(row: LedgerRowResult) -> None:
    """Print where the ledger has it."""
    say(f"Ledger row {row.sequence}, hash {row.hash}")
    say("Note that hash elsewhere, for instance in your minutes: it proves the ledger later.")
