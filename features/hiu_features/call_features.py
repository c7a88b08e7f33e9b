"""Features of 999 calls: how often, how recently, changing, when, why, how they ended."""

from __future__ import annotations

from dataclasses import replace

from hiu_features.feature import Feature
from hiu_features.which import Which

CALLS = Which(("call",))
ALL_CALLS = Which(("call",), counting="events")

NIGHT_CALLS = replace(CALLS, hours="night")
WEEKEND_CALLS = replace(CALLS, hours="weekend")
MENTAL_HEALTH = replace(CALLS, reason=("mental_health",))
SELF_HARM = replace(CALLS, reason=("self_harm",))
FALLS = replace(CALLS, reason=("falls",))
ADDICTION = replace(CALLS, reason=("addiction",))
BREATHING_OR_CHEST = replace(CALLS, reason=("breathing", "chest_pain"))
SOCIAL = replace(CALLS, reason=("social", "loneliness", "housing", "vulnerable_adult"))
ADVISED_BY_PHONE = replace(CALLS, outcome=("hear_treat",))
TREATED_AT_SCENE = replace(CALLS, outcome=("see_treat",))
CONVEYED = replace(CALLS, outcome=("see_convey_ed", "see_convey_other"))
OWN_CALLS = replace(CALLS, caller_type=("self",))

NEED = (
    "addiction",
    "mental_health",
    "self_harm",
    "housing",
    "loneliness",
    "social",
    "vulnerable_adult",
)
"""The reasons behind frequent contact that a High Intensity Use service looks for, falls and
physical illness aside."""
NEED_IN_WORDS = (
    "one of the needs this service helps with: mental health, drink or drugs, or social needs"
)

CALLS_IN_NEED = replace(CALLS, reason=NEED)
CONTACTS = Which(("call", "ae"))
CONTACTS_IN_NEED = replace(CONTACTS, reason=NEED)
NIGHT_CONTACTS = replace(CONTACTS, hours="night")

WINDOWS = (7, 28, 30, 90, 365)
HALF_LIVES = (7, 30, 90, 180)


FREQUENCY = (
    *(
        Feature(
            f"calls_{days}d",
            "count",
            {"which": CALLS, "days": days},
            unit="incidents",
            concept="how_often",
            sentence=f"{{value:call}} in the last {days} days",
            compared="{calls_28d_before:bare} in the 28 days before" if days == 28 else "",
            direction=+1,
        )
        for days in WINDOWS
    ),
    Feature(
        "calls_all_90d",
        "count",
        {"which": ALL_CALLS, "days": 90},
        unit="calls",
        concept="how_often",
        sentence="{value:call} in the last 90 days, repeats included",
        direction=+1,
    ),
    *(
        Feature(
            f"calls_decayed_{days}d",
            "decayed",
            {"which": CALLS, "half_life": days},
            unit="weighted incidents",
            concept="how_often",
            sentence=f"Recent calls add up to {{value:number}} when a call {days} days ago counts "
            "half",
            direction=+1,
        )
        for days in HALF_LIVES
    ),
    Feature(
        "contacts_decayed_30d",
        "decayed",
        {"which": CONTACTS, "half_life": 30},
        unit="weighted incidents",
        concept="how_often",
        sentence="Recent calls and A&E visits add up to {value:number} when one 30 days ago counts "
        "half",
        direction=+1,
    ),
    Feature(
        "calls_peak_30d",
        "peak",
        {"which": CALLS, "days": 30},
        unit="incidents",
        concept="how_often",
        sentence="In the busiest 30 days of the last year, {value:call}",
        direction=+1,
    ),
    Feature(
        "calls_active_months",
        "active_periods",
        {"which": CALLS, "days": 30, "within": 360},
        unit="periods of 30 days",
        concept="how_often",
        sentence="Calls in {value:bare} of the last 12 months of 30 days",
        direction=+1,
    ),
)

RECENCY = (
    Feature(
        "days_since_last_call",
        "days_since",
        {"which": CALLS, "nth": 1},
        unit="days",
        concept="how_recently",
        sentence="Last call {value:ago}",
        sentence_missing="No call in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_2nd_last_call",
        "days_since",
        {"which": CALLS, "nth": 2},
        unit="days",
        concept="how_recently",
        sentence="The second last call was {value:ago}",
        sentence_missing="Fewer than 2 calls in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_3rd_last_call",
        "days_since",
        {"which": CALLS, "nth": 3},
        unit="days",
        concept="how_recently",
        sentence="The third last call was {value:ago}",
        sentence_missing="Fewer than 3 calls in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_4th_last_call",
        "days_since",
        {"which": CALLS, "nth": 4},
        unit="days",
        concept="how_recently",
        sentence="The fourth last call was {value:ago}",
        sentence_missing="Fewer than 4 calls in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_5th_last_call",
        "days_since",
        {"which": CALLS, "nth": 5},
        unit="days",
        concept="how_recently",
        sentence="The fifth last call was {value:ago}",
        sentence_missing="Fewer than 5 calls in the last two years",
        direction=-1,
    ),
)

CHANGE = (
    Feature(
        "calls_28d_before",
        "count",
        {"which": CALLS, "days": 28, "before": 28},
        unit="incidents",
        concept="changing",
        sentence="{value:call} in the 28 days before the last 28",
    ),
    Feature(
        "calls_90d_before",
        "count",
        {"which": CALLS, "days": 90, "before": 90},
        unit="incidents",
        concept="changing",
        sentence="{value:call} in the 90 days before the last 90",
    ),
    Feature(
        "calls_change_28d",
        "change",
        {"which": CALLS, "days": 28},
        unit="incidents",
        concept="changing",
        sentence="Compared with the 28 days before, {value:more call} in the last 28 days",
    ),
    Feature(
        "calls_recent_weight",
        "recent_weight",
        {"which": CALLS, "fast": 7, "slow": 90},
        unit="share",
        concept="changing",
        sentence="{value:percent} of the weight of recent calls lies in the last week or two",
        sentence_missing="No calls in the last two years",
    ),
    Feature(
        "calls_median_gap",
        "median_gap",
        {"which": CALLS},
        unit="days",
        concept="changing",
        sentence="Half of the gaps between calls in the last year are {value:span} or shorter",
        sentence_missing="Fewer than 2 calls in the last year",
    ),
    Feature(
        "calls_gap_variation",
        "gap_variation",
        {"which": CALLS},
        unit="ratio",
        concept="changing",
        sentence="Gaps between calls vary by {value:number} times their average",
        sentence_missing="Fewer than 4 calls in the last year, so no rhythm to see",
    ),
)

WHEN = (
    Feature(
        "calls_night_share_365d",
        "share",
        {"which": NIGHT_CALLS, "of": CALLS, "days": 365},
        unit="share",
        concept="when",
        sentence="{value:part call} in the last year came at night (10pm to 6am)",
        sentence_missing="No calls in the last year",
    ),
    Feature(
        "calls_weekend_share_365d",
        "share",
        {"which": WEEKEND_CALLS, "of": CALLS, "days": 365},
        unit="share",
        concept="when",
        sentence="{value:part call} in the last year came at a weekend",
        sentence_missing="No calls in the last year",
    ),
    Feature(
        "calls_night_90d",
        "count",
        {"which": NIGHT_CALLS, "days": 90},
        unit="incidents",
        concept="when",
        sentence="{value:call} at night (10pm to 6am) in the last 90 days",
        direction=+1,
    ),
    Feature(
        "calls_night_30d",
        "count",
        {"which": NIGHT_CALLS, "days": 30},
        unit="incidents",
        concept="when",
        sentence="{value:call} at night (10pm to 6am) in the last 30 days",
        direction=+1,
    ),
    Feature(
        "contacts_night_decayed_30d",
        "decayed",
        {"which": NIGHT_CONTACTS, "half_life": 30},
        unit="weighted incidents",
        concept="when",
        sentence="Recent calls and A&E visits at night (10pm to 6am) add up to {value:number} when "
        "one 30 days ago counts half",
        direction=+1,
    ),
)

REASONS = (
    *(
        Feature(
            f"calls_{name}_365d",
            "count",
            {"which": which, "days": 365},
            unit="incidents",
            concept="why",
            sentence=f"{{value:call}} in the last year recorded as {about}",
            direction=+1,
        )
        for name, which, about in (
            ("mental_health", MENTAL_HEALTH, "about mental health"),
            ("self_harm", SELF_HARM, "about self-harm"),
            ("falls", FALLS, "about falls"),
            ("addiction", ADDICTION, "about alcohol or drugs"),
            ("breathing_or_chest", BREATHING_OR_CHEST, "about breathing or chest pain"),
            ("social", SOCIAL, "about housing, loneliness or other social needs"),
        )
    ),
    Feature(
        "calls_need_120d",
        "count",
        {"which": CALLS_IN_NEED, "days": 120},
        unit="incidents",
        concept="why",
        sentence=f"{{value:call}} in the last 120 days recorded as about {NEED_IN_WORDS}",
        direction=+1,
    ),
    Feature(
        "contacts_need_decayed_30d",
        "decayed",
        {"which": CONTACTS_IN_NEED, "half_life": 30},
        unit="weighted incidents",
        concept="why",
        sentence="Recent calls and A&E visits recorded as about mental health, drink or drugs, or "
        "social needs add up to {value:number} when one 30 days ago counts half",
        direction=+1,
    ),
    Feature(
        "calls_mental_health_share_365d",
        "share",
        {"which": MENTAL_HEALTH, "of": CALLS, "days": 365},
        unit="share",
        concept="why",
        sentence="Recorded as about mental health: {value:part call} in the last year",
        sentence_missing="No calls in the last year",
    ),
    Feature(
        "calls_different_reasons_365d",
        "different_reasons",
        {"which": CALLS, "days": 365},
        unit="reasons",
        concept="why",
        sentence="{value:reason} recorded for calls in the last year",
    ),
)

ENDINGS = (
    Feature(
        "calls_hear_treat_365d",
        "count",
        {"which": ADVISED_BY_PHONE, "days": 365},
        unit="incidents",
        concept="how_it_ended",
        sentence="{value:call} in the last year recorded as ending with advice by phone",
    ),
    Feature(
        "calls_see_treat_share_365d",
        "share",
        {"which": TREATED_AT_SCENE, "of": CALLS, "days": 365},
        unit="share",
        concept="how_it_ended",
        sentence="Recorded as ending with treatment at home: {value:part call} in the last year",
        sentence_missing="No calls in the last year",
    ),
    Feature(
        "calls_conveyed_365d",
        "count",
        {"which": CONVEYED, "days": 365},
        unit="incidents",
        concept="how_it_ended",
        sentence="{value:call} in the last year recorded as ending with a journey by ambulance",
    ),
    Feature(
        "calls_self_share_365d",
        "share",
        {"which": OWN_CALLS, "of": CALLS, "days": 365},
        unit="share",
        concept="how_it_ended",
        sentence="Recorded as made by the person who needed help: {value:part call} in the last "
        "year",
        sentence_missing="No calls in the last year",
    ),
)
