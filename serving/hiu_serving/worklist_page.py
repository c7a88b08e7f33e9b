"""The worklist as a page that a case manager reads, and as a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from hiu_features.reasons import MOST_REASONS, Reason, concept_title
from hiu_risk.pages import render
from hiu_risk.words import group_in_words
from hiu_serving.cautions import stops
from hiu_serving.coverage import FEEDS_TOO_SHORT, TOO_LITTLE_HISTORY
from hiu_serving.freshness import FeedFreshness
from hiu_serving.reserving import Reserved
from hiu_serving.wording import (
    BAND_NAMES,
    SOURCE_NAMES,
    day_in_words,
    exclusion_in_words,
    in_100,
    likely,
    local_iso,
    looks_ahead,
    target_in_words,
)
from hiu_serving.worklist import INSIDE_ONLY, TIE_RULE, Entry, Interval, Worklist

_COLUMNS = (
    "rank", "person", "score", "score_low", "score_high", "band", "change", "previous_rank",
    "reason_1", "reason_2", "reason_3", "cautions",
    "lowers_1", "lowers_2", "lowers_3", "previous_score", "since", "places",
)  # fmt: skip
_NOT_SCORED_COLUMNS = ("person", "why", "days_known", "incidents")
BANDS_MEAN = (
    "A band says how high a score is among all those scored when the model was made: very high, "
    "the top 1 in 1,000; high, the top 5; raised, the top 30; usual, the rest."
)
NEVER_A_REASON = "Age, sex and deprivation also move the score; they are never given as a reason."
SURE = (
    "“Likely 12 to 31” below a chance says how sure that number is: 9 times in 10, the true one "
    "for people with such a score lies from 12 to 31."
)
MOST_NOT_SCORED = 10
"""So many of those who are not scored stand on the page; the file has more."""
_FEWER = {
    0: "No reasons in plain words.",
    1: "No more reasons in plain words.",
    2: "No more reasons in plain words.",
}
_NOUNS = {
    "person": {"one": "person", "many": "people", "offer": "calling"},
    "address": {"one": "address", "many": "addresses", "offer": "visiting"},
}
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def worklist_csv(worklist: Worklist) -> str:
    r"""Give the list as CSV with one line a person; scores keep their full precision.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    places = _places(worklist)
    for entry in worklist.entries:
        since = entry.since
        row = [
            entry.rank, inert(entry.person), repr(entry.score), *limits_in_csv(entry.interval),
            entry.band, entry.change,
            "" if entry.previous_rank is None else entry.previous_rank,
            *_sentences(entry.reasons), inert(" ".join(entry.cautions)),
            *_sentences(entry.lowering),
            "" if since is None or since.score is None else repr(since.score),
            "" if since is None else inert(since.text), places,
        ]  # fmt: skip
        writer.writerow(row)
    return out.getvalue()


def _places(w: Worklist) -> str:
    """Say how the whole list is drawn: the same in every line, so that it marks nobody."""
    if w.reserved is None:
        return "highest scores"
    return f"whole list: places reserved by {group_in_words(w.reserved.column)}"


def not_scored_csv(worklist: Worklist) -> str:
    """Give those of whom too little is known as CSV, those with most incidents first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_NOT_SCORED_COLUMNS)
    for one in worklist.abstained:
        writer.writerow([inert(one.person), one.code, one.days_known, one.incidents])
    return out.getvalue()


def _sentences(reasons: Sequence[Reason]) -> list[str]:
    said = [inert(reason.sentence) for reason in reasons]
    return said + [""] * (MOST_REASONS - len(said))


def limits_in_csv(interval: Interval | None) -> tuple[str, str]:
    """Give the limits of a chance with full precision; empty where they aren't known."""
    return ("", "") if interval is None else (repr(interval[0]), repr(interval[1]))


def inert(text: str) -> str:
    """Keep a spreadsheet from reading a text as a formula."""
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def worklist_page(worklist: Worklist) -> str:
    """Give the list as one self-contained page."""
    w = worklist
    day = day_in_words(w.as_of, w.zone)
    noun = _NOUNS[w.definition["entity"]]
    return render(
        "hiu_serving",
        "worklist.html",
        title=f"{noun['many'].capitalize()} to consider {noun['offer']}, {day}",
        noun=noun,
        subtitle=f"{w.definition['title']}: {_from_when(w, day)}",
        banners=[feed_banner(feed, w.zone) for feed in w.stale],
        entries=[_entry(entry, w.definition["entity"]) for entry in w.entries],
        other_model=_other_model(w),
        reserved=""
        if w.reserved is None
        else f"{w.reserved.text} {reserved_by(w.reserved, w.zone)}",
        price="" if w.reserved is None else w.reserved.price,
        sure=SURE if any(entry.interval for entry in w.entries) else "",
        not_scored=_not_scored(w),
        tiles=_tiles(w),
        meaning=_meaning(w),
        tie_text=_ties(w),
        bands_text=BANDS_MEAN if w.entries else "",
        never_a_reason=NEVER_A_REASON if noun["one"] == "person" else "",
        excluded=[
            {"why": "Listed", "people": f"{len(w.entries):,}"},
            {
                "why": "Scored lower than those listed" if w.reserved is None else "Not listed",
                "people": f"{w.n_scored - len(w.entries):,}",
            },
            *(
                {"why": exclusion_in_words(reason), "people": f"{count:,}"}
                for reason, count in w.exclusions.items()
            ),
        ],
        n_people=f"{w.n_people:,}",
        n_scored=f"{w.n_scored:,}",
        feeds=[_feed(feed, w.zone) for feed in w.freshness],
        as_of=f"{local_iso(w.as_of, w.zone)}, {w.zone} time",
        looks_ahead=looks_ahead(w.target, w.horizon_days),
        definition=w.definition,
        rule=w.rule,
        target_text=target_in_words(w.target),
        look_back="fully covered by the data"
        if w.look_back_covered
        else "not fully covered: somebody may have met the definition before the data begin",
        least_known=f"{w.least_days} of the last 90 days, or nobody is scored"
        if w.least_days
        else "no limit set",
        capacity=w.capacity,
        version=w.bundle_id[:12],
        store_hash=w.store_hash,
        previous="none: this is the first list of this kind"
        if w.previous_as_of is None
        else f"{day_in_words(w.previous_as_of, w.zone)}; {w.left} of its people are not listed now",
        inside_only=INSIDE_ONLY,
    )


def _other_model(w: Worklist) -> str:
    if w.previous_bundle_id in (None, "", w.bundle_id):
        return ""
    return (
        "The last list was made by another model. What changed since is told by this one alone: "
        "how it would have scored each person then."
    )


def _not_scored(w: Worklist) -> dict[str, Any] | None:
    total = sum(w.exclusions.get(code, 0) for code in (TOO_LITTLE_HISTORY, FEEDS_TOO_SHORT))
    if not total:
        return None
    noun = _NOUNS[w.definition["entity"]]
    why = {
        TOO_LITTLE_HISTORY: f"Fewer than {w.least_days} days are known since they registered.",
        FEEDS_TOO_SHORT: f"The feeds cover fewer than {w.least_days} of the last 90 days.",
    }
    shown = w.abstained[:MOST_NOT_SCORED]
    return {
        "text": f"{total:,} {noun['one'] if total == 1 else noun['many']} could be listed, but too "
        "little is known of them: a score would be too low, so none is given. "
        + " ".join(why[code] for code in why if w.exclusions.get(code))
        + " Look at them yourself.",
        "people": [
            {"person": one.person, "days": one.days_known, "incidents": one.incidents}
            for one in shown
        ],
        "caption": "All of them"
        if total == len(shown)
        else f"Those with most incidents; the file not-scored.csv has {len(w.abstained):,}",
    }


def _entry(entry: Entry, entity: str) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "person": entry.person,
        "band": entry.band,
        "band_name": BAND_NAMES[entry.band],
        "bar": f"{100 * entry.score:.1f}",
        "chance": in_100(entry.score),
        "likely": "" if entry.interval is None else likely(*entry.interval),
        "span": None
        if entry.interval is None
        else {
            "from": f"{100 * entry.interval[0]:.1f}",
            "width": f"{100 * (entry.interval[1] - entry.interval[0]):.1f}",
        },
        "change": entry.change,
        "change_text": _change(entry),
        "reasons": [
            {**_told(r), "concept_title": concept_title(r.concept, entity)} for r in entry.reasons
        ],
        "lowers": _told(entry.lowering[0]) if entry.lowering else None,
        "events": "" if entry.since is None else entry.since.events,
        "moved": "" if entry.since is None else entry.since.chance,
        "fewer": _FEWER.get(len(entry.reasons), ""),
        "cautions": entry.cautions,
    }


def _told(reason: Reason) -> dict[str, str]:
    """Part what a sentence says of others from what it says: on paper one comparison is enough."""
    told, mark, beside = reason.sentence.partition("; ")
    return {"told": told, "beside": mark + beside}


def _change(entry: Entry) -> str:
    before = entry.previous_rank
    return {
        "first_list": "First list",
        "new": "New",
        "same": "Same place",
        "up": f"▲ place {before} → {entry.rank}",
        "down": f"▼ place {before} → {entry.rank}",
    }[entry.change]


def _tiles(w: Worklist) -> list[dict[str, str]]:
    bands = _counts(entry.band for entry in w.entries)
    tiles = [
        {"number": str(bands[band]), "label": f"in the band “{BAND_NAMES[band].lower()}”"}
        for band in BAND_NAMES
        if band in bands
    ]
    if w.previous_as_of is not None:
        new = sum(entry.change == "new" for entry in w.entries)
        tiles.append({"number": str(new), "label": "new since the last list"})
    return tiles


def _counts(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


def counted(n: int, entity: str) -> str:
    """Say how many people, or addresses.

    Examples
    --------
    >>> counted(1, "person"), counted(2_000, "address"), counted(0, "person")
    ('1 person', '2,000 addresses', '0 people')
    """
    return f"{n:,} {_NOUNS[entity]['one' if n == 1 else 'many']}"


def _from_when(w: Worklist, day: str) -> str:
    if w.target == "weekend":
        return "the weekend, Friday 18:00 to Monday 08:00"
    return f"the {w.horizon_days} days from {day}"


def _meaning(w: Worklist) -> str:
    expected = (
        "have an incident that the definition counts between Friday 18:00 and Monday 08:00"
        if w.target == "weekend"
        else f"meet the definition within {w.horizon_days} days"
    )
    return (
        f"Of 100 {_NOUNS[w.definition['entity']]['many']} with a chance of 20 in 100, about 20 are "
        f"expected to {expected} if nothing changes."
    )


def _ties(w: Worklist) -> str:
    if not w.has_ties:
        return ""
    if not w.tied_out:
        return TIE_RULE
    many = (
        "person with the same score as the last one"
        if w.tied_out == 1
        else ("people with the same score as the last one")
    )
    of = "" if w.reserved is None else " of their group"
    return f"{TIE_RULE} {w.tied_out} {many}{of} had no place."


def reserved_by(reserved: Reserved, zone: str) -> str:
    """Say who decided that places are reserved."""
    return (
        f"{reserved.who} decided it on {day_in_words(reserved.decided_at, zone)}; why stands in "
        "the ledger of models."
    )


def feed_banner(feed: FeedFreshness, zone: str) -> str:
    """Say that a feed stops too early, and what that means for the list."""
    return (
        f"{stops(feed, zone)}. Somebody whose trouble began since then may be missing from this "
        "list."
    )


def _feed(feed: FeedFreshness, zone: str) -> dict[str, str]:
    days = f"{feed.days_behind:.0f} days late"
    return {
        "name": SOURCE_NAMES[feed.source],
        "until": day_in_words(feed.complete_until, zone),
        "newest": "none known"
        if feed.newest_known_at is None
        else day_in_words(feed.newest_known_at, zone),
        "state": {"fresh": "up to date", "stale": days, "too_stale": days, "silent": "silent"}[
            feed.status
        ],
    }
