"""Errors as RFC 9457 problem details; nothing that was sent is ever sent back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20

_SAFE_MESSAGES = frozenset(
    {
        "bool_type", "datetime_type", "enum", "extra_forbidden", "float_type", "int_type",
        "json_type", "less_than_equal", "greater_than_equal", "list_type", "literal_error",
        "missing", "model_attributes_type", "model_type", "string_pattern_mismatch",
        "string_too_long", "string_too_short", "string_type", "timezone_aware", "too_long",
        "too_short", "date_type", "finite_number",
    }
)  # fmt: skip
"""Kinds of validation error whose wording holds no value of the input."""

_REWORDED = {
    "datetime_from_date_parsing": "not a date and time like 2026-03-01T09:30:00Z",
    "datetime_parsing": "not a date and time like 2026-03-01T09:30:00Z",
    "date_from_datetime_parsing": "not a date like 1980-05-17",
    "date_parsing": "not a date like 1980-05-17",
    "json_invalid": "not valid JSON",
    "timezone_aware": "a time without a zone: end it with Z or an offset such as +01:00",
    "extra_forbidden": "this field isn't part of the request",
    "missing": "this field is required",
}


class FieldError(BaseModel):
    """One thing wrong with the request: where, and which rule; never the value."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="Path to the field, for instance people.0.events.3.source")
    rule: str = Field(description="What the field must be")


class ProblemDetails(BaseModel):
    """An error in the form of RFC 9457."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Names the kind of problem")
    title: str
    status: int
    detail: str = Field(description="What to do about it")
    instance: str = Field(description="The request, by its X-Request-ID")
    errors: list[FieldError] = Field(default_factory=list)


class Problem(Exception):  # noqa: N818 - it is the problem, not an error about one
    """An answer other than success.

    Parameters
    ----------
    status : int
        The HTTP status.
    kind : str
        Last part of the problem's type.
    title, detail : str
        What is wrong and what to do; never a value that was sent.
    errors : iterable of FieldError
        What is wrong with single fields.
    headers : mapping
        Further headers, for instance Retry-After.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self, request_id: str) -> Response:
        """Give the problem as an HTTP answer."""
        body = ProblemDetails(
            type=f"urn:hiu-risk:problem:{self.kind}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            instance=f"urn:hiu-risk:request:{request_id}",
            errors=self.errors,
        )
        return Response(
            json.dumps(body.model_dump(), ensure_ascii=False),
            status_code=self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


def field_errors(errors: Iterable[ErrorDetails]) -> list[FieldError]:
    """Say what is wrong with a request without repeating any of it.

    The name of a field that shouldn't be there is what somebody sent, so it isn't repeated
    either.

    Parameters
    ----------
    errors : iterable
        As pydantic's ``ValidationError.errors()`` gives them.
    """
    found = []
    for error in errors:
        kind, path = error["type"], list(error["loc"])
        if kind == "extra_forbidden":
            path = [*path[:-1], "(unknown field)"]
        found.append(FieldError(where=".".join(map(str, path)) or "body", rule=_rule(error)))
        if len(found) == _MOST_ERRORS:
            break
    return found


def _rule(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind in _REWORDED:
        return _REWORDED[kind]
    return str(error["msg"]) if kind in _SAFE_MESSAGES else "not allowed here"


def not_valid(errors: list[FieldError], *, most: int = _MOST_ERRORS) -> Problem:
    """Make the problem of a request that breaks its contract."""
    more = f"; only the first {most} are named" if len(errors) >= most else ""
    return Problem(
        422,
        "not-valid",
        "The request is not valid",
        f"Correct the fields under errors{more}. What was sent is not repeated here.",
        errors=errors,
    )
