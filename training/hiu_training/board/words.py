"""Words for the pack: sources, targets, reasons, days."""

from __future__ import annotations

from hiu_training.board.quarter import day_of, day_words

SOURCES = {"call": "999 calls", "ae": "A&E attendances", "admission": "Emergency admissions"}
TARGETS = {
    "onset": "people who do not meet the definition now and have not met it lately",
    "relapse": "people who met the definition earlier and then stopped",
    "persistence": "people who meet the definition now",
    "weekend": "everybody eligible, by the chance of a call before Monday morning",
}
OUTCOME = {
    "onset": "went on to meet the definition",
    "relapse": "met the definition again",
    "persistence": "still met the definition at the end",
    "weekend": "called before Monday morning",
}
EXCLUSIONS = {
    "died": "Known to have died",
    "not_registered": "Not registered with the area",
    "inactive": "No event that counts is known in the time the policy asks for",
    "outside_ages": "Outside the ages of the definition",
    "age_unknown": "Age not known",
    "opted_out": "Opted out",
    "extensive_care": "In the Extensive Care service",
    "on_caseload": "Already supported: on a caseload",
    "meets_now": "Meets the definition now",
    "met_in_washout": "Met the definition in the look-back before",
    "never_met": "Never met the definition",
    "met_recently": "Met the definition too recently",
    "does_not_meet_now": "Does not meet the definition now",
}
UNOBSERVED = {
    "before_data": "before the data begin",
    "end_of_data": "beyond the data, which do not reach the end of the time looked ahead yet",
    "feed_gap": "with a gap in a feed in the time looked ahead",
    "model_gone": "of a model that is no longer in the model home",
    "other_store": "made from other data than this store's",
}
ANSWERS = {
    "accepted": "Accepted: help to be offered",
    "declined": "Declined by the reviewer",
    "deferred": "Deferred",
    "none": "No decision recorded",
}
ACTIONS = {
    "first": "First champion, made by training",
    "promote": "Promoted",
    "rollback": "Rolled back",
    "mitigation": "Mitigation recorded",
    "incident": "Incident recorded",
}


def phrase(name: str, words: dict[str, str]) -> str:
    """Put a name into words; an unknown one loses its underscores.

    Examples
    --------
    >>> phrase("call", SOURCES), phrase("no_answer", {})
    ('999 calls', 'No answer')
    """
    return words.get(name) or name.replace("_", " ").capitalize()


def day_at(moment: int, zone: str) -> str:
    """Write the local day of a moment: ``1 July 2026``."""
    return day_words(day_of(moment, zone))
