"""A secretary's and a physician's day in Debian's Chromium, on the real gateways of a demonstration, end to end."""

import re
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.web import demonstration
from tests.web.demonstration import at_work, enter_proof, fill_request, home, press, sort_as_a_question, tell_of_a_day
from tests.web.screen import chromium as opened_chromium
from tests.web.screen import needs_chromium

pytestmark = [pytest.mark.system, needs_chromium]

SOON = 45_000
"""Milliseconds in which a mail goes there and its receipt comes back."""


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, str]]:
    """The addresses of the persons of a demonstration that goes on, by their last names."""
    with demonstration.opened() as found:
        yield found


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with opened_chromium() as found:
        yield found


async def test_a_day_at_the_hospital(doors: dict[str, str], chromium: Browser, tmp_path: Path) -> None:
    """Sort a mail, two of them; a request with four PDFs; the calendar moves an end; a proof; what one takes away."""
    claire, jean = await at_work(chromium, doors["Morel"]), await at_work(chromium, doors["Petit"])
    doctor = await at_work(chromium, doors["Vasseur"])

    await expect(claire.get_by_text("lundi 16 novembre").first).to_be_visible()
    await sort_as_a_question(claire, "Proposer")
    await expect(claire.get_by_text("En attente")).to_be_visible()
    await sort_as_a_question(jean, "Classer")
    await claire.goto(home(claire.url))
    await expect(claire.get_by_text("Trier ce courrier")).to_have_count(0)

    await _request(claire, doctor, tmp_path)
    await _calendar(claire, jean)
    await _proof(claire, jean, tmp_path)
    await _taken_away(claire, tmp_path)


async def _request(claire: Page, doctor: Page, tmp_path: Path) -> None:
    await fill_request(claire, tmp_path)
    await press(claire, "Relire avant d'envoyer")
    await expect(claire.get_by_text("En attente d'un médecin")).to_be_visible()
    form = claire.url

    await doctor.goto(form)
    await press(doctor, "Valider")
    await claire.goto(form)
    await press(claire, "Envoyer")
    await expect(claire).to_have_url(re.compile(r"/dossiers/[0-9A-Z-]+$"))
    await _until(claire, "Le délai commence")


async def _until(page: Page, words: str) -> None:
    """What the other institutions answer comes by mail, and the page is looked at again."""
    end = time.monotonic() + SOON / 1000
    while await page.get_by_text(words).count() == 0:
        assert time.monotonic() < end, await page.inner_text("main")
        await page.wait_for_timeout(500)
        await page.reload()


async def _calendar(claire: Page, jean: Page) -> None:
    """What delays an end takes one person; what brings it back takes two."""
    await tell_of_a_day(claire, "official", "Jour chômé et payé")
    await expect(claire.locator("main")).to_contain_text("mardi 17 novembre 2026")
    await press(claire, "Enregistrer")
    await claire.goto(home(claire.url))
    await expect(claire.get_by_text("mardi 17 novembre").first).to_be_visible()

    await tell_of_a_day(claire, "worked", "")
    await press(claire, "Proposer à une seconde personne")
    await claire.goto(home(claire.url))
    await expect(claire.get_by_text("mardi 17 novembre").first).to_be_visible()
    await jean.goto(home(jean.url) + "calendrier")
    await press(jean, "Confirmer")
    await claire.goto(home(claire.url))
    await expect(claire.get_by_text("lundi 16 novembre").first).to_be_visible()


async def _proof(claire: Page, jean: Page, tmp_path: Path) -> None:
    await enter_proof(claire, tmp_path)
    await jean.goto(home(jean.url) + "preuves")
    await jean.locator("main a[href^='/preuves/']").first.click()
    await jean.locator("#v-confirm").check()
    await jean.locator("[name=day]").fill("11/11/2026")
    await press(jean, "Enregistrer ma vérification")
    await jean.goto(home(jean.url) + "preuves")
    await expect(jean.locator("main a[href^='/preuves/']")).to_have_count(0)


async def _taken_away(claire: Page, tmp_path: Path) -> None:
    await claire.goto(home(claire.url) + "dossiers")
    await claire.get_by_role("link", name="Benkhelifa Zoubida").click()
    async with claire.expect_download() as coming:
        await press(claire, "Certificat (PDF)")
    certificate = tmp_path / "certificat.pdf"
    await (await coming.value).save_as(certificate)
    async with claire.expect_download() as coming:
        await press(claire, "Télécharger")
    dossier = tmp_path / "dossier.zip"
    await (await coming.value).save_as(dossier)

    assert certificate.read_bytes().startswith(b"%PDF-")
    assert zipfile.is_zipfile(dossier)
