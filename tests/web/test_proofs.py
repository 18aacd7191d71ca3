"""Proofs that persons bring: entered with the document, read again by a second person, or put aside."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.domain.evidence import entered_instant, is_day_alone, same_reception
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.rights import Post
from gateway.services.desk import Submitted
from gateway.services.entered import MAX_SCAN
from gateway.storage import EnteredProof
from tests.services.mails import START
from tests.services.world import World, open_world, partner
from tests.web.browsing import Browser, console, signed_in
from tests.web.test_clock import shown

SEEN = re.compile(r'name="seen" value="(\d+)"')
PDF, PNG = b"%PDF-1.7 scan", b"\x89PNG\r\n\x1a\n scan"
DAY = {"day": "26/01/2026", "hour": ""}
MINUTE = {"day": "26/01/2026", "hour": "10 h 42"}


@pytest.fixture
async def submitted(hospital: World) -> Submitted:
    """A request that left three days ago, without a receipt."""
    found = await hospital.submit()
    await hospital.send_all()
    hospital.clock.advance(timedelta(days=3))
    return found


@pytest.fixture
async def bob(app: FastAPI, hospital: World, submitted: Submitted) -> AsyncIterator[Browser]:
    """The browser of a second person."""
    assert submitted.case.ref
    browser = await signed_in(app, hospital, "Bob Petit", Post.SECRETARIAT)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def claire(app: FastAPI, hospital: World, submitted: Submitted) -> AsyncIterator[Browser]:
    """The browser of who enters the proof."""
    assert submitted.case.ref
    browser = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    yield browser
    await browser.client.aclose()


async def enter(browser: Browser, submitted: Submitted, data: bytes = PDF, **fields: Any) -> httpx.Response:
    """Open the form and send it."""
    place = f"/dossiers/{submitted.case.ref}/preuves"
    await browser.get(place)
    files: Any = {"scan": ("scan.pdf", data, "application/pdf")} if data else None
    typed = {"demande": submitted.request.hash, "partner": "cnas", **DAY, **fields}
    return await send(browser, place, files=files, **typed)


async def send(browser: Browser, path: str, files: Any = None, **fields: str) -> httpx.Response:
    """Send a form of the page that is open."""
    found = SEEN.search(browser.page)
    return await browser.send(path, files=files, **{"seen": found.group(1) if found else "", **fields})


async def check(browser: Browser, number: int, **fields: str) -> httpx.Response:
    """Open a proof and send the verdict."""
    await browser.get(f"/preuves/{number}")
    return await send(browser, f"/preuves/{number}", **fields)


def test_a_second_reader_must_find_day_and_minute() -> None:
    """A day alone is no minute, a minute no day alone; seconds are on no document."""
    entered_at = datetime(2026, 1, 28, 9, tzinfo=UTC)
    day, minute = date(2026, 1, 26), datetime(2026, 1, 26, 9, 42, tzinfo=UTC)
    alone = entered_instant(day, entered_at)

    assert is_day_alone(alone, entered_at)
    assert same_reception(alone, entered_at, day)
    assert not same_reception(alone, entered_at, day.replace(day=27))
    assert not same_reception(alone, entered_at, minute)
    assert same_reception(minute.replace(second=7), entered_at, minute)
    assert not same_reception(minute, entered_at, minute + timedelta(minutes=1))
    assert not same_reception(minute, entered_at, day)


@pytest.mark.parametrize("typed", [DAY, MINUTE])
async def test_a_proof_counts_once_a_second_person_has_typed_its_date_again(
    hospital: World, submitted: Submitted, claire: Browser, bob: Browser, typed: dict[str, Any]
) -> None:
    """With the hour where the first person gave one; then the period runs."""
    done = await enter(claire, submitted, **typed)
    number = (await hospital.only(EnteredProof)).id
    listed = shown(await bob.get("/preuves"))
    confirmed = await check(bob, number, verdict="confirm", **typed)
    after = shown(await bob.get(f"/preuves/{number}"))

    assert (done.status_code, done.headers["location"]) == (303, f"/preuves/{number}")
    assert "lundi 26 janvier 2026, selon Claire Morel" in listed
    assert confirmed.status_code == 303
    assert "Oui : confirmée par Bob Petit" in after
    assert (await hospital.request()).state is State.RUNNING


@pytest.mark.parametrize("wrong", [{"day": "27/01/2026"}, {"hour": "10:42"}])
async def test_a_date_that_differs_confirms_nothing_and_is_told(
    hospital: World, submitted: Submitted, claire: Browser, bob: Browser, wrong: dict[str, str]
) -> None:
    """The page says so and keeps what was typed."""
    await enter(claire, submitted)

    answer = await check(bob, 1, verdict="confirm", **{**DAY, **wrong})

    assert answer.status_code == 409
    assert "rien n'est confirmé" in shown(answer)
    assert f'value="{wrong.get("day", "26/01/2026")}"' in answer.text
    assert not (await hospital.only(EnteredProof)).settled_at


async def test_who_entered_a_proof_has_no_button_and_no_way(
    hospital: World, submitted: Submitted, claire: Browser
) -> None:
    """Not even with a form made by hand."""
    await enter(claire, submitted)
    page = (await claire.get("/preuves/1")).text
    listed = (await claire.get("/preuves")).text
    token = {"token": claire.page.partition('name="token" value="')[2].partition('"')[0]}
    size = str(len(await hospital.events()))

    answer = await claire.send("/preuves/1", verdict="confirm", seen=size, **DAY, **token)

    assert "Vous ne pouvez pas confirmer votre propre saisie" in page
    assert 'name="verdict"' not in page
    assert "En attente d&#39;une seconde personne" in listed
    assert answer.status_code == 409
    assert "il faut une seconde personne" in shown(answer)
    assert not (await hospital.only(EnteredProof)).settled_at


async def test_a_proof_is_put_aside_without_a_date(
    hospital: World, submitted: Submitted, claire: Browser, bob: Browser
) -> None:
    """It has no effect, and the document stays."""
    await enter(claire, submitted)
    await check(bob, 1, verdict="decline", day="", hour="")

    assert "Écartée par Bob Petit" in shown(await bob.get("/preuves/1"))
    assert (await hospital.request()).state is State.SENT
    assert (await bob.client.get("/preuves/1/fichier")).content == PDF


async def test_a_page_that_is_out_of_date_names_who_settled_the_proof(
    app: FastAPI, hospital: World, submitted: Submitted, claire: Browser, bob: Browser
) -> None:
    """Two persons look at once: the second learns what the first did; a double click is no second person."""
    await enter(claire, submitted)
    third = await signed_in(app, hospital, "Zoé Roux", Post.SECRETARIAT)
    await third.get("/preuves/1")
    await bob.get("/preuves/1")
    form = bob.page
    await send(bob, "/preuves/1", verdict="confirm", **DAY)
    bob.page = form
    twice = await send(bob, "/preuves/1", verdict="confirm", **DAY)

    late = await send(third, "/preuves/1", verdict="decline", **DAY)
    await third.client.aclose()

    assert twice.status_code == 303
    assert late.status_code == 409
    assert "Bob Petit : une preuve apportée est confirmée" in shown(late)
    assert (await hospital.only(EnteredProof)).counted


@pytest.mark.parametrize(
    ("fields", "data", "told"),
    [
        ({"day": ""}, PDF, "Écrivez la date ainsi"),
        ({"day": "2026-01-26"}, PDF, "Écrivez la date ainsi"),
        ({"hour": "25:00"}, PDF, "Écrivez l'heure ainsi"),
        ({}, b"", "Joignez le document"),
        ({}, b"<html>", "Joignez le document"),
        ({"demande": "0" * 64}, PDF, "Choisissez la demande"),
        ({"partner": "nobody"}, PDF, "Choisissez qui"),
    ],
)
async def test_each_field_of_an_entry_says_what_it_lacks(
    submitted: Submitted, claire: Browser, fields: dict[str, str], data: bytes, told: str
) -> None:
    """Nothing is kept; what was typed is still there."""
    answer = await enter(claire, submitted, data, **fields)

    assert answer.status_code == 422
    assert told in shown(answer)
    assert f'value="{fields.get("day", "26/01/2026")}"' in answer.text
    assert await claire.world.all(EnteredProof) == ()


@pytest.mark.parametrize(("day", "told"), [("24/01/2026", "n'est partie que le"), ("29/01/2026", "dans l'avenir")])
async def test_an_impossible_reception_is_refused_with_its_reason(
    hospital: World, submitted: Submitted, claire: Browser, day: str, told: str
) -> None:
    """Before the sending, or in the future."""
    answer = await enter(claire, submitted, day=day)

    assert answer.status_code == 409
    assert told in shown(answer)
    assert await hospital.all(EnteredProof) == ()


async def test_a_scan_that_is_too_large_is_refused(hospital: World, submitted: Submitted, claire: Browser) -> None:
    """Fifty pages in colour are enough."""
    answer = await enter(claire, submitted, PDF + bytes(MAX_SCAN))

    assert answer.status_code == 422
    assert await hospital.all(EnteredProof) == ()


async def test_an_image_is_shown_beside_the_entry_and_each_look_is_recorded(
    hospital: World, submitted: Submitted, claire: Browser, bob: Browser
) -> None:
    """Its kind is told by its bytes, whatever its sender said; a PDF is taken away."""
    await enter(claire, submitted, PNG)
    await enter(claire, submitted, PDF)
    first, second = (await bob.get("/preuves/1")).text, (await bob.get("/preuves/2")).text
    before = len(await hospital.events("proof.read"))
    image, file = await bob.client.get("/preuves/1/fichier"), await bob.client.get("/preuves/2/fichier")

    assert 'src="/preuves/1/fichier"' in first
    assert "<img" not in second
    assert (image.headers["content-type"], image.headers["content-disposition"]) == ("image/png", "inline")
    assert file.headers["content-disposition"] == 'attachment; filename="preuve-2.pdf"'
    for answer in (image, file):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
    assert (before, [entry.actor for entry in await hospital.events("proof.read")]) == (0, ["Bob Petit"] * 2)


async def test_an_auditor_reads_the_entry_but_not_the_document(
    app: FastAPI, hospital: World, submitted: Submitted, claire: Browser
) -> None:
    """No name, no scan, no form; forms made by hand lead nowhere."""
    await enter(claire, submitted, PNG)
    auditor = await signed_in(app, hospital, "Anne Audit", Post.AUDITOR)
    page = (await auditor.get("/preuves/1")).text
    answers = [
        await auditor.client.get("/preuves/1/fichier"),
        await auditor.client.get(f"/dossiers/{submitted.case.ref}/preuves"),
        await auditor.send("/preuves/1", verdict="confirm", seen="1", **DAY),
        await auditor.send(f"/dossiers/{submitted.case.ref}/preuves", seen="1", **DAY),
    ]
    missing = await auditor.client.get("/preuves/999")
    await auditor.client.aclose()

    assert "BENALI" not in page
    assert "<img" not in page
    assert {answer.status_code for answer in [*answers, missing]} == {404}
    assert await hospital.events("proof.read") == ()


async def test_only_a_hospital_enters_proofs(tmp_path: Path) -> None:
    """The CNAS knows when it received a request."""
    from tests.services.mails import REF, request_mail

    others = (partner(Role.HOSPITAL), partner(Role.CNSE))
    async with open_world(tmp_path, Role.CNAS, once=True, persons=2, partners=others) as world:
        await world.take(request_mail())
        agent = await signed_in(console(world), world, "Agent Mezian", Post.AGENT)
        answer = await agent.get(f"/dossiers/{REF}/preuves")
        await agent.client.aclose()

    assert answer.status_code == 404


async def test_an_empty_list_and_english(hospital: World, claire: Browser) -> None:
    """Nothing waits, told in the reader's language."""
    claire.client.cookies.set("langue", "en")

    assert "No proof is waiting" in shown(await claire.get("/preuves"))
    assert hospital.clock.now() > START
