"""Nothing is asked twice, nor by a name that isn't known: neither is guessed away."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request

from hiu_serving.api.problems import FieldError, not_valid


def query_of(*names: str) -> Callable[[Request], Awaitable[None]]:
    """Make the check that a request's query has these parameters alone, each once."""

    async def check(request: Request) -> None:
        given = Counter(name for name, _ in request.query_params.multi_items())
        known = ", ".join(names) or "none"
        errors = [
            FieldError(where=f"query.{name}", rule="must be given once")
            for name in names
            if given[name] > 1
        ]
        if given.keys() - set(names):
            rule = f"this parameter isn't part of the request; known: {known}"
            errors.append(FieldError(where="query.(unknown parameter)", rule=rule))
        if errors:
            raise not_valid(errors)

    return check


def refuse_repeated_fields(body: bytes) -> None:
    """Refuse a valid request in which an object names a field twice: which is meant isn't known.

    All names in it are known ones, so that they may be repeated.

    Raises
    ------
    Problem
        There is such a field.
    """
    json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise not_valid([FieldError(where=name, rule="must be given once in an object")])
    return found
