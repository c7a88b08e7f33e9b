"""How near the model comes to the best possible ranking, as it learns from larger regions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from tables import table

Json = dict[str, Any]
CEILINGS = {"true_intensity": "the true call rate", "true_probability": "the true chance"}
LINES = {
    "true_probability": ("true chance", "#00703c", (0, (1, 1.5)), "v"),
    "true_intensity": ("true call rate", "#00703c", (0, (6, 2, 1, 2)), "^"),
    "model": ("model", "#005eb8", "-", "o"),
    "plain_lightgbm": ("plain LightGBM", "#6f2c91", (0, (1, 1.5)), "s"),
    "anchor": ("anchor alone", "#8a5a00", (0, (5, 2)), "D"),
    "": ("best count", "#212b32", (0, (3, 1.5)), "x"),
}


@dataclass(frozen=True)
class Region:
    """A region and what its model was found to be worth.

    Parameters
    ----------
    people : int
    trained : dict
        What ``hiu-risk train`` wrote.
    """

    people: int
    trained: Json

    def precision(self, ranker: str) -> float:
        """Average precision of one ranker."""
        return float(self.trained["rankers"][ranker]["average_precision"]["value"])

    @property
    def best_count(self) -> str:
        """The count that ranks best, by its name among the rankers."""
        counts = [name for name in self.trained["rankers"] if "count" in name]
        return max(counts, key=self.precision)

    def share(self, ceiling: str) -> float:
        """Say how much of the way from the best count to a ceiling the model goes."""
        floor = self.precision(self.best_count)
        return (self.precision("model") - floor) / (self.precision(ceiling) - floor)


def growth(regions: Sequence[Region]) -> str:
    """Put regions of several sizes side by side."""
    head = [
        "people", "positive rows learned from", "positive rows that judge", "best count", "anchor",
        "plain LightGBM", "model", *CEILINGS.values(),
        *(f"way to {name}" for name in CEILINGS.values()),
    ]  # fmt: skip
    rows = [
        [
            f"{region.people:,}",
            f"{region.trained['positives']:,}",
            f"{region.trained['population']['positives']:,}",
            *(
                f"{region.precision(name):.3f}"
                for name in (region.best_count, "anchor", "plain_lightgbm", "model", *CEILINGS)
            ),
            *(f"{region.share(name):.0%}" for name in CEILINGS),
        ]
        for region in regions
    ]
    return table(head, rows, words=())


def growth_chart(regions: Sequence[Region]) -> bytes:
    """Draw average precision against the number of positive rows learned from, as SVG."""
    stream = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 10}):
        figure = Figure(figsize=(6.4, 3.9), layout="constrained")
        axes = figure.add_subplot()
        learned = [region.trained["positives"] for region in regions]
        for key, (name, colour, line, mark) in LINES.items():
            drawn = [r.precision(key or r.best_count) for r in regions]
            axes.plot(learned, drawn, color=colour, linestyle=line, marker=mark, label=name)
        axes.set_xscale("log")
        axes.set_xticks(learned, [f"{n:,}" for n in learned])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Positive rows learned from")
        axes.set_ylabel("Average precision")
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside right upper", frameon=False)
        figure.savefig(stream, format="svg", metadata={"Date": None}, facecolor="white")
    return stream.getvalue()
