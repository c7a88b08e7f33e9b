"""The features that every contender makes.

The tuned ways are written by hand for these choices of events. The catalogue grew since; ours is
timed on all of it too (the measure ``whole``), and so are streaming and the daily list.
"""

COMPARED = (
    "calls_7d", "calls_28d", "calls_30d", "calls_90d", "calls_365d", "calls_all_90d",
    "calls_decayed_7d", "calls_decayed_30d", "calls_decayed_90d", "calls_peak_30d",
    "calls_active_months", "days_since_last_call", "days_since_3rd_last_call",
    "days_since_5th_last_call", "calls_28d_before", "calls_90d_before", "calls_change_28d",
    "calls_recent_weight", "calls_median_gap", "calls_gap_variation",
    "calls_night_share_365d", "calls_weekend_share_365d", "calls_night_90d",
    "calls_mental_health_365d", "calls_self_harm_365d", "calls_falls_365d",
    "calls_addiction_365d", "calls_breathing_or_chest_365d", "calls_social_365d",
    "calls_mental_health_share_365d", "calls_different_reasons_365d", "calls_hear_treat_365d",
    "calls_see_treat_share_365d", "calls_conveyed_365d", "calls_self_share_365d", "ae_7d",
    "ae_28d", "ae_30d", "ae_90d", "ae_365d", "ae_28d_before", "ae_decayed_7d",
    "ae_decayed_30d", "ae_decayed_90d", "days_since_last_ae", "ae_left_unseen_365d",
    "ae_by_ambulance_365d", "ae_low_urgency_share_365d", "admissions_7d", "admissions_28d",
    "admissions_30d", "admissions_90d", "admissions_365d", "admissions_decayed_7d",
    "admissions_decayed_30d", "admissions_decayed_90d", "days_since_last_admission", "age",
    "sex_female", "imd_decile", "tenure_days", "calls_covered_365d", "ae_covered_365d",
    "admissions_covered_365d",
)  # fmt: skip
