"""Charts of the audit as inline SVG: a dot, its interval and its value for every group."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hiu_training.audit.result import Estimate, Number, Verdict
from hiu_training.svg import inline_svg

INK, QUIET, LINE = "#212b32", "#5f7280", "#d8dde0"
RED, BLUE, AMBER = "#b3261e", "#005eb8", "#8a5a00"

_STYLE: dict[Verdict, tuple[str, str, bool]] = {
    "lower": (RED, "D", True),
    "perhaps_lower": (AMBER, "D", False),
    "higher": (BLUE, "s", True),
    "perhaps_higher": (BLUE, "s", False),
    "insufficient_evidence": (QUIET, "o", False),
}
_ROW = 0.27
_WIDTH = 5.3


@dataclass(frozen=True)
class Mark:
    """One row of a chart.

    Parameters
    ----------
    label : str
        The group.
    number : Number
        Where the dot and its interval go; ``"*"`` draws neither.
    text : str
        The value in words, written at the right.
    verdict : str
        Decides colour and shape of the dot.
    """

    label: str
    number: Number
    text: str
    verdict: Verdict


def interval_chart(
    marks: Sequence[Mark],
    *,
    title: str,
    reference: float | None,
    reference_text: str,
    span: tuple[float, float],
    ticks: dict[float, str],
    logarithmic: bool = False,
) -> str:
    """Draw one row per group: label, interval, dot, value; give the SVG element.

    Parameters
    ----------
    marks : sequence of Mark
        The groups from the top.
    title : str
        What the picture says, for those who can't see it.
    reference : float, optional
        Where a line is drawn through all rows.
    reference_text : str
        Written at that line.
    span : (float, float)
        Ends of the axis.
    ticks : dict of float to str
        Positions and labels of the ticks.
    logarithmic : bool
        A ratio reads the same both ways on a logarithmic axis.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": title,
        "font.family": "sans-serif",
        "font.sans-serif": ["Arial", "Liberation Sans", "DejaVu Sans"],
        "font.size": 9.5,
    }
    with mpl.rc_context(settings):
        height = _ROW * (len(marks) + 2.0)
        figure = Figure(figsize=(_WIDTH, height))
        axes = figure.add_axes((0.25, 0.9 * _ROW / height, 0.43, 1 - 1.9 * _ROW / height))
        if logarithmic:
            axes.set_xscale("log")
        axes.set_xlim(*span)
        axes.set_ylim(len(marks) - 0.5, -0.5)
        axes.set_xticks(list(ticks), list(ticks.values()), color=QUIET)
        axes.minorticks_off()
        axes.set_yticks(range(len(marks)), [m.label for m in marks])
        axes.tick_params(length=0, pad=4)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in axes.spines.values():
            side.set_visible(False)
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=1, linestyle=(0, (4, 2)))
            axes.annotate(
                reference_text, (reference, 1), xycoords=("data", "axes fraction"),
                xytext=(0, 3), textcoords="offset points", ha="center", color=INK,
            )  # fmt: skip
        for row, mark in enumerate(marks):
            _draw(axes, row, mark, span)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return inline_svg(stream.getvalue(), title)


def _draw(axes: Any, row: int, mark: Mark, span: tuple[float, float]) -> None:
    colour, shape, filled = _STYLE.get(mark.verdict, (INK, "o", True))
    if isinstance(mark.number, Estimate):
        low, high = (min(max(x, span[0]), span[1]) for x in (mark.number.low, mark.number.high))
        axes.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt")
        value = mark.number.value
        if value is not None and span[0] <= value <= span[1]:
            axes.plot(
                [value], [row], marker=shape, markersize=6.5, color=colour,
                markerfacecolor=colour if filled else "white", markeredgewidth=1.6,
                clip_on=False, zorder=3,
            )  # fmt: skip
    axes.annotate(
        mark.text, (1, row), xycoords=("axes fraction", "data"), xytext=(10, 0),
        textcoords="offset points", va="center", color=colour,
    )  # fmt: skip
