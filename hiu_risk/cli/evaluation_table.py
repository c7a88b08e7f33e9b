"""How ``train`` and ``evaluate`` show and publish an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.output import Result, say


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Part):
    """A measure with its 95% percentile interval; null where it can't be had."""

    value: float | None
    low: float | None
    high: float | None


class RankerResult(_Part):
    """All measures of one ranker; the keys of the ``_at`` objects are the capacities K."""

    average_precision: Estimate
    auroc: Estimate
    recall_at: dict[str, Estimate]
    precision_at: dict[str, Estimate]
    lift_at: dict[str, Estimate] | None = None
    brier: Estimate | None = None
    log_loss: Estimate | None = None
    calibration_slope: Estimate | None = None
    calibration_intercept: Estimate | None = None


class Population(_Part):
    """Who was ranked, over all test dates."""

    rows: int
    people: int
    positives: int
    positive_people: int


class OriginResult(_Part):
    """One test date."""

    as_of: str
    rows: int
    positives: int
    rankers: dict[str, RankerResult]


class Evaluation(Result):
    """Every ranker on the same people at the same dates."""

    population: Population
    capacities: list[int]
    resamples: int = Field(description="bootstrap resamples of people")
    decayed_half_life: str = Field(description="chosen on the training rows")
    rankers: dict[str, RankerResult] = Field(description="pooled over the test dates")
    differences: dict[str, RankerResult] = Field(description="model minus the named ranker")
    per_origin: list[OriginResult]
    verdict: str = Field(description="whether the model beats the best baseline, in words")


def evaluation_fields(
    found: Mapping[str, Any], capacities: Sequence[int], resamples: int, half_life: str
) -> dict[str, Any]:
    """Give the fields of :class:`Evaluation`, with the verdict."""
    from hiu_risk.times import from_seconds

    origins = [{**o, "as_of": from_seconds(o["as_of"]).isoformat()} for o in found["per_origin"]]
    return {
        **found,
        "per_origin": origins,
        "capacities": list(capacities),
        "resamples": resamples,
        "decayed_half_life": half_life,
        "verdict": _verdict(found),
    }


def _verdict(found: Mapping[str, Any]) -> str:
    """Say how the model compares with the best baseline, and with any it is worse than."""
    apart = {
        name: difference["average_precision"]
        for name, difference in found["differences"].items()
        if name != "true_intensity"
    }
    same = [name for name, d in apart.items() if d["low"] == d["high"] == 0]
    said = "The model ranks as the anchor does. " if same == ["anchor"] else ""
    others = {
        name: found["rankers"][name]["average_precision"]["value"] or 0.0
        for name in apart
        if name not in same
    }
    best = max(others, key=lambda name: others[name])
    low, high = apart[best]["low"], apart[best]["high"]
    if low is None or high is None:
        return f"{said}Too few people to compare the model with the best baseline, {best}."
    worse = [name for name in others if (apart[name]["high"] or 0) < 0]
    if low > 0 and not worse:
        return f"{said}The model beats the best baseline, {best}: the interval excludes zero."
    if worse:
        return f"{said}The model is worse than {' and '.join(worse)}: the interval excludes zero."
    return (
        f"{said}The model does not clearly beat the best baseline, {best}: the interval of the "
        "difference includes zero."
    )


def say_evaluation(evaluation: Evaluation) -> None:
    """Print the table and the verdict."""
    people = evaluation.population
    middle = sorted(evaluation.capacities)[len(evaluation.capacities) // 2]
    say(
        f"Judged at {len(evaluation.per_origin)} dates: {people.rows:,} rows of "
        f"{people.people:,} people, {people.positives:,} of them positive "
        f"({people.positive_people:,} people)"
    )
    for line in _lines(evaluation, str(middle)):
        say(line)
    if "true_intensity" in evaluation.rankers:
        say("true_intensity is the best possible ranking, which a synthetic region alone knows.")
    say(evaluation.verdict)


def _lines(evaluation: Evaluation, k: str) -> Iterator[str]:
    columns = ("average precision", "AUROC", f"recall at {k}", f"precision at {k}")
    yield f"{'':16}" + "".join(f"{name:>24}" for name in columns)
    ranked = sorted(
        evaluation.rankers.items(), key=lambda item: -(item[1].average_precision.value or 0)
    )
    for name, r in ranked:
        cells = (r.average_precision, r.auroc, r.recall_at[k], r.precision_at[k])
        yield f"{name:16}" + "".join(f"{_cell(cell):>24}" for cell in cells)


def _cell(e: Estimate) -> str:
    if e.value is None or e.low is None or e.high is None:
        return "-"
    return f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})"
