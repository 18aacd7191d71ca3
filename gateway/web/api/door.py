"""Who may come in: every request is admitted before anything of it is read further.

In this order: the token, how often it asks, its scope, the parameters, the key of an act, type and size of the body.
"""

import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from gateway.domain.plain import plain
from gateway.domain.scopes import Scope
from gateway.domain.words import said
from gateway.services.rights import PROGRAM
from gateway.services.tokens import Program
from gateway.web.api.faults import Fault
from gateway.web.api.problems import Problem, invalid
from gateway.web.hall import Hall

MINUTE = 60.0
MAX_JSON = 1024 * 1024
MAX_DEPTH = 20
KEY = re.compile(r"[!-~]{8,200}")
JSON, MULTIPART = "application/json", "multipart/form-data"
_NO_SCOPE = ""

REQUEST_ID = "X-Request-Id"
ID_BYTES = 8

_TAG = r'(?:W/)?"[!#-~]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of a program that was let in; ``key`` is that of the act it asks for."""

    request: Request
    hall: Hall
    program: Program
    key: str | None
    seen: frozenset[str]

    @property
    def actor(self) -> str:
        """The program as the audit log names it."""
        return f"{PROGRAM}{self.program.name}"


class Pace:
    """How often each token may ask: so many times in any minute."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._asked: dict[str, deque[float]] = {}

    def wait(self, name: str, now: float) -> int:
        """Count one more; in how many seconds it may ask again, 0 when it may now."""
        asked = self._asked.setdefault(name, deque())
        while asked and now - asked[0] >= MINUTE:
            asked.popleft()
        if len(asked) >= self._most:
            return max(1, int(asked[0] + MINUTE - now) + 1)
        asked.append(now)
        return 0


class Door(APIRoute):
    """A route that admits before it reads. What it asks of who comes is written in its own description."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """See FastAPI."""
        handle = super().get_route_handler()
        told = self.openapi_extra or {}
        scope: str = told["security"][0]["token"][0] if told["security"][0]["token"] else _NO_SCOPE
        content = MULTIPART if "requestBody" in told else JSON if self.body_field is not None else None
        known = frozenset(param.alias for param in self.dependant.query_params)

        async def admitted(request: Request) -> Response:
            hall: Hall = request.app.state.hall
            program = await _known(request, hall)
            _paced(request, hall, program)
            if scope and Scope(scope) not in program.scopes:
                raise Problem("scope", detail=said("Portée attendue : {scope}.", scope=scope))
            request.state.sent = [*request.path_params.values(), *request.query_params.values()]
            _parameters(request, known)
            key = _key(request)
            if content is not None:
                await _body(request, content)
            request.state.call = Call(request=request, hall=hall, program=program, key=key, seen=_seen(request))
            found = await handle(request)
            found.headers[REQUEST_ID] = hall.noise(ID_BYTES).hex()
            return found

        return admitted


async def _known(request: Request, hall: Hall) -> Program:
    word, _, secret = request.headers.get("authorization", "").partition(" ")
    program = await hall.tokens.present(secret.strip()) if word.lower() == "bearer" and secret.strip() else None
    if program is None:
        raise Problem("no-token")
    return program


def _paced(request: Request, hall: Hall, program: Program) -> None:
    pace: Pace = request.app.state.pace
    seconds = pace.wait(program.name, hall.clock.uptime())
    if seconds:
        raise Problem("too-many", headers={"Retry-After": str(seconds)})


def _parameters(request: Request, known: frozenset[str]) -> None:
    given = [name for name, _ in request.query_params.multi_items()]
    if set(given) - known:
        listed = ", ".join(sorted(known)) or "–"
        expected = said("seulement les paramètres documentés : {known}", known=listed)
        raise invalid(Fault(place="query", pointer="", expected=expected))
    twice = {name for name in given if given.count(name) > 1}
    if twice:
        expected = said("une seule valeur")
        raise invalid(*(Fault(place="query", pointer=f"/{name}", expected=expected) for name in sorted(twice)))


def _key(request: Request) -> str | None:
    """The key of the act: each POST has one, a PUT may."""
    key = request.headers.get("idempotency-key")
    if key is None and request.method != "POST":
        return None
    if key is None or not KEY.fullmatch(key):
        raise Problem("key-missing")
    return key


def _seen(request: Request) -> frozenset[str]:
    """The versions that the asker says to have seen; empty: they do not say.

    Raises:
        Problem: it cannot be read (RFC 9110 §13.1.1); an act that was to depend on it would depend on nothing.
    """
    told = request.headers.get("if-match", "*").strip()
    if told == "*":
        return frozenset()
    if not _TAGS.fullmatch(told):
        raise Problem("malformed", detail=said("If-Match attend des ETags entre guillemets, tels qu'ils furent reçus."))
    return frozenset(re.findall(r'"([!#-~]*)"', told))


# --- the body


async def _body(request: Request, content: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != content:
        raise Problem("content-type", detail=said("Attendu : {content}.", content=content))
    if content != JSON:
        return
    if int(request.headers.get("content-length") or 0) > MAX_JSON:
        raise Problem("too-large")
    raw = await request.body()
    if len(raw) > MAX_JSON:
        raise Problem("too-large")
    request.state.sent += leaves(read_json(raw))


def read_json(raw: bytes) -> Any:
    """The document of these bytes.

    Raises:
        Problem: it is none, is not UTF-8, names a key twice, holds what JSON does not know, or goes too deep.
    """
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_single, parse_constant=_no_constant)
        _shallow(found, MAX_DEPTH)
        _storable(leaves(found))
    except (ValueError, RecursionError):
        raise Problem("malformed") from None
    return found


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(_name: str) -> None:
    raise ValueError("not JSON")


def _shallow(value: object, depth: int) -> None:
    if depth == 0:
        raise ValueError("too deep")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _shallow(item, depth - 1)


def _storable(texts: Iterable[str]) -> None:
    """Half of a character, and the one that databases do not keep, are no text."""
    for text in texts:
        if "\0" in text:
            raise ValueError("a null character")
        text.encode("utf-8")


def leaves(value: object) -> Iterator[str]:
    """Every text of a document, its keys as well."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield key
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case _:
            return


# --- what handlers take and give


async def _call(request: Request) -> Call:
    # Not async, it would cost each request the way to a thread and back.
    call: Call = request.state.call
    return call


Calling = Annotated[Call, Depends(_call)]


def written(value: object) -> bytes:
    """A value as the API writes it: the same JSON as ``--json`` of the commands."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()


def shown(value: object, *, version: str | None = None) -> Response:
    """An answer that shows something; ``version`` is what an act may be bound to (If-Match)."""
    headers = {"ETag": f'"{version}"'} if version else {}
    return Response(written(value), media_type=JSON, headers=headers)
