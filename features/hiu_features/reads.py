"""What the features of a catalogue need of a store."""

from __future__ import annotations

from functools import lru_cache

from hiu_features.catalogue import Catalogue
from hiu_features.which import COLUMNS, Which
from hiu_risk.store import Reads

_OF_PEOPLE = {"age": "born_at", "sex_female": "sex", "imd_decile": "imd_decile"}


@lru_cache(maxsize=16)
def reads_of(catalogue: Catalogue) -> Reads:
    """Give the columns that a catalogue's features look at.

    Examples
    --------
    >>> from hiu_features import default_catalogue
    >>> sorted(reads_of(default_catalogue().select(["calls_30d", "age"])).events)
    ['source']
    """
    events, people = {"source"}, set()
    for feature in catalogue:
        for value in feature.params.values():
            if isinstance(value, Which):
                events |= {column for column in COLUMNS if value.accepts(column)}
        if feature.primitive == "different_reasons":
            events.add("reason")
        if feature.primitive == "attribute":
            people.add(_OF_PEOPLE[feature.params["attribute"]])
    return Reads(frozenset(events), frozenset(people), caseload=False)
