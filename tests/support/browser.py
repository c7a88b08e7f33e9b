"""A real browser for tests of pages: Debian's Chromium, driven by Playwright, judged by axe."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

WIDTHS = (1280, 400)
SERIOUS = ("serious", "critical")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

OPEN_ALL = "() => document.querySelectorAll('details').forEach(d => { d.open = true })"
"""What is folded away counts too."""


def chromium() -> str:
    """Where Chromium is; without one the test is skipped, but fails where CI asks for it."""
    found = os.environ.get("HIU_RISK_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        if os.environ.get("HIU_RISK_NEEDS_BROWSER"):
            pytest.fail("no Chromium on this machine: apt-get install chromium")
        pytest.skip("no Chromium on this machine")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield opened
        finally:
            opened.close()


def violations(opened: Browser, page: Path) -> tuple[list[str], int]:
    """What axe finds wrong, seriously or critically, and how many rules the page passed.

    On a wide screen and on a narrow one, where tables scroll.
    """
    found, passes = [], []
    for width in WIDTHS:
        tab = opened.new_page(viewport={"width": width, "height": 900})
        try:
            tab.goto(page.resolve().as_uri())
            tab.evaluate(OPEN_ALL)
            response = Axe().run(tab).response
        finally:
            tab.close()
        found += [
            f"{rule['id']} ({rule['impact']}), {width} wide: {node['html'][:120]}"
            for rule in response["violations"]
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
        ]
        passes.append(len(response["passes"]))
    return found, min(passes)


def tab_stops(opened: Browser, page: Path, most: int = 400) -> list[str]:
    """What the Tab key reaches, in order, as tag, id, link or label; ends where it starts again."""
    tab = opened.new_page()
    tab.goto(page.resolve().as_uri())
    tab.evaluate(OPEN_ALL)
    stops: list[str] = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        here = tab.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? '' :"
            " [e.tagName, e.getAttribute('href') || e.getAttribute('aria-label') || e.id].join(' ')"
            "}"
        )
        if not here or (stops and here == stops[0]):
            break
        stops.append(here)
    tab.close()
    return stops


def width_needed(opened: Browser, page: Path, width: int) -> int:
    """How wide the page is in a window of this width: more means scrolling sideways."""
    tab = opened.new_page(viewport={"width": width, "height": 800})
    tab.goto(page.resolve().as_uri())
    needed = int(tab.evaluate("() => document.documentElement.scrollWidth"))
    tab.close()
    return needed
