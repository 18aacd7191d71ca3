"""A program without a network: a client of the API of a made-up gateway, with a token of its own."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI

from gateway.domain.scopes import Scope
from gateway.services.once import digest
from gateway.storage import Token
from tests.services.world import World
from tests.web.browsing import ORIGIN


@dataclass(kw_only=True)
class Client:
    """One program."""

    http: httpx.AsyncClient
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Read."""
        return await self.http.get(f"/api/v1{path}", params=parameters)

    async def post(self, path: str, *, key: str | None = None, **sent: Any) -> httpx.Response:
        """Act, under a new key unless told otherwise."""
        headers = {"Idempotency-Key": key or f"test-key-{next(self.numbers)}", **sent.pop("headers", {})}
        return await self.http.post(f"/api/v1{path}", headers=headers, **sent)


async def program(app: FastAPI, world: World, *scopes: Scope, name: str = "dpi") -> Client:
    """A program with these scopes; its token is made."""
    secret = f"passerelle_{name}"
    async with world.store.act() as act:
        now = world.clock.now()
        row = Token(
            site=world.party.site,
            name=name,
            secret=digest(secret.encode()),
            scopes=tuple(scope.value for scope in scopes),
            created_at=now,
            created_by="root",
            expires_at=now + timedelta(days=30),
        )
        await act.add(row)
    headers = {"Authorization": f"Bearer {secret}"}
    return Client(http=httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers=headers))
