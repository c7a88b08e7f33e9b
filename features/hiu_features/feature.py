"""A feature: a primitive, its parameters and everything a reader needs to know, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hiu_features.context import NOT_COVERED
from hiu_features.primitives import PRIMITIVES, primitive_named
from hiu_features.which import Which
from hiu_risk.errors import UsageError, near_match

CONCEPTS: Mapping[str, str] = {
    "how_often": "How often calls come",
    "how_recently": "How recent the calls are",
    "changing": "Getting more or less frequent",
    "when": "When in the day and week",
    "why": "What it was about",
    "how_it_ended": "How the calls were made and ended",
    "ae": "A&E visits",
    "admissions": "Emergency admissions",
    "about_the_person": "About the person",
    "coverage": "How much the data cover",
}
"""The groups of features that explanations are given in, and the title of each."""


@dataclass(frozen=True)
class Feature:
    """One model input, declared.

    Parameters
    ----------
    name : str
        Lower-case words joined by underscores, unique in a catalogue.
    primitive : str
        Name of one of :data:`hiu_features.primitives.PRIMITIVES`.
    params : mapping
        What the primitive needs; defaults are filled in.
    unit : str
        Unit of the value.
    concept : str
        One of :data:`CONCEPTS`.
    sentence : str
        What a case manager reads; ``{value:call}`` stands for the value with its noun
        (:mod:`hiu_features.sentences`).
    sentence_missing : str
        What is read when the value is missing.
    compared : str
        A second clause, added when the features it names have a value.
    direction : int
        +1 when the risk may not fall as the value rises, -1 when it may not rise, 0 when free.
    protected : bool
        Never given as a reason: age, sex, deprivation.

    Raises
    ------
    UsageError
        Any part does not fit.

    Examples
    --------
    >>> Feature("calls_28d", "count", {"which": Which(("call",)), "days": 28},
    ...         unit="incidents", concept="how_often",
    ...         sentence="{value:call} in the last 28 days").missing
    'missing when the feed covers none of the window'
    """

    name: str
    primitive: str
    params: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    concept: str = "how_often"
    sentence: str = ""
    sentence_missing: str = NOT_COVERED
    compared: str = ""
    direction: int = 0
    protected: bool = False

    def __post_init__(self) -> None:
        where = f"feature {self.name!r}"
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise UsageError(
                "a feature name is lower-case words joined by underscores", where=where
            )
        primitive = primitive_named(self.primitive, where)
        object.__setattr__(self, "params", primitive.complete(self.params, where))
        if self.concept not in CONCEPTS:
            raise UsageError(
                f"unknown concept {self.concept!r}",
                where=where,
                fix=near_match(self.concept, CONCEPTS),
            )
        if self.direction not in (-1, 0, 1):
            raise UsageError("direction must be -1, 0 or 1", where=where)
        if not self.sentence or not self.unit:
            raise UsageError("a feature needs a unit and a sentence", where=where)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def missing(self) -> str:
        """When the value is missing."""
        return PRIMITIVES[self.primitive].missing

    @property
    def meaning(self) -> str:
        """The primitive's rule with this feature's parameters put in."""
        text = PRIMITIVES[self.primitive].meaning
        for key, value in self.params.items():
            if isinstance(value, Which):
                text = text.replace(key.upper(), f"[{value.in_words()}]")
            else:
                text = text.replace(key.upper(), f"{value}")
        return text

    @property
    def may_be_reason(self) -> bool:
        """Whether the value may stand on a worklist as a reason."""
        return not self.protected and self.concept != "coverage"

    def to_dict(self) -> dict[str, Any]:
        """Give the declaration as plain data."""
        params = {
            key: value.to_dict() if isinstance(value, Which) else value
            for key, value in self.params.items()
        }
        plain = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name != "params"
        }
        return {**plain, "params": params}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Feature:
        """Read plain data back; an unknown key is a UsageError."""
        for key in data:
            if key not in cls.__dataclass_fields__:
                raise UsageError(
                    f"unknown key {key!r}",
                    where="feature",
                    fix=near_match(key, cls.__dataclass_fields__),
                )
        params = {
            key: Which.from_dict(value) if isinstance(value, Mapping) else value
            for key, value in data.get("params", {}).items()
        }
        try:
            return cls(**{**data, "params": params})
        except TypeError:
            raise UsageError("a feature needs a name and a primitive", where="feature") from None
