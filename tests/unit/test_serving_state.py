"""What serving remembers: lists come back as they were, and nothing is overwritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hiu_risk.errors import DataError, UsageError
from hiu_risk.times import DAY
from hiu_serving.state import State
from hiu_serving.worklist import Worklist
from tests.support.serving import AS_OF, make_entry, make_list, make_reason

MADE = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.open(tmp_path)


def full_list() -> Worklist:
    reasons = make_reason("9 calls, “quoted”; O'Neill\n"), make_reason(concept="ae")
    return make_list(
        make_entry(1, "p'; DROP TABLE worklists; --", score=0.1 + 0.2, reasons=reasons),
        make_entry(2, "p2", score=5e-324, change="up", previous_rank=9, cautions=("Short.",)),
        previous_as_of=AS_OF - DAY,
        left=3,
        tied_out=1,
    )


def test_a_list_comes_back_as_it_was_to_the_last_bit(state: State) -> None:
    state.add(full_list(), MADE)
    assert state.latest() == full_list()
    assert state.latest(AS_OF) == full_list()
    assert state.latest(AS_OF + 1) is None


def test_the_same_list_again_adds_nothing(state: State) -> None:
    first = state.add(full_list(), MADE)
    assert state.add(full_list(), MADE + timedelta(hours=1)) == first
    with state.engine.connect() as connection:
        rows = connection.execute(text("SELECT count(*) FROM worklists")).scalar_one()
    assert rows == 1


def test_another_list_of_the_day_is_added_and_counts(state: State) -> None:
    first = state.add(full_list(), MADE)
    second = replace(full_list(), bundle_id="c" * 64)
    assert state.add(second, MADE) > first
    assert state.latest(AS_OF) == second


def test_the_list_before_is_the_latest_earlier_one_of_the_same_purpose(state: State) -> None:
    now = make_list(make_entry(person="now"))
    for days, person in ((30, "long ago"), (7, "a week ago"), (-7, "later")):
        state.add(make_list(make_entry(person=person), as_of=AS_OF - days * DAY), MADE)
    other = make_list(make_entry(person="other"), as_of=AS_OF - DAY, horizon_days=45)
    state.add(other, MADE)
    state.add(now, MADE)
    before = state.before(AS_OF, now.purpose)
    assert before is not None
    assert (before.as_of, before.ranks) == (AS_OF - 7 * DAY, {"a week ago": 1})
    assert state.before(AS_OF - 30 * DAY, now.purpose) is None
    assert state.before(AS_OF, "onset' OR 1=1 --") is None


def test_a_list_with_a_person_twice_is_not_kept_by_halves(state: State) -> None:
    with pytest.raises(DataError, match="the database of worklists can't be used"):
        state.add(make_list(make_entry(1, "p"), make_entry(2, "p")), MADE)
    assert state.latest() is None


def test_an_empty_list_is_a_list(state: State) -> None:
    state.add(make_list(), MADE)
    assert state.latest() == make_list()


def test_a_file_that_is_no_database_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"something else entirely" * 50)
    with pytest.raises(DataError, match=r"can't be used .*state\.db.* SQLite") as raised:
        State.open(tmp_path)
    assert raised.value.exit_code == 1


def test_a_home_that_is_a_file_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="choose a model home you may write to") as raised:
        State.open(tmp_path / "home")
    assert raised.value.exit_code == 2


def test_looking_does_not_make_a_database(tmp_path: Path) -> None:
    assert State.open_existing(tmp_path) is None
    assert not (tmp_path / "state.db").exists()
