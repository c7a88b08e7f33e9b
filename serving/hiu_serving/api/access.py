"""Who may do what: the API key, its role and how often it may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from hiu_serving.api.keys import ROLES, Key, Role
from hiu_serving.api.problems import Problem

_header = APIKeyHeader(
    name="X-API-Key",
    auto_error=False,
    description="A key made by `hiu-risk serve --new-key NAME --role ROLE`",
)


def allowed(*roles: Role) -> Callable[..., Awaitable[Key]]:
    """Make the check that a request carries a key with one of these roles; none means any."""

    async def check(request: Request, secret: Annotated[str | None, Security(_header)]) -> Key:
        service = request.app.state.service
        key: Key | None = service.keys.find(secret) if secret else None
        if key is None:
            raise Problem(
                401,
                "no-key",
                "A valid API key is needed",
                "Send the key in the X-API-Key header.",
                headers={"WWW-Authenticate": 'ApiKey realm="hiu-risk"'},
            )
        request.state.key_name = key.name
        wait = service.rate.seconds_to_wait(key.name)
        if wait:
            raise Problem(
                429,
                "too-many-requests",
                "Too many requests",
                f"Wait {wait} s; several people can go in one request.",
                headers={"Retry-After": str(wait)},
            )
        if key.role not in (roles or ROLES):
            raise Problem(
                403,
                "not-allowed",
                "This key may not do that",
                f"It needs a key with the role {' or '.join(roles)}.",
            )
        return key

    return check
