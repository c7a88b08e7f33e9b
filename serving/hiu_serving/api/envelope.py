"""What wraps every request: an id, a size limit, safe headers, one log line, no leaked error."""

from __future__ import annotations

import logging
import re
import traceback
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hiu_serving.api.limits import counted, refuse_oversized
from hiu_serving.api.problems import Problem

log = logging.getLogger("hiu_serving.api")

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Envelope:
    """ASGI middleware around the whole application.

    The log line names the route, never the path that was asked for, its query or the body: a
    path can hold an identifier that somebody typed by mistake.

    Parameters
    ----------
    app : ASGI application
        What it wraps.
    most_bytes : int
        Largest body that is read.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        ids = _ids(scope)
        scope.setdefault("state", {})["request_id"] = ids["X-Request-ID"]
        started, status, begun = perf_counter(), 500, False

        async def send_wrapped(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                headers = MutableHeaders(scope=message)
                for name, value in (*ids.items(), *SECURITY_HEADERS.items()):
                    headers[name] = value
            await send(message)

        try:
            refuse_oversized(scope, self.most_bytes)
            await self.app(scope, counted(receive, self.most_bytes), send_wrapped)
        except Problem as problem:
            await problem.response(ids["X-Request-ID"])(scope, receive, send_wrapped)
        except Exception as error:  # noqa: BLE001 - nothing of a person may reach a traceback
            log.error("request %s failed: %s", ids["X-Request-ID"], _where(error))
            if begun:
                raise ConnectionError("the answer broke off") from None
            await _broken().response(ids["X-Request-ID"])(scope, receive, send_wrapped)
        finally:
            log.info(
                "%s %s %d %.1f ms request=%s key=%s",
                scope["method"], _route(scope), status, 1_000 * (perf_counter() - started),
                ids["X-Request-ID"], scope["state"].get("key_name", "-"),
            )  # fmt: skip


def _ids(scope: Scope) -> dict[str, str]:
    """Take over the ids a caller sent, where they are harmless; make a request id where not."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    request_id = headers.get(b"x-request-id", "")
    ids = {"X-Request-ID": request_id if _ID.fullmatch(request_id) else str(uuid4())}
    correlation_id = headers.get(b"x-correlation-id", "")
    if _ID.fullmatch(correlation_id):
        ids["X-Correlation-ID"] = correlation_id
    return ids


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "(no such path)")


def _where(error: Exception) -> str:
    """Name the kind and place of an error; its message could hold a person's value."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"


def _broken() -> Problem:
    return Problem(
        500,
        "internal",
        "Something went wrong here",
        "Tell the people who run this service; give them the request's id.",
    )
