"""Mails that wait for a person: the envelope for who sorts, the text for a physician, two persons for some words."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from gateway.domain.parties import Function, PartnerKind, Role
from gateway.domain.readers import Reader, Way
from gateway.domain.request import State
from gateway.domain.rights import Post
from gateway.services.desk import Submitted
from gateway.storage import EnteredProof, Mail
from gateway.wire.fields import Mailbox
from gateway.wire.payload import Attachment, Payload, build_entity
from tests.services.mails import ADDRESSES, START, letter, plain_mail
from tests.services.world import END, MINUTE, World, open_world, partner
from tests.web.browsing import Browser, console, signed_in

CNAS = ADDRESSES[Role.CNAS]
DOCTOR = Reader(
    id="vasseur",
    functions=frozenset({Function.TREATING_PHYSICIAN}),
    way=Way.FOLDER,
    place="vasseur",
    people=frozenset({"Dr Vasseur"}),
)


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital with four eyes, whose CNAS has only a mail program."""
    partners = (partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE))
    async with open_world(tmp_path, once=True, persons=2, partners=partners, readers=(DOCTOR,)) as world:
        yield world


@pytest.fixture
async def colleague(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of Luc, another secretary."""
    browser = await signed_in(app, hospital, "Luc Petit", Post.SECRETARIAT)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def physician(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of the physician whom the configuration names."""
    browser = await signed_in(app, hospital, "Dr Vasseur", Post.PHYSICIAN)
    yield browser
    await browser.client.aclose()


async def arrived(hospital: World, **changes: Any) -> tuple[Submitted, Mail]:
    """A letter that cites our running request."""
    submitted = await hospital.to_running_by_mdn()
    return submitted, await hospital.take(letter(submitted.message.message_id, **changes))


async def said(browser: Browser, mail: Mail, what: str, **fields: str) -> Any:
    """Choose, then say."""
    await browser.get(f"/courrier/{mail.id}?choix={what}")
    return await browser.send(f"/courrier/{mail.id}", choix=what, **fields)


async def test_a_secretary_sees_the_envelope_and_what_each_choice_does(hospital: World, secretary: Browser) -> None:
    """Who signed, when it arrived, the case and why, what stops the clock; nothing is chosen for her."""
    submitted, mail = await arrived(hospital)
    listed = (await secretary.get("/courrier")).text
    page = (await secretary.get(f"/courrier/{mail.id}")).text

    assert "dont peut-être des réponses de la CNAS : 1" in listed
    assert "signature vérifiée, clé connue" in page
    assert submitted.case.ref in page
    assert "car il cite notre courrier, signé" in page
    assert "C&#39;est peut-être la réponse de la CNAS." in page
    assert "Le délai continue : une question n&#39;est pas une réponse. Deux personnes." in page
    assert "La demande est acceptée" not in page
    assert " checked" not in page
    assert "réservés au médecin" in page
    assert not await hospital.events("mail.read")


async def test_one_person_says_refusal_and_the_clock_stops(hospital: World, secretary: Browser) -> None:
    """An answer stops its own request: no second person is asked."""
    _, mail = await arrived(hospital)
    done = await said(secretary, mail, "refusal")

    assert done.headers["location"] == "/courrier"
    assert (await hospital.request()).state is State.REFUSED
    assert "Un refus : classé par Claire Morel" in (await secretary.get(f"/courrier/{mail.id}")).text


async def test_what_unlocks_a_silence_needs_two_who_say_the_same(hospital: World, app: FastAPI) -> None:
    """The author waits without a button; the second sees what was said, chooses alone, and it is settled."""
    _, mail = await arrived(hospital)
    hospital.clock.go_to(END + MINUTE)
    await hospital.deadlines.tick()
    secretary = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    colleague = await signed_in(app, hospital, "Luc Petit", Post.SECRETARIAT)
    step = (await secretary.get(f"/courrier/{mail.id}?choix=question")).text
    proposed = await said(secretary, mail, "question")
    mine = (await secretary.get(f"/courrier/{mail.id}")).text
    again = await secretary.send(f"/courrier/{mail.id}", choix="question")
    theirs = (await colleague.get(f"/courrier/{mail.id}")).text
    done = await said(colleague, mail, "question")

    assert "une seconde personne devra dire la même chose" in step
    assert "Le délai du dossier" in step
    assert proposed.headers["location"] == f"/courrier/{mail.id}"
    assert "En attente : vous avez dit « Une question »." in mine
    assert 'name="choix"' not in mine
    assert again.status_code == 422
    assert "Il faut une seconde personne." in again.text
    assert "Claire Morel a dit : « Une question »." in theirs
    assert done.headers["location"] == "/courrier"
    assert (await hospital.only(Mail, id=mail.id)).settled_by == "Luc Petit"
    await secretary.client.aclose()
    await colleague.client.aclose()


async def test_who_comes_second_hears_who_was_first(hospital: World, secretary: Browser, colleague: Browser) -> None:
    """The answer names the colleague and when, and what this person had chosen."""
    _, mail = await arrived(hospital)
    await colleague.get(f"/courrier/{mail.id}?choix=acceptance")
    await said(secretary, mail, "refusal")
    late = await colleague.send(f"/courrier/{mail.id}", choix="acceptance", formulaire="oui")

    assert late.status_code == 409
    assert "Un refus : classé par Claire Morel" in late.text
    assert "Votre choix, « Une acceptation », n&#39;a pas été enregistré" in late.text
    assert (await hospital.request()).state is State.REFUSED


async def test_the_second_step_says_what_is_missing_and_keeps_what_was_typed(
    hospital: World, secretary: Browser
) -> None:
    """A partial acceptance names days; another one says whether the form is in it; a case must be named."""
    await hospital.to_running_by_mdn()
    mail = await hospital.take(plain_mail(CNAS))
    nowhere = await said(secretary, mail, "partial", **{"f-granted_from": "demain", "f-granted_until": "20/03/2026"})

    assert nowhere.status_code == 422
    assert "Indiquez le dossier." in nowhere.text
    assert "Écrivez une date comme 13/03/2027." in nowhere.text
    assert 'value="demain"' in nowhere.text
    assert (await hospital.only(Mail, id=mail.id)).settled_as is None


async def test_the_physician_of_the_case_reads_and_that_is_recorded_first(
    hospital: World, secretary: Browser, physician: Browser, app: FastAPI
) -> None:
    """The signed text without markup, its pieces as downloads; anybody else finds no such page."""
    submitted = await hospital.to_running_by_mdn()
    written = Payload(
        sender=Mailbox(display="", address=CNAS),
        to=(Mailbox(display="", address=ADDRESSES[Role.HOSPITAL]),),
        date=START,
        message_id="<lettre@cnas.test>",
        subject="Votre demande",
        text="Nous refusons\u202e, <b>leucémie</b>.",
        in_reply_to=submitted.message.message_id,
        attachments=(Attachment(name="note.html", media_type="text/html", data=b"<script>", role=None),),
    )
    entity = build_entity(written, "lettre")
    mail = await hospital.take(letter(submitted.message.message_id, entity=entity, message_id="<lettre@cnas.test>"))
    stranger = await signed_in(app, hospital, "Dr Autre", Post.PHYSICIAN)
    closed = [
        *[await secretary.get(f"/courrier/{mail.id}/{rest}") for rest in ("lecture", "pieces/0", "fichier")],
        await stranger.get(f"/courrier/{mail.id}/lecture"),
    ]
    assert not await hospital.events("mail.read")
    page = await physician.get(f"/courrier/{mail.id}/lecture")
    piece = await physician.get(f"/courrier/{mail.id}/pieces/0")

    assert {answer.status_code for answer in closed} == {404}
    assert page.status_code == 200, page.text
    assert "&lt;b&gt;leucémie&lt;/b&gt;" in page.text
    assert "\u202e" not in page.text
    assert (piece.content, piece.headers["content-type"]) == (b"<script>", "application/octet-stream")
    assert [entry.actor for entry in await hospital.events("mail.read")] == ["Dr Vasseur", "Dr Vasseur"]
    assert (await physician.get(f"/courrier/{mail.id}/pieces/99")).status_code == 404
    await stranger.client.aclose()


async def test_a_mail_without_a_signature_is_taken_away_not_shown(hospital: World, physician: Browser) -> None:
    """Nothing of it is interpreted here: it is an opaque file."""
    submitted = await hospital.to_running_by_mdn()
    raw = b"Subject: x\r\n\r\n<script>alert(1)</script>"
    mail = await hospital.take(plain_mail(CNAS, cited=(submitted.message.message_id,)), raw=raw)
    page = (await physician.get(f"/courrier/{mail.id}/lecture")).text
    answer = await physician.get(f"/courrier/{mail.id}/fichier")

    assert "alert(1)" not in page
    assert answer.content == raw
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="courrier-{mail.id}.eml"')


async def test_a_mail_is_handed_to_the_physician_and_still_holds(
    hospital: World, secretary: Browser, physician: Browser
) -> None:
    """Once, by name; the physician finds it and says what it is."""
    _, mail = await arrived(hospital)
    page = (await secretary.get(f"/courrier/{mail.id}")).text
    await secretary.send(f"/courrier/{mail.id}/passer")
    secretary.page = page
    await secretary.send(f"/courrier/{mail.id}/passer")
    listed = (await physician.get("/courrier")).text
    done = await said(physician, mail, "refusal")

    assert "passé au médecin par Claire Morel" in listed
    assert len(await hospital.events("triage.passed")) == 1
    assert "Passé au médecin par Claire Morel" in (await secretary.get(f"/courrier/{mail.id}")).text or done
    assert (await hospital.request()).state is State.REFUSED


async def test_refused_mails_are_for_who_watches_over_them(hospital: World, secretary: Browser, app: FastAPI) -> None:
    """The administrator sees envelope, step and reason, and can say nothing of it; a secretary sees how many."""
    await hospital.to_running_by_mdn()
    mail = await hospital.take(letter(fingerprint="E" * 40, address="x@ailleurs.test"))
    assert mail.verdict.value == "quarantine"
    root = await signed_in(app, hospital, "Root", Post.ADMINISTRATOR)
    listed = (await root.get("/courrier")).text
    page = (await root.get(f"/courrier/{mail.id}")).text
    forced = await root.send(f"/courrier/{mail.id}", choix="not-an-answer")

    assert "étape 11 : un seul expéditeur" in listed
    assert "il n&#39;a eu aucun effet" in page
    assert 'name="choix"' not in page
    assert forced.status_code == 404
    assert "Mis de côté par sécurité : 1" in (await secretary.get("/courrier")).text
    assert (await secretary.get(f"/courrier/{mail.id}")).status_code == 404
    await root.client.aclose()


async def test_dates_that_disagree_are_all_told(hospital: World, app: FastAPI) -> None:
    """With who says each."""
    submitted = await hospital.to_running_by_mdn()
    hospital.clock.advance(60 * MINUTE)
    now = hospital.clock.now()
    mail = await hospital.take(letter(submitted.message.message_id), internaldate=now - 50 * MINUTE)
    secretary = await signed_in(app, hospital, "Claire Morel", Post.SECRETARIAT)
    page = (await secretary.get(f"/courrier/{mail.id}")).text

    assert "Les dates ne concordent pas" in page
    assert "selon nos serveurs" in page
    assert "selon la boîte, ou qui l&#39;y a mis" in page
    await secretary.client.aclose()


async def test_a_double_click_says_it_once_and_other_roles_find_nothing(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """An auditor finds neither list nor mail; an address that is no number is no page."""
    _, mail = await arrived(hospital)
    page = (await secretary.get(f"/courrier/{mail.id}?choix=refusal")).text
    first = await secretary.send(f"/courrier/{mail.id}", choix="refusal")
    secretary.page = page
    second = await secretary.send(f"/courrier/{mail.id}", choix="refusal")
    auditor = await signed_in(app, hospital, "Auditeur", Post.AUDITOR)
    answers = [await auditor.get(path) for path in ("/courrier", f"/courrier/{mail.id}", "/courrier/999")]
    odd = await secretary.get("/courrier/leuc%C3%A9mie")
    huge = await secretary.get(f"/courrier/{10**30}")

    assert first.headers["location"] == second.headers["location"] == "/courrier"
    assert len(await hospital.events("triage.classified")) == 1
    assert {answer.status_code for answer in answers} == {404}
    assert odd.status_code == huge.status_code == 404
    assert "leucémie" not in odd.text
    await auditor.client.aclose()


async def test_what_is_none_of_the_choices_is_refused(hospital: World, secretary: Browser) -> None:
    """A word that was made up leaves the mail where it is."""
    _, mail = await arrived(hospital)
    await secretary.get(f"/courrier/{mail.id}?choix=not-an-answer")
    answer = await secretary.send(f"/courrier/{mail.id}", choix="<b>rien")

    assert answer.status_code == 422
    assert "Choisissez ce que c&#39;est." in answer.text
    assert "<b>rien" not in answer.text


async def test_a_console_of_the_cnas_sorts_without_silences(tmp_path: Path) -> None:
    """Other roles have other kinds, and nothing that holds."""
    async with open_world(tmp_path, Role.CNAS, once=True) as world:
        mail = await world.take(plain_mail(ADDRESSES[Role.HOSPITAL]))
        browser = await signed_in(console(world), world, "Agent", Post.AGENT)
        page = (await browser.get(f"/courrier/{mail.id}")).text
        done = await said(browser, mail, "not-an-answer")

        assert "Une acceptation" not in page
        assert "Deux personnes." not in page
        assert done.headers["location"] == "/courrier"
        await browser.client.aclose()


async def test_a_mail_is_brought_as_a_proof_from_its_page_and_a_physician_confirms_it(
    hospital: World, secretary: Browser, colleague: Browser, physician: Browser
) -> None:
    """Who brings it sees its envelope alone; who confirms must be able to read it; no scan is asked for."""
    submitted = await hospital.submit()
    await hospital.send_all()
    mail = await hospital.take(letter(submitted.message.message_id))
    page = (await secretary.get(f"/courrier/{mail.id}")).text
    place = f"/dossiers/{submitted.case.ref}/preuves"
    form = (await secretary.get(f"{place}?courrier={mail.id}")).text
    known = {"partner": "cnas", "demande": submitted.request.hash, "day": "25/01/2026", "hour": "", "seen": "9999"}
    done = await secretary.send(place, courrier=str(mail.id), **known)
    proof = done.headers["location"]
    closed = await colleague.get(f"{proof}/fichier")
    opened = await physician.get(f"{proof}/fichier")
    odd = await secretary.get(f"{place}?courrier=x")
    none = await secretary.get(f"{place}?courrier=999")
    await secretary.get(f"{place}?courrier={mail.id}")
    missing = await secretary.send(place, courrier="999", **known)

    assert f"{place}?courrier={mail.id}" in page
    assert 'type="file"' not in form
    assert done.status_code == 303
    assert (closed.status_code, opened.status_code) == (404, 200)
    assert (odd.status_code, none.status_code, missing.status_code) == (404, 200, 409)
    (kept,) = await hospital.all(EnteredProof)
    assert (kept.mail, kept.counted) == (mail.id, False)
