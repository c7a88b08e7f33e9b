"""``POST /v1/score``: what it answers, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Client, event, make_client, person, request
from tests.support.serving import from_calls_alone, make_bundle

PRIVATE = "943-476-5919"
"""Stands for something about a person that must never come back."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def calls_alone(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """A client of a model whose training data had no other feed."""
    return make_client(tmp_path_factory.mktemp("calls"), from_calls_alone(make_bundle()))


def errors(answer: Any) -> dict[str, str]:
    return {error["where"]: error["rule"] for error in answer.json()["errors"]}


def test_a_score_with_reasons_and_what_it_means(client: Client) -> None:
    answer = client.post(request())
    assert answer.status_code == 200
    body = answer.json()
    (found,) = body["people"]
    assert (found["id"], found["status"], found["abstained_because"]) == ("a", "scored", None)
    low, high = found["interval"]
    assert 0 < low < found["score"] < high < 1
    assert found["band"] in {"very_high", "high", "raised", "usual"}
    assert 1 <= len(found["reasons"]) <= 3
    parts = [reason["contribution"] for reason in found["reasons"]]
    assert parts == sorted(parts, reverse=True)
    assert min(parts) > 0
    assert "never be used to downgrade or delay a live 999 call" in body["not_for"]
    assert body["model"]["definition_id"] == "frecann_adult"
    assert ">= 5 call incidents in 30 days" in body["model"]["definition"]


def test_people_are_answered_in_the_order_asked_and_do_not_touch_each_other(
    client: Client,
) -> None:
    people = [
        person(f"p{i}", *[event(f"2021-1{i % 3}-0{d + 1}T0{i % 9}:00:00Z") for d in range(i % 4)])
        for i in (5, 1, 7, 2, 6, 3, 9)
    ]
    together = client.post(request(*people)).json()["people"]
    assert [found["id"] for found in together] == [p["id"] for p in people]
    for asked, found in zip(people, together, strict=True):
        assert client.post(request(asked)).json()["people"] == [found]


def test_two_people_may_use_the_same_event_ids(client: Client) -> None:
    twice = [person(name, event(event_id="1", incident_id="9")) for name in ("a", "b")]
    first, second = client.post(request(*twice)).json()["people"]
    assert first["score"] == second["score"]


def test_a_correction_counts_and_a_repeated_call_of_one_incident_does_not(client: Client) -> None:
    def score(*events: dict[str, Any]) -> float:
        return client.post(request(person("a", *events))).json()["people"][0]["score"]

    alone = score(event(event_id="1", outcome="hear_treat"))
    again = score(
        event(event_id="1", outcome="other"),
        event(event_id="1", outcome="hear_treat", available_at="2022-01-06T00:00:00Z"),
    )
    assert again == alone
    apart = [event(), event("2022-01-05T15:00:00Z")]
    assert score(*apart) != score(*[{**e, "incident_id": "9"} for e in apart])


@pytest.mark.parametrize(
    ("asked", "why", "text"),
    [
        (person() | {"events": []}, "no_history", "No event that counts is known"),
        (
            person("a", event(caller_type="professional"), event(address_type="communal")),
            "no_history",
            "No event that counts is known",
        ),
        (person(born_on="2010-01-01"), "outside_ages", "outside the ages of the definition"),
        (person(on_caseload=True), "on_caseload", "on a caseload"),
        (person(opted_out=True), "opted_out", "opted out"),
        (person(extensive_care=True), "extensive_care", "Extensive Care"),
        (person("a", event("2019-01-01T00:00:00Z")), "inactive", "No event that counts is known"),
        (
            person("a", *[event(f"2022-01-0{day}T10:00:00Z") for day in range(1, 6)]),
            "meets_now",
            "meets the definition now",
        ),
    ],
)
def test_who_the_model_is_not_for_gets_no_score_and_the_reason(
    client: Client, asked: dict[str, Any], why: str, text: str
) -> None:
    (found,) = client.post(request(asked)).json()["people"]
    assert (found["status"], found["abstained_because"]) == ("abstained", why)
    assert (found["score"], found["interval"], found["band"]) == (None, None, None)
    assert found["reasons"] == []
    assert text.lower() in " ".join(w["text"] for w in found["warnings"]).lower()


def every_feed(**of_calls: str) -> list[dict[str, str]]:
    covers = {"starts_at": "2015-01-01T00:00:00Z", "complete_until": "2022-01-08T00:00:00Z"}
    others = [{"source": source, **covers} for source in ("ae", "admission")]
    return [{"source": "call", **covers, **of_calls}, *others]


def test_what_is_not_known_is_said(client: Client, calls_alone: Client) -> None:
    def codes(asked_of: Client = client, **more: Any) -> set[str]:
        asked = person()
        asked["born_on"] = more.pop("born_on", asked["born_on"])
        (found,) = asked_of.post(request(asked, **more)).json()["people"]
        return {warning["code"] for warning in found["warnings"]}

    begun, stopped = "2021-12-01T00:00:00Z", "2021-12-25T00:00:00Z"
    assert codes() == {"coverage_unknown"}
    assert codes(feeds=every_feed()) == set()
    assert codes(calls_alone, feeds=every_feed()[:1]) == {"feed_missing"}
    assert codes(feeds=every_feed(starts_at=begun)) == {"short_history"}
    assert codes(feeds=every_feed(complete_until=stopped)) == {"stale_feed"}
    assert codes(feeds=every_feed(), born_on=None) == {"age_unknown"}


def test_a_feed_that_the_model_learned_from_must_be_there(client: Client) -> None:
    call, ae, admission = every_feed()
    later = {
        **ae, "starts_at": "2022-01-08T00:00:00Z", "complete_until": "2022-01-09T00:00:00Z"
    }  # fmt: skip
    for feeds in ([call, admission], [call, later, admission]):
        answer = client.post(request(feeds=feeds))
        assert answer.status_code == 422
        assert errors(answer) == {
            "feeds": "the model learned from A&E attendances: a feed of source ae that starts "
            "before as_of is required"
        }
    answer = client.post(request(feeds=[call]))
    assert len(answer.json()["errors"]) == 2


@pytest.mark.parametrize(
    ("body", "where", "rule"),
    [
        ({"people": [person()]}, "as_of", "required"),
        ({"as_of": "2022-01-08T00:00:00Z"}, "people", "required"),
        (request() | {"people": []}, "people", "at least 1 item"),
        (request() | {"as_of": "2022-01-08T00:00:00"}, "as_of", "without a zone"),
        (request() | {"as_of": 1641600000}, "as_of", "valid datetime"),
        (request() | {"people": "a"}, "people", "valid array"),
        (request(person(sex=1)), "people.0.sex", "should be 'unknown', 'female'"),
        (request(person(imd_decile=11)), "people.0.imd_decile", "less than or equal to 10"),
        (request(person(imd_decile="3")), "people.0.imd_decile", "valid integer"),
        (request(person(imd_decile=True)), "people.0.imd_decile", "valid integer"),
        (request(person(opted_out="yes")), "people.0.opted_out", "valid boolean"),
        (request(person(born_on="17/05/1970")), "people.0.born_on", "not a date like 1980-05-17"),
        (request(person(born_on="2022-02-01")), "people.0.born_on", "not be after as_of"),
        (request(person(PRIVATE + " ")), "people.0.id", "match pattern"),
        (request(person(), person()), "people.1.id", "another person has the same id"),
        (
            request(person("a", event(source="999"))),
            "people.0.events.0.source",
            "'call', 'ae' or 'admission'",
        ),
        (
            request(person("a", event("2022-01-05T10:00:00"))),
            "people.0.events.0.occurred_at",
            "without a zone",
        ),
        (
            request(person("a", event(), event("2022-01-08T00:00:00Z"))),
            "people.0.events.1.occurred_at",
            "must be before as_of",
        ),
        (
            request(person("a", event("2022-01-07T23:30:00-01:00"))),
            "people.0.events.0.occurred_at",
            "must be before as_of",
        ),
        (
            request(person("a", event(available_at="2022-01-09T00:00:00Z"))),
            "people.0.events.0.available_at",
            "must not be after as_of",
        ),
        (
            request(person("a", event(available_at="2022-01-04T00:00:00Z"))),
            "people.0.events.0.available_at",
            "must not be before occurred_at",
        ),
        (
            request(person("a", event(event_id="1"), event(event_id="1", outcome="died"))),
            "people",
            "two rows with one event id differ",
        ),
        (
            request(person("a", event("1066-10-14T09:00:00Z"))),
            "people",
            "a time outside 1970 to 2100",
        ),
    ],
)
def test_a_broken_request_is_told_where_and_which_rule(
    client: Client, body: Any, where: str, rule: str
) -> None:
    answer = client.post(body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert rule in errors(answer)[where]


def test_nothing_that_was_sent_comes_back_with_an_error(client: Client) -> None:
    field = {PRIVATE: PRIVATE}
    bad = request(
        person(PRIVATE + "!", event(PRIVATE, source=PRIVATE, **field), **field),
        person(sex=PRIVATE, born_on=PRIVATE, imd_decile=PRIVATE),
        as_of=PRIVATE,
        **field,
    )
    answer = client.post(bad)
    assert answer.status_code == 422
    assert PRIVATE not in answer.text
    assert "people.0.events.0.(unknown field)" in errors(answer)
    assert PRIVATE not in str(answer.headers)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"x"', b"NaN"])
def test_a_body_that_is_no_request_is_refused(client: Client, body: bytes) -> None:
    answer = client.ask(
        "POST", "/v1/score", key=client.score, content=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_many_mistakes_are_not_all_listed(client: Client) -> None:
    wrong = [event(source="x") for _ in range(200)]
    answer = client.post(request(person("a", *wrong)))
    assert len(answer.json()["errors"]) == 20
    assert "only the first 20 are named" in answer.json()["detail"]


def test_a_body_over_the_limit_is_refused_before_it_is_parsed(client: Client) -> None:
    padding = " " * (10 * 1024 * 1024)
    answer = client.ask(
        "POST", "/v1/score", key=client.score, content=padding + "not even JSON",
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:hiu-risk:problem:body-too-large"
    assert "2,097,152 bytes" in answer.json()["detail"]


def test_a_body_of_undeclared_length_can_not_pass_the_limit_either(client: Client) -> None:
    async def pieces() -> Any:
        for _ in range(200):
            yield b" " * 65_536

    answer = client.ask(
        "POST", "/v1/score", key=client.score, content=pieces(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 413


def test_too_many_people_or_events_are_refused(client: Client) -> None:
    crowd = request(*[person(f"p{i}") for i in range(101)])
    assert "at most 100 items" in errors(client.post(crowd))["people"]
    busy = request(person("a", *[event()] * 5_001))
    assert "at most 5000 items" in errors(client.post(busy))["people.0.events"]


def test_the_largest_request_is_answered(client: Client) -> None:
    crowd = request(*[person(f"p{i}") for i in range(100)])
    answer = client.post(crowd)
    assert answer.status_code == 200
    assert len({found["score"] for found in answer.json()["people"]}) == 1


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"Content-Type": "text/plain"}, "not-json"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "compressed-body"),
    ],
)
def test_only_plain_json_is_read(client: Client, headers: dict[str, str], kind: str) -> None:
    answer = client.ask(
        "POST", "/v1/score", key=client.score, content=json.dumps(request()), headers=headers
    )
    assert (answer.status_code, answer.json()["type"]) == (415, f"urn:hiu-risk:problem:{kind}")


def test_without_a_model_the_answer_is_503(tmp_path: Path) -> None:
    client = make_client(tmp_path)
    (client.home / "aliases.json").unlink()
    assert client.post(request()).status_code == 503
    status = client.ask("GET", "/_status", key=client.score).json()
    assert status["status"] == "fail"
    assert status["checks"]["model"][0]["output"] == "there is no champion yet"


def test_a_new_champion_answers_without_a_restart_and_a_broken_one_does_not(
    tmp_path: Path,
) -> None:
    from hiu_risk.model import ModelHome

    client = make_client(tmp_path)
    home = ModelHome(client.home)
    first = client.post(request()).json()
    challenger = home.add(make_bundle(horizon_days=45))
    home.set_alias("champion", challenger)
    second = client.post(request()).json()
    assert second["model"]["version"] == challenger[:12] != first["model"]["version"]
    assert second["model"]["horizon_days"] == 45
    (home.folder(first["model"]["version"]) / "anchor.json").write_text("{}", encoding="utf-8")
    home.set_alias("champion", first["model"]["version"])
    assert client.post(request()).json()["model"] == second["model"]
    status = client.ask("GET", "/_status", key=client.score).json()
    assert status["status"] == "warn"
    assert "was changed after it was written" in status["checks"]["model"][0]["output"]


def test_calls_close_together_are_one_incident_where_the_model_learned_so(tmp_path: Path) -> None:
    """Without incident ids the gap of the model's own data decides."""
    close = [event("2022-01-05T10:00:00Z"), event("2022-01-05T10:05:00Z")]
    named = [{**call, "incident_id": "1"} for call in close]
    counting = {**make_bundle().manifest.counting, "gap_seconds": 600}
    merging = make_client(tmp_path / "gap", make_bundle(counting=counting))
    apart = make_client(tmp_path / "none")

    def score(client: Client, calls: list[dict[str, Any]]) -> float:
        return client.post(request(person("a", *calls))).json()["people"][0]["score"]

    assert score(merging, close) == score(merging, named)
    assert score(apart, close) != score(apart, named)


def test_a_gap_of_a_feed_must_end_after_it_starts(client: Client) -> None:
    feed, *others = every_feed()
    good = {"starts_at": "2021-06-01T00:00:00Z", "ends_at": "2021-07-01T00:00:00Z"}
    bad = {"starts_at": good["ends_at"], "ends_at": good["starts_at"]}
    assert client.post(request(feeds=[{**feed, "gaps": [good]}, *others])).status_code == 200
    answer = client.post(request(feeds=[{**feed, "gaps": [good, bad]}, *others]))
    assert answer.status_code == 422
    assert errors(answer) == {"feeds.0.gaps.1.ends_at": "must be after starts_at"}


def test_a_weekend_is_asked_for_on_a_friday(tmp_path: Path) -> None:
    weekend = make_client(tmp_path, make_bundle(target="weekend", horizon_days=5))
    friday = weekend.post(request(as_of="2022-01-07T12:00:00Z"))
    assert friday.status_code == 200
    assert friday.json()["people"][0]["status"] == "scored"
    saturday = weekend.post(request(as_of="2022-01-08T00:00:00Z"))
    assert saturday.status_code == 422
    assert "choose a Friday up to 18:00" in errors(saturday)["as_of"]


def calls_feed(starts_at: str) -> dict[str, Any]:
    return {"source": "call", "starts_at": starts_at, "complete_until": "2022-01-08T00:00:00Z"}


def test_too_little_known_abstains_instead_of_scoring_low(calls_alone: Client) -> None:
    """The same person: new in the area, in an area whose data begin, and known for long."""
    long, short = calls_feed("2020-01-01T00:00:00Z"), calls_feed("2021-12-15T00:00:00Z")
    new = person("a", registered_from="2021-12-20T00:00:00Z")
    for asked, feed, because in (
        (new, long, "too_little_history"),
        (person("a"), short, "feeds_too_short"),
        (person("a"), long, None),
    ):
        answer = calls_alone.post(request(asked, feeds=[feed]))
        (found,) = answer.json()["people"]
        assert found["abstained_because"] == because
        assert (found["score"] is None) == (because is not None)
        assert found["reasons"] == [] or because is None
    assert "feed_missing" in {warning["code"] for warning in found["warnings"]}


def test_what_lowers_a_score_is_told_beside_what_raises_it(client: Client) -> None:
    (found,) = client.post(request()).json()["people"]
    assert all(reason["contribution"] > 0 for reason in found["reasons"])
    assert all(reason["contribution"] < 0 for reason in found["lowering"])
    told = {reason["concept"] for reason in found["reasons"]}
    assert not told & {reason["concept"] for reason in found["lowering"]}


def test_what_contradicts_itself_is_refused(client: Client) -> None:
    call, *others = every_feed(complete_until="2014-12-31T00:00:00Z")
    cases = [
        (request(person(born_on="1600-05-17")), "people.0.born_on", "1850-01-01 or later"),
        (request(person(born_on="1849-12-31")), "people.0.born_on", "1850-01-01 or later"),
        (request(feeds=[call, *others]), "feeds.0.complete_until", "must be after starts_at"),
    ]
    for body, where, rule in cases:
        answer = client.post(body)
        assert answer.status_code == 422
        assert rule in errors(answer)[where]
    assert client.post(request(person(born_on="1850-01-01"))).status_code == 200


@pytest.mark.parametrize(
    ("once", "twice"),
    [
        ('"as_of": "2022-01-08T00:00:00Z"', "as_of"),
        ('"born_on": "1970-05-17"', "born_on"),
        ('"reason": "falls"', "reason"),
    ],
)
def test_a_field_that_is_named_twice_is_refused(client: Client, once: str, twice: str) -> None:
    text = json.dumps(request())
    assert text.count(once) == 1
    answer = client.ask(
        "POST", "/v1/score", key=client.score, content=text.replace(once, f"{once}, {once}"),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert errors(answer) == {twice: "must be given once in an object"}


def test_scores_take_no_query(client: Client) -> None:
    answer = client.ask("POST", "/v1/score?as_of=2022-01-08", key=client.score, json=request())
    assert answer.status_code == 422
    assert errors(answer) == {
        "query.(unknown parameter)": "this parameter isn't part of the request; known: none"
    }
