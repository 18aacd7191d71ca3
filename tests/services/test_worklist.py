"""What each role is told: its worklist, its cases, and what the listings print of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.cli import glance
from gateway.cli.copies import copy_line
from gateway.cli.listing import show_cases
from gateway.cli.todo import show_duty
from gateway.cli.triage import _about, _next, _reason, _signature, _standing, _suggestion
from gateway.domain.duties import Urgency
from gateway.domain.errors import Unknown
from gateway.domain.kinds import KINDS
from gateway.domain.parties import PartnerKind, Role
from gateway.domain.readers import Readership
from gateway.services.desk import Submitted
from gateway.services.dossier import Archive, MailView
from gateway.services.fiche import Fiche
from gateway.services.shapes import status as shapes
from gateway.services.worklist import Item
from gateway.storage import Mail, VaultKey
from tests.services.conftest import Build
from tests.services.mails import (
    ADDRESSES,
    REF,
    START,
    VALUES,
    answer_mail,
    letter,
    plain_mail,
    repaired_copy,
    request_mail,
    sealed_message,
    written,
)
from tests.services.world import END, MINUTE, World, partner

DAY = timedelta(days=1)


def archive(world: World) -> Archive:
    """What persons read of this gateway."""
    return Archive(
        store=world.store,
        cabinet=world.cabinet,
        clock=world.clock,
        party=world.party,
        almanac=world.requests.almanac,
        readership=Readership(role=world.role, readers=()),
    )


async def todo(world: World, ref: str | None = None) -> list[str]:
    """The codes of what is to be done."""
    return [item.duty.code for item in await archive(world).worklist.todo(ref)]


async def listed(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """What « gateway cases » prints."""
    capsys.readouterr()
    show_cases(await archive(world).cases(), world.role)
    return capsys.readouterr().out


async def waiting(world: World) -> str:
    """What « gateway status » prints of what is awaited."""
    return "\n".join(glance.waiting(shapes.glance(await world.health.read())))


def mail_told(view: MailView) -> str:
    """What « gateway triage show » prints of it."""
    return "\n".join(line for line in (_reason(view.mail), _suggestion(view), _signature(view), _next(view)) if line)


async def shown(world: World, mail: Mail) -> str:
    """The same, of a mail."""
    return mail_told(await archive(world).mail(mail.id))


# --- the hospital


async def test_a_refusal_without_motive_is_on_the_list_until_it_is_met(hospital: World) -> None:
    """Two duties of one answer: the motive that the CNAS owes, and the return that the hospital asks."""
    submitted = await hospital.to_running()
    assert await todo(hospital) == []
    await hospital.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False))
    assert await todo(hospital) == ["repatriation_to_ask", "refusal_not_motivated"]
    await hospital.desk.submit(
        Fiche(path="", kind=KINDS["REPATRIATION_REQUEST"], ref=submitted.case.ref, values={}), actor="alice"
    )
    assert await todo(hospital) == ["refusal_not_motivated", "repatriation_to_organise"]
    with_motive = answer_mail(
        submitted.request.hash, ref=submitted.case.ref, accepts=False, values={"motive": "soins possibles"}
    )
    await hospital.take(with_motive)
    assert await todo(hospital) == ["repatriation_to_organise"]


async def test_the_list_of_one_case_is_that_case_s_alone(hospital: World) -> None:
    """And an unknown case is told as that."""
    first = await hospital.submit()
    second = await hospital.submit(care="autre")
    hospital.clock.advance(DAY)
    assert await todo(hospital) == ["receipt_missing", "receipt_missing"]
    items = await archive(hospital).worklist.todo(second.case.ref)
    assert [(item.ref, item.duty.request) for item in items] == [(second.case.ref, second.request.hash)]
    assert first.case.ref != second.case.ref
    with pytest.raises(Unknown):
        await todo(hospital, "0000-00")


async def test_a_mail_that_holds_a_silence_back_is_on_the_list(build: Build) -> None:
    """With its case when it seems to be about one; settled, it is gone; proposed, it asks for the second person."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    submitted = await world.to_running_by_mdn()
    other = await world.submit(care="autre")
    row = await world.take(plain_mail(ADDRESSES[Role.CNAS], cited=(submitted.message.message_id,)))
    await world.take(plain_mail(ADDRESSES[Role.CNAS], notice=True))
    (item,) = await archive(world).worklist.todo(submitted.case.ref)
    assert (item.duty.code, item.duty.urgency, item.ref) == ("mail_to_sort", Urgency.NOW, submitted.case.ref)
    assert await todo(world, other.case.ref) == []
    await world.triage.classify(row.id, "question", actor="alice")
    (item,) = await archive(world).worklist.todo(submitted.case.ref)
    assert "alice" in str(item.duty.sentence)
    await world.triage.classify(row.id, "question", actor="bob")
    assert await todo(world) == ["question_to_answer"]


async def test_a_forgotten_case_still_tells_what_is_owed(hospital: World) -> None:
    """Its key is destroyed: what only a sealed field would tell is not known, and nothing fails."""
    submitted = await hospital.to_running()
    await hospital.take(answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=False))
    key = await hospital.only(VaultKey, id=submitted.case.vault_key)
    await hospital.change(replace(key, destroyed_at=hospital.clock.now()))
    assert "repatriation_to_ask" in await todo(hospital)


async def test_the_hospital_reads_what_to_do_in_its_listing(
    hospital: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A case without any request is listed too."""
    submitted = await hospital.to_running()
    await hospital.take(
        sealed_message(
            "CARE_REQUEST",
            sender=Role.CNAS,
            to=(ADDRESSES[Role.HOSPITAL],),
            ref="AAAA-AA",
            values={**{name: VALUES[name] for name in list(VALUES)[:4]}, "pathology": "x", "treatments": "x"}
            | {"examinations": "x", "nationality": "algerienne"},
            roles=("medical_file",),
        )
    )
    text = await listed(hospital, capsys)
    assert "délai en cours" in text
    assert submitted.request.hash[:12] in text
    line = next(line for line in text.splitlines() if line.startswith("AAAA-AA"))
    assert "demande reçue" in line
    assert "Répondre à la demande de soins" in line
    state = await waiting(hospital)
    assert "Demandes ouvertes : 1, dont sans accusé de réception : 0" in state
    assert "gateway todo" in state


async def told(items: tuple[Item, ...], capsys: pytest.CaptureFixture[str], role: Role) -> str:
    """What « gateway todo » prints."""
    capsys.readouterr()
    for item in items:
        show_duty(item.duty, item.ref, ours=role)
    return capsys.readouterr().out


async def test_a_duty_is_told_with_its_owner_its_end_and_its_command(
    hospital: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """In plain words; what another owes says so."""
    submitted = await hospital.submit()
    hospital.clock.advance(DAY)
    text = await told(await archive(hospital).worklist.todo(), capsys, Role.HOSPITAL)
    name = f"n° 1 du {submitted.request.submitted_at:%d/%m/%Y}"
    assert f"[urgent] {submitted.case.ref} – La demande {name} n'a pas d'accusé de réception" in text
    assert "(dû par la CNAS) – avant ven. 20/02/2026" in text
    assert f"    au besoin : gateway case show {submitted.case.ref}" in text


async def test_two_requests_of_a_case_are_told_apart_by_number_and_day(hospital: World) -> None:
    """Made on one day for the same dates they still differ; no hash is read aloud on the telephone."""
    first = await hospital.submit()
    await hospital.submit(ref=first.case.ref, nature="modification")
    hospital.clock.advance(DAY)
    items = await archive(hospital).worklist.todo()

    told = {str(item.duty.sentence).partition(" n'a pas")[0] for item in items if item.duty.code == "receipt_missing"}
    assert told == {f"La demande n° {number} du {START:%d/%m/%Y}" for number in (1, 2)}
    (view,) = await archive(hospital).cases()
    assert [item.name.number for item in view.requests] == [1, 2]


# --- the CNAS


async def test_the_cnas_reads_its_requests_by_their_end(cnas: World, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked, by whom, until when, and how to answer."""
    await cnas.take(request_mail(ref="BBBB-BB", values={**VALUES, "nature": "modification"}), at=START + DAY)
    await cnas.take(request_mail(ref="AAAA-AA"), at=START)
    text = await listed(cnas, capsys)
    lines = text.splitlines()
    assert [line[:7] for line in lines[1:3]] == ["AAAA-AA", "BBBB-BB"]
    assert "prolongation du sam. 21/02/2026 au ven. 20/03/2026" in lines[1]
    assert "modification du" in lines[2]
    assert "mer. 28/01/2026 à 23 h 59, heure d'Alger" in lines[1]
    assert "gateway answer DOSSIER" in text
    assert "gateway fiche INFO_REQUEST" in text
    assert await todo(cnas) == ["request_to_answer", "request_to_answer"]
    assert "Demandes qui attendent votre réponse : 2" in await waiting(cnas)


async def test_an_answered_request_goes_down_and_asks_for_its_form(
    cnas: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left to answer; the form is."""
    await cnas.take(request_mail())
    await cnas.answer(KINDS["EXTENSION_ACCEPTANCE"])
    text = await listed(cnas, capsys)
    assert "gateway answer DOSSIER" not in text
    assert "il reste dû" in text
    assert await todo(cnas) == ["form_owed"]


# --- the CNSE


async def test_the_cnse_reads_the_cases_that_it_follows(cnse: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Their clocks as the hospital tells them, forgotten copies, rights to check, reports to relay."""
    await cnse.take(request_mail())
    request = await cnse.request()
    notice = sealed_message(
        "STATUS_NOTICE",
        sender=Role.HOSPITAL,
        to=(ADDRESSES[Role.CNSE],),
        values={"state": "running", "grade": "signed_receipt", "ends_at": "2026-01-28T23:00:00Z"},
        request_hash=request.hash,
    )
    await cnse.take(notice)
    assert "mer. 28/01/2026 à 23 h 59, heure d'Alger" in await listed(cnse, capsys)
    await cnse.take(
        answer_mail(request.hash, to=(ADDRESSES[Role.CNSE],), roles=("form",), values={"granted_until": "2026-03-20"})
    )
    report = sealed_message(
        "MEDICAL_REPORT",
        sender=Role.HOSPITAL,
        to=(ADDRESSES[Role.CNSE],),
        values={},
        roles=("medical_report",),
    )
    await cnse.take(report)
    text = await listed(cnse, capsys)
    assert "1, dont 1 à envoyer" in text
    assert "Relayer les comptes rendus médicaux à la CNAS (M33). (et 1 de plus)" in text
    assert set(await todo(cnse)) == {"reports_to_relay", "rights_to_check"}
    state = await waiting(cnse)
    assert "Copies oubliées par leur auteur, à envoyer : 1" in state
    await cnse.repair.round()
    view = await archive(cnse).case(REF)
    (line,) = [copy_line(owed, view.messages) for owed in view.owed_copies]
    assert line.startswith("Copie oubliée : cnas n'a pas adressé « Acceptation expresse » à hospital. Envoyée")
    assert "Copies oubliées" not in await waiting(cnse)


# --- triage, in words


async def test_a_letter_is_told_in_plain_words(by_mail: World) -> None:
    """What it seems to answer and why, who signed, and what follows."""
    submitted = await by_mail.to_running_by_mdn()
    name = f"n° 1 du {submitted.request.submitted_at:%d/%m/%Y}"
    row = await by_mail.take(letter(submitted.message.message_id))
    text = await shown(by_mail, row)
    wanted = f"Semble répondre à la demande {name} du dossier {submitted.case.ref} : il cite notre courrier, signé."
    assert wanted in text
    assert "courrier signé, écrit par une personne" in text
    assert "Signature vérifiée : cnas" in text
    assert "aucune acceptation tacite n'est enregistrée" in text
    await by_mail.triage.classify(row.id, "refusal", actor="alice")
    assert "Classé « Refus de prolongation ou de modification » par alice" in await shown(by_mail, row)
    (view,) = await archive(by_mail).triage(settled=True)
    assert _standing(view.mail) == "Refus de prolongation ou de modification"


@pytest.mark.parametrize(
    ("tokens", "cites", "why"),
    [(False, True, "sans signature : à vérifier"), (True, False, "son objet porte le numéro du dossier")],
)
async def test_a_mere_hint_is_told_as_one(by_mail: World, *, tokens: bool, cites: bool, why: str) -> None:
    """Never as a fact."""
    submitted = await by_mail.to_running_by_mdn()
    seen = plain_mail(
        ADDRESSES[Role.CNAS],
        cited=(submitted.message.message_id,) if cites else (),
        tokens=(submitted.case.ref,) if tokens else (),
    )
    view = await archive(by_mail).mail((await by_mail.take(seen)).id)
    assert why in mail_told(view)
    assert "Signature" not in mail_told(view)
    assert _about(view) == f"{submitted.case.ref} n° 1 du {submitted.request.submitted_at:%d/%m/%Y}"


async def test_a_copy_says_whose_signature_was_verified(hospital: World) -> None:
    """And by whom it was brought; one that is not verified says that."""
    submitted = await hospital.to_running()
    entity, inner = written("EXTENSION_REFUSAL", ref=submitted.case.ref, request_hash=submitted.request.hash)
    ref, about = submitted.case.ref, submitted.request.hash
    good = await hospital.take(repaired_copy(entity, inner, ref=ref, request_hash=about))
    bad = await hospital.take(repaired_copy(entity, inner, ref=ref, request_hash=about, failed="bad-signature"))
    text = await shown(hospital, good)
    assert "Copie relayée par cnse d'un message de cnas, dont la signature est vérifiée : Refus de prolongation" in text
    text = await shown(hospital, bad)
    assert "dont la signature n'est pas vérifiée" in text
    assert "relayée par" not in text


async def test_automatic_mail_is_listed_only_when_asked(by_mail: World) -> None:
    """It awaits nobody."""
    await by_mail.take(plain_mail(ADDRESSES[Role.CNAS], notice=True))
    assert await archive(by_mail).triage() == ()
    (view,) = await archive(by_mail).triage(settled=True)
    assert _reason(view.mail) == "réponse automatique d'absence, jamais une réponse"
    assert _standing(view.mail) == ""


async def test_a_proposal_is_told_until_the_second_person_comes(build: Build) -> None:
    """Who said what."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    submitted: Submitted = await world.to_running_by_mdn()
    row = await world.take(plain_mail(ADDRESSES[Role.CNAS], cited=(submitted.message.message_id,)))
    await world.triage.classify(row.id, "not-an-answer", actor="alice")
    view = await archive(world).mail(row.id)
    assert "Proposé par alice : « pas une réponse »" in mail_told(view)
    assert _standing(view.mail) == "proposé par alice : pas une réponse"


async def test_a_person_at_the_cnas_may_answer_in_part(cnas: World) -> None:
    """Its own dates; the request is answered, and the duty gone."""
    await cnas.take(request_mail())
    cnas.clock.advance(MINUTE)
    values = {"granted_from": "2026-02-21", "granted_until": "2026-03-01"}
    await cnas.answer(KINDS["EXTENSION_PARTIAL_ACCEPTANCE"], values)
    assert (await cnas.request()).state.value == "partly_accepted"
    assert "request_to_answer" not in await todo(cnas)
    assert cnas.clock.now() < END
