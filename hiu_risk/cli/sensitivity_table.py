"""How ``train --sensitivity`` shows and publishes what training otherwise does."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.evaluation_table import Estimate
from hiu_risk.cli.output import say


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MeasuresResult(_Part):
    """What is shown of a run; the keys of ``recall_at`` are the capacities K."""

    average_precision: Estimate
    recall_at: dict[str, Estimate]
    calibration_slope: Estimate | None = None


class JudgedResult(_Part):
    """The test dates and people, which are the same for every run."""

    dates: list[str]
    rows: int
    positives: int
    resamples: int


class LearnedResult(_Part):
    """What the model learned from, and how it does."""

    rows: int
    people: int
    positives: int
    dates: list[str]
    trees: int
    measures: MeasuresResult


class RunResult(LearnedResult):
    """The same, trained otherwise."""

    name: str
    what: str
    difference: MeasuresResult = Field(description="this run minus the model, same resamples")


class LeftOutResult(_Part):
    """A run that could not be made."""

    name: str
    why: str


class SensitivityResult(_Part):
    """How much the model depends on whom and when it learned from."""

    judged: JudgedResult
    as_trained: LearnedResult
    runs: list[RunResult]
    left_out: list[LeftOutResult]


def say_sensitivity(found: SensitivityResult) -> None:
    """Print the table."""
    from hiu_training.judging.names import middle_capacity

    k = middle_capacity(found.as_trained.measures.recall_at)
    say(f"Trained otherwise, judged at the same dates ({found.judged.positives:,} positive rows):")
    header = ("rows learned from", "average precision", f"recall at {k}", "calibration slope")
    say(f"{'':24}" + "".join(f"{name:>26}" for name in header))
    _say_row("as trained", f"{found.as_trained.rows:,}", found.as_trained.measures, k)
    for run in found.runs:
        _say_row(run.name.replace("_", " "), f"{run.rows:,}", run.measures, k)
        _say_row("  difference", f"{run.rows - found.as_trained.rows:+,}", run.difference, k, "+")
    for one in found.left_out:
        say(f"Not made: {one.name.replace('_', ' ')}: {one.why}")


def _say_row(name: str, rows: str, measures: MeasuresResult, k: str, sign: str = "") -> None:
    cells = (measures.average_precision, measures.recall_at[k], measures.calibration_slope)
    say(f"{name[:24]:24}{rows:>26}" + "".join(f"{_cell(cell, sign):>26}" for cell in cells))


def _cell(e: Estimate | None, sign: str) -> str:
    if e is None or e.value is None:
        return "-"
    if e.low is None or e.high is None:
        return f"{e.value:{sign}.3f}"
    return f"{e.value:{sign}.3f} ({e.low:{sign}.3f} to {e.high:{sign}.3f})"
