"""Debian's Chromium on the console of a made-up gateway, served on the loopback: what a person sees and presses."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import axe_playwright_python
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page, async_playwright

from gateway.access import WebSection
from gateway.domain.rights import Post
from gateway.web.app import make
from gateway.web.hall import Hall
from gateway.web.visit import COOKIE
from tests.services.world import World
from tests.web.browsing import hall_of, signed_in

CHROMIUM = shutil.which("chromium") or "chromium, which is not here"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
FAULTS = """
axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.flatMap(
    each => each.nodes.map(node => `${each.id} : ${node.html.slice(0, 120)}`)))
"""
"""Only what is wrong comes back: what is right is most of a page, and takes longer to carry than to find."""
WIDE, NARROW, HEIGHT = 1280, 320, 900

needs_chromium = pytest.mark.skipif(
    shutil.which(CHROMIUM) is None and os.environ.get("CI") != "true",
    reason="needs Debian's Chromium; in CI its absence is a failure",
)

Open = Callable[..., Awaitable[Page]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A browser and the console that it shows. ``told`` is what the browser's own console said: it must stay empty."""

    browser: Browser
    app: FastAPI
    world: World
    origin: str
    told: list[str]

    async def page(self, name: str, *posts: Post, language: str = "fr") -> Page:
        """A window of a person who is signed in."""
        person = await signed_in(self.app, self.world, name, *posts)
        secret = person.client.cookies[COOKIE]
        await person.client.aclose()
        context = await self.browser.new_context(viewport={"width": WIDE, "height": HEIGHT}, locale=language)
        # Chromium takes the loopback for as good as TLS; its remote control wants to hear so.
        url = self.origin.replace("http:", "https:")
        await context.add_cookies([{"name": COOKIE, "value": secret, "url": url, "secure": True}])
        page = await context.new_page()
        page.on("console", lambda message: self.told.append(message.text))
        page.on("pageerror", lambda error: self.told.append(str(error)))
        return page


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as play:
        found = await play.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield found
        await found.close()


@asynccontextmanager
async def on_screen(world: World, browser: Browser | None = None) -> AsyncIterator[Screen]:
    """The console of this gateway, and a browser to look at it: this one, or its own."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        app = make(_with_port(hall_of(world), port))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[door]))
        try:
            async with AsyncExitStack() as stack:
                shown = browser if browser is not None else await stack.enter_async_context(chromium())
                yield Screen(browser=shown, app=app, world=world, origin=f"http://127.0.0.1:{port}", told=[])
        finally:
            server.should_exit = True
            await serving


def _with_port(hall: Hall, port: int) -> Hall:
    from dataclasses import replace

    return replace(hall, settings=WebSection(port=port))


async def faults(page: Page) -> Sequence[str]:
    """What axe finds on a page (WCAG 2.2 A and AA, good practice), each with where it is."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found: list[str] = await page.evaluate(FAULTS)
    return found


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


async def wide_and_narrow(page: Page) -> dict[str, object]:
    """What is wrong with a page that was opened wide, and then in a narrow window: its faults, and what overflows."""
    found: dict[str, object] = {}
    for width in (WIDE, NARROW):
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        wrong, wider = list(await faults(page)), await overflow(page)
        if wrong or wider:
            found[f"{page.url} ({width})"] = (wrong, wider)
    return found
