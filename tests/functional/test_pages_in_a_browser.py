"""Every page in a real browser: axe finds nothing serious, the keyboard reaches what moves.

Slow because a browser starts; where CI asks for one (``HIU_RISK_NEEDS_BROWSER``) a missing
browser fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import hiu_serving
import hiu_training
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.store import Store
from hiu_serving.reserving import Reserved
from hiu_serving.worklist_page import worklist_page
from hiu_training.audit.page import render_page
from hiu_training.audit.result import AuditDocument
from hiu_training.report import card, tripod
from hiu_training.report.card_page import render_card
from hiu_training.report.known import Known
from hiu_training.report.page import render_page as evaluation_page
from tests.support.board import QUARTER, Region, shared_region
from tests.support.browser import browser, tab_stops, violations, width_needed
from tests.support.serving import AS_OF, make_entry, make_list

pytestmark = pytest.mark.slow

PAGES = ("worklist", "audit", "board", "evaluation", "card")
"""The templates of pages; each is looked at below."""


@pytest.fixture(scope="module")
def region() -> Region:
    return shared_region()


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def pages(region: Region, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "worklist": worklist_page(
            make_list(
                make_entry(
                    1,
                    "p1" * 16,
                    score=0.5,
                    band="very_high",
                    change="up",
                    previous_rank=3,
                    interval=(0.3, 0.7),
                ),
                make_entry(
                    2,
                    "p2",
                    score=0.2,
                    band="high",
                    cautions=("Short history.",),
                    interval=(0.1, 0.997),
                ),
                make_entry(3, "p3", score=0.1, band="raised", reasons=()),
                make_entry(4, "p4", score=0.01, band="usual", change="same", previous_rank=4),
                previous_as_of=AS_OF - 86_400,
                left=1,
                reserved=Reserved("sex", "A. Reader", AS_OF - 86_400, "c" * 12, 2.3, 2.9),
            )
        ),
        "audit": _audit(region),
        "board": _board(region, folder),
        **_evaluation(region),
    }
    paths = {}
    for name, text in made.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(text, encoding="utf-8")
    return paths


def _audit(region: Region) -> str:
    document = find(ModelHome(region.home), region.champion, "audit")
    return render_page(AuditDocument.model_validate(document))


def _evaluation(region: Region) -> dict[str, str]:
    home = ModelHome(region.home)
    documents = {name: find(home, region.champion, name) or {} for name in ("evaluation", "audit")}
    known = Known(
        home.load("champion"),
        **documents,
        store=Store.open(region.store).manifest.model_dump(mode="json"),
    )
    return {
        "evaluation": evaluation_page(known),
        "card": render_card(known, card.facts(known), tripod.rows(known)),
    }


def _board(region: Region, folder: Path) -> str:
    from hiu_risk.cli.board_material import gather
    from hiu_training.board.html import html_of
    from hiu_training.board.pack import write_pack
    from hiu_training.board.quarter import Quarter

    store = Store.open(region.store)
    quarter = Quarter.parse(QUARTER, store.manifest.zone)
    gathered = gather(
        store=store, home=ModelHome(region.home), model="champion", quarter=quarter,
        day=quarter.last_day, fields=folder / "none", allow_no_lists=False,
    )  # fmt: skip
    return html_of(write_pack(gathered.material, gathered.people).data)


def test_every_template_is_looked_at() -> None:
    homes = [Path(package.__path__[0]) / "templates" for package in (hiu_serving, hiu_training)]
    assert {path.stem for home in homes for path in home.glob("*.html")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, opened: Browser, pages: dict[str, Path]) -> None:
    found, passed = violations(opened, pages[name])
    assert found == []
    assert passed > 20


def test_axe_would_find_it(opened: Browser, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><head><title>x</title></head><body><main><h1>x</h1><img src='data:,'>"
        "<p style='color:#ccc;background:#fff'>pale</p></main></body></html>",
        encoding="utf-8",
    )
    found, _ = violations(opened, page)
    assert {rule.split(" ")[0] for rule in found} >= {
        "color-contrast", "html-has-lang", "image-alt"
    }  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_skips_to_the_content_and_reaches_each_wide_table(
    name: str, opened: Browser, pages: dict[str, Path]
) -> None:
    stops = tab_stops(opened, pages[name])
    assert stops[0] == "A #content"
    text = pages[name].read_text(encoding="utf-8")
    assert sum(stop.startswith("DIV") for stop in stops) == text.count('tabindex="0"')


def test_the_contents_of_a_pack_lead_to_its_sections(
    opened: Browser, pages: dict[str, Path]
) -> None:
    links = [stop for stop in tab_stops(opened, pages["board"]) if stop.startswith("A #")]
    assert len(links) == 18  # the skip link and seventeen sections


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_on_a_phone(name: str, opened: Browser, pages: dict[str, Path]) -> None:
    assert width_needed(opened, pages[name], 360) <= 360


SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('svg.chart text')].map(text => {
    const drawn = text.getScreenCTM()
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(drawn.a, drawn.b)
}))"""
CUT_OFF = """() => [...document.querySelectorAll('table, svg.chart')].filter(e => {
    const box = e.closest('.scroll')
    return e.scrollWidth > innerWidth && !(box && box.tabIndex === 0 && box.ariaLabel)
}).length"""
HINTED = """() => [...document.querySelectorAll('.picture')].filter(box =>
    box.scrollWidth > box.clientWidth
    && getComputedStyle(box, '::before').content.includes('Scroll sideways')
    && getComputedStyle(box).backgroundImage.includes('gradient')).length"""


@pytest.mark.parametrize("name", ["audit", "board", "evaluation"])
def test_charts_can_be_read_on_a_phone_by_scrolling(
    name: str, opened: Browser, pages: dict[str, Path]
) -> None:
    tab = opened.new_page(viewport={"width": 390, "height": 800})
    try:
        tab.goto(pages[name].resolve().as_uri())
        charts = tab.locator("svg.chart").count()
        assert charts > 0
        assert tab.evaluate(SMALLEST_TEXT) >= 10
        assert tab.evaluate(HINTED) == charts
        assert tab.evaluate(CUT_OFF) == 0
        tab.emulate_media(media="print")  # paper can't scroll
        assert tab.evaluate(HINTED) == 0
        assert (
            tab.evaluate("() => getComputedStyle(document.querySelector('.picture')).overflowX")
            == "visible"
        )
    finally:
        tab.close()
