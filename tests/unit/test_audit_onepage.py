"""The audit on one page: nothing in it that the published document doesn't say."""

from __future__ import annotations

import json

import pytest

from hiu_training.audit import AuditDocument, summary
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
from hiu_training.audit.result import Estimate
from tests.support.audit import World


@pytest.fixture(scope="module")
def document() -> AuditDocument:
    world = World((0.42, 0.5, 0.08), (0.4, 1.6, 1.5), people=1_500, dates=2)
    plan = Plan(capacities=(60,), primary=60, resamples=200)
    return publish(audit(world.draw(3), plan), Context("champion 1a2b3c", "at least 5 calls"))


def test_every_group_has_one_line_and_one_box(document: AuditDocument) -> None:
    page = summary(document)
    groups = [(g.title, x.label) for g in document.groupings for x in g.groups]
    assert [(line.grouping, line.label) for line in page.lines] == groups
    assert sum(box.count for box in page.boxes) == len(groups)
    assert page.caution == document.label_caution
    assert document.model in page.about


def test_the_worst_finding_is_the_conclusion(document: AuditDocument) -> None:
    worst = [g for grouping in document.groupings for g in grouping.groups]
    assert [g.recall_verdict for g in worst].count("lower") == 1
    assert summary(document).conclusion.startswith("1 group is missed more often than the rest.")


def test_no_comparison_is_never_a_pass(document: AuditDocument) -> None:
    thin = document.model_copy(update={"recall_comparisons": 0})
    assert "That is not a sign of fairness" in summary(thin).conclusion


def with_verdicts(document: AuditDocument, *verdicts: str) -> AuditDocument:
    [grouping] = document.groupings
    groups = tuple(
        g.model_copy(update={"recall_verdict": v})
        for g, v in zip(grouping.groups, verdicts, strict=True)
    )
    return document.model_copy(
        update={"groupings": (grouping.model_copy(update={"groups": groups}),)}
    )


def test_a_perhaps_is_never_counted_in_silence(document: AuditDocument) -> None:
    page = summary(with_verdicts(document, "lower", "perhaps_lower", "perhaps_higher"))
    better = page.boxes[-1]
    assert better.heading == "Missed less often than the rest: 1, 1 of them perhaps"
    assert better.names == ["Group: G2 (perhaps)"]
    assert "and 1 more perhaps" in page.conclusion
    sure = summary(with_verdicts(document, "lower", "higher", "higher")).boxes[-1]
    assert sure.heading == "Missed less often than the rest: 2"
    assert sure.names == ["Group: G1; G2"]


def test_no_comparison_allows_for_none(document: AuditDocument) -> None:
    boxes = summary(document.model_copy(update={"recall_comparisons": 0})).boxes
    assert boxes[0].meaning == "Look into it."
    assert "in the group or in the rest" in boxes[2].meaning
    assert "allowing for 2 comparisons" in summary(document).boxes[0].meaning


def test_a_group_listed_wrongly_more_often_has_a_note(document: AuditDocument) -> None:
    [grouping] = document.groupings
    everybody = document.overall.at[0].precision
    assert isinstance(everybody, Estimate)
    assert everybody.value is not None

    def notes(high: float) -> str:
        precision = Estimate(value=high - 0.05, low=high - 0.1, high=high)
        first = grouping.groups[0]
        at = first.at[0].model_copy(update={"precision": precision})
        groups = (first.model_copy(update={"at": (at,)}), *grouping.groups[1:])
        changed = grouping.model_copy(update={"groups": groups})
        return " ".join(summary(document.model_copy(update={"groupings": (changed,)})).notes)

    assert "fewer became cases than the" in notes(everybody.value - 0.02)
    assert "Group: G0," in notes(everybody.value - 0.02)
    assert "G0," not in notes(everybody.value + 0.02)


def test_it_can_be_made_from_kept_evidence(document: AuditDocument) -> None:
    kept = json.loads(document.model_dump_json())
    assert summary(AuditDocument.model_validate(kept)) == summary(document)
