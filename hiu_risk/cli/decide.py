"""``hiu-risk decide``: what a reviewer decided about people on a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiu_risk.cli.output import AsOf, HomeFolder, JsonFile, Result, say, write_result

if TYPE_CHECKING:
    from hiu_serving.decisions import Decision


class DecideResult(Result):
    """How many decisions were kept, and how the list stands now."""

    as_of: int
    added: int
    listed: int
    decided: dict[str, int]
    without_decision: int
    not_for: str


def decide(
    as_of: AsOf,
    home: HomeFolder = Path("mlruns"),
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV with the columns person, decision, reason, reviewer, note."
        ),
    ] = None,
    person: Annotated[
        str | None, typer.Option(metavar="PSEUDONYM", help="One person on the list.")
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="WORD", help="accepted, declined or deferred.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="WORD", help="Why: one of the words for that decision.")
    ] = None,
    reviewer: Annotated[str | None, typer.Option(metavar="NAME", help="Who decided.")] = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="Anything else; it stays in the database.")
    ] = "",
    json_file: JsonFile = None,
) -> None:
    """Record what a person decided about names on the list of a day.

    Nothing recorded is changed: deciding again adds to it, and the latest counts.
    """
    from hiu_risk import NOT_FOR
    from hiu_risk.errors import DataError
    from hiu_risk.times import now, parse_as_of
    from hiu_serving.decisions import read_file, record, standing, zone_of_lists
    from hiu_serving.state import State

    given = (
        read_file(file) if file is not None else [_one(person, decision, reason, reviewer, note)]
    )
    state = State.open_existing(home)
    if state is None:
        raise DataError(
            "no list was ever made in this model home",
            where=str(home),
            fix="run hiu-risk score, or check --home",
        )
    try:
        moment = parse_as_of(as_of, zone_of_lists(state))
        added = record(state, moment, given, now())
        listed, decided = standing(state, moment)
    finally:
        state.close()
    result = DecideResult(
        as_of=moment,
        added=added,
        listed=listed,
        decided=decided,
        without_decision=listed - sum(decided.values()),
        not_for=NOT_FOR,
    )
    say(f"Recorded: {result.added}")
    said = ", ".join(f"{answer} {count}" for answer, count in decided.items())
    say(f"Of {listed} on the list: {said}, without a decision {result.without_decision}")
    say(result.not_for)
    write_result(json_file, result)


def _one(
    person: str | None, answer: str | None, reason: str | None, reviewer: str | None, note: str
) -> Decision:
    from hiu_risk.errors import UsageError
    from hiu_serving.decisions import Decision

    if person is None or answer is None or reason is None or reviewer is None:
        raise UsageError(
            "a decision needs a person, the decision, a reason and a reviewer",
            where="--person, --decision, --reason, --reviewer",
            fix="give all four, or a file with --file",
        )
    return Decision(person, answer, reason, reviewer, note)  # type: ignore[arg-type]  # checked inside
