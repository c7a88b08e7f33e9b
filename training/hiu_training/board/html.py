"""The pack as one self-contained page that prints to A4."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from hiu_risk.pages import render


def html_of(data: dict[str, Any]) -> str:
    """Write a pack, as :func:`.blocks.plain` gives it with its ``mark``, as a page."""
    return render(
        "hiu_training",
        "board.html",
        title=data["title"],
        subtitle=data["subtitle"],
        pack=data,
        drawing=lambda svg: Markup(svg),  # noqa: S704  (made here, texts escaped by the SVG writer)
    )
