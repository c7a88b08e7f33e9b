"""What serving remembers: lists come back as they were, and nothing is overwritten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hiu_risk.errors import DataError, UsageError
from hiu_risk.times import DAY
from hiu_serving.coverage import Abstained
from hiu_serving.reserving import Reserved
from hiu_serving.since import Move, Since
from hiu_serving.state import SCHEMA_VERSION, State
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


def test_a_wrong_list_is_put_right_by_making_the_right_one_again(state: State) -> None:
    right, wrong = full_list(), make_list()
    made = [state.add(one, MADE) for one in (right, wrong, right, right, wrong, right)]
    assert state.latest(AS_OF) == right
    assert made == [1, 2, 3, 3, 4, 5]  # nothing is changed or lost
    before = state.before(AS_OF + DAY, right.purpose)
    assert before is not None
    assert before.ranks == {entry.person: entry.rank for entry in right.entries}


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


OLD_TABLES = """
CREATE TABLE worklists (
    id INTEGER NOT NULL, made_at VARCHAR(32) NOT NULL, as_of BIGINT NOT NULL,
    purpose VARCHAR(64) NOT NULL, bundle_id VARCHAR(64) NOT NULL,
    content_hash VARCHAR(64) NOT NULL, summary JSON NOT NULL, PRIMARY KEY (id),
    UNIQUE (content_hash)
);
CREATE TABLE worklist_entries (
    worklist_id INTEGER NOT NULL, rank INTEGER NOT NULL, person VARCHAR(128) NOT NULL,
    score FLOAT NOT NULL, content JSON NOT NULL, PRIMARY KEY (worklist_id, rank),
    UNIQUE (worklist_id, person), FOREIGN KEY(worklist_id) REFERENCES worklists (id)
);
CREATE INDEX ix_worklists_purpose_as_of ON worklists (purpose, as_of);
"""
"""As the first version made them."""


def _as_the_first_version_wrote_it(home: Path) -> Worklist:
    kept = make_list(make_entry(1, "p1", cautions=("Short.",)), make_entry(2, "p2"))
    summary = asdict(kept)
    entries = summary.pop("entries")
    for name in ("previous_bundle_id", "least_days", "abstained", "reserved"):
        del summary[name]
    with closing(sqlite3.connect(home / "state.db")) as database:
        database.executescript(OLD_TABLES)
        database.execute(
            "INSERT INTO worklists VALUES (1, ?, ?, ?, ?, ?, ?)",
            (MADE.isoformat(), kept.as_of, kept.purpose, kept.bundle_id, "h", json.dumps(summary)),
        )
        for entry in entries:
            for name in ("lowering", "since", "concepts", "interval"):
                del entry[name]
            database.execute(
                "INSERT INTO worklist_entries VALUES (1, ?, ?, ?, ?)",
                (entry["rank"], entry["person"], entry["score"], json.dumps(entry)),
            )
        database.commit()
    return kept


def test_a_database_of_the_first_version_is_read_and_goes_on(tmp_path: Path) -> None:
    kept = _as_the_first_version_wrote_it(tmp_path)
    before = (tmp_path / "state.db").read_bytes()
    state = State.open(tmp_path)
    assert state.latest() == kept
    found = state.before(AS_OF + DAY, kept.purpose)
    assert found is not None
    assert found.ranks == {"p1": 1, "p2": 2}
    assert found.bundle_id == kept.bundle_id
    newer = make_list(make_entry(person="p3"), as_of=AS_OF + DAY)
    state.add(newer, MADE)
    state.close()
    again = State.open(tmp_path)
    assert again.latest() == newer
    assert again.latest(AS_OF) == kept
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        (row,) = database.execute("SELECT summary FROM worklists WHERE id = 1").fetchall()
    assert row[0].encode() in before  # what was kept was not rewritten


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    State.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(DataError, match=r"schema version 4, this program knows 3 .* upgrade"):
        State.open(tmp_path)


def test_the_interval_and_the_reserved_places_come_back_to_the_last_bit(state: State) -> None:
    entries = make_entry(1, "p1", interval=(0.1, 0.1 + 0.2)), make_entry(2, "p2")
    kept = make_list(*entries, reserved=Reserved("sex", "A. Reader", AS_OF - DAY, "c" * 12))
    state.add(kept, MADE)
    assert state.latest() == kept


def test_what_changed_and_who_was_not_scored_come_back(state: State) -> None:
    moves = (Move("how_often", 0.7, 0.1), Move("ae", -0.2, -0.03))
    since = Since(AS_OF - DAY, 0.12, "2 calls since Friday, both at night", "Chance up", moves)
    lowers = (make_reason("No visits", concept="ae", contribution=-0.3),)
    entry = make_entry(since=since, lowering=lowers, concepts={"how_often": 1.5, "other": -0.1})
    short = Abstained("p9", "too_little_history", 12, 4)
    kept = make_list(entry, abstained=(short,), least_days=28, previous_bundle_id="c" * 64)
    state.add(kept, MADE)
    assert state.latest() == kept
