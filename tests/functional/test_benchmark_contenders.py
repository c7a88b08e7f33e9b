"""The benchmark's contenders give our values: otherwise their times would mean nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmarks.features.agreement import compare, compare_with_reference
from benchmarks.features.contenders import contender
from benchmarks.features.made_up import store_of
from benchmarks.features.refresh import README, write_tables
from benchmarks.features.task import Answer, Task, task
from hiu_risk.histories import Histories

EVENTS = 2_000


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    return store_of(tmp_path_factory.mktemp("made-up"), EVENTS).histories()


def values_of(name: str, histories: Histories, wanted: Task) -> Answer:
    chosen = contender(name)
    return chosen.answer(chosen.run(chosen.prepare(histories, wanted), wanted))


@pytest.mark.parametrize("as_ofs", [1, 12])
@pytest.mark.parametrize("name", ["duckdb", "duckdb_tuned", "polars", "pandas"])
def test_a_contender_gives_our_values(name: str, as_ofs: int, histories: Histories) -> None:
    if name == "polars" and importlib.util.find_spec("polars") is None:
        pytest.skip("polars is not installed")
    wanted = task(as_ofs)
    answer = values_of(name, histories, wanted)
    agreement = compare(histories, wanted, answer)
    assert agreement.differing == {}
    assert agreement.rows == len(answer.person)
    assert set(answer.columns) == set(wanted.catalogue.names)


def test_ours_are_those_of_the_slow_engine(histories: Histories) -> None:
    wanted = task(12)
    agreement = compare_with_reference(histories, wanted, values_of("ours", histories, wanted), 10)
    assert agreement.agrees
    assert agreement.rows > 0


def test_a_difference_is_seen(histories: Histories) -> None:
    wanted = task(1)
    answer = values_of("ours", histories, wanted)
    one_more = answer.columns["calls_7d"].copy()
    one_more[0] += 1
    changed = Answer(answer.person, answer.as_of, {**answer.columns, "calls_7d": one_more})
    assert compare(histories, wanted, changed).differing == {"calls_7d": 1.0}
    fewer = Answer(
        answer.person[1:], answer.as_of[1:], {n: v[1:] for n, v in answer.columns.items()}
    )
    assert not compare(histories, wanted, fewer).agrees


def test_the_made_up_store_is_the_same_each_time(tmp_path: Path) -> None:
    one, other = (store_of(tmp_path / name, EVENTS) for name in ("one", "other"))
    assert one.content_hash == other.content_hash
    h = one.histories()
    late = h.available_at - h.occurred_at
    assert bool((late >= 0).all())
    assert np.median(late) < 86_400 < late.max()
    assert h.n_people == EVENTS / 4


def test_the_tables_of_the_page_are_those_of_the_results(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_bytes(README.read_bytes())
    write_tables(page)
    assert page.read_text(encoding="utf-8") == README.read_text(encoding="utf-8")
