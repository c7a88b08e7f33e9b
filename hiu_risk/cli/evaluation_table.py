"""How ``train`` and ``evaluate`` show and publish an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from hiu_risk.cli.output import Result, say
from hiu_risk.words import plural

if TYPE_CHECKING:
    from hiu_training.protocol.settings import GateSettings


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Part):
    """A measure with its 95% interval from resampling people; null where it can't be had."""

    value: float | None
    low: float | None
    high: float | None


class Ties(_Part):
    """A list of K in the unluckiest and the luckiest order of equal scores."""

    recall_worst: float | None
    recall_best: float | None
    precision_worst: float | None
    precision_best: float | None
    share_by_lot: float | None = Field(description="of the places, those that ties decide")


class RankerResult(_Part):
    """All measures of one ranker; the keys of the ``_at`` objects are the capacities K."""

    average_precision: Estimate
    auroc: Estimate
    recall_at: dict[str, Estimate]
    precision_at: dict[str, Estimate] = {}
    lift_at: dict[str, Estimate] = {}
    number_needed_at: dict[str, Estimate] = Field(
        default={}, description="people on the list for each one to whom it happened"
    )
    lead_days_at: dict[str, Estimate] = Field(
        default={}, description="mean days from first listing to the event, of cases listed"
    )
    calls_before_onset_at: dict[str, Estimate] = Field(
        default={}, description="mean incidents from first listing to the event, of cases listed"
    )
    ties_at: dict[str, Ties] = {}
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
    list_sizes: dict[str, int] = Field(description="length of each list at this date")
    rankers: dict[str, RankerResult]


class GroupResult(_Part):
    """One group: who is in it, and what the lists made of everybody find in it."""

    population: Population
    enough: bool = Field(description="false: too few people with the event to say anything")
    rankers: dict[str, RankerResult]


class NetBenefit(_Part):
    """The decision curve: benefit in true positives, for each person ranked."""

    thresholds: list[float] = []
    everybody: list[float] = Field(default=[], description="of acting on everybody")
    rankers: dict[str, list[Estimate]] = {}


class PrecisionRecall(_Part):
    """Points of a curve, from the first at which 8 cases are listed."""

    recall: list[float]
    precision: list[float]


class AtSizes(_Part):
    """Recall, precision and lift of lists of each length; null where fewer than 8 cases are on."""

    recall: list[float | None]
    precision: list[float | None]
    lift: list[float | None]


class ByCapacity(_Part):
    """Lists of many lengths, added up over the test dates."""

    k: list[int]
    rankers: dict[str, AtSizes]


class CalibrationGroup(_Part):
    """Rows of about the same score: what the scores say, and what happened."""

    rows: int
    positives: int
    score: float
    share: Estimate


class LeadDays(_Part):
    """When the cases found by lists of K were first listed."""

    cases: int
    found: list[float] = Field(
        description="expected cases first listed 0-7, 7-14, 14-30, 30-60, 60-90, 90-120, 120-180, "
        "180-365, more days before"
    )
    quartiles: list[float] = Field(description="days; empty where none was found")


class Curves(_Part):
    """What the plots of the report show."""

    precision_recall: dict[str, PrecisionRecall]
    by_capacity: ByCapacity
    calibration: dict[str, list[CalibrationGroup]]
    lead_days: dict[str, dict[str, LeadDays]]


class Learning(_Part):
    """What the model was, or would be, learned from by this protocol and store."""

    dates: list[str]
    rows: int
    people: int
    positives: int
    dropped: dict[str, dict[str, int]]
    embargo_days: float
    notes: list[str] = Field(description="what the data did not allow")


class Whole(_Part):
    """What a measure can be, as the outcomes of censored people are unknown; null without cases."""

    worst: float | None = Field(description="the least, however the unknown outcomes turned out")
    if_none: float | None = Field(description="if no censored person would have been a case")
    best: float | None = Field(description="the most, however the unknown outcomes turned out")


class WholeApart(_Part):
    """Lists of K by the model minus another ranker's, whose unknown outcomes are the same."""

    recall_at: dict[str, Whole]
    precision_at: dict[str, Whole]


class WholeRanker(WholeApart):
    """Measures of one ranker's whole lists."""

    average_precision: Whole


class WholeLists(_Part):
    """Lists of everybody at risk, as in service: also people whose outcome was not observed."""

    rows: int = Field(description="ranked, over all test dates at which anybody was observed")
    censored: int = Field(description="of them, rows whose outcome is unknown")
    places_at: dict[str, int] = Field(description="places on all lists of K together")
    rankers: dict[str, WholeRanker]
    differences: dict[str, WholeApart] = Field(description="model minus the named ranker")


class Evaluation(Result):
    """Every ranker on the same people at the same dates."""

    population: Population
    capacities: list[int | str]
    resamples: int = Field(description="bootstrap resamples of people")
    decayed_half_life: str = Field(description="chosen on the training rows")
    rankers: dict[str, RankerResult] = Field(description="pooled over the test dates")
    differences: dict[str, RankerResult] = Field(description="model minus the named ranker")
    per_origin: list[OriginResult]
    breakdowns: dict[str, dict[str, GroupResult]] = Field(description="by dimension and group")
    net_benefit: NetBenefit
    curves: Curves
    learning: Learning
    judged_dropped: dict[str, dict[str, int]] = Field(
        description="rows left out of judging, by reason"
    )
    whole_lists: WholeLists
    verdict: str = Field(description="whether the model beats the best baseline, in words")


def evaluation_fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of :class:`Evaluation`: times as people write them, small numbers as such."""
    from hiu_risk.times import from_seconds
    from hiu_training.judging.verdict import verdict

    origins = [{**o, "as_of": from_seconds(o["as_of"]).isoformat()} for o in found["per_origin"]]
    return {**found, "per_origin": origins, "verdict": verdict(found, counted=True)}


def say_evaluation(evaluation: Evaluation, gates: GateSettings) -> None:
    """Print the table, how well chances are calibrated for these gates, and the verdict."""
    from hiu_training.judging.names import middle_capacity

    people = evaluation.population
    say(
        f"Judged at {plural(len(evaluation.per_origin), 'date')}: {people.rows:,} rows of "
        f"{people.people:,} people, {people.positives:,} of them positive "
        f"({people.positive_people:,} people)"
    )
    for line in _removed(evaluation):
        say(line)
    for note in evaluation.learning.notes:
        say(f"Note: {note}")
    k = middle_capacity(map(str, evaluation.capacities))
    for line in _lines(evaluation, k):
        say(line)
    for line in _whole(evaluation, k):
        say(line)
    if "true_probability" in evaluation.rankers:
        say("true_probability is the best possible ranking, which a synthetic region alone knows.")
    lead = evaluation.rankers["model"].lead_days_at.get(k)
    if lead is not None and lead.value is not None:
        say(
            f"Cases found by the model's lists of {k} were first listed {_few(lead)} days before "
            "the event, on average"
        )
    say(_calibration(evaluation, gates))
    say(evaluation.verdict)


def _calibration(evaluation: Evaluation, gates: GateSettings) -> str:
    """Say whether the chances lie as far apart as they should, and what is wrong where not."""
    from hiu_training.registry.gates import MIN_RESAMPLES

    model = evaluation.rankers["model"]
    slope, intercept = model.calibration_slope, model.calibration_intercept
    enough = evaluation.population.positive_people >= gates.min_positive_people
    if slope is None or slope.value is None or intercept is None:
        return "Calibration: the slope can't be had"
    if not enough:
        found = "too few people became cases to conclude anything"
    elif 1 < evaluation.resamples < MIN_RESAMPLES:
        found = f"with fewer than {MIN_RESAMPLES} resamples nothing is concluded"
    else:
        found = _slope(slope, gates)
    return (
        f"Calibration: slope {_cell(slope, 2)}, for a promotion from {gates.slope_low:g} to "
        f"{gates.slope_high:g}: {found}. Intercept {_cell(intercept, 2)}: 0 is right, above 0 the "
        "chances are too low on average"
    )


def _slope(slope: Estimate, gates: GateSettings) -> str:
    if slope.value is None or slope.low is None or slope.high is None:
        return "without an interval nothing is concluded"
    if slope.low < gates.slope_low and slope.high > gates.slope_high:
        return "the interval reaches past both, so nothing is concluded"
    if slope.value < gates.slope_low:
        return "below it, the chances lie too far apart (high ones too high, low ones too low)"
    if slope.value > gates.slope_high:
        return "above it, the chances lie too close together (high ones too low, low ones too high)"
    return "inside it"


def _removed(evaluation: Evaluation) -> Iterator[str]:
    """Say who was at risk and on no list that was judged."""
    censored = {k: n for k, n in evaluation.judged_dropped.get("censored", {}).items() if n}
    n = sum(censored.values())
    if n:
        said = ", ".join(f"{name.replace('_', ' ')} {few:,}" for name, few in censored.items())
        yield (
            f"Not ranked, as what happened was not fully observed: {n:,} of "
            f"{n + evaluation.population.rows:,} rows ({n / (n + evaluation.population.rows):.1%}: "
            f"{said}); lists in service hold such people"
        )


def _whole(evaluation: Evaluation, k: str) -> Iterator[str]:
    """Say what the model's and the best count's lists of everybody at risk would find."""
    whole = evaluation.whole_lists
    if not whole.censored:
        return
    counts = [name for name in whole.rankers if "count" in name]
    best = max(counts, key=lambda n: evaluation.rankers[n].average_precision.value or 0, default="")
    yield f"Lists of {k} with those not ranked on them, had it happened to none (least to most):"
    for name in ("model", best):
        if name in whole.rankers:
            found = whole.rankers[name]
            yield (
                f"{name:16}recall {_range(found.recall_at[k])}, "
                f"precision {_range(found.precision_at[k])}"
            )


def _range(found: Whole, digits: int = 3) -> str:
    if found.worst is None or found.if_none is None or found.best is None:
        return "-"
    few = [f"{value:.{digits}f}" for value in (found.if_none, found.worst, found.best)]
    return f"{few[0]} ({few[1]} to {few[2]})"


def _lines(evaluation: Evaluation, k: str) -> Iterator[str]:
    columns = ("average precision", "AUROC", f"recall at {k}", f"precision at {k}")
    yield f"{'':16}" + "".join(f"{name:>24}" for name in columns)
    ranked = sorted(
        evaluation.rankers.items(), key=lambda item: -(item[1].average_precision.value or 0)
    )
    for name, r in ranked:
        cells = (r.average_precision, r.auroc, r.recall_at[k], r.precision_at[k])
        yield f"{name:16}" + "".join(f"{_cell(cell):>24}" for cell in cells)


def _cell(e: Estimate, digits: int = 3) -> str:
    if e.value is None:
        return "-"
    if e.low is None or e.high is None:
        return f"{e.value:.{digits}f}"
    return f"{e.value:.{digits}f} ({e.low:.{digits}f} to {e.high:.{digits}f})"


def _few(e: Estimate) -> str:
    return _cell(e, 0)
