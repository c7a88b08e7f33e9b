"""The tables of an evaluation as rows of text: the same numbers for the page and for examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiu_risk.suppression import SmallNumbers
from hiu_risk.times import index_day
from hiu_training.judging.curves import LEAD_DAYS
from hiu_training.judging.names import DIMENSIONS, capacity_name, ranker_name
from hiu_training.report.charts import best_count, lead_shares, shown
from hiu_training.report.known import interval

Evaluation = Mapping[str, Any]
MOST_GROUPS = 8
"""Of more groups than this, those that can't be judged are put together."""

NOTHING = "\N{EN DASH}"

MEASURES_AT: Mapping[str, tuple[str, int]] = {
    "recall_at": ("Recall: share of cases listed", 3),
    "precision_at": ("Precision: cases among the listed", 3),
    "lift_at": ("Lift: times as many as by chance", 1),
    "number_needed_at": ("People to review for one case", 1),
    "lead_days_at": ("Days from first listing to the event", 0),
    "calls_before_onset_at": ("Incidents from first listing to the event", 1),
}
"""Measures of a list of K: what they are called, and their decimals."""


@dataclass(frozen=True)
class Table:
    """A table to print.

    Parameters
    ----------
    caption : str
    head : tuple of str
    rows : tuple of tuple of str
    words : int
        How many columns at the left hold words; the others hold numbers.
    note : str
        Said below it.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""


def cell(estimate: Mapping[str, Any] | None, digits: int = 3, *, sign: bool = False) -> str:
    """Write a measure with its interval; a dash where it can't be had.

    Examples
    --------
    >>> cell({"value": 0.05, "low": -0.01, "high": 0.11}, 2, sign=True).isascii()
    False
    >>> cell(None) == NOTHING
    True
    """
    if not estimate or estimate.get("value") is None:
        return NOTHING
    if sign:
        value, low, high = (estimate.get(key) for key in ("value", "low", "high"))
        text = f"{value:+.{digits}f}"
        if low is not None and high is not None:
            text += f" ({low:+.{digits}f} to {high:+.{digits}f})"
        return text.replace("-", "\N{MINUS SIGN}")
    far = estimate.get("high") is not None and estimate["high"] > 50 * max(estimate["value"], 2)
    if (estimate.get("high") is None or far) and estimate.get("low") is not None:
        return f"{estimate['value']:.{digits}f} ({estimate['low']:.{digits}f} or more)"
    return interval(estimate, digits)


def ordered(evaluation: Evaluation) -> list[str]:
    """Give the model, then the others from the best average precision down."""
    judged = evaluation["rankers"]
    others = [name for name in judged if name != "model"]
    return [
        "model", *sorted(others, key=lambda n: -(judged[n]["average_precision"]["value"] or 0))
    ]  # fmt: skip


def rankers(evaluation: Evaluation) -> Table:
    """Put the model beside all baselines over all dates."""
    first = evaluation["rankers"]["model"]["average_precision"]["value"] or 0
    digits = 3 if first > 0.01 else 5
    rows = []
    for name in ordered(evaluation):
        found = evaluation["rankers"][name]
        apart = evaluation["differences"].get(name, {}).get("average_precision")
        rows.append((
            full_name(name, evaluation), cell(found["average_precision"], digits),
            cell(apart, digits, sign=True) if apart else "", cell(found["auroc"]),
        ))  # fmt: skip
    return Table(
        "All test dates together",
        ("Ranked by", "Average precision", "Model minus this", "AUROC"),
        tuple(rows),
    )


def full_name(name: str, evaluation: Evaluation) -> str:
    """Name a ranker, with the half-life where it has one."""
    half_life = str(evaluation.get("decayed_half_life", "")).removesuffix("d")
    extra = f", half-life {half_life} days" if name == "decayed_count" and half_life else ""
    return ranker_name(name) + extra


def lists(evaluation: Evaluation, ranker: str = "model") -> Table:
    """Give every measure of the lists of one ranker, a column for each K."""
    found = evaluation["rankers"][ranker]
    ks = list(found["recall_at"])
    rows = [
        (name, *(cell(found[kind].get(k), digits) for k in ks))
        for kind, (name, digits) in MEASURES_AT.items()
        if found.get(kind)
    ]
    return Table(
        f"Lists made by the {ranker_name(ranker)}",
        ("", *(f"K = {capacity_name(k)}" for k in ks)),
        tuple(rows),
    )


def measure_at(evaluation: Evaluation, kind: str) -> Table:
    """Give one measure of lists for every ranker, a column for each K."""
    name, digits = MEASURES_AT[kind]
    ks = list(evaluation["rankers"]["model"]["recall_at"])
    rows = [
        (ranker_name(r), *(cell(evaluation["rankers"][r].get(kind, {}).get(k), digits) for k in ks))
        for r in ordered(evaluation)
    ]
    return Table(name, ("Ranked by", *(f"K = {capacity_name(k)}" for k in ks)), tuple(rows))


def ties(evaluation: Evaluation) -> Table | None:
    """Say what equal scores at the end of the list may do; None where there are none."""
    rows = []
    for name in ordered(evaluation):
        for k, told in evaluation["rankers"][name].get("ties_at", {}).items():
            if told["share_by_lot"] and told["recall_worst"] != told["recall_best"]:
                expected = evaluation["rankers"][name]["recall_at"][k]["value"]
                rows.append((
                    ranker_name(name), capacity_name(k), f"{told['share_by_lot']:.0%}",
                    f"{told['recall_worst']:.3f}", f"{expected:.3f}", f"{told['recall_best']:.3f}",
                ))  # fmt: skip
    if not rows:
        return None
    return Table(
        "Recall when equal scores at the end of the list fall badly, on average, and well",
        ("Ranked by", "K", "Places that ties decide", "Worst", "Expected", "Best"),
        tuple(rows), words=2,
    )  # fmt: skip


def probabilities(evaluation: Evaluation) -> Table:
    """Put calibration and accuracy of every ranker that gives probabilities side by side."""
    measures = (("calibration_slope", 2), ("calibration_intercept", 2), ("brier", 5),
                ("log_loss", 5))  # fmt: skip
    rows = [
        (ranker_name(name), *(cell(found.get(m), digits) for m, digits in measures))
        for name, found in evaluation["rankers"].items()
        if found.get("calibration_slope")
    ]
    return Table(
        "Are the chances right?",
        ("", "Slope (1 is right)", "Intercept (0 is right)", "Brier score", "Log loss"),
        tuple(rows),
    )


def calibration_groups(evaluation: Evaluation, name: str = "model") -> Table:
    """Give the groups of the calibration curve; small numbers are hidden."""
    rule, rows = SmallNumbers(), []
    for g in evaluation["curves"]["calibration"].get(name, []):
        small = bool(rule.is_small(g["positives"]))
        rows.append((
            f"{g['score']:.2%}", "*" if small else f"{g['share']['value']:.2%}",
            "*" if small else NOTHING if g["share"]["low"] is None
            else f"{g['share']['low']:.2%} to {g['share']['high']:.2%}",
            count(g["rows"]), count(g["positives"]),
        ))  # fmt: skip
    return Table(
        f"Calibration of the {ranker_name(name)}, in groups of about as many expected cases",
        ("Mean score", "Share to whom it happened", "95% interval", "Rows", "Cases"),
        tuple(rows), words=0, note="* hidden: a small number. Counts are rounded to 5.",
    )  # fmt: skip


def count(n: float) -> str:
    """Write a count as it may leave the team."""
    told = SmallNumbers().show(n)
    return told if isinstance(told, str) else f"{told:,}"


def not_ranked(evaluation: Evaluation) -> str:
    """Say how many were at risk and on no list, as what happened was not fully observed."""
    censored = evaluation.get("judged_dropped", {}).get("censored", {})
    rule, n = SmallNumbers(), sum(censored.values())
    removed = rule.show(n)
    if removed == 0:
        return ""
    if isinstance(removed, str):
        return f"{removed} rows (a small number)"
    ranked = rule.show(evaluation["population"]["rows"])
    whole = removed + (0 if isinstance(ranked, str) else ranked)
    return f"about {removed:,} of {whole:,} rows ({removed / whole:.1%})"


def lead_time(evaluation: Evaluation, k: str) -> Table:
    """Give the share of cases listed at least so many days before."""
    told = {
        name: evaluation["curves"]["lead_days"][name][k]
        for name in shown(evaluation)
        if k in evaluation["curves"]["lead_days"].get(name, {})
    }
    columns = {name: lead_shares(one)[1] for name, one in told.items()}
    rows = [
        (f"{days} or more", *("*" if column[i] is None else f"{column[i]:.0%}"
                              for column in columns.values()))
        for i, days in enumerate(LEAD_DAYS)
        if any(column[i] is not None for column in columns.values())
    ]  # fmt: skip
    half = [
        f"{one['quartiles'][1]:.0f}" if one["quartiles"] and sum(one["found"]) >= 8 else "*"
        for one in told.values()
    ]
    rows.append(("Middle of those listed (median days)", *half))
    return Table(
        f"Share of cases on a list of {capacity_name(k)} at least so many days before the event",
        ("Days before", *(ranker_name(name) for name in told)), tuple(rows),
        note="* hidden: few cases, or none; longer times are left out where all are. A person who "
        "was listed at several dates counts from the first; longer than the test dates reach back "
        "can't be seen.",
    )  # fmt: skip


def net_benefit(evaluation: Evaluation) -> Table:
    """Give the decision curve at every third threshold."""
    told = evaluation["net_benefit"]
    names = [n for n in shown(evaluation) if n in told["rankers"]]
    rows = [
        (f"{threshold:.2%}", *(_thousand(told["rankers"][n][i]) for n in names),
         f"{1_000 * told['everybody'][i]:+.2f}".replace("-", "\N{MINUS SIGN}"))
        for i, threshold in enumerate(told["thresholds"])
        if i % 3 == 0
    ]  # fmt: skip
    return Table(
        "Net benefit in cases per 1,000 people ranked; acting on nobody is 0",
        ("Chance from which on to act", *(ranker_name(n) for n in names), "everybody"),
        tuple(rows), words=0,
    )  # fmt: skip


def _thousand(e: Mapping[str, Any]) -> str:
    scaled = {k: None if v is None else 1_000 * v for k, v in e.items()}
    return cell(scaled, 2, sign=True)


def per_origin(evaluation: Evaluation, k: str) -> Table:
    """Judge each date by itself; dates with a small number of cases are not shown."""
    best = best_count(evaluation)
    names = ["model", *([best] if best else [])]
    rows = []
    for origin in evaluation["per_origin"]:
        small = bool(SmallNumbers().is_small(origin["positives"]))
        judged = [
            "*" if small else cell(origin["rankers"][n][kind] if not at else
                                   origin["rankers"][n][kind].get(k))
            for kind, at in (("average_precision", False), ("recall_at", True))
            for n in names
        ]  # fmt: skip
        rows.append((
            index_day(origin["as_of"]), count(origin["rows"]), count(origin["positives"]), *judged
        ))  # fmt: skip
    kinds = ("average precision", f"recall at {capacity_name(k)}")
    columns = (f"{ranker_name(n)}: {kind}" for kind in kinds for n in names)
    return Table(
        "Each test date by itself",
        ("Date", "People", "Cases", *columns),
        tuple(rows), note="* hidden: a small number. Counts are rounded to 5.",
    )  # fmt: skip


def breakdown(evaluation: Evaluation, dimension: str, k: str) -> Table:
    """Judge each group by the lists made of everybody."""
    groups = evaluation["breakdowns"][dimension]
    names = [n for n in _in_groups(groups) if n in shown(evaluation)]
    hidden = protected(groups)
    rows, others = [], 0
    for group, told in groups.items():
        if not told["rankers"] and len(groups) > MOST_GROUPS:
            others += 1
            continue
        if told["rankers"]:
            judged = [cell(told["rankers"][n]["recall_at"].get(k), 2) for n in names] + [
                cell(told["rankers"][n]["average_precision"], 2) for n in names
            ]
        else:
            judged = ["too few"] * (2 * len(names))
        population = told["population"]
        rows.append((
            str(group), count(population["people"]),
            "*" if hidden[group] else count(population["positive_people"]), *judged,
        ))  # fmt: skip
    if others:
        rows.append((f"{others} others", "", "", *(["too few"] * (2 * len(names)))))
    return Table(
        f"{DIMENSIONS.get(dimension, f'By {dimension}')}: recall and average precision",
        ("Group", "People", "To whom it happened",
         *(f"Recall at {capacity_name(k)}, {ranker_name(n)}" for n in names),
         *(f"Average precision, {ranker_name(n)}" for n in names)),
        tuple(rows),
        note="Lists are made of everybody ranked; recall: the share of the group's cases on them. "
        "“Too few”: fewer than 20 different people to whom it happened. * hidden: a small number, "
        "or one that would give it away. Counts are rounded to 5.",
    )  # fmt: skip


def _in_groups(groups: Mapping[str, Any]) -> list[str]:
    return list(next((g["rankers"] for g in groups.values() if g["rankers"]), {}))


def protected(groups: Mapping[str, Any]) -> dict[str, bool]:
    """Tell which groups' positive counts to hide, so that no small one can be worked out."""
    from hiu_risk.suppression import Sum, protect

    counts = [g["population"]["positive_people"] for g in groups.values()]
    n = len(counts)
    # One person may be in two groups at two dates: the sum of the groups stands for the total.
    everybody = protect(
        [*counts, sum(counts)], [Sum(n, tuple(range(n)))], SmallNumbers(),
        rounded=np.ones(n + 1, np.bool_),
    )  # fmt: skip
    return dict(zip(groups, everybody.hidden.tolist(), strict=False))


def group_rows(
    evaluation: Evaluation, dimension: str, k: str
) -> list[tuple[str, Sequence[tuple[str, Mapping[str, Any] | None]]]]:
    """Give what the chart of a dimension shows: recall at K of each group."""
    groups = evaluation["breakdowns"][dimension]
    names = [n for n in _in_groups(groups) if n != "anchor"]
    return [
        (str(group), [(n, told["rankers"][n]["recall_at"].get(k)) for n in names])
        for group, told in groups.items()
        if told["rankers"]
    ]
