"""``hiu-risk tune``: search the settings of a protocol, and write the tuned one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.output import (
    STOPPED,
    HomeFolder,
    JsonFile,
    ProtocolFile,
    Result,
    StoreFolder,
    say,
    write_result,
)

if TYPE_CHECKING:
    from hiu_training.tuning.tune import Step, Tuned

TRIALS = 40
"""Trials where neither trials nor minutes are given."""


class FoldResult(BaseModel):
    """Dates of one fold: all lie before the protocol's test dates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learned: list[str]
    judged: list[str]


class TuneResult(Result):
    """What a search found, and the protocol it wrote."""

    study: str = Field(description="name of the search in tune.db and in MLflow")
    run_id: str
    protocol: str = Field(description="file of the tuned protocol")
    trials: int = Field(description="trials in all, those of an earlier run included")
    earlier: int = Field(description="trials of an earlier run")
    pruned: int = Field(description="trials stopped early")
    chosen_trial: int = Field(description="0 is the untuned protocol")
    best_trial: int
    untuned: float = Field(description="mean average precision of the untuned protocol")
    chosen: float = Field(description="the same of the protocol written")
    difference: float = Field(description="best trial minus untuned")
    standard_error: float = Field(description="of that difference, from resampling people")
    luck: float = Field(description="difference that the best of so many shows by chance")
    settings: dict[str, int | float | str]
    folds: list[FoldResult]


def tune(
    protocol: ProtocolFile,
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The tuned protocol; default NAME-tuned.toml beside it."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Trials in all, those of an earlier run included."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Start no trial after so many minutes.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Search a protocol's settings at dates before its test dates; write the tuned protocol.

    The untuned protocol is trial 0, and is written where nothing is better by more than one
    standard error. Stop with Ctrl-C at any time: the same command goes on from there.
    """
    from time import monotonic

    from hiu_risk.errors import UsageError
    from hiu_risk.files import write_text
    from hiu_risk.store import Store
    from hiu_training.protocol import load_protocol
    from hiu_training.protocol.writing import protocol_text
    from hiu_training.tuning.tune import tune as search

    read = load_protocol(protocol)
    file = out or protocol.with_name(f"{protocol.stem}-tuned.toml")
    if file.resolve() == protocol.resolve():
        raise UsageError(
            "the tuned protocol would replace the one it starts from",
            where="--out",
            fix="name another file",
        )
    most = trials or (TRIALS if minutes is None else 10_000)
    stop_at = None if minutes is None else monotonic() + 60 * minutes
    try:
        tuned = search(
            Store.open(store), read, home, trials=most, report=_say_step(trials),
            out_of_time=lambda: stop_at is not None and monotonic() >= stop_at,
        )  # fmt: skip
    except KeyboardInterrupt:
        say("Stopped. Finished trials are kept: the same command goes on from there.")
        raise typer.Exit(STOPPED) from None
    write_text(file, protocol_text(tuned.protocol, _header(tuned, protocol.name)))
    result = _result(tuned, file)
    _say(result)
    write_result(json_file, result)


def _say_step(trials: int | None) -> Any:
    def told(step: Step) -> None:
        of = f" (0 to {trials - 1})" if trials else ""
        early = f" at {step.folds} of {step.of} folds, stopped early" * (step.folds < step.of)
        say(
            f"Trial {step.number}{of}: {step.value:.4f}, untuned {step.untuned:.4f}{early}; "
            f"best so far {step.best:.4f} (trial {step.best_number})"
        )

    return told


def _header(tuned: Tuned, name: str) -> list[str]:
    sure = (
        f"{tuned.difference:+.4f}, of which the best of so many shows {tuned.luck:.4f} by luck; "
        f"standard error {tuned.standard_error:.4f}"
    )
    found = (
        f"Settings of trial {tuned.number} of {tuned.trials}: mean average precision "
        f"{tuned.chosen:.4f} against {tuned.untuned:.4f} untuned ({sure})."
        if tuned.number
        else f"No trial of {tuned.trials} was better than the untuned settings by more than luck "
        f"and one standard error (best: {sure}), so these are the untuned settings."
    )
    return [
        f"Written by hiu-risk tune from {name} (search {tuned.study}).",
        found,
        f"Judged at {len(tuned.folds)} folds before the test dates, which took no part.",
        "Keys that are left out have their defaults.",
    ]


def _result(tuned: Tuned, file: Path) -> TuneResult:
    from hiu_risk.times import from_seconds

    return TuneResult(
        study=tuned.study,
        run_id=tuned.run_id,
        protocol=str(file),
        trials=tuned.trials,
        earlier=tuned.earlier,
        pruned=tuned.pruned,
        chosen_trial=tuned.number,
        best_trial=tuned.best_number,
        untuned=tuned.untuned,
        chosen=tuned.chosen,
        difference=tuned.difference,
        standard_error=tuned.standard_error,
        luck=tuned.luck,
        settings=tuned.settings,
        folds=[
            FoldResult(**{k: [from_seconds(s).isoformat() for s in v] for k, v in fold.items()})
            for fold in tuned.folds
        ],
    )


def _say(result: TuneResult) -> None:
    if result.earlier:
        say(f"{result.earlier} of the {result.trials} trials are of an earlier run")
    sure = (
        f"{result.difference:+.4f}, of which the best of so many shows {result.luck:.4f} by luck; "
        f"standard error {result.standard_error:.4f}"
    )
    if result.chosen_trial:
        say(f"Trial {result.chosen_trial} is better than the untuned protocol ({sure}):")
        for name, value in result.settings.items():
            say(f"  {name} = {value if isinstance(value, str) else format(value, '.3g')}")
    else:
        say(
            "Nothing is better than the untuned protocol by more than luck and one standard "
            f"error, so it stays as it is (best: trial {result.best_trial}, {sure})"
        )
    say(f"Written: {result.protocol}")
    say("The test dates took no part: train with this protocol to have it judged")
