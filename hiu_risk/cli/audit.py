"""``hiu-risk audit``: who is missed, by group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiu_risk.cli.output import (
    HomeFolder,
    JsonFile,
    ModelName,
    ProtocolFile,
    Result,
    StoreFolder,
    complain,
    say,
    write_result,
)
from hiu_training.audit.result import MAY_NOT_LEAVE, AuditDocument

if TYPE_CHECKING:
    from hiu_risk.model import ModelHome
    from hiu_training.protocol import Protocol


class AuditResult(AuditDocument, Result):
    """A fairness audit as the page shows it, and where the page is."""

    page: str
    evidence: str = ""
    mitigated_version: str = ""


def audit(
    protocol: ProtocolFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for audit.html.")],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    by: Annotated[
        list[str] | None,
        typer.Option(help="A grouping column; repeat for more. Default: the protocol's, or all."),
    ] = None,
    pairs: Annotated[
        bool | None,
        typer.Option("--pairs/--no-pairs", help="Also cross every two grouping columns."),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=GROUP",
            help="Compare a column's groups with this one too; repeat for more.",
        ),
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(help="List length that findings are judged at. Default: 75.")
    ] = None,
    min_cases: Annotated[
        int | None,
        typer.Option(
            help="People who became cases, needed before anything is concluded. Default: 20."
        ),
    ] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Resamples of the intervals. Default: 1000.")
    ] = None,
    quarter: Annotated[
        str, typer.Option(metavar="2026Q3", help="List dates of this quarter alone.")
    ] = "",
    mitigation: Annotated[
        bool,
        typer.Option("--mitigation", help="Price ways to even out; learns again: minutes."),
    ] = False,
    even_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="With --mitigation: even out this column. Default: those with a finding.",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONCEPT", help="With --mitigation: also price leaving this concept out."
        ),
    ] = None,
    choose: Annotated[
        str,
        typer.Option(
            metavar="OPTION",
            help="Record a chosen option in a copy of the model and in the ledger; needs --who "
            "and --reason.",
        ),
    ] = "",
    who: Annotated[str, typer.Option(metavar="NAME", help="With --choose: who answers.")] = "",
    reason: Annotated[str, typer.Option(help="With --choose: why.")] = "",
    no_suppression: Annotated[
        bool,
        typer.Option("--no-suppression", help="Show small numbers: may not leave the team."),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Show who the list misses, by sex, age, ethnic group and deprivation, with intervals."""
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_risk.suppression import SmallNumbers
    from hiu_training.audit.choice import as_served, check_choice, check_compared
    from hiu_training.audit.kept import keep_audit, kept_audits
    from hiu_training.audit.page import write_page
    from hiu_training.audit.run import Request, run_audit
    from hiu_training.protocol import load_protocol

    asked = {
        "by": tuple(by) if by else None, "pairs": pairs, "capacity": capacity,
        "min_cases": min_cases, "resamples": resamples, "reference": _references(reference),
    }  # fmt: skip
    read = _with_options(load_protocol(protocol), asked)
    models = ModelHome(home)
    bundle = models.load(model)
    if choose:
        check_choice(choose, bundle, who, reason)
    request = Request(
        model=model,
        protocol_name=protocol.name,
        quarter=quarter,
        rule=SmallNumbers(enabled=not no_suppression),
        mitigation=mitigation,
        evened=tuple(even_out or ()),
        drop=tuple(drop or ()),
    )
    document = run_audit(Store.open(store), bundle, read, request, kept_audits(models))
    if choose:
        check_compared(choose, document)
    page = write_page(document, out)
    kept = keep_audit(models, bundle.version, document, whole=not by) if document.suppressed else ""
    chosen, audited_too = "", True
    behind: tuple[str, ...] = ()
    if choose:
        chosen, behind = _record(models, model, (choose, who, reason), document, kept, whole=not by)
        audited_too = as_served(document, choose)
    result = AuditResult(**dict(document), page=str(page), evidence=kept, mitigated_version=chosen)
    _say(result)
    if not audited_too:
        say(f"It draws other lists than these: audit it with --model {chosen}")
    for words in behind:
        complain(f"Note: {words}")
    write_result(json_file, result)


def _with_options(protocol: Protocol, asked: dict[str, Any]) -> Protocol:
    """Let options override the protocol's section; the plan checks what they say."""
    from dataclasses import replace

    given = {name: value for name, value in asked.items() if value not in (None, {})}
    if "reference" in given:
        given["reference"] = {**protocol.audit.reference, **given["reference"]}
    return replace(protocol, audit=replace(protocol.audit, **given))


def _references(given: list[str] | None) -> dict[str, str]:
    from hiu_risk.errors import UsageError

    found = {}
    for text in given or ():
        column, equals, group = text.partition("=")
        if not (equals and column and group):
            raise UsageError(
                f"not a column and a group: {text!r}", where="--reference",
                fix="write for instance --reference sex=female",
            )  # fmt: skip
        found[column.strip()] = group.strip()
    return found


def _record(
    models: ModelHome,
    model: str,
    decided: tuple[str, str, str],
    document: AuditDocument,
    kept: str,
    *,
    whole: bool,
) -> tuple[str, tuple[str, ...]]:
    from hiu_risk.times import now, to_seconds
    from hiu_training.audit.choice import record

    choose, who, reason = decided
    return record(
        models, model, choose, who=who, reason=reason, at=to_seconds(now()), document=document,
        evidence=kept, whole=whole,
    )  # fmt: skip


def _say(result: AuditResult) -> None:
    from hiu_training.audit import summary

    page = summary(result)
    say(page.about)
    say(f"Definition: {result.definition}")
    say(page.headline)
    if page.rounding:
        say(page.rounding)
    say(page.conclusion)
    notes = {g.title: g.note for g in result.groupings}
    for grouping in dict.fromkeys(line.grouping for line in page.lines):
        say(f"{grouping}{': ' + notes[grouping] if notes[grouping] else ''}")
        for line in page.lines:
            if line.grouping == grouping:
                say(f"  {line.label:<24} missed {line.missed:<18} {line.finding}")
    for note in page.notes:
        say(note)
    if result.mitigation:
        _say_prices(result)
    if result.mitigated_version:
        say(
            f"Recorded: model {result.mitigated_version} carries the choice and is challenger; "
            "nothing else was changed"
        )
    say(page.caution)
    say(result.suppression if result.suppressed else MAY_NOT_LEAVE)
    say(f"Written: {result.page}")
    say(result.not_for)


def _say_prices(result: AuditResult) -> None:
    from hiu_training.audit.wording import change, count

    assert result.mitigation is not None  # noqa: S101  (asked by the caller)
    say("What evening out would cost (nothing is applied):")
    for option in result.mitigation.options:
        words = f"{option.title}, {option.grouping_title}" if option.grouping else option.title
        say(
            f"  {option.name:<26} {words}: {count(option.found)} cases found, "
            f"change in points: {change(option.found_change)}"
        )
