"""`hiu-risk features` and `score --engine spark` ask Spark, and say plainly what they lack."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from hiu_features.cluster import run_on_spark, spark_lacking
from hiu_features.parts import Job
from hiu_risk.cli.main import app
from hiu_risk.errors import UsageError
from tests.functional.test_cluster_parts import files
from tests.support.histories import random_histories
from tests.support.serving import make_bundle, make_home, reserving
from tests.support.stores import write_store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "cluster.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    histories = random_histories(4, n_people=120, n_events=900)
    return write_store(histories, tmp_path_factory.mktemp("command") / "store")


def run(
    store: Path, out: Path, *options: str, command: str = "features", as_of: str = "2023-07-01"
) -> Result:
    asked = [command, "--store", str(store), "--as-of", as_of, "--out", str(out)]
    return CliRunner().invoke(app, [*asked, *options])


both = pytest.mark.parametrize("command", ["features", "score"])


@both
@pytest.mark.parametrize("options", [("--master", "local[2]"), ("--spark-setting", "a=b")])
def test_a_master_without_spark_is_a_mistake(
    store: Path, tmp_path: Path, command: str, options: tuple[str, ...]
) -> None:
    done = run(store, tmp_path / "out", *options, command=command)
    assert isinstance(done.exception, UsageError)
    assert "give --engine spark" in str(done.exception)


@both
@pytest.mark.parametrize("setting", ["spark.executor.memory", "a=1"])
def test_a_setting_that_is_none_or_there_twice_is_a_mistake(
    store: Path, tmp_path: Path, command: str, setting: str
) -> None:
    options = ("--spark-setting", setting, "--spark-setting", setting)
    done = run(store, tmp_path / "out", "--engine", "spark", *options, command=command)
    assert isinstance(done.exception, UsageError)
    assert "spark.executor.memory=4g" in str(done.exception)


@both
def test_without_java_the_command_says_so(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    done = run(store, tmp_path / "out", "--engine", "spark", command=command)
    assert isinstance(done.exception, UsageError)
    assert "is not installed" in str(done.exception)
    assert "hiu-risk[spark]" in str(done.exception)
    assert done.exception.exit_code == 2
    assert not (tmp_path / "out").exists()


def with_spark(test: Any) -> Any:
    lacking = spark_lacking()
    for mark in (
        pytest.mark.slow,
        pytest.mark.skipif(lacking is not None, reason=f"{lacking} is not installed"),
        pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:pyspark"),
    ):
        test = mark(test)
    return test


SETTINGS = ("spark.ui.enabled=false", "spark.driver.host=127.0.0.1",
            "spark.driver.bindAddress=127.0.0.1")  # fmt: skip
ON_SPARK = ["--engine", "spark", "--master", "local[2,4]"]
ON_SPARK += [part for setting in SETTINGS for part in ("--spark-setting", setting)]


@with_spark
def test_the_command_writes_the_same_folder_with_spark(store: Path, tmp_path: Path) -> None:
    done = run(store, tmp_path / "spark", *ON_SPARK)
    assert done.exit_code == 0, done.output
    assert run(store, tmp_path / "here").exit_code == 0
    assert files(tmp_path / "spark") == files(tmp_path / "here")


def make_lists(store: Path, *engine: str) -> dict[str, Any]:
    """Make this week's list after last week's, in this folder; give all that it leaves."""
    bundle = reserving(make_bundle(), "sex")
    later = replace(bundle, manifest=replace(bundle.manifest, horizon_days=180))
    home = make_home(Path("home"), bundle)
    words = ["--home", "home", "--capacity", "30", "--also", home.add(later)[:12]]
    words += ["--json", "list.json"]
    for day, where in (("2023-06-24", ()), ("2023-07-01", engine)):
        done = run(store, Path("out"), *words, *where, command="score", as_of=day)
        assert done.exit_code == 0, done.output
    with sqlite3.connect("home/state.db") as state:
        kept = list(state.iterdump())
    return {
        "said": done.stdout,
        "json": Path("list.json").read_text(encoding="utf-8"),
        "files": files(Path("out")),
        "state": kept,
        "left": {path.name for path in Path().iterdir()},
    }


@with_spark
def test_the_list_is_the_same_with_spark(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Job] = []

    def recorded(spark: Any, job: Job, out: Path, **how: Any) -> dict[str, Any]:
        asked.append(job)
        return run_on_spark(spark, job, out, **how)

    monkeypatch.setattr("hiu_features.cluster.run_on_spark", recorded)
    monkeypatch.setattr("hiu_risk.times.now", lambda: datetime(2023, 7, 1, 6, tzinfo=UTC))
    made = {}
    for name, engine in (("here", []), ("spark", ON_SPARK)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        made[name] = make_lists(store, *engine)
    assert [job.work.facts["kind"] for job in asked] == ["standing"]
    assert made["spark"] == made["here"]
    assert made["spark"]["left"] == {"home", "out", "list.json"}
    assert "Places on this list are reserved by sex" in made["spark"]["said"]
    told = json.loads(made["spark"]["json"])
    assert len(told["entries"]) == len(told["chances"]) > 10
    assert len({entry["change"] for entry in told["entries"]}) > 1


def test_the_page_names_options_and_functions_that_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    group: Any = typer.main.get_command(app)
    commands = [group.commands[name] for name in ("features", "score")]
    known = {flag for one in commands for option in one.params for flag in option.opts}
    console = "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    used = set(re.findall(r"(?<= )--[a-z-]+", console))
    assert "--spark-setting" in used
    assert used <= known
    imports = re.findall(r"^from \S+ import .+$", page, re.MULTILINE)
    assert len(imports) > 4
    exec("\n".join(imports), {})  # noqa: S102
