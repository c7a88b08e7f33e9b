"""``hiu-risk score``: the ranked worklist of one day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from hiu_risk.cli.engine import (
    Engine,
    Master,
    OpenSpark,
    SparkSettings,
    Where,
    spark_asked_for,
)
from hiu_risk.cli.output import (
    AsOf,
    HomeFolder,
    JsonFile,
    ModelName,
    Result,
    StoreFolder,
    result_text,
    say,
)

if TYPE_CHECKING:
    from hiu_features.parts import Job
    from hiu_risk.store import Store
    from hiu_serving.chances import Chances
    from hiu_serving.in_parts import InParts
    from hiu_serving.scorer import Scorer
    from hiu_serving.worklist import Worklist


class ReasonResult(Result):
    """What raises or lowers a score: a concept, told by the person's own values."""

    concept: str
    feature: str
    sentence: str
    contribution: float


class MoveResult(Result):
    """How one concept moved a score: in log-odds, and its part of the change of the chance."""

    concept: str
    contribution: float
    chance: float


class SinceResult(Result):
    """What changed since the last list; ``score`` is the person's then, by the model in use now."""

    as_of: int
    score: float | None
    events: str
    chance: str
    moves: list[MoveResult]


class AbstainedResult(Result):
    """Somebody of whom too little is known to score them."""

    person: str
    code: str
    days_known: int
    incidents: int


class EntryResult(Result):
    """One name on the list."""

    rank: int
    person: str
    score: float
    interval: tuple[float, float] | None = Field(
        description="90% interval of the chance of people with such a score; null if unknown"
    )
    band: str
    change: str
    previous_rank: int | None
    reasons: list[ReasonResult]
    cautions: list[str]
    lowering: list[ReasonResult]
    since: SinceResult | None
    concepts: dict[str, float]


class FeedResult(Result):
    """How far one feed reaches."""

    source: str
    complete_until: int
    newest_known_at: int | None
    days_behind: float
    status: str


class ReservedResult(Result):
    """That places on the whole list are reserved by group; it is said of no person."""

    column: str
    text: str
    who: str
    decided_at: int
    of_model: str = Field(description="the model that it was decided about; scores are the same")
    expected: float = Field(description="cases expected among those listed, to one decimal")
    expected_by_score: float = Field(description="the same, had the highest scores been listed")


class ChancesResult(Result):
    """The chances of one listed person; the keys are horizons in days."""

    person: str
    within_days: dict[str, float]
    intervals: dict[str, tuple[float, float] | None] = Field(
        description="90% interval of each, by the model of its horizon; null if unknown"
    )


class ScoreResult(Result):
    """The worklist of one day, and where it was written."""

    as_of: int
    as_of_text: str
    model: str
    store: str
    definition: dict[str, Any]
    definition_in_words: str
    target: str
    horizon_days: int
    capacity: int
    n_people: int
    n_scored: int
    exclusions: dict[str, int]
    look_back_covered: bool
    feeds: list[FeedResult]
    previous_as_of: int | None
    left: int
    tied_out: int
    reserved: ReservedResult | None = Field(
        description="null where the highest scores are listed, whoever has them"
    )
    entries: list[EntryResult]
    previous_model: str | None
    least_days: int
    abstained: list[AbstainedResult]
    chances: list[ChancesResult]
    files: list[str]
    not_for: str


def score(
    as_of: AsOf,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for worklist.csv and worklist.html.")
    ],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    capacity: Annotated[int, typer.Option(help="Most people on the list.")] = 75,
    banner_days: Annotated[
        float, typer.Option(help="Days a feed may be late before the list says so.")
    ] = 3,
    refuse_days: Annotated[
        float,
        typer.Option(help="Days a feed the definition counts may be late before none is made."),
    ] = 21,
    least_days: Annotated[
        int, typer.Option(help="Days that must be known of somebody before they are scored.")
    ] = 28,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A model of another horizon, for chances.csv; may be repeated."
        ),
    ] = None,
    engine: Engine = Where.here,
    master: Master = None,
    spark_setting: SparkSettings = None,
    json_file: JsonFile = None,
) -> None:
    """List the people most likely to meet the definition soon, each with reasons.

    The list is kept in the model home, so that the next one can say what changed.
    """
    from hiu_risk.files import require_folder
    from hiu_risk.groups import people_columns
    from hiu_risk.model import ModelHome
    from hiu_risk.model.horizons import HorizonFamily
    from hiu_risk.store import Store
    from hiu_risk.times import now, parse_as_of
    from hiu_serving.chances import chances_csv, chances_of
    from hiu_serving.coverage import Floor
    from hiu_serving.files import FILES, write_worklist
    from hiu_serving.freshness import FreshnessLimits
    from hiu_serving.identity import doubtful
    from hiu_serving.score import make_worklist
    from hiu_serving.scorer import Scorer
    from hiu_serving.state import State

    spark = spark_asked_for(engine, master, spark_setting)
    require_folder(out)
    limits = FreshnessLimits(banner_days, refuse_days)
    models = ModelHome(home)
    scorer = Scorer.of(models.load(model), floor=Floor(least_days))
    family = HorizonFamily(scorer.bundle, [models.load(name) for name in also]) if also else None
    moment = parse_as_of(as_of, scorer.bundle.manifest.zone)
    opened = Store.open(store)
    rules = opened.manifest
    scorer.require_same_rules(rules.zone, rules.counting, rules.gap_seconds)
    everybody = None if spark is None else _on_spark(spark, opened, moment, scorer, out)
    histories = opened.histories() if everybody is None else everybody.people()
    state = State.open(home)
    try:
        worklist = make_worklist(
            histories,
            moment,
            scorer,
            capacity=capacity,
            store_hash=opened.content_hash,
            before=state.before(moment, scorer.purpose),
            limits=limits,
            doubts=lambda people: doubtful(opened, people, moment),
            column_of=lambda name: people_columns(opened, [name])[name],
            everybody=everybody,
        )
        chances = None
        if family:
            listed = [entry.person for entry in worklist.entries]
            known = histories if everybody is None else everybody.histories_by_name(listed)
            chances = chances_of(known, scorer, family, worklist)
        more = {} if chances is None else {out / "chances.csv": chances_csv(chances)}
        result = _result(worklist, (*(out / name for name in FILES), *more), chances)
        if json_file is not None:
            more[json_file] = result_text(result)
        made_at = now()
        write_worklist(worklist, out, made_at, more=more, keep=lambda: state.add(worklist, made_at))
    finally:
        state.close()
    _say(worklist, result)


def _on_spark(spark: OpenSpark, store: Store, as_of: int, scorer: Scorer, out: Path) -> InParts:
    """Have everybody scored by Spark, in a folder beside the list's that is gone at the end."""
    from hiu_features.cluster import run_on_spark
    from hiu_risk.files import require_folder
    from hiu_risk.progress import progress
    from hiu_serving.in_parts import InParts

    def do(job: Job, folder: Path) -> dict[str, Any]:
        people = float(max(job.parts[-1].stop, 1))
        with progress("Scoring", people, "people") as advance, spark() as session:
            return run_on_spark(session, job, folder, progress=advance)

    place = out.absolute()
    require_folder(place.parent)
    return InParts(store, as_of, scorer, place.parent / f".{place.name}.scores", do)


def _result(worklist: Worklist, files: tuple[Path, ...], chances: Chances | None) -> ScoreResult:
    from dataclasses import asdict

    from hiu_risk import NOT_FOR
    from hiu_serving.wording import local_iso

    plain = asdict(worklist)
    return ScoreResult(
        as_of_text=local_iso(worklist.as_of, worklist.zone),
        model=worklist.bundle_id,
        store=worklist.store_hash,
        definition_in_words=worklist.rule,
        feeds=[FeedResult(**feed) for feed in plain["freshness"]],
        entries=[EntryResult(**entry) for entry in plain["entries"]],
        previous_model=worklist.previous_bundle_id,
        abstained=[AbstainedResult(**one) for one in plain["abstained"]],
        reserved=None
        if worklist.reserved is None
        else ReservedResult(text=worklist.reserved.text, **plain["reserved"]),
        chances=[
            ChancesResult(
                person=person,
                within_days=dict(zip(map(str, chances.horizons), values, strict=True)),
                intervals=dict(zip(map(str, chances.horizons), limits, strict=True)),
            )
            for person, values, limits in zip(
                chances.people, chances.values, chances.intervals, strict=True
            )
        ]
        if chances
        else [],
        files=[str(file) for file in files],
        not_for=NOT_FOR,
        **{
            name: plain[name]
            for name in (
                "as_of", "definition", "target", "horizon_days", "capacity", "n_people",
                "n_scored", "exclusions", "look_back_covered", "previous_as_of", "left", "tied_out",
                "least_days",
            )
        },
    )  # fmt: skip


def _say(worklist: Worklist, result: ScoreResult) -> None:
    from hiu_serving.wording import exclusion_in_words, looks_ahead
    from hiu_serving.worklist import INSIDE_ONLY, TIE_RULE
    from hiu_serving.worklist_page import counted, feed_banner, reserved_by

    say(f"Worklist at {result.as_of_text}, model {worklist.bundle_id[:12]}")
    say(f"Definition: {worklist.definition['title']}: {worklist.rule}")
    say(f"Looks ahead {looks_ahead(worklist.target, worklist.horizon_days)} ({worklist.target})")
    whole = counted(worklist.n_people, worklist.definition["entity"])
    rest = ", the others left out:" if worklist.n_scored < worklist.n_people else ""
    say(f"{whole}: {worklist.n_scored:,} scored{rest}")
    for reason, count in worklist.exclusions.items():
        if count:
            say(f"  {count:>9,}  {exclusion_in_words(reason)}")
    if not worklist.look_back_covered:
        say("The data do not reach back through the whole look-back of the target.")
    for feed in worklist.stale:
        say(feed_banner(feed, worklist.zone))
    if worklist.reserved is not None:
        say(worklist.reserved.text)
        say(reserved_by(worklist.reserved, worklist.zone))
        say(f"{worklist.reserved.price}.")
    ties = f". {TIE_RULE}" if worklist.has_ties else ""
    say(f"Listed: {len(worklist.entries)} of at most {worklist.capacity}{ties}")
    if worklist.previous_as_of is not None:
        new = sum(entry.change == "new" for entry in worklist.entries)
        say(f"Since the list before: {new} new, {worklist.left} no longer listed")
    for file in result.files:
        say(f"Written: {file}")
    say(INSIDE_ONLY)
    say(result.not_for)
