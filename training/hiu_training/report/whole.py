"""Lists of everybody at risk: the tables of the page, and what of them may leave the team.

From a range, the number of censored people on the lists could be worked out: precision at its
best less at its worst, times the places. Where that number, or that of those outside the lists,
is a small one, the range is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hiu_risk.suppression import SmallNumbers
from hiu_training.judging.names import capacity_name, ranker_name
from hiu_training.report.charts import best_count
from hiu_training.report.tables import Table, ordered

Told = Mapping[str, Any]

_AT = {"recall_at": "recall", "precision_at": "precision"}

_NOTE = (
    "First the value if the event would have come to none of those removed: they only take "
    "places. In brackets the least and the most that it can be, however it would have gone for "
    "each of them; each number by itself. The least recall takes all of them outside the list "
    "for cases missed. A difference compares two lists whose people fare the same."
)
_HIDDEN = " * hidden: few of those removed are on these lists, or few are not."


def without_small_numbers(told: Told) -> dict[str, Any]:
    """Give ``whole_lists`` as they may leave the team; hidden measures are None.

    Parameters
    ----------
    told : mapping
        As :func:`hiu_training.judging.whole_lists.whole_lists` gives it.
    """
    rule = SmallNumbers()
    counts = {name: rule.show(told[name]) for name in ("rows", "censored")}
    if rule.is_small(told["censored"]):
        return {**counts, "places_at": {}, "rankers": {}, "differences": {}}
    places = told["places_at"]

    def hidden(one: Told, k: str) -> bool:
        listed = _people(one, k, places[k])
        return bool(rule.is_small([listed, told["censored"] - listed]).any())

    def apart(name: str, one: Told, k: str) -> bool:
        both = (told["rankers"][name], told["rankers"]["model"])
        return bool(rule.is_small(_people(one, k, places[k]))) or any(hidden(r, k) for r in both)

    return {
        **counts,
        "places_at": {k: rule.show(n) for k, n in places.items()},
        "rankers": {
            name: {**one, **_lists(one, {k for k in places if hidden(one, k)})}
            for name, one in told["rankers"].items()
        },
        "differences": {
            name: _lists(one, {k for k in places if apart(name, one, k)})
            for name, one in told["differences"].items()
        },
    }


def _people(one: Told, k: str, places: int) -> float:
    """Work out how many censored people stand between the worst and the best precision."""
    found = one["precision_at"][k]
    return 0.0 if found["best"] is None else float((found["best"] - found["worst"]) * places)


def _lists(one: Told, hidden: set[str]) -> dict[str, Any]:
    return {
        kind: {k: dict.fromkeys(e) if k in hidden else e for k, e in one[kind].items()}
        for kind in _AT
    }


def model_and_count(evaluation: Told) -> Table | None:
    """Put the model's lists of everybody at risk beside the best count's; None without censored."""
    whole, best = _whole(evaluation), best_count(evaluation)
    shown = [name for name in ("model", best) if name and name in whole.get("rankers", {})]
    if "model" not in shown:
        return None
    ks = _shown_lengths(whole, shown)
    if not ks:
        return None
    rows = [
        (f"{ranker_name(name)}: {called}", *(_cell(whole["rankers"][name][kind][k]) for k in ks))
        for name in shown
        for kind, called in _AT.items()
    ]
    if best in whole["differences"]:
        rows += [
            (f"model minus that count: {called}",
             *(_cell(whole["differences"][best][kind][k], sign=True) for k in ks))
            for kind, called in _AT.items()
        ]  # fmt: skip
    return Table(
        "Lists of everybody at risk, as in service",
        ("", *(f"K = {capacity_name(k)}" for k in ks)), tuple(rows),
        note=_NOTE + (_HIDDEN if any("*" in row for row in rows) else ""),
    )  # fmt: skip


def not_shown(evaluation: Told) -> str:
    """Say of which lengths nothing can be shown, and why; empty where something can be of all."""
    whole = _whole(evaluation)
    if "model" not in whole.get("rankers", {}):
        return ""
    best = best_count(evaluation)
    names = [name for name in ("model", best) if name and name in whole["rankers"]]
    shown = _shown_lengths(whole, names)
    hidden = [capacity_name(k) for k in whole["places_at"] if k not in shown]
    if not hidden:
        return ""
    lengths = " and ".join(filter(None, [", ".join(hidden[:-1]), hidden[-1]]))
    return (
        f"Nothing can be shown of lists of {lengths}: so few of those removed are on them, or "
        "outside them, that a range would give their number away."
    )


def _shown_lengths(whole: Told, names: Sequence[str]) -> list[str]:
    """Give the lengths of list of which something is shown for one of these rankers."""
    found = [whole["rankers"][name]["recall_at"] for name in names]
    return [k for k in found[0] if any(each[k]["worst"] is not None for each in found)]


def in_words(evaluation: Told, k: str) -> str:
    """Say in a line what the model's lists of K hold, everybody at risk ranked; empty if hidden."""
    found = _whole(evaluation).get("rankers", {}).get("model", {})
    if not found or found["recall_at"][k]["worst"] is None:
        return ""
    each = (f"{called} {_cell(found[kind][k])}" for kind, called in _AT.items())
    return (
        f"{', '.join(each)}: as if it had happened to none of those not ranked, and at worst and "
        "best, whatever happened to them"
    )


def every_ranker(evaluation: Told) -> list[Table]:
    """Give each measure of lists of everybody at risk for every ranker."""
    whole = _whole(evaluation)
    names = [name for name in ordered(evaluation) if name in whole.get("rankers", {})]
    if not names:
        return []
    ks = _shown_lengths(whole, names)
    tables = [
        Table(
            "Everybody at risk ranked: average precision", ("Ranked by", "Average precision"),
            tuple((ranker_name(n), _cell(whole["rankers"][n]["average_precision"]))
                  for n in names),
        )
    ]  # fmt: skip
    for kind, called in _AT.items() if ks else ():
        rows = ((ranker_name(n), *(_cell(whole["rankers"][n][kind][k]) for k in ks)) for n in names)
        head = ("Ranked by", *(f"K = {capacity_name(k)}" for k in ks))
        tables.append(Table(f"Everybody at risk ranked: {called}", head, tuple(rows)))
    return tables


def _whole(evaluation: Told) -> dict[str, Any]:
    """Give what may be shown; empty where nobody was censored, or too few to speak of."""
    told = evaluation.get("whole_lists", {})
    if not told.get("censored"):
        return {}
    shown = without_small_numbers(told)
    return shown if shown["rankers"] else {}


def _cell(found: Told, *, sign: bool = False) -> str:
    if found["worst"] is None:
        return "*"
    plus = "+" if sign else ""
    value, low, high = (f"{found[name]:{plus}.3f}" for name in ("if_none", "worst", "best"))
    return f"{value} ({low} to {high})".replace("-", "\N{MINUS SIGN}")
