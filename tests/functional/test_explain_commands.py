"""``hiu-risk explain``: everybody streamed, pictures, what changed, measured reasons, bad input."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from hiu_features.write import run as run_job
from hiu_risk.ingest import run_ingest
from hiu_risk.model import Bundle, evidence
from hiu_risk.model.calibrator import Uncertainty
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_risk.times import from_seconds, parse_as_of
from hiu_serving.identity import doubtful
from hiu_serving.parts import ExplainWork, score_job
from hiu_serving.scorer import Scorer
from hiu_training.protocol import parse_protocol
from hiu_training.train import train_model
from tests.support.commands import run_command
from tests.support.published import checked
from tests.support.serving import make_bundle, make_home, without_intervals
from tests.support.trainings import PROTOCOL
from tests.support.trainings import write_region as write_small_region

Run = Callable[..., tuple[int, str, str]]
DAY_OF_LIST = "2023-04-08"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region")
    write_region(folder / "raw", people=400, seed=5, months=18)
    run_ingest(folder / "raw" / "mapping.toml", folder / "store", key=b"k" * 32)
    return folder / "store"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home").path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: object) -> tuple[int, str, str]:
        return run_command(monkeypatch, capsys, *words)

    return command


@pytest.fixture
def explain(run: Run, store: Path, home: Path) -> Run:
    def command(*words: object) -> tuple[int, str, str]:
        return run("explain", "--store", store, "--home", home, *words)

    return command


def somebody(store: Path) -> str:
    histories = Store.open(store).histories()
    scorer = Scorer.of(make_bundle())
    moment = parse_as_of(DAY_OF_LIST, "Europe/London")
    mask = scorer.candidates(histories, moment).mask
    return str(histories.people.id[np.flatnonzero(mask)[0]])


def test_everybody_is_explained_and_every_row_adds_up(
    explain: Run, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "explained"
    code, said, _ = explain("--as-of", DAY_OF_LIST, "--all", "--out", out)
    assert code == 0, said
    assert "may not leave the team" in said
    table = pq.read_table(out)
    bundle = make_bundle()
    histories = Store.open(store).histories()
    scorer = Scorer.of(bundle)
    moment = parse_as_of(DAY_OF_LIST, "Europe/London")
    scored = scorer.score(histories, moment, scorer.candidates(histories, moment).mask)
    assert table.column("person").to_pylist() == scored.person.tolist()
    assert table.column("person_id").to_pylist() == histories.people.id[scored.person].tolist()
    assert table.column("score").to_numpy().tobytes() == scored.score.tobytes()
    for name, limit in zip(("score_low", "score_high"), bundle.interval(scored.score), strict=True):
        assert table.column(name).to_numpy().tobytes() == limit.tobytes()
    parts = np.stack([table.column(name).to_numpy() for name in bundle.feature_names], axis=1)
    expected, base = bundle.contributions(scored.values)
    assert parts.tobytes() == expected.tobytes()
    log_odds = bundle.log_odds(scored.values)
    assert np.abs(parts.sum(axis=1) + base - log_odds).max() <= 1e-6
    assert np.abs(table.column("log_odds").to_numpy() - log_odds).max() <= 1e-6
    concepts = [name for name in table.column_names if name.startswith("concept_")]
    by_concept = sum(table.column(name).to_numpy() for name in concepts)
    assert np.abs(by_concept - parts.sum(axis=1)).max() <= 1e-9
    again, _, _ = explain("--as-of", DAY_OF_LIST, "--all", "--out", out)
    assert again == 0


def test_the_parts_it_is_done_in_change_nothing(store: Path, tmp_path: Path) -> None:
    moment = parse_as_of(DAY_OF_LIST, "Europe/London")
    tables = []
    for name, events in (("one", 10**9), ("many", 300)):
        job = score_job(store, make_bundle(), moment, work=ExplainWork, events_per_part=events)
        manifest = run_job(job, tmp_path / name)
        tables.append(pq.read_table(tmp_path / name))
        assert (len(manifest["parts"]) > 5) == (name == "many")
    for name in tables[0].column_names:
        assert tables[0].column(name).to_pylist() == tables[1].column(name).to_pylist(), name


def test_a_model_without_intervals_leaves_their_columns_empty(store: Path, tmp_path: Path) -> None:
    moment = parse_as_of(DAY_OF_LIST, "Europe/London")
    run_job(score_job(store, without_intervals(make_bundle()), moment), tmp_path / "out")
    table = pq.read_table(tmp_path / "out")
    assert table.num_rows > 10
    for name in ("score_low", "score_high"):
        assert table.column(name).null_count == table.num_rows


def test_parts_that_do_not_add_up_leave_no_folder(
    explain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(self: Bundle, values: Any, *, threads: int = 0) -> Any:
        return np.zeros(values.shape), np.zeros(len(values))

    monkeypatch.setattr(Bundle, "contributions", off)
    out = tmp_path / "explained"
    code, _, err = explain("--as-of", DAY_OF_LIST, "--all", "--out", out)
    assert (code, "do not add up to them" in err) == (1, True), err
    assert not out.exists()
    assert list(tmp_path.glob(".explained*")) == []


def test_pictures_are_drawn(explain: Run, store: Path, tmp_path: Path) -> None:
    person = somebody(store)
    for words, file in (
        (("--person", person), "waterfall.svg"),
        (("--beeswarm",), "beeswarm.png"),
        (("--dependence", "calls_90d"), "dependence.svg"),
    ):
        code, said, err = explain("--as-of", DAY_OF_LIST, *words, "--plot", tmp_path / file)
        assert code == 0, err
        assert f"Written: {tmp_path / file}" in said
        content = (tmp_path / file).read_bytes()
        if file.endswith(".svg"):
            assert ET.fromstring(content).tag.endswith("svg")  # noqa: S314 - our own file
        else:
            assert content.startswith(b"\x89PNG")
    first = (tmp_path / "waterfall.svg").read_bytes()
    explain("--as-of", DAY_OF_LIST, "--person", person, "--plot", tmp_path / "waterfall.svg")
    assert (tmp_path / "waterfall.svg").read_bytes() == first
    assert list(tmp_path.glob(".*")) == []


def test_what_changed_is_told_of_one_person_as_on_the_list(
    run: Run, explain: Run, store: Path, home: Path, tmp_path: Path
) -> None:
    for day in ("2023-04-01", DAY_OF_LIST):
        run(
            "score", "--store", store, "--home", home, "--as-of", day, "--out", tmp_path / "out",
            "--capacity", 15, "--json", tmp_path / f"{day}.json",
        )  # fmt: skip
    listed = checked("score", tmp_path / f"{DAY_OF_LIST}.json")
    earlier = {e["person"]: e for e in checked("score", tmp_path / "2023-04-01.json")["entries"]}
    assert all(entry["since"] is None for entry in earlier.values())
    seen_before = 0
    for entry in listed["entries"]:
        since = entry["since"]
        if entry["person"] in earlier:
            seen_before += 1
            # What was said then and what is worked out now of then are the same number.
            assert since["score"] == earlier[entry["person"]]["score"]
        if since["score"] is not None:
            moved = sum(move["chance"] for move in since["moves"])
            assert moved == pytest.approx(entry["score"] - since["score"], abs=1e-9)
    assert seen_before > 3
    entry = listed["entries"][0]
    code, said, _ = explain(
        "--as-of", DAY_OF_LIST, "--person", entry["person"], "--json", tmp_path / "e.json"
    )
    assert code == 0
    told = checked("explain", tmp_path / "e.json")
    assert told["since"] == entry["since"]
    assert told["lowering"] == entry["lowering"]
    parts = sum(entry["concepts"].values())
    assert parts + told["base"] == pytest.approx(told["log_odds"], abs=1e-6)
    assert entry["since"]["events"] in said


def test_a_doubtful_identity_is_said_beside_the_score(store: Path) -> None:
    opened = Store.open(store)
    moment = parse_as_of(DAY_OF_LIST, "Europe/London")
    everyone = range(len(opened.people_ids))
    found = doubtful(opened, everyone, moment)
    events = pq.read_table(opened.file("events")).to_pandas()
    events = events[events.counted & events.identity_confidence.notna()]
    for name in ("occurred_at", "available_at", "superseded_at"):
        events[name] = events[name].astype("int64") // 1_000_000
    known = events[
        (events.occurred_at < moment)
        & (events.occurred_at >= moment - 365 * 86_400)
        & (events.available_at <= moment)
        & ((events.superseded_at < 0) | (events.superseded_at > moment))
    ]
    shares = (known.identity_confidence < 0.8).groupby(known.person).mean()
    assert set(found) == set(shares[(shares >= 0.2) & (shares > 0)].index)
    assert 0 < len(found) < len(shares)
    assert all("rated match" in caution.text for caution in found.values())
    assert doubtful(opened, [], moment) == {}


def test_a_stale_feed_is_said_beside_one_score_too(explain: Run, store: Path) -> None:
    code, said, _ = explain("--as-of", "2023-07-12", "--person", somebody(store))
    assert code == 0
    assert "999 calls stop on 1 July 2023, 10 days earlier than expected." in said
    code, said, _ = explain("--as-of", DAY_OF_LIST, "--person", somebody(store))
    assert "earlier than expected" not in said


def test_the_interval_of_the_chance_stands_beside_the_score(
    explain: Run, store: Path, tmp_path: Path
) -> None:
    person, file = somebody(store), tmp_path / "one.json"
    words = ("--as-of", DAY_OF_LIST, "--person", person, "--json", file)
    plain = without_intervals(make_bundle())
    _, said, _ = explain(*words, "--home", make_home(tmp_path / "silent", plain).path)
    assert "90% interval" not in said  # nothing is known of this model's
    assert json.loads(file.read_text(encoding="utf-8"))["interval"] is None
    unsure = replace(plain.calibrator, uncertainty=Uncertainty(-3.0, 0.01, 0.0, 0.02, 0.03))
    sure = replace(plain.calibrator, uncertainty=Uncertainty(-3.0, 1e-6, 0.0, 1e-6, 0.0))
    widths = []
    for name, calibrator in (("unsure", unsure), ("sure", sure)):
        home = make_home(tmp_path / name, replace(plain, calibrator=calibrator))
        _, said, _ = explain(*words, "--home", home.path)
        found = json.loads(file.read_text(encoding="utf-8"))
        low, high = found["interval"]
        assert low < found["score"] < high
        assert f"{low:.4f} to {high:.4f} meet it (90% interval)" in said
        widths.append(high - low)
    assert widths[0] > 10 * widths[1] > 0


def test_somebody_who_is_not_scored_gets_no_score(
    explain: Run, store: Path, tmp_path: Path
) -> None:
    histories = Store.open(store).histories()
    moment = parse_as_of(DAY_OF_LIST, histories.zone)
    who = Scorer.of(make_bundle()).candidates(histories, moment)
    known = np.unique(histories.event_person[histories.available_at <= moment])
    left_out = [row for row in known.tolist() if not who.mask[row] and row not in who.abstained]
    person = str(histories.people.id[left_out[0]])
    file = tmp_path / "one.json"
    code, said, _ = explain("--as-of", DAY_OF_LIST, "--person", person.upper(), "--json", file)
    assert code == 0
    assert "Not scored: " in said
    assert not {"Score", "band", "Raises", "Log-odds"} & set(said.split())
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["score"], found["band"], found["raising"]) == (None, None, [])


def test_below_the_floor_there_is_no_number(
    explain: Run, store: Path, home: Path, tmp_path: Path
) -> None:
    histories = Store.open(store).histories()
    moment = max(feed.starts_at for feed in histories.feeds) + 20 * 86_400
    short = Scorer.of(make_bundle()).candidates(histories, moment).abstained
    known = histories.event_person[histories.available_at <= moment]
    person = str(histories.people.id[np.intersect1d(short, known)[0]])
    day = from_seconds(moment).isoformat()
    file, plot = tmp_path / "one.json", tmp_path / "one.svg"
    code, said, _ = explain("--as-of", day, "--person", person, "--json", file, "--plot", plot)
    assert code == 0
    assert "Not on any list. Not scored: feeds that cover too little to score anybody." in said
    assert not {"Score", "band", "chance", "Raises", "Log-odds"} & set(said.split())
    assert "No picture" in said
    assert not plot.exists()
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["not_scored"]["code"] == "feeds_too_short"
    numbers = ("score", "band", "log_odds", "base", "difference", "adds_up", "since")
    assert [found[name] for name in numbers] == [None] * len(numbers)
    assert found["concepts"] == found["raising"] == found["lowering"] == []


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        ((), 2, "nothing to explain"),
        (("--all", "--beeswarm", "--as-of", "2023-04-01"), 2, "explain does one thing at a time"),
        (("--all", "--as-of", "2023-04-01"), 2, "--all needs --out"),
        (("--beeswarm", "--as-of", "2023-04-01"), 2, "--beeswarm needs --plot"),
        (("--person", "x"), 2, "an index date is missing"),
        (("--person", "x", "--as-of", "2023-04-01"), 2, "no such person in the store"),
        (("--all", "--out", "o", "--as-of", "2023-04-01", "--json", "j"), 2, "goes with --person"),
    ],
)
def test_bad_usage_is_said_plainly(
    explain: Run, words: tuple[str, ...], exit_code: int, message: str
) -> None:
    code, _, err = explain(*words)
    assert (code, message in " ".join(err.split())) == (exit_code, True), err


def test_a_picture_that_can_not_be_written_is_refused_before_the_work(
    explain: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for name, message in (
        ("file/p.svg", "choose a folder you may write to"),
        ("p.pdf", "a picture is an .svg or a .png file"),
        ("p", "a picture is an .svg or a .png file"),
    ):
        code, _, err = explain(
            "--as-of", DAY_OF_LIST, "--beeswarm", "--plot", tmp_path / name, "--store", "nowhere"
        )
        assert (code, message in " ".join(err.split())) == (2, True), err
    code, _, err = explain(
        "--as-of", DAY_OF_LIST, "--dependence", "calls_9d", "--plot", tmp_path / "p.svg"
    )
    assert (code, "did you mean 'calls_90d'?" in err) == (2, True), err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home"]


def test_a_failure_while_drawing_leaves_the_former_picture(
    explain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.png").write_bytes(b"former")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("shap.plots.beeswarm", broken)
    with pytest.raises(RuntimeError):
        explain("--as-of", DAY_OF_LIST, "--beeswarm", "--plot", tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "home"]


def test_a_bundle_of_another_catalogue_is_refused(run: Run, store: Path, tmp_path: Path) -> None:
    home = make_home(tmp_path / "other", make_bundle(catalogue_hash="0" * 64)).path
    for words in (
        ("--person", somebody(store), "--as-of", DAY_OF_LIST),
        ("--all", "--out", tmp_path / "out", "--as-of", DAY_OF_LIST),
        ("--faithfulness",),
    ):
        code, _, err = run("explain", "--store", store, "--home", home, *words)
        assert code == 1
        assert "declared otherwise than when the model was trained" in " ".join(err.split())
    assert not (tmp_path / "out").exists()


def test_reasons_are_measured_and_kept_with_the_model(run: Run, tmp_path: Path) -> None:
    small = write_small_region(tmp_path / "store")
    trained = train_model(Store.open(small), parse_protocol(PROTOCOL), PROTOCOL)
    home = make_home(tmp_path / "h", trained.bundle)
    code, said, err = run(
        "explain", "--store", small, "--home", home.path, "--faithfulness", "--refits", 1,
        "--capacity", 25,
    )  # fmt: skip
    assert code == 0, err
    assert "Without the events behind the top reason the score falls:" in said
    faithful = evidence.find(home, trained.bundle.version, "faithfulness")
    steady = evidence.find(home, trained.bundle.version, "stability")
    assert faithful is not None
    assert steady is not None
    assert faithful["same_store"] is True
    assert faithful["listed"] >= 70
    assert faithful["falls"]["value"] >= 0.95
    assert faithful["falls_more"]["value"] >= 0.8
    assert steady["refits"] == 1
    for kind in ("seeds", "resamples"):
        assert steady[kind]["same_top"]["value"] >= 0.6
        assert 0 <= steady[kind]["kept"]["low"] <= steady[kind]["kept"]["high"] <= 1
    assert '"p0' not in json.dumps([faithful, steady])  # nobody's pseudonym
