"""Figures as text: a table of the contenders, then what else was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Write a report; a contender that disagrees gets no time."""
    m = report["machine"]
    yield (
        f"{report['events']:,} events, {report['as_ofs']} index dates; {m['cores']} cores, "
        f"{m.get('memory_gib', '?')} GiB, Python {m['python']}, {m.get('processor', '')}"
    )
    yield from _table(report["contenders"])
    yield f"merely reading the columns: {report['scan_seconds']:.3f} s"
    for name, figures in report["measures"].items():
        kept = {k: v for k, v in figures.items() if not isinstance(v, list)}
        yield f"{name}: " + ", ".join(f"{k} {v:,.4g}" for k, v in kept.items())
    if found := report.get("featuretools"):
        yield (
            f"featuretools, {found['features']} features both have, {found['events']:,} events, "
            f"{found['rows']:,} rows: {found['us_per_row']:,.0f} us a row, ours "
            f"{found['ours_us_per_row']:.3f}: {found['ratio']:,.0f} times; "
            + ("values agree" if found["agrees"] else f"VALUES DIFFER: {found['differing']}")
        )


def _table(contenders: dict[str, Any]) -> Iterator[str]:
    if not contenders:
        return
    ours = contenders.get("ours", {}).get("seconds")
    yield f"{'':<13}{'seconds':>9}{'x ours':>8}{'us/row':>9}{'rows':>13}{'columns':>9}{'MiB':>9}"
    for name, c in contenders.items():
        if not c["agrees"]:
            yield f"{name:<13} no time: its values differ in {', '.join(c['differing'])}"
            continue
        times = f"{c['seconds'] / ours:>8.1f}" if ours else f"{'':>8}"
        yield (
            f"{name:<13}{c['seconds']:>9.3f}{times}{c['us_per_row']:>9.3f}{c['rows']:>13,}"
            f"{c['columns']:>9}{c['peak_mib']:>9,.0f}"
        )
