"""The worklist as page, CSV and sealed folder."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hiu_risk import NOT_FOR
from hiu_risk.definitions import DEFINITIONS
from hiu_risk.errors import UsageError
from hiu_risk.times import DAY
from hiu_serving.coverage import Abstained
from hiu_serving.files import write_worklist
from hiu_serving.freshness import FeedFreshness
from hiu_serving.reserving import Reserved
from hiu_serving.since import Since
from hiu_serving.worklist import TIE_RULE
from hiu_serving.worklist_page import BANDS_MEAN, SURE, not_scored_csv, worklist_csv, worklist_page
from hiu_training.train import BAND_SHARES
from tests.support.readability import grade
from tests.support.serving import AS_OF, make_entry, make_list, make_reason

MADE = datetime(2026, 1, 5, tzinfo=UTC)


def plain(page: str) -> str:
    body = page.split("<body>")[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).replace("&#39;", "'")


def test_the_page_says_all_that_is_needed_to_read_it_fairly() -> None:
    entries = (
        make_entry(1, "p1", score=0.347, band="very_high", change="up", previous_rank=4),
        make_entry(2, "p2", score=0.004, band="usual", cautions=("Short history: 9 days.",)),
    )
    text = plain(
        worklist_page(make_list(*entries, previous_as_of=AS_OF - 7 * DAY, left=3, tied_out=2))
    )
    for said in (
        "People to consider calling, 8 January 2022",
        NOT_FOR,
        "35 in 100",
        "under 1 in 100",
        "▲ place 4 → 1",
        "New",
        "7 calls in the last 28 days",
        "How often calls come",
        "No more reasons in plain words.",
        "Age, sex and deprivation also move the score; they are never given as a reason.",
        "very high, the top 1 in 1,000; high, the top 5; raised, the top 30; usual, the rest",
        "Short history: 9 days.",
        "Already supported: on a caseload",
        "All people in the store 102",
        ">= 5 call incidents in 30 days (rolling) OR >= 12 call incidents in 90 days (rolling)",
        "Looks ahead 90 days",
        "bbbbbbbbbbbb",
        "2 people with the same score as the last one had no place",
        "1 January 2022; 3 of its people are not listed now",
        "it may not leave the team",
        "not a cause and not a diagnosis",
    ):
        assert said in text.replace("&gt;", ">"), said
    assert "Feed out of date" not in text


def test_a_chance_comes_with_how_sure_it_is_in_plain_words() -> None:
    kept = make_list(
        make_entry(1, "p1", score=0.347, interval=(0.206, 0.512)),
        make_entry(2, "p2", score=0.004, interval=(0.002, 0.013)),
        make_entry(3, "p3", score=0.98, interval=(0.97, 0.991)),
        make_entry(4, "p4"),
    )
    page = worklist_page(kept)
    text = plain(page)
    assert "35 in 100 likely 20 to 52" in text
    assert "under 1 in 100 likely up to 2" in text
    assert "98 in 100 likely 97 or more" in text
    assert page.count('class="likely"') == page.count('class="span"') == 3
    assert SURE in text
    rows = list(csv.DictReader(io.StringIO(worklist_csv(kept))))
    limits = [(row["score_low"], row["score_high"]) for row in rows]
    assert limits == [("0.206", "0.512"), ("0.002", "0.013"), ("0.97", "0.991"), ("", "")]


def test_a_model_that_does_not_know_how_sure_it_is_says_nothing_of_it() -> None:
    page = worklist_page(make_list(make_entry()))
    assert SURE not in plain(page)
    assert 'class="likely"' not in page


DECIDED = Reserved("sex", "A. Reader", AS_OF - 30 * DAY, "c" * 12, 2.3, 2.9)


def test_reserved_places_are_said_of_the_whole_list_and_mark_nobody() -> None:
    entries = make_entry(1, "p1"), make_entry(2, "p2")
    without = make_list(*entries, n_scored=9, tied_out=2)
    with_places = replace(without, reserved=DECIDED)
    page = worklist_page(with_places)
    text = plain(page)
    assert "Reserved places. Places on this list are reserved by sex, so that it reaches" in text
    assert "A. Reader decided it on 9 December 2021; why stands in the ledger of models." in text
    assert "2 people with the same score as the last one of their group had no place" in text
    assert "2.3 cases expected among those listed; 2.9 had the highest scores been listed" in text
    assert "Not listed 7" in text
    assert "Scored lower" not in text
    assert "Scored lower than those listed 7" in plain(worklist_page(without))
    # what is said of each person is the same, to the letter
    rows = [re.findall(r"<tbody.*?</tbody>", p, re.S)[0] for p in (page, worklist_page(without))]
    assert rows[0] == rows[1]
    told, before = (
        list(csv.DictReader(io.StringIO(worklist_csv(kept)))) for kept in (with_places, without)
    )
    assert {row.pop("places") for row in told} == {"whole list: places reserved by sex"}
    assert {row.pop("places") for row in before} == {"highest scores"}
    assert told == before


@pytest.mark.parametrize("words", [SURE, DECIDED.text, replace(DECIDED, column="site").text])
def test_what_the_page_explains_can_be_read_at_twelve(words: str) -> None:
    assert grade(words) <= 7


def test_the_bands_are_told_as_they_are_cut() -> None:
    per_thousand = [round(1_000 * share) for share in BAND_SHARES.values()]
    assert [int(n) for n in re.findall(r"top (\d+)", BANDS_MEAN)] == per_thousand


def test_the_bands_are_told_before_the_rows_and_ties_only_where_there_are_some() -> None:
    page = worklist_page(make_list(make_entry(1, "p1"), make_entry(2, "p2")))
    assert page.index(BANDS_MEAN) < page.index("<tbody")
    assert TIE_RULE not in page
    equal = make_list(make_entry(1, "p1", score=0.2), make_entry(2, "p2", score=0.2))
    assert TIE_RULE in worklist_page(equal)
    assert TIE_RULE not in worklist_page(make_list())


def test_paper_shows_one_comparison_and_no_moves() -> None:
    reasons = (
        make_reason("7 calls in the last 28 days; 95 of 100 active callers had 2 or fewer"),
        make_reason("3 A&E visits; half of active callers had none"),
    )
    since = Since(AS_OF - DAY, 0.1, "No calls", "Chance up", ())
    page = worklist_page(make_list(make_entry(reasons=reasons, since=since)))
    assert '<span class="beside">; half of active callers had none</span>' in page
    assert (
        ".moved, .reasons li + li .beside, .lowers .beside { display: none; }"
        in page.split("@media print")[-1]
    )
    assert '<p class="quiet moved">Chance up.</p>' in page


def test_a_stale_feed_is_said_in_a_banner() -> None:
    stale = FeedFreshness("ae", AS_OF - 9 * DAY, None, 6.2, "stale")
    text = plain(worklist_page(make_list(freshness=(stale,))))
    assert "Feed out of date. A&amp;E attendances stop on 30 December 2021, 6 days earlier" in text
    assert "none known" in text


def test_the_page_needs_nothing_from_outside_and_runs_nothing() -> None:
    hostile = "<script>alert(1)</script>"
    page = worklist_page(make_list(make_entry(person=hostile, reasons=(make_reason(hostile),))))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 2
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert "url(" not in page


def test_nobody_listed_is_said() -> None:
    assert "Nobody is listed" in plain(worklist_page(make_list()))


def test_the_csv_keeps_scores_exactly_and_disarms_formulas() -> None:
    entries = (
        make_entry(1, "=cmd()", score=0.1 + 0.2, reasons=(make_reason('-3 calls, "so"'),)),
        make_entry(2, "p2", score=1e-17, change="same", previous_rank=2),
    )
    rows = list(csv.DictReader(io.StringIO(worklist_csv(make_list(*entries)))))
    assert [float(row["score"]) for row in rows] == [0.1 + 0.2, 1e-17]
    assert rows[0]["person"] == "'=cmd()"
    assert rows[0]["reason_1"] == '\'-3 calls, "so"'
    assert (rows[0]["previous_rank"], rows[1]["previous_rank"]) == ("", "2")
    assert (rows[1]["reason_2"], rows[1]["reason_3"]) == ("", "")


def test_the_manifest_seals_what_was_written(tmp_path: Path) -> None:
    files = write_worklist(make_list(make_entry()), tmp_path / "out", MADE)
    assert [file.name for file in files] == [
        "worklist.csv", "worklist.html", "not-scored.csv", "manifest.json",
    ]  # fmt: skip
    manifest = json.loads(files[-1].read_text(encoding="utf-8"))
    assert manifest["reserved"] is None
    for name, sha in manifest["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == sha
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(f.name for f in files)


def test_a_failure_leaves_the_former_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_worklist(make_list(make_entry(person="former")), tmp_path, MADE)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def broken(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr("hiu_serving.files.worklist_page", broken)
    with pytest.raises(RuntimeError):
        write_worklist(make_list(make_entry(person="new")), tmp_path, MADE)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_file_in_place_of_the_folder_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"not a folder .* name a folder with --out") as raised:
        write_worklist(make_list(), tmp_path / "out", MADE)
    assert raised.value.exit_code == 2


def test_a_list_of_addresses_speaks_of_addresses() -> None:
    text = plain(
        worklist_page(make_list(make_entry(), definition=DEFINITIONS["communal"].to_dict()))
    )
    assert "Addresses to consider visiting, 8 January 2022" in text
    assert "All addresses in the store" in text


def test_what_changed_what_lowers_and_another_model_are_said() -> None:
    since = Since(AS_OF - 4 * DAY, 0.12, "2 calls since Monday, both at night", "Chance up", ())
    lowers = (make_reason("No A&E visits in the last 90 days", contribution=-0.3),)
    kept = make_list(
        make_entry(since=since, lowering=lowers),
        make_entry(2, "p2"),
        previous_as_of=AS_OF - 4 * DAY,
        previous_bundle_id="c" * 64,
    )
    text = plain(worklist_page(kept))
    assert "2 calls since Monday, both at night. Chance up." in text
    assert "Lowers it: No A&amp;E visits in the last 90 days" in text
    assert "The last list was made by another model." in text
    assert "another model" not in plain(worklist_page(replace(kept, previous_bundle_id="b" * 64)))
    (first, second) = csv.DictReader(io.StringIO(worklist_csv(kept)))
    assert (first["previous_score"], second["previous_score"]) == ("0.12", "")
    assert first["since"] == "2 calls since Monday, both at night. Chance up."
    assert first["lowers_1"] == "No A&E visits in the last 90 days"
    assert (first["lowers_2"], second["since"]) == ("", "")


def test_those_of_whom_too_little_is_known_are_listed_apart() -> None:
    short = tuple(Abstained(f"q{i:02}", "too_little_history", 9 + i % 9, 30 - i) for i in range(12))
    kept = make_list(
        make_entry(),
        abstained=short,
        least_days=28,
        exclusions={"inactive": 90, "too_little_history": 1_234, "feeds_too_short": 0},
    )
    text = plain(worklist_page(kept))
    assert "1,234 people could be listed, but too little is known of them" in text
    assert "Fewer than 28 days are known since they registered." in text
    assert "Too little history to be scored 1,234" in text
    assert "28 of the last 90 days, or nobody is scored" in text
    assert "q09" in text
    assert "q10" not in text
    rows = list(csv.DictReader(io.StringIO(not_scored_csv(kept))))
    assert len(rows) == 12
    assert rows[0] == {
        "person": "q00", "why": "too_little_history", "days_known": "9", "incidents": "30",
    }  # fmt: skip
    assert "too little is known of them" not in plain(worklist_page(make_list(make_entry())))


def test_a_list_of_addresses_says_nothing_about_a_person() -> None:
    about = (make_reason(concept="about_the_person"),)
    kept = make_list(make_entry(reasons=about), definition=DEFINITIONS["communal"].to_dict())
    text = plain(worklist_page(kept))
    assert "About the address" in text
    assert "person" not in text.split("The list")[1].split("Who is not")[0].lower()
