"""The evaluation's charts as SVG: few lines, named where they end, in colours that all can tell."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import index_day
from hiu_training.judging.names import capacity_name, ranker_name

INK, QUIET, LINE = "#212b32", "#4c6272", "#d8dde0"
BLUE, AMBER, GREEN, PURPLE = "#005eb8", "#8a5a00", "#00703c", "#6f2c91"
STYLES = {
    "model": (BLUE, "-", 2.6),
    "anchor": (AMBER, (0, (5, 2)), 1.6),
    "plain_lightgbm": (PURPLE, (0, (1, 1.5)), 1.6),
    "true_probability": (GREEN, (0, (6, 2, 1, 2)), 1.6),
}
COUNTED = (INK, (0, (3, 1.5)), 1.6)

Evaluation = Mapping[str, Any]


def shown(evaluation: Evaluation) -> list[str]:
    """Choose the rankers that a chart can show: the model, the best count, and no count more."""
    judged = evaluation["rankers"]
    counts = [name for name in judged if "count" in name]
    best = max(counts, key=lambda n: judged[n]["average_precision"]["value"] or 0, default=None)
    same = evaluation.get("differences", {}).get("anchor", {}).get("average_precision", {})
    left_out = {"anchor"} if same.get("low") == same.get("high") == 0 else set()
    return [n for n in judged if (n in STYLES or n == best) and n not in left_out]


def best_count(evaluation: Evaluation) -> str | None:
    """Name the count of calls that ranks best."""
    return next((name for name in shown(evaluation) if name not in STYLES), None)


@contextmanager
def _axes(title: str, size: tuple[float, float] = (6.4, 3.9)) -> Iterator[tuple[Any, list[str]]]:
    """Give axes to draw on; the SVG is in the list afterwards."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.fonttype": "none", "svg.hashsalt": title, "font.family": "sans-serif",
        "font.sans-serif": ["Arial", "Liberation Sans", "DejaVu Sans"], "font.size": 10,
    }  # fmt: skip
    made: list[str] = []
    with mpl.rc_context(settings):
        figure = Figure(figsize=size)
        axes = figure.add_axes((0.105, 0.14, 0.64, 0.82))
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(QUIET)
        axes.tick_params(colors=QUIET, length=3)
        axes.grid(color=LINE, linewidth=0.7)
        axes.set_axisbelow(True)
        yield axes, made
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, facecolor="white")
        made.append(stream.getvalue())


def _line(axes: Any, x: Any, y: Any, name: str, **more: Any) -> tuple[float, str, str] | None:
    colour, style, width = STYLES.get(name, COUNTED)
    kept = np.isfinite(np.asarray(y, dtype=np.float64))
    if not kept.any():
        return None
    x, y = np.asarray(x, dtype=np.float64)[kept], np.asarray(y, dtype=np.float64)[kept]
    axes.plot(
        x, y, color=colour, linestyle=style, linewidth=width, zorder=4 if name == "model" else 3,
        **more,
    )  # fmt: skip
    return float(y[-1]), ranker_name(name), colour


def _name_ends(axes: Any, ends: Sequence[tuple[float, str, str] | None]) -> None:
    """Write each line's name at the right, moved apart where lines end together."""
    known = sorted((end for end in ends if end is not None), key=lambda end: end[0])
    to_share = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    heights = [float(to_share.transform((x, y))[1]) for y, _, _ in known]
    places = np.clip(heights, 0.02, 0.98)
    gap = 0.062
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i in range(len(places) - 1, -1, -1):
        most = 0.98 if i == len(places) - 1 else places[i + 1] - gap
        places[i] = min(places[i], most)
    for place, height, (_, name, colour) in zip(places, heights, known, strict=True):
        axes.annotate(
            name, (1.0, min(max(height, 0), 1)), xytext=(1.035, place), xycoords="axes fraction",
            textcoords="axes fraction", color=colour, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1,
                        "shrinkB": 1},
        )  # fmt: skip


def precision_recall(evaluation: Evaluation) -> str:
    """Draw precision against recall, all test dates together."""
    with _axes("precision-recall") as (axes, made):
        for name in shown(evaluation):
            curve = evaluation["curves"]["precision_recall"][name]
            _line(axes, curve["recall"], curve["precision"], name)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, _top(axes))
        axes.set_xlabel("Recall: share of cases listed", color=INK)
        axes.set_ylabel("Precision: cases among the listed", color=INK)
        _key(axes, evaluation, lambda name: _precision_at(evaluation, name, 0.2))
    return made[0]


def _precision_at(evaluation: Evaluation, name: str, share: float) -> float:
    curve = evaluation["curves"]["precision_recall"][name]
    place = int(np.searchsorted(curve["recall"], share))
    known = curve["precision"]
    return float(known[min(place, len(known) - 1)]) if known else 0.0


def _key(axes: Any, evaluation: Evaluation, height: Callable[[str], float]) -> None:
    """Name the lines beside the chart, the highest first, where they end too close to name."""
    for i, name in enumerate(sorted(shown(evaluation), key=lambda n: -height(n))):
        colour, style, width = STYLES.get(name, COUNTED)
        y = 0.94 - 0.08 * i
        axes.plot([1.03, 1.09], [y, y], color=colour, linestyle=style, linewidth=width,
                  transform=axes.transAxes, clip_on=False)  # fmt: skip
        axes.text(1.105, y, ranker_name(name), color=colour, transform=axes.transAxes, va="center")


def _top(axes: Any) -> float:
    return float(min(1.02, max(0.02, axes.dataLim.y1 * 1.05)))


def by_capacity(evaluation: Evaluation, what: str = "lift") -> str:
    """Draw lift, recall or precision by the length of the list, with intervals at the K judged."""
    with _axes(f"{what}-by-capacity") as (axes, made):
        curve = evaluation["curves"]["by_capacity"]
        ends = [
            _line(axes, curve["k"], curve["rankers"][name][what], name)
            for name in shown(evaluation)
        ]
        for k, e in evaluation["rankers"]["model"][f"{what}_at"].items():
            if not k.endswith("%") and e["low"] is not None and int(k) <= curve["k"][-1]:
                axes.plot([int(k)] * 2, [e["low"], e["high"]], color=BLUE, linewidth=1.6, zorder=5)
                axes.plot([int(k)], [e["value"]], "o", color=BLUE, markersize=4.5, zorder=6)
        axes.set_xscale("log")
        ticks = [k for k in (10, 25, 50, 100, 200, 500, 1_000, 2_000, 5_000) if k <= curve["k"][-1]]
        axes.set_xticks(ticks, [f"{k:,}" for k in ticks])
        axes.minorticks_off()
        axes.set_xlim(curve["k"][0], curve["k"][-1])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("People on the list (K) at each date", color=INK)
        words = {"lift": "Lift: times as many cases as by chance", "recall": "Recall",
                 "precision": "Precision"}  # fmt: skip
        axes.set_ylabel(words[what], color=INK)
        if what == "recall":
            _name_ends(axes, ends)
        else:
            third = len(curve["k"]) // 3
            _key(axes, evaluation, lambda n: curve["rankers"][n][what][third] or 0.0)
    return made[0]


def calibration(evaluation: Evaluation) -> str:
    """Draw what happened against what the scores said; small numbers are left out."""
    rule = SmallNumbers()
    with _axes("calibration") as (axes, made):
        ends, least, most = [], 1.0, 1e-6
        for name in shown(evaluation):
            groups = [
                g
                for g in evaluation["curves"]["calibration"].get(name, [])
                if not rule.is_small(g["positives"]) and g["share"]["value"] > 0
            ]
            if not groups:
                continue
            x = [g["score"] for g in groups]
            y = [g["share"]["value"] for g in groups]
            least, most = min(least, *x, *y), max(most, *x, *y)
            ends.append(_line(axes, x, y, name, marker="o", markersize=4))
            if name == "model":
                for g in groups:
                    if g["share"]["low"]:
                        axes.plot([g["score"]] * 2, [g["share"]["low"], g["share"]["high"]],
                                  color=BLUE, linewidth=1.1, zorder=2)  # fmt: skip
        low, high = least / 2, min(most * 2, 1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.plot([low, high], [low, high], color=QUIET, linewidth=0.9, zorder=1)
        _chances(axes)
        axes.set_xlabel("Mean score of the group", color=INK)
        axes.set_ylabel("Share to whom it happened", color=INK)
        _name_ends(axes, ends)
        axes.annotate("line: chances exactly right", (0.03, 0.95), xycoords="axes fraction",
                      color=QUIET, fontsize=9)  # fmt: skip
    return made[0]


def _chances(axes: Any, both: bool = True) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    for axis in (axes.xaxis, axes.yaxis) if both else (axes.xaxis,):
        axis.set_major_formatter(FuncFormatter(lambda p, _: f"{100 * p:g}%"))
        axis.set_minor_formatter(NullFormatter())


def net_benefit(evaluation: Evaluation) -> str:
    """Draw the decision curve, in cases a thousand people ranked."""
    told = evaluation["net_benefit"]
    with _axes("net-benefit") as (axes, made):
        x = told["thresholds"]
        ends: list[tuple[float, str, str] | None] = []
        for name in shown(evaluation):
            if name in told["rankers"]:
                y = [1_000 * e["value"] for e in told["rankers"][name]]
                ends.append(_line(axes, x, y, name))
        mine = told["rankers"].get("model", [])
        if mine and mine[0]["low"] is not None:
            axes.fill_between(
                x, [1_000 * e["low"] for e in mine], [1_000 * e["high"] for e in mine],
                color=BLUE, alpha=0.13, linewidth=0,
            )  # fmt: skip
        every = [e for r in told["rankers"].values() for e in r]
        top = 1_000 * max([e["value"] for e in every] + [mine[0]["high"] or 0 if mine else 0])
        axes.plot(x, [1_000 * v for v in told["everybody"]], color=QUIET, linewidth=1.1)
        axes.axhline(0, color=QUIET, linewidth=1.1)
        ends.append((0.0, "nobody", QUIET))
        axes.set_xscale("log")
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(-0.22 * top, 1.03 * top)
        axes.annotate("acting on everybody", (x[0], 1_000 * told["everybody"][0]), xytext=(8, -22),
                      textcoords="offset points", color=QUIET, fontsize=9)  # fmt: skip
        _chances(axes, both=False)
        axes.set_xlabel("Chance from which on somebody would act", color=INK)
        axes.set_ylabel("Net benefit, cases per 1,000 ranked", color=INK)
        _name_ends(axes, ends)
    return made[0]


def lead_time(evaluation: Evaluation, k: str) -> str:
    """Draw the share of cases on the list at least so many days before."""
    with _axes("lead-time") as (axes, made):
        ends: list[tuple[float, str, str] | None] = []
        for name in shown(evaluation):
            told = evaluation["curves"]["lead_days"].get(name, {}).get(k)
            if told:
                x, y = lead_shares(told)
                _line(axes, x, [v if v is not None else np.nan for v in y], name, marker="o",
                      markersize=4)  # fmt: skip
                known = [v for v in y if v is not None]
                if known:
                    ends.append((known[-1], ranker_name(name), STYLES.get(name, COUNTED)[0]))
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("Days before the event", color=INK)
        axes.set_ylabel(f"Cases already listed (K = {capacity_name(k)})", color=INK)
        _name_ends(axes, ends)
    return made[0]


def lead_shares(told: Mapping[str, Any]) -> tuple[list[int], list[float | None]]:
    """Give the share of cases listed at least so many days before; None for small numbers."""
    from hiu_training.judging.curves import LEAD_DAYS

    rule = SmallNumbers()
    later = np.cumsum(told["found"][::-1])[::-1]
    shares = [
        None if rule.is_small(n) or n <= 0 else float(n / told["cases"]) for n in later.tolist()
    ]
    return list(LEAD_DAYS), shares


def stability(evaluation: Evaluation, measure: str = "average_precision") -> str:
    """Draw the model and the best count at each test date, with intervals."""
    rule = SmallNumbers()
    with _axes("stability") as (axes, made):
        origins = evaluation["per_origin"]
        names = [n for n in ("model", best_count(evaluation)) if n]
        for shift, name in zip((-0.09, 0.09), names, strict=False):
            colour = STYLES.get(name, COUNTED)[0]
            for place, origin in enumerate(origins):
                e = origin["rankers"][name][measure]
                if e["value"] is None or origin["positives"] == 0:
                    continue
                if rule.is_small(origin["positives"]):
                    continue
                if e["low"] is not None:
                    axes.plot([place + shift] * 2, [e["low"], e["high"]], color=colour,
                              linewidth=1.8)  # fmt: skip
                axes.plot([place + shift], [e["value"]], "o" if name == "model" else "s",
                          color=colour, markersize=6,
                          markerfacecolor=colour if name == "model" else "white")  # fmt: skip
            pooled = evaluation["rankers"][name][measure]["value"]
            axes.axhline(pooled, color=colour, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        dates = [index_day(origin["as_of"]) for origin in origins]
        step = -(-len(dates) // 6)
        axes.set_xticks(range(0, len(dates), step), [_day_in_words(d) for d in dates[::step]])
        axes.grid(axis="x", visible=False)
        axes.set_xlim(-0.5, len(dates) - 0.5)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("Average precision", color=INK)
        for i, name in enumerate(names):
            mark = "●" if name == "model" else "□"
            axes.text(1.04, 0.92 - 0.08 * i, f"{mark} {ranker_name(name)}", va="center",
                      color=STYLES.get(name, COUNTED)[0], transform=axes.transAxes)  # fmt: skip
        axes.text(1.04, 0.92 - 0.08 * len(names), "dashed: all dates", color=QUIET,
                  transform=axes.transAxes, va="center", fontsize=9)  # fmt: skip
    return made[0]


def groups(
    rows: Sequence[tuple[str, Sequence[tuple[str, Mapping[str, Any] | None]]]], what: str
) -> str:
    """Draw a measure of a few rankers for each group, with intervals."""
    with _axes(f"groups {what}", (6.4, 0.9 + 0.5 * len(rows))) as (axes, made):
        axes.set_position((0.3, 0.55 / (0.9 + 0.5 * len(rows)), 0.5,
                           1 - 0.65 / (0.9 + 0.5 * len(rows))))  # fmt: skip
        for row, (_, rankers) in enumerate(rows):
            for place, (name, e) in enumerate(rankers):
                if not e or e["value"] is None:
                    continue
                y = row + 0.16 * (place - (len(rankers) - 1) / 2) * 2
                colour = STYLES.get(name, COUNTED)[0]
                if e["low"] is not None and e["high"] is not None:
                    axes.plot([e["low"], e["high"]], [y, y], color=colour, linewidth=1.9)
                axes.plot([e["value"]], [y], "o" if name == "model" else "s", color=colour,
                          markerfacecolor=colour if name == "model" else "white",
                          markersize=6)  # fmt: skip
        axes.set_yticks(range(len(rows)), [name for name, _ in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, None)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(what, color=INK)
        names = rows[0][1] if rows else []
        for i, (name, _) in enumerate(names):
            mark = "●" if name == "model" else "□"
            axes.text(1.03, 1 - (0.3 + 0.42 * i) / max(len(rows), 1), f"{mark} {ranker_name(name)}",
                      color=STYLES.get(name, COUNTED)[0], transform=axes.transAxes,
                      va="center")  # fmt: skip
    return made[0]


def _day_in_words(day: str) -> str:
    from datetime import date

    told = date.fromisoformat(day)
    return f"{told.day} {told:%b}\n{told.year}"
