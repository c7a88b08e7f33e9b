"""The contenders as a picture: time and memory, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

OURS, OTHERS = "#1f4e79", "#b8bfc7"


def draw(report: dict[str, Any], file: Path) -> None:
    """Draw a report's contenders, the fastest on top."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "features"
    agreed = {name: c for name, c in report["contenders"].items() if c["agrees"]}
    names = sorted(agreed, key=lambda name: agreed[name]["seconds"], reverse=True)
    colours = [OURS if name == "ours" else OTHERS for name in names]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 0.5 * len(names) + 1.6), sharey=True)
    for axis, key, title, form in (
        (left, "us_per_row", "microseconds a row", "{:.2f}"),
        (right, "peak_mib", "peak memory, MiB", "{:,.0f}"),
    ):
        values = [agreed[name][key] for name in names]
        bars = axis.barh(names, values, color=colours)
        axis.bar_label(bars, [form.format(value) for value in values], padding=3, fontsize=9)
        axis.set_title(title, fontsize=10, loc="left")
        axis.margins(x=0.25)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
        axis.tick_params(bottom=False, labelbottom=False, which="both")
    rows = next(iter(agreed.values()))["rows"]
    figure.suptitle(
        f"{report['events']:,} events, {report['as_ofs']} index dates, {rows:,} rows, "
        f"{next(iter(agreed.values()))['columns']} features",
        fontsize=11,
    )
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)
    plt.close(figure)
