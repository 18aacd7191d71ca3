"""A printed message: the form's own titles, medical parts for physicians alone, and texts of strangers as they are."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.document.pdf import TypstPrinter
from gateway.domain.parties import Function
from gateway.domain.readers import Reader, Way
from gateway.services.excerpt import Content
from gateway.services.message_sheet import LONGEST, message_sheet
from gateway.storage import Direction, Message
from tests.services.certifying import text_of
from tests.services.conftest import Build
from tests.services.mails import START
from tests.services.world import World

MEDICAL = ("rééducation", "complication")


async def printed(world: World, kind: str, *, actor: str, language: str = "fr") -> str:
    """What a person sees of the newest message of this kind."""
    message = (await world.all(Message, kind=kind, direction=Direction.OUT))[-1]
    opened = await world.archive.read(message.id, actor=actor, purpose="printed")
    sheet = message_sheet(opened, party=world.party, actor=actor, at=world.clock.now())
    return text_of(TypstPrinter().pdf(sheet, language=language, at=world.clock.now()))


def doctor(folder: Path) -> Reader:
    """The only physician, named."""
    follows = frozenset({Function.TREATING_PHYSICIAN})
    return Reader(id="medecin", functions=follows, way=Way.FOLDER, place=str(folder), people=frozenset({"Dr Fabre"}))


async def test_a_physician_has_the_whole_request_and_others_all_but_what_is_medical(
    build: Build, tmp_path: Path
) -> None:
    """SE 352-302: dates in words, amounts as they are written, pieces by their titles; the reading is recorded."""
    world = await build(readers=(doctor(tmp_path),))
    submitted = await world.submit()
    for actor, whole in (("Dr Fabre", True), ("alice", False)):
        told = await printed(world, "EXTENSION_REQUEST", actor=actor)
        for expected in (
            "Demande de poursuite ou de modification des soins programmés",
            "SE 352-302",
            submitted.case.ref,
            "BENALI",
            "samedi 21 février 2026",
            "formulaire SE 352-302",
            "quatre jours ouvrables en Algérie",
        ):
            assert expected in told, expected
        assert submitted.request.hash in told.replace(" ", "")
        for word in (*MEDICAL, "compte-rendu médical détaillé"):
            assert (word in told) is whole, (word, actor)
        assert ("Données médicales" in told) is whole
        assert ("Seul un médecin" in told) is not whole
    records = await world.events("message.read")
    assert [(record.actor, record.outcome) for record in records] == [("Dr Fabre", "printed"), ("alice", "printed")]


async def test_the_notice_of_a_silence_prints_as_it_was_sent(hospital: World) -> None:
    """With its instants in words and what the texts make of it."""
    await hospital.to_running()
    await hospital.at_ripe(START + timedelta(days=5))
    await hospital.deadlines.tick()
    told = await printed(hospital, "TACIT_ACCEPTANCE_NOTICE", actor="alice")
    assert "Notification d’acceptation réputée acquise" in told
    assert "l’acceptation est réputée acquise dans les termes de la demande" in told
    assert "cnas, cnse" in told
    assert "fin du mercredi 28 janvier 2026, heure d’Alger" in told
    assert "Données médicales" not in told


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_hostile_values_are_letters(hospital: World, language: str) -> None:
    """Several lines, markup, marks of direction: nothing is interpreted."""
    await hospital.submit(reason='une\nligne #panic() "x" \u202eabc *gras*')
    told = await printed(hospital, "EXTENSION_REQUEST", actor="alice", language=language)
    assert 'une ligne #panic() "x" abc *gras*' in told


async def test_without_a_manifest_that_is_read_its_own_text_is_printed(hospital: World) -> None:
    """As a physician may have it; who is none gets what the catalogue tells."""
    await hospital.submit()
    (message,) = await hospital.all(Message, kind="EXTENSION_REQUEST")
    opened = await hospital.archive.read(message.id, actor="alice", purpose="printed")
    payload = replace(opened.content.payload, manifest=None, text="Bonjour,\nvoici <b>la</b> demande.")
    unread = replace(opened, content=Content(kind=opened.content.kind, values={}, payload=payload))
    for whole in (True, False):
        sheet = message_sheet(replace(unread, whole=whole), party=hospital.party, actor="alice", at=START)
        told = text_of(TypstPrinter().pdf(sheet, language="fr", at=START))
        assert ("voici <b>la</b> demande." in told) is whole


async def test_an_endless_text_is_cut_and_says_so(hospital: World) -> None:
    """A partner's megabytes do not keep the printer for hours."""
    await hospital.submit()
    (message,) = await hospital.all(Message, kind="EXTENSION_REQUEST")
    opened = await hospital.archive.read(message.id, actor="alice", purpose="printed")
    kind, payload = opened.content.kind, replace(opened.content.payload, text="mot " * 250_000)
    for values in ({}, {"reason": "mot " * 250_000}):
        content = Content(kind=kind, values=values, payload=payload)
        sheet = message_sheet(replace(opened, content=content), party=hospital.party, actor="alice", at=START)
        told = text_of(TypstPrinter().pdf(sheet, language="fr", at=START))
        assert told.count("mot ") < LONGEST / 3
        assert "La suite ne s’imprime pas" in told or "[…]" in told
