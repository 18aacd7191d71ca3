"""``make screenshots``: a picture of each page of a demonstration's consoles, for whoever must judge them by eye.

Each person of the cast is led to every page that their links reach, wide and narrow; then some of them act, so that the
pages between two acts are seen too. The folder gets an index.html.
"""

import argparse
import asyncio
import html
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.web.crawl import crawl
from tests.web.demonstration import (
    at_work,
    enter_proof,
    fill_request,
    home,
    opened,
    press,
    sort_as_a_question,
    tell_of_a_day,
)
from tests.web.screen import NARROW, WIDE, chromium

PERSONS = ("Morel", "Petit", "Vasseur", "Lenoir", "Blanc", "Amrani", "Ziane", "Roy")
STORIES = {"reputee-acceptee": "Benkhelifa", "refusee": "Haddad", "en-cours": "Cherif"}
HIGH = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """Where the pictures go, in the order in which they were taken; ``dead`` are the links that lead nowhere."""

    folder: Path
    taken: list[tuple[str, str]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)

    async def take(self, page: Page, who: str, what: str) -> None:
        """The page as it is, wide and narrow."""
        name = f"{len(self.taken) + 1:03}-{who}-{what}".lower()
        for width in (WIDE, NARROW):
            await page.set_viewport_size({"width": width, "height": HIGH})
            await page.screenshot(path=self.folder / f"{name}-{width}.png", full_page=True)
        await page.set_viewport_size({"width": WIDE, "height": HIGH})
        self.taken.append((who, name))

    def index(self) -> Path:
        """A page that shows them all, by person."""
        parts = ['<!doctype html><html lang="fr"><meta charset="utf-8"><title>Captures de la console</title>']
        for who in dict.fromkeys(who for who, _name in self.taken):
            parts.append(f"<h1>{html.escape(who)}</h1>")
            for name in (name for each, name in self.taken if each == who):
                shown = "".join(f'<img src="{name}-{width}.png" width="{width}" alt=""> ' for width in (WIDE, NARROW))
                parts.append(f"<h2>{html.escape(name)}</h2>{shown}")
        place = self.folder / "index.html"
        place.write_text("\n".join(parts), encoding="utf-8")
        return place


def _slug(route: str) -> str:
    parts = [part.strip("{}").partition(":")[0] for part in route.strip("/").split("/")]
    return "-".join(part for part in parts if part) or "accueil"


@asynccontextmanager
async def _present(browser: Browser, doors: dict[str, str], who: str) -> AsyncIterator[Page]:
    page = await at_work(browser, doors[who])
    try:
        yield page
    finally:
        await page.context.close()


async def _every_page(album: Album, page: Page, who: str, language: str = "") -> None:
    async def look(route: str) -> None:
        await album.take(page, who, _slug(route) + language)

    _routes, dead = await crawl(page, look)
    album.dead.update(f"{who}: {address}" for address in dead)
    await page.goto(home(page.url) + "absente")
    await album.take(page, who, f"absente{language}")


async def _stories(album: Album, page: Page, who: str, *, named: bool) -> None:
    """Each case and its clock, as its story left them; that of the running one in the three languages."""
    for number, (story, patient) in enumerate(reversed(STORIES.items())):
        await page.goto(home(page.url) + "dossiers")
        lines = page.locator("table.data tbody tr")
        line = lines.filter(has_text=patient) if named else lines.nth(number)
        await line.locator("a").first.click()
        await album.take(page, who, f"dossier-{story}")
        await page.locator("a[href*='/delai/']").first.click()
        await album.take(page, who, f"delai-{story}")
        if named and story != "refusee":
            for language in ("en", "ar", "fr"):
                await page.locator(f"a[hreflang={language}][href^='/langue/']").click()
                if language != "fr":
                    await album.take(page, who, f"delai-{story}-{language}")


async def _between_acts(album: Album, claire: Page, jean: Page, doctor: Page, folder: Path) -> None:
    await claire.goto(home(claire.url) + "demandes/nouvelle/EXTENSION_REQUEST")
    await press(claire, "Relire avant d'envoyer")
    await album.take(claire, "Morel", "formulaire-incomplet")
    await claire.goto(home(claire.url))
    await fill_request(claire, folder)
    await press(claire, "Relire avant d'envoyer")
    await album.take(claire, "Morel", "relecture")
    form = claire.url
    await doctor.goto(home(doctor.url))
    await album.take(doctor, "Vasseur", "a-valider")
    await doctor.goto(form)
    await album.take(doctor, "Vasseur", "validation")
    await press(doctor, "Valider")
    await album.take(doctor, "Vasseur", "valide")

    await claire.goto(home(claire.url))
    await sort_as_a_question(claire, "Proposer")
    await album.take(claire, "Morel", "courrier-propose")
    await press(jean, "Trier ce courrier")
    await album.take(jean, "Petit", "courrier-a-confirmer")
    await jean.get_by_label("Une question").first.check()
    await press(jean, "Continuer")
    await album.take(jean, "Petit", "courrier-choix")

    await tell_of_a_day(claire, "official", "Jour chômé et payé")
    await album.take(claire, "Morel", "calendrier-effet")
    await press(claire, "Enregistrer")
    await tell_of_a_day(claire, "worked", "")
    await album.take(claire, "Morel", "calendrier-effet-a-deux")
    await press(claire, "Proposer à une seconde personne")
    await jean.goto(home(jean.url) + "calendrier?mois=2026-11")
    await album.take(jean, "Petit", "calendrier-proposition")
    await claire.goto(home(claire.url))
    await claire.get_by_role("link", name="Cherif Nadia").first.click()
    await album.take(claire, "Morel", "delai-deplace")

    await enter_proof(claire, folder)
    await album.take(claire, "Morel", "preuve-saisie")
    await jean.goto(home(jean.url) + "preuves")
    await album.take(jean, "Petit", "preuves")
    await jean.locator("main a[href^='/preuves/']").first.click()
    await album.take(jean, "Petit", "preuve-a-confirmer")
    await press(jean, "Enregistrer ma vérification")
    await album.take(jean, "Petit", "preuve-incomplete")
    await claire.goto(home(claire.url) + "dossiers")
    await claire.locator("#n").fill("Personne")
    await press(claire, "Chercher")
    await album.take(claire, "Morel", "recherche-vaine")


async def _taken(album: Album, doors: dict[str, str]) -> None:
    async with chromium() as browser:
        for who in PERSONS:
            async with _present(browser, doors, who) as page:
                await _every_page(album, page, who)
                if who == "Amrani":
                    await page.goto(home(page.url) + "langue/ar")
                    await _every_page(album, page, who, "-ar")
        for who, named in (("Morel", True), ("Blanc", False), ("Amrani", True)):
            async with _present(browser, doors, who) as page:
                await _stories(album, page, who, named=named)
        async with (
            _present(browser, doors, "Morel") as claire,
            _present(browser, doors, "Petit") as jean,
            _present(browser, doors, "Vasseur") as doctor,
        ):
            with tempfile.TemporaryDirectory() as folder:
                await _between_acts(album, claire, jean, doctor, Path(folder))
            await claire.context.clear_cookies()
            await claire.goto(home(claire.url) + "connexion")
            await album.take(claire, "Personne", "connexion")


def main() -> None:
    """Take them all."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--to", type=Path, default=Path("dist/screenshots"), help="the folder; what is there is replaced")
    folder: Path = told.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    album = Album(folder=folder)
    with opened() as doors:
        try:
            asyncio.run(_taken(album, doors))
        finally:
            place = album.index()
    print(place)  # noqa: T201  a command of the Makefile
    if album.dead:
        raise SystemExit("\n".join(("Liens sans page :", *sorted(album.dead))))


if __name__ == "__main__":
    main()
