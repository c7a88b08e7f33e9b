"""Quotes that swallow rows: found before a CSV file is read.

One stray quote at the start of a value makes whoever reads CSV take all that follows, up to the
next quote or to the end of the file, for one value: rows are gone and nobody is told. So a value
of several lines must be closed as it should be, and may not go on for ever.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hiu_risk.errors import DataError
from hiu_risk.ingest.mapping import FeedMapping
from hiu_risk.ingest.opening import open_text

MOST_LINES = 100
"""Lines that one quoted value may span."""
LONGEST = 100_000
"""Characters of one line, or of one record of several lines; ``csv`` gives up at 131,072."""

_INSIDE = r'[^"]*+(?:""[^"]*+)*+'
_CLOSES = re.compile(rf'{_INSIDE}"')


def check_quotes(feed: FeedMapping, path: Path) -> int:
    """Refuse a CSV file in which a quoted value swallows rows; else count lines within values.

    Raises
    ------
    DataError
        A value of several lines never ends, ends in the middle of a value, is too long, or leaves
        its record with more or fewer fields than the header; or a line is too long. The message
        names the line, never a value.
    """
    return _Check(feed, path).run()


@dataclass(frozen=True)
class _Check:
    feed: FeedMapping
    path: Path

    def run(self) -> int:
        width = within = 0
        for line, record in self._records():
            fields = len(next(csv.reader(record, delimiter=self.feed.delimiter)))
            if not width:
                width = fields
            elif fields != width:
                raise self._stray(line, "leaves the record with the wrong number of fields")
            within += len(record) - 1
        return within

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Give the header and each record of several lines, with the line that it begins at."""
        opens, header = _last_opens(self.feed.delimiter), True
        lines = self._lines()
        for number, line in lines:
            if '"' in line and opens.fullmatch(line):
                yield number, [line, *self._rest(lines, opens, number, len(line))]
            elif header and line.strip("\r\n"):
                yield number, [line]
            else:
                continue
            header = False

    def _rest(
        self, lines: Iterator[tuple[int, str]], opens: re.Pattern[str], opened: int, size: int
    ) -> list[str]:
        """Read on to the end of a record whose last value so far is open since line ``opened``."""
        found: list[str] = []
        for number, line in lines:
            found.append(line)
            size += len(line)
            if number - opened >= MOST_LINES:
                raise self._stray(opened, f"spans more than {MOST_LINES} lines")
            if size > LONGEST:
                raise self._stray(opened, f"makes a record of more than {LONGEST:,} characters")
            closed = _CLOSES.match(line)
            if closed is None:
                continue
            after = line[closed.end() :]
            if after.strip("\r\n") and after[0] != self.feed.delimiter:
                raise self._stray(opened, f"ends in the middle of a value, on line {number}")
            if not opens.fullmatch(after, 1):
                return found
            opened = number
        raise self._stray(opened, "never ends")

    def _lines(self) -> Iterator[tuple[int, str]]:
        with open_text(self.feed, self.path) as text:
            for number, line in enumerate(text, 1):
                if len(line) > LONGEST:
                    raise DataError(
                        f"a line has more than {LONGEST:,} characters",
                        where=self._where(number),
                        fix="check format, encoding and delimiter in the mapping",
                    )
                yield number, line

    def _stray(self, line: int, how: str) -> DataError:
        return DataError(
            f"a quoted value opens here that {how}: rows after it would be lost",
            where=self._where(line),
            fix='look for a stray " or a missing one; a " that belongs to a text is written ""',
        )

    def _where(self, line: int) -> str:
        return f"{self.path}, line {line}; {self.feed.where}"


def _last_opens(delimiter: str) -> re.Pattern[str]:
    """Give a pattern of lines whose last value opens with a quote and is not closed.

    As everywhere, a quote counts only at the start of a value.

    Examples
    --------
    >>> [bool(_last_opens(",").fullmatch(line)) for line in ('1,"a', '1,"a"', '5",a', '"","a""')]
    [True, False, False, True]
    """
    other = f"[^{re.escape(delimiter)}]*+"
    value = f'(?:"{_INSIDE}"{other}|(?!"){other})'
    return re.compile(f'(?:{value}{re.escape(delimiter)})*+"{_INSIDE}')
