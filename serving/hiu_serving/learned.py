"""Which sources a model learned from: without their feeds its scores mean something else.

A value that is missing because nobody sent the feed is not one that training ever saw missing for
that reason, so the model would answer, and answer wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence

from hiu_features.catalogue import Catalogue
from hiu_features.feature import Feature
from hiu_features.reach import sources
from hiu_risk.codes import SOURCE
from hiu_risk.errors import DataError
from hiu_risk.histories import Feed
from hiu_risk.model import Bundle
from hiu_serving.wording import SOURCE_NAMES, local_iso


def learned_from(bundle: Bundle, catalogue: Catalogue) -> tuple[str, ...]:
    """Give the sources that a model looks at and that its training data had.

    A model trained without a feed may hold features of it that were always missing, and features
    of two sources that counted the other alone: neither makes it need that feed.
    """
    used = bundle.anchor.features | bundle.booster.features
    looks_at = {source for feature in catalogue if feature.name in used for source in _of(feature)}
    had = {
        _of(feature)[0]
        for feature in catalogue
        if len(_of(feature)) == 1 and _was_known(feature, bundle)
    }
    return tuple(source for source in SOURCE.names if source in looks_at & had)


def _of(feature: Feature) -> tuple[str, ...]:
    if feature.primitive == "covered_days":
        return (feature.params["source"],)
    return sources(feature)


def _was_known(feature: Feature, bundle: Bundle) -> bool:
    mean = bundle.reference.get(feature.name, {}).get("mean")
    # Of a source without a feed, no day is covered.
    return mean is not None and (mean > 0 or feature.primitive != "covered_days")


def lacking(learned: Sequence[str], feeds: Sequence[Feed], as_of: int) -> tuple[str, ...]:
    """Give those of some sources of which no feed reaches back before the index date."""
    there = {feed.source for feed in feeds if feed.starts_at < as_of}
    return tuple(source for source in learned if source not in there)


def require_feeds(
    bundle: Bundle, catalogue: Catalogue, feeds: Sequence[Feed], as_of: int, zone: str
) -> None:
    """Refuse data without a feed of a source that the model learned from.

    Raises
    ------
    DataError
        There is no such feed, or it begins after the index date.
    """
    for source in lacking(learned_from(bundle, catalogue), feeds, as_of):
        name = SOURCE_NAMES[source]
        begins = [local_iso(feed.starts_at, zone) for feed in feeds if feed.source == source]
        raise DataError(
            f"the model learned from {name} and "
            + (f"their feed begins on {begins[0]}" if begins else "the store has no feed of them"),
            where=f"model {bundle.version}, {local_iso(as_of, zone)}",
            fix=f"ingest the {source} feed, or train a model without it: hiu-risk train on a store "
            "that has none, or with its features left out",
        )
