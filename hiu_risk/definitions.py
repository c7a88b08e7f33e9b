"""What makes a High Intensity User: published rules as data.

A definition is a list of clauses joined by OR. Each clause counts the incidents of one source
in one window, and stores its operator: the 999 rules say "at least", the A&E rules "more than".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hiu_risk.codes import ADDRESS_TYPE, SOURCE
from hiu_risk.errors import UsageError, near_match
from hiu_risk.times import DAY

Operator = Literal[">=", ">"]
Entity = Literal["person", "address"]


@dataclass(frozen=True)
class Clause:
    """One counting rule: so many incidents of a source within a window.

    A rolling window of ``days`` is half-open: the incident that completes the count and the
    earliest one counted lie less than ``days`` apart. A calendar window covers
    ``calendar_months`` whole local months, the last being the incident's own.

    Parameters
    ----------
    source : str
        ``call``, ``ae`` or ``admission``.
    operator : str
        ``>=`` or ``>``.
    count : int
        The threshold, from 1 to 1,000.
    days : int
        Length of a rolling window; 0 when the window is calendar months.
    calendar_months : int
        Number of calendar months; 0 when the window rolls.

    Examples
    --------
    >>> Clause("ae", ">", 5, days=30).needed
    6
    """

    source: str
    operator: Operator
    count: int
    days: int = 0
    calendar_months: int = 0

    def __post_init__(self) -> None:
        if self.source not in SOURCE.names[1:]:
            raise UsageError(
                f"no source {self.source!r}",
                where="definition clause",
                fix=near_match(str(self.source), SOURCE.names[1:]),
            )
        if self.operator not in (">=", ">"):
            raise UsageError("an operator must be >= or >", where="definition clause")
        for name, largest in (("count", 1_000), ("days", 3_650), ("calendar_months", 120)):
            value, smallest = getattr(self, name), int(name == "count")
            if type(value) is not int or not smallest <= value <= largest:
                raise UsageError(
                    f"{name} must be a whole number from {smallest} to {largest}",
                    where="definition clause",
                )
        if (self.days > 0) == (self.calendar_months > 0):
            raise UsageError(
                "a window is either rolling days or calendar months",
                where="definition clause",
                fix="give one of days and calendar_months, above zero",
            )

    @property
    def needed(self) -> int:
        """How many incidents meet the clause."""
        return self.count + (self.operator == ">")

    @property
    def window_text(self) -> str:
        """The window in words."""
        if self.days:
            return f"{self.days} days (rolling)"
        many = "s" if self.calendar_months > 1 else ""
        return f"{self.calendar_months} calendar month{many}"

    @property
    def longest_days(self) -> int:
        """A bound on the window's length in days; October has 31 days and one hour."""
        return self.days or 31 * self.calendar_months + 1


@dataclass(frozen=True)
class Definition:
    """A rule that says who is a High Intensity User.

    Parameters
    ----------
    id : str
        Short name.
    title : str
        Name for people.
    clauses : tuple of Clause
        Joined by OR; at least one.
    min_age, max_age : int or None
        Age in whole years at the index date, both inclusive.
    entity : str
        Whose incidents are counted: a ``person`` or an ``address``.
    address_types : tuple of str
        Only incidents at these kinds of address count; empty means all.
    origin : str
        Who published the rule.

    Examples
    --------
    >>> print(DEFINITIONS["child"].in_words())
    age 17 or under and >= 3 call incidents in 180 days (rolling)
    """

    id: str
    title: str
    clauses: tuple[Clause, ...]
    min_age: int | None = None
    max_age: int | None = None
    entity: Entity = "person"
    address_types: tuple[str, ...] = ()
    origin: str = "custom"

    def __post_init__(self) -> None:
        if not self.clauses:
            raise UsageError("a definition needs a clause", where=f"definition {self.id}")
        if self.entity not in ("person", "address"):
            raise UsageError("an entity is a person or an address", where=f"definition {self.id}")
        low, high = self.min_age, self.max_age
        for age in (low, high):
            if age is not None and (type(age) is not int or not 0 <= age <= 120):
                raise UsageError(
                    "an age must be a whole number from 0 to 120", where=f"definition {self.id}"
                )
        if low is not None and high is not None and low > high:
            raise UsageError("min_age lies above max_age", where=f"definition {self.id}")
        for name in self.address_types:
            if name not in ADDRESS_TYPE.names:
                raise UsageError(
                    f"no address type {name!r}",
                    where=f"definition {self.id}",
                    fix=near_match(name, ADDRESS_TYPE.names),
                )

    @property
    def longest_window(self) -> int:
        """A bound in seconds on the longest window of any clause."""
        return max(clause.longest_days for clause in self.clauses) * DAY

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that the rule counts, each once."""
        return tuple(dict.fromkeys(clause.source for clause in self.clauses))

    def in_words(self) -> str:
        """Say the whole rule in one line."""
        parts = [
            f"{c.operator} {c.count} {c.source} incidents in {c.window_text}" for c in self.clauses
        ]
        rule = parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"
        ages = {
            (True, False): f"age {self.min_age} or over and ",
            (False, True): f"age {self.max_age} or under and ",
            (True, True): f"age {self.min_age} to {self.max_age} and ",
            (False, False): "",
        }[self.min_age is not None, self.max_age is not None]
        where = f" at {' or '.join(self.address_types)} addresses" if self.address_types else ""
        entity = " (the entity is the address)" if self.entity == "address" else ""
        return f"{ages}{rule}{where}{entity}"

    def with_calendar_windows(self) -> Definition:
        """Read "a month" as a calendar month: 30 days become 1 month, 90 days 3, 365 days 12."""
        months = {30: 1, 90: 3, 180: 6, 365: 12}
        clauses = tuple(
            replace(c, days=0, calendar_months=months[c.days]) if c.days in months else c
            for c in self.clauses
        )
        return replace(self, clauses=clauses)

    def any_incident(self) -> Definition:
        """Give the rule that one incident meets: of the same sources, at the same addresses.

        Examples
        --------
        >>> print(DEFINITIONS["spec_ae"].any_incident().in_words())
        age 18 or over and >= 1 ae incidents in 1 days (rolling)
        """
        clauses = tuple(Clause(source, ">=", 1, days=1) for source in self.sources)
        return replace(self, clauses=clauses)

    def to_dict(self) -> dict[str, Any]:
        """Give the definition as plain data; :meth:`from_dict` reads it back."""
        return {
            "id": self.id,
            "title": self.title,
            "clauses": [
                {
                    "source": c.source,
                    "operator": c.operator,
                    "count": c.count,
                    **({"days": c.days} if c.days else {"calendar_months": c.calendar_months}),
                }
                for c in self.clauses
            ],
            "min_age": self.min_age,
            "max_age": self.max_age,
            "entity": self.entity,
            "address_types": list(self.address_types),
            "origin": self.origin,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Definition:
        """Build a definition from plain data; an unknown key is a UsageError."""
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UsageError(
                    f"unknown key {key!r}", where="definition", fix=near_match(key, known)
                )
        try:
            clauses = tuple(Clause(**clause) for clause in data["clauses"])
            rest = {k: v for k, v in data.items() if k not in ("clauses", "address_types")}
            return cls(clauses=clauses, address_types=tuple(data.get("address_types", ())), **rest)
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"an incomplete definition: {error}",
                where="definition",
                fix="give id, title and clauses of source, operator, count and days",
            ) from None


def _rule(
    id: str, title: str, origin: str, *clauses: Clause, min_age: int | None = 18, **more: Any
) -> tuple[str, Definition]:
    return id, Definition(id, title, clauses, min_age=min_age, origin=origin, **more)


DEFINITIONS: Mapping[str, Definition] = dict(
    (
        _rule(
            "frecann_adult",
            "Adult who calls 999 frequently",
            "Frequent Caller National Network",
            Clause("call", ">=", 5, days=30),
            Clause("call", ">=", 12, days=90),
        ),
        _rule(
            "las",
            "Adult who calls 999 frequently from a private dwelling",
            "London Ambulance Service",
            Clause("call", ">=", 5, calendar_months=1),
            address_types=("private",),
        ),
        _rule(
            "child",
            "Child for whom 999 is called frequently",
            "East of England Ambulance Service",
            Clause("call", ">=", 3, days=180),
            min_age=None,
            max_age=17,
        ),
        _rule(
            "communal",
            "Communal address from which 999 is called frequently",
            "East of England Ambulance Service",
            Clause("call", ">=", 15, days=30),
            min_age=None,
            entity="address",
            address_types=("communal",),
        ),
        _rule(
            "nhse_hiu",
            "Adult who attends A&E very often",
            "NHS England High Intensity Use programme",
            Clause("ae", ">", 5, days=30),
            Clause("ae", ">", 20, days=365),
        ),
        _rule(
            "spec_ae",
            "Adult who attends A&E very often in a month",
            "High Intensity Use service specification, 2.2",
            Clause("ae", ">", 5, days=30),
        ),
    )
)
"""The published definitions by id; ``frecann_adult`` is the default."""


def definition_by_id(id: str) -> Definition:
    """Look a published definition up; an unknown id is a UsageError naming the near match.

    Examples
    --------
    >>> definition_by_id("nhse_hiu").clauses[1].needed
    21
    """
    try:
        return DEFINITIONS[id]
    except KeyError:
        raise UsageError(
            f"no definition {id!r}", where="definition", fix=near_match(id, DEFINITIONS)
        ) from None
