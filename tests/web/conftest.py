"""A hospital with a console, closed at the end of each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.domain.rights import Post
from tests.services.world import World, open_world
from tests.web.browsing import Browser, console, housed, signed_in


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital whose partners run gateways."""
    async with open_world(tmp_path, once=True, persons=2) as world:
        await housed(world)
        yield world


@pytest.fixture
def app(hospital: World) -> FastAPI:
    """Its console."""
    return console(hospital)


@pytest.fixture
async def secretary(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of Claire, who is a secretary."""
    browser = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def auditor(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of Iris, who reads the whole log."""
    browser = await signed_in(app, hospital, "Iris Khelifi", Post.AUDITOR)
    yield browser
    await browser.client.aclose()
