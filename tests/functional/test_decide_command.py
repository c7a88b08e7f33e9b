"""``hiu-risk decide``: decisions about listed people, kept and counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.decide import DecideResult
from hiu_risk.errors import DataError, UsageError
from hiu_risk.times import DAY
from hiu_serving.decisions import REASONS, Decision, read_file, record, standing
from hiu_serving.history import lists_between, span
from hiu_serving.state import State
from tests.support.commands import run_command
from tests.support.serving import AS_OF, make_entry, make_list

Run = Callable[..., tuple[int, str, str]]
MADE = datetime(2022, 1, 8, 7, tzinfo=UTC)
HEADER = "person,decision,reason,reviewer,note\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    state = State.open(tmp_path / "home")
    names = [make_entry(rank, f"p{rank}") for rank in range(1, 6)]
    state.add(make_list(*names), MADE)
    state.add(make_list(*names[:2], as_of=AS_OF + 7 * DAY), MADE)
    state.close()
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    def command(*words: object, **changes: object) -> tuple[int, str, str]:
        options = {"as-of": "2022-01-08T00:00:00Z", "home": home, **changes}
        said = [str(x) for name, value in options.items() for x in (f"--{name}", value)]
        return run_command(monkeypatch, capsys, "decide", *said, *words)

    return command


ONE = {"person": "p1", "decision": "accepted", "reason": "offer_help", "reviewer": "R"}


def test_one_decision_is_kept(run: Run, tmp_path: Path) -> None:
    code, said, _ = run("--json", tmp_path / "d.json", **ONE)
    assert code == 0
    result = DecideResult.model_validate_json((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert (result.added, result.listed, result.without_decision) == (1, 5, 4)
    assert result.decided == {"accepted": 1, "declined": 0, "deferred": 0}
    assert "without a decision 4" in said


def test_a_file_of_decisions_is_kept_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    rows = "p1,accepted,offer_help,R,\np2,declined,said_no,R,spoke on Monday\n"
    file.write_text(HEADER + rows + "p9,deferred,not_reached,R,\n", encoding="utf-8")
    code, _, error = run(file=file)
    assert code == 1
    assert "not on the list of that date (decision 3)" in error
    assert "p9" not in error
    file.write_text(HEADER + rows, encoding="utf-8-sig")
    code, said, _ = run(file=file)
    assert code == 0
    assert "accepted 1, declined 1, deferred 0, without a decision 3" in said


def test_deciding_again_counts_once_and_the_latest_counts(home: Path) -> None:
    state = State.open(home)
    record(state, AS_OF, [Decision("p1", "deferred", "no_capacity", "R")], MADE)
    record(state, AS_OF, [Decision("p1", "accepted", "offer_help", "R", "free now")], MADE)
    assert standing(state, AS_OF) == (5, {"accepted": 1, "declined": 0, "deferred": 0})
    (kept,) = lists_between(state, AS_OF, AS_OF + DAY)
    assert [(d.person, d.answer, d.reason) for d in kept.decisions] == [
        ("p1", "accepted", "offer_help")
    ]
    assert kept.decisions[0].decided_at == int(MADE.timestamp())
    state.close()


def test_lists_in_force_are_the_latest_of_their_date_and_purpose(home: Path) -> None:
    state = State.open(home)
    record(state, AS_OF, [Decision("p5", "declined", "said_no", "R")], MADE)
    other = make_list(make_entry(1, "p7"), bundle_id="c" * 64)
    state.add(other, MADE)  # the same date again, by another model
    state.add(make_list(make_entry(1, "p8"), horizon_days=30), MADE)  # another purpose
    kept = lists_between(state, AS_OF, AS_OF + 8 * DAY)
    assert [(k.as_of, k.people, k.bundle_id[0]) for k in kept] == [
        (AS_OF, ("p8",), "b"), (AS_OF, ("p7",), "c"), (AS_OF + 7 * DAY, ("p1", "p2"), "b")
    ]  # fmt: skip
    assert kept[1].decisions[0].person == "p5"  # made about the first list of that date
    assert lists_between(state, AS_OF + DAY, AS_OF + 7 * DAY) == []
    assert span(state) == (AS_OF, AS_OF + 7 * DAY)
    state.close()


def test_decisions_hold_when_a_wrong_list_of_that_date_is_put_right(home: Path) -> None:
    state = State.open(home)
    right = state.latest(AS_OF)
    assert right is not None
    record(state, AS_OF, [Decision("p1", "accepted", "offer_help", "R")], MADE)
    state.add(make_list(), MADE)  # by mistake
    assert standing(state, AS_OF) == (0, {"accepted": 0, "declined": 0, "deferred": 0})
    state.add(right, MADE)
    record(state, AS_OF, [Decision("p2", "declined", "said_no", "R")], MADE)
    assert standing(state, AS_OF) == (5, {"accepted": 1, "declined": 1, "deferred": 0})
    (kept,) = lists_between(state, AS_OF, AS_OF + DAY)
    assert kept.people == ("p1", "p2", "p3", "p4", "p5")
    assert [decision.person for decision in kept.decisions] == ["p1", "p2"]
    state.close()


def test_a_decision_counts_for_every_purpose_of_that_date(home: Path) -> None:
    state = State.open(home)
    weekend = make_list(make_entry(1, "p1"), make_entry(2, "p6"), target="weekend", horizon_days=3)
    state.add(weekend, MADE)
    record(state, AS_OF, [Decision("p1", "accepted", "offer_help", "R")], MADE)
    record(state, AS_OF, [Decision("p6", "declined", "said_no", "R")], MADE)
    assert standing(state, AS_OF) == (6, {"accepted": 1, "declined": 1, "deferred": 0})
    by_purpose = {k.purpose: k.decisions for k in lists_between(state, AS_OF, AS_OF + DAY)}
    assert sorted(len(decisions) for decisions in by_purpose.values()) == [1, 2]
    state.close()


@pytest.mark.parametrize(
    ("changes", "code", "what"),
    [
        ({"person": "p9"}, 1, "not on the list"),
        ({"as-of": "2022-01-09"}, 1, "no list of that date is kept"),
        ({"decision": "acepted"}, 2, "did you mean 'accepted'?"),
        ({"reason": "said_no"}, 2, "not a reason to have accepted"),
        ({"reviewer": " "}, 2, "a reviewer's name"),
        ({"note": "x" * 1_001}, 2, "a note has at most"),
        ({"home": "nowhere"}, 1, "no list was ever made"),
    ],
)
def test_bad_input_is_told(run: Run, changes, code, what, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    got, _, error = run(**(ONE | changes))
    assert got == code
    assert what in error


def test_too_little_is_told(run: Run) -> None:
    code, _, error = run(person="p1")
    assert code == 2
    assert "give all four, or a file" in error


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("person,decision\np1,accepted\n", "columns are missing: reason, reviewer"),
        (HEADER + "p1,accepted,offer_help,R,\np2,maybe,x,R,\n", "d.csv line 3, decision"),
        (HEADER + "p1,declined,bored,R,\n", "d.csv line 2, reason"),
        (HEADER + "p1,declined,said_no,,\n", "d.csv line 2, reviewer"),
        (HEADER.replace(",", ";") + "p1;declined;said_no;R;\n", "the delimiter is a semicolon"),
        (
            HEADER + "p1,declined,said_no,R,\np2,declined,said_no,R,\nP1,accepted,offer_help,S,\n",
            "two rows decide differently about one person (d.csv lines 2 and 4)",
        ),
    ],
)
def test_a_bad_file_is_told_with_its_line(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read_file(tmp_path / "d.csv")
    assert what in str(refused.value)


def test_a_row_that_stands_twice_contradicts_nothing(tmp_path: Path) -> None:
    row = "p1,declined,said_no,R,\n"
    (tmp_path / "d.csv").write_text(HEADER + row + row, encoding="utf-8")
    assert len(read_file(tmp_path / "d.csv")) == 2


def test_a_pseudonym_in_capitals_is_the_one_on_the_list(run: Run, home: Path) -> None:
    assert run(**(ONE | {"person": "P1"}))[0] == 0
    state = State.open(home)
    (kept,) = lists_between(state, AS_OF, AS_OF + DAY)
    assert [decision.person for decision in kept.decisions] == ["p1"]
    state.add(make_list(make_entry(1, "aB"), make_entry(2, "Ab")), MADE)
    state.close()
    code, _, error = run(**(ONE | {"person": "AB"}))
    assert (code, "not on the list" in error) == (1, True)
    assert run(**(ONE | {"person": "Ab"}))[0] == 0


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't read the file"):
        read_file(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_file(tmp_path / "bytes.csv")


def test_a_note_of_two_lines_stays_one_of_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "decisions.csv"
    file.write_bytes(f'{HEADER}p1,declined,said_no,R,"two\r\nlines"\r\n'.encode())
    assert " ".join(read_file(file)[0].note.split()) == "two lines"


def test_every_answer_has_reasons() -> None:
    for answer, reasons in REASONS.items():
        for reason in reasons:
            assert Decision("p", answer, reason, "R").reason == reason
    with pytest.raises(UsageError):
        Decision("p", "accepted", "", "R")
