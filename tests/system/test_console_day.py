"""A secretary's and a physician's day in Debian's Chromium, on the real gateways of a demonstration, end to end."""

import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.web.screen import ARGUMENTS, CHROMIUM, needs_chromium

pytestmark = [pytest.mark.system, needs_chromium]

PATIENCE = 240
"""Seconds until the demonstration has told its stories and opened its doors."""

DOOR = re.compile(r"(\w+) \([^)]*\)\s*: (http://127\.0\.0\.1:\d+/demonstration/[0-9a-f]+)")
PDF = b"%PDF-1.4\n%made up\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SOON = 45_000
"""Milliseconds in which a mail goes there and its receipt comes back."""


@pytest.fixture(scope="module")
def doors() -> Iterator[dict[str, str]]:
    """The addresses of the persons of a demonstration that goes on, by their last names."""
    command = [sys.executable, "-m", "gateway", "demo", "--serve", "--lang", "fr"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        found: dict[str, str] = {}
        told, end = [], time.monotonic() + PATIENCE
        for line in demo.stdout:
            told.append(line)
            door = DOOR.search(line.replace("\N{NO-BREAK SPACE}", " "))
            if door:
                found[door.group(1)] = door.group(2)
            if "Ctrl-C" in line or time.monotonic() > end:
                break
        assert {"Morel", "Petit", "Vasseur", "Amrani"} <= set(found), "".join(told)
        yield found
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
        assert demo.returncode == 0


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        await browser.close()


async def at_work(chromium: Browser, door: str) -> Page:
    """The first page of a person who came in."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(door)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("À faire")
    return page


async def press(page: Page, words: str) -> None:
    """Press a button or follow a link by what it says."""
    button = page.get_by_role("button", name=words)
    await (button if await button.count() else page.get_by_role("link", name=words)).first.click()


async def test_a_day_at_the_hospital(doors: dict[str, str], chromium: Browser, tmp_path: Path) -> None:
    """Sort a mail, two of them; a request with four PDFs; the calendar moves an end; a proof; what one takes away."""
    claire, jean = await at_work(chromium, doors["Morel"]), await at_work(chromium, doors["Petit"])
    doctor = await at_work(chromium, doors["Vasseur"])

    await expect(claire.get_by_text("lundi 16 novembre").first).to_be_visible()
    await _sort_as_a_question(claire, "Proposer")
    await expect(claire.get_by_text("En attente")).to_be_visible()
    await _sort_as_a_question(jean, "Classer")
    await claire.goto(_home(doors["Morel"]))
    await expect(claire.get_by_text("Trier ce courrier")).to_have_count(0)

    await _request(claire, doctor, tmp_path)
    await _calendar(claire, jean, doors)
    await _proof(claire, jean, doors, tmp_path)
    await _taken_away(claire, doors, tmp_path)


def _home(door: str) -> str:
    return door.partition("/demonstration")[0] + "/"


async def _sort_as_a_question(page: Page, verb: str) -> None:
    await press(page, "Trier ce courrier")
    await page.get_by_label("Une question").first.check()
    await press(page, "Continuer")
    await press(page, verb)


async def _request(claire: Page, doctor: Page, tmp_path: Path) -> None:
    await press(claire, "Nouvelle demande")
    await claire.goto(claire.url.rstrip("/") + "/EXTENSION_REQUEST")
    values = {
        "patient_name": "Ferhat",
        "patient_first_name": "Lina",
        "patient_born": "02/04/1980",
        "insurance_number": "démuni",
        "authorised_from": "01/11/2026",
        "authorised_until": "30/11/2026",
        "requested_from": "01/12/2026",
        "requested_until": "31/12/2026",
        "care": "rééducation",
        "reason": "récupération lente",
        "quote_eur": "4200",
        "physician": "Docteure Vasseur",
    }
    for name, value in values.items():
        await claire.locator(f"[name=f-{name}]").fill(value)
    await claire.get_by_label("Prolongation").check()
    for number, tray in enumerate(await claire.locator("input[type=file]").all()):
        piece = tmp_path / f"piece-{number}.pdf"
        piece.write_bytes(PDF)
        await tray.set_input_files(piece)
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


async def _calendar(claire: Page, jean: Page, doors: dict[str, str]) -> None:
    """What delays an end takes one person; what brings it back takes two."""
    await _told_of_a_day(claire, doors, "official", "Jour chômé et payé")
    await expect(claire.locator("main")).to_contain_text("mardi 17 novembre 2026")
    await press(claire, "Enregistrer")
    await claire.goto(_home(doors["Morel"]))
    await expect(claire.get_by_text("mardi 17 novembre").first).to_be_visible()

    await _told_of_a_day(claire, doors, "worked", "")
    await press(claire, "Proposer à une seconde personne")
    await claire.goto(_home(doors["Morel"]))
    await expect(claire.get_by_text("mardi 17 novembre").first).to_be_visible()
    await jean.goto(_home(doors["Petit"]) + "calendrier")
    await press(jean, "Confirmer")
    await claire.goto(_home(doors["Morel"]))
    await expect(claire.get_by_text("lundi 16 novembre").first).to_be_visible()


async def _told_of_a_day(page: Page, doors: dict[str, str], what: str, name: str) -> None:
    await page.goto(_home(doors["Morel"]) + "calendrier")
    await page.locator(f"[name=what][value={what}]").check()
    await page.locator("[name=first]").fill("15/11/2026")
    await page.locator("[name=days]").fill("1")
    if await page.locator("#feast-other").count():
        await page.locator("#feast-other").check()
    await page.locator("[name=name]").fill(name)
    await page.locator("[name=source]").fill("Journal officiel du 10 novembre 2026")
    await press(page, "Voir l'effet")


async def _proof(claire: Page, jean: Page, doors: dict[str, str], tmp_path: Path) -> None:
    scan = tmp_path / "fax.pdf"
    scan.write_bytes(PDF)
    await claire.get_by_role("link", name="Cherif Nadia").first.click()
    await press(claire, "J'ai une preuve")
    if await claire.locator("[name=partner][type=radio]").count():
        await claire.locator("[name=partner][value=cnas]").check()
    if await claire.locator("[name=demande][type=radio]").count():
        await claire.locator("[name=demande]").first.check()
    await claire.locator("[name=scan]").set_input_files(scan)
    await claire.locator("[name=day]").fill("11/11/2026")
    await press(claire, "Saisir cette preuve")
    await jean.goto(_home(doors["Petit"]) + "preuves")
    await jean.locator("main a[href^='/preuves/']").first.click()
    await jean.locator("#v-confirm").check()
    await jean.locator("[name=day]").fill("11/11/2026")
    await press(jean, "Enregistrer ma vérification")
    await jean.goto(_home(doors["Petit"]) + "preuves")
    await expect(jean.locator("main a[href^='/preuves/']")).to_have_count(0)


async def _taken_away(claire: Page, doors: dict[str, str], tmp_path: Path) -> None:
    await claire.goto(_home(doors["Morel"]) + "dossiers")
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
