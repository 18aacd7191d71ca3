"""Forms, mails and messages in Chromium, with what is wrong shown: nothing that axe finds, nothing too wide."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.domain.rights import Post
from tests.services.mails import letter
from tests.services.world import open_world
from tests.web.browsing import console, signed_in
from tests.web.screen import Screen, needs_chromium, on_screen, wide_and_narrow
from tests.web.test_drafting import ROLES, kept

pytestmark = [pytest.mark.system, needs_chromium]


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[tuple[Screen, tuple[str, ...]]]:
    """A form that lacks things, one that is whole, a mail to sort, a message."""
    async with open_world(tmp_path, once=True, persons=2) as world:
        await world.poll()
        submitted = await world.to_running()
        mail = await world.take(letter(submitted.message.message_id))
        await world.take(letter(fingerprint="E" * 40, address="x@ailleurs.test"))
        browser = await signed_in(console(world), world, "Claire Morel", Post.SECRETARIAT)
        lacking = await kept(browser, *ROLES[:2], quote_eur="beaucoup", nature="")
        whole = await kept(browser, *ROLES)
        await browser.client.aclose()
        ref = submitted.case.ref
        async with on_screen(world) as screen:
            yield (
                screen,
                (
                    *("/", "/demandes/nouvelle?type=MEDICAL_REPORT", f"{lacking}?manque=1", f"{whole}/relire", whole),
                    *(f"/dossiers/{ref}/noter", f"/dossiers/{ref}/noter/NOTE", "/courrier", f"/courrier/{mail.id}"),
                    *(f"/courrier/{mail.id}?choix=partial", f"/messages/{submitted.message.id}"),
                ),
            )


async def test_forms_have_no_fault_and_fit(places: tuple[Screen, tuple[str, ...]]) -> None:
    """For who fills and for who validates."""
    screen, paths = places
    found: dict[str, object] = {}
    for name, post in (("Claire Morel", Post.SECRETARIAT), ("Dr Vasseur", Post.PHYSICIAN)):
        page = await screen.page(name, post)
        for path in paths:
            await page.goto(screen.origin + path)
            found |= {f"{name} {place}": told for place, told in (await wide_and_narrow(page)).items()}

    assert found == {}
    # A physician alone notes nothing: those pages are absent for one, which the browser tells.
    assert [told for told in screen.told if "404" not in told] == []
