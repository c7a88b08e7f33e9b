"""API keys: shown once, stored as hashes, withdrawn at once."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hiu_risk.errors import UsageError
from hiu_serving.api.keys import KeyRing, add_key, digest_of, read_keys

MOMENT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_the_secret_opens_and_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "desk", "score", MOMENT)
    found = KeyRing(file).find(secret)
    assert found is not None
    assert (found.name, found.role) == ("desk", "score")
    assert secret not in file.read_text(encoding="utf-8")
    assert secret.removeprefix("hiu_") not in file.read_text(encoding="utf-8")
    assert digest_of(secret) in file.read_text(encoding="utf-8")


def test_a_secret_holds_at_least_256_random_bits(tmp_path: Path) -> None:
    secrets = {add_key(tmp_path / "k.json", f"k{i}", "score", MOMENT) for i in range(20)}
    assert len(secrets) == 20
    assert all(len(secret.removeprefix("hiu_")) >= 43 for secret in secrets)


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "desk", "score", MOMENT)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("secret", ["", "hiu_", "hiu_" + "A" * 43, "é" * 10])
def test_nothing_else_opens(tmp_path: Path, secret: str) -> None:
    add_key(tmp_path / "keys.json", "desk", "score", MOMENT)
    assert KeyRing(tmp_path / "keys.json").find(secret) is None


def test_keys_added_and_withdrawn_count_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    first = add_key(file, "desk", "score", MOMENT)
    ring = KeyRing(file)
    assert ring.find(first) is not None
    second = add_key(file, "lead", "worklist", MOMENT)
    assert ring.find(second) is not None
    data = json.loads(file.read_text(encoding="utf-8"))
    data["keys"] = data["keys"][1:]
    file.write_text(json.dumps(data), encoding="utf-8")
    assert ring.find(first) is None
    assert ring.find(second) is not None


def test_a_broken_or_missing_file_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "desk", "score", MOMENT)
    ring = KeyRing(file)
    assert ring.find(secret) is not None
    file.write_text("{", encoding="utf-8")
    assert ring.find(secret) is None
    file.unlink()
    assert ring.find(secret) is None


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "desk", "score", MOMENT)
    with pytest.raises(UsageError, match=r"a key named 'desk' exists .* choose another name"):
        add_key(tmp_path / "keys.json", "desk", "worklist", MOMENT)
    assert len(read_keys(tmp_path / "keys.json")) == 1


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "x" * 65, "../x"])
def test_a_name_that_could_spoil_a_log_line_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a key's name is 1 to 64 letters"):
        add_key(tmp_path / "keys.json", name, "score", MOMENT)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "not a file of API keys"),
        ("[]", "not a file of API keys"),
        ('{"schema_version": 2, "keys": []}', "keys of another schema version"),
        ('{"schema_version": 1, "keys": [{"name": "a"}]}', "not a file of API keys"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "keys.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_keys(tmp_path / "keys.json")


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file of API keys .* hiu-risk serve --new-key"):
        read_keys(tmp_path / "keys.json")
