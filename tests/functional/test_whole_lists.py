"""Lists of everybody at risk, where people die, move away or come onto a caseload."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiu_features import default_catalogue
from hiu_risk.cli.evaluation_table import Evaluation, evaluation_fields
from hiu_risk.histories import Caseload, Histories
from hiu_risk.store import Store
from hiu_risk.times import DAY
from hiu_training.judging.rankers import judge_bundle
from hiu_training.protocol import parse_protocol
from hiu_training.report.files import report_files
from hiu_training.report.known import Known
from hiu_training.rows.inputs import Rows, make_rows, make_rows_and_censored
from hiu_training.rows.split import make_split
from hiu_training.train import Trained, train_model
from tests.support.stores import write_store
from tests.support.trainings import PROTOCOL, region


def leaving_region() -> Histories:
    """The region, where in the last year some die, some move away and some are helped."""
    histories = region()
    end = histories.feeds[0].complete_until
    rng = np.random.default_rng(8)
    fate = rng.integers(0, 8, histories.n_people)
    when = end - rng.integers(20, 300, histories.n_people) * DAY
    people = histories.people
    people = replace(
        people,
        died_at=np.where(fate == 0, when, people.died_at),
        death_known_at=np.where(fate == 0, when + 9 * DAY, people.death_known_at),
        registered_to=np.where(fate == 1, when, people.registered_to),
        move_known_at=np.where(fate == 1, when + 3 * DAY, people.move_known_at),
    )
    helped = np.flatnonzero(fate == 2)
    spells = Caseload(helped.astype(np.int32), when[helped], when[helped] + 60 * DAY)
    return replace(histories, people=people, caseload=spells)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(write_store(leaving_region(), tmp_path_factory.mktemp("whole") / "store"))


@pytest.fixture(scope="module")
def trained(store: Store) -> Trained:
    return train_model(store, parse_protocol(PROTOCOL), PROTOCOL)


@pytest.fixture(scope="module")
def told(trained: Trained) -> Evaluation:
    return Evaluation.model_validate(evaluation_fields(trained.evaluation))


def test_everybody_at_risk_is_ranked(told: Evaluation) -> None:
    whole, dropped = told.whole_lists, told.judged_dropped["censored"]
    assert {name for name, n in dropped.items() if n} == {"death", "move", "caseload"}
    assert whole.censored == sum(dropped.values()) > 50
    assert whole.rows == told.population.rows + whole.censored
    assert whole.places_at["25"] == 25 * len(told.per_origin)
    assert whole.places_at["5000"] == whole.rows
    assert set(whole.rankers) == set(told.rankers)
    assert set(whole.differences) == set(told.differences)


def test_a_list_of_everybody_knows_how_many_cases_there_may_be(told: Evaluation) -> None:
    """The longest list leaves nobody out, so that recall is 1 whatever happened to anybody."""
    whole, cases = told.whole_lists, told.population.positives
    for ranker in whole.rankers.values():
        recall, precision = ranker.recall_at["5000"], ranker.precision_at["5000"]
        assert (recall.worst, recall.if_none, recall.best) == (1, 1, 1)
        assert precision.worst == precision.if_none == pytest.approx(cases / whole.rows)
        assert precision.best == pytest.approx((cases + whole.censored) / whole.rows)
        for k in ("10", "25"):
            found = ranker.recall_at[k]
            assert found.worst is not None
            assert found.if_none is not None
            assert found.best is not None
            assert found.worst < found.if_none <= found.best


def test_the_model_minus_a_ranker_keeps_to_the_two_ranges(told: Evaluation) -> None:
    whole = told.whole_lists
    mine = whole.rankers["model"]
    for name, apart in whole.differences.items():
        other = whole.rankers[name]
        for k in ("10", "25"):
            a, b, d = mine.precision_at[k], other.precision_at[k], apart.precision_at[k]
            assert a.worst is not None
            assert b.best is not None
            assert d.worst is not None
            assert a.if_none is not None
            assert b.if_none is not None
            assert d.if_none == pytest.approx(a.if_none - b.if_none)
            assert d.worst >= a.worst - b.best - 1e-12
    assert any(
        (mine.precision_at["25"].worst or 0) - (whole.rankers[name].precision_at["25"].best or 0)
        < (apart.precision_at["25"].worst or 0) - 1e-6
        for name, apart in whole.differences.items()
    )


def test_a_model_judged_again_has_the_same_whole_lists(store: Store, trained: Trained) -> None:
    again = judge_bundle(store, trained.bundle, parse_protocol(PROTOCOL))
    assert again.evaluation["whole_lists"] == trained.evaluation["whole_lists"]


def test_the_page_and_its_data_hold_whole_lists(trained: Trained, tmp_path: Path) -> None:
    report_files(tmp_path, Known(trained.bundle, trained.evaluation))
    page = (tmp_path / "evaluation.html").read_text("utf-8")
    assert "Lists of everybody at risk, as in service" in page
    data = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert set(data["whole_lists"]["rankers"]) == set(trained.rankers)


def test_the_censored_teach_the_model_nothing(store: Store) -> None:
    protocol, histories = parse_protocol(PROTOCOL), store.histories()
    dates = make_split(protocol, histories.feeds, histories.zone).test
    catalogue = default_catalogue()
    alone = make_rows(histories, dates, protocol, catalogue)
    rows, censored = make_rows_and_censored(histories, dates, protocol, catalogue)
    for name in ("person", "origin", "label", "happened_at", "values"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(alone, name))
    assert rows.dropped == alone.dropped
    assert set(censored.label.tolist()) == {-1}
    assert censored.positives == 0
    both = {key for part in (rows, censored) for key in _keys(part)}
    assert len(both) == len(rows) + len(censored)
    assert len(censored) == sum(rows.dropped["censored"].values())


def _keys(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows.person.tolist(), rows.origin.tolist(), strict=True))


def test_lists_that_hold_everybody_are_noted(trained: Trained, store: Store) -> None:
    (note,) = (n for n in trained.evaluation["learning"]["notes"] if "hold everybody" in n)
    assert note.startswith("lists of 5000 at 3 of 3 test dates hold everybody ranked")
    here = sorted(origin["rows"] for origin in trained.evaluation["per_origin"])
    assert here[0] < here[-1]
    sizes = f"capacities = [{here[0] - 1}, {here[0]}]"
    protocol = parse_protocol(PROTOCOL.replace("capacities = [10, 25, 5000]", sizes))
    notes = judge_bundle(store, trained.bundle, protocol).evaluation["learning"]["notes"]
    (note,) = (n for n in notes if "hold everybody" in n)
    assert note.startswith(f"lists of {here[0]} at 1 of 3 test dates hold")
