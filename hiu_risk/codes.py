"""The closed vocabularies: every category an event or a person can carry.

A category is stored as its name in files and as its position (a small integer) in arrays.
Position 0 is always ``unknown``. Vocabularies only grow at the end: positions are part of
the store's schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hiu_risk.errors import DataError, near_match


@dataclass(frozen=True)
class Vocabulary:
    """A closed list of category names; the position of a name is its code.

    Examples
    --------
    >>> OUTCOME.code("hear_treat"), OUTCOME.names[1]
    (1, 'hear_treat')
    """

    title: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or len(self.names) > 255:
            raise ValueError(f"vocabulary {self.title}: names must be unique and at most 255")

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.names)}

    def code(self, name: str) -> int:
        """Give the code of a name; an unlisted name is a DataError naming the near match."""
        try:
            return self._codes[name]
        except KeyError:
            raise DataError(
                f"unknown {self.title} code",
                where=self.title,
                fix=near_match(name, self.names),
            ) from None

    def encode(self, names: Iterable[str | None]) -> NDArray[np.uint8]:
        """Encode names; None becomes 0 (``unknown``)."""
        return np.array([0 if n is None else self.code(n) for n in names], dtype=np.uint8)


SOURCE = Vocabulary("source", ("unknown", "call", "ae", "admission"))
REASON = Vocabulary(
    "reason",
    (
        "unknown",
        "addiction",
        "mental_health",
        "medical",
        "housing",
        "self_harm",
        "loneliness",
        "social",
        "vulnerable_adult",
        "falls",
        "breathing",
        "chest_pain",
        "pain",
        "injury",
        "neurological",
        "other",
    ),
)
OUTCOME = Vocabulary(
    "outcome",
    (
        "unknown",
        "hear_treat",
        "see_treat",
        "see_convey_ed",
        "see_convey_other",
        "left_unseen",
        "treated",
        "streamed",
        "admitted",
        "died",
        "other",
    ),
)
URGENCY = Vocabulary(
    "urgency", ("unknown", "immediate", "very_urgent", "urgent", "standard", "low")
)
CALLER_TYPE = Vocabulary("caller_type", ("unknown", "self", "relative", "professional", "other"))
ADDRESS_TYPE = Vocabulary(
    "address_type",
    (
        "unknown",
        "private",
        "care_home",
        "communal",
        "institution",
        "no_fixed_address",
        "public_place",
    ),
)
ARRIVAL = Vocabulary("arrival", ("unknown", "ambulance", "police", "own", "public", "other"))
KIND = Vocabulary(
    "kind",
    (
        "unknown",
        "first",
        "follow_up",
        "emergency",
        "emergency_legacy",
        "transfer",
        "birth",
        "elective",
    ),
)
IDENTITY_METHOD = Vocabulary(
    "identity_method", ("unknown", "nhs_number", "demographics", "local_id", "address", "none")
)
SEX = Vocabulary("sex", ("unknown", "female", "male", "other"))
ETHNIC_GROUP = Vocabulary(
    "ethnic_group", ("not_known", "white", "mixed", "asian", "black", "other", "declined")
)

ETHNIC_CATEGORY_GROUPS = {
    **dict.fromkeys("ABC", "white"),
    **dict.fromkeys("DEFG", "mixed"),
    **dict.fromkeys("HJKL", "asian"),
    **dict.fromkeys("MNP", "black"),
    **dict.fromkeys("RS", "other"),
    "Z": "declined",
    "99": "not_known",
}
"""NHS ethnic category code to group; declined (Z) is not the same as not known (99)."""

EVENT_CATEGORIES = {
    "source": SOURCE,
    "reason": REASON,
    "outcome": OUTCOME,
    "urgency": URGENCY,
    "caller_type": CALLER_TYPE,
    "address_type": ADDRESS_TYPE,
    "arrival": ARRIVAL,
    "kind": KIND,
    "identity_method": IDENTITY_METHOD,
}
"""The category columns of an event and the vocabulary of each."""
