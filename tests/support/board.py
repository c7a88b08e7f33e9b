"""A small region with half a year of lists, decisions, two models and an audit, for board packs."""

from __future__ import annotations

import atexit
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from hiu_risk.cli.board_material import gather
from hiu_risk.histories import Histories
from hiu_risk.ingest import run_ingest
from hiu_risk.model import Bundle, ModelHome
from hiu_risk.model.evidence import keep
from hiu_risk.model.ledger import Ledger
from hiu_risk.store import Store
from hiu_risk.suppression import SmallNumbers
from hiu_risk.synth import write_region
from hiu_risk.times import parse_as_of
from hiu_serving.decisions import REASONS, Answer, Decision, record
from hiu_serving.freshness import FreshnessLimits
from hiu_serving.score import make_worklist
from hiu_serving.scorer import Scorer
from hiu_serving.state import State
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.board.quarter import Quarter
from hiu_training.board.records import Material
from hiu_training.judging.rankers import judge_bundle
from hiu_training.protocol import Protocol, parse_protocol
from hiu_training.rows.scored import scored_rows
from tests.support.serving import make_bundle
from tests.support.two_calls import TWO_CALLS

ZONE = "Europe/London"
BEFORE, QUARTER, AFTER = "2023Q1", "2023Q2", "2023Q3"
"""Quarters of which the lists are all observed; observed in part; without a list."""

DATES = ("2023-01-16", "2023-02-13", "2023-03-13", "2023-04-03", "2023-04-24", "2023-05-22")
CAPACITY = 150
ANSWERS: tuple[Answer, ...] = ("accepted", "accepted", "declined", "deferred")

PROTOCOL = f"""horizon_days = 60
resamples = 40
{TWO_CALLS}"""


@dataclass(frozen=True)
class Region:
    """Where everything is, and who champions."""

    folder: Path
    first: str
    champion: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def home(self) -> Path:
        return self.folder / "home"


@cache
def shared_region() -> Region:
    """The region, made once for all tests of a process; nobody may write into it."""
    folder = tempfile.TemporaryDirectory(prefix="hiu-risk-board-")
    atexit.register(folder.cleanup)
    return make_region(Path(folder.name))


@cache
def material() -> Material:
    """What a pack of the second quarter is made of, with nothing filled in."""
    region = shared_region()
    store = Store.open(region.store)
    quarter = Quarter.parse(QUARTER, store.manifest.zone)
    return gather(
        store=store, home=ModelHome(region.home), model="champion", quarter=quarter,
        day=date(2023, 7, 5), fields=region.folder / "no-fields", allow_no_lists=False,
    ).material  # fmt: skip


def make_region(folder: Path, *, people: int = 1_500, audited: bool = True) -> Region:
    """Write the region: a champion replaced in the second quarter against a failed gate."""
    write_region(folder / "raw", people=people, seed=5, months=18)
    run_ingest(folder / "raw" / "mapping.toml", folder / "store", key=b"k" * 32)
    protocol = parse_protocol(PROTOCOL)
    store, home = Store.open(folder / "store"), ModelHome(folder / "home")
    models = [_bundle(protocol, base) for base in (0.02, 0.03)]
    for bundle in models:
        home.add(bundle)
    for bundle in models if audited else ():
        keep(home, bundle.version, "audit", _audit(store, bundle, protocol))
    judged = judge_bundle(store, models[1], protocol)
    keep(home, models[1].version, "evaluation", judged.evaluation)
    _ledger(home, models)
    _lists(store.histories(), home, models, store.content_hash)
    return Region(folder, models[0].version, models[1].version)


def _bundle(protocol: Protocol, base_rate: float) -> Bundle:
    return make_bundle(
        definition=protocol.definition.to_dict(), washout_days=90, horizon_days=60,
        base_rate=base_rate,
    )  # fmt: skip


def _audit(store: Store, bundle: Bundle, protocol: Protocol) -> dict[str, object]:
    rows = scored_rows(store, bundle, protocol)
    report = audit(rows, Plan(capacities=(20, 40, 60), primary=40, resamples=100, seed=1))
    context = Context(
        model=bundle.version,
        definition=bundle.definition.in_words(),
        target="onset",
        horizon_days=60,
        washout_days=90,
        protocol="protocol.toml",
        store=store.content_hash[:12],
        zone=ZONE,
    )
    return publish(report, context, SmallNumbers(), ()).model_dump(mode="json")


def _ledger(home: ModelHome, models: list[Bundle]) -> None:
    ledger = Ledger(home.path)
    gates = [
        {"name": "beats ranking by calls", "outcome": "passed", "detail": "interval above zero"},
        {"name": "fairness", "outcome": "insufficient evidence", "detail": "too few cases"},
    ]
    ledger.append(
        at=parse_as_of("2022-12-01", ZONE), action="first", version=models[0].version,
        who="A. Scientist", gates=gates[:1],
    )  # fmt: skip
    ledger.append(
        at=parse_as_of("2023-04-20", ZONE), action="promote", version=models[1].version,
        who="B. Owner", reason="more cases found, fairness to be looked at again in July",
        override=True, gates=gates, evidence={"gates_of_another_protocol": True},
    )  # fmt: skip


def _lists(histories: Histories, home: ModelHome, models: list[Bundle], store_hash: str) -> None:
    state = State.open(home.path)
    scorers = [Scorer.of(bundle) for bundle in models]
    for place, day in enumerate(DATES):
        as_of = parse_as_of(day, ZONE)
        scorer = scorers[day >= "2023-04-20"]
        made = make_worklist(
            histories, as_of, scorer, capacity=CAPACITY, store_hash=store_hash,
            before=state.before(as_of, scorer.purpose), limits=FreshnessLimits(3, 60),
        )  # fmt: skip
        moment = datetime.fromisoformat(f"{day}T07:00:00").replace(tzinfo=UTC)
        state.add(made, moment)
        decided = [
            Decision(entry.person, answer, REASONS[answer][entry.rank % len(REASONS[answer])],
                     "C. Reviewer")
            for entry in made.entries[place::2]
            for answer in (ANSWERS[entry.rank % 4],)
        ]  # fmt: skip
        record(state, as_of, decided, moment)
    state.close()
