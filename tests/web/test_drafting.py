"""A form that several persons fill: nothing typed or uploaded is lost, what is medical stays so, it goes once."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.formparsers import MultiPartParser

from gateway.domain.kinds import EXTENSION_REQUEST
from gateway.domain.parties import Role
from gateway.domain.rights import Post
from gateway.ports import SpoolFile
from gateway.services.draft_retention import KEPT_FOR, DraftRetention
from gateway.services.forget import Forgetting
from gateway.storage import Case, FormDraft, Message, Request
from gateway.web.threshold import MAX_BODY
from tests.services.mails import VALUES
from tests.services.opened import CARE
from tests.services.world import World, open_world
from tests.web.browsing import Browser, console, signed_in, without_its_path

KIND = "EXTENSION_REQUEST"
NEW = f"/demandes/nouvelle/{KIND}"
PDF = b"%PDF-1.7 papier"
ROLES = [piece.role for piece in EXTENSION_REQUEST.pieces]
VERSION = re.compile(r'name="version" value="(\d+)"')


def fields(**changed: str) -> dict[str, str]:
    """The whole form, as a person types it."""
    typed = {f"f-{name}": value for name, value in {**VALUES, **changed}.items()}
    return typed | {"f-authorised_until": "20/02/2026", "f-requested_from": "21/02/2026"} | changed_dates(changed)


def changed_dates(changed: dict[str, str]) -> dict[str, str]:
    """What a test says of dates outranks the usual ones."""
    return {f"f-{name}": value for name, value in changed.items()}


def files(*roles: str, data: bytes = PDF, name: str = "piece.pdf") -> list[tuple[str, tuple[str, bytes, str]]]:
    """These pieces, as a browser sends them."""
    return [(f"p-{role}", (name, data, "application/pdf")) for role in roles]


async def sent(browser: Browser, path: str, *, upload: Any = None, **typed: str) -> Any:
    """Send the form that is open, with the version that it shows."""
    found = VERSION.search(browser.page)
    data = {"version": found.group(1) if found else "0", **typed}
    return await browser.send(path, files=upload or [("none", ("", b"", ""))], **data)


async def kept(browser: Browser, *roles: str, **changed: str) -> str:
    """The path of a new form, kept with these pieces."""
    await browser.get(NEW)
    answer = await sent(browser, NEW, upload=files(*roles), **fields(**changed))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


@pytest.fixture
async def physician(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of a physician."""
    browser = await signed_in(app, hospital, "Dr Vasseur", Post.PHYSICIAN)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def auditor(app: FastAPI, hospital: World) -> AsyncIterator[Browser]:
    """The browser of an auditor."""
    browser = await signed_in(app, hospital, "Auditeur", Post.AUDITOR)
    yield browser
    await browser.client.aclose()


async def test_a_request_goes_from_the_secretary_by_the_physician_to_the_cnas(
    hospital: World, secretary: Browser, physician: Browser
) -> None:
    """She keeps it, the physician sees every piece and validates, she re-reads and sends; it leaves with four parts."""
    place = await kept(secretary, *ROLES)
    early = await secretary.get(f"{place}/relire")
    refused = await sent(secretary, f"{place}/envoyer", version="1")

    assert "Un médecin doit encore valider" in early.text
    assert refused.status_code == 422
    assert "Un médecin doit d&#39;abord valider" in refused.text

    await physician.get("/demandes/nouvelle")
    assert "à valider par un médecin" in physician.page
    await physician.get(f"{place}/relire")
    assert "complication" in physician.page
    assert (await sent(physician, f"{place}/valider")).headers["location"] == f"{place}/relire"

    await secretary.get(f"{place}/relire")
    done = await sent(secretary, f"{place}/envoyer")

    case = await hospital.only(Case)
    assert done.headers["location"] == f"/dossiers/{case.ref}"
    request = await hospital.request()
    assert request.requested_from.isoformat() == "2026-02-21"
    assert [entry.actor for entry in await hospital.events("request.submitted")] == ["Claire Morel"]
    draft = await hospital.only(FormDraft)
    assert (draft.outcome, draft.content) == ("sent", b"")


async def test_a_draft_waits_for_a_restart_and_knows_what_is_missing(hospital: World, secretary: Browser) -> None:
    """Another console on the same records shows the same form, and names the piece that is not there."""
    place = await kept(secretary, *ROLES[:3], care="")
    again = await signed_in(console(hospital), hospital, "Claire Morel")

    await again.get(place)
    led = await again.get(f"{place}/relire")
    page = (await again.get(led.headers["location"])).text

    assert led.headers["location"] == f"{place}?manque=1"
    assert "BENALI" in page
    assert "Il manque : protocole détaillé" in page
    assert "À remplir : soins demandés" in page
    assert page.count("Présente") == 3
    await again.client.aclose()


async def test_five_files_of_which_one_is_wrong_lose_none_of_the_others(secretary: Browser) -> None:
    """A program that says that it is a PDF is named and not kept; everything else is, also what was typed."""
    await secretary.get(NEW)
    wrong = ("p-quote", ("devis.pdf", b"MZ\x90 program", "application/pdf"))
    stranger = ("p-portrait", ("x.pdf", PDF, "application/pdf"))
    answer = await sent(
        secretary, NEW, upload=[*files("form", "medical_report", "care_protocol"), wrong, stranger], **fields()
    )
    page = (await secretary.get(answer.headers["location"])).text

    assert page.count(">Présente<") == 3
    assert "ni un PDF, ni une image" in page
    assert "BENALI" in page
    assert "portrait" in str(answer.headers["location"])


@pytest.mark.parametrize(
    ("data", "told"), [(b"", "Ce fichier est vide"), (b"%PDF-" + bytes(20 * 1024 * 1024), "dépasse 20 Mo")]
)
async def test_an_empty_or_huge_file_is_named(secretary: Browser, data: bytes, told: str) -> None:
    """The form stays, and says why that file was not kept."""
    await secretary.get(NEW)
    answer = await sent(secretary, NEW, upload=files("form", data=data), **fields())

    assert told in (await secretary.get(answer.headers["location"])).text


async def test_a_name_that_deceives_the_eye_is_made_plain(secretary: Browser) -> None:
    """Turned letters, folders and quotes go; the extension is what the content is."""
    await secretary.get(NEW)
    name = "../../rapport\u202efdp.exe"
    answer = await sent(secretary, NEW, upload=files("form", name=name), **fields(patient_name="BEN\u202eALI"))
    page = (await secretary.get(answer.headers["location"])).text
    download = await secretary.get(f"{answer.headers['location']}/pieces/form")

    assert "\u202e" not in page.replace('value="BEN\u202eALI"', "")
    assert download.headers["content-disposition"].startswith('attachment; filename="rapport')
    assert download.headers["content-disposition"].endswith(".pdf")
    assert download.headers["x-content-type-options"] == "nosniff"
    assert download.content == PDF


async def test_what_is_medical_is_for_physicians(hospital: World, secretary: Browser, physician: Browser) -> None:
    """The secretary sees that it is there; the physician reads it, and that is in the log before it leaves."""
    place = await kept(secretary, *ROLES)

    assert "complication" not in (await secretary.get(place)).text
    assert "Réservé au médecin" in secretary.page
    assert (await secretary.get(f"{place}/pieces/medical_report")).status_code == 404
    assert not await hospital.events("draft.read")
    assert (await physician.get(f"{place}/pieces/medical_report")).content == PDF
    assert "complication" in (await physician.get(place)).text
    assert [entry.actor for entry in await hospital.events("draft.read")] == ["Dr Vasseur", "Dr Vasseur"]


async def test_an_empty_field_keeps_the_medical_text_that_the_secretary_cannot_see(
    secretary: Browser, physician: Browser
) -> None:
    """She completes a date; what the physician wrote stays."""
    place = await kept(secretary, *ROLES)
    await secretary.get(place)
    await sent(secretary, place, **fields(care="", reason="", quote_eur="99,50"))

    page = (await physician.get(place)).text

    assert "complication" in page
    assert 'value="99.50"' in page


async def test_a_change_after_the_validation_asks_for_another(
    hospital: World, secretary: Browser, physician: Browser
) -> None:
    """One figure is enough; keeping without a change is not one."""
    place = await kept(secretary, *ROLES)
    await physician.get(f"{place}/relire")
    await sent(physician, f"{place}/valider")
    await secretary.get(place)
    await sent(secretary, place, **fields(care="", reason=""))
    assert (await hospital.only(FormDraft)).validated_by == "Dr Vasseur"

    await secretary.get(place)
    await sent(secretary, place, **fields(care="", reason="", quote_eur="13000,00"))
    await secretary.get(f"{place}/relire")
    answer = await sent(secretary, f"{place}/envoyer", version="2")

    assert (await hospital.only(FormDraft)).validated_by is None
    assert answer.status_code == 422
    assert not await hospital.all(Request)


async def test_one_person_alone_does_not_validate_and_send_under_four_eyes(hospital: World, app: FastAPI) -> None:
    """With both posts: two persons are needed where four eyes are on, one is enough where they are off."""
    both = await signed_in(app, hospital, "Dr Seul", Post.SECRETARIAT, Post.PHYSICIAN)
    place = await kept(both, *ROLES)
    await both.get(f"{place}/relire")
    await sent(both, f"{place}/valider")
    await both.get(f"{place}/relire")
    held = await sent(both, f"{place}/envoyer", version="1")
    hospital.persons = 1
    alone = await signed_in(console(hospital), hospital, "Dr Seul")
    await alone.get(f"{place}/relire")
    gone = await sent(alone, f"{place}/envoyer")

    assert held.status_code == 422
    assert "une seconde personne envoie" in held.text
    assert gone.status_code == 303
    await both.client.aclose()
    await alone.client.aclose()


async def test_who_filled_an_older_version_keeps_the_text_and_hears_whose_came_first(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """The answer is a conflict that shows both; a file for a free place is kept, one for a taken place is not."""
    other = await signed_in(app, hospital, "Luc Petit", Post.SECRETARIAT)
    place = await kept(secretary, "form")
    await secretary.get(place)
    await other.get(place)
    await sent(other, place, **fields(physician="Dr Autre"))

    answer = await sent(secretary, place, upload=files("form", "quote"), **fields(physician="Dr Mien"))

    assert answer.status_code == 409
    assert "Luc Petit a changé cette page" in answer.text
    assert 'value="Dr Mien"' in answer.text
    assert "Dr Autre" in answer.text
    assert answer.text.count(">Présente<") == 2
    await sent(secretary, place, **fields(physician="Dr Mien"))
    assert 'value="Dr Mien"' in (await secretary.get(place)).text
    await other.client.aclose()


async def test_two_persons_who_begin_the_same_for_a_case_meet(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """There is one form for one exchange of a case."""
    ref = (await hospital.submit()).case.ref
    other = await signed_in(app, hospital, "Luc Petit", Post.SECRETARIAT)
    path = f"/dossiers/{ref}/envoyer/MEDICAL_REPORT"
    await secretary.get(path)
    await other.get(path)
    first = await sent(other, path)

    second = await sent(secretary, path, upload=files("medical_report"))

    assert second.status_code == 409
    assert (await secretary.get(path)).headers["location"] == first.headers["location"]
    assert len(await hospital.all(FormDraft)) == 1
    await other.client.aclose()


async def test_a_double_click_sends_one_request(hospital: World, secretary: Browser, physician: Browser) -> None:
    """The second is led where the first was."""
    place = await kept(secretary, *ROLES)
    await physician.get(f"{place}/relire")
    await sent(physician, f"{place}/valider")
    page = (await secretary.get(f"{place}/relire")).text
    first = await sent(secretary, f"{place}/envoyer")
    secretary.page = page
    second = await sent(secretary, f"{place}/envoyer")

    assert second.headers["location"] == first.headers["location"]
    assert len(await hospital.all(Request)) == len(await hospital.all(Message)) == 1


async def test_a_field_as_long_as_a_book_is_said_to_be_too_long(secretary: Browser) -> None:
    """Long text is kept and refused when it is re-read; beyond reason it is shown again, not kept."""
    place = await kept(secretary, *ROLES, physician="x" * 30_000)
    page = (await secretary.get(f"{place}?manque=1")).text
    await secretary.get(place)
    answer = await sent(secretary, place, **fields(physician="y" * 2_000_000))

    assert "dépasse 20000 caractères" in page
    assert answer.status_code == 422
    assert "y" * 1000 in answer.text


async def test_wrong_values_are_said_field_by_field(secretary: Browser) -> None:
    """Each field says what it expects, and keeps what was typed."""
    place = await kept(secretary, patient_born="hier", quote_eur="beaucoup", nature="", requested_until="01/01/2026")
    page = (await secretary.get(f"{place}?manque=1")).text

    assert 'value="hier"' in page
    assert "Écrivez une date comme 13/03/2027." in page
    assert "Écrivez un montant en euros" in page
    assert "Choisissez une des réponses." in page or "À remplir : nature de la demande" in page
    assert "Cette date vient avant l&#39;autre" in page


async def test_other_roles_find_no_such_page(hospital: World, secretary: Browser, auditor: Browser) -> None:
    """An auditor cannot tell a form that exists from one that does not."""
    place = await kept(secretary, "form")
    pages = [
        *("/demandes/nouvelle", NEW, place, f"{place}/relire", f"{place}/pieces/form", "/demandes/abc"),
        "/demandes/nouvelle/STATUS_NOTICE",
    ]
    answers = [await auditor.get(path) for path in pages]
    await secretary.get(place)
    auditor.page = (await auditor.get("/")).text
    posted = await sent(auditor, place, **fields())

    assert {answer.status_code for answer in answers} == {404}
    assert len({without_its_path(answer) for answer in answers}) == 1
    assert posted.status_code == 404
    assert (await hospital.only(FormDraft)).version == 1


async def test_nothing_lies_in_clear_on_the_disk(secretary: Browser, tmp_path: Path) -> None:
    """Neither in the database nor in the spool, nor in a temporary file on the way."""
    await kept(secretary, *ROLES, physician="Dr Introuvable")

    stored = await asyncio.to_thread(
        lambda: b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    )
    assert b"Introuvable" not in stored
    assert b"papier" not in stored
    assert MultiPartParser.spool_max_size > MAX_BODY


async def test_a_form_ends_with_its_files(hospital: World, secretary: Browser) -> None:
    """Given up, replaced, removed or left for a month: the files are gone and open no more."""
    place = await kept(secretary, "form", "quote")
    await secretary.get(place)
    await sent(secretary, place, upload=files("form", data=PDF + b"2"), retirer="quote", **fields())
    assert len([file for file in await hospital.all(SpoolFile) if file.wrapped]) == 1
    await secretary.get(place)
    await sent(secretary, f"{place}/abandonner")
    gone = await secretary.get(place)
    await kept(secretary, "form")
    retention = DraftRetention(
        store=hospital.store, cabinet=hospital.cabinet, clock=hospital.clock, party=hospital.party
    )
    hospital.clock.advance(KEPT_FOR)
    early = await retention.round()
    hospital.clock.advance(timedelta(minutes=1))

    assert gone.status_code == 404
    assert (early, await retention.round()) == (0, 1)
    assert [row.outcome for row in await hospital.all(FormDraft)] == ["dropped", "swept"]
    assert not [file for file in await hospital.all(SpoolFile) if file.wrapped]
    assert not hospital.vault.names()


async def test_a_form_is_forgotten_with_its_case(hospital: World, secretary: Browser) -> None:
    """The case's key sealed it; its row tells no more than that it was."""
    ref = (await hospital.submit()).case.ref
    path = f"/dossiers/{ref}/envoyer/MEDICAL_REPORT"
    await secretary.get(path)
    place = (await sent(secretary, path, upload=files("medical_report"))).headers["location"]
    async with hospital.store.act() as act:
        case = await act.one(Case, ref=ref)
        assert case is not None
        forgetting = Forgetting(
            store=hospital.store, cabinet=hospital.cabinet, clock=hospital.clock, party=hospital.party, years=3
        )
        key = await hospital.cabinet.case_key(act, case)
        await forgetting._destroy(act, case, key)

    draft = await hospital.only(FormDraft)
    assert (draft.outcome, draft.content) == ("forgotten", b"")
    assert (await secretary.get(place)).status_code == 404


async def test_a_rule_that_warns_wants_a_reason(hospital: World, secretary: Browser, physician: Browser) -> None:
    """A request after the end of the authorisation is held until somebody says why; the reason is kept sealed."""
    late = {"authorised_until": "20/01/2026", "requested_from": "21/01/2026"}
    place = await kept(secretary, *ROLES, **late)
    page = (await secretary.get(f"{place}/relire")).headers["location"]
    page = (await secretary.get(page)).text
    await sent(secretary, place, parce_que="accord par téléphone", **fields(care="", reason="", **late))
    await physician.get(f"{place}/relire")
    await sent(physician, f"{place}/valider")
    await secretary.get(f"{place}/relire")
    answer = await sent(secretary, f"{place}/envoyer")

    assert "L&#39;autorisation est terminée" in page
    assert answer.status_code == 303, answer.text
    entry = (await hospital.events("request.submitted"))[0]
    assert b'"insisted":true' in entry.canonical


async def test_a_case_prefills_its_form_and_the_clock_is_said(hospital: World, secretary: Browser) -> None:
    """Nobody types a name twice; no choice is made for anybody; the end of the period is in full."""
    ref = (await hospital.submit()).case.ref
    page = (await secretary.get(f"/dossiers/{ref}/envoyer/{KIND}")).text

    assert 'value="BENALI"' in page
    assert 'value="20/02/2026"' in page
    assert 'value="21/02/2026"' in page
    assert " checked" not in page
    assert "mercredi 28 janvier 2026, fin de journée à Alger" in page
    assert "CNAS, cellule de conventionnement" in page


async def test_the_first_step_names_what_is_missing(secretary: Browser) -> None:
    """A message without a case that it needs, a case without a message, a number that nobody has."""
    lacking = (await secretary.get("/demandes/nouvelle?type=MEDICAL_REPORT")).text
    nothing = (await secretary.get("/demandes/nouvelle?dossier=7F3K-Q2")).text
    unknown = (await secretary.get("/demandes/nouvelle?type=MEDICAL_REPORT&dossier=%22%3E%3Cb%3E")).text
    opens = await secretary.get(f"/demandes/nouvelle?type={KIND}")

    assert "Ce message n&#39;ouvre pas de dossier" in lacking
    assert "Choisissez un message." in nothing
    assert "Aucun dossier n&#39;a ce numéro ici." in unknown
    assert "<b>" not in unknown.replace("<b><a", "")
    assert opens.headers["location"] == NEW


async def test_a_crash_between_the_sealing_and_the_commit_leaves_the_form(
    hospital: World, secretary: Browser, physician: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of the form and the request are one commit: neither without the other."""
    place = await kept(secretary, *ROLES)
    await physician.get(f"{place}/relire")
    await sent(physician, f"{place}/valider")

    async def breaks(*_args: Any, **_named: Any) -> list[str]:
        raise RuntimeError("the machine stops")

    monkeypatch.setattr("gateway.services.drafts.end", breaks)
    await secretary.get(f"{place}/relire")
    broken = await sent(secretary, f"{place}/envoyer")
    monkeypatch.undo()

    assert broken.status_code == 500
    assert "the machine stops" not in broken.text

    assert not await hospital.all(Request)
    await secretary.get(f"{place}/relire")
    assert (await sent(secretary, f"{place}/envoyer")).status_code == 303


async def test_what_was_typed_when_the_sign_in_ran_out_is_kept_and_nothing_is_shown(
    hospital: World, secretary: Browser, app: FastAPI
) -> None:
    """She is led to the sign-in page, then to her form; a conflict, or a day later, shows nothing."""
    place = await kept(secretary, "form")
    page = (await secretary.get(place)).text
    hospital.clock.advance(timedelta(minutes=45))
    reading = await secretary.get(place)
    secretary.page = page
    answer = await sent(secretary, place, upload=files("quote"), **fields(physician="Dr Tardif"))
    secretary.page = page
    stale = await sent(secretary, place, **fields(physician="Dr Encore"))
    back = await signed_in(app, hospital, "Claire Morel")
    shown = (await back.get(answer.headers["location"])).text
    hospital.clock.advance(timedelta(days=1))
    secretary.page = page
    dead = await sent(secretary, place, **fields(physician="Dr Jamais"))

    assert reading.headers["location"].startswith("/connexion")
    assert answer.headers["location"] == place
    assert 'value="Dr Tardif"' in shown
    assert shown.count(">Présente<") == 2
    assert stale.headers["location"].startswith(("/connexion", place))
    assert "Dr Encore" not in shown
    assert dead.headers["location"].startswith("/connexion")
    assert (await hospital.only(FormDraft)).version == 2
    await back.client.aclose()


async def test_a_form_waits_on_the_first_page_of_who_must_act(secretary: Browser, physician: Browser) -> None:
    """First on the physician's, then on the secretary's."""
    place = await kept(secretary, *ROLES)
    early = (await secretary.get("/")).text
    theirs = (await physician.get("/")).text
    await physician.get(f"{place}/relire")
    await sent(physician, f"{place}/valider")

    assert place not in early
    assert f"{place}/relire" in theirs
    assert "validé par Dr Vasseur" in (await secretary.get("/")).text
    assert place not in (await physician.get("/")).text


async def test_the_same_place_twice_in_one_form_keeps_one_file(hospital: World, secretary: Browser) -> None:
    """A browser does not send it so; whoever does leaves no file behind that nobody knows."""
    await secretary.get(NEW)
    await sent(secretary, NEW, upload=[*files("form"), *files("form", data=PDF + b"2")], **fields())

    assert len([file for file in await hospital.all(SpoolFile) if file.wrapped]) == 1
    assert len(hospital.vault.names()) == 1


async def test_a_form_is_about_a_request_of_its_case(hospital: World, secretary: Browser) -> None:
    """Named whole or by its beginning it is one form; a made-up one is no page, nor is a message without its case."""
    submitted = await hospital.to_running()
    path, name = f"/dossiers/{submitted.case.ref}/envoyer/INFO_RESPONSE", submitted.request.hash
    await secretary.get(f"{path}?demande={name}")
    first = await sent(secretary, f"{path}?demande={name}")
    again = await secretary.get(f"{path}?demande={name[:12]}")
    odd = [
        await secretary.get(place)
        for place in (f"{path}?demande=%00", f"{path}?demande={'f' * 64}", "/demandes/nouvelle/MEDICAL_REPORT")
    ]

    assert again.headers["location"] == first.headers["location"]
    assert (await hospital.only(FormDraft)).request_hash == name
    assert {answer.status_code for answer in odd} == {404}


async def test_the_cnas_asks_for_care_with_its_adviser(tmp_path: Path) -> None:
    """Other posts, other kinds: one hospital need not be chosen, and the adviser validates what is medical."""
    async with open_world(tmp_path, Role.CNAS, once=True) as world:
        app = console(world)
        agent = await signed_in(app, world, "Agent", Post.AGENT)
        adviser = await signed_in(app, world, "Dr Conseil", Post.ADVISER)
        path = "/demandes/nouvelle/CARE_REQUEST"
        page = (await agent.get(path)).text
        typed = {f"f-{name}": value for name, value in CARE.items()}
        answer = await sent(agent, path, upload=files("medical_file"), **typed)
        place = answer.headers["location"]
        await adviser.get(f"{place}/relire")
        await sent(adviser, f"{place}/valider")
        await agent.get(f"{place}/relire")
        done = await sent(agent, f"{place}/envoyer")

        assert "hôpital, médecin qui suit le patient" in page
        assert done.status_code == 303, done.text
        assert (await world.only(Case)).state.value == "received"
        await agent.client.aclose()
        await adviser.client.aclose()


async def test_files_that_are_together_too_heavy_are_kept_and_said(secretary: Browser) -> None:
    """Each is small enough; the mail would not be. Nothing is lost, and the page says what to do."""
    await secretary.get(NEW)
    heavy = PDF + bytes(9_000_000)
    answer = await sent(secretary, NEW, upload=[*files(*ROLES[2:]), *files(*ROLES[:2], data=heavy)], **fields())
    led = await secretary.get(f"{answer.headers['location']}/relire")
    page = (await secretary.get(led.headers["location"])).text

    assert led.headers["location"].endswith("?manque=1")
    assert "trop lourdes pour un courrier" in page
    assert "Les pièces pèsent 17579 Ko" in page
    assert page.count(">Présente<") == 4
