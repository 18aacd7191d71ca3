"""« Quels jours comptent ? »: what the calendar says, what a change would do, and who records it."""

import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from gateway.domain.amendments import CalendarAct
from gateway.domain.rights import Post
from gateway.domain.workdays import calendar_from_rows
from tests.services.mails import START
from tests.services.test_calendar_acts import amend, day_off
from tests.services.test_disputes import feast
from tests.services.world import World, open_world
from tests.web.browsing import Browser, console, signed_in
from tests.web.test_clock import shown

SEEN = re.compile(r'name="seen" value="(\d+)"')
CALENDAR = calendar_from_rows(
    [
        {"date": "2026-01-29", "name": "Fête", "feast": "f", "status": "forecast", "source": "calcul"},
        {"date": "2026-01-12", "name": "Yennayer", "status": "fixed", "source": "loi"},
    ],
    "2027-12-31",
    recorded_at="2025-12-01T00:00:00Z",
    recorded_by="distribution",
)
MOURNING = {
    "what": "official",
    "first": "28/01/2026",
    "days": "1",
    "name": "Deuil national",
    "feast": "autre",
    "source": "Décret du 27",
}
"""A day off that delays an open period."""

ANNOUNCED = MOURNING | {"first": "30/01/2026", "feast": "f", "name": "", "source": "Communiqué"}
"""The feast falls later than expected: the open period may end sooner."""


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital with an open period, and a feast near it."""
    async with open_world(tmp_path, once=True, persons=2, calendar=CALENDAR) as world:
        await world.to_running()
        yield world


@pytest.fixture
async def bob(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of a second person."""
    browser = await signed_in(app, hospital, "Bob Petit", Post.SECRETARIAT)
    yield browser
    await browser.client.aclose()


async def preview(browser: Browser, wanted: dict[str, str]) -> httpx.Response:
    """Look at what it would do."""
    return await browser.get(f"/calendrier/effet?{urlencode(wanted)}")


async def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """Send a form of the page that is open."""
    found = SEEN.search(browser.page)
    return await browser.send(path, **{"seen": found.group(1) if found else "", **fields})


async def test_a_month_shows_what_counts_and_who_says_so(secretary: Browser) -> None:
    """Weekends, holidays with their status and source, the feast that may still move."""
    page = shown(await secretary.get("/calendrier"))

    assert "Janvier 2026" in page
    assert "lundi 12 janvier Yennayer fixé par la loi loi livré avec la passerelle" in page
    assert "Fête peut commencer : mercredi 28 janvier, jeudi 29 janvier, vendredi 30 janvier" in page
    assert "complet jusqu'au vendredi 31 décembre 2027" in page
    assert "Février 2026" in shown(await secretary.get("/calendrier?mois=2026-02"))
    assert "Décembre 2025" in page
    assert (await secretary.get("/calendrier?mois=<script>")).status_code == 200


async def test_an_effect_is_shown_for_each_open_period_before_anything_is_recorded(
    hospital: World, secretary: Browser
) -> None:
    """Before, after, and whether it takes a second person."""
    later, sooner = await preview(secretary, MOURNING), await preview(secretary, ANNOUNCED)

    assert "Rien n'est encore enregistré" in shown(later)
    assert "entre le mercredi 28 janvier 2026 et le jeudi 29 janvier 2026" in shown(later)
    assert "Aucun délai ne finit plus tôt" in shown(later)
    assert "mercredi 28 janvier 2026" in shown(sooner)
    assert "Proposer à une seconde personne" in shown(sooner)
    assert await hospital.all(CalendarAct) == ()


async def test_what_hastens_is_proposed_by_one_and_confirmed_by_another(
    hospital: World, secretary: Browser, bob: Browser
) -> None:
    """The author waits without a button, even with a form made by hand."""
    before = await hospital.request()
    await preview(secretary, ANNOUNCED)
    done = await send(secretary, "/calendrier/enregistrer", **ANNOUNCED)
    number = (await hospital.only(CalendarAct)).id
    mine = (await secretary.get("/calendrier")).text
    refused = await send(secretary, f"/calendrier/propositions/{number}/confirmer", seen="999")
    theirs = shown(await bob.get("/calendrier"))
    await send(bob, f"/calendrier/propositions/{number}/confirmer")
    after = await hospital.request()

    assert (done.status_code, done.headers["location"]) == (303, "/calendrier?mois=2026-01")
    assert "En attente d&#39;une seconde personne" in mine
    assert f"propositions/{number}/confirmer" not in mine
    assert refused.status_code in {404, 409}
    assert "Proposition n° 1, de Claire Morel" in theirs
    assert before.latest_at is not None
    assert after.latest_at is not None
    assert after.latest_at < before.latest_at


async def test_what_delays_is_in_force_at_once(hospital: World, secretary: Browser) -> None:
    """One name and one source are enough; the page shows the day."""
    await preview(secretary, MOURNING)
    form = secretary.page
    await send(secretary, "/calendrier/enregistrer", **MOURNING)
    secretary.page = form
    twice = await send(secretary, "/calendrier/enregistrer", **MOURNING)
    page = shown(await secretary.get("/calendrier"))

    assert twice.status_code == 303
    assert len(await hospital.all(CalendarAct)) == 1
    assert "Deuil national annoncé officiellement Décret du 27 Claire Morel" in page


async def test_a_proposal_is_put_aside_with_a_reason(hospital: World, secretary: Browser, bob: Browser) -> None:
    """Without one, nothing happens and the field says so."""
    effect = await amend(hospital, feast(date(2026, 1, 30)), "Claire Morel")
    await bob.get("/calendrier")
    silent = await send(bob, f"/calendrier/propositions/{effect.number}/ecarter")
    await bob.get("/calendrier")
    await send(bob, f"/calendrier/propositions/{effect.number}/ecarter", source="Annonce démentie")

    assert silent.status_code == 422
    assert "Proposition" not in shown(await secretary.get("/calendrier"))


async def test_a_page_that_is_out_of_date_names_who_changed_the_calendar(
    app: FastAPI, hospital: World, secretary: Browser
) -> None:
    """What Claire looked at was worked out against another calendar."""
    await (await signed_in(app, hospital, "Bob Petit", Post.SECRETARIAT)).client.aclose()
    await preview(secretary, ANNOUNCED)
    await amend(hospital, day_off(date(2026, 1, 27)), "Bob Petit")

    stale = await send(secretary, "/calendrier/enregistrer", **ANNOUNCED)

    assert stale.status_code == 409
    assert "Bob Petit : un jour du calendrier est saisi" in shown(stale)
    assert 'value="Communiqué"' in stale.text
    assert len(await hospital.all(CalendarAct)) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"what": ""}, "Choisissez ce que vous savez"),
        ({"first": "2026-01-28"}, "Écrivez le jour ainsi"),
        ({"first": "31/02/2026"}, "Écrivez le jour ainsi"),
        ({"first": "01/01/99999999"}, "Écrivez le jour ainsi"),
        ({"days": "0"}, "de 1 à 10"),
        ({"days": "11"}, "de 1 à 10"),
        ({"days": "٣"}, "de 1 à 10"),
        ({"source": "  "}, "Dites d'où vous le savez"),
        ({"name": ""}, "Nommez ce jour férié"),
        ({"feast": ""}, "Dites si c'est cette fête"),
    ],
)
async def test_each_field_says_what_it_lacks(secretary: Browser, wrong: dict[str, str], told: str) -> None:
    """What was typed stays in the form, as text and nothing else."""
    answer = await preview(secretary, {**MOURNING, "name": '"><b>Deuil', **wrong})

    assert answer.status_code == 422
    assert told in shown(answer)
    assert '"><b>Deuil' not in answer.text


async def test_a_day_that_has_not_passed_is_not_observed(hospital: World, secretary: Browser) -> None:
    """Only what has been seen; a past day can be."""
    tomorrow = await preview(secretary, MOURNING | {"what": "seen_worked", "feast": "", "name": ""})
    hospital.clock.go_to(START.replace(day=30))
    later = await signed_in(console(hospital), hospital, "Claire Morel", Post.SECRETARIAT)
    passed = await preview(later, MOURNING | {"what": "seen_worked", "feast": "", "name": ""})
    await later.client.aclose()

    assert tomorrow.status_code == 409
    assert "seul un jour passé peut être constaté" in shown(tomorrow)
    assert passed.status_code == 200


async def test_an_announced_day_is_taken_back(hospital: World, secretary: Browser) -> None:
    """By saying that it was worked, or by withdrawing what was said."""
    await amend(hospital, day_off(date(2026, 1, 27)), "Claire Morel")
    day = MOURNING | {"first": "27/01/2026", "name": "", "feast": ""}

    worked = await preview(secretary, day | {"what": "worked"})
    gone = await preview(secretary, day | {"what": "withdrawn"})
    nothing = await preview(secretary, day | {"what": "withdrawn", "first": "20/01/2026"})

    for answer in (worked, gone):
        assert "mardi 27 janvier 2026 : jour férié officiel, non compté →" in shown(answer)
    assert nothing.status_code == 409


async def test_who_may_not_state_days_finds_no_form(app: FastAPI, hospital: World) -> None:
    """An auditor reads; an address or a form made by hand leads nowhere."""
    auditor = await signed_in(app, hospital, "Anne Audit", Post.AUDITOR)
    effect = await amend(hospital, feast(date(2026, 1, 30)), "alice")
    page = (await auditor.get("/calendrier")).text
    answers = [
        await preview(auditor, MOURNING),
        await send(auditor, "/calendrier/enregistrer", seen="1", **MOURNING),
        await send(auditor, f"/calendrier/propositions/{effect.number}/confirmer", seen="1"),
    ]
    await auditor.client.aclose()

    assert "Quels jours comptent" in page
    assert "Voir l&#39;effet" not in page
    assert "/confirmer" not in page
    assert {answer.status_code for answer in answers} == {404}


async def test_the_calendar_speaks_english(secretary: Browser) -> None:
    """Days, statuses and reasons."""
    secretary.client.cookies.set("langue", "en")

    page = shown(await secretary.get("/calendrier"))

    assert "Which days count?" in page
    assert "January 2026" in page
    assert "fixed by law" in page
