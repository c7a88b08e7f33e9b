"""Drawings as inline SVG elements, the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from hiu_training.svg import inline_svg


def svg_of(draw: Callable[[Any], None], *, size: tuple[float, float], says: str) -> str:
    """Let ``draw`` fill a figure of this size in inches; gives its SVG element.

    Texts stay texts; ``says`` is the element's name for screen readers.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": says,
        "font.family": "sans-serif",
        "font.sans-serif": ["Arial", "Liberation Sans", "DejaVu Sans"],
        "font.size": 9.5,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=size)
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return inline_svg(stream.getvalue(), says)
