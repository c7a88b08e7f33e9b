"""Which events a feature looks at, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hiu_risk.codes import EVENT_CATEGORIES
from hiu_risk.errors import UsageError, near_match

COLUMNS = (
    "source",
    "reason",
    "outcome",
    "urgency",
    "caller_type",
    "address_type",
    "arrival",
    "kind",
    "hour_of_week",
)
"""The event columns a choice can look at, in the order the kernel reads them."""

NIGHT_HOURS = (22, 23, 0, 1, 2, 3, 4, 5)
HOURS_OF_WEEK: Mapping[str, tuple[int, ...]] = {
    "night": tuple(h for h in range(168) if h % 24 in NIGHT_HOURS),
    "weekend": tuple(range(120, 168)),
}
"""Named hours of the local week: night is 22:00 to 05:59, weekend Saturday and Sunday."""


@dataclass(frozen=True)
class Which:
    """A choice of events: the sources, narrowed by categories and by hours of the local week.

    Parameters
    ----------
    source : tuple of str
        Sources looked at; at least one.
    reason, outcome, urgency, caller_type, address_type, arrival, kind : tuple of str
        Names of :mod:`hiu_risk.codes`; an event must carry one of them. Empty means any.
    hours : str
        ``night``, ``weekend`` or empty for any hour.
    counting : str
        ``incidents`` (several calls about one incident count once) or ``events`` (each counts).

    Raises
    ------
    UsageError
        An unknown category, hours or way of counting; no source.

    Examples
    --------
    >>> Which(("call",), reason=("falls",)).in_words()
    'incidents; source call; reason falls'
    """

    source: tuple[str, ...]
    reason: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    urgency: tuple[str, ...] = ()
    caller_type: tuple[str, ...] = ()
    address_type: tuple[str, ...] = ()
    arrival: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    hours: str = ""
    counting: str = "incidents"

    def __post_init__(self) -> None:
        if not self.source or "unknown" in self.source:
            raise UsageError(
                "a choice of events needs a source",
                where="feature, which",
                fix="name one or more of call, ae, admission",
            )
        for column in COLUMNS[:-1]:
            self._check_names(column)
        if self.hours and self.hours not in HOURS_OF_WEEK:
            raise UsageError(
                f"unknown hours {self.hours!r}",
                where="feature, which",
                fix=near_match(self.hours, HOURS_OF_WEEK),
            )
        if self.counting not in ("incidents", "events"):
            raise UsageError(
                "counting must be incidents or events", where="feature, which, counting"
            )

    def _check_names(self, column: str) -> None:
        names = getattr(self, column)
        if not isinstance(names, tuple):
            raise UsageError(
                f"{column} must be a tuple of names", where="feature, which", fix="write ('x',)"
            )
        for name in names:
            if name not in EVENT_CATEGORIES[column].names:
                raise UsageError(
                    f"unknown {column} {name!r}",
                    where="feature, which",
                    fix=near_match(str(name), EVENT_CATEGORIES[column].names),
                )

    def accepts(self, column: str) -> tuple[int, ...]:
        """Give the codes of a column that this choice accepts; empty means all."""
        if column == "hour_of_week":
            return HOURS_OF_WEEK[self.hours] if self.hours else ()
        return tuple(EVENT_CATEGORIES[column].code(name) for name in getattr(self, column))

    def in_words(self) -> str:
        """Say the choice in one line."""
        parts = [self.counting]
        chosen = {column: getattr(self, column) for column in COLUMNS[:-1]}
        parts += [f"{column} {' or '.join(names)}" for column, names in chosen.items() if names]
        if self.hours:
            parts.append(f"hours {self.hours}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Give the choice as plain data, without what is left open."""
        return {
            f.name: list(value) if isinstance(value, tuple) else value
            for f in fields(self)
            if (value := getattr(self, f.name)) and value != f.default
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Which:
        """Read plain data back; an unknown key is a UsageError."""
        known = [f.name for f in fields(cls)]
        for key in data:
            if key not in known:
                raise UsageError(
                    f"unknown key {key!r}", where="feature, which", fix=near_match(key, known)
                )
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)
