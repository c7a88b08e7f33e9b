"""Counts made safe to print: small ones hidden, others rounded, nothing left to subtract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hiu_risk.suppression import (
    HIDDEN,
    EarlierTable,
    Shown,
    SmallNumbers,
    Sum,
    protect,
)
from hiu_training.board.kept import PrintedTable

NOT_SHOWN = "too few to print"
CHECKED = (
    "counts of listed people are checked against every pack of the quarter printed from this model "
    "home; rows read, medians, lists of another purpose and packs made elsewhere are not"
)
"""Said in every pack that hides small numbers."""
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Asked:
    """What a table is about, and what was printed about the same before.

    Parameters
    ----------
    name : str
        Which table, of which quarter.
    made_of, lists : str
        Hashes of all that is counted, and of the lists alone.
    earlier : tuple of PrintedTable
        Tables of that name, the one printed first first.
    """

    name: str = ""
    made_of: str = ""
    lists: str = ""
    earlier: tuple[PrintedTable, ...] = ()


NEW = Asked()
"""A table that nothing was printed about before, and that isn't kept."""


@dataclass(frozen=True)
class Counts:
    """Counts of people as they may be printed, by name, and how they add up."""

    shown: Mapping[str, Shown]
    rule: SmallNumbers
    sums: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asked: Asked = NEW

    def printed(self, dated: str) -> PrintedTable:
        """Give what to keep of it."""
        return PrintedTable(
            name=self.asked.name,
            made_of=self.asked.made_of,
            lists=self.asked.lists,
            shown=dict(self.shown),
            sums={total: tuple(parts) for total, parts in self.sums.items()},
            dated=dated,
        )

    def __getitem__(self, name: str) -> Shown:
        return self.shown[name]

    def words(self, name: str) -> str:
        """Write a count: ``1,230``, or ``*`` where it is hidden."""
        return in_words(self.shown[name])

    def share(self, part: str, whole: str) -> Share | None:
        """Give a share and its interval, from the printed counts alone; None if hidden."""
        return share_of(self.shown[part], self.shown[whole], self.rule)


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """``30% (20 to 41)``."""
        return f"{100 * self.value:.0f}% ({100 * self.low:.0f} to {100 * self.high:.0f})"


def publish(
    counts: Mapping[str, int],
    sums: Mapping[str, Sequence[str]],
    rule: SmallNumbers,
    asked: Asked = NEW,
    *,
    falls: Sequence[str] = (),
) -> Counts:
    """Hide and round counts that add up.

    Parameters
    ----------
    counts : dict of str to int
        Exact counts.
    sums : dict of str to sequence of str
        Name of a total to the names of its parts. Totals are taken as known exactly: how many
        names a list has is no secret.
    rule : SmallNumbers
        What counts as small.
    asked : Asked, optional
        What was printed before: neither a small count nor a small change comes out of all
        together, and what is made of the same is printed the same.
    falls : sequence of str, optional
        Parts that fall while the others grow: those of whom nothing is known yet.

    Examples
    --------
    >>> counts = {"listed": 75, "cases": 20, "gone": 3, "others": 52}
    >>> shown = publish(counts, {"listed": ("cases", "gone", "others")}, SmallNumbers())
    >>> [shown.words(name) for name in counts]
    ['75', '20', '*', '50']
    """
    again = [table for table in asked.earlier if table.made_of == asked.made_of]
    if again and rule.enabled:
        return Counts(again[0].shown, rule, again[0].sums, asked)
    names = list(counts)
    place = {name: i for i, name in enumerate(names)}
    exact = np.array([counts[name] for name in names], dtype=np.float64)
    relations = [Sum(place[t], tuple(place[p] for p in parts)) for t, parts in sums.items()]
    rounded = np.array([name not in sums for name in names], dtype=np.bool_)
    hidden = protect(exact, relations, rule, rounded=rounded).hidden
    if asked.earlier and rule.enabled:
        hidden |= _beside_earlier(exact, names, sums, relations, rule, asked, falls)
    shown = {n: rule.show(counts[n], hidden=bool(hidden[place[n]])) for n in names}
    return Counts(shown, rule, sums, asked)


def _beside_earlier(
    exact: NDArray[np.float64],
    names: Sequence[str],
    sums: Mapping[str, Sequence[str]],
    relations: Sequence[Sum],
    rule: SmallNumbers,
    asked: Asked,
    falls: Sequence[str],
) -> NDArray[np.bool_]:
    """Choose what to hide beside what was printed before: a reader knows the names on lists."""
    total = next(iter(sums), "")
    grows = np.array([name != total and name not in falls for name in names])
    earlier = []
    for table in asked.earlier:
        same_lists = table.lists == asked.lists != ""
        exact_sums = [set(table.sums.get(t, ())) == set(parts) for t, parts in sums.items()]
        shown = [table.shown.get(name) for name in names]
        earlier.append(
            EarlierTable(
                np.array([float(x) if isinstance(x, int) else np.nan for x in shown]),
                np.array([x == HIDDEN for x in shown]),
                same=np.array([name == total and same_lists for name in names]),
                one_way=grows,
                exact_sums=np.array(exact_sums),
            )
        )
    return protect(
        exact, relations, rule, rounded=np.array([name != total for name in names]),
        earlier=earlier,
    ).hidden  # fmt: skip


def in_words(shown: Shown) -> str:
    """Write a printed count.

    Examples
    --------
    >>> in_words(1230), in_words("*")
    ('1,230', '*')
    """
    return f"{shown:,}" if isinstance(shown, int) else HIDDEN


def share_of(part: Shown, whole: Shown, rule: SmallNumbers) -> Share | None:
    """Give a share of printed counts with its 95% interval; None if one is hidden.

    The interval is Wilson's, widened by what rounding may have moved either count (a printed 0
    is exact).

    Examples
    --------
    >>> share_of(10, 40, SmallNumbers(enabled=False)).words
    '25% (14 to 40)'
    >>> share_of(10, 40, SmallNumbers()).words
    '25% (9 to 49)'
    >>> share_of("*", 40, SmallNumbers()) is None, share_of(0, 0, SmallNumbers()) is None
    (True, True)
    """
    if not isinstance(part, int) or not isinstance(whole, int) or whole <= 0:
        return None
    slack = rule.base / 2 if rule.enabled and rule.base > 1 else 0.0
    moved = slack if part else 0.0
    least = max(part - moved, 0.0) / (whole + slack)
    most = min((part + moved) / max(whole - slack, 1.0), 1.0)
    low, high = _wilson(least, whole)[0], _wilson(most, whole)[1]
    return Share(min(part / whole, 1.0), low, high)


def _wilson(share: float, n: int) -> tuple[float, float]:
    z2 = NORMAL_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    spread = share * (1 - share) / n + z2 / (4 * n**2)
    half = NORMAL_95 * float(np.sqrt(spread)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_words(share: Share | None) -> str:
    """Write a share, or why there is none."""
    return NOT_SHOWN if share is None else share.words


def change_words(now: Shown, before: Shown | None) -> str:
    """Say how a printed count moved, from what is printed alone.

    Examples
    --------
    >>> change_words(40, 25), change_words(25, 25), change_words("*", 25), change_words(5, None)
    ('up 15', 'no change', 'not shown', 'no list then')
    """
    if before is None:
        return "no list then"
    if not isinstance(now, int) or not isinstance(before, int):
        return "not shown"
    if now == before:
        return "no change"
    return f"{'up' if now > before else 'down'} {abs(now - before):,}"


def people_words(names: Counts, name: str) -> str:
    """Write a count in a sentence: ``about 40``, ``fewer than 8``, ``no``.

    Examples
    --------
    >>> shown = Counts({"a": 40, "b": "*", "c": 0}, SmallNumbers())
    >>> [people_words(shown, n) for n in "abc"]
    ['about 40', 'a number too small to print of', 'no']
    """
    shown = names[name]
    if shown == 0:
        return "no"
    if isinstance(shown, int):
        return f"about {shown:,}" if names.rule.enabled else f"{shown:,}"
    return "a number too small to print of"
