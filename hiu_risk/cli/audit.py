"""``hiu-risk audit``: who is missed, by group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiu_risk.cli.output import (
    HomeFolder,
    JsonFile,
    ModelName,
    ProtocolFile,
    Result,
    StoreFolder,
    say,
    write_result,
)
from hiu_training.audit.result import MAY_NOT_LEAVE, AuditDocument

if TYPE_CHECKING:
    from hiu_training.audit.report import Plan
    from hiu_training.protocol import Protocol


class AuditResult(AuditDocument, Result):
    """A fairness audit as the page shows it, and where the page is."""

    page: str


def audit(
    protocol: ProtocolFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for audit.html.")],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    by: Annotated[
        list[str] | None, typer.Option(help="A grouping column; repeat for more. Default: all.")
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Also cross every two grouping columns.")
    ] = False,
    capacity: Annotated[
        int | None, typer.Option(help="List length that findings are judged at. Default: 75.")
    ] = None,
    min_cases: Annotated[
        int, typer.Option(help="People who became cases, needed before anything is concluded.")
    ] = 20,
    resamples: Annotated[int, typer.Option(help="Resamples of the intervals.")] = 1_000,
    no_suppression: Annotated[
        bool,
        typer.Option("--no-suppression", help="Show small numbers: may not leave the team."),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Show who the list misses, by sex, age, ethnic group and deprivation, with intervals."""
    from hiu_risk.files import write_text
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.suppression import SmallNumbers
    from hiu_training.audit.linkage import linkage_of
    from hiu_training.audit.page import render_page
    from hiu_training.audit.publish import Context, publish
    from hiu_training.audit.report import audit as run
    from hiu_training.protocol import load_protocol
    from hiu_training.scored import scored_rows

    read = load_protocol(protocol)
    plan = _plan(read, by, capacity, min_cases, resamples)
    bundle = ModelHome(home).load(model)
    opened = Store.open(store)
    rows = scored_rows(opened, bundle, read)
    report = run(rows, _with_pairs(plan, list(rows.groups)) if pairs else plan)
    rule = SmallNumbers(enabled=not no_suppression)
    manifest = bundle.manifest
    context = Context(
        model=f"{model} {bundle.version}" if model != bundle.version else model,
        definition=bundle.definition.in_words(),
        target=manifest.target,
        horizon_days=manifest.horizon_days,
        washout_days=manifest.washout_days,
        protocol=protocol.name,
        store=opened.content_hash[:12],
        zone=manifest.zone,
    )
    document = publish(report, context, rule, linkage_of(opened.manifest.linkage, rule))
    page = out / "audit.html"
    write_text(page, render_page(document))
    result = AuditResult(**dict(document), page=str(page))
    _say(result)
    write_result(json_file, result)


def _plan(
    protocol: Protocol, by: list[str] | None, capacity: int | None, min_cases: int, resamples: int
) -> Plan:
    from hiu_training.audit.report import Plan

    capacities = {k for k in protocol.capacities if isinstance(k, int)} or {75}
    middle = sorted(capacities)[len(capacities) // 2]
    primary = capacity if capacity is not None else (75 if 75 in capacities else middle)
    return Plan(
        capacities=tuple(sorted(capacities | {primary})),
        primary=primary,
        by=tuple(by) if by else None,
        min_cases=min_cases,
        resamples=resamples,
        seed=protocol.seed,
    )


def _with_pairs(plan: Plan, columns: list[str]) -> Plan:
    from dataclasses import replace

    from hiu_training.audit.report import all_pairs

    return replace(plan, pairs=all_pairs(plan.by or columns))


def _say(result: AuditResult) -> None:
    from hiu_training.audit.wording import RECALL_WORDS, rate

    at = next(a for a in result.overall.at if a.capacity == result.primary)
    say(f"Model {result.model}; lists of {result.primary} on {len(result.dates)} dates")
    say(f"Definition: {result.definition}")
    say(f"Cases missed: {rate(at.false_negative_rate)}")
    for grouping in result.groupings:
        say(f"{grouping.title}{': ' + grouping.note if grouping.note else ''}")
        for group in grouping.groups:
            here = next(a for a in group.at if a.capacity == result.primary)
            say(
                f"  {group.label:<24} missed {rate(here.false_negative_rate):<18} "
                f"{RECALL_WORDS[group.recall_verdict]}"
            )
    say(result.label_caution)
    say(result.suppression if result.suppressed else MAY_NOT_LEAVE)
    say(f"Written: {result.page}")
    say(result.not_for)
