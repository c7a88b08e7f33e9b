"""A training protocol: everything that decides what is trained and how it is judged, as data."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal

from hiu_risk.definitions import Definition, definition_by_id
from hiu_risk.eligibility import TARGETS, EligibilityPolicy, Target
from hiu_risk.errors import UsageError, near_match
from hiu_risk.outcomes import Overlap

Every = Literal["auto", "month"]


@dataclass(frozen=True)
class Origins:
    """The index dates of training and judging.

    Parameters
    ----------
    every : int or str
        Days between origins; ``month`` for firsts of the month; ``auto`` for months, or
        finer where the data are short.
    first, last : date or None
        None: as early as the rule's longest window allows, as late as the horizon allows.
    test : int
        How many of the last origins judge the model; fewer where the data are short.
    """

    every: int | Every = "auto"
    first: date | None = None
    last: date | None = None
    test: int = 5


@dataclass(frozen=True)
class AnchorSettings:
    """How the anchor is fitted.

    Parameters
    ----------
    l2 : float
        Strength of the pull of the standardised coefficients towards their prior.
    half_life_days : int
        A training row so many days older than the newest counts half.
    """

    l2: float = 10.0
    half_life_days: int = 180


@dataclass(frozen=True)
class BoosterSettings:
    """How the booster is fitted; see LightGBM's parameters for the details.

    Parameters
    ----------
    learning_rate : float
        Shrinkage of each tree.
    max_trees, patience : int
        Most trees, and how many without gain on the later block end the search.
    max_leaves : int
        Leaves of a tree, 2 to 8.
    min_positives_in_leaf : float
        A leaf needs about as many positive rows as this, through its share of the curvature.
    l2 : float
        Penalty on leaf values.
    feature_share : float
        Share of the features that a tree may use.
    """

    learning_rate: float = 0.1
    max_trees: int = 300
    patience: int = 40
    max_leaves: int = 8
    min_positives_in_leaf: float = 5.0
    l2: float = 10.0
    feature_share: float = 0.7


@dataclass(frozen=True)
class Protocol:
    """Everything that decides what is trained and how it is judged.

    Parameters
    ----------
    definition : Definition
        The rule looked ahead for.
    target, overlap : str
        See :mod:`hiu_risk.outcomes`.
    horizon_days, washout_days : int
        How far ahead; how long the rule must not have been met.
    policy : EligibilityPolicy
        Who may appear on the list.
    features : tuple of str
        Names from the catalogue; empty means all.
    origins : Origins
        When.
    embargo_days : int or None
        Days between the last training origin and the first of the block it is judged on; None
        is the horizon plus the longest declared reporting delay.
    anchor : AnchorSettings
        The linear part.
    booster : BoosterSettings
        The trees.
    few_positives : str
        What calibration does with fewer than 20 positives: ``offset`` or ``refuse``.
    capacities : tuple of int
        The K of precision and recall.
    resamples : int
        Bootstrap resamples of people.
    seed : int
        Seed of everything random.
    promote : str
        ``first``: the first model of a home becomes champion; ``never``: none does.
    """

    definition: Definition
    target: Target = "onset"
    overlap: Overlap = "straddle"
    horizon_days: int = 90
    washout_days: int = 365
    policy: EligibilityPolicy = field(default_factory=EligibilityPolicy)
    features: tuple[str, ...] = ()
    origins: Origins = field(default_factory=Origins)
    embargo_days: int | None = None
    anchor: AnchorSettings = field(default_factory=AnchorSettings)
    booster: BoosterSettings = field(default_factory=BoosterSettings)
    few_positives: Literal["offset", "refuse"] = "offset"
    capacities: tuple[int, ...] = (50, 75, 100)
    resamples: int = 300
    seed: int = 1
    promote: Literal["first", "never"] = "first"

    def to_dict(self) -> dict[str, Any]:
        """Give the protocol as plain data, with every default written out."""
        data: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        data |= {"definition": self.definition.to_dict(), "policy": self.policy.to_dict()}
        for name in ("origins", "anchor", "booster"):
            part = data[name]
            data[name] = {f.name: getattr(part, f.name) for f in fields(part)}
        for name in ("first", "last"):
            day = data["origins"][name]
            data["origins"][name] = day and day.isoformat()
        return {**data, "features": list(self.features), "capacities": list(self.capacities)}

    @property
    def hash(self) -> str:
        """Hex SHA-256 of the protocol's meaning: comments and order don't change it."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()


def load_protocol(path: Path) -> Protocol:
    """Read a protocol file.

    Raises
    ------
    UsageError
        No such file, not TOML, an unknown key (named with its line), a value that can't be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"can't read the protocol: {error.strerror}",
            where=str(path),
            fix="name a protocol file, for instance training/protocols/onset.toml",
        ) from None
    return parse_protocol(text, where=str(path))


def parse_protocol(text: str, *, where: str = "protocol") -> Protocol:
    r"""Build a protocol from the text of its file.

    Examples
    --------
    >>> protocol = parse_protocol('definition = "nhse_hiu"\n[origins]\ntest = 3')
    >>> protocol.definition.sources, protocol.origins.test
    (('ae',), 3)
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not TOML: {error}", where=where, fix="correct that line") from None
    return _Reader(text, where).protocol(data)


_RANGES: Mapping[str, tuple[float, float]] = {
    "horizon_days": (1, 3_650),
    "washout_days": (0, 3_650),
    "embargo_days": (0, 3_650),
    "resamples": (0, 10_000),
    "seed": (0, 2**31 - 1),
    "origins.every": (1, 366),
    "origins.test": (1, 100),
    "anchor.l2": (1e-6, 1e6),
    "anchor.half_life_days": (1, 36_500),
    "booster.learning_rate": (1e-4, 1),
    "booster.max_trees": (0, 10_000),
    "booster.patience": (1, 10_000),
    "booster.max_leaves": (2, 8),
    "booster.min_positives_in_leaf": (0, 1e6),
    "booster.l2": (0, 1e6),
    "booster.feature_share": (0.05, 1),
}
_CHOICES: Mapping[str, Sequence[str]] = {
    "target": TARGETS,
    "overlap": ("straddle", "disjoint"),
    "windows": ("rolling", "calendar"),
    "few_positives": ("offset", "refuse"),
    "promote": ("first", "never"),
}


class _Reader:
    """Turns a parsed protocol file into a Protocol; knows the line of every key."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def protocol(self, data: Mapping[str, Any]) -> Protocol:
        known = {f.name for f in fields(Protocol)} - {"policy"} | {"windows", "eligibility"}
        self.check_keys(data, known, "")
        values = {k: self.scalar(k, v) for k, v in data.items() if not isinstance(v, dict | list)}
        windows = values.pop("windows", "rolling")
        definition = self.definition(data.get("definition", "frecann_adult"))
        values["definition"] = (
            definition.with_calendar_windows() if windows == "calendar" else definition
        )
        if "eligibility" in data:
            table = self.table(data, "eligibility")
            self.check_keys(table, set(EligibilityPolicy.__dataclass_fields__), "eligibility")
            values["policy"] = EligibilityPolicy.from_dict(table)
        for name, kind in (
            ("origins", Origins),
            ("anchor", AnchorSettings),
            ("booster", BoosterSettings),
        ):
            if name in data:
                table = self.table(data, name)
                self.check_keys(table, {f.name for f in fields(kind)}, name)
                values[name] = kind(**{k: self.scalar(f"{name}.{k}", v) for k, v in table.items()})
        if "features" in data:
            values["features"] = tuple(self.names(data["features"]))
        if "capacities" in data:
            values["capacities"] = tuple(self.capacities(data["capacities"]))
        return Protocol(**values)

    def definition(self, data: Any) -> Definition:
        if isinstance(data, str):
            return definition_by_id(data)
        if not isinstance(data, Mapping):
            raise self.wrong("definition", "must be an id or a table")
        return Definition.from_dict({"origin": "protocol", **data})

    def check_keys(self, table: Mapping[str, Any], known: set[str], inside: str) -> None:
        for key in table:
            if key not in known:
                place = f"{inside}.{key}" if inside else key
                raise UsageError(
                    f"unknown key {key!r}", where=self.at(place), fix=near_match(key, known)
                )

    def table(self, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        if not isinstance(data[name], Mapping):
            raise self.wrong(name, "must be a table")
        return dict(data[name])

    def names(self, value: Any) -> list[str]:
        if value == "all":
            return []
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.wrong("features", 'must be "all" or a list of names')
        return value

    def capacities(self, value: Any) -> list[int]:
        whole = isinstance(value, list) and all(type(k) is int and k > 0 for k in value)
        if not whole or not value:
            raise self.wrong("capacities", "must be a list of whole numbers above zero")
        return sorted(set(value))

    def scalar(self, key: str, value: Any) -> Any:
        """Check one value against its range or its choices."""
        if key in ("definition", "features"):
            return value
        if key in ("origins.first", "origins.last"):
            if type(value) is not date:
                raise self.wrong(key, "must be a date such as 2025-03-01, without quotes")
            return value
        if key == "origins.every":
            value = self.every(value)
            if isinstance(value, str):
                return value
        if key in _CHOICES:
            if value not in _CHOICES[key]:
                raise self.wrong(key, "must be one of " + ", ".join(_CHOICES[key]))
            return value
        if key not in _RANGES:
            raise self.wrong(key, "must be a table or a list")
        low, high = _RANGES[key]
        defaults = {"anchor": AnchorSettings, "booster": BoosterSettings}
        part, _, name = key.rpartition(".")
        real = isinstance(getattr(defaults.get(part), name, 0), float)
        right_kind = type(value) is int or (real and isinstance(value, float))
        if not right_kind or not low <= value <= high:
            kind = "a number" if real else "a whole number"
            raise self.wrong(key, f"must be {kind} from {low:g} to {high:g}")
        return float(value) if real else value

    def every(self, value: Any) -> Any:
        if value in ("auto", "month"):
            return value
        found = re.fullmatch(r"(\d+) days?", value) if isinstance(value, str) else None
        if found is None:
            raise self.wrong("origins.every", 'must be "auto", "month" or such as "28 days"')
        return int(found[1])

    def wrong(self, key: str, must: str) -> UsageError:
        return UsageError(f"{key} {must}", where=self.at(key))

    def at(self, key: str) -> str:
        line = _line_of(self.text, key)
        return f"{self.where}, line {line}" if line else self.where


def _line_of(text: str, key: str) -> int:
    """Find the line of a dotted key, written in a table, dotted, or as a table's header."""
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([\w.\-\" ]+?)\s*\]+", line)
        if header:
            inside = header[1].replace('"', "").replace(" ", "")
            if inside == key or inside.startswith(key + "."):
                return number
            continue
        name = re.match(r"\s*([\w.\-\"]+)\s*=", line)
        if name:
            full = (f"{inside}." if inside else "") + name[1].replace('"', "")
            if full == key or full.startswith(key + "."):
                return number
    return 0
