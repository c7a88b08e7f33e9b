"""The tables of the examples' pages, as Markdown, from what the commands wrote with ``--json``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hiu_features import default_catalogue
from hiu_risk.cli.audit import AuditResult
from hiu_risk.store import Store
from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import from_seconds, index_day
from hiu_training.audit.wording import (
    CALIBRATION_WORDS,
    MINUS,
    RECALL_WORDS,
    count,
    rate,
    ratio,
)
from hiu_training.protocol import load_protocol
from hiu_training.report import tables as report
from hiu_training.report.known import middle_capacity
from hiu_training.report.tables import Table
from hiu_training.rows.inputs import make_rows
from hiu_training.rows.split import make_split

Json = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], words: Sequence[int] = (0,)) -> str:
    """Write a Markdown table: these columns hold words, the others numbers."""
    rule = ["---" if column in words else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def made(trained: Json) -> str:
    """Say what the numbers were made from."""
    return (
        f"Made by hiu-risk {trained['code_version']} from data `{trained['data_hash'][:12]}` by "
        f"protocol `{trained['protocol_hash'][:12]}`; 95% intervals from {trained['resamples']} "
        "resamples."
    )


def ingest(ingested: Json) -> str:
    """Count every row of every feed."""
    keys = ("read", "filtered", "accepted", "merged", "rejected", "unlinked")
    feeds = [[f["name"], *(f"{f[k]:,}" for k in keys)] for f in ingested["feeds"]]
    return table(["feed", "read", "filtered out before", *keys[2:]], feeds)


def montgomery_shape(log: Path, store: Path) -> str:
    """Say how the calls spread over addresses."""
    raw = pd.read_csv(log, usecols=["title", "addr", "twp"], dtype=str)
    medical = raw[raw["title"].str.startswith("EMS:")].dropna(subset=["addr", "twp"])
    calls = medical.groupby(["addr", "twp"]).size().sort_values(ascending=False)
    at_corner = medical["addr"].str.contains("&").mean()
    corners = calls.index.get_level_values("addr").str.contains("&").mean()
    top = calls.head(len(calls) // 100).sum() / calls.sum()
    histories = Store.open(store).histories()
    leading = int((histories.leads_until > histories.available_at).sum())
    lines = [
        f"{len(histories.occurred_at):,} calls at a known address make {leading:,} incidents at "
        f"{len(calls):,} addresses.",
        f"{at_corner:.0%} of these calls, and {corners:.0%} of the addresses, name two streets "
        "that cross, not a door.",
        f"{(calls == 1).mean():.0%} of the addresses have one call; the busiest hundredth have "
        f"{top:.0%} of all calls, the busiest address alone {calls.iloc[0] / calls.sum():.1%}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def admissions_by_quarter(store: Path) -> str:
    """Count admissions by quarter and say how many people have none."""
    histories = Store.open(store).histories()
    moments = (from_seconds(s) for s in histories.occurred_at.tolist())
    quarters = Counter(f"{m.year} Q{(m.month + 2) // 3}" for m in moments)
    none = int((np.diff(histories.offsets) == 0).sum())
    many = len(histories.people)
    rows = [[name, f"{quarters[name]:,}"] for name in sorted(quarters)]
    said = f"{none:,} of {many:,} people ({none / many:.0%}) have no admission at all."
    return f"{said}\n\n{table(['quarter', 'admissions'], rows)}"


def dates(trained: Json) -> str:
    """Say what was learned from, and what judged."""
    population = trained["population"]
    learned, judged = trained["training_dates"], trained["test_dates"]
    rows = [
        ["learned from", len(learned), _span(learned), trained["rows"], trained["positives"], ""],
        [
            "judged at", len(judged), _span(judged), population["rows"], population["positives"],
            f"{population['positive_people']:,}",
        ],
    ]  # fmt: skip
    head = ["", "dates", "from, to", "rows", "positive rows", "different positives"]
    written = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    left = {
        part: ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in reasons.items() if n)
        for part, reasons in trained["dropped"].items()
    }
    said = "; ".join(f"{part.replace('_', ' ')}: {of}" for part, of in left.items() if of)
    notes = [f"The embargo before the dates that judge is {trained['embargo_days']:g} days."]
    notes += [f"Rows left out of learning, {said}."] if said else []
    notes += [f"Note: {note}." for note in trained["notes"]]
    return "\n\n".join([table(head, written), " ".join(notes)])


def _span(days: Sequence[str]) -> str:
    first, last = (index_day(day) for day in (days[0], days[-1]))
    return f"{first}, {last}"


def markdown(found: Table) -> str:
    """Write a report's table as Markdown."""
    text = table(found.head, found.rows, words=tuple(range(found.words)))
    return text.replace("*", "\\*")


def rankers(trained: Json) -> str:
    """Put the model beside all baselines over all dates."""
    return markdown(report.rankers(trained))


def capacity(trained: Json) -> str:
    """Give every measure of the model's lists, and recall and precision of all rankers."""
    parts = [markdown(report.lists(trained))]
    for kind in ("recall_at", "precision_at"):
        found = report.measure_at(trained, kind)
        parts.append(f"{found.caption}:\n\n{markdown(found)}")
    found = report.ties(trained)
    if found:
        middle = [row for row in found.rows if row[1] == middle_capacity(trained)]
        parts.append(f"{found.caption}:\n\n{markdown(replace(found, rows=tuple(middle)))}")
    return "\n\n".join(parts)


def lead(trained: Json) -> str:
    """Say how long before the event people were first listed."""
    k = middle_capacity(trained)
    found = report.lead_time(trained, k)
    parts = [f"{found.caption}:\n\n{markdown(found)}"]
    for kind in ("lead_days_at", "calls_before_onset_at"):
        other = report.measure_at(trained, kind)
        parts.append(f"{other.caption}:\n\n{markdown(other)}")
    return "\n\n".join([*parts, (found.note or "").replace("*", "\\*")])


def net_benefit(trained: Json) -> str:
    """Give the decision curve."""
    found = report.net_benefit(trained)
    return f"{found.caption}:\n\n{markdown(found)}"


def origins(trained: Json) -> str:
    """Judge each date by itself."""
    found = report.per_origin(trained, middle_capacity(trained))
    return f"{markdown(found)}\n\n{(found.note or '').replace('*', chr(92) + '*')}"


def groups(trained: Json) -> str:
    """Judge each group by the lists made of everybody."""
    k = middle_capacity(trained)
    told = [report.breakdown(trained, dimension, k) for dimension in trained["breakdowns"]]
    if not told:
        return "The data have no groups to tell apart."
    parts = [f"{found.caption}:\n\n{markdown(found)}" for found in told]
    return "\n\n".join([*parts, told[0].note.replace("*", "\\*")])


def verdict(trained: Json) -> str:
    """Say whether the model beats the best baseline, and what it is made of."""
    trees = (
        f"{trained['trees']} trees at weight {trained['trees_weight']:.2f} on the anchor."
        if trained["trees"]
        else "the anchor alone: trees did not prove to add anything."
    )
    return f"**{trained['verdict']}** The model is {trees}"


def disjoint(trained: Json) -> str:
    """Repeat the ranking where only incidents from the index date on count."""
    positives = trained["population"]["positives"]
    head = f"{positives:,} rows of the same dates are positive in this sense."
    return f"{head}\n\n{rankers(trained)}\n\n{verdict(trained)}"


def met_before(store: Path, protocol: Path, look_back_days: int) -> str:
    """Count the positives that had met the rule before the washout."""
    histories, read = Store.open(store).histories(), load_protocol(protocol)
    test = make_split(read, histories.feeds, histories.zone).test
    few = default_catalogue().select(["calls_30d"])
    found = [
        make_rows(histories, test, replace(read, washout_days=days), few).positives
        for days in (read.washout_days, look_back_days)
    ]
    return (
        f"Of the {found[0]:,} positive rows that judge, {found[0] - found[1]:,} had met the rule "
        f"already, between {look_back_days} and {read.washout_days} days before."
    )


def calibration(trained: Json) -> str:
    """Put what is known of the chances of every ranker that gives them side by side."""
    return markdown(report.probabilities(trained))


_RULE = SmallNumbers()


def guarded(sentence: str) -> str:
    """Hide or round the counts in a sentence; days and percentages stay."""
    number = r"\b(\d+)\b(?!%| (?:days?|weeks?|hours?|months?|in 100|people))(?<! in 100)"
    return re.sub(number, lambda m: str(_RULE.show(int(m[1]))).replace("*", "\\*"), sentence)


def worklist(listed: Json, top: int = 5) -> str:
    """Show the top of a list, its counts guarded, without pseudonyms."""
    entries = listed["entries"]
    left = [f"{_RULE.show(n)} {k.replace('_', ' ')}" for k, n in listed["exclusions"].items() if n]
    rows = [
        [
            entry["rank"],
            entry["band"].replace("_", " "),
            f"{100 * entry['score']:.0f} in 100",
            "<br>".join(guarded(reason["sentence"]) for reason in entry["reasons"]),
        ]
        for entry in entries[:top]
    ]
    expected = sum(entry["score"] for entry in entries)
    return (
        f"List of {listed['as_of_text']}: {listed['n_scored']:,} of {listed['n_people']:,} scored; "
        f"left out: {', '.join(left).replace('*', chr(92) + '*')}. The scores of the "
        f"{len(entries)} listed add up to {expected:.0f} expected to meet the rule within "
        f"{listed['horizon_days']} days.\n\n"
        + table(["rank", "band", "chance", "reasons"], rows, words=(1, 3))
    )


def explained(found: Json) -> str:
    """Show how the parts of one score add up."""
    rows = [["base", f"{found['base']:+.2f}"]]
    rows += [
        [part["title"], f"{part['contribution']:+.2f}"]
        for part in sorted(found["concepts"], key=lambda part: -abs(part["contribution"]))
        if abs(part["contribution"]) >= 0.005
    ]
    rows.append(["**sum: the log-odds of the score**", f"**{found['log_odds']:+.2f}**"])
    signed = [[title, number.replace("-", MINUS)] for title, number in rows]
    return table(["part of the first score", "adds"], signed)


def audit(written: Json) -> str:
    """Show who is missed, by group, small numbers already hidden by the command."""
    document = AuditResult.model_validate(written)
    k = document.primary
    head = [
        "group", "people x dates", "cases", f"missed by lists of {k}", "compared with the rest",
        "observed / expected", "calibration",
    ]  # fmt: skip
    rows = []
    for group in (document.overall, *(g for part in document.groupings for g in part.groups)):
        here = next(at for at in group.at if at.capacity == k)
        everybody = group is document.overall
        rows.append(
            [
                "everybody" if everybody else group.label,
                count(group.rows),
                count(group.cases),
                rate(here.false_negative_rate),
                "" if everybody else RECALL_WORDS[group.recall_verdict],
                ratio(group.observed_expected),
                "" if everybody else CALIBRATION_WORDS[group.calibration_verdict],
            ]
        )
    text = table(head, rows, words=(0, 4, 6)).replace("*", "\\*")
    return f"{text}\n\n{document.suppression.replace('*', chr(92) + '*')} {document.label_caution}"
