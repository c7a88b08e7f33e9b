"""``hiu-risk report board``: one quarter of the model's use, for a governance board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hiu_risk.cli.output import (
    HomeFolder,
    JsonFile,
    ModelName,
    Result,
    StoreFolder,
    say,
    write_result,
)

if TYPE_CHECKING:
    from datetime import date

    from hiu_training.board.pack import Written
    from hiu_training.board.records import Material

Count = int | Literal["*"]


class ToComplete(Result):
    """Something that a person must still write."""

    role: str
    where: str


class ReportResult(Result):
    """What a board pack says in numbers, and where it was written.

    Counts of people are as printed: small ones hidden (``*``), others rounded.
    """

    kind: Literal["board"]
    mark: str
    quarter: str
    first_day: str
    last_day: str
    dated: str
    model: str
    store: str
    definition: str
    target: str
    horizon_days: int
    lists: int
    lists_observed: int
    other_lists: int
    people: dict[str, Count]
    found_share: list[float] | None
    decisions: dict[str, Count]
    late_lists: int
    audited: bool
    ledger_rows: int
    ledger_problems: list[str]
    overrides: int
    to_complete: list[ToComplete]
    fields_made: list[str]
    files: list[str]
    not_for: str


def report(
    kind: Annotated[Literal["board"], typer.Argument(help="Which report: board.")],
    quarter: Annotated[
        str, typer.Option(metavar="QUARTER", help="Calendar quarter: 2026Q3 is July to September.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the page and the PDF.")],
    store: StoreFolder = Path("store"),
    home: HomeFolder = Path("mlruns"),
    model: ModelName = "champion",
    fields: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of the files that people fill in; made where missing."
        ),
    ] = Path("board-fields"),
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day the pack is dated. Default: today.")
    ] = None,
    allow_no_lists: Annotated[
        bool,
        typer.Option("--allow-no-lists", help="Make a pack of a quarter in which none was made."),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Write the board pack of a quarter: who was listed, found and missed, and how it is governed.

    The page and the PDF say the same. What only a person can know comes from text files, which
    the first run makes; until they are filled in the pack says who is to complete them.
    """
    from hiu_risk.cli.board_material import gather
    from hiu_risk.model import ModelHome
    from hiu_risk.store import Store
    from hiu_training.board.fields import make_missing
    from hiu_training.board.files import write_both
    from hiu_training.board.html import html_of
    from hiu_training.board.kept import keep_printed
    from hiu_training.board.pack import tables_of, write_pack
    from hiu_training.board.pdf import pdf_of
    from hiu_training.board.quarter import Quarter
    from hiu_training.board.topics import TOPICS

    opened = Store.open(store)
    asked = Quarter.parse(quarter, opened.manifest.zone)
    day = _day(on, opened.manifest.zone)
    gathered = gather(
        store=opened,
        home=ModelHome(home),
        model=model,
        quarter=asked,
        day=day,
        fields=fields,
        allow_no_lists=allow_no_lists,
    )
    written = write_pack(gathered.material, gathered.people)
    page, pdf = html_of(written.data), pdf_of(written.data)
    keep_printed(home, tables_of(gathered.material))  # first: what is written is protected
    files = write_both(out, f"board-{asked}", page, pdf)
    made = make_missing(fields, TOPICS)
    result = _result(gathered.material, written, files, made)
    _say(result, fields)
    write_result(json_file, result)


def _day(text: str | None, zone: str) -> date:
    from datetime import date
    from zoneinfo import ZoneInfo

    from hiu_risk.errors import UsageError
    from hiu_risk.times import now

    if text is None:
        return now().astimezone(ZoneInfo(zone)).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("not a date", where="--on", fix="write it as 2026-10-05") from None


def _result(
    material: Material, written: Written, files: tuple[Path, ...], made: list[Path]
) -> ReportResult:
    from hiu_risk import NOT_FOR
    from hiu_training.board.decided import decisions_of
    from hiu_training.board.feeds import late_lists
    from hiu_training.board.people import people_of

    shown = people_of(material)
    share = shown.counts.share("became_cases", "cases") if shown.observed else None
    decided = decisions_of(material)
    quarter = material.quarter
    return ReportResult(
        kind="board",
        mark=written.mark,
        quarter=str(quarter),
        first_day=quarter.first_day.isoformat(),
        last_day=quarter.last_day.isoformat(),
        dated=material.day.isoformat(),
        model=material.known.version,
        store=material.store.content_hash,
        definition=material.definition,
        target=material.target,
        horizon_days=material.horizon_days,
        lists=shown.lists,
        lists_observed=shown.observed,
        other_lists=material.other_lists,
        people=dict(shown.counts.shown),
        found_share=[share.value, share.low, share.high] if share else None,
        decisions=dict(decided.shown),
        late_lists=late_lists(material.lists),
        audited=material.audit is not None,
        ledger_rows=len(material.ledger.entries),
        ledger_problems=list(material.ledger.problems),
        overrides=sum(e.override for e in material.ledger.entries if e.at in quarter),
        to_complete=[ToComplete(role=todo.role, where=todo.where) for todo in written.todos],
        fields_made=[str(path) for path in made],
        files=[str(path) for path in files],
        not_for=NOT_FOR,
    )


def _say(result: ReportResult, fields: Path) -> None:
    say(f"Board pack {result.quarter}, {result.first_day} to {result.last_day}")
    say(f"Model {result.model}; lists: {result.lists}, observed {result.lists_observed}")
    names = {"listed": "listed", "became_cases": "found", "missed": "missed", "not_yet": "not yet"}
    said = ", ".join(f"{word} {result.people[name]}" for name, word in names.items())
    say(f"People: {said}")
    if result.found_share:
        value, low, high = (f"{100 * x:.0f}" for x in result.found_share)
        say(f"Found beforehand: {value}% ({low} to {high})")
    if not result.audited:
        say("No fairness audit is kept with this model: run hiu-risk audit")
    if result.ledger_problems:
        say(f"The ledger's check FAILED: {'; '.join(result.ledger_problems)}")
    if result.fields_made:
        say(f"Made for people to fill in: {len(result.fields_made)} files in {fields}")
    say(f"Still to be completed by people: {len(result.to_complete)} places")
    for file in result.files:
        say(f"Written: {file}")
    say(result.not_for)
