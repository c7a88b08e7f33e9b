"""`hiu-risk features --engine spark` asks Spark, and says plainly what it lacks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from hiu_features.cluster import spark_lacking
from hiu_risk.cli.main import app
from hiu_risk.errors import UsageError
from tests.support.histories import random_histories
from tests.support.stores import write_store

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "cluster.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    histories = random_histories(4, n_people=120, n_events=900)
    return write_store(histories, tmp_path_factory.mktemp("command") / "store")


def run(store: Path, out: Path, *options: str) -> Result:
    asked = ["features", "--store", str(store), "--as-of", "2023-07-01", "--out", str(out)]
    return CliRunner().invoke(app, [*asked, *options])


@pytest.mark.parametrize("options", [("--master", "local[2]"), ("--spark-setting", "a=b")])
def test_a_master_without_spark_is_a_mistake(
    store: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run(store, tmp_path / "out", *options)
    assert isinstance(done.exception, UsageError)
    assert "give --engine spark" in str(done.exception)


@pytest.mark.parametrize("setting", ["spark.executor.memory", "a=1"])
def test_a_setting_that_is_none_or_there_twice_is_a_mistake(
    store: Path, tmp_path: Path, setting: str
) -> None:
    options = ("--spark-setting", setting, "--spark-setting", setting)
    done = run(store, tmp_path / "out", "--engine", "spark", *options)
    assert isinstance(done.exception, UsageError)
    assert "spark.executor.memory=4g" in str(done.exception)


def test_without_java_the_command_says_so(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    done = run(store, tmp_path / "out", "--engine", "spark")
    assert isinstance(done.exception, UsageError)
    assert "is not installed" in str(done.exception)
    assert "hiu-risk[spark]" in str(done.exception)
    assert done.exception.exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(spark_lacking() is not None, reason=f"{spark_lacking()} is not installed")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning:pyspark")
def test_the_command_writes_the_same_folder_with_spark(store: Path, tmp_path: Path) -> None:
    local = [
        "spark.ui.enabled=false", "spark.driver.host=127.0.0.1",
        "spark.driver.bindAddress=127.0.0.1",
    ]  # fmt: skip
    settings = [part for setting in local for part in ("--spark-setting", setting)]
    done = run(store, tmp_path / "spark", "--engine", "spark", "--master", "local[2]", *settings)
    assert done.exit_code == 0, done.output
    assert run(store, tmp_path / "here").exit_code == 0
    for file in (tmp_path / "here").iterdir():
        assert (tmp_path / "spark" / file.name).read_bytes() == file.read_bytes()


def test_the_page_names_options_and_functions_that_exist() -> None:
    page = PAGE.read_text(encoding="utf-8")
    group: Any = typer.main.get_command(app)
    known = {flag for option in group.commands["features"].params for flag in option.opts}
    console = "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    used = set(re.findall(r"(?<= )--[a-z-]+", console))
    assert "--spark-setting" in used
    assert used <= known
    imports = re.findall(r"^from \S+ import .+$", page, re.MULTILINE)
    assert len(imports) > 4
    exec("\n".join(imports), {})  # noqa: S102
