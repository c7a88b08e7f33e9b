"""The application: everything a request can reach, put together in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hiu_risk import NOT_FOR, __version__
from hiu_risk.model import ModelHome
from hiu_serving.api.champion import Champion
from hiu_serving.api.envelope import Envelope
from hiu_serving.api.keys import KeyRing
from hiu_serving.api.limits import MOST_BYTES, RateLimit
from hiu_serving.api.models import ScoreRequest
from hiu_serving.api.problems import MEDIA_TYPE, Problem
from hiu_serving.api.routes import router

API_VERSION = "1.0.0"
_REFERENCE = "#/components/schemas/{model}"


@dataclass
class Service:
    """What the routes share: the model, the keys, the limits.

    Parameters
    ----------
    champion : Champion
        The model in use.
    home : Path
        The model home; its ``state.db`` holds the worklists.
    keys : KeyRing
        Who may ask.
    rate : RateLimit
        How often.
    commit_id : str
        Which build of the software this is, as the people who run it name it.
    """

    champion: Champion
    home: Path
    keys: KeyRing
    rate: RateLimit
    commit_id: str = "unknown"

    @classmethod
    def of(
        cls,
        home: Path,
        keys: Path,
        *,
        alias: str = "champion",
        per_minute: float = 600,
        burst: int = 60,
        commit_id: str = "unknown",
    ) -> Service:
        """Put a service together from a model home and a file of keys."""
        return cls(
            champion=Champion(ModelHome(home), alias),
            home=home,
            keys=KeyRing(keys),
            rate=RateLimit(per_minute, burst),
            commit_id=commit_id,
        )


def make_app(service: Service) -> FastAPI:
    """Make the application around a service."""
    app = FastAPI(
        title="hiu-risk scoring API",
        version=API_VERSION,
        description=f"Scores of the risk of becoming a High Intensity User. {NOT_FOR}",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.include_router(router)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Envelope, most_bytes=MOST_BYTES)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it alone
    return error.response(request.state.request_id)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    kinds = {
        404: ("no-such-path", "There is nothing here", "See serving/README.md for the paths."),
        405: ("wrong-method", "This path doesn't take that method", "See the Allow header."),
    }
    kind, title, detail = kinds.get(
        error.status_code, ("refused", "The request was refused", "Check the request.")
    )
    headers = dict(error.headers or {})
    problem = Problem(error.status_code, kind, title, detail, headers=headers)
    return problem.response(request.state.request_id)


def openapi(app: FastAPI) -> dict[str, Any]:
    """Describe the API; bodies are read by pydantic directly, so their schemas are added here."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=f"{API_VERSION}+{__version__}",
            description=app.description,
            routes=app.routes,
        )
        body = ScoreRequest.model_json_schema(ref_template=_REFERENCE)
        schemas = schema["components"]["schemas"]
        schemas.update(body.pop("$defs"))
        schemas["ScoreRequest"] = body
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        for path in schema["paths"].values():
            for operation in path.values():
                _say_problems(operation)
        app.openapi_schema = schema
    return app.openapi_schema


def _say_problems(operation: dict[str, Any]) -> None:
    """Every answer but success is a problem."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="ProblemDetails")}}}
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            answer["content"] = content
