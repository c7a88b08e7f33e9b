"""What happened in the horizon: the label of each row, or why there is none.

Outcomes look at the final truth: the latest version of every event, duplicates merged into
incidents. They never feed a score; they judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hiu_risk.definitions import Definition
from hiu_risk.eligibility import Target, checked_rows, checked_target
from hiu_risk.errors import DataError, UsageError
from hiu_risk.histories import Feed, Histories
from hiu_risk.meeting import checked_as_ofs, final_state
from hiu_risk.times import DAY, FOREVER, HOUR
from hiu_risk.weekends import weekends_after

Overlap = Literal["straddle", "disjoint"]

CENSORED = ("before_data", "end_of_data", "feed_gap", "death", "move", "caseload")
"""Why a row has no label; the first three concern a whole index date."""

GAP_TOLERANCE = DAY
"""A horizon that misses more seconds of a feed than this is not observed."""

WEEKEND_GAP_TOLERANCE = HOUR
"""The same for a weekend, which is short."""


@dataclass(frozen=True)
class Outcomes:
    """The label of every row, when it happened, and how many rows have none.

    Parameters
    ----------
    label : int8 array, shape (n_people, n_as_ofs)
        1 it happened, 0 it did not, -1 nobody can tell (censored) or the row wasn't asked for.
    happened_at : int64 array, shape (n_people, n_as_ofs)
        UTC seconds of the incident that made the label 1 (for persistence the end of the
        horizon), ``FOREVER`` elsewhere.
    censored : dict of str to int64 array, shape (n_as_ofs,)
        Rows without a label by reason (:data:`CENSORED`), each counted once: labels 0, labels
        1 and censored rows add up to the rows asked for.
    """

    label: NDArray[np.int8]
    happened_at: NDArray[np.int64]
    censored: dict[str, NDArray[np.int64]]


def outcomes(
    histories: Histories,
    as_ofs: NDArray[np.int64],
    definition: Definition,
    horizon_days: int = 90,
    target: Target = "onset",
    overlap: Overlap = "straddle",
    *,
    rows: NDArray[np.bool_] | None = None,
    caseload_censors: bool = True,
) -> Outcomes:
    """Label every row with what happened in ``[as_of, as_of + horizon)``.

    Onset and relapse: the rule is met at some incident of the horizon. Persistence: the person
    meets the rule at the end of the horizon. Weekend: any incident of a source that the rule
    counts (with the 999 rules a call) from the next Friday 18:00 to Monday 08:00, local time.
    A person is observed until death, move or the start of a caseload spell; a label 1 that came
    before stays, any other row is censored.

    Parameters
    ----------
    histories : Histories
        Of people, or of addresses for a definition whose entity is the address.
    as_ofs : int64 array, shape (n_as_ofs,)
        UTC seconds, in any order.
    definition : Definition
        The rule; its ages belong to eligibility.
    horizon_days : int
        1 to 3,650; a weekend has its own.
    target : str
        ``onset``, ``relapse``, ``persistence`` or ``weekend``.
    overlap : str
        ``straddle``: a window may reach back before ``as_of``. ``disjoint``: only incidents
        from ``as_of`` on count, so that the label shares nothing with the history.
    rows : bool array, shape (n_people, n_as_ofs), optional
        The rows to label and count, for instance those at risk; all by default.
    caseload_censors : bool
        Whether time on a caseload censors. Off only to see how much it matters.

    Raises
    ------
    UsageError
        A horizon, target or overlap that can't be.
    DataError
        No feed says until when the incidents that the definition counts are complete.
    """
    as_ofs = checked_as_ofs(as_ofs)
    _check(horizon_days, target, overlap)
    shape = (histories.n_people, len(as_ofs))
    wanted = np.ones(shape, np.bool_) if rows is None else checked_rows(rows, shape)
    label, happened_at = np.full(shape, -1, np.int8), np.full(shape, FOREVER, np.int64)
    censored = {reason: np.zeros(len(as_ofs), np.int64) for reason in CENSORED}
    feeds = _feeds(histories, definition)
    starts, ends, tolerance = as_ofs, as_ofs + horizon_days * DAY, GAP_TOLERANCE
    if target == "weekend":
        starts, ends = weekends_after(as_ofs, histories.zone)
        definition, tolerance = definition.any_incident(), WEEKEND_GAP_TOLERANCE
    state = final_state(
        histories, starts, definition, horizon_days,
        disjoint=overlap == "disjoint", rows=wanted, ends=ends,
    )  # fmt: skip
    for k, (as_of, end) in enumerate(zip(as_ofs.tolist(), ends.tolist(), strict=True)):
        asked = wanted[:, k]
        if (reason := _unobserved(feeds, as_of, end, int(starts[k]), tolerance)) is not None:
            censored[reason][k] = np.count_nonzero(asked)
            continue
        stops = _stops(histories, as_of, end, caseload_censors)
        observed_to = np.min(list(stops.values()), axis=0)
        if target == "persistence":
            happened = np.where(state.meets_at_end[:, k] & (observed_to >= end), end, FOREVER)
        else:
            happened = np.where(state.first_met[:, k] < observed_to, state.first_met[:, k], FOREVER)
        positive = asked & (happened < FOREVER)
        cut_short = asked & ~positive & (observed_to < end)
        label[:, k] = np.where(asked & ~cut_short, positive, -1)
        happened_at[:, k] = np.where(positive, happened, FOREVER)
        for reason, stop in stops.items():
            here = cut_short & (stop == observed_to)
            censored[reason][k] = np.count_nonzero(here)
            cut_short &= ~here
    return Outcomes(label, happened_at, censored)


def _check(horizon_days: int, target: str, overlap: str) -> None:
    checked_target(target)
    if not 1 <= horizon_days <= 3_650:
        raise UsageError("a horizon must be 1 to 3650 days", where="horizon_days")
    if overlap not in ("straddle", "disjoint"):
        raise UsageError("overlap is neither straddle nor disjoint", where="overlap")


def _feeds(histories: Histories, definition: Definition) -> list[Feed]:
    feeds = []
    for source in definition.sources:
        feed = histories.feed(source)
        if feed is None:
            raise DataError(
                f"no feed of {source} incidents, which definition {definition.id} counts",
                where="histories, feeds",
                fix="ingest that feed, or choose a definition that doesn't count it",
            )
        feeds.append(feed)
    return feeds


def _unobserved(feeds: list[Feed], as_of: int, end: int, starts: int, tolerance: int) -> str | None:
    # Why nobody's horizon is fully observed, or None.
    if any(as_of < feed.starts_at for feed in feeds):
        return "before_data"
    if any(feed.complete_until < end for feed in feeds):
        return "end_of_data"
    for feed in feeds:
        missing = sum(max(0, min(to, end) - max(since, starts)) for since, to in feed.gaps)
        if missing > tolerance:
            return "feed_gap"
    return None


def _stops(
    histories: Histories, as_of: int, end: int, caseload_censors: bool
) -> dict[str, NDArray[np.int64]]:
    # From when each person is no longer observed, by reason; also earlier than as_of, where
    # nobody knew it at as_of.
    people, spells = histories.people, histories.caseload
    treated_from = np.full(len(people), FOREVER, np.int64)
    if caseload_censors:
        inside = (spells.start < end) & (spells.end > as_of)
        np.minimum.at(treated_from, spells.person[inside], spells.start[inside])
    return {"death": people.died_at, "move": people.registered_to, "caseload": treated_from}
