"""What was found, in sentences made from the numbers: none is typed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hiu_training.judging.names import in_prose
from hiu_training.report.charts import best_count
from hiu_training.report.known import interval, middle_capacity

Json = dict[str, Any]


def found(trained: Json, disjoint: Json, *, entities: str, extra: tuple[str, ...] = ()) -> str:
    """Say what was found, one point a line."""
    points = [
        f"**{trained['verdict']}**",
        _trees(trained),
        *_counts(trained),
        *_plain(trained),
        *_lists(trained, entities),
        *_lead(trained),
        *_calibration(trained),
        *_groups(trained),
        "Counting from the index date on: " + disjoint["verdict"][0].lower()
        + disjoint["verdict"][1:],
        *extra,
    ]  # fmt: skip
    return "\n".join(f"- {point}" for point in points)


def _value(trained: Json, name: str) -> float:
    return float(trained["rankers"][name]["average_precision"]["value"] or 0)


def _trees(trained: Json) -> str:
    if not trained["trees"]:
        return "The model is its anchor alone: trees did not prove to add anything."
    apart = trained["differences"]["anchor"]["average_precision"]
    gain = apart["low"] is not None and apart["low"] > 0
    loss = apart["high"] is not None and apart["high"] < 0
    told = "add to" if gain else "take from" if loss else "are not shown to add to"
    return (
        f"The {trained['trees']} trees {told} the anchor: average precision {_signed(apart)} apart."
    )


def _signed(e: Json, digits: int = 3) -> str:
    told = f"{e['value']:+.{digits}f} ({e['low']:+.{digits}f} to {e['high']:+.{digits}f})"
    return told.replace("-", "\N{MINUS SIGN}")


def _counts(trained: Json) -> Iterator[str]:
    counts = [n for n in trained["rankers"] if "count" in n]
    best, worst = (choose(counts, key=lambda n: _value(trained, n)) for choose in (max, min))
    yield (
        f"Of the counts, {in_prose(best)} ranks best ({_value(trained, best):.3f}), "
        f"{in_prose(worst)} worst ({_value(trained, worst):.3f}); the model has "
        f"{_value(trained, 'model'):.3f}, which is {_signed(_apart(trained, best))} from the best."
    )


def _apart(trained: Json, name: str) -> Json:
    apart: Json = trained["differences"][name]["average_precision"]
    return apart


def _plain(trained: Json) -> Iterator[str]:
    if "plain_lightgbm" not in trained["rankers"]:
        return
    plain = _value(trained, "plain_lightgbm")
    below = [
        in_prose(n)
        for n in trained["rankers"]
        if n not in ("model", "plain_lightgbm", "true_probability", "true_intensity")
        and _value(trained, n) > plain
    ]
    than = f"ranks below {', '.join(below)}" if below else "ranks above every count and the anchor"
    yield f"Plain LightGBM ({plain:.3f}) {than}."


def _lists(trained: Json, entities: str) -> Iterator[str]:
    k, model = middle_capacity(trained), trained["rankers"]["model"]
    recall, needed = model["recall_at"][k], model["number_needed_at"][k]
    dates = len(trained["per_origin"])
    here = trained["population"]["rows"] // dates
    yield (
        f"A list of {k} {entities}, of some {here:,} ranked at each date, holds "
        f"{recall['value']:.0%} ({recall['low']:.0%} to {recall['high']:.0%}) of the cases; "
        f"{interval(needed, 1)} are to be reviewed for one."
    )
    ties = model["ties_at"][k]
    name = best_count(trained)
    other = trained["rankers"][name]["ties_at"][k] if name else ties
    if name and other["share_by_lot"] > 0:
        yield (
            f"Ties decide {other['share_by_lot']:.0%} of the places of a list made by "
            f"{in_prose(name)}: its recall lies between {other['recall_worst']:.3f} and "
            f"{other['recall_best']:.3f}, by luck alone."
        )


def _lead(trained: Json) -> Iterator[str]:
    k = middle_capacity(trained)
    lead = trained["rankers"]["model"]["lead_days_at"].get(k)
    told = trained["curves"]["lead_days"].get("model", {}).get(k)
    if lead and told and lead["value"] is not None and sum(told["found"]) >= 8:
        calls = trained["rankers"]["model"]["calls_before_onset_at"][k]
        yield (
            f"Cases on those lists were first listed {interval(lead, 0)} days before the event "
            f"(half of them {told['quartiles'][1]:.0f} or more), with {interval(calls, 1)} "
            "incidents still to come before the one that completed the rule."
        )


def _calibration(trained: Json) -> Iterator[str]:
    slope = trained["rankers"]["model"].get("calibration_slope")
    offset = trained["rankers"]["model"].get("calibration_intercept")
    if not slope or slope["low"] is None:
        return
    spread = (
        "as spread as they should be" if slope["low"] <= 1 <= slope["high"]
        else "too extreme" if slope["high"] < 1 else "not spread enough"
    )  # fmt: skip
    level = (
        "about right on average" if offset["low"] <= 0 <= offset["high"]
        else "too high on average" if offset["high"] < 0 else "too low on average"
    )  # fmt: skip
    yield (
        f"The chances are {level} (intercept {interval(offset, 2)}) and {spread} (slope "
        f"{interval(slope, 2)})."
    )


def _groups(trained: Json) -> Iterator[str]:
    k = middle_capacity(trained)
    groups = trained["breakdowns"].get("history", {})
    judged = [(name, g) for name, g in groups.items() if g["rankers"]]
    if len(judged) > 1:
        told = "; ".join(
            f"{name} {interval(g['rankers']['model']['recall_at'][k], 2)}" for name, g in judged
        )
        yield f"Share of cases on the lists of {k}, by what was known before: {told}."
