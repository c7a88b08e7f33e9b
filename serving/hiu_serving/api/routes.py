"""The paths of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hiu_risk import __version__
from hiu_risk.errors import HiuRiskError, UsageError
from hiu_risk.times import from_seconds, parse_as_of
from hiu_serving.api.access import allowed
from hiu_serving.api.answers import answer, worklist_response
from hiu_serving.api.models import (
    PingResponse,
    ScoreRequest,
    ScoreResponse,
    StatusCheck,
    StatusResponse,
    WorklistResponse,
)
from hiu_serving.api.once import query_of, refuse_repeated_fields
from hiu_serving.api.problems import FieldError, Problem, ProblemDetails, field_errors, not_valid
from hiu_serving.scorer import Scorer
from hiu_serving.state import State
from hiu_serving.worklist import Worklist

router = APIRouter()

_FEW = 5
"""So many people are scored at once; more go to a thread, so that others needn't wait."""


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    titles = {
        401: "No valid key", 403: "The key's role doesn't allow it", 404: "No such list",
        413: "Body too large", 415: "Compressed, or not JSON", 422: "Not valid",
        429: "Too many requests", 503: "Can't work now",
    }  # fmt: skip
    return {s: {"description": titles[s], "model": ProblemDetails} for s in statuses}


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/_ping", response_model=PingResponse, operation_id="ping", tags=["health"])
async def ping() -> Response:
    """Say that the service is alive. Open to all."""
    return _json(PingResponse())


@router.get(
    "/_status",
    response_model=StatusResponse,
    operation_id="status",
    tags=["health"],
    dependencies=[Depends(allowed())],
    responses=_problems(401, 429),
)
async def status(request: Request) -> Response:
    """Say how the service is: which release, which model, and whether it can work."""
    service = request.app.state.service
    checks = {
        "model": [_model_check(service)],
        "worklists": [await run_in_threadpool(_worklist_check, service)],
    }
    found = {check.status for several in checks.values() for check in several}
    return _json(
        StatusResponse(
            status="fail" if "fail" in found else "warn" if "warn" in found else "pass",
            version=request.app.version.split(".")[0],
            revision=request.app.version,
            release_id=__version__,
            commit_id=service.commit_id,
            checks=checks,
        )
    )


@router.get(
    "/openapi.json",
    operation_id="openapi",
    tags=["health"],
    dependencies=[Depends(allowed())],
    responses=_problems(401, 429),
)
async def openapi(request: Request) -> dict[str, Any]:
    """Describe the API."""
    return request.app.openapi()  # type: ignore[no-any-return]


@router.post(
    "/v1/score",
    response_model=ScoreResponse,
    operation_id="score",
    tags=["score"],
    dependencies=[Depends(allowed("score")), Depends(query_of())],
    responses=_problems(401, 403, 413, 415, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ScoreRequest"}}
            },
        }
    },
)
async def score(request: Request) -> Response:
    """Score one or many people from their histories, with reasons.

    Nothing that is sent is kept. A person the model isn't meant for (no history, under age,
    already meeting the definition, ...) gets no score and is told why.
    """
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Problem(415, "not-json", "The body must be JSON", "Send application/json.")
    try:
        body = await request.body()
        asked = ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise not_valid(field_errors(errors)) from None
    refuse_repeated_fields(body)
    scorer = _scorer(request.app.state.service)
    if len(asked.people) <= _FEW:
        return _json(answer(asked, scorer))
    return _json(await run_in_threadpool(answer, asked, scorer))


@router.get(
    "/v1/worklist",
    response_model=WorklistResponse,
    operation_id="worklist",
    tags=["worklist"],
    dependencies=[Depends(allowed("worklist")), Depends(query_of("as_of"))],
    responses=_problems(401, 403, 404, 422, 429, 503),
)
async def worklist(
    request: Request,
    as_of: Annotated[
        str | None,
        Query(description="2026-03-01 or 2026-03-01T06:00:00Z; the latest list where left out"),
    ] = None,
) -> Response:
    """Give the worklist in force: the latest, or that of one index date."""
    service = request.app.state.service
    body = await run_in_threadpool(_find_worklist, service, as_of)
    return _json(body)


def _find_worklist(service: Any, as_of: str | None) -> WorklistResponse:
    try:
        found = _kept_worklist(service.home, as_of)
    except HiuRiskError:
        raise Problem(
            503, "no-worklists", "No worklist can be read", "Tell the people who run this service."
        ) from None
    if found is None:
        raise Problem(
            404,
            "no-worklist",
            "There is no such worklist",
            "Make one with hiu-risk score, or ask for another date.",
        )
    return worklist_response(found)


def _kept_worklist(home: Path, as_of: str | None) -> Worklist | None:
    state = State.open_existing(home)
    if state is None:
        return None
    try:
        latest = state.latest()
        if latest is None or as_of is None:
            return latest
        return state.latest(_moment(as_of, latest.zone))
    finally:
        state.close()


def _moment(as_of: str, zone: str) -> int:
    try:
        return parse_as_of(as_of, zone)
    except UsageError as error:
        raise not_valid([FieldError(where="query.as_of", rule=error.fix or error.what)]) from None


def _scorer(service: Any) -> Scorer:
    try:
        return service.champion.scorer()  # type: ignore[no-any-return]
    except HiuRiskError:
        raise Problem(
            503, "no-model", "No model can be used", "Tell the people who run this service."
        ) from None


def _model_check(service: Any) -> StatusCheck:
    try:
        scorer = service.champion.scorer()
    except HiuRiskError as error:
        return StatusCheck(status="fail", output=error.what)
    if service.champion.trouble:
        return StatusCheck(
            status="warn",
            output=f"{scorer.version} in use; the new one can't be: {service.champion.trouble}",
        )
    return StatusCheck(status="pass", output=f"{scorer.version} in use")


def _worklist_check(service: Any) -> StatusCheck:
    try:
        state = State.open_existing(service.home)
        if state is None:
            return StatusCheck(status="warn", output="no worklist yet")
        latest = state.latest()
        state.close()
    except HiuRiskError as error:
        return StatusCheck(status="fail", output=error.what)
    if latest is None:
        return StatusCheck(status="warn", output="no worklist yet")
    return StatusCheck(status="pass", output=f"latest of {from_seconds(latest.as_of).isoformat()}")
