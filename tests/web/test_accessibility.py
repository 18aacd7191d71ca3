"""Every page in Debian's Chromium: nothing that axe finds, nothing too wide; and the keyboard alone."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from gateway.domain.parties import Role
from gateway.domain.rights import POSTS, Post
from gateway.services.entered import Shown
from gateway.web.hall import Hall
from tests.services.mails import ADDRESSES, START, letter, plain_mail, request_mail
from tests.services.test_answers import UNCERTAIN
from tests.services.test_calendar_acts import amend
from tests.services.test_challenges import found, recorded
from tests.services.test_disputes import feast, in_dispute
from tests.services.world import World, open_world
from tests.web.browsing import console, signed_in
from tests.web.crawl import crawl, pages, route_of
from tests.web.screen import Screen, chromium, needs_chromium, on_screen, wide_and_narrow
from tests.web.test_drafting import ROLES, kept
from tests.web.test_messages import DOCTORS

pytestmark = [pytest.mark.system, needs_chromium]

NAMES = {Post.SECRETARIAT: "Claire Morel", Post.PHYSICIAN: "Dr Vasseur", Post.ADVISER: "Dr Ziane"}
SAID = re.compile(r' (?:value|href|action|title|datetime|aria-label|aria-current|data-[a-z]+)="[^"]*"')
DIGITS = re.compile(r"\d+")
EFFECT = "/calendrier/effet?what=official&first=28/01/2026&name=Deuil&feast=autre&source=JO"
ERRORS = "/calendrier/effet?what=official&first=hier"
"""A form shown again with what it lacks."""


@pytest.fixture
async def screen(tmp_path: Path) -> AsyncIterator[Screen]:
    """A hospital in the middle of its day: a period that runs, a request without a receipt, an alarm."""
    async with open_world(tmp_path, once=True, persons=2) as world:
        await world.submit(patient_name="HADDAD")
        await world.send_all()
        world.clock.advance(timedelta(days=1))
        await world.poll()
        await world.to_running()
        await world.watch(timedelta(minutes=1), times=13)
        async with on_screen(world) as screen:
            yield screen


async def ref_of(screen: Screen) -> str:
    """The case whose period runs."""
    return (await screen.world.archive.cases())[-1].case.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What axe found, and how much too wide a page is; what was looked at once is not looked at again.

    Two pages of one shape have the same faults: words, numbers and addresses do not count, elements and classes do.
    """

    found: dict[str, object] = field(default_factory=dict)
    routes: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    shapes: set[tuple[str, str]] = field(default_factory=set)

    async def of(self, page: Page, who: str) -> None:
        """Look at the page that is open: from left to right and from right to left, wide and narrow."""
        address = page.url
        for language in ("fr", "ar"):
            await page.context.add_cookies([{"name": "langue", "value": language, "url": address}])
            await page.goto(address)
            if not self._new(language, await page.content()):
                continue
            told = await wide_and_narrow(page)
            self.found.update({f"{who} {place} {language}": faults for place, faults in told.items()})

    def _new(self, language: str, content: str) -> bool:
        """Whether the frame or what is in it has a shape that was not seen yet."""
        shape = DIGITS.sub("0", SAID.sub("", re.sub(r">[^<]+<", "> <", content)))
        frame, _, inside = shape.partition("<main")
        parts = {(language, frame), (language, inside)}
        fresh = not parts <= self.shapes
        self.shapes.update(parts)
        return fresh


def room(folder: Path, name: str) -> Path:
    """A folder in it."""
    made = folder / name
    made.mkdir()
    return made


@asynccontextmanager
async def a_day(folder: Path, browser: Browser) -> AsyncIterator[tuple[Screen, tuple[str, ...]]]:
    """A hospital with something in every state, and the pages that no link of a quiet day leads to."""
    async with open_world(folder, once=True, persons=2, calendar=UNCERTAIN, readers=DOCTORS) as world:
        await world.poll()
        await world.submit(patient_name="HADDAD")
        submitted = await world.to_running()
        mail = await world.take(letter(submitted.message.message_id))
        await world.take(letter(fingerprint="E" * 40, address="x@ailleurs.test"))
        async with on_screen(world, browser) as screen:
            hall: Hall = screen.app.state.hall
            clerk = await signed_in(console(world), world, NAMES[Post.SECRETARIAT], Post.SECRETARIAT)
            lacking, whole = await kept(clerk, *ROLES[:2], quote_eur="beaucoup", nature=""), await kept(clerk, *ROLES)
            await clerk.get(f"/dossiers/{submitted.case.ref}/noter/DISCHARGE")
            await clerk.send(
                f"/dossiers/{submitted.case.ref}/noter/DISCHARGE", **{"f-on": "25/01/2026", "suite": "garder"}
            )
            await clerk.client.aclose()
            await world.readers.assign(submitted.case.ref, "fabre", actor="alice")
            await hall.proofs.enter(Shown(ref=submitted.case.ref, received=START, scan=b"%PDF-1.4"), actor="alice")
            await amend(world, feast(START.date() + timedelta(days=3)), "alice")
            invited = await hall.accounts.add("neuve", name="Neuve", posts=(Post.SECRETARIAT,), actor="alice")
            ref = submitted.case.ref
            yield (
                screen,
                (
                    *(
                        f"{lacking}?manque=1",
                        f"{whole}/relire",
                        whole,
                        "/demandes/nouvelle?type=MEDICAL_REPORT",
                        ERRORS,
                        EFFECT,
                        "/demandes/nouvelle/EXTENSION_REQUEST",
                    ),
                    *(f"/dossiers/{ref}/delai/{submitted.request.hash}", f"/courrier/{mail.id}?choix=partial"),
                    *(f"/messages/{submitted.message.id}", f"/invitation/{invited.code}", "/invitation/aucune"),
                    *("/connexion", "/connexion/confirmer", "/calendrier?mois=2026-01"),
                ),
            )


async def clocks_of(world: World) -> tuple[str, ...]:
    """The clock and the case of each request."""
    told = []
    for case in await world.archive.cases():
        told.append(f"/dossiers/{case.case.ref}")
        told += [f"/dossiers/{case.case.ref}/delai/{item.request.hash}" for item in case.requests]
    return tuple(told)


def arrived(address: str) -> bool:
    """A message's page: the mails that arrive in these tests were opened by nobody, and hold no text to be shown."""
    return route_of(address) == "/messages/{number}"


async def looked_at(screen: Screen, examination: Examination, post: Post, besides: tuple[str, ...] = ()) -> None:
    """Everything that links lead a person of this post to."""
    who = NAMES.get(post, post.value)
    page = await screen.page(who, post)

    async def look(_route: str) -> None:
        await examination.of(page, who)

    await page.goto(f"{screen.origin}/absente")
    await look("/absente")
    routes, dead = await crawl(page, look, besides=besides)
    examination.routes.update(routes)
    # What is not for this post is absent for it; what a page leads to is there.
    examination.dead.update(
        dead - {screen.origin + path for path in besides} - {each for each in dead if arrived(each)}
    )
    await page.context.close()


@pytest.mark.timeout(600)
async def test_every_page_of_every_console_has_no_fault_and_fits(tmp_path: Path) -> None:
    """For each post of a hospital, of the CNAS and of the CNSE; each case in which a clock can be; no dead link."""
    examination = Examination()
    async with chromium() as browser:
        async with a_day(room(tmp_path, "day"), browser) as (screen, besides):
            for post in POSTS[Role.HOSPITAL]:
                await looked_at(screen, examination, post, besides)
        for number, happen in enumerate((recorded, in_dispute)):
            async with open_world(room(tmp_path, str(number)), once=True, persons=2) as world:
                submitted = await happen(world)
                if happen is recorded:
                    await found(world, submitted)
                async with on_screen(world, browser) as screen:
                    await looked_at(screen, examination, Post.SECRETARIAT, await clocks_of(world))
        for role in (Role.CNAS, Role.CNSE):
            async with open_world(room(tmp_path, role.value), role, once=True, persons=2) as world:
                await world.take(request_mail(role))
                await world.take(plain_mail(ADDRESSES[Role.HOSPITAL]))
                async with on_screen(world, browser) as screen:
                    for post in POSTS[role]:
                        await looked_at(screen, examination, post, await clocks_of(world))

    assert examination.found == {}
    assert examination.dead == set()
    assert pages() - examination.routes == set()


async def test_nothing_is_refused_by_the_policy_and_nobody_else_is_asked(screen: Screen) -> None:
    """The browser's own console stays silent, and every request goes to this host."""
    ref = await ref_of(screen)
    page = await screen.page("Claire Morel", Post.SECRETARIAT)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    for path in ("/", f"/dossiers/{ref}", "/journal", "/etat"):
        await page.goto(screen.origin + path)

    assert screen.told == []
    assert [url for url in asked if not url.startswith(screen.origin)] == []


async def test_the_first_page_is_a_hundred_kilobytes_at_most(screen: Screen) -> None:
    """Page, style, scripts and picture together, uncompressed."""
    page = await screen.page("Claire Morel", Post.SECRETARIAT)
    sizes: list[int] = []

    async def measure(response: object) -> None:
        sizes.append(len(await response.body()))  # type: ignore[attr-defined]

    page.on("response", measure)
    await page.goto(screen.origin + "/", wait_until="networkidle")

    assert 0 < sum(sizes) <= 100_000


async def test_the_keyboard_alone_leads_from_the_first_page_to_the_message_that_goes_again(screen: Screen) -> None:
    """Tab to the skip link, to the first thing to do, Enter; then Tab to the button, Enter."""
    page = await screen.page("Claire Morel", Post.SECRETARIAT)
    await page.goto(screen.origin + "/")
    await page.keyboard.press("Tab")
    first = await page.evaluate("document.activeElement.className")

    await _tab_to(page, "Renvoyer le même message")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/dossiers/*")
    await _tab_to(page, "Renvoyer le même message")
    async with page.expect_response(lambda answer: answer.request.method == "POST"):
        await page.keyboard.press("Enter")

    assert first == "skip"
    assert {entry.partner for entry in await screen.world.events("transmission.resent")} == {"cnas", "cnse"}


async def _tab_to(page: object, words: str) -> None:
    for _press in range(80):
        focused = await page.evaluate("document.activeElement.innerText || ''")  # type: ignore[attr-defined]
        if focused.strip().startswith(words):
            return
        await page.keyboard.press("Tab")  # type: ignore[attr-defined]
    raise AssertionError(f"« {words} » cannot be reached by Tab")
