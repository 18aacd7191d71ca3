"""Every page in Debian's Chromium: nothing that axe finds, nothing too wide; and the keyboard alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.rights import Post
from tests.services.world import open_world
from tests.web.screen import Screen, needs_chromium, on_screen, wide_and_narrow

pytestmark = [pytest.mark.system, needs_chromium]

EVERYBODY = ("/", "/dossiers", "/dossiers/{ref}", "/journal", "/aide", "/accessibilite", "/donnees", "/absente")
CLOCK = "/dossiers/{ref}/delai/{request}"
EFFECT = "/calendrier/effet?what=official&first=28/01/2026&name=Deuil&source=JO"
SECRETARY = (
    *(*EVERYBODY, "/etat", "/demandes/nouvelle", "/dossiers/{ref}/noter/DISCHARGE", "/dossiers/{ref}/clore"),
    *(CLOCK, "/calendrier", "/calendrier?mois=2026-03", EFFECT, "/preuves", "/dossiers/{ref}/preuves"),
)
ADMINISTRATOR = ("/etat", "/comptes")
STRANGER = ("/connexion",)


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


async def request_of(screen: Screen) -> str:
    """Its request."""
    return (await screen.world.archive.cases())[-1].requests[0].request.hash


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_pages_have_no_fault_and_fit(screen: Screen, language: str) -> None:
    """Each role's pages, wide and narrow, in both languages."""
    ref, request = await ref_of(screen), await request_of(screen)
    found: dict[str, object] = {}
    looked_at: list[str] = []
    people = (
        ("Claire Morel", (Post.SECRETARIAT,), SECRETARY),
        ("Marc Lenoir", (Post.ADMINISTRATOR,), ADMINISTRATOR),
        ("Odile Blanc", (Post.AUDITOR,), EVERYBODY),
    )
    for name, posts, paths in people:
        page = await screen.page(name, *posts, language=language)
        for path in paths:
            await page.goto(screen.origin + path.format(ref=ref, request=request))
            looked_at.append(page.url)
            found |= {f"{name} {place}": told for place, told in (await wide_and_narrow(page)).items()}
    await page.context.clear_cookies()
    for path in STRANGER:
        await page.goto(screen.origin + path)
        found |= await wide_and_narrow(page)

    assert found == {}
    assert len(set(looked_at)) == len({*SECRETARY, *ADMINISTRATOR, *EVERYBODY})


async def test_the_clock_has_no_fault_and_fits_from_right_to_left(screen: Screen) -> None:
    """In Arabic as in the others."""
    ref, request = await ref_of(screen), await request_of(screen)
    page = await screen.page("Claire Morel", Post.SECRETARIAT)
    await page.goto(screen.origin + "/langue/ar?retour=" + CLOCK.format(ref=ref, request=request))

    assert await page.evaluate("document.dir") == "rtl"
    assert await wide_and_narrow(page) == {}


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
