"""How hard a text is to read: the Flesch-Kincaid grade, from the published formula."""

from __future__ import annotations

import re


def syllables(word: str) -> int:
    """Groups of vowels, without a silent final e; initials such as A&E are letters."""
    if not any(c.islower() for c in word):
        return sum(c.isalpha() for c in word) or 1
    groups = re.findall(
        r"[aeiouy]+",
        re.sub(r"(?<!l)e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouysxzc])es$", "", word.lower()),
    )
    return max(1, len(groups))


def grade(text: str) -> float:
    """Flesch-Kincaid grade: years at school; five more is the age.

    As Flesch counts: a semicolon or colon ends a sentence too, and figures count one syllable.
    """
    words = re.findall(r"[A-Za-z0-9&,%'-]*[A-Za-z0-9%]", text)
    sentences = max(1, len(re.findall(r"[^.;:!?]*\w[^.;:!?]*", text)))
    total = sum(syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * total / len(words) - 15.59
