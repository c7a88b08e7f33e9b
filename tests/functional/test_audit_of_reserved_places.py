"""A model with reserved places: its audit judges the very lists that serving makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hiu_risk.cli.audit import AuditResult
from hiu_risk.ingest import run_ingest
from hiu_risk.model import ModelHome
from hiu_risk.model.evidence import find
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_serving.score import make_worklist
from hiu_serving.scorer import Scorer
from hiu_training.audit.dates import audit_dates
from hiu_training.audit.drawing import List, groups_of_places, shares_of
from hiu_training.protocol import parse_protocol
from hiu_training.rows.scored import scored_at
from tests.support.commands import run_command
from tests.support.published import checked
from tests.support.serving import make_bundle, make_home, reserving
from tests.support.two_calls import TWO_CALLS

Run = Callable[..., tuple[int, str, str]]

PROTOCOL = f"""{TWO_CALLS}
[audit]
resamples = 100
by = ["sex"]
"""
DECIDED = ("--who", "A. Reader", "--reason", "The board decided so")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reserved")
    write_region(folder / "raw", people=1_500, seed=5, months=18)
    run_ingest(folder / "raw" / "mapping.toml", folder / "store", key=b"k" * 32)
    bundle = make_bundle(
        definition=parse_protocol(PROTOCOL).definition.to_dict(), washout_days=90
    )  # fmt: skip
    make_home(folder / "home", bundle)
    (folder / "protocol.toml").write_text(PROTOCOL, encoding="utf-8")
    return folder


@pytest.fixture
def home(folder: Path, tmp_path: Path) -> Path:
    make_home(tmp_path / "home", ModelHome(folder / "home").load())
    return tmp_path / "home"


@pytest.fixture
def run(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Run:  # fmt: skip
    def command(*words: object) -> tuple[int, str, str]:
        return run_command(
            monkeypatch, capsys, "audit", "--store", folder / "store", "--home", home,
            "--protocol", folder / "protocol.toml", "--out", tmp_path / "out",
            "--json", tmp_path / "audit.json", *words,
        )  # fmt: skip

    return command


@pytest.mark.parametrize("column", ["sex", "age_band", "imd_quintile"])
def test_the_audits_list_is_servings_list_of_the_same_day(folder: Path, column: str) -> None:
    store, protocol = Store.open(folder / "store"), parse_protocol(PROTOCOL)
    histories = store.histories()
    bundle = reserving(ModelHome(folder / "home").load(), column)
    dates, _ = audit_dates(histories, bundle, protocol)
    # everybody at risk: serving can't know whose outcome will be known
    rows = scored_at(histories, bundle, protocol, dates).second
    assert rows is not None
    lists = (List(40, column), List(40))
    reserve = groups_of_places(rows.groups, lists)
    shares = shares_of(rows.score, rows.as_of, lists, reserve)
    differ = 0
    for as_of in dates.tolist():
        served = make_worklist(
            histories, as_of, Scorer.of(bundle), capacity=40, store_hash=store.content_hash
        )
        here = rows.as_of == as_of
        assert served.n_scored == here.sum()
        share = dict(zip(rows.person_id[here].tolist(), shares[here, 0].tolist(), strict=True))
        listed = {entry.person for entry in served.entries}
        assert {person for person, held in share.items() if held == 1} <= listed
        assert listed <= {person for person, held in share.items() if held > 0}
        group = dict(zip(rows.person_id[here].tolist(), rows.groups[column][here], strict=True))
        for g in set(group.values()):
            places = sum(held for person, held in share.items() if group[person] == g)
            assert places == pytest.approx(sum(group[person] == g for person in listed))
        differ += int((shares[here, 0] != shares[here, 1]).sum())
    assert differ


def test_a_decision_is_audited_as_it_is_carried_out(run: Run, home: Path, tmp_path: Path) -> None:
    before = ModelHome(home).load().version
    code, said, _ = run("--choose", "reserve:sex", *DECIDED)
    assert code == 0
    version = ModelHome(home).load("challenger").version
    # the audit is of lists by score: not the copy's
    assert f"It draws other lists than these: audit it with --model {version}" in said
    assert find(ModelHome(home), before, "audit") is not None
    assert find(ModelHome(home), version, "audit") is None
    first = json.loads((tmp_path / "audit.json").read_text())

    code, said, _ = run("--model", "challenger")
    assert code == 0
    words = " ".join(said.split())
    assert (
        "Places on the lists of 40 are reserved by sex, and they are judged as the model draws "
        "them; lists of 20 and 60 in the tables are drawn by score alone." in words
    )
    assert "Drawn by score alone, the same lists would have found" in words
    second = AuditResult.model_validate(checked("audit", tmp_path / "audit.json"))
    assert second.reserving is not None
    assert second.reserving.column == "sex"
    assert second.reserving.by_score.found in (
        first["overall"]["at"][1]["found"], "*"
    )  # fmt: skip
    kept = find(ModelHome(home), version, "audit")
    assert kept is not None
    assert kept["reserving"]["column"] == "sex"

    # ending it makes a model whose lists are by score again, so this audit isn't its own
    code, said, _ = run("--model", "challenger", "--choose", "none", *DECIDED)
    assert code == 0
    ended = ModelHome(home).load("challenger").version
    assert "It draws other lists than these" in said
    assert find(ModelHome(home), ended, "audit") is None


def test_a_choice_that_leaves_the_lists_as_they_are_keeps_the_audit(run: Run, home: Path) -> None:
    code, said, _ = run("--choose", "none", *DECIDED)
    assert code == 0
    assert "other lists" not in said
    assert find(ModelHome(home), ModelHome(home).load("challenger").version, "audit") is not None


def test_a_column_that_only_the_decision_names_is_read_but_not_compared(
    run: Run, home: Path, tmp_path: Path, folder: Path
) -> None:
    protocol = folder / "all-groupings.toml"
    protocol.write_text(PROTOCOL.replace('by = ["sex"]\n', ""), encoding="utf-8")
    decided = reserving(ModelHome(home).load(), "ethnic_category")
    make_home(home, decided)
    code, _, err = run("--model", decided.version, "--protocol", protocol)
    assert code == 0, err
    result = json.loads((tmp_path / "audit.json").read_text())
    assert result["reserving"]["column"] == "ethnic_category"
    compared = [g["name"] for g in result["groupings"]]
    assert compared[:4] == ["sex", "age_band", "ethnic_group", "imd_quintile"]
    assert "ethnic_category" not in compared


def test_a_store_that_doesnt_tell_the_groups_gives_no_audit(run: Run, home: Path) -> None:
    decided = reserving(ModelHome(home).load(), "language")
    make_home(home, decided)
    code, _, err = run("--model", decided.version)
    assert code == 1
    assert "places are reserved by language, but the store doesn't tell people apart by it" in err
    assert find(ModelHome(home), decided.version, "audit") is None
