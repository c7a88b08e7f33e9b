"""A catalogue: the ordered list of features a model uses, with a hash that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from hiu_features.context import ANYWHERE, Context
from hiu_features.feature import Feature
from hiu_features.sentences import check_template, sentence
from hiu_risk.errors import UsageError, nearest


@dataclass(frozen=True)
class Catalogue:
    """An ordered list of features with unique names.

    Parameters
    ----------
    features : tuple of Feature
        At least one.

    Raises
    ------
    UsageError
        No feature, a name used twice, a sentence that can't be filled.

    Examples
    --------
    >>> default_catalogue().index("calls_7d")
    0
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        if not self.features:
            raise UsageError("a catalogue needs a feature", where="catalogue")
        seen: set[str] = set()
        for feature in self.features:
            if feature.name in seen:
                raise UsageError(
                    f"the name {feature.name!r} is used twice",
                    where="catalogue",
                    fix="give each feature a name of its own",
                )
            seen.add(feature.name)
            check_template(feature)

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __getitem__(self, name: str) -> Feature:
        return self.features[self.index(name)]

    def __hash__(self) -> int:
        return hash(self.hash)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of all declarations."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def directions(self) -> tuple[int, ...]:
        """Monotone direction of each feature, in order."""
        return tuple(feature.direction for feature in self.features)

    def index(self, name: str) -> int:
        """Give a feature's position; an unknown name is a UsageError naming near matches."""
        self._check([name])
        return self._places[name]

    def select(self, names: Iterable[str]) -> Catalogue:
        """Give a catalogue of these features alone, in the order asked for.

        All unknown names are named in one UsageError.
        """
        asked = list(names)
        self._check(asked)
        return Catalogue(tuple(self[name] for name in asked))

    def _check(self, names: list[str]) -> None:
        unknown = [name for name in names if name not in self._places]
        if not unknown:
            return
        near = {name: " or ".join(map(repr, nearest(name, self.names, 3))) for name in unknown}
        hints = [
            (f"did you mean {found} for {name!r}" if len(unknown) > 1 else f"did you mean {found}?")
            if found
            else f"leave {name!r} out, as no feature has a name near it"
            for name, found in near.items()
        ]
        raise UsageError(
            f"no feature {' or '.join(map(repr, unknown))}", where="catalogue", fix="; ".join(hints)
        )

    def plus(self, *features: Feature) -> Catalogue:
        """Give a catalogue with further features at its end."""
        return Catalogue((*self.features, *features))

    @cached_property
    def _wholes(self) -> dict[str, str]:
        """For each share, the name of the feature that counts what it is a part of."""
        counts = {
            (feature.params["which"], feature.params["days"]): feature.name
            for feature in self.features
            if feature.primitive == "count" and not feature.params["before"]
        }
        return {
            feature.name: counts.get((feature.params["of"], feature.params["days"]), "")
            for feature in self.features
            if feature.primitive == "share"
        }

    def sentence(
        self,
        name: str,
        values: Mapping[str, float],
        reference: Mapping[str, Mapping[str, float | None]] | None = None,
        context: Context = ANYWHERE,
    ) -> str:
        """Put a feature's value in words; see :func:`hiu_features.sentences.sentence`."""
        whole = self._wholes.get(name, "")
        return sentence(self[name], values, reference, context, whole=whole)

    def to_dict(self) -> dict[str, Any]:
        """Give the catalogue as plain data."""
        return {"features": [feature.to_dict() for feature in self.features]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Catalogue:
        """Read plain data back."""
        if "features" not in data:
            raise UsageError("a catalogue needs the key 'features'", where="catalogue")
        return cls(tuple(Feature.from_dict(feature) for feature in data["features"]))


@cache
def default_catalogue() -> Catalogue:
    """Give the catalogue that ships with the project."""
    from hiu_features.declarations import FEATURES

    return Catalogue(FEATURES)
