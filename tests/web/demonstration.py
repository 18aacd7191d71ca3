"""A demonstration whose consoles are open, as a process of its own, and what its persons press there."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect

PATIENCE = 240
"""Seconds until the demonstration has told its stories and opened its doors."""

DOOR = re.compile(r"(\w+) \([^)]*\)\s*: (http://127\.0\.0\.1:\d+/demonstration/[0-9a-f]+)")
PDF = b"%PDF-1.4\n%made up\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
REQUEST = {
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


@contextmanager
def opened() -> Iterator[dict[str, str]]:
    """The addresses of its persons, by their last names, while it goes on."""
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
        try:
            yield found
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate(timeout=60)
        assert demo.returncode == 0


async def at_work(chromium: Browser, door: str) -> Page:
    """The first page of a person who came in."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(door)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("À faire")
    return page


def home(place: str) -> str:
    """The first page of the console that an address is in."""
    return "/".join(place.split("/")[:3]) + "/"


async def press(page: Page, words: str) -> None:
    """Press a button or follow a link by what it says."""
    button = page.get_by_role("button", name=words)
    await (button if await button.count() else page.get_by_role("link", name=words)).first.click()


async def sort_as_a_question(page: Page, verb: str) -> None:
    """Say of the mail that waits that it asks something."""
    await press(page, "Trier ce courrier")
    await page.get_by_label("Une question").first.check()
    await press(page, "Continuer")
    await press(page, verb)


async def fill_request(page: Page, folder: Path) -> None:
    """Fill the form of an extension, with its four files; nothing is sent."""
    await press(page, "Nouvelle demande")
    await page.goto(page.url.rstrip("/") + "/EXTENSION_REQUEST")
    for name, value in REQUEST.items():
        await page.locator(f"[name=f-{name}]").fill(value)
    await page.get_by_label("Prolongation").check()
    for number, tray in enumerate(await page.locator("input[type=file]").all()):
        piece = folder / f"piece-{number}.pdf"
        piece.write_bytes(PDF)
        await tray.set_input_files(piece)


async def tell_of_a_day(page: Page, what: str, name: str) -> None:
    """Type what is known of a day of the calendar, up to the page that shows what it would do."""
    await page.goto(home(page.url) + "calendrier")
    await page.locator(f"[name=what][value={what}]").check()
    await page.locator("[name=first]").fill("15/11/2026")
    await page.locator("[name=days]").fill("1")
    if await page.locator("#feast-other").count():
        await page.locator("#feast-other").check()
    await page.locator("[name=name]").fill(name)
    await page.locator("[name=source]").fill("Journal officiel du 10 novembre 2026")
    await press(page, "Voir l'effet")


async def enter_proof(page: Page, folder: Path) -> None:
    """Enter a fax as a proof for the request whose period runs, from its clock."""
    scan = folder / "fax.pdf"
    scan.write_bytes(PDF)
    await page.goto(home(page.url))
    await page.get_by_role("link", name="Cherif Nadia").first.click()
    await press(page, "J'ai une preuve")
    if await page.locator("[name=partner][type=radio]").count():
        await page.locator("[name=partner][value=cnas]").check()
    if await page.locator("[name=demande][type=radio]").count():
        await page.locator("[name=demande]").first.check()
    await page.locator("[name=scan]").set_input_files(scan)
    await page.locator("[name=day]").fill("11/11/2026")
    await press(page, "Saisir cette preuve")
