"""The catalogue that ships with the project: one declaration a feature, nothing else.

To add a feature, add a declaration; every page, explanation and schema follows from it.
"""

from __future__ import annotations

from hiu_features.call_features import CHANGE, ENDINGS, FREQUENCY, REASONS, RECENCY, WHEN
from hiu_features.care_features import ADMITTED, AE_VISITS, COVERAGE, PERSON
from hiu_features.feature import Feature

FEATURES: tuple[Feature, ...] = (
    *FREQUENCY,
    *RECENCY,
    *CHANGE,
    *WHEN,
    *REASONS,
    *ENDINGS,
    *AE_VISITS,
    *ADMITTED,
    *PERSON,
    *COVERAGE,
)
"""All features, in the order of the columns."""
