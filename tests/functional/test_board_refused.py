"""A pack of lists that the store can't tell about, or dated before them, is refused whole."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from hiu_risk.cli.board_material import Gathered, gather
from hiu_risk.errors import DataError, UsageError
from hiu_risk.ingest import run_ingest
from hiu_risk.model import ModelHome
from hiu_risk.store import Store
from hiu_risk.synth import write_region
from hiu_training.board.quarter import Quarter
from tests.support.board import QUARTER, Region, shared_region

ZONE = "Europe/London"


def gathered(
    region: Region, store: Path, quarter: str = QUARTER, day: date = date(2023, 7, 5)
) -> Gathered:
    return gather(
        store=Store.open(store), home=ModelHome(region.home), model="champion",
        quarter=Quarter.parse(quarter, ZONE), day=day, fields=store / "no-fields",
        allow_no_lists=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extracts of the region, written again."""
    folder = tmp_path_factory.mktemp("again") / "raw"
    write_region(folder, people=1_500, seed=5, months=18)
    return folder


def test_a_store_of_other_people_is_refused(raw: Path, tmp_path: Path) -> None:
    region = shared_region()
    run_ingest(raw / "mapping.toml", tmp_path / "store", key=b"x" * 32)  # nobody keeps their name
    made_from = Store.open(region.store).content_hash[:12]
    with pytest.raises(DataError, match="the lists weren't made from this store") as refused:
        gathered(region, tmp_path / "store")
    assert made_from in refused.value.fix
    assert str(tmp_path / "store") in str(refused.value)


def test_a_store_that_ends_before_the_lists_did_is_refused(raw: Path, tmp_path: Path) -> None:
    mapping = raw / "mapping.toml"
    text = mapping.read_text(encoding="utf-8")
    assert text.count("complete_until") >= 3
    shorter = [
        'complete_until = "2023-03-01"' if line.startswith("complete_until") else line
        for line in text.splitlines()
    ]
    (raw / "shorter.toml").write_text("\n".join(shorter), encoding="utf-8")
    run_ingest(raw / "shorter.toml", tmp_path / "store", key=b"k" * 32)
    with pytest.raises(DataError, match="or its data end before theirs"):
        gathered(shared_region(), tmp_path / "store")


def test_a_later_store_of_the_same_people_tells(raw: Path, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(raw, tmp_path / "raw"))
    calls = raw / "calls.csv"
    lines = calls.read_text(encoding="utf-8").splitlines(keepends=True)
    calls.write_text("".join(lines[:-40]), encoding="utf-8")  # not the same bytes
    run_ingest(raw / "mapping.toml", tmp_path / "store", key=b"k" * 32)
    region = shared_region()
    assert Store.open(tmp_path / "store").content_hash != Store.open(region.store).content_hash
    assert gathered(region, tmp_path / "store").material.happened.observed


@pytest.mark.parametrize(
    ("quarter", "day", "why"),
    [
        ("2024Q1", date(2023, 12, 31), "2024Q1 begins on 1 January 2024"),
        (QUARTER, date(2022, 7, 5), "2023Q2 begins on 1 April 2023"),
        (QUARTER, date(2023, 5, 21), "its last list is of 22 May 2023"),
    ],
)
def test_a_pack_dated_before_what_it_tells_is_refused(quarter: str, day: date, why: str) -> None:
    region = shared_region()
    with pytest.raises(UsageError, match=why) as refused:
        gathered(region, region.store, quarter, day)
    assert "--on" in refused.value.where


def test_a_pack_may_be_made_before_its_quarter_is_over() -> None:
    region = shared_region()
    assert gathered(region, region.store, day=date(2023, 5, 22)).material.lists
