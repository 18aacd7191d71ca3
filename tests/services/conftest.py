"""Gateways for the tests of the use cases, closed at the end of each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.parties import PartnerKind, Role
from tests.services.world import World, open_world, partner

Build = Callable[..., Awaitable[World]]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Make gateways of any role; arguments as ``open_world``."""
    async with AsyncExitStack() as stack:

        async def make(role: Role = Role.HOSPITAL, **options: Any) -> World:
            return await stack.enter_async_context(open_world(tmp_path, role, **options))

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
