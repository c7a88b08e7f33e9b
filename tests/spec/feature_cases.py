"""What each primitive and each feature must give, by example; the reference pages show these.

Unless a case says otherwise, as_of is 1 March 2024, 00:00, and the feeds cover everything.
"""

from __future__ import annotations

import math

from hiu_risk.histories import Feed
from tests.support.ascii_history import Case
from tests.support.histories import seconds

NAN = math.nan


def _feed(source: str, start: str, end: str, *gaps: tuple[str, str]) -> Feed:
    spans = tuple((seconds(a), seconds(b)) for a, b in gaps)
    return Feed(source, seconds(start), seconds(end), gaps=spans)


COUNT = [
    Case(
        "A window holds its first second and not as_of",
        """
        occurred
        2024-02-22 23:59:59
        2024-02-23 00:00:00
        2024-02-29 23:59:59
        2024-03-01 00:00:00
        """,
        {"calls_7d": 2},
    ),
    Case(
        "Each window ends at as_of",
        """
        occurred            | source
        2023-03-02 00:00:00 | call
        2023-12-02 00:00:00 | call
        2024-01-31 00:00:00 | call
        2024-02-02 00:00:00 | call
        2024-02-29 12:00:00 | call
        2024-02-10 12:00:00 | ae
        2024-02-28 12:00:00 | ae
        2024-01-31 12:00:00 | admission
        2023-03-01 23:59:59 | admission
        """,
        {
            "calls_7d": 1,
            "calls_28d": 2,
            "calls_30d": 3,
            "calls_90d": 4,
            "calls_365d": 5,
            "ae_7d": 1,
            "ae_28d": 2,
            "ae_30d": 2,
            "ae_90d": 2,
            "ae_365d": 2,
            "admissions_7d": 0,
            "admissions_28d": 0,
            "admissions_30d": 1,
            "admissions_90d": 1,
            "admissions_365d": 1,
        },
    ),
    Case(
        "Two events in one second both count",
        """
        occurred
        2024-02-29 10:00:00
        2024-02-29 10:00:00
        """,
        {"calls_7d": 2},
    ),
    Case(
        "Several calls about one incident count once, except where all calls are counted",
        """
        occurred         | incident
        2024-02-20 10:00 |
        2024-02-20 10:07 | no
        2024-02-20 10:15 | no
        """,
        {"calls_28d": 1, "calls_all_90d": 3},
    ),
    Case(
        "A row that arrived after as_of is not known yet",
        """
        occurred         | available
        2024-02-27 10:00 | 2024-03-01 00:00:01
        2024-02-28 10:00 | 2024-03-01 00:00:00
        """,
        {"calls_7d": 1},
    ),
    Case(
        "A corrected row counts as it was known on the day: here the correction came later",
        """
        occurred         | available        | superseded       | reason
        2024-02-10 10:00 | 2024-02-10 12:00 | 2024-03-05 09:00 | falls
        2024-02-10 10:00 | 2024-03-05 09:00 |                  | self_harm
        """,
        {"calls_falls_365d": 1, "calls_self_harm_365d": 0},
    ),
    Case(
        "The same after the correction arrived",
        """
        occurred         | available        | superseded       | reason
        2024-02-10 10:00 | 2024-02-10 12:00 | 2024-03-05 09:00 | falls
        2024-02-10 10:00 | 2024-03-05 09:00 |                  | self_harm
        """,
        {"calls_falls_365d": 0, "calls_self_harm_365d": 1},
        as_of="2024-03-06T00:00",
    ),
    Case(
        "The window before the last one",
        """
        occurred            | source
        2023-09-03 00:00:00 | call
        2024-01-05 00:00:00 | call
        2024-02-01 23:59:59 | call
        2024-02-02 00:00:00 | call
        2024-01-20 00:00:00 | ae
        """,
        {"calls_28d_before": 2, "calls_90d_before": 1, "ae_28d_before": 1},
    ),
    Case(
        "Who stopped calling a year ago has no calls in the last 7 days",
        """
        occurred
        2023-02-27 10:00
        2023-02-28 10:00
        """,
        {"calls_7d": 0, "calls_365d": 0, "days_since_last_call": 366 + 14 / 24},
    ),
    Case(
        "Reasons, endings, hours and arrivals narrow the choice",
        """
        occurred         | source | reason        | outcome          | arrival   | caller_type
        2024-02-01 23:00 | call   | mental_health | hear_treat       |           | self
        2024-01-02 12:00 | call   | addiction     | see_convey_ed    |           | relative
        2024-01-03 12:00 | call   | breathing     | see_convey_other |           | self
        2023-12-03 12:00 | call   | chest_pain    | see_treat        |           | professional
        2023-11-04 05:59 | call   | loneliness    | see_treat        |           | self
        2024-01-05 12:00 | ae     |               | left_unseen      | ambulance |
        2024-01-06 12:00 | ae     |               | treated          | own       |
        """,
        {
            "calls_mental_health_365d": 1,
            "calls_addiction_365d": 1,
            "calls_breathing_or_chest_365d": 2,
            "calls_social_365d": 1,
            "calls_night_90d": 1,
            "calls_hear_treat_365d": 1,
            "calls_conveyed_365d": 2,
            "ae_left_unseen_365d": 1,
            "ae_by_ambulance_365d": 1,
        },
    ),
    Case(
        "Signs that trouble is building up: needs, nights and leaving unseen in 30 and 120 days",
        """
        occurred         | source | reason        | outcome
        2024-02-20 23:00 | call   | addiction     | see_treat
        2024-01-20 12:00 | call   | housing       | see_treat
        2024-01-10 02:00 | call   | falls         | see_treat
        2023-11-02 00:00 | call   | self_harm     | see_treat
        2023-11-01 23:59 | call   | self_harm     | see_treat
        2024-02-25 04:00 | ae     | self_harm     | treated
        2024-02-01 12:00 | ae     | mental_health | left_unseen
        2024-01-30 23:00 | ae     | pain          | left_unseen
        2023-12-24 12:00 | ae     | loneliness    | left_unseen
        2023-12-25 22:00 | ae     | injury        | treated
        """,
        {
            "calls_need_120d": 3,
            "calls_night_30d": 1,
            "ae_need_30d": 2,
            "ae_need_120d": 3,
            "ae_night_30d": 1,
            "ae_night_120d": 3,
            "ae_left_unseen_30d": 1,
            "ae_left_unseen_120d": 3,
        },
    ),
]

CHANGE = [
    Case(
        "More in the last 28 days than in the 28 before",
        """
        occurred
        2024-01-10 10:00
        2024-02-05 10:00
        2024-02-15 10:00
        2024-02-25 10:00
        """,
        {"calls_change_28d": 2},
    ),
    Case(
        "Fewer",
        """
        occurred
        2024-01-10 10:00
        """,
        {"calls_change_28d": -1},
    ),
]

SHARE = [
    Case(
        "Parts of the calls of the last 365 days; Saturday 24 February is a weekend",
        """
        occurred         | reason        | outcome    | caller_type
        2024-02-24 22:00 | mental_health | see_treat  | self
        2024-02-21 21:59 | mental_health | see_treat  | relative
        2024-02-22 06:00 | falls         | hear_treat | self
        2024-02-23 05:59 | mental_health | see_treat  | self
        """,
        {
            "calls_night_share_365d": 0.5,
            "calls_weekend_share_365d": 0.25,
            "calls_mental_health_share_365d": 0.75,
            "calls_see_treat_share_365d": 0.75,
            "calls_self_share_365d": 0.75,
        },
    ),
    Case(
        "Night is by the local clock: 21:30 UTC in June is 22:30 in London",
        """
        occurred
        2023-06-10 21:30
        """,
        {"calls_night_share_365d": 1},
    ),
    Case(
        "Lower urgency among A&E visits",
        """
        occurred         | source | urgency
        2024-01-05 12:00 | ae     | standard
        2024-01-06 12:00 | ae     | low
        2024-01-07 12:00 | ae     | urgent
        2024-01-08 12:00 | ae     |
        """,
        {"ae_low_urgency_share_365d": 0.5},
    ),
    Case(
        "No calls, no share",
        """
        occurred         | source
        2024-01-05 12:00 | ae
        """,
        {"calls_night_share_365d": NAN, "calls_self_share_365d": NAN},
    ),
]

DECAYED = [
    Case(
        "A call one half-life ago weighs a half, two half-lives a quarter",
        """
        occurred
        2024-02-23 00:00
        2024-02-16 00:00
        """,
        {"calls_decayed_7d": 0.75},
    ),
    Case(
        "The same days under other half-lives, and for other sources",
        """
        occurred         | source
        2024-01-31 00:00 | call
        2023-12-02 00:00 | call
        2024-01-31 00:00 | ae
        2023-12-02 00:00 | admission
        """,
        {
            "calls_decayed_30d": 0.5 + 0.125,
            "calls_decayed_90d": 2 ** (-1 / 3) + 0.5,
            "calls_decayed_180d": 2 ** (-1 / 6) + 2 ** (-1 / 2),
            "ae_decayed_7d": 2 ** (-30 / 7),
            "ae_decayed_30d": 0.5,
            "ae_decayed_90d": 2 ** (-1 / 3),
            "ae_decayed_180d": 2 ** (-1 / 6),
            "admissions_decayed_7d": 2 ** (-90 / 7),
            "admissions_decayed_30d": 0.125,
            "admissions_decayed_90d": 0.5,
            "admissions_decayed_180d": 2 ** (-1 / 2),
        },
    ),
    Case(
        "Calls and A&E visits together, at night, about needs, or left before being seen",
        """
        occurred         | source    | reason    | outcome
        2024-01-31 00:00 | call      | addiction |
        2024-01-31 00:00 | ae        | addiction | left_unseen
        2024-01-01 00:00 | ae        | injury    | left_unseen
        2024-01-01 12:00 | call      | social    |
        2024-01-31 00:00 | admission | addiction |
        """,
        {
            "contacts_decayed_30d": 1.25 + 2 ** (-59.5 / 30),
            "contacts_need_decayed_30d": 1 + 2 ** (-59.5 / 30),
            "contacts_night_decayed_30d": 1.25,
        },
    ),
    Case(
        "After 730 days nothing is left",
        """
        occurred
        2022-03-01 23:59:59
        """,
        {"calls_decayed_90d": 0},
    ),
]

RECENT_WEIGHT = [
    Case(
        "A call 90 days ago against one now: the older weighs half, but almost nothing in a week",
        """
        occurred
        2023-12-02 00:00:00
        2024-02-29 23:59:59
        """,
        {"calls_recent_weight": (1 + 2 ** (-90 / 7)) / 1.5},
    ),
    Case("No calls, no weight", "", {"calls_recent_weight": NAN}),
]

DAYS_SINCE = [
    Case(
        "Days from the last, the third last and the fifth last incident",
        """
        occurred         | source    | incident
        2024-01-01 00:00 | call      |
        2024-02-20 00:00 | call      |
        2024-02-25 00:00 | call      |
        2024-02-25 00:05 | call      | no
        2024-02-28 00:00 | call      |
        2024-02-29 12:00 | call      |
        2024-02-10 00:00 | ae        |
        2024-01-31 00:00 | admission |
        """,
        {
            "days_since_last_call": 0.5,
            "days_since_2nd_last_call": 2,
            "days_since_3rd_last_call": 5,
            "days_since_4th_last_call": 10,
            "days_since_5th_last_call": 60,
            "days_since_last_ae": 20,
            "days_since_last_admission": 30,
        },
    ),
    Case(
        "The same for A&E visits and admissions",
        """
        occurred         | source
        2024-02-29 00:00 | ae
        2024-02-28 00:00 | ae
        2024-02-27 00:00 | ae
        2024-02-26 00:00 | ae
        2024-02-25 00:00 | ae
        2024-02-20 00:00 | admission
        2024-02-10 00:00 | admission
        2024-01-31 00:00 | admission
        """,
        {
            "days_since_2nd_last_ae": 2,
            "days_since_3rd_last_ae": 3,
            "days_since_2nd_last_admission": 20,
            "days_since_3rd_last_admission": 30,
        },
    ),
    Case(
        "Missing when there are fewer, or when it was more than 730 days ago",
        """
        occurred            | source
        2022-03-01 23:59:59 | call
        2022-03-02 00:00:00 | ae
        """,
        {
            "days_since_last_call": NAN,
            "days_since_3rd_last_call": NAN,
            "days_since_5th_last_call": NAN,
            "days_since_last_ae": 730,
            "days_since_last_admission": NAN,
        },
    ),
]

PEAK = [
    Case(
        "Three calls lie less than 30 days apart, a fourth exactly 30 days after the first",
        """
        occurred
        2023-07-01 10:00
        2023-07-10 10:00
        2023-07-20 10:00
        2023-07-31 10:00
        """,
        {"calls_peak_30d": 3},
    ),
    Case("Nobody called", "", {"calls_peak_30d": 0}),
]

ACTIVE_PERIODS = [
    Case(
        "Periods of 30 days counted back from as_of: two calls in the latest, one in the next",
        """
        occurred
        2024-02-29 10:00
        2024-02-01 10:00
        2024-01-30 23:59
        2023-03-07 00:00
        2023-03-06 23:59
        """,
        {"calls_active_months": 3},
    ),
]

GAPS = [
    Case(
        "Gaps of 1, 2 and 6 days: the middle one, and a spread of 2.16 around a mean of 3",
        """
        occurred
        2024-02-01 00:00
        2024-02-02 00:00
        2024-02-04 00:00
        2024-02-10 00:00
        """,
        {"calls_median_gap": 2, "calls_gap_variation": math.sqrt(14 / 3) / 3},
    ),
    Case(
        "Clockwork: every gap the same",
        """
        occurred
        2024-02-01 09:00
        2024-02-08 09:00
        2024-02-15 09:00
        2024-02-22 09:00
        """,
        {"calls_median_gap": 7, "calls_gap_variation": 0},
    ),
    Case(
        "Two gaps are too few for a rhythm",
        """
        occurred
        2024-02-01 00:00
        2024-02-02 00:00
        2024-02-04 00:00
        """,
        {"calls_median_gap": 1.5, "calls_gap_variation": NAN},
    ),
    Case(
        "One call has no gap",
        """
        occurred
        2024-02-01 00:00
        """,
        {"calls_median_gap": NAN, "calls_gap_variation": NAN},
    ),
]

DIFFERENT_REASONS = [
    Case(
        "Each known reason once",
        """
        occurred         | reason
        2024-02-01 10:00 | falls
        2024-02-02 10:00 | falls
        2024-02-03 10:00 | pain
        2024-02-04 10:00 | unknown
        """,
        {"calls_different_reasons_365d": 2},
    ),
]

ATTRIBUTE = [
    Case(
        "Born on 29 February: 19 until 1 March in a common year",
        "",
        {"age": 18, "sex_female": 1, "imd_decile": 3},
        as_of="2023-02-28T12:00",
        person={"born": "2004-02-29", "sex": "female", "imd_decile": 3},
    ),
    Case(
        "A year older at the start of the birthday",
        "",
        {"age": 20},
        as_of="2024-02-29T00:00",
        person={"born": "2004-02-29"},
    ),
    Case(
        "Birthdays follow the local calendar: 23:00 UTC on 30 June is 1 July in London",
        "",
        {"age": 30, "sex_female": 0},
        as_of="2024-06-30T23:00",
        person={"born": "1994-06-30T23:00", "sex": "male"},
    ),
    Case(
        "Not known",
        "",
        {"age": NAN, "sex_female": NAN, "imd_decile": NAN},
        person={"born": None, "sex": "unknown"},
    ),
]

TENURE = [
    Case(
        "From the first known event of any source",
        """
        occurred         | source
        2021-03-01 00:00 | ae
        2024-02-28 00:00 | call
        """,
        {"tenure_days": 1096},
    ),
    Case("Nothing known", "", {"tenure_days": NAN}),
]

COVERED_DAYS = [
    Case(
        "A late start and a gap show as fewer days covered; counts stand",
        """
        occurred
        2024-02-20 00:00
        """,
        {
            "calls_covered_365d": 50,
            "ae_covered_365d": 365,
            "admissions_covered_365d": 0,
            "calls_90d": 1,
        },
        feeds=(
            _feed("call", "2024-01-01", "2024-03-01", ("2024-01-31", "2024-02-10")),
            _feed("ae", "2020-01-01", "2024-06-01"),
        ),
        feeds_text="call 2024-01-01 to 2024-03-01, gap 2024-01-31 to 2024-02-10; "
        "ae 2020-01-01 to 2024-06-01; no admissions",
    ),
    Case(
        "A feed that covers none of a window: the count is missing, not zero",
        "",
        {
            "calls_7d": NAN,
            "calls_30d": 0,
            "calls_28d_before": 0,
            "calls_90d_before": NAN,
            "calls_change_28d": 0,
            "ae_365d": NAN,
            "ae_decayed_30d": NAN,
            "calls_peak_30d": 0,
        },
        feeds=(_feed("call", "2024-01-01", "2024-02-20"),),
        feeds_text="call 2024-01-01 to 2024-02-20; no A&E",
    ),
    Case(
        "No feeds declared: taken as covered, coverage not known",
        "",
        {"calls_7d": 0, "calls_covered_365d": NAN},
        feeds=(),
        feeds_text="none declared",
    ),
]

CASES: dict[str, list[Case]] = {
    "count": COUNT,
    "change": CHANGE,
    "share": SHARE,
    "decayed": DECAYED,
    "recent_weight": RECENT_WEIGHT,
    "days_since": DAYS_SINCE,
    "peak": PEAK,
    "active_periods": ACTIVE_PERIODS,
    "median_gap": GAPS,
    "gap_variation": GAPS,
    "different_reasons": DIFFERENT_REASONS,
    "attribute": ATTRIBUTE,
    "tenure": TENURE,
    "covered_days": COVERED_DAYS,
}
"""Cases by primitive."""
