"""Two model homes with one MLflow: neither looks at, nor touches, what is the other's."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.model import ModelHome
from hiu_training.registry.belonging import HOME_TAG, home_id
from hiu_training.registry.checks import repair, verify
from hiu_training.registry.following import follow
from hiu_training.registry.promotion import promote
from hiu_training.registry.registered import Registered, registered, registered_by_all
from hiu_training.registry.tracking import unended_runs
from tests.support.registry import FIRST, GOOD, WHO, add_model


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each home has the first model as champion; the second a better one too."""
    folder = tmp_path_factory.mktemp("shared")
    one, two = ModelHome(folder / "one"), ModelHome(folder / "two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'shared.db'}")
        for home in (one, two):
            add_model(home, "first")
            promote(home, FIRST, who=WHO, at=1)
        add_model(two, "good")
        follow(two)
    return folder


@pytest.fixture
def database(template: Path, tmp_path: Path, monkeypatch: Any) -> Path:
    """The MLflow of both."""
    path = shutil.copytree(template, tmp_path / "copy") / "shared.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    return path


@pytest.fixture
def homes(database: Path) -> tuple[ModelHome, ModelHome]:
    """The two homes, ready to be changed."""
    return ModelHome(database.parent / "one"), ModelHome(database.parent / "two")


def execute(database: Path, sql: str, value: str) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute(sql, (value,))


def champion_in_mlflow(home: ModelHome) -> Registered:
    (held,) = (v for v in registered_by_all(home.path) if "champion" in v.aliases)
    return held


def test_each_home_sees_its_own_versions_and_finds_no_damage(
    homes: tuple[ModelHome, ModelHome],
) -> None:
    one, two = homes
    assert home_id(one.path) != home_id(two.path)
    assert [v.bundle_id[:12] for v in registered(one.path)] == [FIRST]
    assert [v.bundle_id[:12] for v in registered(two.path)] == [GOOD, FIRST]
    assert verify(one) == verify(two) == []
    assert repair(one) == repair(two) == []


def test_an_alias_in_mlflow_stays_with_the_home_that_had_it_first(
    homes: tuple[ModelHome, ModelHome],
) -> None:
    one, two = homes
    promote(two, GOOD, who=WHO, at=2)
    assert two.aliases()["champion"] == GOOD
    held = champion_in_mlflow(one)
    assert (held.own, held.bundle_id[:12]) == (True, FIRST)
    # the newest row of the ledger is remembered all the same
    assert registered(two.path)[0].ledger.startswith("2:")
    assert verify(one) == verify(two) == []


def test_a_training_at_work_in_the_other_home_is_left_alone(
    homes: tuple[ModelHome, ModelHome], database: Path
) -> None:
    one, two = homes
    at_work = registered(two.path)[0].run_id
    execute(database, "UPDATE runs SET status = 'RUNNING' WHERE run_uuid = ?", at_work)
    assert (verify(one), repair(one)) == ([], [])
    assert unended_runs(two.path) == [at_work]
    assert [at_work in words for words in verify(two)] == [True]


def test_what_has_no_home_is_that_homes_where_the_bundle_is_kept(
    homes: tuple[ModelHome, ModelHome], database: Path
) -> None:
    """As before there were ids."""
    one, two = homes
    execute(database, "DELETE FROM tags WHERE key = ?", HOME_TAG)
    execute(database, "DELETE FROM model_version_tags WHERE key = ?", HOME_TAG)
    assert GOOD not in {v.bundle_id[:12] for v in registered(one.path)}
    assert {v.bundle_id[:12] for v in registered(two.path)} == {FIRST, GOOD}
    assert not any(GOOD in words for words in verify(one))


def test_a_version_of_its_own_whose_bundle_is_gone_is_still_named(
    homes: tuple[ModelHome, ModelHome],
) -> None:
    one, two = homes
    number = registered(two.path)[0].number
    two.discard(GOOD)
    gone = f"MLflow's version {number} is of model {GOOD}, which is not kept here"
    assert gone in verify(two)
    assert verify(one) == []


def test_a_home_file_that_cannot_be_read_is_said(homes: tuple[ModelHome, ModelHome]) -> None:
    one, _ = homes
    (one.path / "home.json").write_text("{", encoding="utf-8")
    (problem,) = verify(one)
    assert "the id of the model home can't be read" in problem
