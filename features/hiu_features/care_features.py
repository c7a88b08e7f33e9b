"""Features of A&E visits, emergency admissions, the person, and what the data cover."""

from __future__ import annotations

from dataclasses import replace

from hiu_features.call_features import HALF_LIVES, NEED, NEED_IN_WORDS, WINDOWS
from hiu_features.feature import Feature
from hiu_features.which import Which

AE = Which(("ae",))
ADMISSIONS = Which(("admission",))
AE_IN_NEED = replace(AE, reason=NEED)
NIGHT_AE = replace(AE, hours="night")
LEFT_UNSEEN = replace(AE, outcome=("left_unseen",))
BY_AMBULANCE = replace(AE, arrival=("ambulance",))
LOW_URGENCY = replace(AE, urgency=("standard", "low"))

LATELY = (30, 120)
"""Windows of the signs that trouble is building up: this month, and the last four."""

AE_VISITS = (
    *(
        Feature(
            f"ae_{days}d",
            "count",
            {"which": AE, "days": days},
            unit="incidents",
            concept="ae",
            sentence=f"{{value:visit}} in the last {days} days",
            compared="{ae_28d_before:bare} in the 28 days before" if days == 28 else "",
            direction=+1,
        )
        for days in WINDOWS
    ),
    Feature(
        "ae_28d_before",
        "count",
        {"which": AE, "days": 28, "before": 28},
        unit="incidents",
        concept="ae",
        sentence="{value:visit} in the 28 days before the last 28",
    ),
    *(
        Feature(
            f"ae_decayed_{days}d",
            "decayed",
            {"which": AE, "half_life": days},
            unit="weighted incidents",
            concept="ae",
            sentence=f"Recent A&E visits add up to {{value:number}} when a visit {days} days ago "
            "counts half",
            direction=+1,
        )
        for days in HALF_LIVES
    ),
    Feature(
        "days_since_last_ae",
        "days_since",
        {"which": AE, "nth": 1},
        unit="days",
        concept="ae",
        sentence="Last A&E visit {value:ago}",
        sentence_missing="No A&E visit in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_2nd_last_ae",
        "days_since",
        {"which": AE, "nth": 2},
        unit="days",
        concept="ae",
        sentence="The second last A&E visit was {value:ago}",
        sentence_missing="Fewer than 2 A&E visits in the last two years",
        direction=-1,
    ),
    Feature(
        "days_since_3rd_last_ae",
        "days_since",
        {"which": AE, "nth": 3},
        unit="days",
        concept="ae",
        sentence="The third last A&E visit was {value:ago}",
        sentence_missing="Fewer than 3 A&E visits in the last two years",
        direction=-1,
    ),
    Feature(
        "ae_left_unseen_365d",
        "count",
        {"which": LEFT_UNSEEN, "days": 365},
        unit="incidents",
        concept="ae",
        sentence="{value:visit} in the last year recorded as ending with leaving before being seen",
        direction=+1,
    ),
    *(
        Feature(
            f"ae_{name}_{days}d",
            "count",
            {"which": which, "days": days},
            unit="incidents",
            concept="ae",
            sentence=f"{{value:visit}} in the last {days} days {about}",
            direction=+1,
        )
        for name, which, about in (
            ("left_unseen", LEFT_UNSEEN, "recorded as ending with leaving before being seen"),
            ("need", AE_IN_NEED, f"recorded as about {NEED_IN_WORDS}"),
            ("night", NIGHT_AE, "at night (10pm to 6am)"),
        )
        for days in LATELY
    ),
    Feature(
        "ae_by_ambulance_365d",
        "count",
        {"which": BY_AMBULANCE, "days": 365},
        unit="incidents",
        concept="ae",
        sentence="{value:visit} in the last year recorded as by ambulance",
        direction=+1,
    ),
    Feature(
        "ae_low_urgency_share_365d",
        "share",
        {"which": LOW_URGENCY, "of": AE, "days": 365},
        unit="share",
        concept="ae",
        sentence="Recorded as of low urgency: {value:part visit} in the last year",
        sentence_missing="No A&E visits in the last year",
    ),
)

ADMITTED = (
    *(
        Feature(
            f"admissions_{days}d",
            "count",
            {"which": ADMISSIONS, "days": days},
            unit="incidents",
            concept="admissions",
            sentence=f"{{value:admission}} in the last {days} days",
        )
        for days in WINDOWS
    ),
    *(
        Feature(
            f"admissions_decayed_{days}d",
            "decayed",
            {"which": ADMISSIONS, "half_life": days},
            unit="weighted incidents",
            concept="admissions",
            sentence=f"Recent emergency admissions add up to {{value:number}} when one {days} days "
            "ago counts half",
        )
        for days in HALF_LIVES
    ),
    Feature(
        "days_since_last_admission",
        "days_since",
        {"which": ADMISSIONS, "nth": 1},
        unit="days",
        concept="admissions",
        sentence="Last emergency admission {value:ago}",
        sentence_missing="No emergency admission in the last two years",
    ),
    Feature(
        "days_since_2nd_last_admission",
        "days_since",
        {"which": ADMISSIONS, "nth": 2},
        unit="days",
        concept="admissions",
        sentence="The second last emergency admission was {value:ago}",
        sentence_missing="Fewer than 2 emergency admissions in the last two years",
    ),
    Feature(
        "days_since_3rd_last_admission",
        "days_since",
        {"which": ADMISSIONS, "nth": 3},
        unit="days",
        concept="admissions",
        sentence="The third last emergency admission was {value:ago}",
        sentence_missing="Fewer than 3 emergency admissions in the last two years",
    ),
)

PERSON = tuple(
    Feature(
        name,
        "attribute",
        {"attribute": name},
        unit=unit,
        concept="about_the_person",
        sentence=sentence,
        sentence_missing="Not known",
        protected=True,
    )
    for name, unit, sentence in (
        ("age", "years", "Aged {value:bare}"),
        ("sex_female", "1 female, 0 not", "Sex recorded ({value:number})"),
        ("imd_decile", "decile, 1 most deprived", "Deprivation decile {value:bare}"),
    )
)

COVERAGE = (
    Feature(
        "tenure_days",
        "tenure",
        unit="days",
        concept="coverage",
        sentence="First known {value:ago}",
        sentence_missing="Nothing known before this day",
    ),
    *(
        Feature(
            f"{name}_covered_365d",
            "covered_days",
            {"source": source, "days": 365},
            unit="days",
            concept="coverage",
            sentence=f"The {title} data cover {{value:days}} of the last 365",
            sentence_missing=f"Not known how much the {title} data cover",
        )
        for name, source, title in (
            ("calls", "call", "999"),
            ("ae", "ae", "A&E"),
            ("admissions", "admission", "admission"),
        )
    ),
)
