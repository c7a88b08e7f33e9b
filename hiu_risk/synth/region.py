"""Make a whole synthetic region: block after block of people, streamed into one folder."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hiu_risk.errors import UsageError
from hiu_risk.files import write_json
from hiu_risk.progress import progress
from hiu_risk.synth import contacts, extracts, truth
from hiu_risk.synth.faults import FAULTS, bad_rows
from hiu_risk.synth.mapping import mapping_text
from hiu_risk.synth.parameters import RegionParameters
from hiu_risk.synth.people import draw_residents, identifiers, people_table, uses_nhs_numbers
from hiu_risk.synth.process import Spans, run
from hiu_risk.synth.uktime import ZONE, day_number, local_date_text, to_utc
from hiu_risk.times import DAY, month_starts

BLOCK = 2_000
"""People per block. Each block has random streams of its own, so that neither the number of
threads nor what else is in memory changes a byte; part of the format: another size is another
region."""
SETTLING_DAYS = 90
"""The extracts are made so long after the region's end, so that late rows are in."""
FEWEST_MONTHS, MOST_MONTHS = 3, 120
CSV_FILES = ("calls", "ae", "admissions", "people", "caseload")
TRUTH_FILES = {
    "truth": truth.TRUTH_FILE,
    "truth_people": truth.PEOPLE_FILE,
    "truth_episodes": truth.EPISODES_FILE,
}
SOURCE_OF_TRUTH = "truth.json"


@dataclass(frozen=True)
class Plan:
    """What to make: all that a block needs to know."""

    people: int
    seed: int
    months: int
    parameters: RegionParameters = field(default_factory=RegionParameters)

    def __post_init__(self) -> None:
        if self.people < 1:
            raise UsageError("a region needs people", where="--people", fix="give 1 or more")
        if not 0 <= self.seed < 2**63:
            raise UsageError("a seed is a whole number from 0", where="--seed")
        if not FEWEST_MONTHS <= self.months <= MOST_MONTHS:
            raise UsageError(
                f"a region spans {FEWEST_MONTHS} to {MOST_MONTHS} months", where="--months",
                fix="36 gives a year of history and two years to train and test on",
            )  # fmt: skip

    @property
    def end(self) -> date:
        """The day after the last."""
        start = self.parameters.start
        months = start.year * 12 + start.month - 1 + self.months
        return date(months // 12, months % 12 + 1, 1)

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.parameters.start).days

    @property
    def extracted(self) -> int:
        """When the extracts were made, UTC seconds."""
        return int(to_utc(np.array([(day_number(self.end) + SETTLING_DAYS) * DAY]))[0])

    @property
    def index_days(self) -> NDArray[np.float64]:
        """First of each month after the first, in days since the start; the end is the last."""
        starts = month_starts(self.parameters.start, self.end)[1:]
        return np.array(starts, np.float64) / DAY - day_number(self.parameters.start)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.people // BLOCK)


@dataclass(frozen=True)
class Made:
    """One block's rows, by file, and what was counted while making them."""

    tables: dict[str, pa.Table]
    counts: Counter[str]


def make_block(plan: Plan, block: int) -> Made:
    """Make one block of people and everything that happens to them."""
    parameters, people = plan.parameters, plan.people
    index = np.arange(block * BLOCK, min(people, (block + 1) * BLOCK), dtype=np.int64)
    streams = [
        np.random.Generator(np.random.PCG64(child))
        for child in np.random.SeedSequence(plan.seed, spawn_key=(block,)).spawn(5)
    ]
    who = draw_residents(streams[0], index, people, plan.days, parameters)
    winter = 15.0 - (parameters.start - date(parameters.start.year, 1, 1)).days
    happened, true, warnings, spells = run(
        streams[1], streams[2], parameters.rates, who.traits, plan.index_days,
        float(plan.days), winter,
    )  # fmt: skip
    incidents, walk_ins = contacts.mark_incidents(streams[3], who, happened, parameters)
    attendances = contacts.add_attendances(
        streams[3], who, incidents, walk_ins, plan.days, parameters
    )
    admissions = contacts.add_admissions(streams[3], who, attendances, plan.days, parameters)
    rng, extracted = streams[4], plan.extracted
    feeds = {
        "calls": extracts.calls_extract(rng, block, people, who, incidents, extracted, parameters),
        "ae": extracts.ae_extract(rng, block, people, who, attendances, extracted, parameters),
        "admissions": extracts.admissions_extract(
            rng, block, people, who, admissions, extracted, parameters
        ),
    }
    tables = {name: feed.table for name, feed in feeds.items()}
    tables["people"] = people_table(who, people, parameters)
    tables["caseload"] = _caseload_table(plan, who.index, spells)
    if block == 0:
        for name in FAULTS:
            extra = bad_rows(name, tables[name], parameters.feeds.bad_rows)
            tables[name] = pa.concat_tables([tables[name], extra])
    tables["truth"] = truth.truth_table(who, people, true, plan.index_days, parameters)
    tables["truth_people"] = truth.truth_people_table(who, people)
    tables["truth_episodes"] = truth.episodes_table(who, people, warnings, parameters)
    counts = Counter({f"repeats.{name}": feed.repeats for name, feed in feeds.items()})
    counts["incidents"] = len(incidents.person)
    counts["crises"] = int(np.isfinite(warnings.middle).sum())
    counts.update({f"rows.{name}": table.num_rows for name, table in tables.items()})
    return Made(tables, counts)


def _caseload_table(plan: Plan, index: NDArray[np.int64], spells: Spans) -> pa.Table:
    kept = (spells.start < plan.days) & (spells.end > 0)
    day_zero = day_number(plan.parameters.start)

    def day(days: NDArray[np.float64]) -> pa.Array:
        wall = (days.astype(np.int64) + day_zero) * DAY + DAY // 2
        return local_date_text(to_utc(wall), days >= plan.days)

    return pa.table(
        {
            "nhs_number": identifiers(index, plan.people).take(pa.array(spells.person[kept])),
            "programme": pa.array(np.full(int(kept.sum()), "HIU"), pa.string()),
            "start": day(spells.start[kept]),
            # A spell covers its last day, so the effect ends at the midnight after it.
            "end": day(np.where(spells.end[kept] >= plan.days, plan.days, spells.end[kept] - 1)),
        }
    )


def write_region(
    folder: Path,
    *,
    people: int,
    seed: int,
    months: int = 36,
    parameters: RegionParameters | None = None,
    workers: int = 2,
) -> dict[str, Any]:
    """Make a region and write its extracts, its mapping and its truth.

    Nothing appears under ``folder`` until everything is written.

    Parameters
    ----------
    folder : Path
        Where to; must not exist, or be empty.
    people : int
        How many people the service knows.
    seed : int
        The same seed gives the same bytes.
    months : int
        How many months the feeds cover.
    parameters : RegionParameters, optional
        What is true; the defaults reach the published scale.
    workers : int
        Threads; changes nothing but the time it takes.

    Returns
    -------
    dict
        What ``truth.json`` says.

    Raises
    ------
    UsageError
        An impossible number of people or months, or a folder that holds something.
    """
    plan = Plan(people, seed, months, parameters or RegionParameters())
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "the output folder holds something already",
            where=str(folder),
            fix="name a new folder, or empty this one",
        )
    temporary = _temporary_beside(folder)
    try:
        counts = _write_blocks(temporary, plan, workers)
        summary = _summary(plan, counts)
        (temporary / "mapping.toml").write_text(_mapping(plan), encoding="utf-8")
        write_json(temporary / SOURCE_OF_TRUTH, summary)
        temporary.chmod(0o755)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return summary


def _temporary_beside(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise UsageError(
            f"can't write: {error.strerror}",
            where=str(folder),
            fix="choose a folder you may write to",
        ) from None


def _write_blocks(folder: Path, plan: Plan, workers: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        writers: dict[str, Any] = {}
        advance = stack.enter_context(progress("Making the region", total=plan.people))
        for made in _in_order(plan, workers):
            for name, table in made.tables.items():
                if name not in writers:
                    writers[name] = stack.enter_context(_writer(folder, name, table.schema))
                writers[name].write_table(table)
            counts.update(made.counts)
            advance(made.tables["people"].num_rows)
    return counts


def _writer(folder: Path, name: str, schema: pa.Schema) -> Any:
    if name in TRUTH_FILES:
        return pq.ParquetWriter(folder / TRUTH_FILES[name], schema, compression="zstd")
    options = pacsv.WriteOptions(quoting_style="none", quoting_header="none", batch_size=8192)
    return pacsv.CSVWriter(folder / f"{name}.csv", schema, write_options=options)


def _in_order(plan: Plan, workers: int) -> Iterator[Made]:
    """Make blocks on several threads, a few ahead of the writer, and give them in order."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead: deque[Future[Made]] = deque()
        for block in range(plan.blocks):
            ahead.append(pool.submit(make_block, plan, block))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _local(day: date) -> str:
    return f"{day.isoformat()}T00:00"


def _extract_day(plan: Plan) -> date:
    return date.fromordinal(plan.end.toordinal() + SETTLING_DAYS)


def _mapping(plan: Plan) -> str:
    return mapping_text(
        kind="nhs_number" if uses_nhs_numbers(plan.people) else "local_id",
        starts_at=_local(plan.parameters.start),
        complete_until=_local(plan.end),
        extract_until=_local(_extract_day(plan)),
        admission_delay_days=plan.parameters.feeds.admission_delay_days,
    )


def _summary(plan: Plan, counts: Counter[str]) -> dict[str, Any]:
    rates, bad = plan.parameters.rates, plan.parameters.feeds.bad_rows
    identity = plan.parameters.identity
    feeds = {}
    for name in CSV_FILES:
        broken = {rule: bad for rule, _ in FAULTS.get(name, ())}
        feeds[name] = {
            "rows": counts[f"rows.{name}"],
            "rejected": broken,
            "merged": counts[f"repeats.{name}"],
        }
    reproduction = rates.excitation_mean
    managed = 1 + rates.caseload_effect
    total = managed * (1 - reproduction) / (1 - managed * reproduction) - 1
    return {
        "people": plan.people,
        "seed": plan.seed,
        "months": plan.months,
        "from": plan.parameters.start.isoformat(),
        "to": plan.end.isoformat(),
        "extracted": _extract_day(plan).isoformat(),
        "zone": ZONE,
        "incidents": counts["incidents"],
        "crises": counts["crises"],
        "feeds": feeds,
        "caseload_effect": {
            "on_intensity": rates.caseload_effect,
            "on_incidents": round(total, 6),
        },
        "group_differences": {
            "missing_identity_times": identity.missing_by_ethnic_group,
            "missing_identity_deprived_times": identity.missing_by_deprived_quintile,
            "calls_log_ratio_per_decile": plan.parameters.people.deprivation_step,
            "warnings_log_ratio_per_decile": plan.parameters.people.escalation_deprivation_step,
        },
        "parameters": plan.parameters.to_dict(),
    }
