"""``hiu-risk audit`` on a real store and bundle, good and bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from hiu_risk.cli.audit import AuditResult
from hiu_risk.errors import ModelError
from hiu_risk.ingest import run_ingest
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.model.ledger import Ledger
from hiu_risk.synth import write_region
from hiu_training.audit.result import MAY_NOT_LEAVE
from hiu_training.protocol import parse_protocol
from tests.support.commands import run_command
from tests.support.published import checked
from tests.support.serving import make_bundle, make_home
from tests.support.two_calls import TWO_CALLS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    write_region(folder / "raw", people=1_500, seed=5, months=18)
    run_ingest(folder / "raw" / "mapping.toml", folder / "store", key=b"k" * 32)
    protocol = parse_protocol(TWO_CALLS)
    bundle = make_bundle(definition=protocol.definition.to_dict(), washout_days=90)
    make_home(folder / "home", bundle)
    (folder / "protocol.toml").write_text(TWO_CALLS, encoding="utf-8")
    return folder


@pytest.fixture
def run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Run:  # fmt: skip
    def command(*words: object, **changes: object) -> tuple[int, str, str]:
        options = {
            "store": folder / "store", "home": folder / "home",
            "protocol": folder / "protocol.toml", "out": tmp_path / "out", **changes,
        }  # fmt: skip
        said = [str(x) for name, value in options.items() for x in (f"--{name}", value)]
        return run_command(monkeypatch, capsys, "audit", *said, *words)

    return command


def test_a_page_and_its_numbers_are_written(run: Run, tmp_path: Path) -> None:
    code, said, _ = run("--resamples", 200, "--capacity", 40, "--json", tmp_path / "audit.json")
    assert code == 0
    result = AuditResult.model_validate(checked("audit", tmp_path / "audit.json"))
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert result.page == str(tmp_path / "out" / "audit.html")
    assert result.capacities == (20, 40, 60)
    assert result.primary == 40
    assert [g.name for g in result.groupings][:4] == [
        "sex", "age_band", "ethnic_group", "imd_quintile"
    ]  # fmt: skip
    assert len(result.dates) == 2
    assert str(escape(result.definition)) in page
    assert result.suppressed
    assert result.linkage
    assert result.not_for in said
    assert result.not_for in page
    assert "Sex" in said
    assert result.overall.cases != "*"
    assert result.overall.cases % 5 == 0


def test_the_same_audit_twice_writes_the_same_bytes(run: Run, tmp_path: Path) -> None:
    pages = []
    for name in ("first", "second"):
        assert run("--by", "sex", "--resamples", 100, "--capacity", 40, out=tmp_path / name)[0] == 0
        pages.append((tmp_path / name / "audit.html").read_bytes())
    assert pages[0] == pages[1]


def test_pairs_and_chosen_columns(run: Run, tmp_path: Path) -> None:
    words = ("--by", "sex", "--by", "imd_quintile", "--pairs", "--resamples", 100)
    code, _, _ = run(*words, "--json", tmp_path / "a.json")
    assert code == 0
    result = json.loads((tmp_path / "a.json").read_text())
    assert [g["name"] for g in result["groupings"]] == ["sex", "imd_quintile"]
    assert [g["name"] for g in result["pairs"]] == ["sex x imd_quintile"]


@pytest.mark.slow
def test_an_audit_is_kept_and_the_next_one_takes_it_into_account(
    run: Run, tmp_path: Path, folder: Path
) -> None:
    home = tmp_path / "home"
    make_home(home, ModelHome(folder / "home").load())
    few = ("--by", "sex", "--resamples", 100)
    assert run(*few, "--json", tmp_path / "1.json", home=home)[0] == 0
    assert run(*few, "--json", tmp_path / "2.json", home=home)[0] == 0
    first, second = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert first["evidence"] == second["evidence"]  # the same rows: the same numbers
    version = ModelHome(home).load().version
    assert len(list((home / "evidence" / version).glob("audit-*.json"))) == 1
    assert (
        run("--resamples", 100, "--capacity", 30, "--json", tmp_path / "3.json", home=home)[0] == 0
    )
    third = json.loads((tmp_path / "3.json").read_text())
    assert find(ModelHome(home), version, "audit")["primary"] == 30
    sexes = [next(g for g in d["groupings"] if g["name"] == "sex") for d in (first, third)]
    for before, now in zip(*(grouping["groups"] for grouping in sexes), strict=True):
        for name in ("rows", "cases"):
            assert now[name] in (before[name], "*")
            assert before[name] != "*" or now[name] == "*"
    assert [p["label"] for p in third["trend"]] == []  # another list length is another question


def test_an_audit_for_the_team_alone_is_not_kept(run: Run, tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    make_home(home, ModelHome(folder / "home").load())
    assert run("--by", "sex", "--resamples", 100, "--no-suppression", home=home)[0] == 0
    assert not (home / "evidence").exists()


def test_kept_audits_that_cant_be_read_stop_the_next_one(
    run: Run, tmp_path: Path, folder: Path
) -> None:
    home = tmp_path / "home"
    version = ModelHome(folder / "home").load().version
    make_home(home, ModelHome(folder / "home").load())
    kept = home / "evidence" / version / "audit-0123.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}", encoding="utf-8")
    code, _, said = run("--by", "sex", "--resamples", 100, home=home)
    assert code == 1
    assert "the next one can't be protected from subtraction" in said
    assert not list(tmp_path.rglob("audit.html"))


@pytest.mark.slow
def test_a_chosen_mitigation_is_in_the_model_in_the_ledger_and_on_the_list(
    run: Run, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    home = tmp_path / "home"
    make_home(home, ModelHome(folder / "home").load())
    before = ModelHome(home).aliases()["champion"]
    code, _, _ = run(
        "--by", "sex", "--resamples", 100, "--mitigation", "--even-out", "sex",
        "--choose", "reserve:sex", "--who", "A. Reader", "--reason", "The board decided so",
        "--json", tmp_path / "a.json", home=home,
    )  # fmt: skip
    assert code == 0
    result = json.loads((tmp_path / "a.json").read_text())
    names = [option["name"] for option in result["mitigation"]["options"]]
    assert names == ["reserve:sex", "drop:protected", "reductions:sex"]
    copy = ModelHome(home).load("challenger")
    assert copy.version == result["mitigated_version"]
    assert copy.manifest.mitigation["name"] == "reserve:sex"
    assert ModelHome(home).aliases()["champion"] == before
    [entry] = Ledger(home).entries()
    assert (entry.action, entry.version, entry.who) == ("mitigation", copy.version, "A. Reader")
    assert Ledger(home).verify() == []
    # the list it makes is drawn so, and its own audit judges lists drawn so
    code, said, err = run_command(
        monkeypatch, capsys, "score", "--store", folder / "store", "--home", home, "--model",
        "challenger", "--as-of", "2023-04-01", "--capacity", 30, "--out", tmp_path / "list",
    )  # fmt: skip
    assert code == 0, err
    assert "Places on this list are reserved by sex" in " ".join(said.split())
    code, said, _ = run("--by", "sex", "--resamples", 100, "--model", "challenger", home=home)
    assert code == 0
    assert "Places on the lists of 40 are reserved by sex, and they are judged" in said


@pytest.mark.slow
def test_a_choice_is_recorded_though_mlflow_is_lost_at_the_very_end(
    run: Run, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ModelError("MLflow's registry can't be used", fix="check that it can be reached")

    home = tmp_path / "home"
    make_home(home, ModelHome(folder / "home").load())
    monkeypatch.setattr("hiu_training.registry.following.point", away)
    code, said, err = run(
        "--by", "sex", "--resamples", 100, "--choose", "none", "--who", "A. Reader",
        "--reason", "The board decided so", home=home,
    )  # fmt: skip
    assert code == 0
    assert "carries the choice and is challenger" in " ".join(said.split())
    assert "Note: The choice is recorded, but MLflow's registry can't be used" in err
    assert [entry.action for entry in Ledger(home).entries()] == ["mitigation"]


def test_small_numbers_are_shown_only_when_asked_and_said(run: Run, tmp_path: Path) -> None:
    _, said, _ = run("--by", "sex", "--resamples", 100)
    assert MAY_NOT_LEAVE not in said
    _, said, _ = run("--by", "sex", "--resamples", 100, "--no-suppression")
    assert MAY_NOT_LEAVE in said
    assert MAY_NOT_LEAVE in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "changes", "code", "message"),
    [
        (("--by", "sexx"), {}, 2, "did you mean 'sex'?"),
        (("--reference", "sex=femal"), {}, 2, "did you mean 'female'?"),
        (("--reference", "sex"), {}, 2, "not a column and a group"),
        (("--quarter", "2031Q1"), {}, 1, "outcomes of 2031Q1 are not yet observed"),
        (("--quarter", "third"), {}, 2, "write it as 2026Q3"),
        (("--choose", "reserve:sex"), {}, 2, "a decision needs a name"),
        (("--choose", "drop:protected", "--who", "A", "--reason", "b"), {}, 2, "still has age"),
        (
            ("--by", "age_band", "--choose", "reserve:sex", "--who", "A", "--reason", "b"),
            {},
            2,
            "doesn't compare people by 'sex'",
        ),
        (("--choose", "quota", "--who", "A", "--reason", "b"), {}, 2, "no such option 'quota'"),
        (("--resamples", 5), {}, 2, "100 resamples or more"),
        (("--capacity", 0), {}, 2, "capacities must be 1 or more"),
        ((), {"protocol": "nowhere.toml"}, 2, "can't read the file"),
        ((), {"store": "nowhere"}, 2, "no store here"),
        ((), {"home": "nowhere"}, 1, "there is no champion yet"),
        (("--model", "abcdef"), {}, 1, "no such model version"),
    ],
)
def test_bad_input_is_said_and_leaves_no_page(
    run: Run, tmp_path: Path, words: tuple[Any, ...], changes: dict[str, str], code: int,
    message: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    got, _, said = run(*words, **changes)
    assert message in said
    assert got == code
    assert not list(tmp_path.rglob("audit.html"))


def test_a_protocol_of_another_target_is_refused(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('definition = "nhse_hiu"\n', encoding="utf-8")
    code, _, said = run(protocol=other)
    assert code == 1
    assert "the protocol's definition is not the model's" in said


def test_a_folder_that_cant_be_written_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    code, _, said = run("--by", "sex", "--resamples", 100, out=tmp_path / "taken")
    assert code == 2
    assert "can't write" in said
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "a file"
