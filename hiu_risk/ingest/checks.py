"""Checks: which rows break which rule of the contract, and the file that lists them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError
from hiu_risk.ingest.mapping import FeedMapping
from hiu_risk.ingest.readers import ReadCounts, locate
from hiu_risk.manifest import FeedRecord
from hiu_risk.words import plural

RULES = {
    "wrong_number_of_fields": "the record has more or fewer fields than the header",
    "missing": "a required value is blank",
    "unparsable_time": "the text fits none of the declared date formats",
    "outside_time_range": "the time is outside the years that the data contract allows",
    "unknown_code": "the mapping lists neither the code nor a default",
    "not_a_number": "the text is not a number",
    "outside_range": "the number is outside its bounds",
    "not_a_flag": "the text is neither yes nor no",
    "before_its_start": "the end lies before the start",
    "known_before_it_occurred": "the event lies after the moment it became known",
    "after_extract": "the time lies after the moment the extract was made",
    "invalid_nhs_number": "the check digit is wrong",
    "conflicting_duplicate": "another row of the same id and moment says something else",
}
"""Every rule that can reject a row, in words."""


@dataclass
class RejectLog:
    """The rejected rows of one feed: where they stand and why; never a value."""

    entries: list[tuple[int, NDArray[np.int64], str, str]] = field(default_factory=list)

    def add(self, file: int, rows: NDArray[np.int64], rule: str, column: str) -> None:
        """Note rows (positions among the file's well-formed rows) that break a rule."""
        if len(rows):
            self.entries.append((file, rows, rule, column))

    def write(self, path: Path, feed: FeedMapping, counts: ReadCounts) -> None:
        """Write the reject file: rule, file, line and column of each rejected row."""
        found: list[tuple[int, int, str, str]] = []
        for number, file in enumerate(feed.files):
            mine = [entry for entry in self.entries if entry[0] == number]
            misshapen = counts.misshapen.get(number, 0)
            if not mine and not misshapen:
                continue
            wanted = np.unique(np.concatenate([np.empty(0, np.int64), *(e[1] for e in mine)]))
            lines = locate(feed, file, wanted, misshapen)
            for _, rows, rule, column in mine:
                at = lines.of_rows[np.searchsorted(wanted, rows)]
                found += [(number, line, rule, column) for line in at.tolist()]
            found += [(number, line, "wrong_number_of_fields", "") for line in lines.misshapen]
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["rule", "file", "line", "column"])
            for number, line, rule, column in sorted(found):
                writer.writerow([rule, feed.files[number].name, line, column])


def too_many_rejected(over: Sequence[tuple[FeedMapping, FeedRecord]], folder: Path) -> DataError:
    """Give the error of feeds with more rejected rows than their mapping allows.

    Parameters
    ----------
    over : sequence of (FeedMapping, FeedRecord)
        The feeds and what they delivered.
    folder : Path
        Where their reject files lie.
    """
    told = []
    for feed, record in over:
        rule, most = max(record.rejects.items(), key=lambda found: found[1])
        told.append(
            f"{record.rejected:,} of {plural(record.read, 'row')} of the feed {feed.name} rejected "
            f"({record.rejected / record.read:.1%}, max_rejected is {feed.max_rejected:.1%}), "
            f"{most:,} by {rule}: {RULES[rule]}"
        )
    return DataError(
        "; ".join(told),
        where=over[0][0].where,
        fix=f"look at their lines in {folder}, then correct the mapping or the extract, or set "
        "max_rejected where so many are right; the store is as it was",
    )


@dataclass
class Tally:
    """Counts of one feed, added up batch by batch."""

    read: int = 0
    filtered: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unparsable: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)


class Verdict:
    """Which rows of one batch stand, and the first rule that each of the others broke."""

    def __init__(self, rows: int) -> None:
        self.stands = np.ones(rows, np.bool_)
        self.broken: list[tuple[NDArray[np.int64], str, str]] = []

    def reject(self, bad: NDArray[np.bool_], rule: str, column: str) -> None:
        """Reject the rows that are bad and still stand."""
        rows = np.flatnonzero(bad & self.stands)
        if len(rows):
            self.broken.append((rows, rule, column))
            self.stands[rows] = False
