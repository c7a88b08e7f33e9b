"""A model that learned from a feed is not used where that feed isn't; one that didn't goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hiu_features.catalogue import default_catalogue
from hiu_risk.codes import SOURCE
from hiu_risk.ingest import run_ingest
from hiu_risk.model import ModelHome
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_risk.times import DAY, parse_as_of
from hiu_serving.learned import learned_from
from tests.support.commands import run_command
from tests.support.serving import from_calls_alone, make_bundle, make_home
from tests.support.stores import write_store
from tests.support.trainings import write_protocol
from tests.support.trainings import write_region as write_calls_alone

Run = Callable[..., tuple[int, str, str]]
NOT_KNOWN = "the data do not cover"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A region whose A&E feed nobody sends."""
    folder = tmp_path_factory.mktemp("region")
    write_region(folder / "raw", people=400, seed=5, months=18)
    mapping = folder / "raw" / "mapping.toml"
    head, *feeds = mapping.read_text(encoding="utf-8").split("[[feed]]")
    kept = [feed for feed in feeds if 'table = "ae"' not in feed]
    assert len(kept) == len(feeds) - 1
    mapping.write_text("[[feed]]".join([head, *kept]), encoding="utf-8")
    run_ingest(mapping, folder / "store", key=b"k" * 32)
    return folder / "store"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: object) -> tuple[int, str, str]:
        code, out, err = run_command(monkeypatch, capsys, *words)
        return code, out, " ".join(err.split())

    return command


WANTED = "the model learned from A&E attendances and the store has no feed of them"


def test_a_model_that_learned_from_a_missing_feed_gives_no_list(
    run: Run, store: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home").path
    asked = ("--store", store, "--home", home, "--as-of", "2023-04-01")
    code, _, err = run("score", *asked, "--out", tmp_path / "out")
    assert (code, WANTED in err) == (1, True), err
    assert "ingest the ae feed, or train a model without it" in err
    assert not (tmp_path / "out").exists()
    for words in (("--all", "--out", tmp_path / "all"), ("--beeswarm", "--plot", "b.svg")):
        code, _, err = run("explain", *asked, *words)
        assert (code, WANTED in err) == (1, True), err


def test_a_model_of_another_horizon_needs_its_feeds_too(
    run: Run, store: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home", from_calls_alone(make_bundle()))
    other = home.add(make_bundle(horizon_days=45))
    code, _, err = run(
        "score", "--store", store, "--home", home.path, "--as-of", "2023-04-01",
        "--out", tmp_path / "out", "--also", other,
    )  # fmt: skip
    assert (code, WANTED in err) == (1, True), err
    assert not (tmp_path / "out").exists()


def test_a_model_without_that_feed_scores_and_never_gives_it_as_a_reason(
    run: Run, store: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home", from_calls_alone(make_bundle())).path
    code, _, err = run(
        "score", "--store", store, "--home", home, "--as-of", "2023-04-01",
        "--out", tmp_path / "out", "--json", tmp_path / "w.json",
    )  # fmt: skip
    assert code == 0, err
    entries = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))["entries"]
    assert len(entries) == 75
    told = [r for entry in entries for r in (*entry["reasons"], *entry["lowering"])]
    assert told
    assert not [reason for reason in told if NOT_KNOWN in reason["sentence"]]


@pytest.mark.slow
def test_a_model_trained_on_calls_alone_needs_no_other_feed(run: Run, tmp_path: Path) -> None:
    write_calls_alone(tmp_path / "store")
    home, protocol = tmp_path / "home", write_protocol(tmp_path)
    asked = ("--store", tmp_path / "store", "--home", home)
    assert run("train", *asked, "--protocol", protocol)[0] == 0
    bundle = ModelHome(home).load("champion")
    assert learned_from(bundle, default_catalogue().select(bundle.feature_names)) == ("call",)
    code, _, err = run("score", *asked, "--as-of", "2023-12-01", "--out", tmp_path / "out")
    assert code == 0, err


def test_a_feed_that_fell_silent_gets_a_banner_with_both_dates(
    run: Run, store: Path, tmp_path: Path
) -> None:
    """The mapping says that calls reach to the date, but an export stopped two months before."""
    whole = Store.open(store).histories()
    until = parse_as_of("2023-06-01", whole.zone)
    feeds = tuple(replace(feed, complete_until=until) for feed in whole.feeds)
    stopped = parse_as_of("2023-04-01", whole.zone)
    late = (whole.source == SOURCE.code("call")) & (whole.occurred_at >= stopped)
    available = whole.available_at + np.where(late, 200 * DAY, 0)  # known only later
    leads = np.maximum(whole.leads_until, available)
    ends = np.maximum(whole.superseded_at, available)
    lost = replace(
        whole, feeds=feeds, available_at=available, leads_until=leads, superseded_at=ends
    )
    write_store(lost, tmp_path / "store")
    home = make_home(tmp_path / "home", from_calls_alone(make_bundle())).path
    code, out, err = run(
        "score", "--store", tmp_path / "store", "--home", home, "--as-of", "2023-06-01",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    told = (
        "999 calls are said to be complete until 1 June 2023, but the newest known is of 31 March"
    )
    assert told in " ".join(out.split())
    assert "Emergency admissions" not in out
    page = (tmp_path / "out" / "worklist.html").read_text(encoding="utf-8")
    assert told in page
    assert "silent" in page


def test_what_a_model_learned_from_is_what_it_looks_at_and_had() -> None:
    catalogue = default_catalogue()
    assert learned_from(make_bundle(), catalogue) == ("call", "ae", "admission")
    assert learned_from(from_calls_alone(make_bundle()), catalogue) == ("call",)
