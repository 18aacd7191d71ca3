"""An act that a program asks for: once under its key, its first answer given again to who asks again.

The key is written in the commit of the act itself (gateway.services.once), the answer right after it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi.responses import Response

from gateway.domain.errors import AlreadyAsked
from gateway.services.once import Asking, asked, digest
from gateway.services.seen import require_version
from gateway.storage import AskedOnce, View
from gateway.web.api.door import JSON, Call, written
from gateway.web.api.problems import Problem

REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an act gives back: a value, its status, the place of what it made."""

    value: object
    status: HTTPStatus = HTTPStatus.OK
    place: str | None = None


Work = Callable[[], Awaitable[Done]]
Versioned = Callable[[View], Awaitable[str]]
"""Reads the version of what the act is about."""


async def once(call: Call, work: Work, *, body: bytes, about: Versioned | None = None) -> Response:
    """Do it, or give the first answer again. ``body`` is what is asked, the same bytes for the same thing.

    Raises:
        Problem: the key was used for something else, or its answer is not known. Stale: as If-Match says.
    """
    if call.key is None:
        return _answered(_kept(await work()))

    async def provided(view: View) -> None:
        if about is not None and call.seen:
            require_version(await about(view), call.seen)

    path = call.request.url.path.encode()
    asking = Asking(
        key=digest(call.key.encode()),
        by=call.actor,
        body=digest(call.request.method.encode(), path, body),
        provided=provided,
    )
    earlier = await call.hall.once.earlier(asking)
    if earlier is not None:
        return _again(earlier, asking)
    try:
        with asked(asking):
            done = await work()
    except AlreadyAsked:
        earlier = await call.hall.once.earlier(asking)
        if earlier is None:
            raise
        return _again(earlier, asking)
    kept = _kept(done)
    await call.hall.once.answered(asking, json.dumps(kept))
    return _answered(kept)


def _kept(done: Done) -> dict[str, str | int | None]:
    return {"status": int(done.status), "place": done.place, "body": written(done.value).decode()}


def _answered(kept: Mapping[str, str | int | None], *, replayed: bool = False) -> Response:
    headers = {"Location": str(kept["place"])} if kept["place"] else {}
    if replayed:
        headers[REPLAYED] = "true"
    return Response(
        str(kept["body"]).encode(), status_code=int(kept["status"] or 200), media_type=JSON, headers=headers
    )


def _again(earlier: AskedOnce, asking: Asking) -> Response:
    if earlier.body != asking.body:
        raise Problem("key-reused")
    if earlier.answer is None:
        raise Problem("being-done", headers={"Retry-After": "1"})
    return _answered(json.loads(earlier.answer), replayed=True)
