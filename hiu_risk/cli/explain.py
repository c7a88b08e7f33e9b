"""``hiu-risk explain``: one person's score, taken apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiu_risk.cli.output import (
    AsOf,
    HomeFolder,
    JsonFile,
    ModelName,
    Result,
    StoreFolder,
    say,
    write_result,
)

if TYPE_CHECKING:
    from hiu_serving.explain import Explanation


class FeaturePart(Result):
    """What one feature adds to the log-odds; a protected one is never given as a reason."""

    feature: str
    value: float | None
    contribution: float
    protected: bool


class ConceptResult(Result):
    """What one concept adds to the log-odds."""

    concept: str
    title: str
    contribution: float
    features: list[FeaturePart]


class ReasonSaid(Result):
    """A reason in words."""

    concept: str
    feature: str
    sentence: str
    contribution: float


class CautionSaid(Result):
    """What isn't known, or why there is no place on a list."""

    code: str
    text: str


class ExplainResult(Result):
    """A score taken apart: ``base`` and all contributions add up to ``log_odds``."""

    person: str
    as_of: int
    model: str
    score: float
    band: str
    log_odds: float
    base: float
    difference: float
    adds_up: bool
    concepts: list[ConceptResult]
    raising: list[ReasonSaid]
    lowering: list[ReasonSaid]
    cautions: list[CautionSaid]
    not_scored: CautionSaid | None
    not_for: str


def explain(
    as_of: AsOf,
    person: Annotated[str, typer.Option(help="A pseudonym, as on a worklist.")],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    json_file: JsonFile = None,
) -> None:
    """Take one person's score apart: what raises it, what lowers it, and that it adds up."""
    from dataclasses import asdict

    from hiu_risk import NOT_FOR
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.times import parse_as_of
    from hiu_serving.explain import explain as explained_by
    from hiu_serving.explain import position_of
    from hiu_serving.scorer import Scorer

    scorer = Scorer.of(ModelHome(home).load(model))
    moment = parse_as_of(as_of, scorer.bundle.manifest.zone)
    opened = Store.open(store)
    rules = opened.manifest
    scorer.require_same_rules(rules.zone, rules.counting, rules.gap_seconds)
    histories = opened.histories()
    found = explained_by(histories, position_of(histories, person), moment, scorer)
    _say(found, scorer.version)
    say(NOT_FOR)
    write_result(
        json_file,
        ExplainResult(
            person=person,
            as_of=moment,
            model=scorer.id,
            adds_up=found.adds_up,
            not_for=NOT_FOR,
            **asdict(found),
        ),
    )


def _say(found: Explanation, version: str) -> None:
    if found.not_scored is not None:
        say(f"Not on any list. {found.not_scored.text}")
    say(f"Score {found.score:.4f}, band {found.band.replace('_', ' ')}, model {version}")
    for title, reasons in (("Raises it", found.raising), ("Lowers it", found.lowering)):
        say(f"{title}:" if reasons else f"{title}: nothing that stands out")
        for reason in reasons:
            say(f"  {reason.sentence}  [{reason.contribution:+.3f}]")
    for caution in found.cautions:
        say(caution.text)
    say(f"Log-odds {found.log_odds:+.4f} = base {found.base:+.4f}")
    say("Features that add or take nothing are left out below; --json has them all.")
    for concept in found.concepts:
        say(f"  {concept.contribution:+.4f}  {concept.title}")
        for part in concept.features:
            if part.contribution == 0:
                continue
            value = "missing" if part.value is None else f"{part.value:g}"
            mark = " (never given as a reason)" if part.protected else ""
            say(f"      {part.contribution:+.4f}  {part.feature} = {value}{mark}")
    say(f"Adds up within 0.000001: {'yes' if found.adds_up else 'NO'} ({found.difference:+.1e})")
