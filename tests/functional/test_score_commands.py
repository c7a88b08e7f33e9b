"""``hiu-risk score``, ``explain`` and ``serve`` on a real store, good and bad input."""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from hiu_features.catalogue import default_catalogue
from hiu_risk.codes import SEX
from hiu_risk.errors import DataError
from hiu_risk.files import write_json
from hiu_risk.ingest import run_ingest
from hiu_risk.model import ModelHome
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_risk.times import DAY, parse_as_of
from hiu_serving.api.example import request_for
from hiu_serving.scorer import Scorer
from hiu_serving.state import State
from hiu_serving.wording import local_iso
from tests.support.api import make_client
from tests.support.commands import run_command
from tests.support.published import checked
from tests.support.serving import AS_OF, make_bundle, make_home, reserving, without_intervals

Run = Callable[..., tuple[int, str, str]]


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
def score(run: Run, store: Path, home: Path, tmp_path: Path) -> Run:
    def command(*words: object) -> tuple[int, str, str]:
        return run("score", "--store", store, "--home", home, "--out", tmp_path / "out", *words)

    return command


def test_a_list_is_written_kept_and_compared_with_the_one_before(
    score: Run, tmp_path: Path
) -> None:
    code, out, _ = score("--as-of", "2023-04-01", "--capacity", 20)
    assert code == 0
    assert "Worklist at 2023-04-01" in out
    assert "never be used to downgrade or delay a live 999 call" in out
    code, out, _ = score("--as-of", "2023-04-08", "--capacity", 20, "--json", tmp_path / "w.json")
    assert code == 0
    result = checked("score", tmp_path / "w.json")
    with (tmp_path / "out" / "worklist.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    page = (tmp_path / "out" / "worklist.html").read_text(encoding="utf-8")
    assert len(rows) == len(result["entries"]) == 20
    assert result["n_scored"] + sum(result["exclusions"].values()) == result["n_people"]
    changes = {entry["change"] for entry in result["entries"]}
    assert changes <= {"new", "up", "down", "same"}
    assert len(changes) > 1
    for row, entry in zip(rows, result["entries"], strict=True):
        assert (row["person"], float(row["score"])) == (entry["person"], entry["score"])
        assert [float(row["score_low"]), float(row["score_high"])] == entry["interval"]
        assert entry["person"] in page
        assert len(entry["reasons"]) <= 3
    again, _, _ = score("--as-of", "2023-04-08", "--capacity", 20, "--json", tmp_path / "w2.json")
    assert again == 0
    assert json.loads((tmp_path / "w2.json").read_text(encoding="utf-8")) == result


def test_an_explanation_adds_up_and_agrees_with_the_list(
    run: Run, score: Run, store: Path, home: Path, tmp_path: Path
) -> None:
    score("--as-of", "2023-04-01", "--capacity", 3, "--json", tmp_path / "w.json")
    entry = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))["entries"][0]
    code, out, _ = run(
        "explain", "--store", store, "--home", home, "--as-of", "2023-04-01",
        "--person", entry["person"], "--json", tmp_path / "e.json",
    )  # fmt: skip
    assert code == 0
    assert "Adds up within 0.000001: yes" in out
    found = checked("explain", tmp_path / "e.json")
    parts = [f["contribution"] for c in found["concepts"] for f in c["features"]]
    assert sum(parts) + found["base"] == pytest.approx(found["log_odds"], abs=1e-6)
    assert found["score"] == entry["score"]
    assert found["raising"] == entry["reasons"]
    for reason in entry["reasons"]:
        assert reason["sentence"] in out


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (("--as-of", "1 April"), 2, "not a date (--as-of)"),
        (("--as-of", "2021-01-01"), 1, "the call feed begins on 2022-01-01, after the index date"),
        (("--as-of", "2024-06-01"), 1, "too early for the index date (the limit is 21)"),
        (("--as-of", "2023-04-01", "--capacity", 0), 2, "a capacity is 1 to 100000"),
        (("--as-of", "2023-04-01", "--store", "nowhere"), 2, "no store here (nowhere)"),
        (("--as-of", "2023-04-01", "--home", "nowhere"), 1, "there is no champion yet"),
        (("--as-of", "2023-04-01", "--model", "abcdef"), 1, "no such model version"),
        (("--as-of", "2023-04-01", "--banner-days", 9, "--refuse-days", 3), 2, "for the banner"),
    ],
)
def test_bad_input_is_said_and_nothing_is_written(
    score: Run, tmp_path: Path, words: tuple[object, ...], exit_code: int, message: str
) -> None:
    code, _, err = score(*words)
    assert (code, message in " ".join(err.split())) == (exit_code, True), err
    assert not (tmp_path / "out").exists()


def test_a_list_of_one_has_no_ties_to_tell(score: Run) -> None:
    code, out, _ = score("--as-of", "2023-04-01", "--capacity", 1)
    assert code == 0
    assert "Listed: 1 of at most 1\n" in out
    assert "Equal scores" not in out


@pytest.mark.parametrize("place", ["taken", "taken/list"])
def test_where_no_list_can_be_written_none_is_made_or_kept(
    score: Run, home: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "taken").touch()
    code, _, err = score("--as-of", "2023-04-01", "--out", tmp_path / place)
    assert (code, "not a folder" in err) == (2, True), err
    assert not (home / "state.db").exists()


def test_a_folder_that_may_not_be_written_to_is_refused_first(
    score: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Told so, because nothing is forbidden to an administrator.
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    code, _, err = score("--as-of", "2023-04-01")
    assert (code, "can't write: Permission denied" in " ".join(err.split())) == (2, True), err
    assert not (home / "state.db").exists()


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("full", ["worklist.csv", "manifest.json", "w.json"])
def test_a_full_disk_leaves_the_former_list_in_force_with_its_files(
    score: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    out, file = tmp_path / "out", tmp_path / "out" / "w.json"
    assert score("--as-of", "2023-04-01", "--capacity", 5, "--json", file)[0] == 0
    files, write = _contents(out), Path.write_bytes

    def no_room(path: Path, data: bytes) -> int:
        if path.name.startswith(f".{full}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", no_room)
        code, _, err = score("--as-of", "2023-04-08", "--capacity", 5, "--json", file)
    assert code == 1
    assert f"can't write: No space left on device ({out / full})" in " ".join(err.split())
    assert "Traceback" not in err
    assert _contents(out) == files
    state = State.open(home)
    kept = state.latest()
    state.close()
    assert kept is not None
    assert local_iso(kept.as_of, kept.zone) == "2023-04-01"


def test_a_state_that_cannot_be_written_leaves_the_former_files(
    score: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert score("--as-of", "2023-04-01", "--capacity", 5)[0] == 0
    files = _contents(tmp_path / "out")

    def no_room(*_: object) -> int:
        raise DataError("the database of worklists can't be used")

    monkeypatch.setattr(State, "add", no_room)
    code, _, err = score("--as-of", "2023-04-08", "--capacity", 5)
    assert (code, "database of worklists" in err) == (1, True), err
    assert _contents(tmp_path / "out") == files


def test_a_stale_feed_gets_a_banner(score: Run, tmp_path: Path) -> None:
    code, out, _ = score("--as-of", "2023-07-12")
    assert code == 0
    assert "999 calls stop on 1 July 2023, 10 days earlier than expected" in out
    page = (tmp_path / "out" / "worklist.html").read_text(encoding="utf-8")
    assert "Feed out of date." in page


def _tamper(home: Path) -> None:
    (bundle,) = (home / "bundles").iterdir()
    text = (bundle / "anchor.json").read_text(encoding="utf-8")
    (bundle / "anchor.json").write_text(text.replace("1.4", "1.5"), encoding="utf-8")


def _other_catalogue(home: Path) -> None:
    make_home(home, make_bundle(catalogue_hash="0" * 64))


def _other_features(home: Path) -> None:
    names = ("never_declared", *default_catalogue().names[1:])
    make_home(home, make_bundle(feature_names=names, booster=_no_trees()))


def _other_zone(home: Path) -> None:
    make_home(home, make_bundle(zone="UTC"))


def _other_counting(home: Path) -> None:
    make_home(home, make_bundle(counting={"care_homes": True}))


def _bad_aliases(home: Path) -> None:
    (home / "aliases.json").write_text("{", encoding="utf-8")


def _no_trees() -> Any:
    from hiu_risk.model import Booster

    return Booster("")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_tamper, "a file of the model was changed after it was written"),
        (_other_catalogue, "a feature is declared otherwise than when the model was trained"),
        (_other_features, "the features are not the model's (missing: never_declared)"),
        (_other_zone, "the store was made with other rules than the model's: zone"),
        (_other_counting, "the store was made with other rules than the model's: care_homes"),
        (_bad_aliases, "not a file of aliases"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    score: Run, home: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(home)
    code, _, err = score("--as-of", "2023-04-01")
    assert (code, message in " ".join(err.split())) == (1, True), err
    assert not (tmp_path / "out").exists()
    assert not (home / "state.db").exists()


def test_a_person_who_is_not_there_is_said_without_naming_them(
    run: Run, store: Path, home: Path
) -> None:
    code, out, err = run(
        "explain", "--store", store, "--home", home, "--as-of", "2023-04-01",
        "--person", "9434765919",
    )  # fmt: skip
    assert code == 2
    assert "no such person in the store" in err
    assert "9434765919" not in out + err


def test_a_person_of_whom_nothing_is_known_yet_is_refused(
    run: Run, store: Path, home: Path
) -> None:
    histories = Store.open(store).histories()
    (nobody, *_) = histories.people.id[histories.offsets[1:] == histories.offsets[:-1]]
    code, out, err = run(
        "explain", "--store", store, "--home", home, "--as-of", "2023-04-01", "--person", nobody
    )
    assert code == 1
    assert "no event that counts was known of this person at the index date" in err
    assert "choose a later date" in " ".join(err.split())
    assert nobody not in out + err


def test_a_key_is_shown_once_and_its_role_is_one_of_two(run: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    code, out, _ = run("serve", "--keys", keys, "--new-key", "desk", "--role", "worklist")
    assert code == 0
    (secret,) = [line for line in out.splitlines() if line.startswith("hiu_")]
    assert secret not in keys.read_text(encoding="utf-8")
    code, _, err = run("serve", "--keys", keys, "--new-key", "x", "--role", "admin")
    assert (code, "no role 'admin'" in err) == (2, True)


def test_serving_without_keys_or_model_does_not_start(run: Run, home: Path, tmp_path: Path) -> None:
    code, _, err = run("serve", "--keys", tmp_path / "none.json", "--home", home)
    assert (code, "no file of API keys" in err) == (2, True)
    run("serve", "--keys", tmp_path / "keys.json", "--new-key", "desk")
    code, _, err = run("serve", "--keys", tmp_path / "keys.json", "--home", tmp_path / "empty")
    assert (code, "there is no champion yet" in err) == (1, True)
    write_json(tmp_path / "keys.json", {"schema_version": 9, "keys": []})
    code, _, err = run("serve", "--keys", tmp_path / "keys.json", "--home", home)
    assert (code, "keys of another schema version" in err) == (2, True)


def test_the_api_says_of_a_person_in_the_store_what_the_list_says(
    score: Run, store: Path, tmp_path: Path
) -> None:
    score("--as-of", "2023-04-01", "--capacity", 60, "--json", tmp_path / "w.json")
    listed = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))
    histories = Store.open(store).histories()
    ids = histories.people.id.tolist()
    client = make_client(tmp_path)
    for entry in listed["entries"]:
        body = request_for(histories, ids.index(entry["person"]), listed["as_of"])
        answer = client.post(body)
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()["people"]
        for name in ("score", "interval", "band"):
            assert found[name] == entry[name]
    told = client.ask("GET", "/v1/worklist", key=client.worklist).json()
    for name in ("person", "score", "interval"):
        assert [e[name] for e in told["entries"]] == [e[name] for e in listed["entries"]]
    status = client.ask("GET", "/_status", key=client.worklist).json()
    assert status["status"] == "pass"


def test_chances_at_other_horizons_are_in_order_beside_the_list(
    run: Run, score: Run, store: Path, home: Path, tmp_path: Path
) -> None:
    kept = make_bundle()
    soon = without_intervals(kept)  # as high as at 90 days
    soon = replace(soon, manifest=replace(kept.manifest, horizon_days=30))
    later = replace(
        kept,
        manifest=replace(kept.manifest, horizon_days=180),
        calibrator=replace(kept.calibrator, intercept=kept.calibrator.intercept - 1),
    )
    versions = [ModelHome(home).add(bundle)[:12] for bundle in (later, soon)]
    also = [word for version in versions for word in ("--also", version)]
    code, _, err = score(
        "--as-of", "2023-04-01", "--capacity", 15, *also, "--json", tmp_path / "w.json"
    )
    assert code == 0, err
    result = json.loads((tmp_path / "w.json").read_text("utf-8"))
    with (tmp_path / "out" / "chances.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 15
    for entry, row, told in zip(result["entries"], rows, result["chances"], strict=True):
        chances = [float(row[f"within_{days}_days"]) for days in (30, 90, 180)]
        assert row["person"] == told["person"] == entry["person"]
        assert list(told["within_days"].values()) == chances
        assert chances == sorted(chances)
        assert chances[1] == entry["score"]  # the list's own model keeps its score
        limits = [[float(row[f"within_90_days_{end}"]) for end in ("low", "high")]]
        assert limits == [entry["interval"]] == [told["intervals"]["90"]]
        assert (row["within_30_days_low"], told["intervals"]["30"]) == ("", None)  # not known
    code, _, err = score("--as-of", "2023-04-01", "--also", "champion")
    assert (code, "two models have the same horizon" in " ".join(err.split())) == (1, True)


def _everybody(store: Path) -> tuple[dict[str, float], dict[str, str]]:
    """Everybody's score and sex at the list date, straight from the model."""
    histories = Store.open(store).histories()
    scorer = Scorer.of(make_bundle())
    moment = parse_as_of("2023-04-01", "Europe/London")
    scored = scorer.score(histories, moment, scorer.candidates(histories, moment).mask)
    ids = histories.people.id[scored.person].tolist()
    sexes = [SEX.names[code] for code in histories.people.sex[scored.person]]
    return dict(zip(ids, scored.score.tolist(), strict=True)), dict(zip(ids, sexes, strict=True))


def test_reserved_places_are_drawn_as_decided_and_no_score_is_changed(
    score: Run, store: Path, home: Path, tmp_path: Path
) -> None:
    words = ("--as-of", "2023-04-01", "--capacity", 30, "--json", tmp_path / "w.json")
    score(*words)
    plain = checked("score", tmp_path / "w.json")
    assert plain["reserved"] is None
    make_home(home, reserving(make_bundle(), "sex"))
    code, out, err = score(*words)
    assert code == 0, err
    assert "Places on this list are reserved by sex" in " ".join(out.split())
    result = checked("score", tmp_path / "w.json")
    assert result["reserved"]["who"] == "A. Reader"
    assert result["reserved"]["of_model"] == make_bundle().version

    entries = result["entries"]
    listed = {entry["person"]: entry["score"] for entry in entries}
    for kept, told in ((entries, "expected"), (plain["entries"], "expected_by_score")):
        total = sum(entry["score"] for entry in kept)
        assert result["reserved"][told] == pytest.approx(total, abs=0.051)
    scores, sex = _everybody(store)
    assert len(entries) == 30
    assert listed != {entry["person"]: entry["score"] for entry in plain["entries"]}
    assert listed.items() <= scores.items()  # nobody's score depends on who is listed
    ranked = [entry["score"] for entry in entries]
    assert ranked == sorted(ranked, reverse=True)
    shares, largest = [], []
    for group in set(sex.values()):
        theirs = sorted((s for p, s in scores.items() if sex[p] == group), reverse=True)
        here = [s for p, s in listed.items() if sex[p] == group]
        assert here == theirs[: len(here)]  # within a group the highest scores
        shares.append(sum(here) / sum(theirs))
        largest.append(max(theirs[: len(here) + 1]) / sum(theirs))
    assert max(shares) - min(shares) <= max(largest)  # even, but for one person

    with (tmp_path / "out" / "worklist.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["places"] for row in rows} == {"whole list: places reserved by sex"}
    people = {
        word for row in rows for name in ("reason_1", "cautions") for word in row[name].split()
    }
    assert not people & {"female", "male", "woman", "man"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["reserved"]["column"] == "sex"
    page = (tmp_path / "out" / "worklist.html").read_text(encoding="utf-8")
    assert "A. Reader decided it on 9 December 2021" in page
    state = State.open(home)
    kept = state.latest()
    state.close()
    assert kept is not None
    assert asdict(kept.reserved).items() <= result["reserved"].items()
    assert kept.reserved.decided_at == AS_OF - 30 * DAY


def test_places_can_be_reserved_by_a_further_column_of_the_store(score: Run, home: Path) -> None:
    make_home(home, reserving(make_bundle(), "ethnic_category"))
    code, out, err = score("--as-of", "2023-04-01", "--capacity", 30)
    assert code == 0, err
    assert "reserved by ethnic category" in " ".join(out.split())


@pytest.mark.parametrize("column", ["imd_version", "first_language"])
def test_a_store_that_does_not_tell_the_groups_gets_no_list(
    score: Run, home: Path, tmp_path: Path, column: str
) -> None:
    make_home(home, reserving(make_bundle(), column))
    code, _, err = score("--as-of", "2023-04-01")
    said, words = " ".join(err.split()), column.replace("_", " ")
    assert code == 1
    assert f"places are reserved by {words}, but the store doesn't tell people apart by it" in said
    assert f"column {column} of the store's people" in said
    assert f"--model {make_bundle().version}" in said
    assert not (tmp_path / "out").exists()
    state = State.open(home)
    assert state.latest() is None
    state.close()


def test_another_decision_leaves_the_list_as_it_is(score: Run, home: Path, tmp_path: Path) -> None:
    words = ("--as-of", "2023-04-01", "--capacity", 30, "--json", tmp_path / "w.json")
    score(*words)
    before = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))
    make_home(home, reserving(make_bundle(), "sex", name="none"))
    score(*words)
    after = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))
    assert after["reserved"] is None
    assert after["entries"] == before["entries"]
