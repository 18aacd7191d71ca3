"""A message on a page: medical parts for the physician of the case, pieces as files that no browser runs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from gateway.domain.parties import Function
from gateway.domain.readers import Reader, Way
from gateway.domain.rights import Post
from gateway.storage import Account, Message, VaultKey
from tests.services.world import World, open_world
from tests.web.browsing import Browser, signed_in

DOCTORS = tuple(
    Reader(
        id=name.lower(),
        functions=frozenset({Function.TREATING_PHYSICIAN}),
        way=Way.FOLDER,
        place=name,
        people=frozenset({f"Dr {name}"}),
    )
    for name in ("Vasseur", "Fabre")
)


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[World]:
    """A hospital with two physicians."""
    async with open_world(tmp_path, once=True, persons=2, readers=DOCTORS) as world:
        yield world


@pytest.fixture
async def physician(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of one of them."""
    browser = await signed_in(app, hospital, "Dr Vasseur", Post.PHYSICIAN)
    yield browser
    await browser.client.aclose()


async def test_a_secretary_reads_what_is_not_medical(hospital: World, secretary: Browser) -> None:
    """Names and dates; no reason, no medical piece; her look is recorded as what it was."""
    sent = await hospital.submit(reason="leucémie")
    page = (await secretary.get(f"/messages/{sent.message.id}")).text

    assert "BENALI" in page
    assert "leucémie" not in page
    assert "Une partie est réservée au médecin." in page
    assert "devis.pdf" in page
    assert "compte_rendu.pdf" not in page
    entry = (await hospital.events("message.read"))[0]
    assert (entry.actor, b'"share":"without_medical"' in entry.canonical) == ("Claire Morel", True)


async def test_nobody_is_shown_a_midnight(hospital: World, secretary: Browser) -> None:
    """A notice states the end of the period as an instant: a person reads the day that ends with it."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    (notice,) = await hospital.all(Message, kind="STATUS_NOTICE")
    page = (await secretary.get(f"/messages/{notice.id}")).text

    assert "envoyé au CNSE, " in page
    assert "mercredi 28 janvier 2026, fin de journée à Alger" in page
    assert "00 h 00" not in page.partition("<details")[0]


async def test_the_physician_of_the_case_reads_it_whole(hospital: World, physician: Browser, app: FastAPI) -> None:
    """Another physician of the house does not, once the case has one; a reader without the post does not either."""
    sent = await hospital.submit(reason="leucémie")
    path = f"/messages/{sent.message.id}"
    await hospital.readers.assign(sent.case.ref, "vasseur", actor="alice")
    other = await signed_in(app, hospital, "Dr Fabre", Post.PHYSICIAN)
    own = (await physician.get(path)).text
    theirs = (await other.get(path)).text
    async with hospital.store.act() as act:
        account = await act.one(Account, name="Dr Vasseur")
        assert account is not None
        await act.save(replace(account, posts=(Post.SECRETARIAT,)))
    demoted = (await physician.get(path)).text

    assert "leucémie" in own
    assert "compte_rendu.pdf" in own
    assert "leucémie" not in theirs
    assert "leucémie" not in demoted
    await other.client.aclose()


async def test_a_piece_is_saved_and_never_shown_by_the_browser(
    hospital: World, secretary: Browser, physician: Browser
) -> None:
    """As an attachment with a name of ours; a piece beyond what she may read is not there."""
    sent = await hospital.submit()
    first = await secretary.get(f"/messages/{sent.message.id}/pieces/0")
    beyond = [await secretary.get(f"/messages/{sent.message.id}/pieces/{place}") for place in (2, 99)]
    whole = [(await physician.get(f"/messages/{sent.message.id}/pieces/{place}")).status_code for place in range(5)]

    assert first.content == b"form"
    assert first.headers["content-disposition"].startswith('attachment; filename="formulaire.pdf"')
    assert first.headers["x-content-type-options"] == "nosniff"
    assert {answer.status_code for answer in beyond} == {404}
    assert whole == [200, 200, 200, 200, 404]


async def test_who_knows_no_patient_reads_no_message(hospital: World, secretary: Browser, app: FastAPI) -> None:
    """Administrators and auditors find no such page; a forgotten message, and one that never was, neither."""
    sent = await hospital.submit()
    path = f"/messages/{sent.message.id}"
    closed = []
    for name, post in (("Root", Post.ADMINISTRATOR), ("Auditeur", Post.AUDITOR)):
        browser = await signed_in(app, hospital, name, post)
        closed += [await browser.get(place) for place in (path, f"{path}/pieces/0", f"{path}/message.pdf")]
        await browser.client.aclose()
    never = await secretary.get("/messages/999")
    assert not await hospital.events("message.read")
    printed = await secretary.get(f"{path}/message.pdf")
    async with hospital.store.act() as act:
        key = await act.one(VaultKey, id=sent.case.vault_key)
        assert key is not None
        await act.save(replace(key, wrapped=b"", destroyed_at=hospital.clock.now()))
    forgotten = await secretary.get(path)

    assert {answer.status_code for answer in [*closed, never, forgotten]} == {404}
    assert printed.headers["content-type"] == "application/pdf"


async def test_a_physician_who_does_not_follow_the_case_reads_it_by_saying_why(
    hospital: World, physician: Browser, app: FastAPI
) -> None:
    """The way is on the message that is withheld; a reason that says nothing opens nothing; each reading is told."""
    sent = await hospital.submit(reason="leucémie")
    place = f"/messages/{sent.message.id}/acces-exceptionnel"
    await hospital.readers.assign(sent.case.ref, "vasseur", actor="alice")
    other = await signed_in(app, hospital, "Dr Fabre", Post.PHYSICIAN)

    offered = (await other.get(f"/messages/{sent.message.id}")).text
    form = (await other.get(place)).text
    silent = await other.send(place, because=" ça ")
    assert await hospital.events("alarm.exceptional_read") == ()
    whole = await other.send(place, because="garde de nuit, malaise")
    piece = await other.send(f"{place}/2", because="garde de nuit, malaise")
    again = await other.get(f"/messages/{sent.message.id}")
    own = await physician.get(place)
    await other.client.aclose()

    assert f'href="{place}"' in offered
    assert "leucémie" not in form + silent.text + again.text
    assert (silent.status_code, "because-faute" in silent.text) == (422, True)
    assert "leucémie" in whole.text
    assert f'action="{place}/2"' in whole.text
    assert piece.headers["content-disposition"].startswith("attachment")
    assert own.status_code == 404
    assert len(await hospital.events("alarm.exceptional_read")) == 2


async def test_nobody_but_a_physician_is_offered_exceptional_access(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """Neither the link nor the page, nor by sending the form of another page; nothing is told."""
    sent = await hospital.submit(reason="leucémie")
    place = f"/messages/{sent.message.id}/acces-exceptionnel"
    root = await signed_in(app, hospital, "Root", Post.ADMINISTRATOR)
    shown = (await secretary.get(f"/messages/{sent.message.id}")).text
    tried = [await browser.get(place) for browser in (secretary, root)]
    await secretary.get("/dossiers")
    sent_anyway = [
        await secretary.send(place, because="garde de nuit, malaise"),
        await secretary.send(f"{place}/2", because="garde de nuit, malaise"),
    ]
    await root.client.aclose()

    assert place not in shown
    assert {answer.status_code for answer in [*tried, *sent_anyway]} == {404}
    assert "leucémie" not in "".join(answer.text for answer in sent_anyway)
    assert await hospital.events("alarm.exceptional_read") == ()
