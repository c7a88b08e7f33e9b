"""A feature or a whole catalogue in words, from the declarations alone."""

from __future__ import annotations

from collections.abc import Mapping

from hiu_features.catalogue import Catalogue, default_catalogue
from hiu_features.feature import CONCEPTS, Feature
from hiu_features.primitives import PRIMITIVES
from hiu_features.sentences import sentence

DIRECTIONS: Mapping[int, str] = {
    1: "the risk may not fall as the value rises",
    -1: "the risk may not rise as the value rises",
    0: "free",
}
_EXAMPLES = {"share": 0.4, "recent_weight": 0.4, "gap_variation": 1.5, "decayed": 3.2}


def example_value(feature: Feature) -> float:
    """Give a value to show the feature's sentence with."""
    return _EXAMPLES.get(feature.primitive, 3.0)


def example(feature: Feature) -> str:
    """Give the feature's sentence for a made-up value."""
    if feature.protected:
        return "never given as a reason"
    compared = {f"{source}_28d_before": 2.0 for source in ("calls", "ae")}
    return sentence(feature, {**compared, feature.name: example_value(feature)})


def describe(name: str, catalogue: Catalogue | None = None) -> dict[str, str]:
    """Tell what a feature is.

    Parameters
    ----------
    name : str
        Its name; an unknown one is a UsageError naming the near match.
    catalogue : Catalogue, optional
        Default: :func:`hiu_features.default_catalogue`.

    Examples
    --------
    >>> describe("calls_28d")["example"]
    '3 calls in the last 28 days, 2 in the 28 days before'
    """
    feature = (catalogue or default_catalogue())[name]
    return {
        "name": feature.name,
        "meaning": feature.meaning,
        "unit": feature.unit,
        "missing": feature.missing,
        "direction": DIRECTIONS[feature.direction],
        "concept": CONCEPTS[feature.concept],
        "primitive": feature.primitive,
        "example": example(feature),
        "example when missing": feature.sentence_missing,
        "protected": "yes" if feature.protected else "no",
    }


def catalogue_page(catalogue: Catalogue) -> str:
    """Write the page that lists every feature of a catalogue, in Markdown."""
    lines = [
        "# The catalogue",
        "",
        f"{len(catalogue)} features, catalogue hash `{catalogue.hash[:12]}`. Every window ends at "
        "as_of and is half-open, [as_of - w, as_of); only what was known at as_of counts.",
        "",
        "Where feeds are declared and none of those a feature needs covers any of its window, a "
        "count is missing, not 0; coverage features say how much is covered.",
    ]
    for concept, title in CONCEPTS.items():
        features = [feature for feature in catalogue if feature.concept == concept]
        if not features:
            continue
        lines += ["", f"## {title}", "", "| feature | meaning | unit | missing | direction |"]
        lines.append("|---|---|---|---|---|")
        for f in features:
            sign = {1: "+", -1: "-", 0: ""}[f.direction]
            missing = f.missing.removeprefix("missing ")
            lines.append(f"| `{f.name}` | {f.meaning} | {f.unit} | {missing} | {sign} |")
    lines += ["", "## Primitives", "", "| primitive | meaning | missing |", "|---|---|---|"]
    lines += [f"| `{p.name}` | {p.meaning} | {p.missing} |" for p in PRIMITIVES.values()]
    lines += [
        "",
        "Direction + means that the risk may not fall as the value rises, - that it may not rise.",
        "",
    ]
    return "\n".join(lines)
