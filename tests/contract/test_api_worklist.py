"""``GET /v1/worklist``: the list in force, to those who may see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hiu_risk.times import DAY
from hiu_serving.coverage import Abstained
from hiu_serving.reserving import Reserved
from hiu_serving.since import Move, Since
from hiu_serving.state import State
from tests.support.api import Client, make_client
from tests.support.serving import AS_OF, make_entry, make_list, make_reason

MADE = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = make_client(tmp_path)
    state = State.open(client.home)
    state.add(make_list(make_entry(person="old")), MADE)
    reasons = (make_reason("7 calls in the last 28 days"),)
    first = make_entry(person="p1", score=1 / 3, reasons=reasons, interval=(1 / 7, 4 / 7))
    entries = first, make_entry(2, "p2")
    state.add(replace(make_list(*entries), as_of=AS_OF + 7 * DAY), MADE)
    state.close()
    return client


def test_the_latest_list_by_default(client: Client) -> None:
    answer = client.ask("GET", "/v1/worklist", key=client.worklist)
    assert answer.status_code == 200
    body = answer.json()
    assert body["as_of"] == "2022-01-15T00:00:00Z"
    assert [entry["person"] for entry in body["entries"]] == ["p1", "p2"]
    assert body["entries"][0]["score"] == 1 / 3
    assert [entry["interval"] for entry in body["entries"]] == [[1 / 7, 4 / 7], None]
    assert body["reserved"] is None
    assert body["entries"][0]["reasons"][0]["sentence"] == "7 calls in the last 28 days"
    assert body["exclusions"] == {"inactive": 90, "on_caseload": 10}
    assert "may not leave the team" in body["inside_only"]


@pytest.mark.parametrize("as_of", ["2022-01-08", "2022-01-08T00:00:00Z"])
def test_the_list_of_a_date(client: Client, as_of: str) -> None:
    answer = client.ask("GET", f"/v1/worklist?as_of={as_of}", key=client.worklist)
    assert [entry["person"] for entry in answer.json()["entries"]] == ["old"]


def test_a_list_made_again_with_another_model_is_the_one_in_force(client: Client) -> None:
    state = State.open(client.home)
    state.add(make_list(make_entry(person="corrected"), bundle_id="c" * 64), MADE)
    state.close()
    answer = client.ask("GET", "/v1/worklist?as_of=2022-01-08", key=client.worklist)
    assert [entry["person"] for entry in answer.json()["entries"]] == ["corrected"]


def test_a_date_without_a_list_is_404_and_no_date_is_422(client: Client) -> None:
    missing = client.ask("GET", "/v1/worklist?as_of=2022-01-09", key=client.worklist)
    assert (missing.status_code, missing.json()["type"]) == (
        404,
        "urn:hiu-risk:problem:no-worklist",
    )
    wrong = client.ask("GET", "/v1/worklist?as_of=yesterday", key=client.worklist)
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["where"] == "query.as_of"
    assert "yesterday" not in wrong.text


@pytest.mark.parametrize("as_of", ["2022-01-08' OR '1'='1", "%00", "2022-01-08;DROP TABLE"])
def test_a_date_that_is_a_query_finds_nothing(client: Client, as_of: str) -> None:
    answer = client.ask("GET", "/v1/worklist", key=client.worklist, params={"as_of": as_of})
    assert answer.status_code == 422


def test_before_any_list_the_answer_is_404_and_no_database_is_made(tmp_path: Path) -> None:
    client = make_client(tmp_path)
    assert client.ask("GET", "/v1/worklist", key=client.worklist).status_code == 404
    assert not (client.home / "state.db").exists()


def test_a_damaged_database_is_said_in_the_status(tmp_path: Path) -> None:
    client = make_client(tmp_path)
    (client.home / "state.db").write_bytes(b"not a database at all, but long enough" * 10)
    status = client.ask("GET", "/_status", key=client.worklist).json()
    assert status["checks"]["worklists"][0]["status"] == "fail"
    assert client.ask("GET", "/v1/worklist", key=client.worklist).status_code == 503


def test_reserved_places_are_told_of_the_list_and_of_nobody_on_it(client: Client) -> None:
    state = State.open(client.home)
    plain = client.ask("GET", "/v1/worklist?as_of=2022-01-08", key=client.worklist).json()
    decision = Reserved("ethnic_group", "A. Reader", AS_OF - 30 * DAY, "c" * 12)
    state.add(make_list(make_entry(person="old"), reserved=decision), MADE)
    state.close()
    body = client.ask("GET", "/v1/worklist?as_of=2022-01-08", key=client.worklist).json()
    assert body["reserved"] == {
        "column": "ethnic_group", "text": decision.text, "decided_at": "2021-12-09T00:00:00Z",
    }  # fmt: skip
    assert "Places on this list are reserved by ethnic group" in body["reserved"]["text"]
    assert body["entries"] == plain["entries"]


def test_what_changed_what_lowers_and_who_is_not_scored_are_told(tmp_path: Path) -> None:
    client = make_client(tmp_path)
    moves = (Move("how_often", 0.7, 0.15), Move("other", -0.1, -0.02))
    since = Since(AS_OF - 7 * DAY, 0.12, "2 calls since 1 January", "Chance up", moves)
    lowers = (make_reason("No A&E visits in the last 90 days", concept="ae", contribution=-0.3),)
    state = State.open(client.home)
    state.add(
        make_list(
            make_entry(since=since, lowering=lowers),
            least_days=28,
            abstained=(Abstained("q1", "too_little_history", 12, 4),),
        ),
        MADE,
    )
    state.close()
    body = client.ask("GET", "/v1/worklist", key=client.worklist).json()
    (entry,) = body["entries"]
    assert entry["since"] == {
        "as_of": "2022-01-01T00:00:00Z",
        "score": 0.12,
        "text": "2 calls since 1 January. Chance up.",
        "moves": [
            {"concept": "how_often", "contribution": 0.7, "chance": 0.15},
            {"concept": "other", "contribution": -0.1, "chance": -0.02},
        ],
    }
    assert entry["lowering"] == [
        {"concept": "ae", "sentence": lowers[0].sentence, "contribution": -0.3}
    ]
    assert body["least_days_known"] == 28
    assert body["not_scored"] == [
        {
            "person": "q1", "abstained_because": "too_little_history", "days_known": 12,
            "incidents": 4,
        }
    ]  # fmt: skip


def test_a_list_put_right_is_the_one_in_force(client: Client) -> None:
    state = State.open(client.home)
    right = state.latest(AS_OF)
    assert right is not None
    state.add(make_list(), MADE)  # by mistake
    state.add(right, MADE)
    state.close()
    answer = client.ask("GET", "/v1/worklist?as_of=2022-01-08", key=client.worklist)
    assert [entry["person"] for entry in answer.json()["entries"]] == ["old"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("asof=2022-01-08", {"query.(unknown parameter)": "known: as_of"}),
        ("as_of=2022-01-08&943-476-5919=1", {"query.(unknown parameter)": "known: as_of"}),
        ("as_of=2022-01-08&as_of=2022-01-15", {"query.as_of": "must be given once"}),
        ("as_of=2022-01-08&as_of=2022-01-08", {"query.as_of": "must be given once"}),
        ("as_of=", {"query.as_of": "2025-03-01"}),
    ],
)
def test_a_query_that_says_too_much_or_nothing_is_refused(
    client: Client, query: str, errors: dict[str, str]
) -> None:
    answer = client.ask("GET", f"/v1/worklist?{query}", key=client.worklist)
    assert answer.status_code == 422
    found = {error["where"]: error["rule"] for error in answer.json()["errors"]}
    assert found.keys() == errors.keys()
    assert all(errors[where] in found[where] for where in errors)
    assert "943" not in answer.text
    assert client.ask("GET", f"/v1/worklist?{query}").status_code == 401
