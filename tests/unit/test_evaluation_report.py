from __future__ import annotations

import copy
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.evaluation_table import Evaluation, evaluation_fields, say_evaluation
from hiu_risk.model import Bundle
from hiu_risk.suppression import SmallNumbers
from hiu_training.judging.evaluation import evaluate
from hiu_training.judging.verdict import verdict
from hiu_training.judging.whole_lists import whole_lists
from hiu_training.protocol.settings import GateSettings
from hiu_training.report import card, tables, tripod, whole
from hiu_training.report.files import report_files
from hiu_training.report.known import Known, middle_capacity
from hiu_training.report.published import published
from tests.support.bundles import make_bundle
from tests.support.judged_rows import censored_of, details_of, judged_rows, rankers_of

ITEMS = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 "
    "16 17 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)
"""The numbered items of TRIPOD+AI as published in 2024: 27, with 52 parts."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return make_bundle()


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    rows = judged_rows()
    found = evaluate(
        rows, rankers_of(rows), [25, 75, "1%"], resamples=40, seed=1, details=details_of(rows)
    )
    learning = {
        "dates": ["2022-01-01T00:00:00+00:00"], "rows": 9_000, "people": 1_500, "positives": 203,
        "dropped": {"censored": {"death": 3, "move": 40}}, "embargo_days": 91.0,
        "notes": ["4 test origins, as the data allow no more"],
    }  # fmt: skip
    return {
        **found, "capacities": [25, 75, "1%"], "resamples": 40, "decayed_half_life": "30d",
        "learning": learning, "judged_dropped": rows.dropped, "verdict": verdict(found),
        "whole_lists": whole_lists(rows, rankers_of(rows), censored_of(rows), [25, 75, "1%"]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, evaluation: dict[str, Any]
) -> Path:
    out = tmp_path_factory.mktemp("report")
    report_files(out, Known(bundle, evaluation))
    return out


def test_a_midnight_of_british_summer_time_is_the_day_that_it_begins(
    bundle: Bundle, evaluation: dict[str, Any], tmp_path: Path
) -> None:
    """In UTC it is 23:00 of the day before, which nobody in the team would know."""
    summer = copy.deepcopy(evaluation)
    summer["learning"]["dates"] = ["2024-03-31T23:00:00+00:00"]
    for week, origin in enumerate(summer["per_origin"]):
        origin["as_of"] = ("2024-05-31", "2024-06-07", "2024-06-14", "2024-06-21", "2024-06-28")[
            week
        ]
        origin["as_of"] += "T23:00:00+00:00"
    known = Known(bundle, summer)
    assert known.dates[0] == "2024-06-01"
    assert [row[0] for row in tables.per_origin(summer, "75").rows] == list(known.dates)
    (answer,) = (row.known for row in tripod.rows(known) if row.item == "5b")
    assert "index dates of learning 2024-04-01" in answer
    report_files(tmp_path, known)
    page = (tmp_path / "evaluation.html").read_text("utf-8")
    assert "2024-06-01" in page
    assert "2024-05-31" not in page


def test_every_item_of_tripod_ai_is_there_in_order(bundle: Bundle) -> None:
    rows = tripod.rows(Known(bundle))
    assert " ".join(row.item for row in rows) == ITEMS
    assert {row.applies_to for row in rows} == {"both", "development", "evaluation"}


def test_what_nobody_told_stays_blank_for_a_named_role(bundle: Bundle) -> None:
    for row in tripod.rows(Known(bundle)):
        assert row.known or row.to_complete.startswith("To be completed by the "), row.item
    blank = {row.item for row in tripod.rows(Known(bundle)) if not row.known}
    # Nothing about money, ethics, registration, data access or public involvement is known here.
    assert {"2", "3c", "17", "18a", "18b", "18d", "18e", "19", "27c"} <= blank
    # Without an evaluation nothing is said about how it did.
    assert {"10", "20a", "20c", "21", "23a"} <= blank


def test_an_evaluation_fills_the_results(bundle: Bundle, evaluation: dict[str, Any]) -> None:
    told = {row.item: row.known for row in tripod.rows(Known(bundle, evaluation))}
    precision = evaluation["rankers"]["model"]["average_precision"]["value"]
    assert f"Average precision {precision:.3f}" in told["23a"]
    assert evaluation["verdict"] in told["25"]
    assert "4 test origins, as the data allow no more" in told["26"]
    assert "death *" in told["11"]
    assert "move 40" in told["11"]


def test_the_card_says_what_the_model_is_not_for(bundle: Bundle) -> None:
    facts = card.facts(Known(bundle))
    not_for = [fact.value for fact in facts if fact.name == "Not for"]
    assert any("999" in text for text in not_for)
    assert any("letters" in text for text in not_for)
    text = card.to_markdown(facts, bundle.version)
    assert text.startswith(f"# Model card: {bundle.version}")
    assert "_To be completed by the data scientist: run hiu-risk evaluate._" in text


def test_the_pages_need_no_other_file_and_name_every_picture(folder: Path) -> None:
    for name in ("evaluation.html", "model-card.html"):
        page = (folder / name).read_text("utf-8")
        assert "<script" not in page
        addresses = re.findall(r"(?:src|href|xlink:href)=\"([^\"#]+)", page)
        assert all(a.startswith("data:") for a in addresses), addresses
        levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), levels
        for svg in re.findall(r"<svg [^>]*>", page):
            assert 'role="img"' in svg
            assert re.search(r'aria-label="[^"]{10,}"', svg)
    assert (folder / "evaluation.html").read_text("utf-8").count("<svg") >= 7


def test_every_chart_has_its_numbers_in_a_table(folder: Path, evaluation: dict[str, Any]) -> None:
    page = (folder / "evaluation.html").read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for name, found in evaluation["rankers"].items():
        for k, estimate in found["recall_at"].items():
            assert f"{estimate['value']:.3f}" in text, (name, k)
    assert evaluation["verdict"] in text
    assert "K = 1% of people" in text


def test_small_numbers_leave_neither_the_page_nor_the_data(
    folder: Path, evaluation: dict[str, Any]
) -> None:
    rule = SmallNumbers()
    small = evaluation["breakdowns"]["site"]["south"]["population"]
    assert 1 <= small["positive_people"] <= 7
    data = json.loads((folder / "evaluation.json").read_text("utf-8"))
    assert data["breakdowns"]["site"]["south"]["population"]["positive_people"] == "*"
    assert data["learning"]["dropped"]["censored"] == {"death": "*", "move": 40}
    for counts in (data["population"], *(g["population"] for g in data["breakdowns"]["history"]
                                         .values())):  # fmt: skip
        assert all(n == "*" or n % rule.base == 0 for n in counts.values())
    row = next(r for r in tables.breakdown(evaluation, "site", "75").rows if r[0] == "south")
    assert row[2] == "*"
    assert set(row[3:]) == {"too few"}


def test_a_date_with_few_cases_is_not_judged_in_public(evaluation: dict[str, Any]) -> None:
    origins = [{**evaluation["per_origin"][0], "positives": 5}, *evaluation["per_origin"][1:]]
    few = {**evaluation, "per_origin": origins}
    assert published(few)["per_origin"][0]["rankers"] == {}
    assert set(tables.per_origin(few, "75").rows[0][2:]) == {"*"}


def test_the_k_that_is_talked_about_is_75_or_the_middle_one() -> None:
    def judged(*ks: str) -> dict[str, Any]:
        return {"rankers": {"model": {"recall_at": dict.fromkeys(ks)}}}

    assert middle_capacity(judged("25", "75", "1%")) == "75"
    assert middle_capacity(judged("10", "200", "25", "1%")) == "25"
    assert middle_capacity(judged("1%")) == "1%"


def _said(found: dict[str, float]) -> str:
    return f"{found['if_none']:.3f} ({found['worst']:.3f} to {found['best']:.3f})"


def _with_places(evaluation: dict[str, Any], listed: float, censored: int = 34) -> dict[str, Any]:
    """Let so many of the censored be on the model's lists of 75."""
    told = copy.deepcopy(evaluation["whole_lists"]) | {"censored": censored}
    for name in ("model", "anchor"):
        _widen(told["rankers"][name], told, listed if name == "model" else 12)
    return {**evaluation, "whole_lists": told}


def _widen(found: dict[str, Any], told: dict[str, Any], people: float) -> None:
    one = found["precision_at"]["75"]
    one["best"] = one["worst"] + people / told["places_at"]["75"]


@pytest.mark.parametrize(
    ("listed", "hidden"), [(0, False), (3, True), (7, True), (12, False), (29, True), (34, False)]
)
def test_ranges_that_give_a_small_number_of_censored_people_away_are_hidden(
    evaluation: dict[str, Any], listed: float, hidden: bool
) -> None:
    told = _with_places(evaluation, listed)
    shown = published(told)["whole_lists"]
    assert (shown["rankers"]["model"]["recall_at"]["75"]["worst"] is None) == hidden
    assert (shown["rankers"]["model"]["precision_at"]["75"]["best"] is None) == hidden
    if hidden:
        for other in shown["differences"].values():
            assert other["recall_at"]["75"] == dict.fromkeys(("worst", "if_none", "best"))
    assert (whole.in_words(told, "75") == "") == hidden
    table = whole.model_and_count(told)
    assert table is not None
    assert ("* hidden" in table.note) == any("*" in row for row in table.rows)
    row = next(row for row in table.rows if row[0] == "model: recall")
    assert (dict(zip(table.head, row, strict=True)).get("K = 75", "*") == "*") == hidden
    assert shown["censored"] == 35


def test_lengths_of_which_nothing_is_shown_are_named_once(evaluation: dict[str, Any]) -> None:
    told = _with_places(evaluation, 3)
    for found in told["whole_lists"]["rankers"].values():
        for k, places in told["whole_lists"]["places_at"].items():
            one = found["precision_at"][k]
            one["best"] = one["worst"] + (12 if k == "25" else 3) / places
    said = whole.not_shown(told)
    assert said.startswith(
        "Nothing can be shown of lists of 75 and 1% of people: so few of those removed"
    )
    table = whole.model_and_count(told)
    assert table is not None
    assert table.head == ("", "K = 25")
    assert [t.head[1:] for t in whole.every_ranker(told)[1:]] == [("K = 25",)] * 2
    for found in told["whole_lists"]["rankers"].values():
        one = found["precision_at"]["25"]
        one["best"] = one["worst"] + 3 / told["whole_lists"]["places_at"]["25"]
    assert whole.model_and_count(told) is None
    assert len(whole.every_ranker(told)) == 1  # average precision alone
    assert "lists of 25, 75 and 1% of people" in whole.not_shown(told)
    for one in told["whole_lists"]["rankers"].values():
        for k, places in told["whole_lists"]["places_at"].items():
            one["precision_at"][k]["best"] = one["precision_at"][k]["worst"] + 12 / places
    assert whole.not_shown(told) == ""


def test_rounded_counts_are_said_to_be(folder: Path, evaluation: dict[str, Any]) -> None:
    rows = f"{5 * round(evaluation['population']['rows'] / 5):,} rows"
    for name in ("model-card.md", "tripod-ai.json", "evaluation.html"):
        text = (folder / name).read_text("utf-8")
        assert rows in text
        assert "Counts are rounded to 5." in text, name


def test_the_card_says_what_lists_of_everybody_hold(
    bundle: Bundle, evaluation: dict[str, Any]
) -> None:
    told = _with_places(evaluation, 12)
    found = told["whole_lists"]["rankers"]["model"]
    lines = {fact.name: fact.value for fact in card.facts(Known(bundle, told))}
    said = lines["Lists of 75 of everybody at risk"]
    assert f"recall {_said(found['recall_at']['75'])}" in said
    assert f"precision {_said(found['precision_at']['75'])}" in said


def test_two_lists_that_differ_by_few_censored_people_have_no_difference(
    evaluation: dict[str, Any],
) -> None:
    told = _with_places(evaluation, 12)
    for people, hidden in ((3, True), (12, False)):
        _widen(told["whole_lists"]["differences"]["anchor"], told["whole_lists"], people)
        apart = published(told)["whole_lists"]["differences"]["anchor"]
        for kind in ("recall_at", "precision_at"):
            assert (apart[kind]["75"]["best"] is None) == hidden


def test_of_few_censored_people_no_list_is_judged(evaluation: dict[str, Any]) -> None:
    told = _with_places(evaluation, 0, censored=5)
    shown = published(told)["whole_lists"]
    assert (shown["censored"], shown["rankers"], shown["differences"]) == ("*", {}, {})
    assert whole.model_and_count(told) is None
    assert whole.every_ranker(told) == []


def test_with_nobody_censored_nothing_is_said_of_whole_lists(evaluation: dict[str, Any]) -> None:
    assert whole.model_and_count(_with_places(evaluation, 0, censored=0)) is None
    assert whole.model_and_count({**evaluation, "whole_lists": {}}) is None


def test_the_page_holds_the_lists_of_everybody_at_risk(
    folder: Path, evaluation: dict[str, Any]
) -> None:
    page = (folder / "evaluation.html").read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    told = evaluation["whole_lists"]
    for name in told["rankers"]:
        precision = told["rankers"][name]["average_precision"]
        assert _said(precision) in text, name
    assert "their unknown outcomes allow" in (folder / "tripod-ai.json").read_text("utf-8")
    data = json.loads((folder / "evaluation.json").read_text("utf-8"))["whole_lists"]
    mine = data["rankers"]["model"]["average_precision"]
    assert mine["worst"] == float(f"{told['rankers']['model']['average_precision']['worst']:.3g}")
    assert data["rows"] == 5 * round(told["rows"] / 5)


def test_the_page_and_the_command_say_who_was_not_ranked_and_what_the_data_did_not_allow(
    folder: Path, evaluation: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    page = (folder / "evaluation.html").read_text("utf-8")
    rows = evaluation["population"]["rows"]
    assert f"Not ranked above: about 35 of {5 * round(rows / 5) + 35:,} rows (" in page
    assert "A list in service would hold them" in page
    say_evaluation(Evaluation.model_validate(evaluation_fields(evaluation)), GateSettings())
    said = " ".join(capsys.readouterr().out.split())
    assert f"Not ranked, as what happened was not fully observed: 34 of {rows + 34:,} rows" in said
    assert "death 30, move 4); lists in service hold such people" in said
    mine = evaluation["whole_lists"]["rankers"]["model"]
    assert f"model recall {_said(mine['recall_at']['75'])}, precision " in said
    assert f"precision {_said(mine['precision_at']['75'])}" in said
    assert "Note: 4 test origins, as the data allow no more" in said
