"""The description of the API is kept as a golden file and is true."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hiu_serving.api.models import ScoreRequest
from tests.support.api import Client, event, make_client, person, request

GOLDEN = Path(__file__).parents[2] / "serving" / "openapi.json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def described(client: Client) -> Any:
    return client.ask("GET", "/openapi.json", key=client.score).json()


def test_the_description_is_the_golden_one(described: Any) -> None:
    """To accept a change: HIU_RISK_UPDATE_GOLDEN=1 pytest tests/contract/test_api_openapi.py."""
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("HIU_RISK_UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text


def validator(described: Any, model: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{model}", "components": described["components"]}
    )


def test_requests_and_answers_fit_their_description(client: Client, described: Any) -> None:
    body = request(person("a", event(kind="first", arrival="own")), person("b", sex="female"))
    validator(described, "ScoreRequest").validate(body)
    answer = client.post(body)
    assert answer.status_code == 200
    validator(described, "ScoreResponse").validate(answer.json())
    validator(described, "ProblemDetails").validate(client.post({}).json())
    status = client.ask("GET", "/_status", key=client.score).json()
    validator(described, "StatusResponse").validate(status)


def test_the_description_is_as_strict_as_the_service(described: Any) -> None:
    check = validator(described, "ScoreRequest")
    for wrong in (
        request(person(extra=1)),
        request(person("a", event(source="x"))),
        request(person("a b")),
        request(*[person(f"p{i}") for i in range(101)]),
        {"people": [person()]},
    ):
        assert not check.is_valid(wrong)
        with pytest.raises(ValueError, match="validation error"):
            ScoreRequest.model_validate_json(json.dumps(wrong))


def test_every_problem_is_described_as_one(described: Any) -> None:
    for path in described["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if not status.startswith("2"):
                    assert list(answer["content"]) == ["application/problem+json"]
