"""The audit on one page: what a board reads first, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from hiu_risk.words import group_in_words, plural
from hiu_training.audit import wording as say
from hiu_training.audit.result import (
    AtCapacity,
    AuditDocument,
    Estimate,
    GroupResult,
    Number,
    SecondOutcome,
    Verdict,
)
from hiu_training.audit.rounding import rounding_in_words


@dataclass(frozen=True)
class Box:
    """One box of the conclusion: what was found, and for whom.

    Parameters
    ----------
    kind : str
        ``bad``, ``watch``, ``thin``, ``none`` or ``better``.
    heading, meaning : str
        The finding with the number of groups, and what it means.
    names : list of str
        The groups, or "No group".
    count : int
        How many groups.
    """

    kind: str
    heading: str
    names: list[str]
    meaning: str
    count: int


@dataclass(frozen=True)
class Line:
    """One group on one line.

    Parameters
    ----------
    grouping, label : str
        Which group.
    cases : str
        Cases, as printed.
    missed : str
        Share of them that was missed, with its interval.
    difference : str
        How much more than the rest, in percentage points.
    finding : str
        The verdict in words.
    verdict : str
        The verdict itself.
    missed_value, missed_low, missed_high : float or None
        The same share as numbers, for a chart; None where hidden.
    """

    grouping: str
    label: str
    cases: str
    missed: str
    difference: str
    finding: str
    verdict: Verdict
    missed_value: float | None
    missed_low: float | None
    missed_high: float | None


@dataclass(frozen=True)
class Summary:
    """An audit on one page.

    Parameters
    ----------
    headline : str
        How many cases the list missed.
    rounding : str
        How far the rounding of counts may move that share, and groups'; empty where none is.
    conclusion : str
        Whether anything can be said about groups, in one sentence.
    about : str
        Model, list length and dates.
    boxes : list of Box
        Groups by what was found, worst news first.
    lines : list of Line
        Every group on one line.
    notes : list of str
        What else the reader must know: the second outcome, calibration, linkage, mitigation.
    caution : str
        Contact is not need.
    suppression : str
        The rule for small numbers.
    """

    headline: str
    rounding: str
    conclusion: str
    about: str
    boxes: list[Box]
    lines: list[Line]
    notes: list[str]
    caution: str
    suppression: str


def summary(document: AuditDocument) -> Summary:
    """Sum an audit up from its published numbers.

    Parameters
    ----------
    document : AuditDocument
        As published; ``AuditDocument.model_validate(data)`` makes it from kept evidence.
    """
    return Summary(
        headline=headline(document),
        rounding=rounding_in_words(document),
        conclusion=conclusion(document),
        about=f"Model {document.model}; lists of {document.primary} on "
        f"{plural(len(document.dates), 'date')} from {document.dates[0]} to {document.dates[-1]}",
        boxes=boxes(document),
        lines=[
            _line(document, grouping.title, group)
            for grouping in document.groupings
            for group in grouping.groups
        ],
        notes=_notes(document),
        caution=document.label_caution,
        suppression=document.suppression,
    )


def at_primary(document: AuditDocument, group: GroupResult) -> AtCapacity:
    """Give a group's numbers at the list length that findings are judged at."""
    return next(at for at in group.at if at.capacity == document.primary)


def headline(document: AuditDocument) -> str:
    """Say how many cases the list missed."""
    at = at_primary(document, document.overall)
    found, missed = at.recall, at.false_negative_rate
    if not isinstance(missed, Estimate) or not isinstance(found, Estimate) or found.value is None:
        return "Too few cases to say how many the list missed."
    return (
        f"A list of {document.primary} missed {say.rate(missed)} of the cases: those who went on "
        f"to meet the definition within {document.horizon_days} days. "
        f"It held {say.per_cent(found.value)} of them beforehand."
    )


def conclusion(document: AuditDocument) -> str:
    """Say in one sentence what may be concluded about groups."""
    counts = {box.kind: box.count for box in boxes(document)}
    if not document.recall_comparisons:
        return (
            f"Nothing can be concluded about any group: none has {document.min_cases} different "
            "people who became cases, with as many in the rest. That is not a sign of fairness."
        )
    thin = (
        f" {_groups(counts['thin'])} too few cases to be judged, which is not a pass."
        if counts["thin"]
        else ""
    )
    if counts["bad"]:
        watch = f", and {counts['watch']} more perhaps" if counts["watch"] else ""
        return (
            f"{_groups(counts['bad'], 'is', 'are')} missed more often than the rest{watch}.{thin}"
        )
    if counts["watch"]:
        return (
            f"{_groups(counts['watch'], 'is', 'are')} perhaps missed more often than the rest; "
            f"it could be chance.{thin}"
        )
    return (
        "No group was shown to be missed more often than the rest. That is not proof of "
        f"equality.{thin}"
    )


def _groups(n: int, one: str = "has", many: str = "have") -> str:
    return f"1 group {one}" if n == 1 else f"{n} groups {many}"


def boxes(document: AuditDocument) -> list[Box]:
    """Sort the groups by what was found, worst news first."""
    many = document.recall_comparisons

    def box(kind: str, heading: str, verdicts: tuple[Verdict, ...], meaning: str) -> Box:
        total, unsure, names = 0, 0, []
        for grouping in document.groupings:
            found = [g for g in grouping.groups if g.recall_verdict in verdicts]
            inside = [
                f"{g.label} (perhaps)" if g.recall_verdict == "perhaps_higher" else g.label
                for g in found
            ]
            total += len(inside)
            unsure += sum(g.recall_verdict == "perhaps_higher" for g in found)
            if inside:
                every = inside == [g.label for g in grouping.groups]
                labels = "all groups" if every else "; ".join(inside)
                names.append(f"{grouping.title}: {labels}")
        count = f"{total}, {unsure} of them perhaps" if unsure else f"{total}"
        return Box(kind, f"{heading}: {count}", names or ["No group"], meaning, total)

    allowed = f"Holds after allowing for {many} comparisons. " if many else ""
    return [
        box("bad", "Missed more often than the rest", ("lower",),
            f"{allowed}Look into it."),
        box("watch", "Perhaps missed more often", ("perhaps_lower",),
            "Could be chance, given how many groups were compared. Watch it."),
        box("thin", "Insufficient evidence", ("insufficient_evidence",),
            f"Fewer than {document.min_cases} people who became cases, in the group or in the "
            "rest, or their numbers are hidden. This is not a pass."),
        box("none", "No difference shown", ("no_difference_shown", "close"),
            "Not proof of equality: see what each could have hidden."),
        box("better", "Missed less often than the rest", ("higher", "perhaps_higher"),
            "The other side of the first two boxes."),
    ]  # fmt: skip


def _line(document: AuditDocument, title: str, group: GroupResult) -> Line:
    at = at_primary(document, group)
    missed = at.false_negative_rate
    shown = missed if isinstance(missed, Estimate) else None
    return Line(
        grouping=title,
        label=group.label,
        cases=say.count(group.cases),
        missed=say.rate(missed),
        difference=say.points(say.negative(at.recall_difference)),
        finding=say.RECALL_WORDS[group.recall_verdict],
        verdict=group.recall_verdict,
        missed_value=shown.value if shown else None,
        missed_low=shown.low if shown else None,
        missed_high=shown.high if shown else None,
    )


def _notes(document: AuditDocument) -> list[str]:
    notes = []
    off = [
        f"{grouping.title}: {group.label}"
        for grouping in document.groupings
        for group in grouping.groups
        if group.calibration_verdict == "higher"
    ]
    notes.append(
        f"Risk is understated, against the rest, for {say.listing(off)}."
        if off
        else _calibrated(document.overall.observed_expected)
    )
    notes += _wrongly_listed(document)
    if (second := document.second_outcome) is not None:
        notes.append(
            f"By another outcome ({second.title}): "
            f"{say.rate(second.overall.missed, digits=1)} of those people were not on the list; "
            f"{_reached(second)}."
        )
    known = [x for x in document.linkage if isinstance(x.coverage, float)]
    if known:
        least = min(known, key=lambda x: x.coverage if isinstance(x.coverage, float) else 1.0)
        assert isinstance(least.coverage, float)  # noqa: S101  (chosen above)
        notes.append(
            f"Of {say.event(least.source)} ending in “{say.outcome(least.outcome)}”, "
            f"{say.per_cent(least.coverage)} could be linked to a person; who can't be linked "
            "can't be helped."
        )
    if document.chosen_mitigation:
        notes.append(f"A mitigation was chosen: {document.chosen_mitigation}.")
    notes += reserving_lines(document)
    return notes


def reserving_lines(document: AuditDocument) -> list[str]:
    """Say which lists have reserved places, and what the same lists by score would have found."""
    reserving = document.reserving
    if reserving is None:
        return []
    others = [str(k) for k in document.capacities if k != document.primary]
    by_score = (
        f"; lists of {say.listing(others)} in the tables are drawn by score alone" if others else ""
    )
    at = reserving.by_score
    return [
        f"Places on the lists of {document.primary} are reserved by "
        f"{group_in_words(reserving.column)}, and they are judged as the model draws them"
        f"{by_score}.",
        f"Drawn by score alone, the same lists would have found {say.count(at.found)} cases and "
        f"missed {say.rate(at.false_negative_rate)}; reserving changes the share found by, in "
        f"points: {say.change(reserving.found_change)}.",
    ]


def lists_in_words(document: AuditDocument) -> list[str]:
    """Name the lists of each length, and how they are drawn where not all are drawn alike."""
    if document.reserving is None:
        return [str(k) for k in document.capacities]
    return [
        f"{k}, {'places reserved' if k == document.primary else 'by score'}"
        for k in document.capacities
    ]


def _wrongly_listed(document: AuditDocument) -> list[str]:
    """Name the groups of whom fewer of the listed became cases than of all listed."""
    of_all = at_primary(document, document.overall).precision
    if not isinstance(of_all, Estimate) or of_all.value is None:
        return []
    below = [
        f"{grouping.title}: {group.label}, {say.rate(right)}"
        for grouping in document.groupings
        for group in grouping.groups
        if isinstance(right := at_primary(document, group).precision, Estimate)
        and right.high < of_all.value
    ]
    if not below:
        return []
    return [
        f"Of those listed, fewer became cases than the {say.per_cent(of_all.value)} of everybody "
        f"listed: {'; '.join(below)}. Not allowing for the number of groups looked at."
    ]


def _reached(second: SecondOutcome) -> str:
    """Say whom the list reached less, and how surely; nothing judged is not nothing found."""
    if not second.comparisons:
        return "too few to compare groups"
    said = []
    verdicts: tuple[tuple[Verdict, str], ...] = (
        ("lower", "missed more often for"), ("perhaps_lower", "perhaps missed more often for"),
    )  # fmt: skip
    for verdict, words in verdicts:
        names = [
            f"{grouping.title}: {group.label}"
            for grouping in second.groupings
            for group in grouping.groups
            if group.verdict == verdict
        ]
        if names:
            said.append(f"{words} {say.listing(names)}")
    return "; ".join(said) or "no group shown worse"


def _calibrated(ratio: Number) -> str:
    if not isinstance(ratio, Estimate) or ratio.value is None:
        return "Too few cases to say whether scores mean the same in every group."
    return (
        "No group's risk was shown to be understated against the rest; for everybody, observed "
        f"over expected cases is {say.ratio(ratio)}."
    )
