"""The audit on one page: nothing in it that the published document doesn't say."""

from __future__ import annotations

import json

import pytest

from hiu_training.audit import AuditDocument, summary
from hiu_training.audit.publish import Context, publish
from hiu_training.audit.report import Plan, audit
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


def test_it_can_be_made_from_kept_evidence(document: AuditDocument) -> None:
    kept = json.loads(document.model_dump_json())
    assert summary(AuditDocument.model_validate(kept)) == summary(document)
