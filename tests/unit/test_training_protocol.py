from __future__ import annotations

from pathlib import Path

import pytest

from hiu_risk.errors import UsageError
from hiu_training.protocol import load_protocol, parse_protocol

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_protocols_are_read() -> None:
    found = sorted((ROOT / "training/protocols").glob("*.toml"))
    found += sorted((ROOT / "docs/examples").glob("*/protocol.toml"))
    assert len(found) >= 3
    for path in found:
        load_protocol(path)


def test_the_shipped_default_is_what_an_empty_protocol_means() -> None:
    assert load_protocol(ROOT / "training/protocols/onset.toml") == parse_protocol("")


def test_calendar_windows_and_a_definition_of_ones_own() -> None:
    protocol = parse_protocol(
        'windows = "calendar"\n[definition]\nid = "mine"\ntitle = "Mine"\n'
        'clauses = [{ source = "ae", operator = ">", count = 5, days = 30 }]\n'
    )
    clause = protocol.definition.clauses[0]
    assert (clause.calendar_months, clause.needed) == (1, 6)
    assert protocol.definition.origin == "protocol"


def test_the_hash_follows_the_meaning_not_the_comments() -> None:
    plain = parse_protocol("seed = 2\nhorizon_days = 30\n")
    commented = parse_protocol("# why\nhorizon_days = 30 # days\n\nseed = 2\n")
    assert plain.hash == commented.hash
    assert plain.hash != parse_protocol("seed = 3\nhorizon_days = 30\n").hash
    assert parse_protocol("").hash == parse_protocol("horizon_days = 90").hash


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("seed = 1\n\nhorizn_days = 3", 3, "unknown key 'horizn_days'.*horizon_days"),
        ("[origins]\nevry = 'month'", 2, "unknown key 'evry'.*did you mean 'every'"),
        ("origins.tset = 3", 1, "unknown key 'tset'.*did you mean 'test'"),
        ("[booster]\nmax_leaves = 31", 2, "max_leaves must be a whole number from 2 to 8"),
        ("# one\nhorizon_days = 90.5", 2, "horizon_days must be a whole number from 1 to 3650"),
        ("horizon_days = true", 1, "horizon_days must be a whole number"),
        ("target = 'onsett'", 1, "target must be one of onset, relapse, persistence, weekend"),
        ("[origins]\ntest = 5\nevery = 'week'", 3, 'must be "auto", "month" or such as "28 days"'),
        ("[origins]\nfirst = '2024-01-01'", 2, "must be a date such as 2025-03-01, without"),
        ("capacities = []", 1, "capacities must be a list of whole numbers above zero"),
        ("capacities = [50, 0]", 1, "capacities must be a list"),
        ("features = 3", 1, 'features must be "all" or a list of names'),
        ("seed = 1\nbooster = 3", 2, "booster must be a table"),
        ("[eligibility]\nactive_days = 3", 2, "unknown key 'active_days'"),
        ("anchor.l2 = 'much'", 1, "anchor.l2 must be a number"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_protocol(text, where="mine.toml")
    assert f"mine.toml, line {line}" in str(caught.value)
    assert caught.value.exit_code == 2


def test_what_is_not_toml_or_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not TOML: .*line 2"):
        parse_protocol("seed = 1\nseed = = 2")
    with pytest.raises(UsageError, match=r"can't read the file.*training/protocols/onset"):
        load_protocol(tmp_path / "none.toml")
    with pytest.raises(UsageError, match=r"no definition 'frecan'"):
        parse_protocol("definition = 'frecan'")
