"""Turn a catalogue into the arrays that the kernel walks along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hiu_features.catalogue import Catalogue
from hiu_features.feature import Feature
from hiu_features.primitives import ATTRIBUTES, LOOKBACK_DAYS, WEIGHT_BITS
from hiu_features.which import COLUMNS, Which
from hiu_risk.codes import EVENT_CATEGORIES, SOURCE
from hiu_risk.errors import UsageError
from hiu_risk.times import DAY

Ints = NDArray[np.int64]
Index = NDArray[np.uint32]
"""Places in other arrays; without a sign, so that Numba need not ask whether they are negative."""

MOST_CHOICES = 60
VALID_BIT = 63
"""Set in an event's word when each of its codes is in the vocabulary."""

SEQUENCE_OPS = (
    "days_since",
    "peak",
    "active_periods",
    "median_gap",
    "gap_variation",
    "different_reasons",
)
_WEIGHT_GONE = WEIGHT_BITS + 2
"""After this many half-lives a weight rounds to zero."""


class Plan(NamedTuple):
    """A catalogue as arrays. Every ``*_to`` holds output columns."""

    n_features: int
    n_sequences: int
    words: NDArray[np.uint64]  # (columns, 256): bit f is set when choice f accepts the code
    event_bits: np.uint64  # choices that count events, not incidents
    sequence_bits: np.uint64  # choices whose events are listed
    bucket_of: NDArray[np.uint16]  # (days of the lookback,): bucket of an event so many days old
    tallied: NDArray[np.uint64]  # (buckets, tallies): the choice's bit where its window reaches
    counts: Index  # rows: to, tally
    changes: Index  # rows: to, tally of the latest window, tally of the one before
    shares: Index  # rows: to, tally of the part, tally of the whole
    decays: Index  # rows: to, sequence, weight column
    ratios: Index  # rows: to, sequence, weight column, weight column below the line
    sequences: Ints  # rows: to, operation, sequence, first parameter, second parameter
    attributes: Ints  # rows: to, attribute
    tenures: Ints  # rows: to
    coverages: Ints  # rows: to, source, seconds
    spans: Ints  # rows: to, source bits, seconds before as_of at the end, at the start
    weights: NDArray[np.uint32]  # (hours, half-lives)


class _Compiler:
    """Collects what features need; each method named after a primitive adds its rows."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.rows: dict[str, list[tuple[int, ...]]] = {
            name: []
            for name in (
                "counts", "changes", "shares", "decays", "ratios", "sequences", "attributes",
                "tenures", "coverages", "spans",
            )
        }  # fmt: skip
        ordered = [w for f in catalogue for k, w in f.params.items() if self._is_sequence(f, k)]
        counted = [w for f in catalogue for w in f.params.values() if isinstance(w, Which)]
        self.n_sequences = len(dict.fromkeys(ordered))
        self.choices = list(dict.fromkeys([*ordered, *counted]))
        if len(self.choices) > MOST_CHOICES:
            raise UsageError(
                f"a catalogue may choose events in at most {MOST_CHOICES} ways",
                where="catalogue",
                fix="drop features or reuse their choices of events",
            )
        self.edges = sorted({LOOKBACK_DAYS, *self._days()})
        self.half_lives: list[int] = []
        self.tallies: dict[tuple[Which, int, int], int] = {}

    @staticmethod
    def _is_sequence(feature: Feature, key: str) -> bool:
        ordered = feature.primitive in (*SEQUENCE_OPS, "decayed", "recent_weight")
        return ordered and key == "which"

    def _days(self) -> list[int]:
        days = []
        for feature in self.catalogue:
            params = feature.params
            days += [params[key] for key in ("days", "within") if key in params]
            if feature.primitive == "count":
                days += [params["before"], params["before"] + params["days"]]
            if feature.primitive == "change":
                days.append(2 * params["days"])
        return [d for d in days if d > 0]

    def tally(self, which: Which, start: int, end: int) -> int:
        """Give the tally of a choice's events more than ``end`` and at most ``start`` days old."""
        return self.tallies.setdefault((which, start, end), len(self.tallies))

    def weight(self, half_life: int) -> int:
        if half_life not in self.half_lives:
            self.half_lives.append(half_life)
        return self.half_lives.index(half_life)

    def needs(self, to: int, which: Which, start: int, end: int = 0) -> None:
        """Note that the value is missing unless a feed covers some of these days before as_of."""
        bits = sum(1 << SOURCE.code(source) for source in which.source)
        self.rows["spans"].append((to, bits, end * DAY, start * DAY))

    def count(self, to: int, which: Which, days: int, before: int) -> None:
        self.rows["counts"].append((to, self.tally(which, before + days, before)))
        self.needs(to, which, before + days, before)

    def change(self, to: int, which: Which, days: int) -> None:
        latest, before = self.tally(which, days, 0), self.tally(which, 2 * days, days)
        self.rows["changes"].append((to, latest, before))
        self.needs(to, which, days)
        self.needs(to, which, 2 * days, days)

    def share(self, to: int, which: Which, of: Which, days: int) -> None:
        _check_inside(which, of)
        self.rows["shares"].append((to, self.tally(which, days, 0), self.tally(of, days, 0)))

    def decayed(self, to: int, which: Which, half_life: int) -> None:
        self.rows["decays"].append((to, self.choices.index(which), self.weight(half_life)))
        self.needs(to, which, LOOKBACK_DAYS)

    def recent_weight(self, to: int, which: Which, fast: int, slow: int) -> None:
        sequence = self.choices.index(which)
        self.rows["ratios"].append((to, sequence, self.weight(fast), self.weight(slow)))

    def attribute(self, to: int, attribute: str) -> None:
        self.rows["attributes"].append((to, ATTRIBUTES.index(attribute)))

    def tenure(self, to: int) -> None:
        self.rows["tenures"].append((to,))

    def covered_days(self, to: int, source: str, days: int) -> None:
        self.rows["coverages"].append((to, SOURCE.code(source), days * DAY))

    def ordered(self, to: int, operation: str, which: Which, first: int, second: int) -> None:
        row = (to, SEQUENCE_OPS.index(operation), self.choices.index(which), first, second)
        self.rows["sequences"].append(row)
        if operation in ("peak", "active_periods", "different_reasons"):
            self.needs(to, which, second // DAY)

    def sequence(self, to: int, feature: Feature) -> None:
        params = feature.params
        first = params.get("nth", params.get("days", 0) * DAY)
        second = params.get("within", params.get("days", 0)) * DAY
        self.ordered(to, feature.primitive, params["which"], first, second)

    def compile(self) -> None:
        for to, feature in enumerate(self.catalogue):
            if feature.primitive in SEQUENCE_OPS:
                self.sequence(to, feature)
            else:
                add: Callable[..., None] = getattr(self, feature.primitive)
                add(to, **feature.params)


def _check_inside(part: Which, whole: Which) -> None:
    """Check that a share's part is a choice within its whole."""
    outside = [
        column
        for column in COLUMNS
        if (codes := whole.accepts(column))
        and not set(part.accepts(column) or range(256)) <= set(codes)
    ]
    if outside or (part.counting == "events" and whole.counting == "incidents"):
        raise UsageError(
            "a share's part reaches outside its whole",
            where=f"share, {', '.join(outside) or 'counting'}",
            fix="narrow `which` so that each of its events is also one of `of`",
        )


def _words(choices: list[Which]) -> NDArray[np.uint64]:
    words = np.zeros((len(COLUMNS), 256), np.uint64)
    for place, column in enumerate(COLUMNS):
        size = 168 if column == "hour_of_week" else len(EVENT_CATEGORIES[column].names)
        for bit, choice in enumerate(choices):
            accepted = list(choice.accepts(column) or range(size))
            words[place, accepted] |= np.uint64(1 << bit)
        words[place, :size] |= np.uint64(1 << VALID_BIT)
    return words


def _buckets(compiler: _Compiler) -> tuple[NDArray[np.uint16], NDArray[np.uint64]]:
    """Part ages into buckets within which no window ends; say which tallies reach into each."""
    # No tally reaches into the last buckets, which are left out of ``tallied``.
    edges = np.array(compiler.edges)
    reach = max((start for _, start, _ in compiler.tallies), default=0)
    bucket_of = np.searchsorted(edges, np.arange(1, edges[-1] + 1)).astype(np.uint16)
    tallied = np.zeros((len(edges), len(compiler.tallies)), np.uint64)
    for place, (which, start, end) in enumerate(compiler.tallies):
        bit = np.uint64(1 << compiler.choices.index(which))
        tallied[(edges > end) & (edges <= start), place] = bit
    return bucket_of, tallied[edges <= reach]


def _weights(half_lives: list[int]) -> NDArray[np.uint32]:
    table = np.zeros((LOOKBACK_DAYS * 24 + 1, len(half_lives)), np.uint32)
    for column, half_life in enumerate(half_lives):
        hours = range(min(LOOKBACK_DAYS, _WEIGHT_GONE * half_life) * 24 + 1)
        exact = [2.0 ** (WEIGHT_BITS - hour / (24 * half_life)) for hour in hours]
        table[: len(exact), column] = np.rint(exact).astype(np.uint32)
    return table


_WIDTHS = {
    "counts": 2, "changes": 3, "shares": 3, "decays": 3, "ratios": 4, "sequences": 5,
    "attributes": 2, "tenures": 1, "coverages": 3, "spans": 4,
}  # fmt: skip
_PLACES_ALONE = ("counts", "changes", "shares", "decays", "ratios", "attributes", "tenures")
"""Tables that hold nothing but places in other arrays."""


def compile_plan(catalogue: Catalogue) -> Plan:
    """Compile a catalogue.

    Raises
    ------
    UsageError
        More choices of events than fit, or a share whose part reaches outside its whole.
    """
    compiler = _Compiler(catalogue)
    compiler.compile()
    by_events = sum(1 << b for b, w in enumerate(compiler.choices) if w.counting == "events")
    tables: dict[str, Any] = {
        name: np.array(
            compiler.rows[name], np.uint32 if name in _PLACES_ALONE else np.int64
        ).reshape(-1, width)
        for name, width in _WIDTHS.items()
    }
    bucket_of, tallied = _buckets(compiler)
    return Plan(
        n_features=len(catalogue),
        n_sequences=compiler.n_sequences,
        words=_words(compiler.choices),
        event_bits=np.uint64(by_events),
        sequence_bits=np.uint64((1 << compiler.n_sequences) - 1),
        bucket_of=bucket_of,
        tallied=tallied,
        weights=_weights(compiler.half_lives),
        **tables,
    )
