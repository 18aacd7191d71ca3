"""The API against its own description: what it permits and what it does not, made up by schemathesis.

``make fuzz-api`` tries many more (API_EXAMPLES); the test suite a few of each operation, always the same ones.
"""

import asyncio
import json
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from gateway.access import WebSection
from gateway.domain.scopes import Scope
from gateway.web.api.application import document
from gateway.web.api.application import make as make_api
from gateway.web.app import make
from tests.services.mails import letter
from tests.services.world import open_world
from tests.web.browsing import ORIGIN, hall_of
from tests.web.programs import program

T = TypeVar("T")

UNSAID = [positive_data_acceptance, ignored_auth]
"""A form may be well made and wrong (another kind has other fields); who may come in is tested by itself."""

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
SECONDS = 20.0
"""How long one request may take on a busy machine."""


@dataclass
class Served:
    """A gateway with an API, on a loop of its own, as a process of its own would have."""

    loop: asyncio.AbstractEventLoop
    client: httpx.AsyncClient
    known: dict[str, str]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Something on that loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS)

    def send(self, case: Case[Any]) -> httpx.Response:
        """The request of a case, with our token."""
        asked = case.as_transport_kwargs(base_url=f"{ORIGIN}/api/v1")
        asked.pop("cookies", None)
        headers = {name: str(value) for name, value in dict(asked.pop("headers", None) or {}).items()}
        headers |= dict(self.client.headers.items()) | {"Host": "127.0.0.1:8480"}
        asked["headers"] = {name: value.encode("latin-1", "replace") for name, value in headers.items()}
        if isinstance(asked.get("data"), bytes | str):
            asked["content"] = asked.pop("data")
        if asked.get("files"):
            asked["files"] = [(name, _as_part(part)) for name, part in asked["files"]]
        request = self.client.build_request(**asked)
        return self.run(self._sent(request))

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return await self.client.send(request)


def _as_part(part: Any) -> Any:
    """A part of a form as the client takes it: what is neither text nor bytes is written as JSON has it."""
    told = list(part) if isinstance(part, tuple | list) else [None, part]
    told[1] = told[1] if isinstance(told[1], bytes | str) else json.dumps(told[1])
    return tuple(told)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hospital where a request runs and a mail waits, and a program that may do everything."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stack = AsyncExitStack()

    async def open_() -> Served:
        world = await stack.enter_async_context(open_world(tmp_path_factory.mktemp("api"), once=True, persons=2))
        running = await world.to_running()
        mail = await world.take(letter(running.message.message_id))
        hall = replace(hall_of(world), settings=WebSection(api_per_minute=100_000))
        scopes = [scope for scope in Scope if scope is not Scope.KEYS]
        client = await program(make(hall), world, *scopes)
        stack.push_async_callback(client.http.aclose)
        known = {"ref": running.case.ref, "request": running.message.mic, "number": str(mail.id)}
        return Served(loop=loop, client=client.http, known=known)

    found = asyncio.run_coroutine_threadsafe(open_(), loop).result(SECONDS)
    try:
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def described() -> dict[str, Any]:
    """The description, which no service is needed for."""
    from types import SimpleNamespace

    hall: Any = SimpleNamespace(settings=WebSection())
    return document(make_api(hall))


SCHEMA = schemathesis.openapi.from_dict(described())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}
TRIED = [
    (name, mode)
    for name, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # What takes nothing cannot be asked wrongly.
    if mode is GenerationMode.POSITIVE or operation.body or operation.query or operation.path_parameters
]


@pytest.mark.parametrize(("name", "mode"), TRIED, ids=lambda part: part if isinstance(part, str) else part.value)
def test_every_operation_answers_as_it_is_described(served: Served, name: str, mode: GenerationMode) -> None:
    """No failure of ours, no status, type or shape that is not described; what is not permitted is refused."""
    operation = OPERATIONS[name]

    ours = {"Authorization": served.client.headers["Authorization"]}

    @given(case=operation.as_strategy(generation_mode=mode, headers=ours))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=EXAMPLES < 100,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def tried(case: Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE:
            for part, value in served.known.items():
                if part in (case.path_parameters or {}):
                    case.path_parameters[part] = value
        answer = served.send(case)
        case.validate_response(answer, excluded_checks=UNSAID)

    tried()
