"""``hiu-risk report board`` on a real store, lists, decisions, ledger and audit; bad input."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pypdf
import pytest

import hiu_training.board.files as files
from hiu_risk import NOT_FOR
from hiu_risk.cli.board_material import gather
from hiu_risk.cli.main import main
from hiu_risk.cli.report import ReportResult
from hiu_risk.errors import DataError, UsageError
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find, keep
from hiu_risk.model.ledger import Ledger
from hiu_risk.store import Store
from hiu_training.board.files import write_both
from hiu_training.board.pack import write_pack
from hiu_training.board.quarter import Quarter
from tests.support.board import AFTER, BEFORE, DATES, QUARTER, Region, shared_region
from tests.support.commands import run_command

Run = Callable[..., tuple[int, str, str]]
DATED = "2023-07-05"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Region:
    """A copy of the shared region: a pack keeps in the model home what it printed."""
    shared = shared_region()
    folder = tmp_path_factory.mktemp("region") / "copy"
    shutil.copytree(shared.folder, folder, ignore=shutil.ignore_patterns("raw"))
    return replace(shared, folder=folder)


@pytest.fixture(scope="module")
def pack(region: Region, tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """A pack of the quarter, with nothing filled in."""
    folder = tmp_path_factory.mktemp("pack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys, "argv",
            ["hiu-risk", "report", "board", "--quarter", QUARTER, "--store", str(region.store),
             "--home", str(region.home), "--out", str(folder / "out"), "--fields",
             str(folder / "fields"), "--on", DATED, "--json", str(folder / "r.json")],
        )  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code
    return ReportResult.model_validate_json((folder / "r.json").read_text(encoding="utf-8"))


@pytest.fixture
def home(region: Region, tmp_path: Path) -> Path:
    """A copy of the model home that no pack was made from, to spoil."""
    ignored = shutil.ignore_patterns("board")
    return Path(shutil.copytree(region.home, tmp_path / "home", ignore=ignored))


@pytest.fixture
def run(region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    def command(*words: object, **changes: object) -> tuple[int, str, str]:
        options = {
            "quarter": QUARTER, "store": region.store, "home": region.home,
            "out": tmp_path / "out", "fields": tmp_path / "fields", "on": DATED, **changes,
        }  # fmt: skip
        said = [str(x) for name, value in options.items() for x in (f"--{name}", value)]
        return run_command(monkeypatch, capsys, "report", "board", *said, *words)

    return command


def page_text(path: Path) -> str:
    body = path.read_text(encoding="utf-8").split("<body>")[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def pdf_pages(path: Path) -> list[str]:
    """The words of each page, without spaces: those of a PDF depend on line ends."""
    return ["".join(page.extract_text().split()) for page in pypdf.PdfReader(path).pages]


def test_a_page_and_a_pdf_say_the_quarter(pack: ReportResult, region: Region) -> None:
    result = pack
    page, pdf = map(Path, result.files)
    assert [page.name, pdf.name] == ["board-2023Q2.html", "board-2023Q2.pdf"]
    assert (result.lists, result.lists_observed) == (3, 2)
    assert result.first_day == "2023-04-01"
    assert result.model == region.champion
    assert result.overrides == 1
    assert result.ledger_rows == 2
    assert result.ledger_problems == []
    assert result.audited
    assert len(result.fields_made) == 8
    assert result.found_share is not None
    text, paper = page_text(page), "".join(pdf_pages(pdf))
    for words in (
        "1 April to 30 June 2023, quarter 1 of 2023/24",
        "What happened is not known for 1 of 3 lists",
        "over on 21 July 2023",
        "more cases found, fairness to be looked at again in July",
        "B. Owner",
        "OVERRIDE",
        "GATES OF ANOTHER PROTOCOL",
        "insufficient evidence",
        "each of its 2 rows still has the hash",
        "To be completed by the clinical safety officer",
        "Contact with a service is not need",
        "Share of cases missed by a list of 40",
        "Count, recent ones weigh more",
        "Hazard H1: A person in need is not listed",
        "Lawful basis (UK GDPR article 6)",
        "Tier 2: owner and responsibility",
        "12c",
        result.mark,
    ):
        assert words in text
        assert "".join(words.split()) in paper


def test_the_pdf_is_tagged_and_says_the_safety_notice_on_every_page(pack: ReportResult) -> None:
    path = Path(pack.files[1])
    reader = pypdf.PdfReader(path)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert "/StructTreeRoot" in root
    assert b"pdfuaid:part" in root["/Metadata"].get_data()
    assert reader.metadata.title == "High Intensity Use: board pack 2023Q2"
    pages = pdf_pages(path)
    for number, text in enumerate(pages, start=1):
        assert "".join(NOT_FOR.split()) in text
        assert f"Page{number}of{len(pages)}" in text
    assert {round(float(n)) for n in reader.pages[0].mediabox[2:]} == {595, 842}
    assert len(reader.outline) >= 17


def tags(node: Any) -> Iterator[Any]:
    """Every element of a PDF's structure, in reading order."""
    node = node.get_object()
    if isinstance(node, pypdf.generic.ArrayObject):
        for child in node:
            yield from tags(child)
    elif isinstance(node, pypdf.generic.DictionaryObject):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from tags(node["/K"])


def test_a_screen_reader_meets_headings_tables_and_pictures_with_words(
    pack: ReportResult,
) -> None:
    root = pypdf.PdfReader(pack.files[1]).trailer["/Root"]
    found = list(tags(root["/StructTreeRoot"]))
    kinds = Counter(str(tag["/S"]) for tag in found)
    page = Path(pack.files[0]).read_text(encoding="utf-8")
    assert kinds["/H1"] == 1 + page.count("<section id=") - 1  # contents, and no front page
    assert kinds["/Table"] == kinds["/Caption"] == page.count("<table")
    assert kinds["/TH"] == page.count('<th scope="col"')
    assert kinds["/Figure"] == page.count("<svg")
    assert all(tag.get("/Alt") for tag in found if tag["/S"] == "/Figure")
    assert kinds["/Link"] == 17  # the contents lead to the sections


def test_nobody_and_no_small_number_is_in_it(pack: ReportResult, region: Region) -> None:
    page, paper = Path(pack.files[0]).read_text("utf-8"), "".join(pdf_pages(Path(pack.files[1])))
    for person in Store.open(region.store).people_ids:
        assert person not in page
        assert person not in paper
    for counts in (pack.people, pack.decisions):
        assert all(n == "*" or n == 0 or (n >= 10 and n % 5 == 0) for n in counts.values())


def test_the_page_needs_nothing_from_outside(pack: ReportResult) -> None:
    page = Path(pack.files[0]).read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page.replace("xlink:href", "href"))
    assert not re.search(r"@import|url\((?!#)", page)
    anchors = set(re.findall(r'<li><a href="#([\w-]+)"', page))
    assert len(anchors) == 17
    assert all(f'<section id="{anchor}"' in page for anchor in anchors)


def test_the_same_input_writes_the_same_bytes(run: Run, pack: ReportResult, tmp_path: Path) -> None:
    code, said, _ = run()
    assert code == 0
    assert NOT_FOR in said
    for path in map(Path, pack.files):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def kept(home: Path) -> dict[str, dict[str, Any]]:
    read = [json.loads(path.read_text("utf-8")) for path in (home / "board").glob("*.json")]
    return {f"{table['name']} {table['made_of']}": table for table in read}


def test_a_pack_keeps_what_it_printed_and_nothing_else(pack: ReportResult, region: Region) -> None:
    tables = kept(region.home)
    people = next(t for name, t in tables.items() if name.startswith(f"{QUARTER} people"))
    assert people["shown"] == pack.people
    assert people["dated"] == DATED
    names = [name.split(",")[0] for name in tables]
    for part in ("people", "decisions"):
        assert sum(name == f"{QUARTER} {part}" for name in names) == 1
        assert sum(name == f"{BEFORE} {part}" for name in names) == 1
    for table in tables.values():
        assert set(table) == {"name", "made_of", "lists", "shown", "sums", "dated"}
        for n in table["shown"].values():
            assert n == "*" or n == 0 or (n >= 10 and n % 5 == 0)


def test_a_second_pack_of_a_quarter_is_checked_against_the_first(
    run: Run, tmp_path: Path, home: Path, pack: ReportResult
) -> None:
    assert run(home=home)[0] == 0
    first = kept(home)
    with sqlite3.connect(home / "state.db") as state:
        state.execute(
            "DELETE FROM decisions WHERE id IN "
            "(SELECT id FROM decisions WHERE answer = 'declined' ORDER BY id DESC LIMIT 3)"
        )
    state.close()
    assert run("--json", tmp_path / "r.json", home=home)[0] == 0
    result = ReportResult.model_validate_json((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result.people == pack.people  # made of the same
    changed = [table for name, table in kept(home).items() if name not in first]
    assert [table["name"].split(",")[0] for table in changed] == [f"{QUARTER} decisions"]
    assert changed[0]["shown"] == result.decisions
    before = next(t for t in first.values() if t["name"] == changed[0]["name"])
    for name, was in before["shown"].items():  # a star doesn't turn into the next count up
        assert was != "*" or result.decisions.get(name, 0) in ("*", 0)


def test_kept_counts_that_cant_be_read_stop_the_next_pack(
    run: Run, tmp_path: Path, home: Path
) -> None:
    (home / "board").mkdir(exist_ok=True)
    (home / "board" / "0123.json").write_text("{}", encoding="utf-8")
    code, _, error = run(home=home)
    assert code == 1
    assert "what an earlier board pack printed can't be read" in error
    assert not (tmp_path / "out").exists()


def test_what_people_write_takes_the_place_of_the_blanks(
    run: Run, pack: ReportResult, tmp_path: Path
) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    (fields / "quarter.toml").write_text(
        f'quarter = "{QUARTER}"\nsummary = "A calm quarter."\nincidents_confirmed_by = "D. Safe"\n',
        encoding="utf-8",
    )
    (fields / "dpia.toml").write_text('lawful_basis = "Article 6(1)(e)"\n', encoding="utf-8")
    (fields / "tripod.toml").write_text('item_19 = "Two lay members."\n', encoding="utf-8")
    (fields / "hazard-log.toml").write_text(
        '[[hazard]]\nid = "X1"\ndescription = "Ours"\ninitial_severity = 3\n'
        "initial_likelihood = 4\n",
        encoding="utf-8",
    )
    assert run("--json", tmp_path / "b.json")[0] == 0
    text = page_text(tmp_path / "out" / "board-2023Q2.html")
    for words in (
        "A calm quarter.", "Article 6(1)(e)", "Two lay members.", "Hazard X1: Ours", "3 by 4 = 12",
        "No incident from 1 April 2023 to 30 June 2023: confirmed by D. Safe",
    ):  # fmt: skip
        assert words in text
    assert "Hazard H1" not in text
    after = ReportResult.model_validate_json((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert len(after.to_complete) < len(pack.to_complete)
    assert len(after.fields_made) == len(pack.fields_made) - 4
    assert after.mark != pack.mark


def test_words_about_another_quarter_stay_out(run: Run, tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    (fields / "quarter.toml").write_text(
        'quarter = "2022Q4"\nsummary = "Of long ago."\n', encoding="utf-8"
    )
    assert run()[0] == 0
    assert "Of long ago" not in page_text(tmp_path / "out" / "board-2023Q2.html")


def test_without_confirmation_it_never_says_that_there_was_no_incident(
    pack: ReportResult,
) -> None:
    text = page_text(Path(pack.files[0]))
    assert "No incident" not in text
    assert "whether the list of incidents is complete" in text


def test_a_quarter_over_and_one_without_lists(run: Run, tmp_path: Path) -> None:
    code, _, _ = run("--json", tmp_path / "r.json", quarter=BEFORE)
    assert code == 0
    result = ReportResult.model_validate_json((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert result.lists == result.lists_observed == 3
    assert result.people["not_yet"] == 0
    code, _, error = run(quarter=AFTER)
    assert code == 1
    assert "no list was made in 2023Q3" in error
    assert f"lists were made from {int(DATES[0][-2:])} January 2023 to 22 May 2023" in error
    assert run("--allow-no-lists", quarter=AFTER)[0] == 0
    text = page_text(tmp_path / "out" / "board-2023Q3.html")
    assert "No list was made from 1 July to 30 September 2023" in text


def test_outcomes_not_yet_observed_are_said(run: Run, tmp_path: Path, home: Path) -> None:
    with sqlite3.connect(home / "state.db") as state:  # only the last list is left
        state.execute("DELETE FROM decisions")
        state.execute("DELETE FROM worklist_entries WHERE worklist_id < 6")
        state.execute("DELETE FROM worklists WHERE id < 6")
    state.close()
    assert run("--json", tmp_path / "r.json", home=home)[0] == 0
    result = ReportResult.model_validate_json((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (result.lists, result.lists_observed, result.found_share) == (1, 0, None)
    text = page_text(tmp_path / "out" / "board-2023Q2.html")
    assert "What happened is not known for 1 of 1 lists" in text
    assert "No decision about any listed person is recorded" in text
    assert "No list of this kind is known from 1 January to 31 March 2023" in text


def test_a_ledger_that_was_changed_is_said_loudly(run: Run, tmp_path: Path, home: Path) -> None:
    with sqlite3.connect(home / "ledger.db") as ledger:
        for name, *_ in ledger.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute("UPDATE ledger SET content = replace(content, 'B. Owner', 'Nobody')")
    ledger.close()
    assert Ledger(home).verify()
    code, said, _ = run(home=home)
    assert code == 0
    assert "FAILED" in said
    assert "The ledger's check FAILED" in page_text(tmp_path / "out" / "board-2023Q2.html")


def test_a_hash_noted_in_the_pack_before_is_looked_for(
    run: Run, region: Region, tmp_path: Path
) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    first = Ledger(region.home).entries()[0].hash[:12]
    (fields / "quarter.toml").write_text(f'last_ledger_hash = "{first}"\n', encoding="utf-8")
    assert run()[0] == 0
    text = page_text(tmp_path / "out" / "board-2023Q2.html")
    assert "The hash that the pack before printed is still among its rows." in text
    (fields / "quarter.toml").write_text(f'last_ledger_hash = "{"0" * 12}"\n', encoding="utf-8")
    code, said, _ = run()
    assert code == 0
    assert "no row has the hash you noted" in said


def test_without_audit_and_ledger_the_pack_says_so(run: Run, tmp_path: Path, home: Path) -> None:
    shutil.rmtree(home / "evidence")
    for path in home.glob("ledger*"):
        path.unlink()
    assert run(home=home)[0] == 0
    text = page_text(tmp_path / "out" / "board-2023Q2.html")
    assert "No fairness audit is kept with model" in text
    assert "There is no promotion ledger yet" in text


def _spoil_audit(home: Path) -> None:
    models = ModelHome(home)
    version = models.load("champion").version
    document = find(models, version, "audit")
    assert document is not None
    keep(models, version, "audit", {**document, "suppressed": False})


def test_an_audit_with_small_numbers_stops_the_pack(run: Run, tmp_path: Path, home: Path) -> None:
    _spoil_audit(home)
    code, _, error = run(home=home)
    assert code == 1
    assert "the audit kept with the model shows small numbers" in error
    assert not (tmp_path / "out").exists()


def test_a_text_that_names_somebody_stops_the_pack(
    run: Run, region: Region, tmp_path: Path
) -> None:
    person = str(Store.open(region.store).people_ids[3])
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields" / "incidents.toml").write_text(
        f'[[incident]]\nwhat = "complaint by {person}"\n', encoding="utf-8"
    )
    code, _, error = run()
    assert code == 1
    assert "what looks like an NHS number or a person's pseudonym" in error
    assert "incidents.toml line 2" in error
    assert person not in error
    assert not (tmp_path / "out").exists()


def test_a_pseudonym_anywhere_stops_the_pack(region: Region, tmp_path: Path) -> None:
    gathered = gather(
        store=Store.open(region.store), home=ModelHome(region.home), model="champion",
        quarter=Quarter.parse(QUARTER, "Europe/London"), day=date(2023, 7, 5), fields=tmp_path,
        allow_no_lists=False,
    )  # fmt: skip
    assert write_pack(gathered.material, gathered.people).mark
    with pytest.raises(DataError, match="a person's pseudonym stands in a text") as refused:
        write_pack(gathered.material, {"Telling"})  # as if that were somebody's
    assert "section What the model is for" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "code", "what"),
    [
        ({"quarter": "2023-Q2"}, 2, "not a quarter"),
        ({"quarter": "Q2"}, 2, "such as 2026Q3 for July to September"),
        ({"on": "5 July"}, 2, "not a date"),
        ({"store": "nowhere"}, 2, "no store here"),
        ({"home": "nowhere"}, 1, "there is no champion yet"),
        ({"model": "0123456789ab"}, 1, "no such model version"),
    ],
)
def test_bad_input_is_told_and_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes, code, what
) -> None:
    monkeypatch.chdir(tmp_path)
    got, _, error = run(**changes)
    assert got == code
    assert what in error
    assert not (tmp_path / "out").exists()


def test_a_bad_field_file_leaves_the_earlier_pack_alone(run: Run, tmp_path: Path) -> None:
    assert run()[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "fields" / "roles.toml").write_text("organisation = 1\n", encoding="utf-8")
    code, _, error = run()
    assert code == 1
    assert "roles.toml line 1, organisation" in error
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_place_that_cannot_be_written_to(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, _, error = run(out=tmp_path / "file" / "out")
    assert code == 2
    assert "can't write" in error
    assert not (tmp_path / "fields").exists()


def test_a_page_and_a_pdf_appear_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def fail_on_the_page(self: Path, target: Path) -> Path:
        if str(target).endswith(".html"):
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(files.Path, "replace", fail_on_the_page)
    with pytest.raises(UsageError, match="Permission denied"):
        write_both(tmp_path, "pack", "<html>", b"%PDF")
    assert list(tmp_path.iterdir()) == []
