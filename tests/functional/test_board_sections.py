"""What the sections of a pack say in quarters that are not calm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest

from hiu_risk.times import DAY
from hiu_training.audit.page import render_page
from hiu_training.audit.result import (
    AuditDocument,
    Driver,
    DriverGroup,
    DriverGrouping,
    Estimate,
    Identity,
    IdentityGroup,
    IdentityGrouping,
    Linkage,
    Mitigation,
    PricedOption,
    Proxy,
    SecondGroup,
    SecondGrouping,
    SecondOutcome,
    TrendPoint,
)
from hiu_training.audit.rounding import rounding_in_words
from hiu_training.board.blocks import Block, Pack, Para, Section, plain, texts
from hiu_training.board.brief import brief_section
from hiu_training.board.decided import changes_section, decisions_section
from hiu_training.board.fairness import fairness_full_section, fairness_section
from hiu_training.board.feeds import feeds_section
from hiu_training.board.fields import read_topic
from hiu_training.board.governance import hazards_section, incidents_section
from hiu_training.board.html import html_of
from hiu_training.board.pack import write_pack
from hiu_training.board.pdf import pdf_of
from hiu_training.board.people import people_section
from hiu_training.board.records import FeedSeen, Material
from hiu_training.board.topics import HAZARDS, INCIDENTS, QUARTER
from hiu_training.board.worth import worth_section
from tests.support.board import material


def said(section: Section) -> str:
    return " | ".join(texts(Pack("", "", "", (2023, 7, 5), (), (section,))))


def filled(made: Material, folder: Path, topic: Any, text: str) -> Material:
    (folder / topic.file).write_text(text, encoding="utf-8")
    return replace(made, filled={**made.filled, topic.file: read_topic(folder, topic)})


def blocks(section: Section, kind: type[Block]) -> Sequence[Block]:
    return [block for block in section.blocks if isinstance(block, kind)]


def late(made: Material) -> Material:
    feeds = (FeedSeen("call", 5.5, "stale"), FeedSeen("ae", 0.0, "fresh"))
    return replace(made, lists=(replace(made.lists[0], feeds=feeds), *made.lists[1:]))


def test_late_feeds_are_counted_and_dated() -> None:
    text = said(feeds_section(late(material())))
    assert "1 of 3 lists came from at least one late feed." in text
    assert "5.5 | 3 April 2023" in text
    assert "999 calls at most 6 days" in text


def test_a_declared_gap_in_the_quarter_is_said_and_one_outside_is_not() -> None:
    made = material()
    start = made.quarter.start
    feeds = [
        made.store.feeds[0].model_copy(update={"gaps": [(start + DAY, start + 4 * DAY)]}),
        made.store.feeds[1].model_copy(update={"gaps": [(start - 9 * DAY, start - 4 * DAY)]}),
    ]
    text = said(feeds_section(replace(made, store=made.store.model_copy(update={"feeds": feeds}))))
    assert "Declared gaps in this quarter: calls, 2 April 2023 to 5 April 2023." in text
    assert "ae, " not in text


def test_incidents_are_sorted_by_quarter_and_kept_while_open(tmp_path: Path) -> None:
    made = filled(
        material(), tmp_path, INCIDENTS,
        '[[incident]]\nhappened_on = 2023-05-03\nwhat = "In the quarter"\nstatus = "closed"\n'
        '[[incident]]\nhappened_on = 2023-01-03\nwhat = "Earlier, open"\nstatus = "open"\n'
        '[[incident]]\nhappened_on = 2022-01-03\nwhat = "Long closed"\nstatus = "Closed"\n',
    )  # fmt: skip
    made = filled(
        made, tmp_path, QUARTER, 'quarter = "2023q2"\nincidents_confirmed_by = "D. Safe"\n'
    )
    text = said(incidents_section(made))
    assert "Incidents in this quarter" in text
    assert "In the quarter" in text
    assert "Of other quarters, not closed" in text
    assert "Earlier, open" in text
    assert "Long closed" not in text
    assert "No incident" not in text
    assert "The list is complete: confirmed by D. Safe." in text


def test_a_confirmation_of_another_quarter_confirms_nothing(tmp_path: Path) -> None:
    for quarter in ("2023Q1", "", "2023"):
        text = f'quarter = "{quarter}"\nincidents_confirmed_by = "D. Safe"\n'
        said_here = said(incidents_section(filled(material(), tmp_path, QUARTER, text)))
        assert "confirmed by" not in said_here
        assert "whether the list of incidents is complete" in said_here


def test_an_accepted_hazard_log_no_longer_warns(tmp_path: Path) -> None:
    assert "has not been accepted" in said(hazards_section(material()))
    made = filled(
        material(), tmp_path, HAZARDS,
        'accepted_by = "D. Safe"\n[[hazard]]\nid = "H9"\ndescription = "Ours"\n'
        "residual_severity = 2\nresidual_likelihood = 5\n",
    )  # fmt: skip
    text = said(hazards_section(made))
    assert "has not been accepted" not in text
    assert "2 by 5 = 10" in text
    assert "no hazard is listed" in said(hazards_section(filled(made, tmp_path, HAZARDS, "")))


def test_a_quarter_that_is_not_over_and_lists_of_another_kind_are_said() -> None:
    made = replace(material(), day=date(2023, 6, 30), other_lists=2)
    text = said(brief_section(made, ()))
    assert "The quarter is not over: these are figures so far." in text
    assert "2 lists of another kind" in text
    assert "not over" not in said(brief_section(replace(made, day=date(2023, 7, 1)), ()))


def test_the_first_page_counts_its_own_blanks_too() -> None:
    text = said(brief_section(material(), ()))
    assert "The High Intensity Use lead | 5" in text
    assert "Nothing is left to be completed" not in text


def test_addresses_are_not_called_people_without_a_word() -> None:
    made = material()
    addresses = replace(made, store=made.store.model_copy(update={"entity": "address"}))
    assert "read “people” as “addresses”" in said(brief_section(addresses, ()))


def test_nothing_decided_is_a_warning_not_a_zero() -> None:
    made = replace(material(), decisions=())
    assert "No decision about any listed person is recorded" in said(decisions_section(made))
    assert "No decision about" not in said(decisions_section(material()))


def test_no_quarter_before_is_said() -> None:
    made = material()
    empty = replace(made.happened_before, lists=(), listed=0)
    made = replace(made, lists_before=(), decisions_before=(), happened_before=empty)
    assert "No list of this kind is known from 1 January to 31 March 2023" in said(
        changes_section(made)
    )
    assert "no list then" in said(people_section(made))


def test_a_finding_that_changed_since_the_audit_before_is_named() -> None:
    made = material()
    kept = made.audit
    assert kept is not None
    first = kept.groupings[0]

    def judged(verdict: str) -> AuditDocument:
        group = first.groups[0].model_copy(update={"recall_verdict": verdict})
        changed = first.model_copy(update={"groups": (group, *first.groups[1:])})
        groupings = (changed, *kept.groupings[1:])
        return kept.model_copy(update={"groupings": groupings, "recall_comparisons": 9})

    before, audit = judged("insufficient_evidence"), judged("lower")
    text = said(changes_section(replace(made, audit=audit, audit_before=before)))
    assert "Sex, Female: insufficient evidence, now missed more often" in text
    assert "1 group is missed more often" in said(brief_section(replace(made, audit=audit), ()))


def test_a_pack_says_why_two_sections_print_two_shares() -> None:
    made = material()
    assert made.audit is not None
    words = rounding_in_words(made.audit)
    assert "counts rounded to 5" in words
    assert "An evaluation of the same lists counts exactly" in words
    first = fairness_section(made).blocks
    assert [b.text for b in first[:2] if isinstance(b, Para)][1] == words  # below the headline
    assert words in said(fairness_full_section(made))
    told = "in “Fairness on one page” they come from rounded counts"
    assert told in said(worth_section(made))
    assert told not in said(worth_section(replace(made, audit=None)))


def test_a_pack_says_what_its_counts_are_not_checked_against() -> None:
    small = dict(write_pack(material(), set()).data["facts"])["Small numbers"]
    assert "are checked against every pack of the quarter" in small
    assert small.endswith("lists of another purpose and packs made elsewhere are not")


def trend_point(quarter: str, model: str, missed: float) -> TrendPoint:
    number = Estimate(value=missed, low=missed - 0.1, high=missed + 0.1)
    return TrendPoint(
        model=model, dates=("2023-01-01",), quarter=quarter, missed=number, grouping="", title="",
        label="Everybody", group_missed=number, difference=None, verdict="not_compared",
    )  # fmt: skip


def with_trend(made: Material) -> Material:
    assert made.audit is not None
    points = (trend_point("2023Q1", "a" * 12, 0.7), trend_point("2023Q2", "b" * 12, 0.5))
    return replace(made, audit=made.audit.model_copy(update={"trend": points}))


def test_the_trend_has_a_chart_and_the_table_behind_it() -> None:
    text = said(fairness_full_section(with_trend(material())))
    assert "2023Q1, aaaaaa 70% (60 to 80); 2023Q2, bbbbbb 50% (40 to 60)" in text
    assert "Share of cases missed, over audits" in text


def test_the_trend_says_which_lists_had_reserved_places() -> None:
    made = with_trend(material())
    assert made.audit is not None
    before, now = made.audit.trend
    mixed = (before, now.model_copy(update={"reserved": "sex"}))
    audit = made.audit.model_copy(update={"trend": mixed})
    text = said(fairness_full_section(replace(made, audit=audit)))
    assert "2023Q1, aaaaaa 70% (60 to 80); 2023Q2, bbbbbb, reserved 50% (40 to 60)" in text
    page = render_page(audit)
    for words in ("by score", "reserved by sex"):
        assert words in text
        assert f">{words}</td>" in page
    told = "Lists by score stand beside lists with reserved places"
    assert told in page
    assert told not in render_page(made.audit)


NUMBER = Estimate(value=0.25, low=0.125, high=0.5)


def option(name: str, **more: Any) -> PricedOption:
    return PricedOption(
        name=name, title=f"Option {name}", meaning="", grouping="sex", grouping_title="Sex",
        uses_characteristic=True, caution="Selecting by sex can itself be discrimination.",
        found=40, missed=NUMBER, found_change=NUMBER, observed_expected=NUMBER,
        calibration_error_change=None, widest_gap_before=0.2, widest_gap_after="*", groups=(),
        **more,
    )  # fmt: skip


def test_whatever_else_an_audit_holds_is_printed() -> None:
    made = material()
    assert made.audit is not None
    audit = made.audit.model_copy(update={
        "chosen_mitigation": "reserved places",
        "mitigation": Mitigation(baseline=option("now"), options=(option("other"),), not_tried=()),
        "second_outcome": SecondOutcome(
            title="an emergency admission", note="Not the aim.", comparisons=1,
            overall=SecondGroup(label="Everybody", cases=90, found=10, missed=NUMBER,
                                difference=None, verdict="not_compared"),
            groupings=(SecondGrouping(name="sex", title="Sex", note="", from_rounded=False,
                                      groups=()),),
        ),
        "linkage": (Linkage(source="call", outcome="see_treat", events=90, linked=80,
                            coverage=0.89),),
        "identity": Identity(
            by_site=(), unsure_means="by name", not_known=("Some are unknown.",),
            groupings=(IdentityGrouping(name="sex", title="Sex", groups=(
                IdentityGroup(label="Female", people=90, events=200, unsure=NUMBER),)),),
        ),
        "drivers": (DriverGrouping(name="sex", title="Sex", groups=(
            DriverGroup(label="Female", people=90, score=NUMBER, drivers=(
                Driver(concept="how_often", title="How often", difference=NUMBER),)),)),),
        "proxies": (Proxy(grouping="sex", title="Sex", label="Female", people=90,
                          without_itself=NUMBER, direct_inputs=(), strongest_concept="A&E"),),
    })  # fmt: skip
    text = said(fairness_full_section(replace(made, audit=audit)))
    for words in (
        "Chosen: reserved places.", "Option other: Sex", "+25 (+12 to +50) | 20 | *",
        "Selecting by sex can itself be discrimination.", "By another outcome: an emergency",
        "calls, treated where they were | 90 | 80 | 89%", "Unsure: by name.", "Some are unknown.",
        "How often | 0.25 (0.12 to 0.50)", "0.25 (0.12 to 0.50) | A&E",
    ):  # fmt: skip
        assert words in text


def test_without_evidence_nothing_passes() -> None:
    made = material()
    bare = replace(made, audit=None, known=replace(made.known, evaluation={}, audit={}))
    assert "That is not a pass" in said(fairness_section(bare))
    assert "nobody can say from this pack whether it finds more" in said(worth_section(bare))
    brief = said(brief_section(bare, ()))
    assert "no audit is kept with this model. That is not a pass." in brief
    assert "no evaluation is kept" in brief


@pytest.mark.parametrize("section", [people_section, fairness_section, feeds_section])
def test_every_chart_has_words_and_a_table(section: Any) -> None:
    made = section(material())
    kinds = [block["kind"] for block in plain(
        Pack("", "", "", (2023, 7, 5), (), (made,)))["sections"][0]["blocks"]]  # fmt: skip
    assert {"chart", "grid"} & set(kinds)
    assert "table" in kinds
    page = said(made)
    assert page.count('role="img" aria-label="') == page.count("<svg")


def test_a_whole_pack_of_a_bad_quarter_prints(tmp_path: Path) -> None:
    hostile = (
        'quarter = "2023Q2"\nsummary = "#include <b>&amp;\\" $x$ */ [a](b) @ref \\\\ 100% `x`"\n'
    )
    made = filled(with_trend(late(material())), tmp_path, QUARTER, hostile)
    written = write_pack(made, set())
    page, pdf = html_of(written.data), pdf_of(written.data)
    assert "#include &lt;b&gt;&amp;amp;&#34; $x$ */ [a](b) @ref \\ 100% `x`" in page
    (tmp_path / "pack.pdf").write_bytes(pdf)
    words = "".join(p.extract_text() for p in pypdf.PdfReader(tmp_path / "pack.pdf").pages)
    assert '#include<b>&amp;"$x$*/[a](b)@ref\\100%`x`' in "".join(words.split())
