"""Gateways for the tests of the use cases, closed at the end of each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.parties import PartnerKind, Role
from tests.postgres import Server
from tests.services.world import Where, World, identity, in_a_file, open_world, partner

Build = Callable[..., Awaitable[World]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests of a file that is marked run on either database; a mark of a test alone does the same."""
    if metafunc.definition.get_closest_marker("both_databases") and "where" in metafunc.fixturenames:
        metafunc.parametrize("where", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def where(request: pytest.FixtureRequest) -> Where:
    """Where the databases of the gateways are: on SQLite unless the test says otherwise."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return in_a_file
    server: Server = request.getfixturevalue("postgres")
    return lambda _folder, role: server.made(identity(role))


@pytest.fixture
async def build(tmp_path: Path, where: Where) -> AsyncIterator[Build]:
    """Make gateways of any role; arguments as ``open_world``."""
    async with AsyncExitStack() as stack:

        async def make(role: Role = Role.HOSPITAL, **options: Any) -> World:
            return await stack.enter_async_context(open_world(tmp_path, role, place=where, **options))

        yield make


@pytest.fixture
async def hospital(build: Build) -> World:
    """A hospital whose partners run gateways."""
    return await build()


@pytest.fixture
async def by_mail(build: Build) -> World:
    """A hospital whose CNAS has only a mail program."""
    return await build(partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))


@pytest.fixture
async def cnas(build: Build) -> World:
    """The CNAS."""
    return await build(Role.CNAS)


@pytest.fixture
async def cnse(build: Build) -> World:
    """The CNSE."""
    return await build(Role.CNSE)
