"""A client of the API that needs no server: requests go straight into the application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from hiu_risk.model import Bundle
from hiu_serving.api.app import Service, make_app
from hiu_serving.api.keys import add_key
from tests.support.serving import make_home


@dataclass
class Client:
    """Talks to an application; ``score`` and ``worklist`` are keys with those roles."""

    app: FastAPI
    home: Path
    keys: Path
    score: str
    worklist: str

    def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> httpx.Response:
        """Send one request."""
        headers = {**({"X-API-Key": key} if key else {}), **more.pop("headers", {})}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(send())

    def post(self, body: Any, **more: Any) -> httpx.Response:
        """Ask for scores with the right key."""
        return self.ask("POST", "/v1/score", key=self.score, json=body, **more)


def make_client(folder: Path, bundle: Bundle | None = None, **settings: Any) -> Client:
    """A client of a fresh application whose champion is this bundle."""
    home, keys = folder / "home", folder / "keys.json"
    make_home(home, bundle)
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    secrets = [add_key(keys, role, role, moment) for role in ("score", "worklist")]
    settings.setdefault("per_minute", 0)
    return Client(make_app(Service.of(home, keys, **settings)), home, keys, *secrets)


def event(occurred_at: str = "2022-01-05T10:00:00Z", **more: Any) -> dict[str, Any]:
    """One event of a request."""
    return {"source": "call", "occurred_at": occurred_at, **more}


def person(id: str = "a", *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One person of a request; two calls unless others are given."""
    history = events or (event(), event("2021-12-20T23:30:00Z", reason="falls"))
    return {"id": id, "born_on": "1970-05-17", "events": list(history), **more}


def request(*people: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole request."""
    return {"as_of": "2022-01-08T00:00:00Z", "people": list(people or [person()]), **more}
