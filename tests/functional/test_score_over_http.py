"""``hiu-risk serve`` as people start it: a process, a port, HTTP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from hiu_risk.errors import DataError
from hiu_serving.api.keys import add_key
from hiu_serving.api.listening import listen
from hiu_serving.api.models import ScoreRequest
from tests.support.api import person, request
from tests.support.commands import run_command
from tests.support.serving import make_home

DOCS = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("serve")
    make_home(folder / "home")
    key = add_key(folder / "keys.json", "desk", "score", datetime(2026, 1, 5, tzinfo=UTC))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "hiu_risk.cli.main", "serve", "--home", str(folder / "home"),
        "--keys", str(folder / "keys.json"), "--port", str(port),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=30) as client:
            deadline = time.monotonic() + 60
            while not _answers(client):
                assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "the server did not answer within a minute"
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(20)
    assert "9434765919" not in (folder / "log").read_text(encoding="utf-8")


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/_ping").status_code == 200
    except httpx.TransportError:
        return False


def test_a_score_over_http(server: httpx.Client) -> None:
    answer = server.post("/v1/score", json=request(person("9434765919")))
    assert answer.status_code == 200
    assert answer.json()["people"][0]["status"] == "scored"
    assert "server" not in answer.headers


def test_a_body_of_ten_megabytes_is_refused_and_the_server_goes_on(server: httpx.Client) -> None:
    try:
        status = server.post("/v1/score", content=b" " * 10_000_000).status_code
    except httpx.WriteError:  # refused before all of it was sent
        status = 413
    assert status == 413
    assert server.get("/_status").status_code == 200


def test_the_example_in_the_guide_is_a_request_that_is_answered(server: httpx.Client) -> None:
    guide = (DOCS / "serve.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"-d '(\{.*?\n\})'", guide, flags=re.DOTALL)
    ScoreRequest.model_validate_json(body)
    answer = server.post("/v1/score", json=json.loads(body))
    assert answer.status_code == 200
    (found,) = answer.json()["people"]
    assert (found["status"], found["warnings"]) == ("scored", [])


@pytest.fixture
def serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    make_home(tmp_path / "home")
    add_key(tmp_path / "keys.json", "desk", "score", datetime(2026, 1, 5, tzinfo=UTC))
    known = ("--home", tmp_path / "home", "--keys", tmp_path / "keys.json")
    return lambda *words: run_command(monkeypatch, capsys, "serve", *known, *words)


def test_a_busy_port_is_said_before_anything_is_promised(
    serve: Callable[..., tuple[int, str, str]],
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        code, out, err = serve("--port", port)
    assert (code, out) == (1, "")
    told = f"can't listen: Address already in use (--host 127.0.0.1 --port {port})"
    assert told in " ".join(err.split())
    assert "choose another --port" in err


def test_a_host_that_is_not_here_is_said_plainly(
    serve: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, err = serve("--host", "a" * 70)
    assert (code, out) == (1, "")
    assert "choose a --host that is an address of this machine" in " ".join(err.split())
    with pytest.raises(DataError, match=r"can't listen: .*--host 192\.0\.2\.1 --port 0"):
        listen("192.0.2.1", 0)
