"""Who may ask what, how often, and what every answer carries."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from hiu_serving.api import answers
from tests.support.api import Client, event, make_client, person, request

PROTECTED = [("GET", "/_status"), ("GET", "/openapi.json"), ("GET", "/v1/worklist")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(tmp_path_factory.mktemp("api"))


def test_ping_is_open(client: Client) -> None:
    answer = client.ask("GET", "/_ping")
    assert (answer.status_code, answer.json()) == (200, {"status": "pass"})


@pytest.mark.parametrize("key", [None, "", "hiu_wrong", "é".encode().decode("latin-1")])
@pytest.mark.parametrize(("method", "path"), [*PROTECTED, ("POST", "/v1/score")])
def test_all_else_needs_a_key(client: Client, method: str, path: str, key: str | None) -> None:
    headers = {} if key is None else {"X-API-Key": key.encode("latin-1")}
    answer = client.ask(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ApiKey" in answer.headers["WWW-Authenticate"]


def test_a_key_for_scores_does_not_open_the_worklist_nor_the_other_way(client: Client) -> None:
    assert client.ask("GET", "/v1/worklist", key=client.score).status_code == 403
    assert client.ask("POST", "/v1/score", key=client.worklist, json=request()).status_code == 403
    assert client.ask("GET", "/_status", key=client.worklist).status_code == 200


def test_a_key_in_the_address_opens_nothing(client: Client) -> None:
    answer = client.ask("GET", f"/_status?X-API-Key={client.score}&api_key={client.score}")
    assert answer.status_code == 401


def test_too_many_requests_are_told_how_long_to_wait(tmp_path: Path) -> None:
    client = make_client(tmp_path, per_minute=1, burst=2)
    answers = [client.ask("GET", "/_status", key=client.score) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert client.ask("GET", "/_status", key=client.worklist).status_code == 200
    assert client.ask("GET", "/_ping").status_code == 200


def test_the_ids_of_a_request_come_back(client: Client) -> None:
    sent = {"X-Request-ID": "abc-1", "X-Correlation-ID": "9f.2_x"}
    answer = client.ask("GET", "/nowhere", headers=sent)
    assert {name: answer.headers[name] for name in sent} == sent
    assert answer.json()["instance"] == "urn:hiu-risk:request:abc-1"


def test_an_id_is_made_where_none_or_a_harmful_one_came(client: Client) -> None:
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    for sent in ({}, {"X-Request-ID": "a b"}, {"X-Request-ID": "x" * 129}):
        answer = client.ask("GET", "/_ping", headers=sent)
        assert uuid.fullmatch(answer.headers["X-Request-ID"])
    answer = client.ask("GET", "/_ping", headers={"X-Correlation-ID": "<script>"})
    assert "X-Correlation-ID" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_ping", 200),
        ("GET", "/v1/score", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 404),
        ("GET", "/_ping/", 404),
        ("POST", "/v1/score", 401),
    ],
)
def test_every_answer_carries_safe_headers(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.ask(method, path)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "server" not in answer.headers
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_the_status_says_which_release_and_which_model(client: Client) -> None:
    body = client.ask("GET", "/_status", key=client.score).json()
    assert set(body) == {"status", "version", "revision", "releaseId", "commitId", "checks"}
    assert body["status"] == "warn"  # no worklist was made yet
    assert body["checks"]["model"][0]["status"] == "pass"
    assert body["checks"]["worklists"] == [{"status": "warn", "output": "no worklist yet"}]


def test_the_log_holds_no_value_of_a_person(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    private = "9434765919"
    with caplog.at_level(logging.DEBUG):
        client.post(request(person(private, event(event_id=private, incident_id=private))))
        client.post(request(person(private, event(source=private))))
        client.ask("GET", f"/v1/score/{private}?nhs={private}", key=client.score)
        client.ask("GET", f"/v1/worklist?as_of={private}", key=client.worklist)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("hiu_")]
    assert sum("POST /v1/score" in line for line in own) == 2
    assert any("(no such path) 404" in line for line in own)
    assert private not in "\n".join(own)
    assert client.score not in "\n".join(own)


def test_an_unexpected_failure_tells_nothing_of_the_person(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("can't read 9434765919")

    monkeypatch.setattr(answers, "_scored", fail)
    answer = client.post(request())
    assert answer.status_code == 500
    assert "9434765919" not in answer.text + caplog.text
    assert "ValueError at test_api_access.py" in caplog.text


def test_nothing_but_the_documented_paths_is_served(client: Client) -> None:
    assert isinstance(client.app, FastAPI)
    paths = {"/_ping", "/_status", "/openapi.json", "/v1/score", "/v1/worklist"}
    assert set(client.app.openapi()["paths"]) == paths
