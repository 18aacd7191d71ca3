"""Every page that a person can reach: from their first page by links alone, one page of each route."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Page
from starlette.routing import Match, Route

from gateway.web.app import PAGES

_NO_PAGE = ("/langue/", "/changements", "/presence", "/oidc/", "/fichier", "/pieces/", ".pdf", ".zip", ".csv", ".json")
"""What a route has in its path when it leads to a file or another address."""

DEAD = frozenset({404, 500, 503})


def pages() -> frozenset[str]:
    """The routes that show a page."""
    return frozenset(route.path for route in _routes() if not any(part in route.path for part in _NO_PAGE))


def _routes() -> Iterator[Route]:
    for page in PAGES:
        for route in page.router.routes:
            if isinstance(route, Route) and "GET" in (route.methods or ()):
                yield route


def route_of(place: str) -> str | None:
    """The route of an address of ours; None where no page is."""
    path = urlsplit(place).path
    scope = {"type": "http", "method": "GET", "path": path}
    for route in _routes():
        if route.matches(scope)[0] is Match.FULL:
            return route.path if route.path in pages() else None
    return None


async def crawl(
    page: Page, look: Callable[[str], Awaitable[None]], *, besides: Sequence[str] = ()
) -> tuple[set[str], set[str]]:
    """Open one page of each route that links lead to, and let ``look`` see it; gives the routes, and the dead links.

    The pages ``besides`` are opened first, whatever their routes; a form shown again for what it lacks is one.
    """
    found: set[str] = set()
    dead: set[str] = set()
    named = {urljoin(page.url, each) for each in besides}
    waiting = [*sorted(named), urljoin(page.url, "/")]
    while waiting:
        address = waiting.pop(0)
        route = route_of(address)
        if route is None or (route in found and address not in named) or address in dead:
            continue
        named.discard(address)
        answer = await page.goto(address)
        if answer is None or answer.status in DEAD:
            dead.add(address)
            continue
        # Some pages are for who proves afresh who they are: the way to it is seen instead.
        route = route_of(page.url) or route
        found.add(route)
        await look(route)
        links = await page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)")
        waiting += [link for link in links if urlsplit(link).netloc == urlsplit(page.url).netloc]
    return found, dead
