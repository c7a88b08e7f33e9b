"""``hiu-risk explain``: one person's score taken apart, everybody's, or the reasons themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from hiu_risk.cli.explanation_table import say_explanation, say_faithful, say_stable
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
from hiu_risk.errors import UsageError

if TYPE_CHECKING:
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_serving.explain import Explanation
    from hiu_serving.scorer import Scorer


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


class MoveSaid(Result):
    """How one concept moved a score: in log-odds, and its part of the change of the chance."""

    concept: str
    contribution: float
    chance: float


class SinceSaid(Result):
    """What changed since the last list; ``score`` is the person's then, by this model."""

    as_of: int
    score: float | None
    events: str
    chance: str
    moves: list[MoveSaid]


class ExplainResult(Result):
    """A score taken apart: ``base`` and all contributions add up to ``log_odds``.

    Of somebody who isn't scored (``not_scored`` says why) there is nothing to take apart: the
    numbers are null and the lists empty.
    """

    person: str
    as_of: int
    model: str
    score: float | None
    interval: tuple[float, float] | None = Field(
        description="90% interval of the chance of people with such a score; null if unknown"
    )
    band: str | None
    log_odds: float | None
    base: float | None
    difference: float | None
    adds_up: bool | None
    concepts: list[ConceptResult]
    raising: list[ReasonSaid]
    lowering: list[ReasonSaid]
    cautions: list[CautionSaid]
    not_scored: CautionSaid | None
    since: SinceSaid | None
    not_for: str


def explain(
    as_of: AsOf = "",
    person: Annotated[str, typer.Option(help="A pseudonym, as on a worklist.")] = "",
    everybody: Annotated[
        bool, typer.Option("--all", help="Take everybody's score apart, into files in --out.")
    ] = False,
    beeswarm: Annotated[
        bool, typer.Option("--beeswarm", help="Draw everybody's contributions with --plot.")
    ] = False,
    dependence: Annotated[
        str, typer.Option(metavar="FEATURE", help="Draw one feature's contributions with --plot.")
    ] = "",
    faithfulness: Annotated[
        bool,
        typer.Option(
            "--faithfulness",
            help="Measure on the test dates whether reasons are true of the model and stable.",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Picture, .svg or .png; of a person, the waterfall."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of Parquet files, for --all.")
    ] = None,
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    refits: Annotated[
        int, typer.Option(min=0, max=50, help="Refits of each kind, for --faithfulness.")
    ] = 3,
    capacity: Annotated[
        int, typer.Option(min=1, help="Length of the lists looked at, for --faithfulness.")
    ] = 75,
    json_file: JsonFile = None,
) -> None:
    """Take scores apart: what raises them, what lowers them, and that it adds up.

    Give one of --person, --all, --beeswarm, --dependence and --faithfulness.
    All but the last need --as-of.
    """
    from hiu_risk.model import ModelHome
    from hiu_risk.times import parse_as_of
    from hiu_serving.scorer import Scorer

    asked = {
        "--person": bool(person), "--all": everybody, "--beeswarm": beeswarm,
        "--dependence": bool(dependence), "--faithfulness": faithfulness,
    }  # fmt: skip
    what = _only(asked)
    _check_options(what, as_of=as_of, plot=plot, out=out, json_file=json_file)
    models = ModelHome(home)
    scorer = Scorer.of(models.load(model))
    if what == "--faithfulness":
        _measure(store, models, scorer, capacity, refits)
        return
    moment = parse_as_of(as_of, scorer.bundle.manifest.zone)
    if what == "--person":
        _person(store, home, scorer, person, moment, plot, json_file)
    elif what == "--all":
        assert out is not None  # noqa: S101 - checked above
        _everybody(store, scorer, moment, out)
    else:
        assert plot is not None  # noqa: S101 - checked above
        _draw(store, scorer, moment, dependence, plot)


def _only(asked: dict[str, bool]) -> str:
    chosen = [name for name, wanted in asked.items() if wanted]
    if len(chosen) != 1:
        raise UsageError(
            "explain does one thing at a time" if chosen else "nothing to explain",
            where=", ".join(chosen) or "explain",
            fix="give one of " + ", ".join(asked),
        )
    return chosen[0]


def _check_options(
    what: str, *, as_of: str, plot: Path | None, out: Path | None, json_file: Path | None
) -> None:
    needs = {
        "--all": ("--out", out),
        "--beeswarm": ("--plot", plot),
        "--dependence": ("--plot", plot),
    }
    name, given = needs.get(what, ("", True))
    if given is None:
        raise UsageError(f"{what} needs {name}", where=what, fix=f"say where to write with {name}")
    if what != "--faithfulness" and not as_of:
        raise UsageError("an index date is missing", where=what, fix="give it with --as-of")
    if json_file is not None and what != "--person":
        raise UsageError("--json goes with --person", where="--json", fix=f"leave it out of {what}")
    if plot is not None:
        from hiu_training.reasons.shap_plots import check_picture

        check_picture(plot)


_WITHOUT_A_SCORE: dict[str, Any] = {
    **dict.fromkeys(
        ("score", "interval", "band", "log_odds", "base", "difference", "adds_up", "since")
    ),
    **dict.fromkeys(("concepts", "raising", "lowering"), ()),
}
"""What is written of somebody who isn't scored."""


def _person(
    store: Path,
    home: Path,
    scorer: Scorer,
    person: str,
    moment: int,
    plot: Path | None,
    json_file: Path | None,
) -> None:
    from dataclasses import asdict

    from hiu_risk import NOT_FOR
    from hiu_serving.explain import explain as explained_by
    from hiu_serving.explain import position_of
    from hiu_serving.identity import doubtful
    from hiu_serving.state import State

    opened, histories = _opened(store, scorer, moment)
    position = position_of(histories, person)
    state = State.open_existing(home)
    try:
        before = None if state is None else state.before(moment, scorer.purpose)
    finally:
        if state is not None:
            state.close()
    found = explained_by(
        histories, position, moment, scorer,
        last=None if before is None else before.as_of,
        doubts=doubtful(opened, [position], moment),
    )  # fmt: skip
    if plot is not None and not found.abstained:
        _waterfall(found, scorer, plot)
    say_explanation(found, scorer.version)
    if plot is not None:
        say("No picture: no score is given" if found.abstained else f"Written: {plot}")
    say(NOT_FOR)
    write_result(
        json_file,
        ExplainResult(
            person=person,
            as_of=moment,
            model=scorer.id,
            not_for=NOT_FOR,
            **{
                **asdict(found),
                "adds_up": found.adds_up,
                **(_WITHOUT_A_SCORE if found.abstained else {}),
            },
        ),
    )


def _opened(store: Path, scorer: Scorer, moment: int) -> tuple[Any, Any]:
    from hiu_risk.store import Store

    opened = Store.open(store)
    _require_fit(opened, scorer, moment)
    return opened, opened.histories()


def _require_fit(opened: Store, scorer: Scorer, moment: int) -> None:
    """Refuse a store that the model isn't for."""
    from hiu_serving.learned import require_feeds

    rules = opened.manifest
    scorer.require_same_rules(rules.zone, rules.counting, rules.gap_seconds)
    feeds = opened.histories(rows=(0, 0)).feeds
    require_feeds(scorer.bundle, scorer.catalogue, feeds, moment, rules.zone)


def _waterfall(found: Explanation, scorer: Scorer, plot: Path) -> None:
    import numpy as np

    from hiu_training.reasons.shap_plots import Parts, waterfall

    by_name = {part.feature: part for concept in found.concepts for part in concept.features}
    parts = [by_name[name] for name in scorer.catalogue.names]
    missing = float("nan")
    values = [missing if part.value is None else part.value for part in parts]
    waterfall(
        plot,
        Parts(
            scorer.catalogue.names,
            np.array([values], np.float32),
            np.array([[part.contribution for part in parts]]),
            found.base,
        ),
        f"From the base to this person's score, {found.score:.3f} (log-odds)",
    )


def _everybody(store: Path, scorer: Scorer, moment: int, out: Path) -> None:
    from hiu_features.write import run
    from hiu_risk import NOT_FOR
    from hiu_risk.progress import progress
    from hiu_risk.store import Store
    from hiu_serving.parts import ExplainWork, score_job

    _require_fit(Store.open(store), scorer, moment)
    job = score_job(store, scorer.bundle, moment, work=ExplainWork)
    people = float(job.parts[-1].stop if job.parts else 0)
    with progress("Explaining", total=max(people, 1.0), unit="people") as advance:
        manifest = run(job, out, replace=True, progress=advance)
    say(f"Explained {manifest['rows']:,} of {manifest['people']:,} people, model {scorer.version}")
    say("Every row's parts add up to its score within 0.000001 of log-odds.")
    say(f"Written: {out} ({len(manifest['parts'])} parts)")
    say("For the High Intensity Use team only: it holds pseudonyms, and may not leave the team.")
    say(NOT_FOR)


def _draw(store: Path, scorer: Scorer, moment: int, feature: str, plot: Path) -> None:
    import numpy as np

    from hiu_risk.errors import DataError
    from hiu_training.reasons.shap_plots import MOST_POINTS, Parts, beeswarm, dependence

    _, histories = _opened(store, scorer, moment)
    mask = scorer.candidates(histories, moment).mask
    if not mask.any():
        raise DataError(
            "nobody can be scored at the index date", where="--as-of", fix="choose another date"
        )
    chosen = np.flatnonzero(mask)
    if len(chosen) > MOST_POINTS:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_POINTS).astype(np.int64)]
    some = np.zeros_like(mask)
    some[chosen] = True
    scored = scorer.score(histories, moment, some)
    contributions, base = scorer.contributions(scored.values, scored.score)
    parts = Parts(scorer.catalogue.names, scored.values, contributions, float(base[0]))
    if feature:
        dependence(plot, parts, feature)
    else:
        beeswarm(plot, parts)
    say(f"Drawn: {len(chosen):,} of {int(mask.sum()):,} people who can be scored")
    say(f"Written: {plot}")


def _measure(store: Path, models: ModelHome, scorer: Scorer, capacity: int, refits: int) -> None:
    from hiu_risk.model import evidence
    from hiu_training.protocol import parse_protocol
    from hiu_training.reasons.faithfulness import faithfulness
    from hiu_training.reasons.stability import stability
    from hiu_training.rows.inputs import make_rows
    from hiu_training.rows.scored import check_purpose
    from hiu_training.rows.split import make_split

    bundle = scorer.bundle
    protocol = parse_protocol(bundle.protocol, where=f"model {scorer.version}, protocol.toml")
    check_purpose(bundle, protocol)
    opened, histories = _opened(store, scorer, bundle.manifest.trained_through)
    split = make_split(protocol, histories.feeds, histories.zone)
    test = make_rows(histories, split.test, protocol, scorer.catalogue)
    facts = {
        "model": scorer.id,
        "store": opened.content_hash,
        "same_store": opened.content_hash == bundle.manifest.data_hash,
        "test_dates": split.test.tolist(),
    }
    found = facts | faithfulness(histories, test, bundle, capacity=capacity, seed=protocol.seed)
    evidence.keep(models, scorer.version, "faithfulness", found)
    say_faithful(found)
    if refits:
        development = make_rows(histories, split.development, protocol, scorer.catalogue)
        steady = facts | stability(
            development, test, split, bundle, protocol, refits=refits, capacity=capacity
        )
        evidence.keep(models, scorer.version, "stability", steady)
        say_stable(steady)
    say(f"Kept with the model: {models.path / 'evidence' / scorer.version}")
    if not facts["same_store"]:
        say("This is not the store that the model was trained on.")
