"""Charts of the pack as inline SVG: direct labels, intervals drawn, colours all can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hiu_training.audit.plots import INK, LINE, QUIET
from hiu_training.board.published import Share
from hiu_training.board.svg import svg_of

BLUE, VERMILION, GREEN = "#0072b2", "#d55e00", "#009e73"  # Okabe and Ito, 2008
_MARKS = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"))


@dataclass(frozen=True)
class Bar:
    """One row of a chart of shares: its label, the share, and the value in words."""

    label: str
    share: Share | None
    words: str


def share_chart(bars: Sequence[Bar], *, says: str) -> str:
    """Draw shares from 0 to 100% as dots with their intervals, one a row.

    Parameters
    ----------
    bars : sequence of Bar
        From the top; a hidden share draws no dot.
    says : str
        What the picture shows.
    """

    def draw(figure: Any) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((0.37, 0.3 / height, 0.4, 1 - 0.4 / height))
        axes.set_xlim(0, 1)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"], color=QUIET)
        axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
        _plain(axes)
        for row, bar in enumerate(bars):
            if bar.share is not None:
                ends = [bar.share.low, bar.share.high]
                axes.plot(ends, [row, row], color=BLUE, linewidth=2.4, solid_capstyle="butt")
                axes.plot([bar.share.value], [row], "o", color=BLUE, markersize=7, clip_on=False)
            axes.annotate(
                bar.words, (1, row), xycoords=("axes fraction", "data"), xytext=(12, 0),
                textcoords="offset points", va="center", color=INK,
            )  # fmt: skip

    return svg_of(draw, size=(6.6, 0.34 * len(bars) + 0.42), says=says)


@dataclass(frozen=True)
class Line:
    """One line of a chart over time: its name and its points."""

    name: str
    days: tuple[float, ...]
    values: tuple[float, ...]


def lateness_chart(
    lines: Sequence[Line], *, ticks: Sequence[tuple[float, str]], limit: float, says: str
) -> str:
    """Draw how many days late each feed was when a list was made.

    Parameters
    ----------
    lines : sequence of Line
        One a feed; days count from the start of the quarter.
    ticks : sequence of (float, str)
        Where months begin, and their names.
    limit : float
        Days from which a list names the feed.
    says : str
        What the picture shows.
    """
    top = max([limit, *(value for line in lines for value in line.values)]) * 1.15

    def draw(figure: Any) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((0.08, 0.35 / height, 0.64, 1 - 0.6 / height))
        axes.set_xlim(0, 92)
        axes.set_ylim(-0.03 * top, top)
        axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks], color=QUIET)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("left")
        axes.set_ylabel("days late", color=QUIET)
        axes.axhline(limit, color=INK, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate(
            f"{limit:g} days: named on the list, unless set otherwise", (0, limit), xytext=(3, 3),
            textcoords="offset points", color=INK,
        )  # fmt: skip
        _plain(axes, grid="y")
        for line, (colour, mark) in zip(lines, _MARKS, strict=False):
            axes.plot(line.days, line.values, marker=mark, color=colour, markersize=4.5,
                      linewidth=1.4, clip_on=False)  # fmt: skip
        for place, (name, at) in enumerate(_apart(lines, top)):
            colour, mark = _MARKS[place % 3]
            axes.plot([1.02], [at], mark, color=colour, markersize=6, clip_on=False,
                      transform=axes.get_yaxis_transform())  # fmt: skip
            axes.annotate(
                name, (1.04, at), xycoords=("axes fraction", "data"), va="center", color=INK
            )

    return svg_of(draw, size=(6.6, 2.2), says=says)


def _apart(lines: Sequence[Line], top: float) -> list[tuple[str, float]]:
    """Place each line's name beside its end, no two on top of one another."""
    step = 0.13 * top
    order = sorted(range(len(lines)), key=lambda i: lines[i].values[-1])
    at: dict[int, float] = {}
    lowest = 0.0
    for i in order:
        at[i] = max(lines[i].values[-1], lowest)
        lowest = at[i] + step
    return [(line.name, at[i]) for i, line in enumerate(lines)]


def _plain(axes: Any, grid: str = "x") -> None:
    axes.tick_params(length=0, pad=4)
    axes.grid(axis=grid, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
