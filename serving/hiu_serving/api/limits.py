"""Limits: how big a request may be and how often a key may ask."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from starlette.types import Message, Receive, Scope

from hiu_serving.api.problems import Problem

MOST_PEOPLE = 100
MOST_EVENTS = 5_000
MOST_BYTES = 2 * 1024 * 1024


def too_large(most_bytes: int) -> Problem:
    """Make the problem of a body over the limit."""
    return Problem(
        413,
        "body-too-large",
        "The body is too large",
        f"Send at most {most_bytes:,} bytes; split the people over several requests.",
        headers={"Connection": "close"},
    )


def refuse_oversized(scope: Scope, most_bytes: int) -> None:
    """Refuse a body by its declared length, before any of it is read.

    Raises
    ------
    Problem
        413 when the declared length is over the limit, 400 when it is no number, 415 when the
        body is compressed (its true size isn't known).
    """
    headers: dict[bytes, bytes] = dict(scope["headers"])
    declared = headers.get(b"content-length")
    if declared is not None and not declared.isdigit():
        raise Problem(400, "bad-length", "Content-Length is no number", "Send a whole number.")
    if declared is not None and int(declared) > most_bytes:
        raise too_large(most_bytes)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(
            415, "compressed-body", "Compressed bodies are not read", "Send the body as it is."
        )


def counted(receive: Receive, most_bytes: int) -> Receive:
    """Wrap the reading of a body so that an undeclared length can't pass the limit either."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most_bytes:
            raise too_large(most_bytes)
        return message

    return receive_counted


@dataclass
class RateLimit:
    """A bucket of tokens for each key: a burst at once, then a steady rate.

    Counted within one process; with several workers each has its own buckets.

    Parameters
    ----------
    per_minute : float
        Requests a minute that a key may keep up; 0 means no limit.
    burst : int
        Requests it may make at once.
    clock : callable
        Seconds that only go forward.

    Examples
    --------
    >>> limit = RateLimit(per_minute=60, burst=1, clock=lambda: 0.0)
    >>> limit.seconds_to_wait("desk"), limit.seconds_to_wait("desk")
    (0, 1)
    """

    per_minute: float
    burst: int
    clock: Callable[[], float] = monotonic
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def seconds_to_wait(self, name: str) -> int:
        """Take a token for this key: 0 when it may go on, else the whole seconds to wait."""
        if self.per_minute <= 0:
            return 0
        rate, moment = self.per_minute / 60, self.clock()
        tokens, since = self._buckets.get(name, (float(self.burst), moment))
        tokens = min(float(self.burst), tokens + (moment - since) * rate)
        if tokens >= 1:
            self._buckets[name] = (tokens - 1, moment)
            return 0
        self._buckets[name] = (tokens, moment)
        return max(1, math.ceil((1 - tokens) / rate))
